/**
 * The pipeline: records in, every one accounted for.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tag from "../base/Tag.ts"
import * as BatchPolicy from "../policy/BatchPolicy.ts"
import * as ConcurrencyPolicy from "../policy/concurrency/ConcurrencyPolicy.ts"
import type { RateLimitPolicy } from "../policy/rate/RateLimitPolicy.ts"
import type { CircuitBreakerPolicy } from "../policy/retry/CircuitBreakerPolicy.ts"
import type { RetryPolicy } from "../policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../policy/SendPolicy.ts"
import * as SettlePolicy from "../policy/SettlePolicy.ts"
import * as Batch from "./batch/Batch.ts"
import * as Batches from "./batch/Batches.ts"
import * as Books from "./books/Books.ts"
import type { DeadLetters, DeadLettersUnwritable } from "./books/DeadLetters.ts"
import * as Progress from "./books/Progress.ts"
import type { SyncReport } from "./books/SyncReport.ts"
import * as Checkpoint from "./checkpoint/Checkpoint.ts"
import * as Apart from "./deliver/Apart.ts"
import * as Deliver from "./deliver/Deliver.ts"
import * as Dispatch from "./deliver/Dispatch.ts"
import * as Isolate from "./deliver/Isolate.ts"
import * as ReadAhead from "./deliver/ReadAhead.ts"
import * as Resume from "./deliver/Resume.ts"
import type { DeliverError } from "./deliver/SendFailure.ts"
import type { CustomerRecord } from "./model/CustomerRecord.ts"
import type { Behaviour, BehaviourOptions, Destination } from "./model/Destination.ts"
import type { Fates } from "./model/Fate.ts"
import type { Outcome } from "./model/Outcome.ts"
import * as Encode from "./record/Encode.ts"
import * as Source from "./record/Source.ts"

/**
 * What a sync may be told. `R` is what the destination needs, `RL` the rate limit, `RD` the dead letters, and `RC`
 * the checkpoint.
 *
 * @category configuration
 * @since 0.1.0
 */
export type Options<A, B extends Behaviour, R, RL = never, RD = never, RC = never> = BehaviourOptions<B> & {
  readonly to: Destination<A, B, R>
  /** Default: `BatchPolicy.make()`. */
  readonly batch?: BatchPolicy.BatchPolicy | undefined
  /** Default: `RetryPolicy.make()`. */
  readonly retry?: RetryPolicy | undefined
  /** Default: `RateLimitPolicy.find()`, which finds the limit that the vendor does not tell. */
  readonly rateLimit?: RateLimitPolicy<RL> | undefined
  /** Requests in flight at once: a number, or a policy. Default: 8. */
  readonly concurrency?: number | ConcurrencyPolicy.ConcurrencyPolicy | undefined
  /** Default: none. */
  readonly breaker?: CircuitBreakerPolicy | undefined
  /** How accepted batches are waited for. Default: `SettlePolicy.make()`. */
  readonly settling?: SettlePolicy.SettlePolicy | undefined
  /** The requests that taking refused batches apart may cost in all. Default: 10,000. */
  readonly isolateBudget?: number | undefined
  /**
   * Batches that may be unfinished at once, those that wait for a key or to settle included. Default: 64, and 8 more than
   * may be in flight where that is more.
   */
  readonly window?: number | undefined
  /** Where refused records go. Default: they are only counted. */
  readonly deadLetters?: DeadLetters<RD> | undefined
  /**
   * Where the position is kept, so that a run can go on where one stopped. The records must come from a `Source`, which
   * says what it is and brings the same records in the same order each time. A run on a checkpoint that is finished reads
   * and sends nothing. Where the destination's `resend` is `unsafe`, its `takeover` must be `safe`. Default: nowhere.
   */
  readonly checkpoint?: Checkpoint.Checkpoint<RC, B["resend"] extends "safe" ? Checkpoint.Takeover : "safe"> | undefined
  /** How often the checkpoint is written. It is also written whenever that matters. Default: 1 second. */
  readonly checkpointEvery?: Duration.Input | undefined
  /** How long a run that stops waits for the batches in flight. Default: 30 seconds. */
  readonly grace?: Duration.Input | undefined
  /** How many records the source has, where that is known, or comes to be known as it is read: for the progress. */
  readonly total?: number | (() => number | undefined) | undefined
  /** Called at most every 100 milliseconds, and once at the end. */
  readonly onProgress?: ((progress: Progress.Progress) => Effect.Effect<void>) | undefined
  /** Called with the report when the run ends, in whatever way: also when it is interrupted. */
  readonly onReport?: ((report: SyncReport) => Effect.Effect<void>) | undefined
}

