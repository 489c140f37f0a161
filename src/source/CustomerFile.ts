/**
 * Customers out of CSV, NDJSON and JSON of any size, and out of Excel workbooks: each record with its place, or with what is wrong with it. What is compressed
 * or in another encoding is read as the plain UTF-8 that it stands for, and positions are those of that.
 *
 * A block of bytes is read when its records are asked for. Memory is bounded by that block and by
 * `maxRecordSize`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as PlatformReason from "../base/PlatformReason.ts"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import * as Consent from "../json/Consent.ts"
import * as DeadLetters from "../sync/books/DeadLetters.ts"
import type { CustomerRecord, SourcePosition } from "../sync/model/CustomerRecord.ts"
import type { Difference } from "../sync/model/Fingerprint.ts"
import * as Source from "../sync/record/Source.ts"
import * as PlainBytes from "./bytes/PlainBytes.ts"
import * as EncodedCsv from "./copy/EncodedCsv.ts"
import * as EncodedNdjson from "./copy/EncodedNdjson.ts"
import * as CsvHeader from "./csv/CsvHeader.ts"
import * as CsvReader from "./csv/CsvReader.ts"
import * as FileBeginning from "./FileBeginning.ts"
import * as FileFingerprint from "./FileFingerprint.ts"
import type { CsvOptions, FieldOf, FileOptions, JsonOptions, NdjsonOptions, XlsxOptions } from "./FileOptions.ts"
import * as JsonPointer from "./json/JsonPointer.ts"
import * as JsonReader from "./json/JsonReader.ts"
import * as LetterReader from "./LetterReader.ts"
import * as Copied from "./mapping/Copied.ts"
import * as Counts from "./mapping/Counts.ts"
import * as MappedCells from "./mapping/MappedCells.ts"
import * as MappedDecoder from "./mapping/MappedDecoder.ts"
import * as MappedJson from "./mapping/MappedJson.ts"
import * as MappedSchema from "./mapping/MappedSchema.ts"
import * as Place from "./mapping/Place.ts"
import * as Plain from "./mapping/Plain.ts"
import * as NdjsonReader from "./ndjson/NdjsonReader.ts"
import * as RowsAgain from "./RowsAgain.ts"
import * as BadRows from "./read/BadRows.ts"
import * as ByteBlocks from "./read/ByteBlocks.ts"
import * as Cells from "./read/Cells.ts"
import {
  type BytesError,
  type CustomerFileError,
  PositionBeyondEnd,
  SourceUnreadable,
  UnsupportedFormat
} from "./read/CustomerFileError.ts"
import * as FieldNames from "./read/FieldNames.ts"
import * as FileBlocks from "./read/FileBlocks.ts"
import * as FilePlace from "./read/FilePlace.ts"
import { InvalidMapping, type PhoneLibraryMissing } from "./read/MappingError.ts"
import { ReadNotes } from "./read/ReadNotes.ts"
import * as RecordDecoder from "./read/RecordDecoder.ts"
import type * as Suspicious from "./read/Suspicious.ts"
import * as WantedNames from "./read/WantedNames.ts"

export type * from "./FileOptions.ts"
export { Place } from "./read/FilePlace.ts"

const defaultMaxRecordSize = 1024 * 1024

/**
 * The records of a file. A sync with a checkpoint goes on at the byte where an earlier one stopped, and refuses a file
 * that has changed since.
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Console, Effect, Stream } from "effect"
 * import { CustomerFile, ReachSchema } from "effect-patchbay"
 *
 * const program = CustomerFile.read("customers.csv", ReachSchema.CustomerPatch).pipe(
 *   Stream.runForEach((record) =>
 *     record._tag === "Invalid"
 *       ? Console.log("rejected", record.reason.issues)
 *       : Console.log(record._tag === "Valid" ? record.patch.customerId : "left out by a mapping")
 *   )
 * )
 *
 * await Effect.runPromise(Effect.provide(program, NodeServices.layer))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = <S extends Schema.ConstraintDecoder<unknown>>(
  path: string,
  schema: S,
  options?: FileOptions<FieldOf<S>> | undefined
): Source.Source<S["Type"], CustomerFileError, FileSystem.FileSystem> => {
  const format = options?.format ?? formatOf(path)
  const workbook = format === "xlsx" ? workbookOf(options) : undefined
  const described = { source: path, encoding: options?.encoding, workbook }
  const mapped = MappedSchema.of(schema)
  const isPlain =
    mapped === undefined ||
    (format !== undefined && Plain.of(mapped, format === "csv" || format === "xlsx" ? "csv" : "ndjson") !== undefined)
  const isCopied = isPlain || (format === "csv" && Copied.of(mapped) !== undefined)
  const to = mapped?.to ?? schema
  // Of the last reading.
  let counts: Counts.MappingCounts | undefined
  const seen = seenOf(path)
  // Of the last reading.
  let sizes: PlainBytes.Sizes | undefined
  let notes: Source.Telling["notes"] = () => []
  const open = <T extends { readonly offset: number }>(
    position: FilePlace.FilePosition | undefined,
    records: (from: FilePlace.FilePosition | undefined, bytes: Bytes) => Stream.Stream<T, CustomerFileError>
  ) =>
    Stream.suspend(() => {
      sizes = PlainBytes.noSizes()
      return openFile({ ...described, sizes }, position ?? options?.from, seen, records)
    })
  const csvFile = <T extends { readonly offset: number }>(
    position: FilePlace.FilePosition | undefined,
    take: TakeCsv<S["Type"], T>
  ) =>
    open(position, (from, bytes) =>
      csvFrom(path, from, bytes, schema, options, (settings, base, header) => {
        notes = () => settings.notes.list()
        return take(settings, base, header)
      })
    )
  const takeText = format === "json" ? takeJson(options?.records) : Effect.succeed(takeNdjson)
  const ndjsonFile = <T extends { readonly offset: number }>(
    position: FilePlace.FilePosition | undefined,
    take: TakeJson<S["Type"], T>
  ) =>
    open(position, (from, bytes) =>
      ndjsonFrom(
        bytes(from?.place.byte ?? 0),
        from?.place.byte ?? 0,
        schema,
        { ...options, from, source: path },
        (settings, base) => {
          notes = () => NdjsonReader.notes(settings)
          return take(settings, base)
        }
      )
    )
  return Source.make({
    place: FilePlace.Place,
    start: FilePlace.top.place,
    from: (position) =>
      format === undefined
        ? Stream.fail(new UnsupportedFormat({ source: path }))
        : format === "csv" || format === "xlsx"
          ? csvFile(position, (settings, base, header) => {
              counts = settings.counts
              return ByteBlocks.taker(path, base, CsvReader.records(settings, header))
            })
          : Stream.unwrap(
              Effect.map(takeText, (take) =>
                ndjsonFile(position, (settings, base) => {
                  counts = settings.counts
                  return take(settings, base)
                })
              )
            ),
    fingerprint: Effect.flatMap(FileSystem.FileSystem, (fs) =>
      Effect.mapError(FileFingerprint.make(fs, path, to, options, mapped?.mapping), unreadable(path))
    ),
    encoded: (encoder) => {
      const { json } = encoder
      // Lines of a sheet are counted in another way, and the workbook takes its time anyway.
      if (format === undefined || format === "xlsx" || json?.schema !== to || !isCopied) return undefined
      const key = json.field
      if (format === "csv") {
        return (position) =>
          csvFile(position, (settings, base, header) =>
            EncodedCsv.taker(settings, encoder, { schema: to, to: settings.to, key, base, header })
          )
      }
      if (format === "json") return undefined
      const columns = mapped === undefined ? options?.columns : Plain.of(mapped, format)?.columns
      const fields = EncodedNdjson.fields(to, { key, columns })
      if (fields === undefined) return undefined
      return (position) =>
        ndjsonFile(position, (settings, base) => EncodedNdjson.taker(settings, encoder, { base, fields }))
    },
    rows: (wanted) =>
      RowsAgain.find(wanted, (position) =>
        // What is read for this is none of what the run has read.
        openFile(described, position, seenOf(path), (from, bytes) =>
          format === "csv" || format === "xlsx"
            ? csvFrom(path, from, textAgain(workbook) ?? bytes, schema, options, (settings, base, header) =>
                ByteBlocks.taker(path, base, CsvReader.records({ ...settings, decoder: RowsAgain.decoder }, header))
              )
            : Stream.unwrap(
                Effect.map(takeText, (take) =>
                  ndjsonFrom(
                    bytes(position.place.byte),
                    position.place.byte,
                    schema,
                    { ...options, from, source: path },
                    (settings, base) =>
                      take({ ...settings, wanted: undefined, mapped: undefined, decoder: RowsAgain.decoder }, base)
                  )
                )
              )
        )
      ),
    against: ({ differences, proof }) =>
      options?.grown !== true || !differences.every(({ part }) => FileFingerprint.isOfContent(part))
        ? Effect.succeed(differences)
        : Effect.flatMap(FileSystem.FileSystem, (fs) =>
            FileBeginning.check(fs, path, proof).pipe(
              Effect.map((standing) => (standing === "goes on" ? [] : [...differences, changed[standing]])),
              Effect.mapError(unreadable(path))
            )
          ),
    // Nothing can be shown of a file that is not read as it is.
    proof: (offset, behind) =>
      sizes !== undefined && sizes.taken > 0 ? Effect.succeed(undefined) : seen.proof(offset, behind),
    notes: () => notes(),
    expansion: () => sizes?.expansion ?? 1,
    ...(isPlain ? {} : { mapped: () => counts?.counts() })
  })
}

const workbookOf = (
  options: { readonly sheet?: string | undefined; readonly skipLines?: number | undefined } = {}
) => ({
  sheet: options.sheet,
  skipRows: options.skipLines ?? 0,
  text: undefined
})

/** What was read of a workbook, where something was. */
const textAgain = (workbook: PlainBytes.Workbook | undefined): Bytes | undefined => {
  const text = workbook?.text
  return text && ((offset) => Stream.make(text.subarray(offset)))
}

