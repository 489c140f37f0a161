/** `patchbay checkpoint`: what a checkpoint knows, and how to forget it. */
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import { Checkpoint, Format } from "../../index.ts"
import * as Values from "../run/Values.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"
import { clean } from "../show/TextWidth.ts"

const dir = Argument.String("dir").pipe(
  Argument.withMetavar("DIR"),
  Argument.withDescription("The folder that was given to sync as --checkpoint")
)

const failed = (message: string) => new CommandFailed({ exit: 2, message })

const read = (dir: string) =>
  Checkpoint.file(dir).read.pipe(
    Effect.mapError((error) => {
      switch (error.reason) {
        case "BadResource":
        case "ENOTDIR":
          return failed(
            `${dir} is no folder, so that there is no checkpoint in it. Name the folder that sync was given as --checkpoint.`
          )
        case "Foreign":
          return failed(`${dir}/checkpoint.ndjson is not a checkpoint of patchbay. Check the folder.`)
        default:
          return failed(
            broken.has(error.reason)
              ? `${error.message} To reset it, type: patchbay checkpoint reset ${Values.shellWord(dir)}`
              : `The checkpoint in ${dir} cannot be read (${error.reason}). Check the permissions of the folder.`
          )
      }
    })
  )

// What a reset is for.
const broken: ReadonlySet<string> = new Set(["Empty", "Torn", "NewerVersion", "Invalid"])

const showCommand = Command.make(
  "show",
  {
    dir,
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the checkpoint as JSON"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ dir, json }) {
    const state = yield* read(dir)
    if (Option.isNone(state)) {
      return yield* failed(`There is no checkpoint in ${dir}. Name the folder that sync was given as --checkpoint.`)
    }
    yield* Output.write(json ? `${JSON.stringify(state.value, null, 2)}\n` : `${table(state.value)}\n`)
  })
).pipe(
  Command.withDescription(
    "Show what a checkpoint knows: source, destination, position, and the batches that were underway. A run that uses it is not disturbed."
  ),
  Command.withShortDescription("Show what a checkpoint knows"),
  Command.withExamples([
    { command: "patchbay checkpoint show .patchbay/acme", description: "As a table" },
    { command: "patchbay checkpoint show .patchbay/acme --json", description: "As JSON" }
  ])
)

const size = (runs: ReadonlyArray<readonly [number, number]>): number =>
  runs.reduce((sum, [from, to]) => sum + (to - from), 0)

const count = (records: number): string => `${Format.count(records)} ${records === 1 ? "record" : "records"}`

const time = (millis: number): string => new Date(millis).toISOString()

// Batches that are listed one by one; there are seldom more in flight.
const most = 20

/** A place as a source says it: the names and values that it is made of. */
const placeText = ({ place, source }: Exclude<Checkpoint.Position, number>): string => {
  const text = inWords(place)
  return source === undefined ? text : `${text} of ${source}`
}

const inWords = (value: Schema.Json): string => {
  if (typeof value === "number") return Number.isSafeInteger(value) ? Format.count(value) : String(value)
  if (typeof value === "string") return value
  if (value === null || typeof value === "boolean" || Array.isArray(value)) return JSON.stringify(value)
  return Object.entries(value)
    .map(([name, value]) => `${name} ${inWords(value)}`)
    .join(", ")
}

