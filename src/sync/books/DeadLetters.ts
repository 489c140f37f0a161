/**
 * Records that were refused, or whose fate is not known, with the reason and all that is needed to send them
 * again.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as FolderFlush from "../../base/FolderFlush.ts"
import * as PlatformReason from "../../base/PlatformReason.ts"
import * as InputIssue from "../../json/InputIssue.ts"
import * as JsonText from "../../json/JsonText.ts"
import type { OpenCheckpoint } from "../checkpoint/OpenCheckpoint.ts"
import { Reason } from "../model/Outcome.ts"
import * as OffsetSet from "./OffsetSet.ts"

const columns = Schema.Record(Schema.String, Schema.String)

/**
 * One dead letter: customer data, for the eyes of whoever asked for the file.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeadLetter = Schema.Struct({
  /** 0-based position in the source. */
  offset: Schema.Int,
  /** Which of several sources it came from, by name. */
  source: Schema.optionalKey(Schema.String),
  /** 1-based line of the source, where it has lines. */
  line: Schema.optionalKey(Schema.Int),
  /** The record's own place in a source without lines: the values of its key in a query. */
  place: Schema.optionalKey(Schema.Json),
  /** Who the record is about, where that could be read. */
  key: Schema.optionalKey(Schema.String),
  outcome: Schema.Literals(["Rejected", "Unknown"]),
  reason: Reason,
  /** What the vendor answered, word by word. */
  answer: Schema.optionalKey(Schema.String),
  /** The number of the batch that it was sent in. */
  batch: Schema.optionalKey(Schema.Int),
  /** When it became a dead letter: RFC 3339, UTC. */
  time: Schema.String,
  /** The record as read: `CustomerRecord.RecordInput`. */
  record: Schema.Union([
    Schema.Struct({ format: Schema.Literal("cells"), value: Schema.Record(Schema.String, Schema.String) }),
    Schema.Struct({ format: Schema.Literal("json"), value: Schema.Unknown }),
    Schema.Struct({
      format: Schema.Literal("csv"),
      value: Schema.String,
      header: Schema.Array(Schema.String),
      delimiter: Schema.String,
      columns: Schema.optionalKey(columns)
    }),
    Schema.Struct({ format: Schema.Literal("ndjson"), value: Schema.String, columns: Schema.optionalKey(columns) })
  ]),
  /**
   * The row as it stood in the source, with what is no field too (`CustomerRecord.Row`), for who looks for it there; what is
   * sent again is `record`. Of a record that others were merged into it is its own. Absent where the row is `record` already, or could
   * not be read again, as that of a pipe.
   */
  row: Schema.optionalKey(
    Schema.Union([
      Schema.Struct({ cells: Schema.Array(Schema.Tuple([Schema.String, Schema.String])) }),
      Schema.Struct({ line: Schema.String })
    ])
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type DeadLetter = typeof DeadLetter.Type

/**
 * The dead letters could not be written, so that the run stops before any record is lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadLettersUnwritable extends Schema.TaggedError<DeadLettersUnwritable>()("DeadLettersUnwritable", {
  /** Where they were to go. */
  destination: Schema.String,
  /** `Foreign` (the file holds something else), or the platform's reason: `NotFound`, `PermissionDenied` … */
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason === "Foreign"
      ? `Dead letters cannot be added to ${this.destination}: it holds something else. Name another file.`
      : `Cannot write dead letters to ${this.destination} (${this.reason}). Check the folder, its permissions and the free space.`
  }
}

/**
 * The dead letters cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadLettersUnreadable extends Schema.TaggedError<DeadLettersUnreadable>()("DeadLettersUnreadable", {
  /** The file. */
  source: Schema.String,
  /** `Malformed` (a line is not JSON, or some that cannot be read without changing it), `SchemaMismatch` (a line is no dead letter), or the platform's reason. */
  reason: Schema.String,
  /** 1-based line, where one is to blame. */
  line: Schema.UndefinedOr(Schema.Int),
  issues: Schema.Array(InputIssue.InputIssue)
}) {
  override get message(): string {
    if (this.line === undefined) {
      return `The dead letters ${this.source} cannot be read (${this.reason}). Check the path and its permissions.`
    }
    const issues = this.issues.length === 0 ? "it is not JSON" : InputIssue.format(this.issues)
    return `Line ${this.line} of ${this.source} is no dead letter: ${issues}. Correct the line, or take it out.`
  }
}

/**
 * Where dead letters go.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetters<R = never> {
  readonly open: (
    options?: OpenOptions | undefined
  ) => Effect.Effect<OpenDeadLetters, DeadLettersUnwritable, R | Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenDeadLetters {
  /** The letters are safe when it has ended. */
  readonly write: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, DeadLettersUnwritable>
}

/**
 * The run whose letters they are.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface OpenOptions {
  /**
   * The first offset that may come again: a letter of such an offset that was written before the stop is not
   * written twice. Default: none comes again.
   */
  readonly resumedFrom?: number | undefined
  /**
   * When the run began, or the one that it goes on, in milliseconds since 1970: older letters are of other runs, and keep no
   * letter of this one out. Default: all letters are of this run.
   */
  readonly startedAt?: number | undefined
  /** The checkpoint of the run: letters that share its database can be written together with it. Default: none. */
  readonly checkpoint?: OpenCheckpoint | undefined
}

