/** A rate limit policy at work: when requests may start. */
import * as Duration from "effect/Duration"
import * as LimitFinder from "./LimitFinder.ts"
import * as Observed from "./Observed.ts"
import * as Pacer from "./Pacer.ts"
import type * as RateLimitPolicy from "./RateLimitPolicy.ts"

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
      const { burst, limit, shared, unit } = policy
      const window = Duration.toMillis(policy.window)
      const longest = others
        .filter((other) => other?.counts?.unit === unit)
        .reduce((a, b) => ((a?.window ?? 0) >= (b?.window ?? 0) ? a : b), undefined)
      const pacer = (shared ? Pacer.guard : Pacer.make)({ burst, limit, window, before: longest?.counts?.starts() })
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