const table = (state: Checkpoint.State): string => {
  const { counts, done, fingerprint, position, sending, settling, totals } = state
  const { destination, source, ...others } = fingerprint
  const offset = typeof position === "number" ? position : position.offset
  const place = typeof position === "number" ? "" : ` (${placeText(position)})`
  const rows: Array<readonly [string, string]> = [
    ["source", source ?? "not known"],
    ["destination", destination ?? "not known"],
    ["begun", time(state.startedAt)],
    ["position", `${count(offset)} done for good${place}`]
  ]
  if (done.length > 0) rows.push(["beyond it", `${count(size(done))} done, too`])
  for (const { acceptedAt, batch, batchId, runs } of settling.slice(0, most)) {
    rows.push([
      `batch ${batch}`,
      `${count(size(runs))}, accepted ${time(acceptedAt)} and not known to be applied: ${batchId}`
    ])
  }
  if (settling.length > most)
    rows.push(["", `and ${Format.count(settling.length - most)} more batches that were accepted`])
  for (const { batch, runs } of sending.slice(0, most)) {
    rows.push([`batch ${batch}`, `${count(size(runs))}, on their way when the run ended`])
  }
  if (sending.length > most) rows.push(["", `and ${Format.count(sending.length - most)} more batches on their way`])
  for (const [outcome, records] of Object.entries(counts.outcomes)) {
    if (records > 0) rows.push([outcome.toLowerCase(), count(records)])
  }
  for (const [reason, records] of Object.entries(totals.reasons)) rows.push([`  ${reason}`, count(records)])
  rows.push(["requests", `${Format.count(totals.requests)} (${Format.count(totals.retries)} retries)`])
  rows.push(["finished", state.finished ? "yes; the next run sends nothing" : "no; the next run goes on from here"])
  for (const [part, value] of Object.entries(others)) rows.push([part, value])
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${clean(name).padEnd(width)}  ${clean(value)}`).join("\n")
}

const resetCommand = Command.make(
  "reset",
  {
    dir,
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withDescription("Do not ask; needed where there is no terminal"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ dir, yes }) {
    const state = yield* Effect.result(Checkpoint.file(dir).read)
    if (state._tag === "Failure" && state.failure.reason === "Foreign") {
      return yield* failed(
        `${dir}/checkpoint.ndjson is not a checkpoint of patchbay, and was left alone. Check the folder.`
      )
    }
    if (state._tag === "Failure" && !broken.has(state.failure.reason)) return yield* read(dir)
    if (state._tag === "Success" && Option.isNone(state.success)) {
      return yield* Console.error(`There is no checkpoint in ${dir}, so that there is nothing to reset.`)
    }
    if (!yes) {
      const stdio = yield* Stdio.Stdio
      if (!((yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal))) {
        return yield* failed(
          `Nothing was reset, because nobody can be asked. To reset the checkpoint in ${dir}, type: patchbay checkpoint reset ${Values.shellWord(dir)} --yes`
        )
      }
      yield* Console.error(`The checkpoint in ${dir} ${describe(Option.getOrUndefined(okOf(state)))}.`)
      const agreed = yield* Prompt.run(
        Prompt.Confirm({ message: "Forget it? The next run then sends every record again." })
      )
      if (!agreed) return yield* Console.error("The checkpoint was left as it is.")
    }
    yield* Checkpoint.file(dir).reset.pipe(Effect.mapError((error) => failed(error.message)))
    yield* Console.error(`The checkpoint in ${dir} is reset. The next run starts with the first record.`)
  })
).pipe(
  Command.withDescription(
    "Forget a checkpoint, readable or not, so that the next run starts with the first record. Asks first, on a terminal; elsewhere --yes is needed. Refused while a run uses the checkpoint. Nothing else in the folder is touched."
  ),
  Command.withShortDescription("Forget a checkpoint"),
  Command.withExamples([
    { command: "patchbay checkpoint reset .patchbay/acme", description: "Ask, then forget it" },
    { command: "patchbay checkpoint reset .patchbay/acme --yes", description: "In a script" }
  ])
)

const okOf = (
  state: { readonly _tag: "Success"; readonly success: Option.Option<Checkpoint.State> } | { readonly _tag: "Failure" }
) => (state._tag === "Success" ? state.success : Option.none())

const describe = (state: Checkpoint.State | undefined): string => {
  if (state === undefined) return "cannot be read"
  const underway = state.settling.length + state.sending.length
  const { position } = state
  return `stands at ${count(typeof position === "number" ? position : position.offset)}${underway === 0 ? "" : `, with ${Format.count(underway)} ${underway === 1 ? "batch" : "batches"} underway`}`
}

export const command = Command.make("checkpoint").pipe(
  Command.withDescription("Show what a checkpoint knows, or forget it."),
  Command.withSubcommands([showCommand, resetCommand])
)
