/** Taking up a run again: what was accepted is asked for, what is done is passed over, and the rest is sent. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ApiError } from "../../http/ApiError.ts"
import * as Batches from "../batch/Batches.ts"
import type { Books as RunBooks } from "../books/Books.ts"
import * as OffsetSet from "../books/OffsetSet.ts"
import * as Checkpoint from "../checkpoint/PlacedCheckpoint.ts"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import type { Behaviour, Destination } from "../model/Destination.ts"
import * as Outcome from "../model/Outcome.ts"
import * as Encode from "../record/Encode.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"
import * as Source from "../record/Source.ts"

const positionOf = (position: Checkpoint.State["position"] | undefined): SourcePosition | undefined =>
  position === undefined || typeof position === "number" ? undefined : position

/**
 * A batch, or a part of one, whose request an earlier run sent: it was accepted (`batchId`), or nobody knows what
 * became of it.
 */
export interface Underway<A> {
  readonly number: number
  readonly records: Arr.NonEmptyReadonlyArray<EncodedRecord<A>>
  readonly merged: ReadonlyArray<Outcome.Merged>
  readonly batchId: string | undefined
  readonly acceptedAt: number
}

/** A source as a run takes it up. */
export interface TakenUp<A, E, R> {
  /** What an earlier run had under way. It may hold the same customers as `records`, and comes before them. */
  readonly underway: ReadonlyArray<Underway<A>>
  /** All records that have no outcome from an earlier run and are not under way. */
  readonly records: Stream.Stream<Encode.Encoded<A>, E | Source.SourceChanged | Source.SourceOutOfOrder, R>
}

type Books = Pick<RunBooks<unknown>, "addGap" | "before" | "isDone" | "keeps">

/**
 * Takes up a source where an earlier run stopped, or begins with it. It is read once: as long as records of what is under
 * way are missing, the others that come by are held, of which there are no more than the earlier run had unfinished or set
 * aside.
 *
 * With a checkpoint, records must come in the order of their offsets; offsets that do not come count as done.
 */
export const takeUp = Effect.fnUntraced(function* <A, B extends Behaviour, E, R, RD>(
  from: Source.EncodedFrom<A, E, R>,
  books: Books,
  to: Destination<A, B, ApiError, RD>,
  sameKey: "keep" | "merge" | "split"
): Effect.fn.Return<TakenUp<A, E, R>, never, R | Scope.Scope> {
  const { before } = books
  const records = undone(from, books)
  const open = underwayIn(before, to, sameKey)
  if (open.length === 0) return { underway: [], records }

  const pull = yield* Stream.toPull(records)
  const held: Array<Arr.NonEmptyReadonlyArray<Encode.Encoded<A>>> = []
  let rest = Stream.fromPull(Effect.succeed(pull))
  for (let lost = missingIn(open); lost !== undefined; lost = missingIn(open)) {
    const pulled = yield* Effect.exit(pull)
    if (Exit.isFailure(pulled)) {
      const end = Pull.doneExitFromCause(pulled.cause)
      rest = Exit.isSuccess(end)
        ? Stream.fail(new Source.SourceChanged({ offset: lost.first }))
        : Stream.failCause(end.cause)
      break
    }
    const others = pulled.value.filter((record) => !take(open, record))
    if (Arr.isArrayNonEmpty(others)) held.push(others)
  }
  return {
    underway: open.flatMap((batch) => batch.whole() ?? []),
    records: Stream.concat(Stream.fromArrays(...held), rest)
  }
})

const missingIn = <A>(open: ReadonlyArray<Incomplete<A>>) => open.find(({ missing }) => missing() > 0)