/** What of a file was seen by the last reading of it. */
interface Seen {
  readonly proof: NonNullable<Source.Origin<never, never, FileSystem.FileSystem, FilePlace.Place>["proof"]>
  /** The reading begins. */
  readonly begin: () => void
  /** So many bytes of the file were read; all of them, where it came to its end. */
  readonly bytes: (bytes: number, isEnd?: boolean) => void
  /** Records were given out. */
  readonly records: (records: ReadonlyArray<{ readonly offset: number }>) => void
}

const seenOf = (path: string): Seen => {
  const beginning = FileBeginning.make(path)
  let read = 0
  let ended = false
  let next = 0
  return {
    begin: () => {
      read = 0
      ended = false
      next = 0
    },
    bytes: (bytes, isEnd = false) => {
      read = bytes
      ended = isEnd
    },
    records: (records) => {
      next = (records.at(-1)?.offset ?? next - 1) + 1
    },
    proof: (offset, behind) => {
      // What was given out was read, whatever a row in it ends with.
      const all = ended || next >= offset ? read : undefined
      const bytes = offset === 0 ? 0 : (behind?.place.byte ?? all)
      if (bytes === undefined) return Effect.succeed(undefined)
      const isEnd = offset > 0 && behind === undefined && ended
      return Effect.flatMap(FileSystem.FileSystem, (fs) =>
        // What cannot be read any more is noticed where it is read.
        Effect.orElseSucceed(beginning.proof(fs, bytes, isEnd), () => undefined)
      )
    }
  }
}

