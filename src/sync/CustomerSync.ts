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
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tag from "../base/Tag.ts"
import type { ApiError } from "../http/ApiError.ts"
import * as BatchPolicy from "../policy/BatchPolicy.ts"
import * as ConcurrencyPolicy from "../policy/concurrency/ConcurrencyPolicy.ts"
import type { RateLimitPolicy } from "../policy/rate/RateLimitPolicy.ts"
import type { CircuitBreakerPolicy } from "../policy/retry/CircuitBreakerPolicy.ts"
import type { RetryPolicy } from "../policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../policy/SendPolicy.ts"
import * as Batch from "./batch/Batch.ts"
import * as Books from "./books/Books.ts"
import type { DeadLetters, DeadLettersUnwritable } from "./books/DeadLetters.ts"
import * as Progress from "./books/Progress.ts"
import type { SyncReport } from "./books/SyncReport.ts"
import * as Checkpoint from "./checkpoint/Checkpoint.ts"
import * as PlacedCheckpoint from "./checkpoint/PlacedCheckpoint.ts"
import * as Realigned from "./checkpoint/Realigned.ts"
import * as Deliver from "./deliver/Deliver.ts"
import * as Isolate from "./deliver/Isolate.ts"
import * as ReadAhead from "./deliver/ReadAhead.ts"
import type { DeliverError } from "./deliver/SendFailure.ts"
import * as Work from "./deliver/Work.ts"
import { type BehaviourOptions, choices, type Lawful } from "./model/BehaviourOptions.ts"
import type { CustomerRecord } from "./model/CustomerRecord.ts"
import type { Behaviour, Destination } from "./model/Destination.ts"
import type { Fingerprint } from "./model/Fingerprint.ts"
import type { Outcome } from "./model/Outcome.ts"
import * as Encode from "./record/Encode.ts"
import * as Places from "./record/Places.ts"
import * as Source from "./record/Source.ts"

export type { BehaviourOptions, Unlawful } from "./model/BehaviourOptions.ts"

/**
 * What a sync may be told. `E` is what the destination can fail with, `R` what it needs, `RL` the rate limit, `RD` the
 * dead letters, and `RC` the checkpoint.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A, B extends Behaviour, E extends ApiError, R, RL = never, RD = never, RC = never>
  extends BehaviourOptions<B> {
  readonly to: Destination<A, B, E, R>
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
  /**
   * Batches that may be unfinished at once, those that wait for a key or to settle included. Default: 64, and 8 more than
   * may be in flight where that is more.
   */
  readonly window?: number | undefined
  /**
   * Records that may be set aside until their customer is free, while others go out; beyond, nothing is read. Each takes
   * about a kilobyte. Default: 16,384.
   */
  readonly aside?: number | undefined
  /** Where refused records go. Default: they are only counted. */
  readonly deadLetters?: DeadLetters<RD> | undefined
  /**
   * Where the position is kept, so that a run can go on where one stopped. The records must come from a `Source`, which
   * says what it is and brings the same records in the same order each time. A run on a checkpoint that is finished reads
   * and sends nothing. Where the destination's `resend` is `unsafe`, its `takeover` must be `safe`. Default: nowhere.
   */
  readonly checkpoint?:
    | Checkpoint.Checkpoint<RC, "safe">
    | Lawful<Checkpoint.Checkpoint<RC, "unsafe">, B["resend"], "safe", "only for destinations whose resend is safe">
    | undefined
  /** How often the checkpoint is written. It is also written whenever that matters. Default: 1 second. */
  readonly checkpointEvery?: Duration.Input | undefined
  /** How long a run that stops waits for the batches in flight. Default: 30 seconds. */
  readonly grace?: Duration.Input | undefined
  /**
   * What a run that is interrupted waits for in that time: all that it began, with its retries, until it has settled (`all`), or
   * only the requests that are on the wire (`requests`). With a checkpoint the next run takes up the rest. Default: `all`.
   */
  readonly graceFor?: "all" | "requests" | undefined
  /**
   * Records that this run takes up at most, those that are rejected included: it ends when each of them has its outcome. With
   * a checkpoint the next run goes on behind them. Default: all.
   */
  readonly limit?: number | undefined
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
 * What stops a run before the end of its source, besides the source's own errors: to a destination that can fail with `E`,
 * with what it `Uses`.
 *
 * @category errors
 * @since 0.1.0
 */
