/**
 * A rate limit policy at work: when requests may start.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type * as Gate from "./Gate.ts"
import type * as LimitFinder from "./LimitFinder.ts"
import * as Pacer from "./Pacer.ts"
import type * as RateLimitPolicy from "./RateLimitPolicy.ts"

/**
 * When requests may start: as the policy has it, and never faster than the API last said in its headers, which is what
 * `declared` tells in requests per second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pacer = (
  policy: RateLimitPolicy.RateLimitPolicy<unknown>,
  finder: LimitFinder.LimitFinder | undefined,
  declared: () => number | undefined
): Pacer.Pacer => {
  if (finder !== undefined) return Pacer.varying((now) => declared() ?? finder.rate(now))
  const byHeaders = Pacer.varying(() => declared() ?? Number.POSITIVE_INFINITY)
  if (policy._tag !== "Known") return byHeaders
  const { burst, limit, window } = policy
  return Pacer.both(Pacer.make({ burst, limit, window: Duration.toMillis(window) }), byHeaders)
}

/**
 * Turns for requests of all processes that share the limit, from the `RateLimiter` of the context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reserve = <R>(policy: RateLimitPolicy.Known<R>, key: string): Effect.Effect<Gate.Reserve, never, R> => {
  const { burst, limit, window } = policy
  // A bucket of the burst and one more, that refills evenly: the store then paces all processes as one. A turn
  // that was asked for is owed even when it is far off, so a store that fails only means that nobody else waits.
  const size = burst + 1
  const bucket = Duration.millis((Duration.toMillis(window) / limit) * size)
  // `R` is `RateLimiter` where `shared` is true; `make` of the policy is the only one who says so.
  return Effect.map(
    RateLimiter.RateLimiter as unknown as Effect.Effect<RateLimiter.RateLimiter, never, R>,
    (limiter) => (count) =>
      limiter
        .consume({ algorithm: "token-bucket", onExceeded: "delay", key, limit: size, window: bucket, tokens: count })
        .pipe(
          Effect.map(({ delay }) => Duration.toMillis(delay)),
          Effect.catch(() => Effect.succeed(0))
        )
  )
}
