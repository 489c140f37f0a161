/** Bytes to records, a block at a time. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import {
  InvalidHeader,
  InvalidUtf8,
  type JsonBroken,
  NamesMissing,
  NotNdjson,
  PositionBeyondEnd,
  type RecordsNotFound
} from "./CustomerFileError.ts"
import type { TextWindow } from "./TextWindow.ts"
import * as Utf8 from "./Utf8.ts"

/** Reads a format: takes what is complete out of its window. */
export interface Reader<T> {
  /** Offset of the byte where it starts; a reader that goes on elsewhere says so here, with a new window. */
  readonly startsAt: number
  readonly window: TextWindow
  /** May throw `InvalidHeader`, `InvalidUtf8` for a header, `NamesMissing` or `NotNdjson`. */
  readonly read: () => Array<T>
  /** What ends the source after the records that were read last. */
  readonly failure?: InvalidUtf8 | JsonBroken | RecordsNotFound | undefined
}

/**
 * Bytes of the largest block: what is read, decoded and passed on together, and what is read again at most when reading
 * goes on from a position.
 */
export const blockSize = 256 * 1024

/** What ends a source. */
export type Failure =
  | InvalidHeader
  | InvalidUtf8
  | JsonBroken
  | NamesMissing
  | NotNdjson
  | PositionBeyondEnd
  | RecordsNotFound

/** What was found in a block of bytes. */
export interface Taken<T> {
  readonly records: Array<T>
  /** What ends the source after these records. */
  readonly failure: Failure | undefined
}

/** Takes block after block; the last one may be empty. */
export type Taker<T> = (block: Uint8Array, last: boolean) => Taken<T>

/** The records that a taker finds in bytes. */
export const read = <T, E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  taker: () => Taker<T>
): Stream.Stream<T, E | Failure, R> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      const take = taker()
      let chunks: Arr.NonEmptyReadonlyArray<Uint8Array> | undefined
      let chunk = 0
      let from = 0
      let finished = false
      let failure: Failure | undefined

      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<T>, E | Failure> = Effect.suspend(() => {
        while (failure === undefined && chunks !== undefined) {
          const bytes = chunks[chunk]
          if (bytes === undefined) {
            chunks = undefined
            break
          }
          const block = from === 0 && bytes.length <= blockSize ? bytes : bytes.subarray(from, from + blockSize)
          from += block.length
          if (from >= bytes.length) {
            chunk++
            from = 0
          }
          const taken = take(block, false)
          failure = taken.failure
          if (Arr.isArrayNonEmpty(taken.records)) return Effect.succeed(taken.records)
        }
        if (failure !== undefined) return Effect.fail(failure)
        if (finished) return Cause.done()
        return next
      })

      const next = Pull.matchEffect(upstream, {
        onSuccess: (more) => {
          chunks = more
          chunk = 0
          return pull
        },
        onFailure: Effect.failCause,
        onDone: () => {
          finished = true
          const taken = take(new Uint8Array(0), true)
          failure = taken.failure
          return Arr.isArrayNonEmpty(taken.records) ? Effect.succeed(taken.records) : pull
        }
      })
      return pull
    })
  )

/**
 * Takes what a reader finds in bytes of which the first has the offset `base`. Bytes before the place where the reader
 * starts are passed over.
 */
export const taker = <T>(source: string, base: number, reader: Reader<T>): Taker<T> => {
  let at = base
  let startsAt = reader.startsAt
  let decode = Utf8.make(startsAt)
  const take = (block: Uint8Array, last: boolean): Taken<T> => {
    const start = at
    const end = start + block.length
    if (end < startsAt || (end === startsAt && !last)) {
      at = end
      return { records: [], failure: last ? new PositionBeyondEnd({ source, byte: startsAt }) : undefined }
    }
    const decoded = decode(start < startsAt ? block.subarray(startsAt - start) : block, last)
    const { window } = reader
    try {
      const enough = window.push(decoded.text, decoded.end, last, decoded.escaped)
      const records = enough ? reader.read() : []
      if (reader.startsAt !== startsAt) {
        startsAt = reader.startsAt
        decode = Utf8.make(startsAt)
        return take(block, last)
      }
      at = end
      return { records, failure: reader.failure }
    } catch (error) {
      const isKnown =
        error instanceof InvalidHeader ||
        error instanceof InvalidUtf8 ||
        error instanceof NamesMissing ||
        error instanceof NotNdjson
      if (isKnown) return { records: [], failure: error }
      throw error
    }
  }
  return take
}
