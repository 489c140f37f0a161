/** A rate limit policy at work: when requests may start. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as LimitFinder from "./LimitFinder.ts"
import * as Observed from "./Observed.ts"
import * as Pacer from "./Pacer.ts"
import type * as RateLimitPolicy from "./RateLimitPolicy.ts"

/** Turns of a limit that processes share. */
export interface Reserve {
  /** What a request of so many records takes. */
  readonly turns: (records: number) => number
  /** How long until so many may start, in milliseconds. It must count them as taken. */
  readonly take: (turns: number) => Effect.Effect<number>
}

/** One limit that somebody declared. */
export interface Limiter {
  readonly pacer: Pacer.Pacer
  /** Where the limit is looked for. */
  readonly finder: Observed.Observed | undefined
  /** Requests per second, as known or found. */
  readonly rate: () => number | undefined
  /** How long a start counts, in milliseconds. */
  readonly window: number
  /** What is counted, and the starts that still count. */
  readonly counts: { readonly unit: RateLimitPolicy.Known["unit"]; readonly starts: Pacer.Known["starts"] } | undefined
}

/**
 * When requests may start, as the policy has it; nothing where it sets no limit. `declared` tells what the API last said
 * in its headers, in requests per second, which is kept instead of a search. What started under the `others` counts for a new limit, too, as far as they know it.
 */
export const make = (
  policy: RateLimitPolicy.RateLimitPolicy<unknown>,
  declared: () => number | undefined,
  others: ReadonlyArray<Limiter | undefined> = []
): Limiter | undefined => {
  switch (policy._tag) {
    case "Known": {
      const { burst, limit, unit } = policy
      const window = Duration.toMillis(policy.window)
      const longest = others
        .filter((other) => other?.counts?.unit === unit)
        .reduce((a, b) => ((a?.window ?? 0) >= (b?.window ?? 0) ? a : b), undefined)
      const pacer = Pacer.make({ burst, limit, window, before: longest?.counts?.starts() })
      const rate = (limit * 1000) / window
      return {
        pacer: unit === "records" ? pacer : Pacer.byRequest(pacer),
        finder: undefined,
        rate: () => rate,
        window,
        counts: { unit, starts: pacer.starts }
      }
    }
    case "Found": {
      const finder = Observed.make(LimitFinder.make(policy.search))
      return {
        pacer: (policy.unit === "records" ? Pacer.weighed : Pacer.varying)((now) => declared() ?? finder.rate(now)),
        finder,
        rate: finder.limit,
        window: 0,
        counts: undefined
      }
    }
    case "Unlimited":
      return undefined
  }
}

/** Never faster than the API last said in its headers. */
export const byHeaders = (declared: () => number | undefined): Pacer.Pacer =>
  Pacer.varying(() => declared() ?? Number.POSITIVE_INFINITY)

/** Turns for requests of all processes that share the limit, from the `RateLimiter` of the context. */
export const reserve = <R>(policy: RateLimitPolicy.Known<R>, key: string): Effect.Effect<Reserve, never, R> => {
  const { burst, limit, unit, window } = policy
  // A bucket of the burst and one more, that refills evenly: the store then paces all processes as one. A turn
  // that was asked for is owed even when it is far off, so a store that fails only means that nobody else waits.
  const size = burst + 1
  const bucket = Duration.millis((Duration.toMillis(window) / limit) * size)
  // `R` is `RateLimiter` where `shared` is true; `make` of the policy is the only one who says so.
  return Effect.map(
    RateLimiter.RateLimiter as unknown as Effect.Effect<RateLimiter.RateLimiter, never, R>,
    (limiter) => ({
      turns: (records) => (unit === "records" ? records : 1),
      take: (turns) =>
        limiter
          .consume({ algorithm: "token-bucket", onExceeded: "delay", key, limit: size, window: bucket, tokens: turns })
          .pipe(
            Effect.map(({ delay }) => Duration.toMillis(delay)),
            Effect.catch(() => Effect.succeed(0))
          )
    })
  )
}