/**
 * A file of NDJSON, one line a record, readable by its owner only. An existing file is added to, and keeps its
 * permissions; none is made while there is nothing to write. Each write is flushed to the disk.
 *
 * A last line that a crash cut in the middle is taken off: the write of that letter never ended, so its record
 * has no outcome yet. Of a record that was refused before a stop and applied after it, the letter stays.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): DeadLetters<FileSystem.FileSystem> => ({
  open: Effect.fnUntraced(function* (options) {
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const unwritable = (error: PlatformError.PlatformError) =>
      new DeadLettersUnwritable({ destination: path, reason: PlatformReason.of(error) })
    const isThere = yield* Effect.mapError(fs.exists(path), unwritable)
    const isOurs = !isThere || (yield* Effect.mapError(Effect.scoped(repair(fs, path)), unwritable))
    if (!isOurs) return yield* new DeadLettersUnwritable({ destination: path, reason: "Foreign" })
    const written = isThere ? yield* Effect.mapError(writtenBefore(fs, path, options), unwritable) : OffsetSet.make()
    const from = options?.resumedFrom ?? Number.POSITIVE_INFINITY

    const handle = yield* Effect.cached(
      Effect.gen(function* () {
        const file = yield* fs.open(path, { flag: "a", mode: 0o600 })
        yield* Effect.flatten(FolderFlush.make(fs, FolderFlush.parentOf(path) ?? "."))
        return { file, size: ByteSize.toNumberUnsafe((yield* file.stat).size) }
      }).pipe(Scope.provide(scope))
    )
    const append = (bytes: Uint8Array) =>
      Effect.flatMap(handle, (opened) =>
        Effect.andThen(opened.file.writeAll(bytes), opened.file.sync).pipe(
          // Half a line would spoil the next one.
          Effect.onError(() => Effect.ignore(fs.truncate(path, opened.size))),
          Effect.tap(() =>
            Effect.sync(() => {
              opened.size += bytes.length
            })
          )
        )
      )
    const turn = yield* Semaphore.make(1)
    return {
      write: (letters) =>
        Effect.suspend(() => {
          const lines = letters.flatMap((letter) =>
            letter.offset >= from && written.has(letter.offset) ? [] : [lineOf(letter)]
          )
          return lines.length === 0 ? Effect.void : append(encoder.encode(lines.join("")))
        }).pipe(Effect.mapError(unwritable), turn.withPermit, Effect.uninterruptible)
    }
  })
})

/**
 * Letters as values. The same one can be opened again and again, and holds each letter of a resumed run once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const memory = (): DeadLetters & { readonly letters: ReadonlyArray<DeadLetter> } => {
  const letters: Array<DeadLetter> = []
  return {
    letters,
    open: (options) =>
      Effect.sync(() => {
        const from = options?.resumedFrom ?? Number.POSITIVE_INFINITY
        const written = OffsetSet.make()
        for (const letter of letters) if (isOf(letter, options)) written.add(letter.offset, letter.offset + 1)
        return {
          write: (more) =>
            Effect.sync(() => {
              for (const letter of more) {
                if (letter.offset < from || !written.has(letter.offset)) letters.push(letter)
              }
            })
        }
      })
  }
}

/**
 * Letters to a function. They count as safe when it has ended. After a crash it may get the same letter again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sink = <R = never>(
  f: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, DeadLettersUnwritable, R>
): DeadLetters<R> => ({
  open: () =>
    Effect.map(Effect.context<R>(), (context) => ({
      write: (letters) => (letters.length === 0 ? Effect.void : Effect.provideContext(f(letters), context))
    }))
})

/**
 * The letters of a file, in the order in which they were written. A last line that a crash cut in the middle is
 * left out. A line that is no letter ends the stream, after all letters before it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (path: string): Stream.Stream<DeadLetter, DeadLettersUnreadable, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) =>
      linesOf(fs, path).pipe(
        Stream.mapError(unreadable(path)),
        Stream.mapEffect(({ line, text }) => {
          const json = parse(text)
          if (Option.isNone(json)) {
            return new DeadLettersUnreadable({ source: path, reason: "Malformed", line, issues: [] })
          }
          const { issues, value } = json.value
          if (issues.length > 0) {
            return new DeadLettersUnreadable({
              source: path,
              reason: "Malformed",
              line,
              issues: issues.map(withoutData)
            })
          }
          return Effect.fromResult(decode(value)).pipe(
            Effect.mapError(
              ({ issue }) =>
                new DeadLettersUnreadable({
                  source: path,
                  reason: "SchemaMismatch",
                  line,
                  issues: InputIssue.fromSchemaIssue(issue)
                })
            )
          )
        })
      )
    )
  )

/**
 * How many letters a file holds, and how many of them were written before a time, in milliseconds since 1970.
 *
 * @category decoding
 * @since 0.1.0
 */
