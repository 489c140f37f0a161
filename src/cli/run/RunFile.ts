/** A run as a file of JSON describes it: a query, and the options of `sync` by their names. */
import type * as CliError from "effect/cli/CliError"
import type * as Command from "effect/cli/Command"
import type * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Rec from "effect/Record"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InputIssue, PlatformReason } from "../../index.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Files from "./Files.ts"
import * as Reading from "./Reading.ts"
import * as SyncOptions from "./SyncOptions.ts"
import * as Target from "./Target.ts"

/** What workers are given of it. */
export const Run = Schema.Struct({
  /** What tells it from other runs. */
  run: Schema.NonEmptyString,
  /** The file of the query, as messages name it. */
  query: Schema.String,
  sql: Schema.String,
  key: Schema.NonEmptyArray(Schema.NonEmptyString),
  parts: Schema.Int,
  /** Field to column. */
  map: Schema.Record(Schema.String, Schema.String),
  /** The other options by the names that are typed, each with its values. */
  options: Schema.Record(Schema.String, Schema.Array(Schema.String))
})

export type Run = typeof Run.Type

// A part keeps a connection busy, and more of them are no faster.
const mostParts = 256

const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])

const File = Schema.StructWithRest(
  Schema.Struct({
    run: Schema.optionalKey(Schema.NonEmptyString),
    query: Schema.NonEmptyString,
    key: Schema.Union([Schema.NonEmptyString, Schema.NonEmptyArray(Schema.NonEmptyString)]),
    parts: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: mostParts }))),
    map: Schema.optionalKey(Schema.Record(Schema.String, Schema.NonEmptyString))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

const decodeFile = Schema.decodeUnknownResult(Schema.fromJsonString(File))
const decodeValues = Schema.decodeUnknownOption(Schema.Union([Value, Schema.Array(Value)]))

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

const typed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

// They say what becomes of one process, where its secrets are, or how a file of its machine is read.
const ofProcess: ReadonlySet<string> = new Set([
  "base-url",
  "checkpoint",
  "dead-letters",
  "dry-run",
  "encoding",
  "env-file",
  "fresh",
  "limit",
  "mapping",
  "progress",
  "report"
])

/** The options that a file may have. */
export const names: ReadonlyArray<string> = Object.keys(SyncOptions.flags)
  .map(typed)
  .filter((name) => !ofProcess.has(name))

/** Reads a file, and checks all that can be checked without the database. `run` takes the place of the file's own. */
export const read = Effect.fnUntraced(function* (
  file: string,
  run: Option.Option<string>
): Effect.fn.Return<Run, CommandFailed, FileSystem.FileSystem | Path.Path | Command.Environment> {
  yield* Files.readable(file)
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* Effect.catch(fs.readFileString(file), (error) =>
    refuse(`${file} cannot be read (${PlatformReason.of(error)}). Check the file.`)
  )
  const decoded = decodeFile(text)
  if (Result.isFailure(decoded)) {
    const [first] = InputIssue.fromSchemaIssue(decoded.failure.issue)
    const at = first === undefined || first.path.length === 0 ? "" : `${first.path.join(".")}: `
    return yield* refuse(`${file} describes no run: ${at}${first?.message ?? "it is no JSON"}. Correct it.`)
  }
  const { key, map = {}, parts = 1, query, run: own, ...others } = decoded.success
  const id = Option.getOrElse(run, () => own)
  if (id === undefined) {
    return yield* refuse(
      `${file} does not say which run it is. Add "run": "nightly-2026-01-31", or give --run, such as --run nightly-$(date +%F).`
    )
  }
  const options = yield* valuesOf(file, others)
  const made: Run = {
    run: id,
    query,
    // As the file that names it, wherever it is called from.
    sql: yield* Reading.queryFile(path.resolve(path.dirname(file), query)),
    key: Predicate.isString(key) ? [key] : key,
    parts,
    map,
    options
  }
  yield* Effect.mapError(
    Effect.flatMap(optionsOf(made), Target.make),
    ({ message }) => new CommandFailed({ exit: 2, message: `${file}: ${message}` })
  )
  return made
})

const valuesOf = Effect.fnUntraced(function* (
  file: string,
  given: { readonly [name: string]: unknown }
): Effect.fn.Return<Run["options"], CommandFailed> {
  const options: Record<string, ReadonlyArray<string>> = {}
  for (const [name, value] of Object.entries(given)) {
    if (ofProcess.has(name)) {
      return yield* refuse(
        `${file}: ${name} is not for a run on workers, which read a query, keep position and dead letters in the database, and know by themselves where the API is. Leave it out.`
      )
    }
    if (!names.includes(name)) {
      return yield* refuse(
        `${file}: there is no option ${name}. Besides run, query, key, map and parts there are ${names.join(", ")}.`
      )
    }
    const values = decodeValues(value)
    if (Option.isNone(values)) return yield* refuse(`${file}: ${name} is neither a text, a number, true nor false.`)
    options[name] = (Array.isArray(values.value) ? values.value : [values.value]).map(String)
  }
  return options
})

/** The options of a run. They are read as if they had been typed. */
export const optionsOf = ({
  options
}: Pick<Run, "options">): Effect.Effect<SyncOptions.SyncOptions, CommandFailed, Command.Environment> =>
  Effect.mapError(
    parsed(SyncOptions.flags, options),
    ({ message }) => new CommandFailed({ exit: 2, message: message.replaceAll("--", "") })
  )

type Parsed<Flags> = { readonly [Name in keyof Flags]: Flags[Name] extends Flag.Flag<infer A> ? A : never }

const parsed = <const Flags extends { readonly [name: string]: Flag.Flag<unknown> }>(
  flags: Flags,
  given: Run["options"]
): Effect.Effect<Parsed<Flags>, CliError.CliError, Command.Environment> =>
  Effect.map(
    Effect.all(Rec.map(flags, (flag) => flag.parse({ flags: given, arguments: [] }))),
    // Each has the value of its flag, which the type of `map` forgets.
    (all) => Rec.map(all, ([, value]) => value) as Parsed<Flags>
  )