export type StopReason<E extends ApiError = ApiError, Uses extends Kept = Kept> =
  | DeliverError<E>
  | ("deadLetters" extends Uses ? DeadLettersUnwritable : never)
  | ("checkpoint" extends Uses
      ?
          | Checkpoint.CheckpointUnsafe
          | Checkpoint.OpenError
          | Source.SourceChanged
          | Source.SourceOutOfOrder
          | Source.SourcePlaceInvalid
          | Source.SourceUnnamed
      : never)

type Kept = "checkpoint" | "deadLetters"

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

/**
 * The option where it is given: `T` is the type of what is.
 *
 * @category models
 * @since 0.1.0
 */
export type Uses<T, Option extends Kept> = [T] extends [undefined] ? never : Option

const progressInterval = Duration.millis(100)

// Chunks of records that are not sent, and whose outcomes wait for whoever takes them.
const withheldAhead = 16

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
  <A, B extends Behaviour, E extends ApiError, R, RL = never, RD = never, RC = never, C = undefined, D = undefined>(
    options: Options<A, B, E, R, RL, RD, RC> & { readonly checkpoint?: C; readonly deadLetters?: D }
  ) =>
  <ES, RS>(
    source: Records<A, ES, RS, C>
  ): Effect.Effect<
    SyncReport,
    SyncStopped<ES | StopReason<E, Uses<C, "checkpoint"> | Uses<D, "deadLetters">>>,
    Exclude<R | RL | RD | RC | RS, Scope.Scope>
  > =>
    Effect.scoped(
      Effect.gen(function* () {
        const { books, close, records } = yield* open(options, source, false)
        // In a fiber of its own, so that what is in flight can end when this one is interrupted.
        const pipeline = yield* Effect.forkScoped(Effect.andThen(Stream.runDrain(records), close))
        const report = yield* Effect.onInterrupt(Fiber.join(pipeline), () => {
          books.stop({ _tag: "Interrupted" })
          return Fiber.await(pipeline)
        })
        return yield* unlessStopped<ES | StopReason<E, Uses<C, "checkpoint"> | Uses<D, "deadLetters">>>(books, report)
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
  <A, B extends Behaviour, E extends ApiError, R, RL = never, RD = never, RC = never, C = undefined, D = undefined>(
    options: Options<A, B, E, R, RL, RD, RC> & { readonly checkpoint?: C; readonly deadLetters?: D }
  ) =>
  <ES, RS>(
    source: Records<A, ES, RS, C>
  ): Stream.Stream<
    Outcome,
    SyncStopped<ES | StopReason<E, Uses<C, "checkpoint"> | Uses<D, "deadLetters">>>,
    R | RS | Exclude<R | RL | RD | RC | RS, Scope.Scope>
  > =>
    Stream.unwrap(
      Effect.map(open(options, source, true), ({ books, close, records }) =>
        Stream.concat(
          records,
          Stream.fromEffectDrain(
            Effect.flatMap(close, (report) =>
              unlessStopped<ES | StopReason<E, Uses<C, "checkpoint"> | Uses<D, "deadLetters">>>(books, report)
            )
          )
        )
      )
    )

const unlessStopped = <E>({ stopped }: Pick<Books.Books<unknown>, "stopped">, report: SyncReport) => {
  const why = stopped()
  if (why?._tag !== "Failed") return Effect.succeed(report)
  // Books know what may stop any run; of that, it is what this destination and these options can bring.
  return Effect.fail(new SyncStopped({ reason: why.error as E, report }))
}

/** `meaning` is what a run means besides its source. */
const openCheckpoint = Effect.fnUntraced(function* <A, ES, RS, RC>(
  place: Checkpoint.Checkpoint<RC>,
  source: Stream.Stream<CustomerRecord<A>, ES, RS>,
  places: Places.Places,
  meaning: Fingerprint
) {
  if (!Source.isSource(source)) return yield* new Source.SourceUnnamed()
  const { against, fingerprint, proof } = source
  const opened = yield* place.open(
    { ...(yield* fingerprint), ...meaning },
    { against: against && ((differences, { fingerprint, proof }) => against({ was: fingerprint, differences, proof })) }
  )
  const context = yield* Effect.context<RS>()
  const placed = yield* PlacedCheckpoint.make(opened, places, (end, behind) =>
    proof === undefined ? Effect.succeed(undefined) : Effect.provideContext(proof(end, behind), context)
  )
  return { opened, placed }
})

/** What a run needs before it reads. Nothing is read or sent unless all of it is open. */
const openKept = Effect.fnUntraced(function* <A, B extends Behaviour, E extends ApiError, R, RL, RD, RC, ES, RS>(
  { checkpoint: place, deadLetters, to, ...options }: Options<A, B, E, R, RL, RD, RC>,
  source: Stream.Stream<CustomerRecord<A>, ES, RS>,
  { places, startedAt }: { readonly places: Places.Places; readonly startedAt: number }
) {
  // The types refuse it too, where they know the destination.
  if (to.behaviour.resend === "unsafe" && place?.takeover === "unsafe") {
    return yield* new Checkpoint.CheckpointUnsafe({ destination: to.name })
  }
  const { sameKey, settle } = choices(to.behaviour, options)
  const kept =
    place &&
    (yield* openCheckpoint(place, source, places, {
      destination: to.name,
      "options of the destination": to.fingerprint,
      "records of one key": sameKey,
      settle
    }))
  const recount = Source.isSource(source) ? source.recount : undefined
  const found = kept?.placed
  const before = found?.state && recount ? yield* Realigned.make(found.state, recount) : found?.state
  const checkpoint = found && { ...found, state: before }
  const letters =
    deadLetters &&
    (yield* deadLetters.open({
      // Where offsets are of other records now, letters of an earlier run keep none of this one out.
      resumedFrom: before && before === found?.state ? PlacedCheckpoint.offsetOf(before) : undefined,
      startedAt: before?.startedAt ?? startedAt,
      checkpoint: kept?.opened
    }))
  return { checkpoint, letters }
})

/** How the rows of dead letters are read again. */
const rowsOf = <A, E, R>(
  source: Stream.Stream<CustomerRecord<A>, E, R>
): Effect.Effect<Books.Options["rows"], never, R> => {
  const rows = Source.isSource(source) ? source.rows : undefined
  if (rows === undefined) return Effect.succeed(undefined)
  return Effect.map(Effect.context<R>(), (context) => (wanted) => Effect.provideContext(rows(wanted), context))
}

const open = Effect.fnUntraced(function* <A, B extends Behaviour, E extends ApiError, R, RL, RD, RC, ES, RS>(
  options: Options<A, B, E, R, RL, RD, RC>,
  source: Stream.Stream<CustomerRecord<A>, ES, RS>,
  wantsOutcomes: boolean
) {
  const { batch = BatchPolicy.make(), grace = "30 seconds", to } = options
  const isShort = options.graceFor === "requests"
  const startedAt = yield* Clock.currentTimeMillis
  const places = Source.isSource(source)
    ? Places.make(source.place, source.recount !== undefined)
    : Places.make(undefined)
  const kept = yield* Effect.result(openKept(options, source, { places, startedAt }))
  const rows = yield* rowsOf(source)
  const books = yield* Books.make<ES | StopReason>(
    {
      destination: to.name,
      ...(Result.isSuccess(kept) ? kept.success : { letters: undefined, checkpoint: undefined }),
      places,
      rows,
      checkpointEvery: Duration.fromInputUnsafe(options.checkpointEvery ?? "1 second"),
      grace: Duration.fromInputUnsafe(grace),
      isShort,
      startedAt,
      wantsOutcomes
    },
    (error) => error
  )
  const { stop, stopped, tally } = books
  if (Result.isFailure(kept)) stop({ _tag: "Failed", error: kept.failure })

  const { concurrency: wanted = defaultConcurrency, rateLimit, retry, breaker } = options
  const concurrency = typeof wanted === "number" ? ConcurrencyPolicy.fixed(wanted) : wanted
  const address = to.address === undefined ? { vendor: to.vendor, tenant: to.tenant } : yield* to.address
  const policy = yield* SendPolicy.make<never, never, RL>({ ...address, retry, rateLimit, concurrency, breaker })
  yield* tally.listen(policy)
  if (isShort) yield* endWithRequests(books, policy)
  const progress = yield* watched(options, books, policy, startedAt)

  const limit = Batch.limit(batch, to)
  const ahead = ReadAhead.make(batchesAhead)
  const { isolateRequests, ...chosen } = choices(to.behaviour, options)
  const deliver = Deliver.make<A, B, R>({
    ...chosen,
    to,
    policy,
    tally,
    budget: yield* Isolate.makeBudget({ requests: isolateRequests }),
    limit,
    inFlight: books.inFlight,
    settling: books.settling,
    ahead,
    onAccepted: books.accepted,
    onSending: books.sending,
    isSure: books.isSure,
    makeSure: books.makeSure,
    onStop: (error) => stop({ _tag: "Failed", error }),
    // As for a failure, nothing is sent again.
    stopped: isShort ? () => stopped() && { _tag: "Failed" } : stopped
  })

  // What is not sent passes by the batches, to whoever takes the outcomes.
  const withheld = yield* Queue.bounded<ReadonlyArray<Outcome>, Cause.Done>(withheldAhead)
  const encoder = Encode.encoder(batch, to, { wasSent: books.isUnderway })
  const from = Source.encoded(Source.isSource(source) ? source : { from: () => source }, encoder)
  const onWithheld = (outcomes: ReadonlyArray<Outcome>) =>
    wantsOutcomes ? Queue.offer(withheld, outcomes) : Effect.void
  const window = options.window ?? Math.max(leastWindow, ConcurrencyPolicy.most(concurrency) + batchesAhead)
  const { aside, limit: most, sameKey } = options
  const delivered = Work.done({
    from,
    to,
    books,
    deliver,
    batch,
    sameKey,
    limit,
    most,
    ahead,
    window,
    aside,
    onWithheld
  })
  const records: Stream.Stream<Outcome, never, R | RS> = wantsOutcomes
    ? delivered.pipe(
        Stream.onEnd(Queue.end(withheld)),
        Stream.merge(Stream.fromQueue(withheld)),
        Stream.flattenIterable
      )
    : Stream.drain(delivered)

  return { books, close: close(books, source, progress, policy, options.onReport), records }
})

// After an answer came, there is time to make something of it.
const afterAnswer = Duration.millis(100)

/** Gives up what only waits, once the run stops and none of its requests is on the wire. */
const endWithRequests = <E>({ inFlight, stopping }: Books.Books<E>, policy: SendPolicy.SendPolicy) => {
  const isQuiet = Effect.sync(() => policy.state().inFlight === 0)
  const quiet = Effect.delay(isQuiet, afterAnswer)
  return Deferred.await(stopping).pipe(
    Effect.andThen(
      Effect.repeat(
        Effect.flatMap(isQuiet, (was) => Effect.map(quiet, (is) => was && is)),
        { until: (isOver) => isOver }
      )
    ),
    Effect.andThen(Effect.sync(inFlight.close)),
    Effect.forkScoped
  )
}

/** Tells how far the run is, every 100 milliseconds until the scope closes. What it returns tells it once more. */
const watched = Effect.fnUntraced(function* <E>(
  { limit, onProgress, total }: Pick<Options<never, Behaviour, never, never>, "limit" | "onProgress" | "total">,
  { ledger, tally }: Books.Books<E>,
  policy: SendPolicy.SendPolicy,
  startedAt: number
) {
  if (onProgress === undefined) return Effect.void
  const settledBefore = ledger.read()
  const track = Progress.tracker(limit === undefined ? total : () => leastOf(total, settledBefore + limit))
  const progress = Effect.flatMap(Clock.currentTimeMillis, (now) => {
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
  yield* Effect.forkScoped(Effect.forever(Effect.delay(progress, progressInterval)))
  return progress
})

const leastOf = (total: Options<never, Behaviour, never, never>["total"], most: number): number =>
  Math.min(most, (typeof total === "function" ? total() : total) ?? most)

/** The end of a run: the ledger is checked, the checkpoint closed, and the report told. */
const close = Effect.fnUntraced(function* <E>(
  books: Books.Books<E>,
  source: Stream.Stream<CustomerRecord<unknown>, unknown, unknown>,
  progress: Effect.Effect<void>,
  policy: SendPolicy.SendPolicy,
  onReport: ((report: SyncReport) => Effect.Effect<void>) | undefined
) {
  books.conclude()
  const mismatch = books.ledger.mismatch()
  if (mismatch !== undefined) return yield* Effect.die(mismatch)
  const isFinished = books.stopped() === undefined && !books.isLimited()
  yield* books.close(isFinished)
  yield* progress
  // Where an earlier run had finished, this one read nothing that names could be missing of.
  const ended = isFinished && books.before?.finished !== true
  const report = yield* books.report(Source.notes(source, { ended }), policy.found())
  if (onReport !== undefined) yield* onReport(report)
  return report
})