/** The records that have no outcome from an earlier run. */
const undone = <A, E, R>(
  from: Source.EncodedFrom<A, E, R>,
  { addGap, before, isDone, keeps }: Books
): TakenUp<A, E, R>["records"] =>
  Stream.suspend(() => {
    const position = positionOf(before?.position)
    if (!keeps) return from(position)
    let next = position?.offset ?? 0
    const inOrder = from(position).pipe(
      Stream.mapArrayEffect((records) => {
        for (const { offset } of records) {
          if (offset !== next) {
            if (offset < next) return Effect.fail(new Source.SourceOutOfOrder({ offset, after: next - 1 }))
            addGap(next, offset)
          }
          next = offset + 1
        }
        return Effect.succeed(records)
      })
    )
    if (before === undefined) return inOrder
    const known = endOf(before)
    return Stream.concat(
      Stream.filter(inOrder, ({ offset }) => !isDone(offset)),
      Stream.suspend(() => (next < known ? Stream.fail(new Source.SourceChanged({ offset: next })) : Stream.empty))
    )
  })

/** The offset behind the last record that an earlier run is known to have read. */
const endOf = (before: Checkpoint.State): number =>
  Math.max(
    Checkpoint.offsetOf(before),
    ...[before.done, ...before.settling.map(({ runs }) => runs), ...before.sending.map(({ runs }) => runs)].map(
      (runs) => runs.at(-1)?.[1] ?? 0
    )
  )

/** What was under way, to be put together again from the records as they come. */
const underwayIn = <A, B extends Behaviour, RD>(
  before: Checkpoint.State | undefined,
  to: Destination<A, B, ApiError, RD>,
  sameKey: "keep" | "merge" | "split"
) =>
  [
    ...(before?.settling ?? []),
    ...(before?.sending ?? []).map((sending) => ({ ...sending, acceptedAt: 0, batchId: undefined }))
  ].map(({ acceptedAt, batch, batchId, runs }) => {
    const { has } = OffsetSet.make(0, runs)
    const taken: Array<EncodedRecord<A>> = []
    let missing = runs.reduce((sum, [from, to]) => sum + to - from, 0)
    return {
      first: runs[0]?.[0] ?? 0,
      missing: () => missing,
      has,
      /** One of its records has come; `record` is undefined where it was taken for another batch. */
      add: (record: EncodedRecord<A> | undefined): void => {
        if (record !== undefined) taken.push(record)
        missing--
      },
      whole: (): Underway<A> | undefined => {
        if (missing > 0) return undefined
        const { merged, records } = sameKey === "merge" ? folded(taken, to) : { merged: [], records: taken }
        return Arr.isArrayNonEmpty(records) ? { number: batch, records, merged, batchId, acceptedAt } : undefined
      }
    }
  })

type Incomplete<A> = ReturnType<typeof underwayIn<A, Behaviour, never>>[number]

/** Whether the record is under way. What is noted as sent and as accepted is taken for accepted, which comes first. */
const take = <A>(open: ReadonlyArray<Incomplete<A>>, record: Encode.Encoded<A>): boolean => {
  if (!Encode.isSendable(record)) return false
  const holders = open.filter(({ has }) => has(record.offset))
  holders.forEach((batch, index) => {
    batch.add(index === 0 ? record : undefined)
  })
  return holders.length > 0
}

// The records of one key are in the request as one, in the place of the last of them.
const folded = <A, B extends Behaviour>(
  records: ReadonlyArray<EncodedRecord<A>>,
  to: Pick<Destination<A, B>, "encode" | "envelope" | "merge">
) => {
  const fold = Batches.fold(to)
  const last = new Map<string, EncodedRecord<A>>()
  for (const record of records) {
    const earlier = last.get(record.key)
    last.delete(record.key)
    last.set(record.key, (earlier && fold(earlier, record)) ?? record)
  }
  const merged = records.flatMap((record): ReadonlyArray<Outcome.Merged> => {
    const into = last.get(record.key)?.offset
    return into === undefined || into === record.offset ? [] : [{ _tag: "Merged", ...Outcome.ofRecord(record), into }]
  })
  return { records: [...last.values()], merged }
}