const beginningOf = (is: string) => ({ part: "what was read of the source", was: "its beginning", is })

const changed: { readonly [S in Exclude<FileBeginning.Standing, "goes on">]: Difference } = {
  changed: beginningOf("changed"),
  shorter: beginningOf("longer than the source"),
  "row goes on": beginningOf("its beginning without the end of its last row, which was sent as it stood then"),
  "not known": { part: "what was read of the source", was: "not known for sure", is: "not to be compared" }
}

/**
 * Fails where an encoding is not known, so that it can be said before anything is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkEncoding: (encoding: string | undefined) => Effect.Effect<void, InvalidConfiguration> =
  PlainBytes.checkEncoding

const unreadable =
  (path: string) =>
  (error: PlatformError.PlatformError): SourceUnreadable =>
    new SourceUnreadable({ source: path, reason: PlatformReason.of(error) })

/** What a mapping does to records is counted while they are read. */
interface Counted<A> {
  readonly counts: Counts.MappingCounts | undefined
  /** Decodes what the mapping makes; without one, what the source holds. */
  readonly to: RecordDecoder.RecordDecoder<A>
}

/** Takes what is asked for out of a CSV from the byte `base` on; without a header, that comes first. */
type TakeCsv<A, T> = (
  settings: CsvReader.Settings<A> & Counted<A>,
  base: number,
  header: CsvReader.Header | undefined
) => ByteBlocks.Taker<T>

