/** The bytes of a source as plain UTF-8, however they are compressed and encoded. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { InvalidConfiguration } from "../../http/InvalidConfiguration.ts"
import {
  type BrokenArchive,
  PositionBeyondEnd,
  UnmarkedEncoding,
  UnsupportedCompression,
  WorkbookUnreadable
} from "../read/CustomerFileError.ts"
import { Decompression } from "./Decompression.ts"
import * as SheetText from "./SheetText.ts"
import * as Signature from "./Signature.ts"
import * as Transcoding from "./Transcoding.ts"
import { Workbooks } from "./Workbooks.ts"

/** What is known of a source besides its bytes. */
export interface Options {
  readonly source: string
  /** The name of its encoding, for bytes that have no mark. Default UTF-8. */
  readonly encoding: string | undefined
  /** Counts the bytes that are no plain UTF-8, and what becomes of them. */
  readonly sizes?: Sizes | undefined
  /** It is a workbook, of which one sheet is read as the text of a CSV. */
  readonly workbook?: Workbook | undefined
}

/** Which sheet of a workbook is read. */
export interface Workbook {
  /** By default the only one that can be seen. */
  readonly sheet: string | undefined
  /** Rows at its top that are passed over. */
  readonly skipRows: number
  /** Its text, once it has been read: a part of it is not read again out of the whole workbook. */
  text: Uint8Array | undefined
}

/** Bytes of a source that were taken so far, and those that they became. */
export interface Sizes {
  taken: number
  plain: number
  /** What one of them became, as it was when all that had been taken was through. */
  expansion: number
}

/** Before anything was read. */
export const noSizes = (): Sizes => ({ taken: 0, plain: 0, expansion: 1 })

/** Why bytes cannot become plain UTF-8. */
export type Failure =
  | BrokenArchive
  | InvalidConfiguration
  | UnmarkedEncoding
  | UnsupportedCompression
  | WorkbookUnreadable

type Chunk = Arr.NonEmptyReadonlyArray<Uint8Array>
type BytesPull<E> = Pull.Pull<Chunk, E>

/** As plain UTF-8, which is what bytes are as a rule: those are handed on as they are. */
export const read = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  options: Options
): Stream.Stream<Uint8Array, E | Failure, R> =>
  peeked(bytes, (head, rest): Stream.Stream<Uint8Array, E | Failure> => {
    const { source, workbook } = options
    if (workbook !== undefined) return sheet(head, rest, workbook, options)
    const unsaid = Signature.spreadsheet(head)
    if (unsaid !== undefined) return Stream.fail(unreadable(unsaid === "open" ? "NotSaid" : "OtherFormat", source))
    const compression = Signature.compression(head, source)
    return compression === undefined ? decoded(rest, options) : decompressed(rest, compression, options)
  })

/** So many bytes tell what a source is. */
export const headSize = Signature.length

/** Whether these first bytes are those of a source that is plain UTF-8. */
export const isPlain = (head: Uint8Array, { encoding, source, workbook }: Options): boolean => {
  if (workbook !== undefined) return false
  if (Signature.compression(head, source) !== undefined) return false
  const mark = Signature.marked(head)
  if (mark !== undefined) return mark === "utf-8"
  return encoding === undefined || Option.contains(Transcoding.nameOf(encoding), "utf-8")
}

/** Without the first bytes. What ends before them is another source. */
export const from = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  offset: number,
  source: string
): Stream.Stream<Uint8Array, E | PositionBeyondEnd, R> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      let left = offset
      const next: BytesPull<E | PositionBeyondEnd> = Pull.matchEffect(upstream, {
        onSuccess: (chunk) => {
          if (left === 0) return Effect.succeed(chunk)
          const kept: Array<Uint8Array> = []
          for (const block of chunk) {
            if (block.length > left) kept.push(block.subarray(left))
            left = Math.max(0, left - block.length)
          }
          return Arr.isArrayNonEmpty(kept) ? Effect.succeed(kept) : next
        },
        onFailure: Effect.failCause,
        onDone: (): BytesPull<PositionBeyondEnd> =>
          left === 0 ? Cause.done() : Effect.fail(new PositionBeyondEnd({ source, byte: offset }))
      })
      return next
    })
  )

