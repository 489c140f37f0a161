/**
 * What the policies tell while they work, for a progress display or a log. No event holds customer data.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"

/**
 * Requests wait: `paused` because the vendor named a time, `quota` because the headers said that nothing is
 * left, `rate` for their turn under the rate limit, `concurrency` for one in flight to end, `breaker` because
 * the vendor keeps failing. `until` is not known for `concurrency`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting {
  readonly _tag: "Waiting"
  readonly reason: "paused" | "quota" | "rate" | "concurrency" | "breaker"
  readonly until: DateTime.Utc | undefined
  /** What shares the limit. */
  readonly key: string
}

/**
 * An attempt failed, and there will be another one after `delay`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retrying {
  readonly _tag: "Retrying"
  /** Tag of the error. */
  readonly error: string
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly delay: Duration.Duration
  readonly endpoint: string
  readonly key: string
}

/**
 * A limit that is learned changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface LimitChanged {
  readonly _tag: "LimitChanged"
  /** `rate` in requests per second, `concurrency` in requests in flight. */
  readonly limit: "rate" | "concurrency"
  readonly value: number
  readonly key: string
}

/**
 * Everything that a sender tells.
 *
 * @category models
 * @since 0.1.0
 */
export type PolicyEvent = Waiting | Retrying | LimitChanged