/**
 * Where the records of a run come from: any stream of them, or a `Source` where the run may have a checkpoint. `C` is the
 * type of that option.
 *
 * @category models
 * @since 0.1.0
 */
export type Records<A, E, R, C> = [C] extends [undefined]
  ? Stream.Stream<CustomerRecord<A>, E, R>
  : Source.Source<A, E, R>

/**
 * What stops a run before the end of its source, besides the source's own errors.
 *
 * @category errors
 * @since 0.1.0
 */
export type StopReason =
  | DeliverError
  | DeadLettersUnwritable
  | Checkpoint.CheckpointUnsafe
  | Checkpoint.OpenError
  | Source.SourceChanged
  | Source.SourceOutOfOrder
  | Source.SourceUnnamed

/**
 * The run stopped before the end of the source. The report accounts for every record that was read; those that
 * were not sent are `Unsent`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SyncStopped<E> extends Data.TaggedError("SyncStopped")<{
  readonly reason: E
  readonly report: SyncReport
}> {
  override get message(): string {
    const { outcomes, read } = this.report
    const why = this.reason instanceof Error ? this.reason.message : Tag.of(this.reason)
    return `The sync stopped after ${read} records, ${outcomes.Applied + outcomes.Accepted} of them delivered. ${why}`
  }
}

const progressInterval = Duration.millis(100)

// About 800 bad records found one by one in batches of 1,000: more says that something else is wrong.
const defaultIsolateBudget = 10_000

// Chunks of rejected records that wait for whoever takes the outcomes.
const rejectedAhead = 16

// Settling batches hold a place each: at half a second a batch, this is 64,000 records a second.
const leastWindow = 64

const defaultConcurrency = ConcurrencyPolicy.fixed(8)

// Enough for what is being read while a turn comes. More gains no time, and lives so long that V8 takes it for old: 65 MB
// at 8 requests in flight.
const batchesAhead = 8

/**
 * Sends every record of a source to a destination and ends with a report of what became of each. Fails with
 * `SyncStopped`, which carries the report so far, when going on makes no sense.
 *
 * Interrupting it stops reading, lets what is in flight end within the grace period, writes checkpoint and dead
 * letters, and hands the report to `onReport`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run =
  <A, B extends Behaviour, R, RL = never, RD = never, RC = never, C = undefined>(
    options: Options<A, B, R, RL, RD, RC> & { readonly checkpoint?: C }
  ) =>
  <E, RS>(
    source: Records<A, E, RS, C>
  ): Effect.Effect<SyncReport, SyncStopped<E | StopReason>, Exclude<R | RL | RD | RC | RS, Scope.Scope>> =>
    Effect.scoped(
      Effect.gen(function* () {
        const { books, close, records } = yield* open(options, source, false)
        // In a fiber of its own, so that what is in flight can end when this one is interrupted.
        const pipeline = yield* Effect.forkScoped(Effect.andThen(Stream.runDrain(records), close))
        const report = yield* Effect.onInterrupt(Fiber.join(pipeline), () => {
          books.stop({ _tag: "Interrupted" })
          return Fiber.await(pipeline)
        })
        const stopped = books.stopped()
        return stopped?._tag === "Failed" ? yield* new SyncStopped({ reason: stopped.error, report }) : report
      })
    )

/**
 * The same as a stream of outcomes, for apps that want each of them. It fails with `SyncStopped` after the outcome
 * of every record that was read. What is in flight when the stream is given up is interrupted; with a checkpoint,
 * the next run sends it again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outcomes =
  <A, B extends Behaviour, R, RL = never, RD = never, RC = never, C = undefined>(
    options: Options<A, B, R, RL, RD, RC> & { readonly checkpoint?: C }
  ) =>
  <E, RS>(
    source: Records<A, E, RS, C>
  ): Stream.Stream<Outcome, SyncStopped<E | StopReason>, R | RS | Exclude<R | RL | RD | RC | RS, Scope.Scope>> =>
    Stream.unwrap(
      Effect.map(open(options, source, true), ({ books, close, records }) =>
        Stream.concat(
          records,
          Stream.unwrap(
            Effect.map(close, (report) => {
              const stopped = books.stopped()
              return stopped?._tag === "Failed"
                ? Stream.fail(new SyncStopped<E | StopReason>({ reason: stopped.error, report }))
                : Stream.empty
            })
          )
        )
      )
    )

const open = Effect.fnUntraced(function* <A, B extends Behaviour, R, RL, RD, RC, E, RS>(
  options: Options<A, B, R, RL, RD, RC>,
  stream: Stream.Stream<CustomerRecord<A>, E, RS>,
  wantsOutcomes: boolean
) {
  type Failure = E | StopReason
  const { onProgress, onReport, to } = options
  // Without their literal types, which would make every comparison below a question of types.
  const behaviour: Behaviour = to.behaviour
  const chosen: {
    readonly sameKey?: "keep" | "merge" | "split" | undefined
    readonly settle?: "accepted" | "applied" | undefined
  } = options
  const sameKey = chosen.sameKey ?? (behaviour.order === "within" ? "keep" : "split")
  const settle = behaviour.acceptance === "accepted" ? (chosen.settle ?? "applied") : "accepted"
  const batchPolicy = options.batch ?? BatchPolicy.make()
  const startedAt = yield* Clock.currentTimeMillis

  const start = yield* Effect.result(
    Effect.gen(function* () {
      // The types refuse it too, where they know the destination.
      if (behaviour.resend === "unsafe" && options.checkpoint?.takeover === "unsafe") {
        return yield* new Checkpoint.CheckpointUnsafe({ destination: to.name })
      }
      const checkpoint =
        options.checkpoint === undefined
          ? undefined
          : yield* options.checkpoint.open({
              ...(yield* Source.isSource(stream) ? stream.fingerprint : Effect.fail(new Source.SourceUnnamed())),
              destination: to.name,
              "options of the destination": to.fingerprint,
              "records of one key": sameKey,
              settle
            })
      const before = checkpoint === undefined ? undefined : Option.getOrUndefined(checkpoint.state)
      const letters = yield* options.deadLetters === undefined
        ? Effect.succeed(undefined)
        : options.deadLetters.open(
            before === undefined ? {} : { resumedFrom: Resume.offsetOf(before.position), startedAt: before.startedAt }
          )
      return { checkpoint, letters }
    })
  )
  const books = yield* Books.make<Failure>(
    {
      destination: to.name,
      letters: Result.isSuccess(start) ? start.success.letters : undefined,
      checkpoint: Result.isSuccess(start) ? start.success.checkpoint : undefined,
      checkpointEvery: Duration.fromInputUnsafe(options.checkpointEvery ?? "1 second"),
      grace: Duration.fromInputUnsafe(options.grace ?? "30 seconds"),
      wantsOutcomes
    },
    (error) => error
  )
  const { ledger, tally } = books
  const stop = (error: Failure): void => books.stop({ _tag: "Failed", error })
  const isStopping = (): boolean => books.stopped() !== undefined
  // Nothing is read or sent unless everything is open.
  if (Result.isFailure(start)) stop(start.failure)

  const { concurrency: wanted = defaultConcurrency } = options
  const concurrency = typeof wanted === "number" ? ConcurrencyPolicy.fixed(wanted) : wanted
  const policy = yield* SendPolicy.make<never, never, RL>({
    ...(to.address === undefined ? { vendor: to.vendor, tenant: to.tenant } : yield* to.address),
    retry: options.retry,
    rateLimit: options.rateLimit,
    concurrency,
    breaker: options.breaker
  })
  yield* tally.listen(policy)
  const limit = Batch.limit(batchPolicy, to)
  const ahead = ReadAhead.make(batchesAhead)
  const deliver = Deliver.make<A, B, R>({
    to,
    policy,
    tally,
    settle,
    settlePolicy: options.settling ?? SettlePolicy.make(),
    isolate: options.isolate ?? "halve",
    retryUnknown: options.retryUnknown ?? true,
    budget: yield* Isolate.makeBudget({ requests: options.isolateBudget ?? defaultIsolateBudget }),
    limit,
    inFlight: books.inFlight,
    ahead,
    onAccepted: books.accepted,
    onSending: books.sending,
    onStop: stop,
    stopped: books.stopped
  })

  const track = Progress.tracker(options.total)
  const settledBefore = ledger.read()
  const progress =
    onProgress === undefined
      ? Effect.void
      : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const { requests, retries } = tally.totals()
          return onProgress(
            track(now, {
              read: ledger.read(),
              settledBefore,
              outcomes: ledger.counts(),
              requests,
              retries,
              inFlight: policy.state().inFlight,
              elapsed: now - startedAt,
              waiting: tally.waiting(now),
              settling: tally.settlingNow(now),
              waits: tally.waits(now)
            })
          )
        })
  if (onProgress !== undefined) yield* Effect.forkScoped(Effect.forever(Effect.delay(progress, progressInterval)))

  // Ends when the run stops. A failure of the source must not interrupt the batches in flight: it becomes a value.
  const reading = <T>(records: Stream.Stream<T, Failure, RS>): Stream.Stream<T, never, RS> =>
    Stream.suspend(() => (isStopping() ? Stream.empty : records)).pipe(
      Stream.interruptWhen(Deferred.await(books.stopping)),
      Stream.catch((error) => {
        stop(error)
        return Stream.empty
      })
    )

  let sourceEnded = false
  // What is rejected before sending passes by the batches, to whoever takes the outcomes.
  const rejected = yield* Queue.bounded<ReadonlyArray<Outcome>, Cause.Done>(rejectedAhead)

  const collected = (records: Resume.TakenUp<A, Failure, RS>["records"]) =>
    reading(records).pipe(
      Stream.mapArray((records) => {
        books.addRead(records)
        return records
      }),
      Stream.onEnd(
        Effect.sync(() => {
          sourceEnded = !isStopping()
        })
      ),
      Encode.sendable((unsendable) =>
        Effect.flatMap(books.rejected(unsendable), (outcomes) =>
          wantsOutcomes ? Queue.offer(rejected, outcomes) : Effect.void
        )
      ),
      Batches.collect(batchPolicy, to, { sameKey: options.sameKey, limit }),
      ahead.limit,
      Stream.map((batch): Work => ({ batch, deliver: deliver.batch(batch) }))
    )

  type Work = {
    readonly batch: Pick<Batch.Batch<A>, "merged" | "number" | "records">
    readonly deliver: Effect.Effect<Fates, never, R>
  }
  const conclude = (batch: Work["batch"], ended: Fates): Effect.Effect<ReadonlyArray<Outcome>, never, R> => {
    const apart = Apart.of(batch, ended)
    if (apart === undefined) return books.ended(batch, ended)
    return Effect.gen(function* () {
      const outcomes = [...(yield* books.ended(batch, apart.ended, apart.offsets))]
      for (const { batch, fate } of apart.untried) {
        outcomes.push(...(yield* books.ended(batch, [{ fate, indices: batch.records.map((_, index) => index) }])))
      }
      for (const round of apart.rounds) {
        for (const part of Apart.batches(round, batch.number, limit, to.envelope)) {
          outcomes.push(...(yield* books.ended(part, yield* deliver.batch(part))))
        }
      }
      return outcomes
    })
  }

  const encoder = Encode.encoder(batchPolicy, to, { wasSent: books.isUnderway })
  const takenUp = Effect.map(
    Resume.takeUp(
      Source.encoded(Source.isSource(stream) ? stream : { from: () => stream }, encoder),
      books,
      to,
      sameKey
    ),
    ({ records, underway }) =>
      Stream.fromIterable(underway).pipe(
        Stream.map((batch): Work => {
          ledger.addRead(batch.records.length + batch.merged.length)
          return { batch, deliver: deliver.underway(batch) }
        }),
        Stream.concat(collected(records))
      )
  )

  const delivered =
    books.before?.finished === true
      ? Stream.empty
      : Stream.unwrap(Effect.raceFirst(takenUp, Effect.as(Deferred.await(books.stopping), Stream.empty))).pipe(
          Dispatch.mapEffect(({ batch, deliver }) => Effect.flatMap(deliver, (ended) => conclude(batch, ended)), {
            keys: ({ batch }) => Batch.keys(batch),
            window: options.window ?? Math.max(leastWindow, ConcurrencyPolicy.most(concurrency) + batchesAhead)
          })
        )
  const records: Stream.Stream<Outcome, never, R | RS> = wantsOutcomes
    ? delivered.pipe(
        Stream.onEnd(Queue.end(rejected)),
        Stream.merge(Stream.fromQueue(rejected)),
        Stream.flattenIterable
      )
    : Stream.drain(delivered)

  const close = Effect.gen(function* () {
    const mismatch = ledger.mismatch()
    if (mismatch !== undefined) return yield* Effect.die(mismatch)
    const isFinished = sourceEnded && !isStopping()
    yield* books.close(isFinished)
    yield* progress
    const report = yield* books.report(isFinished ? Source.missing(stream) : [])
    if (onReport !== undefined) yield* onReport(report)
    return report
  })

  return { books, close, records }
})
