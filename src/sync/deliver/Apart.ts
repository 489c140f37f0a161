/**
 * Merged records that were refused are taken apart again, so that merging changes nothing but the number of requests: what
 * was merged is sent in its order, each for itself, and each has its own outcome.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Batch, BatchLimit } from "../batch/Batch.ts"
import { OpenBatch } from "../batch/OpenBatch.ts"
import type { Books } from "../books/Books.ts"
import type { Fate, Fates } from "../model/Fate.ts"
import type { Outcome } from "../model/Outcome.ts"
import * as Encoded from "../record/EncodedRecord.ts"
import type { Deliver } from "./Deliver.ts"

type Sent<A> = Pick<Batch<A>, "merged" | "number" | "records">

/** What a batch has come to, where merged records of it were refused. */
export interface Apart<A> {
  /** What became of all others. */
  readonly ended: Fates
  /** The offsets of the merged records that were refused: they, and those in them, have no outcome yet. */
  readonly offsets: ReadonlySet<number>
  /** What is not to be tried, each with what it comes to. */
  readonly untried: ReadonlyArray<{ readonly batch: Sent<A>; readonly fate: Fate }>
  /**
   * What is to be sent, one round after the other: the first of what was merged into each, then the second of each … No
   * key comes twice in a round, and its records come in the order of their offsets.
   */
  readonly rounds: ReadonlyArray<Arr.NonEmptyReadonlyArray<Encoded.EncodedRecord<A>>>
}

/** Takes the merged records of a batch apart that were refused; `undefined` where there are none. */
export const of = <A>(batch: Sent<A>, all: Fates): Apart<A> | undefined => {
  if (batch.merged.length === 0) return undefined
  const refused: Array<{ readonly record: Encoded.EncodedRecord<A>; readonly fate: Fate }> = []
  const ended = all.flatMap(({ fate, indices }): Fates => {
    if (fate._tag !== "Rejected") return [{ fate, indices }]
    const others = indices.filter((index) => {
      const record = batch.records[index]
      if (record === undefined || record.parts.length === 0) return true
      refused.push({ record, fate })
      return false
    })
    return others.length === 0 ? [] : [{ fate, indices: others }]
  })
  if (refused.length === 0) return undefined
  const isTried = ({ fate }: (typeof refused)[number]) => fate._tag === "Rejected" && fate.together !== true
  return {
    ended,
    offsets: new Set(refused.map(({ record }) => record.offset)),
    untried: refused
      .filter((one) => !isTried(one))
      .flatMap(({ fate, record: { parts } }) =>
        Arr.isReadonlyArrayNonEmpty(parts)
          ? [{ batch: { number: batch.number, records: parts, merged: [] }, fate }]
          : []
      ),
    rounds: roundsOf(refused.filter(isTried).map(({ record }) => record.parts))
  }
}

const roundsOf = <A>(merged: ReadonlyArray<ReadonlyArray<Encoded.EncodedRecord<A>>>): Apart<A>["rounds"] =>
  Array.from({ length: Math.max(0, ...merged.map((parts) => parts.length)) }, (_, round) =>
    merged.flatMap((parts) => parts[round] ?? []).sort((a, b) => a.offset - b.offset)
  ).filter((round) => Arr.isArrayNonEmpty(round))

/** A round as batches of the size that is allowed now. They have the number of the batch that was taken apart. */
export const batches = <A>(
  records: Arr.NonEmptyReadonlyArray<Encoded.EncodedRecord<A>>,
  number: number,
  size: Pick<BatchLimit, "bytes" | "records">,
  envelope: readonly [open: string, close: string]
): ReadonlyArray<Batch<A>> => {
  const options = {
    maxRecords: size.records,
    maxBytes: size.bytes,
    emptyBytes: Encoded.byteLength(envelope[0]) + Encoded.byteLength(envelope[1]),
    sameKey: "keep",
    fold: () => undefined
  } as const
  const closed: Array<Batch<A>> = []
  let open = new OpenBatch<A>(options)
  for (const record of records) {
    if (open.isFull || !open.take(record)) {
      closed.push(open.close(number, envelope))
      open = new OpenBatch<A>(options)
      open.take(record)
    }
  }
  closed.push(open.close(number, envelope))
  return closed
}

/**
 * Takes down what a batch has come to. Merged records of it that were refused are sent again, apart, and what they come to
 * is taken down in turn.
 */
export const conclude = <A, R>(
  batch: Sent<A>,
  ended: Fates,
  run: {
    readonly books: Pick<Books<never>, "ended">
    readonly deliver: Pick<Deliver<A, R>, "batch">
    readonly limit: BatchLimit
    readonly envelope: readonly [open: string, close: string]
  }
): Effect.Effect<ReadonlyArray<Outcome>, never, R> => {
  const { books, deliver, envelope, limit } = run
  const apart = of(batch, ended)
  if (apart === undefined) return books.ended(batch, ended)
  return Effect.gen(function* () {
    const outcomes = [...(yield* books.ended(batch, apart.ended, apart.offsets))]
    for (const { batch, fate } of apart.untried) {
      outcomes.push(...(yield* books.ended(batch, [{ fate, indices: batch.records.map((_, index) => index) }])))
    }
    for (const round of apart.rounds) {
      for (const part of batches(round, batch.number, limit, envelope)) {
        outcomes.push(...(yield* books.ended(part, yield* deliver.batch(part))))
      }
    }
    return outcomes
  })
}