// What comes out of a piece that is damaged is lost, and so far the sizes are off, which matters most at the start; each
// piece goes to another thread and back, which matters later.
const leastPiece = 8 * 1024
const mostPiece = 64 * 1024

/** One piece at a time, which is counted when it is asked for. */
const inPieces = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  count: (bytes: number) => void
): Stream.Stream<Uint8Array, E> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      let blocks: ReadonlyArray<Uint8Array> = []
      let size = leastPiece
      const next: BytesPull<E> = Effect.suspend(() => {
        const [block, ...more] = blocks
        if (block === undefined) {
          return Effect.flatMap(upstream, (chunk) => {
            blocks = chunk
            return next
          })
        }
        const piece = block.subarray(0, size)
        size = Math.min(mostPiece, size * 2)
        blocks = block.length > piece.length ? [block.subarray(piece.length), ...more] : more
        count(piece.length)
        return Effect.succeed(Arr.of(piece))
      })
      return next
    })
  )

/** An encoding that is not known, before anything is read. */
export const checkEncoding = (encoding: string | undefined): Effect.Effect<void, InvalidConfiguration> =>
  encoding === undefined || Option.isSome(Transcoding.nameOf(encoding))
    ? Effect.void
    : Effect.fail(
        new InvalidConfiguration({
          option: "encoding",
          problem: "is not known. Use a name of the Encoding Standard, such as windows-1252, iso-8859-2 or shift_jis"
        })
      )

const unreadable = (reason: WorkbookUnreadable["reason"], source: string): WorkbookUnreadable =>
  new WorkbookUnreadable({ source, reason, sheet: undefined, sheets: [] })

/** The text of a sheet. Its workbook is read as a whole, because what its cells hold may stand at its end. */
const sheet = <E>(
  head: Uint8Array,
  bytes: Stream.Stream<Uint8Array, E>,
  workbook: Workbook,
  options: Options
): Stream.Stream<Uint8Array, E | WorkbookUnreadable> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { source } = options
      const kind = Signature.spreadsheet(head)
      if (kind === "sealed" && /\.xls[xm]$/i.test(source)) return yield* unreadable("Encrypted", source)
      if (kind === "other" || kind === "sealed") return yield* unreadable("OtherFormat", source)
      if (!Signature.isZip(head)) return yield* unreadable("NotWorkbook", source)
      const workbooks = yield* Workbooks
      if (workbooks === undefined) return yield* unreadable("NoReader", source)
      const blocks: Array<Uint8Array> = []
      // A block is written over by the next.
      yield* Stream.runForEach(bytes, (block) => Effect.sync(() => blocks.push(block.slice())))
      const whole = concat(blocks)
      const text = SheetText.of(yield* workbooks.read(whole, { sheet: workbook.sheet, source }), workbook.skipRows)
      workbook.text = text
      takenBy(options)(whole.length)
      madeBy(options)(text.length)
      if (options.sizes !== undefined) options.sizes.expansion = text.length / whole.length
      return Stream.succeed(text)
    })
  )

const decompressed = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  compression: UnsupportedCompression["compression"],
  options: Options
): Stream.Stream<Uint8Array, E | Failure> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { source } = options
      if (compression !== "gzip" && compression !== "zstd" && compression !== "brotli") {
        return yield* new UnsupportedCompression({ source, compression, reason: "Unknown" })
      }
      const decompression = yield* Decompression
      if (decompression === undefined) {
        return yield* new UnsupportedCompression({ source, compression, reason: "Missing" })
      }
      const pieces = inPieces(bytes, takenBy(options))
      return peeked(decompression.decompress(pieces, { compression, source }), (head, rest) => {
        // The name has said what it had to say.
        const nested = Signature.compression(head, "")
        return nested === undefined
          ? counted(decoded(rest, { source, encoding: options.encoding }), madeBy(options))
          : Stream.fail(new UnsupportedCompression({ source, compression: nested, reason: "Nested" }))
      })
    })
  )

