/**
 * How many requests may start in a time.
 *
 * @since 0.1.0
 */
import { Duration } from "effect"

/**
 * At most `limit` requests in any `window`, retries included, evenly spaced.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimitPolicy {
  readonly limit: number
  readonly window: Duration.Duration
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly limit: number
  /** Default: 1 second. */
  readonly window?: Duration.Input | undefined
}): RateLimitPolicy => ({ limit: options.limit, window: Duration.fromInputUnsafe(options.window ?? "1 second") })
