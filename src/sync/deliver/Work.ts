/** All that a run has to deliver, as one stream: what an earlier run left under way, then batches of what is read. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ApiError } from "../../http/ApiError.ts"
import type { BatchPolicy } from "../../policy/BatchPolicy.ts"
import * as Batch from "../batch/Batch.ts"
import * as Batches from "../batch/Batches.ts"
import * as UnfinishedKeys from "../batch/UnfinishedKeys.ts"
import type { Books } from "../books/Books.ts"
import { type BehaviourOptions, choices } from "../model/BehaviourOptions.ts"
import type { Behaviour, Destination } from "../model/Destination.ts"
import type { Fates } from "../model/Fate.ts"
import type { Outcome } from "../model/Outcome.ts"
import * as Encode from "../record/Encode.ts"
import * as Source from "../record/Source.ts"
import * as Apart from "./Apart.ts"
import type { Deliver } from "./Deliver.ts"
import * as Dispatch from "./Dispatch.ts"
import type { ReadAhead } from "./ReadAhead.ts"
import * as Resume from "./Resume.ts"

interface Options<A, B extends Behaviour, E, R, RS> {
  readonly from: Source.EncodedFrom<A, E, RS>
  readonly to: Destination<A, B, ApiError, R>
  readonly books: Books<E | Source.SourceChanged | Source.SourceOutOfOrder>
  readonly deliver: Deliver<A, R>
  readonly batch: BatchPolicy
  readonly sameKey: BehaviourOptions<B>["sameKey"]
  readonly limit: Batch.BatchLimit
  /** Records to read, at most. */
  readonly most: number | undefined
  readonly ahead: Pick<ReadAhead, "limit">
  /** Batches that may be unfinished at once. */
  readonly window: number
  /** Records that may wait for their key. */
  readonly aside: number | undefined
  /** Told what became of records that come into no batch. */
  readonly onWithheld: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<unknown>
}

interface Work<A, R> {
  readonly batch: Pick<Batch.Batch<A>, "merged" | "number" | "records">
  readonly ended: Effect.Effect<Fates, never, R>
}

/**
 * Does it, and says what became of each batch. Ends when all is done, or when what was begun has ended after the run was
 * stopped. A run that an earlier one has finished has nothing to do.
 */
export const done = <A, B extends Behaviour, E, R, RS>(
  options: Options<A, B, E, R, RS>
): Stream.Stream<ReadonlyArray<Outcome>, never, R | RS> => {
  const { books, to, window } = options
  if (books.before?.finished === true) return Stream.empty
  const unfinished = UnfinishedKeys.make()
  const stopped = Effect.as(Deferred.await(books.stopping), Stream.empty)
  return Stream.unwrap(Effect.raceFirst(toDo(options, unfinished), stopped)).pipe(
    Dispatch.mapEffect(
      ({ batch, ended }) =>
        Effect.flatMap(ended, (ended) => Apart.conclude(batch, ended, { ...options, envelope: to.envelope })),
      { keys: ({ batch }) => Batch.keys(batch), unfinished, window }
    )
  )
}

const toDo = <A, B extends Behaviour, E, R, RS>(
  options: Options<A, B, E, R, RS>,
  unfinished: UnfinishedKeys.UnfinishedKeys
) => {
  const { books, deliver, from, to } = options
  return Effect.map(
    Resume.takeUp(from, books, to, choices(to.behaviour, options).sameKey),
    ({ records, underway }): Stream.Stream<Work<A, R>, never, RS> =>
      Stream.concat(
        Stream.map(Stream.fromIterable(underway), (batch) => {
          books.ledger.addRead(batch.records.length + batch.merged.length)
          return { batch, ended: deliver.underway(batch) }
        }),
        Stream.map(collected(untilStop(upTo(options.most, records, books), books), options, unfinished), (batch) => ({
          batch,
          ended: deliver.batch(batch)
        }))
      )
  )
}

/** The first of the records. */
const upTo = <T, E, R>(
  most: number | undefined,
  records: Stream.Stream<T, E, R>,
  books: Pick<Books<E>, "setLimited">
) =>
  most === undefined
    ? records
    : Stream.suspend(() => {
        let left = most
        return Stream.take(records, most).pipe(
          Stream.mapArray((taken) => {
            left -= taken.length
            if (left <= 0) books.setLimited()
            return taken
          })
        )
      })

/**
 * Ends when the run stops. A failure of the source must not interrupt the batches in flight: it stops the run, at once or
 * when all records before it have their outcome.
 */
const untilStop = <T, E, R>(records: Stream.Stream<T, E, R>, { endWith, stop, stopped, stopping }: Books<E>) =>
  Stream.suspend(() => (stopped() === undefined ? records : Stream.empty)).pipe(
    Stream.interruptWhen(Deferred.await(stopping)),
    Stream.catch((error) => {
      if (Source.isAfterRecords(error)) endWith({ _tag: "Failed", error })
      else stop({ _tag: "Failed", error })
      return Stream.empty
    })
  )

/** Batches of what is read. What must not be sent is taken down at once. */
const collected = <A, B extends Behaviour, E, R, RS>(
  records: Stream.Stream<Encode.Encoded<A>, never, RS>,
  { ahead, aside, batch, books, limit, onWithheld, sameKey, to }: Options<A, B, E, R, RS>,
  unfinished: UnfinishedKeys.UnfinishedKeys
) =>
  records.pipe(
    Stream.mapArray((records) => {
      books.addRead(records)
      return records
    }),
    Encode.sendable((withheld) => Effect.flatMap(books.withheld(withheld), onWithheld)),
    Batches.collect(batch, to, { sameKey, limit, unfinished, aside }),
    ahead.limit
  )
