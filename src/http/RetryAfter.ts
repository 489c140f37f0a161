/** `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date. */
import type * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"

/** How long a value of it asks to wait from `now`, in milliseconds since 1970; `undefined` where it cannot be read. */
export const read = (value: string, now: number): Duration.Duration | undefined => {
  const parsed = Headers.parseRetryAfter(value)
  return Result.isFailure(parsed) ? undefined : Headers.retryAfterDelay(parsed.success, now)
}