/** Takes what is asked for out of an NDJSON or JSON from the byte `base` on. */
type TakeJson<A, T> = (settings: NdjsonReader.Settings<A> & Counted<A>, base: number) => ByteBlocks.Taker<T>

type Bytes = (offset: number) => Stream.Stream<Uint8Array, CustomerFileError>

const openFile = <T extends { readonly offset: number }>(
  options: PlainBytes.Options,
  position: SourcePosition | undefined,
  seen: Seen,
  records: (from: FilePlace.FilePosition | undefined, bytes: Bytes) => Stream.Stream<T, CustomerFileError>
): Stream.Stream<T, CustomerFileError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { source: path } = options
      const fs = yield* FileSystem.FileSystem
      const from = yield* FilePlace.given(position)
      const byte = from?.place.byte ?? 0
      const read = (offset: number, size: number) =>
        Stream.mapError(FileBlocks.read(fs, path, offset, size), unreadable(path))
      const isPlain = Effect.map(PlainBytes.head(read(0, PlainBytes.headSize)), (head) =>
        PlainBytes.isPlain(head, options)
      )
      const file: Bytes = (offset) => {
        let at = offset
        return read(offset, ByteBlocks.blockSize).pipe(
          Stream.mapArray((blocks) => {
            for (const { length } of blocks) at += length
            seen.bytes(at)
            return blocks
          }),
          Stream.onEnd(Effect.sync(() => seen.bytes(at, true)))
        )
      }
      const plain = PlainBytes.read(
        Stream.suspend(() => file(0)),
        options
      )
      // It takes a look at the file by itself, and where all of it is read, the reading tells.
      const startsThere = byte > 0 && (yield* isPlain)
      if (startsThere) {
        const { size, type } = yield* fs.stat(path).pipe(Effect.mapError(unreadable(path)))
        if (type === "File" && size < byte) return yield* new PositionBeyondEnd({ source: path, byte })
      }
      seen.begin()
      return records(from, (offset) =>
        // There is no place to start at in what is not plain: what stands before the position is passed over.
        offset === 0 ? plain : startsThere ? file(offset) : PlainBytes.from(plain, offset, path)
      ).pipe(
        Stream.mapArray((some) => {
          seen.records(some)
          return some
        }),
        Stream.tapError((error) =>
          Effect.sync(() => {
            // What stands before it was read, and stays as it is when it is put right.
            if (error._tag === "JsonBroken") seen.bytes(error.readTo)
          })
        ),
        Stream.catchTag(["InvalidUtf8", "JsonBroken"], (error) =>
          Stream.unwrap(
            // Other text comes out of a damaged archive too, before the damage is noticed.
            Effect.map(byte > 0 ? Effect.succeed(true) : isPlain, (isPlain) =>
              Stream.concat(isPlain ? Stream.empty : Stream.drain(plain), Stream.fail(error))
            )
          )
        )
      )
    })
  )

