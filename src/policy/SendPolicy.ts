/**
 * The one place that puts the policies around a request: `retry(limit(timeout(send)))`.
 *
 * @since 0.1.0
 */
import { Clock, Duration, Effect, Random } from "effect"
import { RateLimiter } from "effect/persistence"
import * as ApiError from "../http/ApiError.ts"
import type { RateLimitPolicy } from "./RateLimitPolicy.ts"
import { RetriesExhausted, type Retryable, type RetryPolicy } from "./RetryPolicy.ts"

/**
 * Why something waits: for its turn under the rate limit, for a pause that the vendor asked for, or before
 * it is sent again.
 *
 * @category models
 * @since 0.1.0
 */
export type WaitReason = "rate-limit" | "pause" | "backoff"

/**
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly onAttempt: () => void
  readonly onWaitStart: (reason: WaitReason, wait: Duration.Duration) => void
  readonly onWaitEnd: (reason: WaitReason) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SendPolicy {
  /** Sends until it succeeds, fails for good, or may not be sent again. */
  readonly run: <A, R>(
    called: { readonly vendor: string; readonly endpoint: string },
    send: Effect.Effect<A, ApiError.ApiError, R>
  ) => Effect.Effect<A, Exclude<ApiError.ApiError, Retryable> | RetriesExhausted, R>
}

/**
 * Requests that are made through one `SendPolicy` share its rate limit, and pause together when one of them
 * is answered 429 with a time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly retry: RetryPolicy
  readonly rateLimit: RateLimitPolicy | undefined
  readonly key: string
  readonly observer: Observer
}): Effect.fn.Return<SendPolicy> {
  const { observer, rateLimit, retry } = options
  const limiter = yield* RateLimiter.make.pipe(Effect.provide(RateLimiter.layerStoreMemory))
  let pausedUntil = 0

  const wait = (reason: WaitReason, duration: Duration.Duration) =>
    Effect.suspend(() => {
      observer.onWaitStart(reason, duration)
      return Effect.ensuring(
        Effect.sleep(duration),
        Effect.sync(() => observer.onWaitEnd(reason))
      )
    })

  const pause: Effect.Effect<void> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now >= pausedUntil ? Effect.void : Effect.andThen(wait("pause", Duration.millis(pausedUntil - now)), pause)
  )

  // One token in each share of the window: no burst, so that no window of that length holds more than `limit`.
  const turn =
    rateLimit === undefined
      ? pause
      : limiter
          .consume({
            algorithm: "token-bucket",
            key: options.key,
            limit: 1,
            window: Duration.divideUnsafe(rateLimit.window, rateLimit.limit),
            onExceeded: "delay"
          })
          .pipe(
            // The memory store has no failure of its own.
            Effect.orDie,
            Effect.flatMap(({ delay }) => (Duration.isZero(delay) ? Effect.void : wait("rate-limit", delay))),
            Effect.andThen(pause)
          )

  const run: SendPolicy["run"] = (called, send) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const attempt = turn.pipe(
        Effect.andThen(Effect.sync(observer.onAttempt)),
        Effect.andThen(
          Effect.timeoutOrElse(send, {
            duration: retry.attemptTimeout,
            orElse: () => Effect.fail(new ApiError.TimedOut({ ...called, by: "client" }))
          })
        ),
        Effect.matchEffect({
          onSuccess: (value) => Effect.succeed({ done: true as const, value }),
          onFailure: (error) =>
            isRetryable(error) ? Effect.succeed({ done: false as const, error }) : Effect.fail(error)
        })
      )
      for (let attempts = 1, counted = 1, backoffs = 0; ; attempts++) {
        const result = yield* attempt
        if (result.done) return result.value
        const { error } = result
        const now = yield* Clock.currentTimeMillis
        const asked = "retryAfter" in error && error.retryAfter !== undefined ? Duration.toMillis(error.retryAfter) : 0
        if (error._tag === "RateLimited") pausedUntil = Math.max(pausedUntil, now + asked)
        const bound = Math.min(Duration.toMillis(retry.firstDelay) * 2 ** backoffs, Duration.toMillis(retry.maxDelay))
        const delay = error._tag === "TokenExpired" ? 0 : Math.max(asked, (yield* Random.next) * bound)
        const elapsed = now - start
        if (error._tag !== "RateLimited") counted++
        if (counted > retry.maxAttempts || elapsed + delay > Duration.toMillis(retry.maxElapsed)) {
          return yield* new RetriesExhausted({
            last: error._tag,
            lastMessage: error.message,
            attempts,
            elapsed: Duration.millis(elapsed)
          })
        }
        backoffs++
        if (delay > 0) yield* wait("backoff", Duration.millis(delay))
      }
    })

  return { run }
})

const isRetryable = (error: ApiError.ApiError): error is Retryable => error.isRetryable
