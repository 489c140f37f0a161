/**
 * How many requests may be in flight. Whatever the policy, a vendor that refuses with a 429 what is beyond so many in
 * flight is noticed, and no more than those are sent until it takes more.
 *
 * @since 0.1.0
 */
import * as ConcurrencyFinder from "./ConcurrencyFinder.ts"

/**
 * A plain value.
 *
 * @category models
 * @since 0.1.0
 */
export type ConcurrencyPolicy =
  | { readonly _tag: "Fixed"; readonly limit: number }
  | { readonly _tag: "Adaptive"; readonly min: number; readonly max: number }

const checked = (name: string, value: number): number => {
  if (!(Number.isInteger(value) && value >= 1))
    throw new RangeError(`${name} must be an integer of at least 1, not ${value}.`)
  return value
}

/**
 * Always so many. Throws a `RangeError` unless it is an integer of at least 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fixed = (limit: number): ConcurrencyPolicy => ({ _tag: "Fixed", limit: checked("The concurrency", limit) })

/**
 * As many as serve: grows while answers stay healthy and the limit is really in use, shrinks on 503, timeouts and rising
 * latency, at most once per round trip. 429s shrink it only as far as they come of how many are in flight. Throws a `RangeError` unless `min` and `max` are
 * integers of at least 1, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const adaptive = (
  options: {
    /** Never fewer. Default: 1. */
    readonly min?: number | undefined
    /** Never more. Default: 64. */
    readonly max?: number | undefined
  } = {}
): ConcurrencyPolicy => {
  const min = checked("min", options.min ?? 1)
  const max = checked("max", options.max ?? 64)
  if (min > max) throw new RangeError(`min must not be above max: ${min}, ${max}.`)
  return { _tag: "Adaptive", min, max }
}

/**
 * The most requests that the policy ever lets be in flight.
 *
 * @category combinators
 * @since 0.1.0
 */
export const most = (policy: ConcurrencyPolicy): number => (policy._tag === "Fixed" ? policy.limit : policy.max)

/**
 * The state machine that follows the policy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toFinder = (policy: ConcurrencyPolicy): ConcurrencyFinder.ConcurrencyFinder =>
  policy._tag === "Fixed" ? ConcurrencyFinder.fixed(policy.limit) : ConcurrencyFinder.adaptive(policy)
