/**
 * The one place where the policies are put around a request, in the one right order:
 * `breaker(retry(limiter(permit(timeout(send)))))`. Every attempt goes through the limiter, a request that
 * waits to be sent again holds no permit, and the attempt's timeout starts when the request goes out.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Abandonable from "../base/Abandonable.ts"
import * as Alarm from "../base/Alarm.ts"
import * as Monotonic from "../base/Monotonic.ts"
import * as Utc from "../base/Utc.ts"
import * as ApiError from "../http/ApiError.ts"
import type * as Gate from "./Gate.ts"
import type { PolicyEvent } from "./PolicyEvent.ts"
import type { RateFinding } from "./rate/RateFinding.ts"
import * as RetryDecision from "./retry/RetryDecision.ts"
import * as RetryPolicy from "./retry/RetryPolicy.ts"
import type * as Sender from "./Sender.ts"
import * as Senders from "./Senders.ts"

/**
 * The policies of a sender, for whom it sends, and how requests are tried again.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<Also extends string = never, Never extends string = never, R = never>
  extends Senders.Options<R> {
  /** Default: `RetryPolicy.make()`. */
  readonly retry?: RetryPolicy.RetryPolicy<Also, Never> | undefined
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
  /** Own requests in flight. */
  readonly inFlight: number
  /** Own requests that stand in line. */
  readonly waiting: number
  /** Requests that may be in flight, of all who share the sender. */
  readonly concurrency: number
  /** Requests per second for all who share the sender, as known, declared or found; `undefined` where there is no limit, or none found yet. */
  readonly rate: number | undefined
  /** Retries that the budget has left. */
  readonly retriesLeft: number
}

/**
 * Sends requests under policies, in the turns of the sender that it shares.
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
  /**
   * What was found, up to now, of a limit that nobody told, by all who share the sender; `undefined` where a limit was
   * given or declared, and where too little was refused to say anything.
   */
  readonly found: () => RateFinding | undefined
}

const eventsKept = 1024

/**
 * Joins the sender of a vendor and key, or makes it, until the scope closes. All that is sent there shares its limits,
 * permits, pauses, store of retries and breaker, also what others send who joined by themselves, and single calls of a
 * client. Where they were given different policies, all of them hold, so that the strictest governs. How often and how
 * long a request is tried is each one's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <
  const Also extends string = never,
  const Never extends string = never,
  R = never
>(options: Options<Also, Never, R>): Effect.fn.Return<SendPolicy<Also, Never>, never, R | Scope.Scope> {
  const { vendor } = options
  // The default has no tags, whatever the caller's type parameters are.
  const retry = options.retry ?? (RetryPolicy.make() as RetryPolicy.RetryPolicy<Also, Never>)
  const clock = yield* Clock.Clock
  const listeners = new Set<(event: PolicyEvent) => void>()
  const emit = (event: PolicyEvent) => {
    for (const listener of listeners) listener(event)
  }
  const wallAt = (at: number, now: number) => Utc.fromMillis(clock.currentTimeMillisUnsafe() + (at - now))

  const member: Sender.Member = {
    vendor,
    onWait: (reason, until, now) => {
      if (listeners.size === 0) return
      emit({ _tag: "Waiting", reason, until: until === 0 ? undefined : wallAt(until, now), key })
    },
    onLimitChanged: (limit, value) => {
      if (listeners.size > 0) emit({ _tag: "LimitChanged", limit, value, key })
    },
    waiting: 0,
    inFlight: 0
  }
  const sender = yield* Senders.join<R>({ ...options, member, budget: retry.budget })
  const { budget, key } = sender

  const notStarted = (tries: RetryDecision.Tries, reason: Gate.NotStarted) => {
    const now = Monotonic.millis(clock)
    if (reason._tag === "StoreGone") {
      const lastMessage = `The store that processes share the limit of ${key} through gives no answer.`
      const told = RetryDecision.toldOf(tries, lastMessage, Duration.millis(now - reason.since))
      return new RetryPolicy.RetriesExhausted({ ...told, ran: "store", applied: tries.applied })
    }
    const { until } = reason
    const elapsed = Duration.millis(tries.attempts === 0 ? 0 : now - tries.startedAt)
    const told = RetryDecision.toldOf(tries, `${key} asks to wait, whatever is sent.`, elapsed)
    return sender.pausedUntil() >= until
      ? RetryDecision.tooLong(retry, tries, told, until - now, clock.currentTimeMillisUnsafe())
      : new RetryPolicy.RetriesExhausted({ ...told, ran: "elapsed", applied: tries.applied })
  }

  const maxElapsed = Duration.toMillis(retry.maxElapsed)
  const longestPause = Duration.toMillis(retry.retryAfterCeiling)

  const attempts = Abandonable.make()
  const timeouts = yield* Alarm.make(attempts.abandonOverdue, yield* Effect.scope)
  const attemptTimeout = Duration.toMillis(retry.attemptTimeout)

  // limiter(permit(timeout(send)))
  const attempt = <A, E, R2>(
    send: Effect.Effect<A, E, R2>,
    endpoint: string,
    records: number,
    tries: RetryDecision.Tries
  ): Effect.Effect<A, E | ApiError.TimedOut | RetryPolicy.RetriesExhausted | RetryPolicy.RetryAfterTooLong, R2> => {
    const orElse = () => Effect.fail(new ApiError.TimedOut({ vendor, endpoint, by: "client" }))
    return Effect.suspend(() =>
      sender.pass<A, E, R2, ApiError.TimedOut | RetryPolicy.RetriesExhausted | RetryPolicy.RetryAfterTooLong>(send, {
        member,
        records,
        deadline: tries.attempts === 0 ? Number.POSITIVE_INFINITY : tries.startedAt + maxElapsed,
        longestPause,
        onStart: (startedAt) => {
          if (tries.attempts === 0) tries.startedAt = startedAt
        },
        around: (observed, now, isDone) => {
          const until = now + attemptTimeout
          timeouts.set(until)
          return attempts.run(observed, { orElse, until, isDone })
        },
        notStarted: (reason) => Effect.fail(notStarted(tries, reason))
      })
    )
  }

  // What the breaker refuses waits until it may be tried again.
  const giveUp = ({ now, reason, since, wait }: Sender.Refused): RetryPolicy.RetriesExhausted | undefined => {
    if (now + wait - since > maxElapsed) {
      return new RetryPolicy.RetriesExhausted({
        lastError: reason,
        lastMessage: `${key} kept failing, and the circuit breaker stayed open.`,
        attempts: 0,
        elapsed: Duration.millis(now - since),
        ran: "elapsed",
        applied: "no"
      })
    }
    if (listeners.size > 0) emit({ _tag: "Waiting", reason: "breaker", until: wallAt(now + wait, now), key })
    return undefined
  }

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
      const retried = RetryPolicy.loop(retry, attempt(send, endpoint, records, tries), {
        tries,
        resend,
        budget,
        onRetry
      })
      // `Remaining` of a union is the union of what remains, which the compiler does not see for a type parameter.
      return sender.guarded(retried, giveUp) as Effect.Effect<A, SendError<E, Also, Never, Resend>, R2>
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
      inFlight: member.inFlight,
      waiting: member.waiting,
      concurrency: sender.concurrency(),
      rate: sender.rate(),
      retriesLeft: budget.left()
    }),
    found: sender.found
  }
})