const decoded = <E>(bytes: Stream.Stream<Uint8Array, E>, options: Options): Stream.Stream<Uint8Array, E | Failure> =>
  peeked(bytes, (head, rest): Stream.Stream<Uint8Array, E | Failure> => {
    const { encoding, source } = options
    const mark = Signature.marked(head)
    const seems = mark === undefined && encoding === undefined ? Signature.unmarked(head) : undefined
    if (mark === "utf-32" || seems !== undefined) {
      return Stream.fail(new UnmarkedEncoding({ source, encoding: seems ?? "utf-32" }))
    }
    return Stream.unwrap(
      Effect.map(checkEncoding(encoding), () => {
        const transcode = Transcoding.make(mark ?? encoding ?? "utf-8")
        if (transcode === undefined) return rest
        // Its mark becomes that of UTF-8, which readers pass over.
        return counted(transcoded(counted(rest, takenBy(options)), transcode), madeBy(options))
      })
    )
  })

const takenBy =
  ({ sizes }: Options) =>
  (bytes: number): void => {
    if (sizes === undefined) return
    if (sizes.plain > 0) sizes.expansion = sizes.plain / sizes.taken
    sizes.taken += bytes
  }

const madeBy =
  ({ sizes }: Options) =>
  (bytes: number): void => {
    if (sizes !== undefined) sizes.plain += bytes
  }

const counted = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  count: (bytes: number) => void
): Stream.Stream<Uint8Array, E> =>
  Stream.mapArray(bytes, (chunk) => {
    for (const { length } of chunk) count(length)
    return chunk
  })

const none = new Uint8Array(0)

const transcoded = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  transcode: Transcoding.Transcode
): Stream.Stream<Uint8Array, E> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      let ended = false
      const next: BytesPull<E> = Effect.suspend(() =>
        ended
          ? Cause.done()
          : Pull.matchEffect(upstream, {
              onSuccess: (chunk) => {
                const [first, ...more] = chunk
                // Each is written over by the next.
                const text =
                  more.length === 0
                    ? transcode(first, false)
                    : concat(chunk.map((block) => transcode(block, false).slice()))
                return text.length === 0 ? next : Effect.succeed(Arr.of(text))
              },
              onFailure: Effect.failCause,
              onDone: () => {
                ended = true
                const text = transcode(none, true)
                return text.length === 0 ? Cause.done() : Effect.succeed(Arr.of(text))
              }
            })
      )
      return next
    })
  )

/** The first blocks, as many as it takes to tell what they are, and what comes behind them. */
interface First<E> {
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly rest: BytesPull<E>
}

const first = Effect.fnUntraced(function* <E>(pull: BytesPull<E>): Effect.fn.Return<First<E>> {
  let blocks: ReadonlyArray<Uint8Array> = []
  for (;;) {
    // A block is good until the next one is asked for.
    if (blocks.length > 0) blocks = [concat(blocks).slice()]
    const exit: Exit.Exit<Chunk, E | Cause.Done> = yield* Effect.exit(pull)
    // Whatever it ends with, it does so behind these.
    if (Exit.isFailure(exit)) return { blocks, rest: exit }
    blocks = [...blocks, ...exit.value]
    if (!Signature.isUndecided(headOf(blocks))) return { blocks, rest: pull }
  }
})

const headOf = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [block = none] = blocks
  return (block.length >= Signature.length ? block : concat(blocks)).subarray(0, Signature.length)
}

/** The bytes that tell what a source is. */
export const head = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Effect.Effect<Uint8Array, E, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { blocks, rest } = yield* first(yield* Stream.toPull(bytes))
      // What cannot be read at all fails here.
      if (blocks.length === 0) yield* Effect.asVoid(Pull.catchDone(rest, () => Effect.void))
      return headOf(blocks).slice()
    })
  )

/** Looks at the first bytes, all there are where there are few, and reads on with all of them. */
const peeked = <E, R, E2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  f: (head: Uint8Array, bytes: Stream.Stream<Uint8Array, E>) => Stream.Stream<Uint8Array, E2>
): Stream.Stream<Uint8Array, E | E2, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(bytes)
      const { blocks, rest } = yield* first(pull)
      let held = blocks
      const whole: BytesPull<E> = Effect.suspend(() => {
        const given = held
        held = []
        if (Arr.isReadonlyArrayNonEmpty(given)) return Effect.succeed(given)
        return rest
      })
      return f(headOf(blocks), Stream.fromPull(Effect.succeed(whole)))
    })
  )

const concat = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first, ...more] = blocks
  if (first !== undefined && more.length === 0) return first
  const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const block of blocks) {
    bytes.set(block, at)
    at += block.length
  }
  return bytes
}
