/**
 * How many records a file has, while it is read.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { CustomerRecord, SourcePosition } from "../sync/model/CustomerRecord.ts"
import * as Source from "../sync/record/Source.ts"
import * as FilePlace from "./read/FilePlace.ts"

/**
 * Watches records as they are read, and estimates from the bytes that they took how many the whole source has: for the
 * `total` of a sync. It is exact once the source has been read to its end, and `undefined` until the first bytes say
 * something.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watch = <A, E, R>(
  source: Source.Source<A, E, R>,
  options: {
    /** Bytes of the whole source, compressed where it is, or of each of several by name, in their order; `undefined` where nobody knows. */
    readonly size: number | ReadonlyMap<string, number> | undefined
  }
): { readonly records: Source.Source<A, E, R>; readonly total: () => number | undefined } => {
  let at: SourcePosition | undefined
  let last = -1
  let ended = false
  const watched = <T extends Pick<CustomerRecord<A>, "offset" | "position">>(stream: Stream.Stream<T, E, R>) =>
    stream.pipe(
      Stream.mapArray((chunk) => {
        const record = chunk[chunk.length - 1]
        at = record?.position ?? at
        last = Math.max(last, record?.offset ?? last)
        return chunk
      }),
      Stream.onEnd(
        Effect.sync(() => {
          ended = true
        })
      )
    )
  return {
    records: Source.make({
      fingerprint: source.fingerprint,
      place: source.place,
      start: source.start,
      recount: source.recount,
      shared: source.shared,
      from: (position) => watched(source.from(position)),
      encoded: (encoder) => {
        const from = source.encoded?.(encoder)
        return from === undefined ? undefined : (position) => watched(from(position))
      },
      rows: source.rows,
      against: source.against,
      proof: source.proof,
      notes: source.notes,
      expansion: source.expansion,
      mapped: source.mapped
    }),
    total: () => {
      if (ended && last >= 0) return last + 1
      // The first block says nothing of its length.
      if (options.size === undefined || at === undefined || at.offset === 0 || !FilePlace.isIn(at)) return undefined
      const { before, whole } = sizesOf(options.size, at.source)
      const expansion = source.expansion?.() ?? 1
      return Math.max(last + 1, Math.round((at.offset * whole * expansion) / (before * expansion + at.place.byte)))
    }
  }
}

/** Bytes of all, and of those before one of several. */
const sizesOf = (size: number | ReadonlyMap<string, number>, name: string | undefined) => {
  if (typeof size === "number") return { before: 0, whole: size }
  let before = 0
  let whole = 0
  for (const [source, bytes] of size) {
    if (source === name) before = whole
    whole += bytes
  }
  return { before, whole }
}