const csvFrom = <S extends Schema.ConstraintDecoder<unknown>, T>(
  path: string,
  from: FilePlace.FilePosition | undefined,
  bytes: Bytes,
  schema: S,
  options: FileOptions | undefined,
  take: TakeCsv<S["Type"], T>
): Stream.Stream<T, CustomerFileError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const isSheet = (options?.format ?? formatOf(path)) === "xlsx"
      const settings = yield* csvSettings(path, schema, { ...options, from }, isSheet)
      if (from === undefined || from.place.byte === 0)
        return ByteBlocks.read(bytes(0), () => take(settings, 0, undefined))
      const header = yield* Stream.runHead(
        ByteBlocks.read(bytes(0), () => ByteBlocks.taker(path, 0, CsvReader.header(settings)))
      )
      // Without a header there are no records either.
      if (Option.isNone(header)) return Stream.empty
      return ByteBlocks.read(bytes(from.place.byte), () => take(settings, from.place.byte, header.value))
    })
  )

/**
 * How dead letters are read.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface DeadLettersOptions<Field extends string = string> {
  /** What an empty cell of a record that came out of a CSV means. Default: `absent`. */
  readonly empty?: CsvOptions<Field>["empty"]
  /** What happens to names that are no field of the schema. By default the record is rejected. */
  readonly otherColumns?: "refuse" | "ignore" | undefined
  /**
   * What rows are in that were not UTF-8: each is read anew in this encoding, as a whole. By default they are rejected again,
   * unless they were put right.
   */
  readonly encoding?: string | undefined
  /** Checks for spoiled ids and phone numbers that are switched off, by name. Default: none. */
  readonly allowSuspicious?: ReadonlyArray<Suspicious.Check> | undefined
}

type LettersError = DeadLetters.DeadLettersUnreadable | InvalidConfiguration | InvalidMapping | PhoneLibraryMissing

