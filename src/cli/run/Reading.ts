/** The records that a command reads: from a file, from standard input, from a database, or from a file of dead letters. */
import { createReadStream } from "node:fs"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as SqlClient from "effect/sql/SqlClient"
import {
  Cells,
  CustomerFile,
  CustomerFileError,
  type DeadLetters,
  type InvalidConfiguration,
  Mapping,
  PlatformReason,
  RecordCount,
  Source as Records
} from "../../index.ts"
import type { CustomerQuery } from "../../sql/index.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as CsvOptions from "./CsvOptions.ts"
import * as Files from "./Files.ts"
import type { SyncOptions } from "./SyncOptions.ts"

/** Records, and how many there are in all, as far as that is known. */
export interface Reading<A, E, R> {
  readonly records: Records.Source<A, E, R>
  readonly total: () => number | undefined
}

export const formats = ["csv", "ndjson", "json", "xlsx"] as const

export type Format = (typeof formats)[number]

/** How a source of customers is to be read. */
export interface FileOptions extends CsvOptions.CsvOptions {
  /** Paths in their order, one or more, or `-` for standard input. */
  readonly files: ReadonlyArray<string>
  readonly format: Option.Option<Format>
  /** Where in a JSON the array of the customers is. */
  readonly records: Option.Option<string>
  /** Of a workbook. */
  readonly sheet: Option.Option<string>
  /** Field to column. */
  readonly map: { readonly [field: string]: string }
  /** Whether what stands behind what an earlier run read may have changed. */
  readonly grown: boolean
}

/** A source that can be read as records of any of the destinations' schemas. */
export interface Source<E, R> {
  readonly open: <A>(schema: RecordSchema<A>) => Effect.Effect<Reading<A, E, R>, CommandFailed, FileSystem.FileSystem>
}

/** The schema of a destination's records. Which fields it has is known at run time only, as is what `--map` names. */
export type RecordSchema<A> = Schema.ConstraintCodec<A, { readonly [field: string]: unknown }> & {
  readonly fields: object
}

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

/** The name that messages give it. */
export const standardInput = "standard input"

/** What is read, as messages call it. */
export const nameOf = (files: ReadonlyArray<string>): string => {
  const [file = standardInput] = files
  return files.length > 1 ? `${files.length} files` : file === "-" ? standardInput : file
}

