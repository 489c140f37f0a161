/**
 * The one place where the policies are put around a request, in the one right order:
 * `breaker(retry(limiter(permit(timeout(send)))))`. Every attempt goes through the limiter, a request that
 * waits to be sent again holds no permit, and the attempt's timeout starts when the request goes out.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Answer, AnswerObserver } from "../http/AnswerObserver.ts"
import * as ApiError from "../http/ApiError.ts"
import * as Abandonable from "./Abandonable.ts"
import * as Alarm from "./Alarm.ts"
import * as CircuitBreakerPolicy from "./CircuitBreakerPolicy.ts"
import type { Ending } from "./ConcurrencyFinder.ts"
import * as ConcurrencyPolicy from "./ConcurrencyPolicy.ts"
import * as Gate from "./Gate.ts"
import * as Limiter from "./Limiter.ts"
import * as LimitFinder from "./LimitFinder.ts"
import type { PolicyEvent } from "./PolicyEvent.ts"
import * as RateLimitHeaders from "./RateLimitHeaders.ts"
import * as RateLimitPolicy from "./RateLimitPolicy.ts"
import * as RetryDecision from "./RetryDecision.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/**
 * The policies of a sender, and for whom it sends.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<Also extends string = never, Never extends string = never, R = never> {
  /** Whose API is called, as its errors name it: `Reach`. */
  readonly vendor: string
  /** The tenant or business, where limits are counted for each. Default: none. */
  readonly tenant?: string | undefined
  /** Default: `RetryPolicy.make()`. */
  readonly retry?: RetryPolicy.RetryPolicy<Also, Never> | undefined
  /** Default: `RateLimitPolicy.find()`. */
  readonly rateLimit?: RateLimitPolicy.RateLimitPolicy<R> | undefined
  /** Default: `ConcurrencyPolicy.fixed(8)`. */
  readonly concurrency?: ConcurrencyPolicy.ConcurrencyPolicy | undefined
  /** Default: no circuit breaker. */
  readonly breaker?: CircuitBreakerPolicy.CircuitBreakerPolicy | undefined
}

/**
 * What one request is.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface RunOptions<Resend extends RetryPolicy.Resend> {
  /** Method and path template, for errors and events. */
  readonly endpoint: string
  /** Whether the request may be sent again when it may have been applied. */
  readonly resend: Resend
  /** How many records it holds, for limits that count records. Default: 1. */
  readonly records?: number | undefined
}

/**
 * What can go wrong when `E` can, once the policies have been applied.
 *
 * @category errors
 * @since 0.1.0
 */
export type SendError<
  E,
  Also extends string = never,
  Never extends string = never,
  Resend extends RetryPolicy.Resend = "safe"
> =
  | RetryPolicy.Remaining<E | ApiError.TimedOut, Also, Never, Resend>
  | RetryPolicy.RetriesExhausted
  | RetryPolicy.RetryAfterTooLong

/**
 * What is going on at this moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly inFlight: number
  /** Requests that stand in line. */
  readonly waiting: number
  readonly concurrency: number
  /** Requests per second, as known, declared or found; `undefined` where there is no limit, or none found yet. */
  readonly rate: number | undefined
  /** Retries that the budget has left. */
  readonly retriesLeft: number
}

/**
 * Sends requests that share one limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendPolicy<Also extends string = never, Never extends string = never> {
  /** What shares the limit. */
  readonly key: string
  /** Sends under the policies. `send` makes exactly one request each time it is run. */
  readonly run: <A, E, R, const Resend extends RetryPolicy.Resend>(
    send: Effect.Effect<A, E, R>,
    options: RunOptions<Resend>
  ) => Effect.Effect<A, SendError<E, Also, Never, Resend>, R>
  /** What the policies do, from when the stream is run; a slow reader misses the oldest events. */
  readonly events: Stream.Stream<PolicyEvent>
  readonly state: () => State
}

// A quota with a longer window is not meant to be paced evenly; what is left of it is kept all the same.
const longestPacedWindow = 60_000

const eventsKept = 1024

