/**
 * The rules of a retry policy.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"

/**
 * A plain value. `Also` and `Never` are the tags of the errors that are retried, or not, whatever their
 * `isRetryable` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryPolicy<out Also extends string = never, out Never extends string = never> {
  readonly firstDelay: Duration.Duration
  readonly factor: number
  readonly maxDelay: Duration.Duration
  readonly maxAttempts: number
  readonly maxElapsed: Duration.Duration
  readonly attemptTimeout: Duration.Duration
  readonly retryAfterCeiling: Duration.Duration
  readonly budget: { readonly retries: number; readonly perSuccess: number } | undefined
  readonly schedule: Schedule.Schedule<unknown> | undefined
  readonly alsoRetry: ReadonlyArray<Also>
  readonly neverRetry: ReadonlyArray<Never>
}

/**
 * Whether a request may be sent again when it may have been applied: `safe` where the same body gives the
 * same end state.
 *
 * @category models
 * @since 0.1.0
 */
export type Resend = "safe" | "unsafe"