// What a shell would have taken for a pattern.
const isPattern = (word: string): boolean => /[*?[{]/.test(word)

/**
 * The files that words stand for: each one that is no file itself and is a pattern, for those that match it, by name. Fails
 * where none does.
 */
export const filesOf = Effect.fnUntraced(function* (
  words: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<string>, CommandFailed, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.forEach(words, (word) =>
    Effect.gen(function* () {
      if (!isPattern(word) || (yield* Effect.orElseSucceed(fs.exists(word), () => false))) return [word]
      const paths = yield* Effect.orElseSucceed(fs.glob(word), () => [])
      const files = yield* Effect.filter(paths, (path) =>
        Effect.orElseSucceed(
          Effect.map(fs.stat(path), ({ type }) => type !== "Directory"),
          () => true
        )
      )
      return files.length === 0 ? yield* refuse(`No file matches ${word}. Check the pattern.`) : files.sort()
    })
  )
  return found.flat()
})

type Customers = Source<CustomerFileError.CustomerFileError, FileSystem.FileSystem | Stdio.Stdio>

/** The customers of the files. Fails where one of them cannot be read as the options say. */
export const files = (
  options: FileOptions,
  run: SyncOptions
): Effect.Effect<Customers, CommandFailed, FileSystem.FileSystem> => {
  const [file = "-", ...others] = options.files
  return others.length === 0 ? one(file, options, run) : several(options, run)
}

/** Several files as one source. Each of them must be one that can be read from any place on. */
const several = Effect.fnUntraced(function* (
  { files, format, grown, map, records, sheet, ...csv }: FileOptions,
  options: SyncOptions
): Effect.fn.Return<Customers, CommandFailed, FileSystem.FileSystem> {
  if (grown) {
    return yield* refuse(
      `--grown is for one file, and these are ${files.length}. Leave it out: what was added behind the files of an earlier run is read in any case.`
    )
  }
  yield* checkEncoding(options)
  const sizes = new Map<string, number>()
  const known = new Set<Format>()
  for (const file of files) {
    const { size } = file === "-" ? { size: undefined } : yield* Files.readable(file)
    if (size === undefined) {
      return yield* refuse(
        `${file === "-" ? standardInput : file} is no file, and cannot be one of several sources. Save it to a file and name that, or send it by itself.`
      )
    }
    const formatted = yield* formatOf(file, format)
    if (Option.isSome(sheet) && formatted !== "xlsx") return yield* refuse(noSheet(file))
    known.add(formatted)
    sizes.set(file, size)
  }
  yield* checkRecords(records, known)
  return {
    open: (schema) =>
      Effect.map(wayOf(schema, map, options), (way) =>
        RecordCount.watch(
          Records.concat(
            files.map((name) => ({
              name,
              source: CustomerFile.read(name, way.schema, {
                ...readingOf(records, csv, options),
                ...way.options,
                format: Option.getOrUndefined(format),
                sheet: Option.getOrUndefined(sheet)
              })
            }))
          ),
          { size: sizes }
        )
      )
  }
})

const readingOf = (
  records: FileOptions["records"],
  csv: CsvOptions.CsvOptions,
  { allowSuspicious, encoding, ignoreUnknownFields }: SyncOptions
) =>
  ({
    ...CsvOptions.reading(csv),
    records: Option.getOrUndefined(records),
    allowSuspicious: allowSuspicious.length === 0 ? undefined : allowSuspicious,
    otherColumns: ignoreUnknownFields ? "ignore" : undefined,
    encoding: Option.getOrUndefined(encoding)
  }) as const

/** What a file is, by what was said of it or by its name. Fails where neither says it. */
const formatOf = (file: string, format: FileOptions["format"]): Effect.Effect<Format, CommandFailed> => {
  if (Option.isSome(format)) return Effect.succeed(format.value)
  if (/\.(?:xls[xmb]?|ods)$/i.test(file)) return Effect.succeed("xlsx")
  const named = /\.(csv|tsv|ndjson|jsonl|json)(?:\.(?:gz|zst|br))?$/i.exec(file)?.[1]?.toLowerCase()
  if (named === "csv" || named === "tsv") return Effect.succeed("csv")
  if (named !== undefined) return Effect.succeed(named === "json" ? "json" : "ndjson")
  const say = `Say ${formats.map((format) => `--format ${format}`).join(" or ")}.`
  return refuse(
    file === "-"
      ? `What comes from standard input has no name to tell its format. ${say}`
      : `${file} ends in neither .csv, .tsv, .ndjson, .jsonl, .json nor .xlsx. ${say}`
  )
}

const checkRecords = (
  records: FileOptions["records"],
  known: ReadonlySet<Format>
): Effect.Effect<void, CommandFailed> =>
  Option.isSome(records) && !known.has("json")
    ? refuse(
        "--records says where in a JSON the customers are, and no source is one. Leave it out, or say --format json."
      )
    : Effect.void

const one = Effect.fnUntraced(function* (
  file: string,
  { format, grown, map, records, sheet, ...csv }: FileOptions,
  options: SyncOptions
): Effect.fn.Return<Customers, CommandFailed, FileSystem.FileSystem> {
  const reading = { ...readingOf(records, csv, options), sheet: Option.getOrUndefined(sheet) }
  yield* checkEncoding(options)
  const keeps = Option.isSome(options.checkpoint) && !options.dryRun

  const isStandardInput = file === "-"
  const source = isStandardInput ? standardInput : file
  const { size } = isStandardInput ? { size: undefined } : yield* Files.readable(file)
  const known = yield* formatOf(file, format)
  if (Option.isSome(sheet) && known !== "xlsx") return yield* refuse(noSheet(source))
  yield* checkRecords(records, new Set([known]))
  if (keeps && size === undefined) return yield* refuse(unrepeatable(source))
  if (size === undefined) {
    const bytes = isStandardInput ? standardInputBytes : pipeBytes(file)
    const read = CustomerFile[known]
    return {
      open: (schema) =>
        Effect.map(wayOf(schema, map, options), (way) =>
          RecordCount.watch(
            // No checkpoint ever sees its name: that was refused above.
            Records.withFingerprint(read(bytes, way.schema, { ...reading, ...way.options, source }), { source }),
            { size: undefined }
          )
        )
    }
  }
  return {
    open: (schema) =>
      Effect.map(wayOf(schema, map, options), (way) =>
        RecordCount.watch(
          CustomerFile.read(file, way.schema, {
            ...reading,
            ...way.options,
            format: Option.getOrUndefined(format),
            grown
          }),
          { size }
        )
      )
  }
})

const standardInputBytes = Stream.unwrap(Effect.map(Stdio.Stdio, ({ stdin }) => stdin)).pipe(
  Stream.mapError(
    (error) => new CustomerFileError.SourceUnreadable({ source: standardInput, reason: PlatformReason.of(error) })
  )
)

// A named pipe, or what the shell makes of <(…), has no places to read at, which Effect's files are read by.
const pipeBytes = (file: string) =>
  NodeStream.fromReadable<Uint8Array, CustomerFileError.SourceUnreadable>({
    evaluate: () => createReadStream(file),
    onError: (error) =>
      new CustomerFileError.SourceUnreadable({ source: file, reason: PlatformReason.systemCode(error) })
  })

/** How the customers of a database are to be read. */
export interface QueryOptions {
  /** A path to a file of SQL. */
  readonly query: string
  /** The columns that tell its rows apart. */
  readonly key: ReadonlyArray<string>
  /** Field to column. */
  readonly map: { readonly [field: string]: string }
}

/** The customers of a query. Fails where it cannot be read as the options say. */
export const query = Effect.fnUntraced(function* (
  { key, map, query }: QueryOptions,
  options: SyncOptions
): Effect.fn.Return<Source<CustomerQuery.QueryError, SqlClient.SqlClient>, CommandFailed, FileSystem.FileSystem> {
  return queryText({ key, map, name: query, sql: yield* queryFile(query) }, options)
})

/** The SQL of a file. */
export const queryFile = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<string, CommandFailed, FileSystem.FileSystem> {
  yield* Files.readable(path)
  const fs = yield* FileSystem.FileSystem
  const sql = yield* Effect.catch(fs.readFileString(path), (error) =>
    refuse(`The query in ${path} cannot be read (${PlatformReason.of(error)}). Check the file.`)
  )
  const text = sql.trim().replace(/;$/, "")
  return text === "" ? yield* refuse(`There is no query in ${path}. Write a SELECT into it.`) : text
})

/** A query as text, and how it is called. */
export interface QueryText extends Omit<QueryOptions, "query"> {
  readonly name: string
  readonly sql: string
  /** Reads one part of several, by a hash of the column of this field. */
  readonly part?: { readonly by: string; readonly index: number; readonly of: number } | undefined
}

/** The same, of a text. */
export const queryText = (
  { key, map, name, part, sql }: QueryText,
  options: SyncOptions
): Source<CustomerQuery.QueryError, SqlClient.SqlClient> => ({
  open: Effect.fnUntraced(function* (schema) {
    const nulls = yield* fieldOptions(schema, map, options)
    if (nulls !== undefined && !Predicate.isString(nulls)) {
      return yield* refuse(
        "--empty FIELD=MEANING is for CSV files. With --query, NULL means the same everywhere: say --empty absent or --empty null, or write coalesce(…) into the query."
      )
    }
    if (nulls === "text") {
      return yield* refuse("--empty text is for CSV files. Write coalesce(column, '') into the query.")
    }
    if (!Arr.isReadonlyArrayNonEmpty(key)) {
      return yield* refuse(
        "--query needs --key COLUMN, a column of the query that tells its rows apart; several of them, where it takes several to do so."
      )
    }
    const { CustomerQuery } = yield* Effect.promise(() => import("../../sql/index.ts"))
    return RecordCount.watch(
      CustomerQuery.read((client) => client.unsafe(sql), schema, {
        name,
        key,
        columns: map,
        nulls: nulls === "null" ? "delete" : "absent",
        allowSuspicious: options.allowSuspicious.length === 0 ? undefined : options.allowSuspicious,
        otherColumns: options.ignoreUnknownFields ? "ignore" : "refuse",
        part: part && { ...part, by: map[part.by] ?? part.by }
      }),
      { size: undefined }
    )
  })
})

/** The records of a file of dead letters. */
export const deadLetters = Effect.fnUntraced(function* (
  file: string,
  options: SyncOptions
): Effect.fn.Return<
  Source<
    | DeadLetters.DeadLettersUnreadable
    | InvalidConfiguration.InvalidConfiguration
    | Mapping.InvalidMapping
    | Mapping.PhoneLibraryMissing,
    FileSystem.FileSystem
  >,
  CommandFailed,
  FileSystem.FileSystem
> {
  yield* checkEncoding(options)
  const { size } = yield* Files.readable(file)
  if (size === undefined) return yield* refuse(`${file} is no file. Name the file that --dead-letters wrote.`)
  return {
    open: (schema) =>
      Effect.map(wayOf(schema, {}, options), ({ options: { empty }, schema }) =>
        RecordCount.watch(
          CustomerFile.deadLetters(file, schema, {
            empty,
            otherColumns: options.ignoreUnknownFields ? "ignore" : undefined,
            encoding: Option.getOrUndefined(options.encoding),
            allowSuspicious: options.allowSuspicious
          }),
          { size: undefined }
        )
      )
  }
})

const checkEncoding = ({ encoding }: SyncOptions): Effect.Effect<void, CommandFailed> =>
  Effect.catch(CustomerFile.checkEncoding(Option.getOrUndefined(encoding)), ({ problem }) =>
    refuse(`--encoding ${Option.getOrElse(encoding, () => "")} ${problem}.`)
  )

const noSheet = (source: string): string =>
  `--sheet is for workbooks, and ${source} is none. Leave it out, or say --format xlsx.`

const unrepeatable = (source: string): string =>
  `--checkpoint needs a source that can be read again from where it stopped, and can be told from another one, which ${source} is not. Save it to a file and name that, or leave out --checkpoint.`

/** By which schema, and with which options, records are read. */
interface Way<A> {
  readonly schema: Schema.ConstraintCodec<A, { readonly [field: string]: unknown }, never, unknown>
  readonly options: {
    readonly columns?: { readonly [field: string]: string } | undefined
    readonly empty?: CustomerFile.CsvOptions["empty"]
  }
}

/** As `--mapping` says, or as `--map` and `--empty` do. */
const wayOf = Effect.fnUntraced(function* <A>(
  schema: RecordSchema<A>,
  map: { readonly [field: string]: string },
  options: SyncOptions
): Effect.fn.Return<Way<A>, CommandFailed, FileSystem.FileSystem> {
  if (Option.isNone(options.mapping)) {
    const empty = yield* fieldOptions(schema, map, options)
    return { schema, options: { columns: map, empty } }
  }
  const both = Object.keys(map).length > 0 ? "--map" : options.empty.length > 0 ? "--empty" : undefined
  if (both !== undefined) {
    return yield* refuse(
      `${both} is said by the mapping. Write it in ${options.mapping.value}, or leave out --mapping.`
    )
  }
  const mapping = yield* Effect.mapError(Mapping.read(options.mapping.value), unusable)
  yield* Effect.mapError(Mapping.check(mapping, schema, options.mapping.value), unusable)
  return { schema: Mapping.schema(mapping, schema), options: {} }
})

const unusable = ({ message }: { readonly message: string }) => new CommandFailed({ exit: 2, message })

/** What an empty cell means, once every option that names a field names one that there is, and once. */
const fieldOptions = Effect.fnUntraced(function* (
  schema: RecordSchema<unknown>,
  map: { readonly [field: string]: string },
  { empty }: SyncOptions
): Effect.fn.Return<CustomerFile.CsvOptions["empty"], CommandFailed> {
  const fields = Object.keys(schema.fields)
  const known = Cells.fields(schema.ast)
  const isUnknown = (field: string) => !fields.includes(field) && Cells.insideOf(known, field) === undefined
  const unmapped = Object.keys(map).find(isUnknown)
  if (unmapped !== undefined) {
    return yield* refuse(
      `--map ${unmapped}: there is no such field. The fields are ${fields.join(", ")}; write --map field=Column.`
    )
  }
  const meanings = new Map<string | undefined, CustomerFile.EmptyCell>()
  for (const { field, meaning } of empty) {
    if (field !== undefined && isUnknown(field)) {
      return yield* refuse(
        `--empty ${field}: there is no such field. The fields are ${fields.join(", ")}; write --empty field=${meaning}.`
      )
    }
    if (meanings.has(field)) {
      return yield* refuse(
        `--empty is given twice ${field === undefined ? "for all fields" : `for ${field}`}. Leave one of them out.`
      )
    }
    meanings.set(field, meaning)
  }
  const others = meanings.get(undefined)
  return empty.every(({ field }) => field === undefined)
    ? others
    : Object.fromEntries(
        [...fields, ...meanings.keys()].flatMap((field) =>
          field === undefined ? [] : [[field, meanings.get(field) ?? others ?? "absent"] as const]
        )
      )
})
