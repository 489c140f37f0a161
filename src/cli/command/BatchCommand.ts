/** `patchbay batch`: how a Reach batch went. */
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  Format,
  ReachBatch,
  ReachClient,
  type ReachSchema,
  RetryPolicy,
  SendPolicy,
  SettlePolicy
} from "../../index.ts"
import * as Settings from "../run/Settings.ts"
import * as SyncOptions from "../run/SyncOptions.ts"
import * as Values from "../run/Values.ts"
import * as ApiFailure from "../show/ApiFailure.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"
import { clean } from "../show/TextWidth.ts"

interface Options extends Settings.Settings {
  readonly id: string
  readonly wait: Option.Option<Duration.Duration>
  readonly tenant: Option.Option<string>
}

// A person waits for the answer to one question; a batch is waited for longer.
const retryFor = Duration.seconds(30)

const batch = Effect.fnUntraced(function* (options: Options) {
  const { id, wait } = options
  const tenant = Option.getOrUndefined(options.tenant)
  const address = yield* ReachClient.ReachClient.useSync((reach) => reach.address(tenant))
  const send = yield* SendPolicy.make({ ...address, retry: RetryPolicy.make({ maxElapsed: retryFor }) })
  const { settlement, status } = yield* ReachBatch.wait(id, {
    send,
    tenant,
    // Without waiting, the first answer is the last, and a batch that is not known is not asked for again.
    settle: SettlePolicy.make(
      Option.isSome(wait) ? { deadline: wait.value } : { deadline: Duration.zero, notFoundGrace: Duration.zero }
    ),
    onPending: (status) => Console.error(`Batch ${id} is not finished: ${progress(status)}. Asking again.`)
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "NotFound"
        ? new CommandFailed({
            exit: 1,
            message: `Reach knows no batch ${clean(id)}. Check the id, and with --tenant whose batch it is.`
          })
        : ApiFailure.toCommandFailed(error, { what: "the question for the batch", refused: () => "Check the id." })
    )
  )
  yield* Output.write(`${JSON.stringify(status, null, 2)}\n`)
  switch (settlement._tag) {
    case "Applied":
      return yield* Console.error(`Batch ${id} is applied: ${progress(status)}.`)
    case "Pending": {
      const line = `Batch ${id} is not finished: ${progress(status)}.`
      if (Option.isNone(wait)) return yield* Console.error(`${line} To wait for it, add --wait.`)
      return yield* new CommandFailed({
        exit: 3,
        message: `${line} It was waited for ${Format.duration(wait.value)}; ask again later, or wait longer with --wait=TIME.`
      })
    }
    case "Failed":
      return yield* new CommandFailed({
        exit: 1,
        message: `Batch ${id} has failed records: ${progress(status)}. The JSON says which under errors; put them right and send them again.`
      })
    case "Unclear":
      return yield* new CommandFailed({
        exit: 1,
        message: `Batch ${id} has ended, and whether its records are applied is not clear. ${clean(settlement.reason.message)}`
      })
  }
})

const progress = ({ progress, status }: ReachSchema.BatchStatus): string => {
  const { failedRecords, successfulRecords, totalRecords } = progress ?? {}
  const count = (value: number | null | undefined) => (typeof value === "number" ? Format.count(value) : "?")
  const failed = typeof failedRecords === "number" && failedRecords > 0 ? `, ${Format.count(failedRecords)} failed` : ""
  return `${clean(status ?? "no status")}, ${count(successfulRecords)} of ${count(totalRecords)} records applied${failed}`
}

export const command = Command.make(
  "batch",
  {
    id: Argument.String("id").pipe(
      Argument.withMetavar("ID"),
      Argument.withDescription("The batch's id, as send or a dead letter names it")
    ),
    wait: Flag.String("wait").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("Wait until the batch has ended, for at most TIME (default: 30m)"),
      Flag.withOptionalValue("30m"),
      Flag.filterMap(Values.duration, () => Values.durationForm),
      Flag.optional
    ),
    tenant: SyncOptions.flags.tenant,
    ...Settings.flags
  },
  (options) => Effect.scoped(batch(options)).pipe(Effect.provide(Settings.reach(options)))
).pipe(
  Command.withDescription(
    "Say how a Reach batch went: its status as JSON on standard output, and a line for people on standard error. Ends with 1 where records of the batch failed, and with 3 where it is not finished at the end of --wait."
  ),
  Command.withShortDescription("Say how a Reach batch went"),
  Command.withExamples([
    { command: "patchbay batch 0f8c2b1e-5a7d-4c3e-9b2a-6d1f0e9c8b7a", description: "How it stands" },
    {
      command: "patchbay batch 0f8c2b1e-5a7d-4c3e-9b2a-6d1f0e9c8b7a --wait=10m",
      description: "Wait until it has ended"
    }
  ])
)
