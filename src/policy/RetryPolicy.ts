/**
 * When a request is sent again.
 *
 * @since 0.1.0
 */
import { Duration, Schema } from "effect"
import type { ApiError } from "../http/ApiError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RetryPolicy {
  readonly firstDelay: Duration.Duration
  readonly maxDelay: Duration.Duration
  readonly maxAttempts: number
  readonly maxElapsed: Duration.Duration
  readonly attemptTimeout: Duration.Duration
}

/**
 * Exponential backoff with full jitter: each wait is uniform between 0 and a bound that doubles from
 * `firstDelay` to `maxDelay`. What the vendor asks to wait (`Retry-After`) is a lower bound.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: {
  /** The bound of the first wait. Default: 500 milliseconds. */
  readonly firstDelay?: Duration.Input | undefined
  /** The largest bound. Default: 30 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** Attempts of one request, the first included; answers with 429 are not counted. Default: 8. */
  readonly maxAttempts?: number | undefined
  /** From the first attempt to the start of the last. Default: 15 minutes. */
  readonly maxElapsed?: Duration.Input | undefined
  /** How long one attempt may take, once it is sent. Default: 30 seconds. */
  readonly attemptTimeout?: Duration.Input | undefined
}): RetryPolicy => ({
  firstDelay: Duration.fromInputUnsafe(options?.firstDelay ?? "500 millis"),
  maxDelay: Duration.fromInputUnsafe(options?.maxDelay ?? "30 seconds"),
  maxAttempts: options?.maxAttempts ?? 8,
  maxElapsed: Duration.fromInputUnsafe(options?.maxElapsed ?? "15 minutes"),
  attemptTimeout: Duration.fromInputUnsafe(options?.attemptTimeout ?? "30 seconds")
})

/**
 * The errors after which the same request may be sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export type Retryable = Extract<ApiError, { readonly isRetryable: true }>

/**
 * The attempts or the time of a request are used up.
 *
 * @category errors
 * @since 0.1.0
 */
export class RetriesExhausted extends Schema.TaggedError<RetriesExhausted>()("RetriesExhausted", {
  /** The tag of the last error: `ServerFault`, `TransportFault` … */
  last: Schema.String,
  lastMessage: Schema.String,
  attempts: Schema.Int,
  elapsed: Schema.Duration
}) {
  readonly isRetryable = false as const
  override get message(): string {
    return `Gave up after ${this.attempts} attempts in ${Duration.format(this.elapsed)}. The last: ${this.lastMessage}`
  }
}