/**
 * Makes a sender. All that is sent through it shares one limit, one set of permits, one retry budget and one
 * breaker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <
  const Also extends string = never,
  const Never extends string = never,
  R = never
>(options: Options<Also, Never, R>): Effect.fn.Return<SendPolicy<Also, Never>, never, R | Scope.Scope> {
  const { tenant, vendor } = options
  const rateLimit: RateLimitPolicy.RateLimitPolicy<R> = options.rateLimit ?? RateLimitPolicy.find()
  const concurrencyPolicy = options.concurrency ?? ConcurrencyPolicy.fixed(8)
  // The default has no tags, whatever the caller's type parameters are.
  const retry = options.retry ?? (RetryPolicy.make() as RetryPolicy.RetryPolicy<Also, Never>)
  const key = rateLimit.key ?? (tenant === undefined ? vendor : `${vendor}/${tenant}`)
  const clock = yield* Clock.Clock
  const breaker = options.breaker === undefined ? undefined : yield* CircuitBreakerPolicy.toBreaker(options.breaker)
  const reserve = rateLimit._tag === "Known" && rateLimit.shared ? yield* Limiter.reserve(rateLimit, key) : undefined

  const listeners = new Set<(event: PolicyEvent) => void>()
  const emit = (event: PolicyEvent) => {
    for (const listener of listeners) listener(event)
  }
  const wallAt = (at: number, now: number) =>
    DateTime.makeUnsafe(Math.min(clock.currentTimeMillisUnsafe() + (at - now), latestTime))

  const budget = RetryDecision.makeBudget(retry)
  const concurrency = ConcurrencyPolicy.toFinder(concurrencyPolicy)
  const finder = rateLimit._tag === "Found" ? LimitFinder.make(rateLimit.search) : undefined
  const countsRecords = rateLimit._tag === "Known" && rateLimit.unit === "records"
  const knownRate =
    rateLimit._tag === "Known" ? (rateLimit.limit * 1000) / Duration.toMillis(rateLimit.window) : undefined
  // What the headers declare, in requests per second.
  let declared: number | undefined
  const gate = Gate.make({
    pacer: Limiter.pacer(rateLimit, finder, () => declared),
    concurrency: concurrency.limit,
    reserve,
    longestPause: Duration.toMillis(retry.retryAfterCeiling),
    onStart: (now, inFlight) => {
      finder?.onStart(now)
      concurrency.onStart(now, inFlight)
    },
    onWait: (reason, until, now) => {
      if (listeners.size === 0) return
      emit({ _tag: "Waiting", reason, until: until === 0 ? undefined : wallAt(until, now), key })
    }
  })

  const pause = (now: number, millis: number) => {
    const before = Math.max(now, gate.pausedUntil())
    const until = now + millis
    if (until <= before) return
    gate.pause(until)
    finder?.onPaused(before, until)
  }

  const parse = RateLimitHeaders.makeParser(rateLimit.headers)
  const onHeaders = ({ headers, status }: Answer) => {
    const told = parse(headers, clock.currentTimeMillisUnsafe())
    if (told.retryAfter === undefined && told.quotas.length === 0) return
    const now = RetryDecision.monotonicMillis(clock)
    for (const { name, remaining, resetAfter } of told.quotas) {
      if (remaining !== undefined && resetAfter !== undefined) gate.quota(name, remaining, now + resetAfter)
    }
    if (status === 429 || status === 503) {
      const wait = told.retryAfter ?? (status === 429 ? RateLimitHeaders.exhaustedFor(told) : 0)
      if (wait > 0) pause(now, wait)
    }
    const rate = RateLimitHeaders.strictestRate(told, longestPacedWindow)
    if (rate !== undefined && rate !== declared) {
      declared = rate
      if (listeners.size > 0) emit({ _tag: "LimitChanged", limit: "rate", value: rate, key })
    }
  }

  const end = (now: number, startedAt: number, ending: Ending) => {
    if (concurrency.onEnd(now, startedAt, ending) && listeners.size > 0) {
      emit({ _tag: "LimitChanged", limit: "concurrency", value: concurrency.limit(), key })
    }
    return gate.leave(now)
  }

  const accepted = (now: number, startedAt: number) => {
    finder?.onAccepted(now, startedAt)
    return end(now, startedAt, "answered")
  }

  const settled = (startedAt: number, exit: Exit.Exit<unknown, unknown>) => {
    const now = RetryDecision.monotonicMillis(clock)
    if (Exit.isSuccess(exit)) {
      accepted(now, startedAt)
      return
    }
    const failed = Cause.findErrorOption(exit.cause)
    if (failed._tag === "None") {
      end(now, startedAt, "none")
      return
    }
    const error = failed.value
    if (error instanceof ApiError.RateLimited) {
      if (finder?.onLimited(now, startedAt) === true && listeners.size > 0) {
        emit({ _tag: "LimitChanged", limit: "rate", value: finder.rate(now), key })
      }
      if (error.retryAfter !== undefined) pause(now, Duration.toMillis(error.retryAfter))
      end(now, startedAt, "overloaded")
    } else if (error instanceof ApiError.TimedOut) {
      end(now, startedAt, "overloaded")
    } else if (error instanceof ApiError.TransportFault || error instanceof ApiError.InvalidRequest) {
      end(now, startedAt, "none")
    } else {
      finder?.onAccepted(now, startedAt)
      const fault = error instanceof ApiError.ServerFault
      if (fault && error.retryAfter !== undefined) pause(now, Duration.toMillis(error.retryAfter))
      end(now, startedAt, fault && error.status === 503 ? "overloaded" : "answered")
    }
  }

  const tooLate = (tries: RetryDecision.Tries, until: number) => {
    const now = RetryDecision.monotonicMillis(clock)
    const elapsed = Duration.millis(tries.attempts === 0 ? 0 : now - tries.startedAt)
    const told = {
      lastError: tries.lastError,
      lastMessage: `${key} asks to wait, whatever is sent.`,
      attempts: tries.attempts,
      elapsed
    }
    return gate.pausedUntil() >= until
      ? RetryDecision.tooLong(retry, tries, told, until - now, clock.currentTimeMillisUnsafe())
      : new RetryPolicy.RetriesExhausted({ ...told, ran: "elapsed", applied: tries.applied })
  }

  const maxElapsed = Duration.toMillis(retry.maxElapsed)

  const attempts = Abandonable.make()
  const timeouts = yield* Alarm.make(attempts.abandonOverdue, yield* Effect.scope)
  const attemptTimeout = Duration.toMillis(retry.attemptTimeout)

  // limiter(permit(timeout(send)))
  const attempt = <A, E, R2>(
    send: Effect.Effect<A, E, R2>,
    endpoint: string,
    count: number,
    tries: RetryDecision.Tries
  ): Effect.Effect<A, E | ApiError.TimedOut | RetryPolicy.RetriesExhausted | RetryPolicy.RetryAfterTooLong, R2> => {
    const orElse = () => Effect.fail(new ApiError.TimedOut({ vendor, endpoint, by: "client" }))
    const timed = (observed: Effect.Effect<A, E, R2>, startedAt: number, isDone: () => boolean) =>
      Effect.suspend(() => {
        const now = RetryDecision.monotonicMillis(clock)
        gate.onSent?.(startedAt, now)
        const until = now + attemptTimeout
        timeouts.set(until)
        return attempts.run(observed, { orElse, until, isDone })
      })
    return Effect.uninterruptibleMask((restore) => {
      const started = (startedAt: number) => {
        if (tries.attempts === 0) tries.startedAt = startedAt
        let isAnswered = false
        const onEnd = ({ status }: Answer) => {
          if (isAnswered || status < 200 || status >= 300) return Effect.void
          isAnswered = true
          const another = accepted(RetryDecision.monotonicMillis(clock), startedAt)
          // What has started in its place goes out before anything is made of the answer.
          return another ? Effect.yieldNow : Effect.void
        }
        const observed = Effect.provideService(send, AnswerObserver, { onHeaders, onEnd })
        return Effect.flatMap(Effect.exit(restore(timed(observed, startedAt, () => isAnswered))), (exit) => {
          if (!isAnswered) settled(startedAt, exit)
          if (Exit.isSuccess(exit)) budget.earn()
          return exit
        })
      }
      const now = RetryDecision.monotonicMillis(clock)
      if (gate.tryEnter(now, count)) return started(now)
      const deadline = tries.attempts === 0 ? Number.POSITIVE_INFINITY : tries.startedAt + maxElapsed
      return Effect.matchEffect(gate.enter({ clock, count, deadline, restore }), {
        onSuccess: started,
        onFailure: ({ until }) => Effect.fail(tooLate(tries, until))
      })
    })
  }

  // What the breaker refuses waits until it may be tried again.
  const guarded = <A, E, R2>(
    breaker: CircuitBreaker.CircuitBreaker,
    effect: Effect.Effect<A, E, R2>,
    since: number | undefined
  ): Effect.Effect<A, E | RetryPolicy.RetriesExhausted, R2> =>
    Effect.catch(breaker.execute(effect, { key, classify: CircuitBreakerPolicy.classify }), (error) => {
      if (!(error instanceof CircuitBreaker.CircuitBreakerError)) {
        // `instanceof` does not narrow a type parameter.
        return Effect.fail(error as E)
      }
      return Effect.gen(function* () {
        const now = RetryDecision.monotonicMillis(clock)
        const { reason } = error
        const wait = reason._tag === "CircuitOpen" ? Math.max(1, Duration.toMillis(reason.retryAfter)) : probeWait
        const from = since ?? now
        if (now + wait - from > maxElapsed) {
          return yield* new RetryPolicy.RetriesExhausted({
            lastError: reason._tag,
            lastMessage: `${key} kept failing, and the circuit breaker stayed open.`,
            attempts: 0,
            elapsed: Duration.millis(now - from),
            ran: "elapsed",
            applied: "no"
          })
        }
        if (listeners.size > 0) emit({ _tag: "Waiting", reason: "breaker", until: wallAt(now + wait, now), key })
        yield* Effect.sleep(wait)
        return yield* guarded(breaker, effect, from)
      })
    })

  const run = <A, E, R2, const Resend extends RetryPolicy.Resend>(
    send: Effect.Effect<A, E, R2>,
    options: RunOptions<Resend>
  ): Effect.Effect<A, SendError<E, Also, Never, Resend>, R2> =>
    Effect.suspend(() => {
      const { endpoint, records = 1, resend } = options
      const tries = RetryDecision.makeTries(0)
      const onRetry = (error: string, attempt: number, delay: number) => {
        if (listeners.size === 0) return
        emit({ _tag: "Retrying", error, attempt, delay: Duration.millis(delay), endpoint, key })
      }
      const retried = RetryPolicy.loop(retry, attempt(send, endpoint, countsRecords ? records : 1, tries), {
        tries,
        resend,
        budget,
        onRetry
      })
      const effect = breaker === undefined ? retried : guarded(breaker, retried, undefined)
      // `Remaining` of a union is the union of what remains, which the compiler does not see for a type parameter.
      return effect as Effect.Effect<A, SendError<E, Also, Never, Resend>, R2>
    })

  return {
    key,
    run,
    events: Stream.callback<PolicyEvent>(
      (queue) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const listener = (event: PolicyEvent) => {
              Queue.offerUnsafe(queue, event)
            }
            listeners.add(listener)
            return listener
          }),
          (listener) => Effect.sync(() => listeners.delete(listener))
        ),
      { bufferSize: eventsKept, strategy: "sliding" }
    ),
    state: () => ({
      inFlight: gate.inFlight(),
      waiting: gate.waiting(),
      concurrency: concurrency.limit(),
      rate: minimum(declared, knownRate ?? finder?.limit()),
      retriesLeft: budget.left()
    })
  }
})

// While a probe is under way, others look again after so long.
const probeWait = 250

const latestTime = 8.64e15

const minimum = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
