/**
 * Taking up a run again: what was accepted is asked for, what is done is passed over, and the rest is sent.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Batch from "./Batch.ts"
import type { Position } from "./CheckpointState.ts"
import type { SourcePosition } from "./CustomerRecord.ts"
import type { Behaviour, Destination } from "./Destination.ts"
import * as Encode from "./Encode.ts"
import type { EncodedRecord } from "./EncodedRecord.ts"
import * as OffsetSet from "./OffsetSet.ts"
import type { Merged } from "./Outcome.ts"
import type { Run } from "./Run.ts"
import * as Source from "./Source.ts"

/**
 * The offset at which a run goes on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const offsetOf = (position: Position): number => (typeof position === "number" ? position : position.offset)

const positionOf = (position: Position | undefined): SourcePosition | undefined =>
  position === undefined || typeof position === "number" ? undefined : position

/**
 * The records of a source that have no outcome from an earlier run, once what was under way has ended. With a
 * checkpoint, they must come in the order of their offsets; offsets that do not come count as done.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remaining = <A, E, R>(
  from: Source.EncodedFrom<A, E, R>,
  books: Pick<Run<unknown>, "addGap" | "before" | "isDone" | "keeps">
): Stream.Stream<Encode.Encoded<A>, E | Source.SourceOutOfOrder, R> =>
  Stream.suspend(() => {
    const position = positionOf(books.before?.position)
    if (!books.keeps) return from(position)
    let next = position?.offset ?? 0
    const inOrder = from(position).pipe(
      Stream.mapArrayEffect((records) => {
        for (const { offset } of records) {
          if (offset !== next) {
            if (offset < next) return Effect.fail(new Source.SourceOutOfOrder({ offset, after: next - 1 }))
            books.addGap(next, offset)
          }
          next = offset + 1
        }
        return Effect.succeed(records)
      })
    )
    return books.before === undefined ? inOrder : Stream.filter(inOrder, ({ offset }) => !books.isDone(offset))
  })

/**
 * A batch, or a part of one, whose request an earlier run sent: it was accepted (`batchId`), or nobody knows what
 * became of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Underway<A> {
  readonly number: number
  readonly records: Arr.NonEmptyReadonlyArray<EncodedRecord<A>>
  readonly merged: ReadonlyArray<Merged>
  readonly batchId: string | undefined
  readonly acceptedAt: number
}

/**
 * What an earlier run had under way. It must come to its end before anything new is sent, since it may hold the
 * same customers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const underway = <A, B extends Behaviour, E, R, RD>(
  source: Source.Source<A, E, R>,
  books: Pick<Run<unknown>, "before">,
  to: Destination<A, B, RD>,
  sameKey: "keep" | "merge" | "split"
): Stream.Stream<Underway<A>, E | Source.SourceChanged, R> =>
  Stream.suspend(() => {
    const { before } = books
    const open = [
      ...(before?.settling ?? []),
      ...(before?.sending ?? []).map((sending) => ({ ...sending, acceptedAt: 0, batchId: undefined }))
    ].map(({ acceptedAt, batch, batchId, runs }) => ({
      acceptedAt,
      batch,
      batchId,
      has: OffsetSet.make(0, runs).has,
      first: runs[0]?.[0] ?? 0,
      missing: runs.reduce((sum, [from, to]) => sum + to - from, 0),
      records: Arr.empty<EncodedRecord<A>>()
    }))
    if (open.length === 0) return Stream.empty
    let missing = open.length
    const from = Source.encoded(
      source,
      Encode.encoder({ maxBytes: Number.POSITIVE_INFINITY, maxRecords: to.maxRecords }, to)
    )
    return from(positionOf(before?.position)).pipe(
      Stream.filter((record) => Encode.isSendable(record) && open.some(({ has }) => has(record.offset))),
      Stream.filter(Encode.isSendable),
      Stream.map((record): Underway<A> | undefined => {
        const one = open.find(({ has }) => has(record.offset))
        if (one === undefined) return undefined
        one.records.push(record)
        if (--one.missing > 0) return undefined
        const { merged, records } = sameKey === "merge" ? folded(one.records, to) : { merged: [], records: one.records }
        return Arr.isArrayNonEmpty(records)
          ? { number: one.batch, records, merged, batchId: one.batchId, acceptedAt: one.acceptedAt }
          : undefined
      }),
      Stream.filter((complete) => complete !== undefined),
      Stream.takeUntil(() => --missing === 0),
      Stream.concat(
        Stream.suspend(() => {
          const one = open.find((one) => one.missing > 0)
          return one === undefined ? Stream.empty : Stream.fail(new Source.SourceChanged({ offset: one.first }))
        })
      )
    )
  })

// The records of one key are in the request as one, in the place of the last of them.
const folded = <A, B extends Behaviour>(
  records: ReadonlyArray<EncodedRecord<A>>,
  to: Pick<Destination<A, B>, "encode" | "envelope" | "merge">
) => {
  const fold = Batch.fold(to)
  const last = new Map<string, EncodedRecord<A>>()
  for (const record of records) {
    const earlier = last.get(record.key)
    last.delete(record.key)
    last.set(record.key, (earlier && fold(earlier, record)) ?? record)
  }
  const merged = records.flatMap(({ key, offset }): ReadonlyArray<Merged> => {
    const into = last.get(key)?.offset
    return into === undefined || into === offset ? [] : [{ _tag: "Merged", offset, into }]
  })
  return { records: [...last.values()], merged }
}
