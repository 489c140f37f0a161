/**
 * The records that a command reads: from a file, from standard input, or from a file of dead letters.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { CustomerFile, CustomerFileError, type DeadLetters, RecordCount, Source as Records } from "../index.ts"
import { CommandFailed } from "./ExitCode.ts"
import * as Files from "./Files.ts"
import type { SyncOptions } from "./SyncOptions.ts"

/** Records, and how many there are in all, as far as that is known. */
export interface Reading<A, E, R> {
  readonly records: Records.Source<A, E, R>
  readonly total: () => number | undefined
}

/** How a source of customers is to be read. */
export interface FileOptions {
  /** A path, or `-` for standard input. */
  readonly file: string
  readonly format: Option.Option<"csv" | "ndjson">
  /** Field to column. */
  readonly map: { readonly [field: string]: string }
}

/** A source that can be read as records of any of the destinations' schemas. */
export interface Source<E, R> {
  readonly open: <A>(schema: RecordSchema<A>) => Effect.Effect<Reading<A, E, R>, CommandFailed>
}

/** The schema of a destination's records. Which fields it has is known at run time only, as is what `--map` names. */
export type RecordSchema<A> = Schema.ConstraintCodec<A, { readonly [field: string]: unknown }> & {
  readonly fields: object
}

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

/** The name that messages give it. */
export const standardInput = "standard input"

/** The customers of FILE. Fails where it cannot be read as the options say. */
export const file = Effect.fnUntraced(function* (
  { file, format, map }: FileOptions,
  options: SyncOptions
): Effect.fn.Return<
  Source<CustomerFileError.CustomerFileError, FileSystem.FileSystem | Stdio.Stdio>,
  CommandFailed,
  FileSystem.FileSystem
> {
  const reading = {
    columns: map,
    empty: Option.getOrUndefined(options.empty),
    otherColumns: options.ignoreUnknownFields ? "ignore" : "refuse"
  } as const
  const keeps = Option.isSome(options.checkpoint) && !options.dryRun

  if (file === "-") {
    if (Option.isNone(format)) {
      return yield* refuse(
        "What comes from standard input has no name to tell its format. Say --format csv or --format ndjson."
      )
    }
    if (keeps) return yield* refuse(`${unrepeatable(standardInput)}`)
    const bytes = Stream.unwrap(Effect.map(Stdio.Stdio, ({ stdin }) => stdin)).pipe(
      Stream.mapError(
        ({ reason }) => new CustomerFileError.SourceUnreadable({ source: standardInput, reason: reason._tag })
      )
    )
    const read = format.value === "csv" ? CustomerFile.csv : CustomerFile.ndjson
    return {
      open: (schema) =>
        Effect.as(
          checkFields(schema, map),
          RecordCount.watch(
            // No checkpoint ever sees its name: that was refused above.
            Records.withFingerprint(read(bytes, schema, { ...reading, source: standardInput }), {
              source: standardInput
            }),
            { size: undefined }
          )
        )
    }
  }

  const { size } = yield* Files.readable(file)
  if (keeps && size === undefined) return yield* refuse(unrepeatable(file))
  if (Option.isNone(format) && !/\.(?:csv|ndjson|jsonl)$/i.test(file)) {
    return yield* refuse(`${file} ends in neither .csv nor .ndjson nor .jsonl. Say --format csv or --format ndjson.`)
  }
  return {
    open: (schema) =>
      Effect.as(
        checkFields(schema, map),
        RecordCount.watch(CustomerFile.read(file, schema, { ...reading, format: Option.getOrUndefined(format) }), {
          size
        })
      )
  }
})

/** The records of a file of dead letters. */
export const deadLetters = Effect.fnUntraced(function* (
  file: string,
  options: SyncOptions
): Effect.fn.Return<
  Source<DeadLetters.DeadLettersUnreadable, FileSystem.FileSystem>,
  CommandFailed,
  FileSystem.FileSystem
> {
  const { size } = yield* Files.readable(file)
  if (size === undefined) return yield* refuse(`${file} is no file. Name the file that --dead-letters wrote.`)
  return {
    open: (schema) =>
      Effect.succeed(
        RecordCount.watch(CustomerFile.deadLetters(file, schema, { empty: Option.getOrUndefined(options.empty) }), {
          size: undefined
        })
      )
  }
})

const unrepeatable = (source: string): string =>
  `--checkpoint needs a source that can be read again from where it stopped, and can be told from another one, which ${source} is not. Save it to a file and name that, or leave out --checkpoint.`

const checkFields = (
  schema: RecordSchema<unknown>,
  map: { readonly [field: string]: string }
): Effect.Effect<void, CommandFailed> => {
  const fields = Object.keys(schema.fields)
  const unknown = Object.keys(map).find((field) => !fields.includes(field))
  return unknown === undefined
    ? Effect.void
    : refuse(`--map ${unknown}: there is no such field. The fields are ${fields.join(", ")}; write --map field=Column.`)
}
