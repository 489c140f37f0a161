/** What `patchbay submit` and `patchbay runs` do. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Runs, SyncCluster, SyncWorkflow } from "../../cluster/index.ts"
import { Format, SyncReport } from "../../index.ts"
import { SqlDeadLetters } from "../../sql/index.ts"
import * as ClusterRun from "../run/ClusterRun.ts"
import * as Database from "../run/Database.ts"
import * as Ending from "../run/Ending.ts"
import * as NextCommand from "../run/NextCommand.ts"
import type * as RunFile from "../run/RunFile.ts"
import type * as Settings from "../run/Settings.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"
import { clean } from "../show/TextWidth.ts"
import * as Wording from "../show/Wording.ts"

type Asked = Pick<Settings.Settings, "envFile">

// All runs of the command are of one workflow, which nobody need know.
const prefix = "sync/"
const whole = (id: string): string => `${prefix}${id}`
const short = (id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : id)

const failed = (message: string, exit: CommandFailed["exit"] = 2) => new CommandFailed({ exit, message })
const say = (text: string) => Effect.sync(() => void process.stderr.write(`${text}\n`))

const unreadable = <A, R>(effect: Effect.Effect<A, Runs.RunsUnreadable, R>): Effect.Effect<A, CommandFailed, R> =>
  Effect.mapError(effect, ({ message }) => failed(message))

/** Starts a run, and waits for its end where that is asked for. */
export const submit = (run: RunFile.Run, { envFile, wait }: Asked & { readonly wait: boolean }) =>
  Effect.gen(function* () {
    const id = yield* ClusterRun.make().start(run)
    const { status, stopping } = yield* found(id)
    const show = NextCommand.again(["runs", "show", run.run])
    if (status === "done" && !wait)
      return yield* say(`${run.run} is done already, and was not started again. Its report: ${show}`)
    if (stopping) {
      return yield* failed(
        `${run.run} is about to stop, as somebody asked. Submit it again when it has stopped: ${show}`
      )
    }
    yield* say(`${run.run} is started, as far as it was not before. How far it is: ${show}`)
    if (!wait) return
    const ended = yield* Effect.result(SyncWorkflow.end(id))
    if (ended._tag === "Success") return yield* told(run.run, ended.success)
    const { problem, reason, report } = ended.failure
    if (report !== undefined) yield* Output.write(`${SyncReport.format(report)}\n`)
    return yield* failed(`${run.run} ended before its source did (${reason}). ${Wording.asOptions(problem)}`, 3)
  }).pipe(Effect.provide(SyncCluster.layerClient()), Effect.provide(Database.layer({ envFile })))

const told = Effect.fnUntraced(function* (run: string, report: SyncReport.SyncReport) {
  yield* Output.write(`${SyncReport.format(report)}\n`)
  const left = report.outcomes.Rejected + report.outcomes.Unknown
  if (left === 0) return yield* say(`Done: ${Ending.records(report.read)}, and none is left over.`)
  return yield* failed(
    `${Ending.records(left)} of ${Format.count(report.read)} ${left === 1 ? "was" : "were"} rejected, or may not have been applied. What is known of that is in the database:\n\n  ${NextCommand.again(["runs", "dead-letters", run])} > dead.ndjson`,
    1
  )
})

const found = Effect.fnUntraced(function* (id: string) {
  const run = yield* unreadable(Runs.show(id))
  if (Option.isSome(run)) return run.value
  return yield* failed(`There is no run ${short(id)} in this database. See which there are: patchbay runs`)
})

const settledOf = ({ parts }: Runs.Run): number => parts.reduce((sum, { settled }) => sum + settled, 0)

const statusOf = ({ status, stopping }: Runs.Run): string => (stopping ? "stopping" : status)

/** Lists the newest runs. */
export const list = Effect.fnUntraced(
  function* ({ json, most }: Asked & { readonly json: boolean; readonly most: number }) {
    const runs = (yield* unreadable(Runs.list({ limit: most }))).map(shortened)
    if (json) return yield* Output.write(`${JSON.stringify(runs)}\n`)
    if (runs.length === 0) return yield* say("There are no runs in this database. patchbay submit starts one.")
    const rows = runs.map((run) => [
      clean(run.id),
      statusOf(run),
      `${Format.count(settledOf(run))} records`,
      `${run.parts.filter(({ status }) => status === "done").length} of ${run.parts.length} parts done`,
      `begun ${run.beganAt}`
    ])
    yield* Output.write(`${aligned(rows)}\n`)
  },
  (effect, options) => Effect.provide(effect, Database.layer(options))
)

/** Shows one run. */
export const show = Effect.fnUntraced(
  function* ({ id, json }: Asked & { readonly id: string; readonly json: boolean }) {
    const run = shortened(yield* found(whole(id)))
    if (json) return yield* Output.write(`${JSON.stringify(run)}\n`)
    const now = yield* Clock.currentTimeMillis
    const head = [
      ["run", clean(run.id)],
      ["status", statusOf(run)],
      ["begun", run.beganAt],
      ["settled", `${Format.count(settledOf(run))} records`]
    ]
    const parts = run.parts.map((part) => [
      `part ${part.index + 1}`,
      part.status,
      `${Format.count(part.settled)} of ${Format.count(part.read)} read`,
      `${Format.count(part.requests)} requests`,
      ...(part.status === "running"
        ? [
            `${part.inFlight} in flight`,
            part.waiting === undefined ? "waits for nothing" : `waits: ${part.waiting}`,
            `heard of ${Format.count(Math.max(0, Math.round((now - Date.parse(part.changedAt)) / 1000)))} s ago`
          ]
        : []),
      ...(part.runner === undefined ? [] : [clean(part.runner)])
    ])
    const problems = [...new Set(run.parts.flatMap(({ problem }) => (problem === undefined ? [] : [problem])))]
    const isOver = run.status !== "running" && run.status !== "waiting"
    const blocks = [
      aligned(head),
      aligned(parts),
      ...problems.map((problem) => clean(Wording.asOptions(problem))),
      ...(isOver && run.report !== undefined ? [SyncReport.format(run.report)] : [])
    ]
    yield* Output.write(`${blocks.join("\n\n")}\n`)
  },
  (effect, options) => Effect.provide(effect, Database.layer(options))
)

/** Asks a run to stop. */
export const stop = Effect.fnUntraced(
  function* ({ id }: Asked & { readonly id: string }) {
    const { status } = yield* found(whole(id))
    const asked = yield* unreadable(Runs.stop(whole(id)))
    return yield* say(
      asked
        ? `${id} is asked to stop. What is in flight ends first: ${NextCommand.again(["runs", "show", id])}`
        : `${id} has ended (${status}), so that there is nothing to stop.`
    )
  },
  (effect, options) => Effect.provide(effect, Database.layer(options))
)

/** Prints the dead letters of a run, a line each. */
export const letters = Effect.fnUntraced(
  function* ({ id }: Asked & { readonly id: string }) {
    yield* found(whole(id))
    yield* SqlDeadLetters.read(whole(id)).pipe(
      Stream.grouped(100),
      Stream.runForEach((some) => Output.write(some.map((letter) => `${JSON.stringify(letter)}\n`).join(""))),
      Effect.catchTag("DeadLettersUnreadable", ({ message }) => Effect.fail(failed(message)))
    )
  },
  (effect, options) => Effect.provide(effect, Database.layer(options))
)

const shortened = (run: Runs.Run): Runs.Run => ({ ...run, id: short(run.id) })

const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(width(column)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