export const count = Effect.fnUntraced(function* (
  path: string,
  before: number
): Effect.fn.Return<
  { readonly letters: number; readonly older: number },
  DeadLettersUnreadable,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem
  let letters = 0
  let older = 0
  yield* Effect.mapError(
    Stream.runForEachArray(linesOf(fs, path), (lines) =>
      Effect.sync(() => {
        for (const { text } of lines) {
          const head = Option.flatMap(parse(text), ({ value }) => decodeHead(value))
          letters++
          if (Option.isSome(head) && Date.parse(head.value.time) < before) older++
        }
      })
    ),
    unreadable(path)
  )
  return { letters, older }
})

const unreadable = (path: string) => (error: PlatformError.PlatformError) =>
  new DeadLettersUnreadable({ source: path, reason: PlatformReason.of(error), line: undefined, issues: [] })

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const decode = Schema.decodeUnknownResult(DeadLetter)
const decodeHead = Schema.decodeUnknownOption(
  Schema.Struct({ offset: DeadLetter.fields.offset, time: DeadLetter.fields.time })
)

// Every line begins so: it tells a letter that was cut from a file that holds something else.
const opening = '{"offset":'

const lineOf = ({ offset, ...rest }: DeadLetter): string => `${JSON.stringify({ offset, ...rest })}\n`

const parse = (text: string): Option.Option<JsonText.JsonText> => {
  try {
    return Option.some(JsonText.parse(text))
  } catch {
    return Option.none()
  }
}

// `record`, `value` and the field may be named; what stands in a field that takes any JSON is the customer's.
const withoutData = ({ message, path }: InputIssue.InputIssue): InputIssue.InputIssue => ({
  path: path.map((part, depth) => (depth < 3 || typeof part === "number" ? part : "*")),
  message
})

// Some file systems leave the length of a file without its bytes when the power goes.
const isCut = (tail: string): boolean => tail.startsWith(opening) || opening.startsWith(tail) || /^\0*$/.test(tail)

const isOf = ({ offset, time }: { readonly offset: number; readonly time: string }, options: OpenOptions | undefined) =>
  offset >= (options?.resumedFrom ?? Number.POSITIVE_INFINITY) &&
  // A time that cannot be read is as good as none.
  !(Date.parse(time) < (options?.startedAt ?? Number.NEGATIVE_INFINITY))

interface Line {
  readonly text: string
  /** 1-based. */
  readonly line: number
}

const linesOf = (fs: FileSystem.FileSystem, path: string): Stream.Stream<Line, PlatformError.PlatformError> =>
  fs.stream(path).pipe(
    Stream.decodeText,
    Stream.mapAccumArray(
      () => ({ rest: "", line: 0 }),
      (state, texts) => {
        const lines = (state.rest + texts.join("")).split("\n")
        state.rest = lines.pop() ?? ""
        return [state, lines.map((text) => ({ text, line: ++state.line }))]
      },
      {
        onHalt: ({ line, rest }) => (isCut(rest) && Option.isNone(parse(rest)) ? [] : [{ text: rest, line: line + 1 }])
      }
    ),
    Stream.filter(({ text }) => text.trim() !== "")
  )

// Of the letters, only the offsets are kept.
const writtenBefore = (fs: FileSystem.FileSystem, path: string, options: OpenOptions | undefined) => {
  const written = OffsetSet.make()
  if (options?.resumedFrom === undefined) return Effect.succeed(written)
  return linesOf(fs, path).pipe(
    Stream.runForEachArray((lines) =>
      Effect.sync(() => {
        for (const { text } of lines) {
          const head = Option.flatMap(parse(text), ({ value }) => decodeHead(value))
          // A line that somebody changed keeps no letter out.
          if (Option.isSome(head) && isOf(head.value, options)) written.add(head.value.offset, head.value.offset + 1)
        }
      })
    ),
    Effect.as(written)
  )
}

// Makes the last line a whole one. False where the file holds something else, which is left alone.
const repair = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string) {
  const file = yield* fs.open(path, { flag: "r" })
  const { size, type } = yield* file.stat
  const end = ByteSize.toNumberUnsafe(size)
  if (type !== "File" || end === 0) return true
  const text = (from: number, to: number) =>
    Effect.map(file.readAlloc(to - from, { position: BigInt(from) }), (bytes) =>
      Option.isSome(bytes) ? bytes.value : new Uint8Array(0)
    )
  const first = decoder.decode(yield* text(0, Math.min(end, opening.length)))
  if (!isCut(first)) return false

  let start = end
  for (let to = end; to > 0; to -= blockSize) {
    const from = Math.max(0, to - blockSize)
    const newline = (yield* text(from, to)).lastIndexOf(LF)
    start = newline === -1 ? from : from + newline + 1
    if (newline !== -1) break
  }
  if (start === end) return true
  const tail = decoder.decode(yield* text(start, end))
  if (Option.isSome(parse(tail))) {
    yield* fs.writeFileString(path, "\n", { flag: "a" })
    return true
  }
  if (!isCut(tail)) return false
  yield* fs.truncate(path, start)
  return true
})

const blockSize = 64 * 1024
const LF = 10