/**
 * The records of a file of dead letters, to be sent again once what was wrong is put right: at the vendor, or in the file
 * itself. There, it is put right in `record.value`, which is a row or a line where the record could not be read, and an
 * object by the names of fields otherwise; an object may also be put in the place of a row (`"format": "cells"`) or of a
 * line (`"format": "json"`).
 *
 * Offsets are those of this file; what still does not fit is rejected again. A sync with a checkpoint refuses a file that
 * has changed since.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deadLetters = <S extends Schema.ConstraintDecoder<unknown>>(
  path: string,
  schema: S,
  options?: DeadLettersOptions<FieldOf<S>>
): Source.Source<S["Type"], LettersError, FileSystem.FileSystem> => {
  const mapped = MappedSchema.of(schema)
  // Of the last reading.
  let notes: ReadNotes | undefined
  return Source.make<S["Type"], LettersError, FileSystem.FileSystem>({
    notes: () => notes?.list() ?? [],
    from: () =>
      Stream.unwrap(
        Effect.gen(function* () {
          yield* PlainBytes.checkEncoding(options?.encoding)
          const mapper = mapped && (yield* mapped.mapper)
          const told = new ReadNotes()
          notes = told
          const read = LetterReader.make(schema, options, mapped && mapper && { ...mapped, mapper }, told)
          let offset = 0
          return Stream.map(DeadLetters.read(path), ({ record, row }) => read(record, row, offset++))
        })
      ),
    // A file that is added to while it is read is not the one that a checkpoint was made for either.
    fingerprint: Effect.flatMap(FileSystem.FileSystem, (fs) =>
      Effect.mapError(
        FileFingerprint.make(fs, path, mapped?.to ?? schema, options, mapped?.mapping),
        (error) =>
          new DeadLetters.DeadLettersUnreadable({
            source: path,
            reason: PlatformReason.of(error),
            line: undefined,
            issues: []
          })
      )
    )
  })
}

/**
 * The records of a CSV by RFC 4180: a header, then one record a row. What people write beside that is read as they
 * mean it: see `CsvOptions`.
 *
 * A field that takes a string gets its cell as it is, a boolean field takes `true` and `false` in any
 * case, `1` and `0`, a number field a finite number, and a field that takes an object its JSON text, or a column for each of
 * its own fields: `metadata.plan`. A number that
 * JavaScript cannot hold to the digit is rejected, not rounded.
 * Blank lines are skipped, and so are rows that are the header once more. A row that is not well formed is rejected, and
 * reading goes on with the line after the one on which it starts. A row that is not UTF-8 is
 * rejected whole.
 *
 * Bytes before the position in `from` are passed over; `read` seeks instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const csv = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options?: CsvOptions<FieldOf<S>> | undefined
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling =>
  csvRecords(bytes, schema, options, undefined)

/**
 * The records of one sheet of an Excel workbook, which is read as the CSV of it would be: see `csv`. `line` is the number of
 * the row. The workbook is held in memory while it is read; `Workbooks` reads it, which is provided by `NodeWorkbooks.layer` of
 * `effect-patchbay/node`.
 *
 * Texts are as they are. A number is its digits, of which Excel keeps 15: one that has lost some is written `1.23E+17`,
 * which no id may be. A day is `2024-01-15`, with a time of day `2024-01-15T10:30:00`; workbooks know no time zone.
 * A formula is its value; where that was never calculated, it is the formula, `=A1`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const xlsx = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options?: XlsxOptions<FieldOf<S>> | undefined
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling =>
  csvRecords(bytes, schema, options, workbookOf(options))

const csvRecords = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options: CsvOptions | undefined,
  workbook: PlainBytes.Workbook | undefined
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling => {
  const source = options?.source ?? "bytes"
  // Of the last reading.
  let notes: ReadNotes | undefined
  const records = Stream.unwrap(
    Effect.map(csvSettings(source, schema, options, workbook !== undefined), (settings) => {
      notes = settings.notes
      return ByteBlocks.read(PlainBytes.read(bytes, { source, encoding: options?.encoding, workbook }), () =>
        ByteBlocks.taker(source, 0, CsvReader.records(settings))
      )
    })
  )
  return Object.assign(
    Stream.suspend(() => records),
    { notes: () => notes?.list() ?? [] }
  )
}

/**
 * The records of an NDJSON: one JSON object a line. Blank lines are skipped. A line that is not
 * JSON or not UTF-8, has a name twice in one object, or a number that JavaScript cannot hold to the digit, is rejected, and reading
 * goes on with the next.
 *
 * Bytes before the position in `from` are passed over; `read` seeks instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ndjson = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options?: NdjsonOptions<FieldOf<S>> | undefined
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling =>
  telling(bytes, schema, options, Effect.succeed(takeNdjson))

const telling = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options: NdjsonOptions | undefined,
  taking: Effect.Effect<TakeJson<S["Type"], CustomerRecord<S["Type"]>>, InvalidConfiguration>
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling => {
  const plain = PlainBytes.read(bytes, { source: options?.source ?? "bytes", encoding: options?.encoding })
  // Of the last reading.
  let told: NdjsonReader.Settings<S["Type"]> | undefined
  const records = Effect.map(taking, (take) =>
    ndjsonFrom(plain, 0, schema, options, (settings, base) => {
      told = settings
      return take(settings, base)
    })
  )
  return Object.assign(
    Stream.suspend(() => Stream.unwrap(records)),
    { notes: () => (told === undefined ? [] : NdjsonReader.notes(told)) }
  )
}

/**
 * The records of a JSON: the elements of an array, also of one inside of an object (`records`), and objects that stand
 * one after the other; several documents are read as one. Memory is bounded as for the other formats.
 *
 * An element is what stands between two commas of its array. One that is not JSON, has a name twice in one object, or a
 * number that JavaScript cannot hold to the digit, is rejected, and reading goes on with the next. A comma behind the last
 * one says nothing. Where quotes or brackets are missing, so that an element has no end, it is rejected too if it is the
 * first on its line and lines tell where the next one is; otherwise `JsonBroken` ends the source behind the record before.
 *
 * Bytes before the position in `from` are passed over; `read` seeks instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json = <E, R, S extends Schema.ConstraintDecoder<unknown>>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  schema: S,
  options?: JsonOptions<FieldOf<S>> | undefined
): Stream.Stream<CustomerRecord<S["Type"]>, E | BytesError, R> & Source.Telling =>
  telling(bytes, schema, options, takeJson(options?.records))

const formatOf = (path: string): FileOptions["format"] => {
  // Whichever of a spreadsheet's formats it is, what it holds tells whether it is read.
  if (/\.(?:xls[xmb]?|ods)$/i.test(path)) return "xlsx"
  const name = path.toLowerCase().replace(/\.(?:gz|zst|br)$/, "")
  if (name.endsWith(".csv") || name.endsWith(".tsv")) return "csv"
  if (name.endsWith(".json")) return "json"
  return name.endsWith(".ndjson") || name.endsWith(".jsonl") ? "ndjson" : undefined
}

const csvSettings = <S extends Schema.ConstraintDecoder<unknown>>(
  source: string,
  schema: S,
  options: CsvOptions | undefined,
  isSheet: boolean
): Effect.Effect<CsvReader.Settings<S["Type"]> & Counted<S["Type"]>, MappingProblem> =>
  Effect.gen(function* () {
    const { empty, mapped, to, ...shared } = yield* sharedSettings(schema, options, "csv")
    const { delimiter, skipLines = 0, strictHeader = false } = options ?? {}
    if (delimiter !== undefined && (delimiter.length !== 1 || '"\r\n'.includes(delimiter))) {
      return yield* new InvalidConfiguration({
        option: "delimiter",
        problem: "must be one character that is neither a quote nor a line break"
      })
    }
    if (!Number.isSafeInteger(skipLines) || skipLines < 0) {
      return yield* new InvalidConfiguration({ option: "skipLines", problem: "must be a whole number, 0 or more" })
    }
    const { from, otherColumns } = shared
    const settings = {
      ...shared,
      to,
      source,
      delimiter: isSheet ? "," : delimiter,
      countsRows: isSheet,
      firstOffset: from === undefined ? 0 : from.place.byte === 0 ? from.offset : undefined,
      skipLines,
      strictHeader,
      strictRows: options?.strictRows ?? false,
      untilBlankLine: options?.untilBlankLine ?? false,
      badRows: BadRows.make(source, options?.encoding)
    }
    if (mapped !== undefined) {
      const { columns, fields, inner, toldByNothing } = MappedCells.of(mapped.mapper)
      if (inner !== undefined) return yield* inCell(inner)
      const copies = Copied.of(mapped)
      const resolve = (header: ReadonlyArray<string>) =>
        MappedCells.resolved(
          CsvHeader.resolve(header, fields, { columns, empty: "text", otherColumns, isStrict: strictHeader }),
          copies,
          toldByNothing
        )
      const decoder = MappedDecoder.make(mapped.mapper.fromCells, mapped.mapper, to, mapped.counts)
      return { ...settings, columns, mappedNames: namesIn(columns), decoder, counts: mapped.counts, resolve }
    }
    const { columns } = shared
    const resolve = (header: ReadonlyArray<string>) => {
      const resolved = CsvHeader.resolve(header, shared.fields, {
        columns,
        empty,
        otherColumns,
        isStrict: strictHeader
      })
      return MappedSchema.of(schema) === undefined ? resolved : MappedCells.resolved(resolved, undefined)
    }
    return { ...settings, mappedNames: namesIn(columns), decoder: to, counts: undefined, resolve }
  })

const namesIn = (columns: FieldNames.Columns): ReadonlySet<string> =>
  new Set(Object.values(columns ?? {}).filter(Predicate.isNotUndefined))

const takeJson = (records: string | undefined) => {
  const pointer = JsonPointer.parse(records ?? "")
  return pointer === undefined
    ? Effect.fail(
        new InvalidConfiguration({
          option: "records",
          problem: "must be a JSON pointer, such as /data/customers, in which ~0 stands for ~ and ~1 for /"
        })
      )
    : Effect.succeed(
        <A>(settings: NdjsonReader.Settings<A>, base: number): ByteBlocks.Taker<CustomerRecord<A>> =>
          ByteBlocks.taker(settings.source, base, JsonReader.records(settings, pointer))
      )
}

const takeNdjson = <A>(settings: NdjsonReader.Settings<A>, base: number): ByteBlocks.Taker<CustomerRecord<A>> =>
  ByteBlocks.taker(settings.source, base, NdjsonReader.records(settings))

const ndjsonFrom = <E, R, S extends Schema.ConstraintDecoder<unknown>, T>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  base: number,
  schema: S,
  options: NdjsonOptions | undefined,
  take: TakeJson<S["Type"], T>
): Stream.Stream<T, E | BytesError, R> =>
  Stream.unwrap(
    Effect.map(sharedSettings(schema, options, "ndjson"), ({ mapped, to, ...settings }) =>
      ByteBlocks.read(bytes, () => {
        const { columns, fields } = settings
        const { from } = settings
        const isWhole = from === undefined || from.place.byte === 0
        const firstOffset = isWhole ? (from?.offset ?? 0) : undefined
        const wanted = !isWhole
          ? undefined
          : mapped === undefined
            ? WantedNames.make(FieldNames.make(fields, columns), fields)
            : MappedJson.wanted(mapped.mapper)
        const source = options?.source ?? "bytes"
        const badRows = BadRows.make(source, options?.encoding)
        const json = mapped && MappedJson.of(mapped.mapper, to, mapped.counts)
        const of = { decoder: to, to, mapped: json, counts: mapped?.counts }
        return take({ ...settings, ...of, source, firstOffset, wanted, badRows }, base)
      })
    )
  )

type MappingProblem = InvalidConfiguration | InvalidMapping | PhoneLibraryMissing

// A yes to "accepts marketing" would otherwise opt out all who gave it.
const oneWayRound = (field: string, name: string): string =>
  `is about consent, so that it must be said which way round ${JSON.stringify(name)} is. Write a mapping: { "fields": { "${field}": { "from": ${JSON.stringify(name)}, "means": "optIn" } } }, or "optOut" where a yes says that somebody may not be written to`

const inCell = (place: Place.Place) =>
  new InvalidMapping({
    source: "mapping",
    issues: [
      {
        path: [],
        message: `has ${Place.format(place)}, which points into a value. The cells of a CSV have nothing inside: name the column`
      }
    ]
  })

const sharedSettings = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  options: CsvOptions | undefined,
  format: "csv" | "ndjson"
) =>
  Effect.gen(function* () {
    const maxRecordSize = options?.maxRecordSize ?? defaultMaxRecordSize
    if (!Number.isSafeInteger(maxRecordSize) || maxRecordSize < 1) {
      return yield* new InvalidConfiguration({ option: "maxRecordSize", problem: "must be a whole number above 0" })
    }
    const read = MappedSchema.of(schema)
    const mapper = read && (yield* read.mapper)
    for (const option of ["columns", "empty"] as const) {
      if (read !== undefined && options?.[option] !== undefined) {
        return yield* new InvalidConfiguration({ option, problem: "is said by the mapping. Write it there" })
      }
    }
    const plain = read && Plain.of(read, format)
    const to = read?.to ?? schema
    const columns = read === undefined ? options?.columns : plain?.columns
    const fields = Cells.fields(to.ast)
    const consents = Consent.fields(to.ast)
    for (const [field, name] of Object.entries(columns ?? {})) {
      const isInside = format === "csv" && Cells.insideOf(fields, field) !== undefined
      if (fields.others === undefined && !fields.named.has(field) && !isInside) {
        return yield* new InvalidConfiguration({ option: `columns.${field}`, problem: "is no field of the schema" })
      }
      if (read === undefined && name !== undefined && name !== field && consents.has(field)) {
        return yield* new InvalidConfiguration({ option: `columns.${field}`, problem: oneWayRound(field, name) })
      }
    }
    const notes = new ReadNotes()
    return {
      maxRecordSize,
      fields,
      columns,
      empty: read === undefined ? options?.empty : plain?.empty,
      otherColumns: options?.otherColumns ?? read?.mapping.otherColumns,
      // What a mapping is made with is the schema of what it makes.
      to: RecordDecoder.make(to, {
        allowSuspicious: options?.allowSuspicious,
        notes
      }) as RecordDecoder.RecordDecoder<S["Type"]>,
      mapped:
        read === undefined || mapper === undefined || plain !== undefined
          ? undefined
          : { ...read, mapper, counts: Counts.make() },
      notes,
      encoding: options?.encoding,
      from: yield* FilePlace.given(options?.from)
    }
  })
