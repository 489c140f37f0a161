import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Tag from "../../base/Tag.ts"
import * as Utc from "../../base/Utc.ts"
import * as ApiError from "../../http/ApiError.ts"
import { OutcomeUnknown, RetriesExhausted, RetryAfterTooLong } from "./RetryErrors.ts"
import type { Resend, RetryPolicy } from "./RetryRules.ts"

const isFault = Schema.is(ApiError.Fault)

/** The store of retries that requests share. */
export interface Budget {
  /** Takes one retry, if there is one. */
  readonly spend: () => boolean
  readonly earn: () => void
  /** How many retries are left. */
  readonly left: () => number
}

/** A full store of retries. */
export const makeBudget = (policy: Pick<RetryPolicy, "budget">): Budget => {
  const { budget } = policy
  if (budget === undefined) {
    return { spend: () => true, earn: () => {}, left: () => Number.POSITIVE_INFINITY }
  }
  const { perSuccess, retries } = budget
  let left = retries
  return {
    spend: () => {
      // Ten tenths are a little less than one.
      if (left < 1 - 1e-9) return false
      left -= 1
      return true
    },
    earn: () => {
      left = Math.min(retries, left + perSuccess)
    },
    left: () => left
  }
}

/** What one request has been through. */
export interface Tries {
  /** When the first attempt started, in milliseconds of the clock that `decide` is given. */
  startedAt: number
  attempts: number
  /** Those that `maxAttempts` counts. */
  counted: number
  /** Errors in a row, for the backoff. */
  failures: number
  renewed: boolean
  applied: "no" | "maybe"
  /** Tag of the last error; `RateLimited` before the first one, because nothing else makes a first attempt wait. */
  lastError: string
  /** Whose fault that was. */
  fault: ApiError.Fault | undefined
}

/** A request that has not been sent yet. */
export const makeTries = (startedAt: number): Tries => ({
  startedAt,
  attempts: 0,
  counted: 0,
  failures: 0,
  renewed: false,
  applied: "no",
  lastError: "RateLimited",
  fault: undefined
})

/** What to do after a failed attempt: `again` after `delay` milliseconds, or `stop` with an error. */
export type Decision =
  | { readonly _tag: "Again"; readonly delay: number }
  | {
      readonly _tag: "Stop"
      readonly error: RetriesExhausted | RetryAfterTooLong | OutcomeUnknown | ApiError.Unauthorized
    }

const again = (delay: number): Decision => ({ _tag: "Again", delay })
const stop = (error: Extract<Decision, { readonly _tag: "Stop" }>["error"]): Decision => ({ _tag: "Stop", error })

/**
 * Decides after an attempt that failed with an error that the policy retries. `random` is from 0 to 1, `now`
 * in milliseconds, `wall` in milliseconds since 1970; `delay` is the caller's schedule's, `"done"` when it
 * has ended.
 */
export const decide = (
  policy: RetryPolicy<string, string>,
  tries: Tries,
  error: unknown,
  given: {
    readonly now: number
    readonly wall: number
    readonly random: number
    readonly resend: Resend
    readonly budget: Budget
    readonly delay?: number | "done" | undefined
  }
): Decision => {
  // Another's error may say nothing of itself; then its request may have been applied.
  const { applied, fault, message, retryAfter } = Predicate.isObject(error) ? error : {}
  const elapsed = given.now - tries.startedAt
  tries.attempts++
  tries.lastError = Tag.of(error)
  tries.fault = isFault(fault) ? fault : undefined
  const limited = tries.lastError === "RateLimited"
  const told = () => toldOf(tries, Predicate.isString(message) ? message : "", Duration.millis(elapsed))
  if (applied !== "no") {
    if (given.resend === "unsafe") return stop(new OutcomeUnknown(told()))
    tries.applied = "maybe"
  }
  if (error instanceof ApiError.TokenExpired) {
    const { answer, endpoint, status, vendor } = error
    // A token that was just signed and is refused too: more of them would not help.
    if (tries.renewed) return stop(new ApiError.Unauthorized({ answer, endpoint, status, vendor }))
    tries.renewed = true
    return again(0)
  }
  tries.renewed = false
  tries.failures++
  if (!limited) tries.counted++
  const exhausted = (ran: RetriesExhausted["ran"]) =>
    stop(new RetriesExhausted({ ...told(), ran, applied: tries.applied }))
  const maxElapsed = Duration.toMillis(policy.maxElapsed)
  const floor = Duration.isDuration(retryAfter) ? Duration.toMillis(retryAfter) : 0
  // Without a wait that was asked for, it is the time that ran out.
  if (floor > Duration.toMillis(policy.retryAfterCeiling) || (floor > 0 && elapsed + floor > maxElapsed)) {
    return stop(tooLong(policy, tries, told(), floor, given.wall))
  }
  if (given.delay === "done") return exhausted("schedule")
  if (given.delay === undefined && tries.counted >= policy.maxAttempts) return exhausted("attempts")
  const delay = Math.max(floor, given.delay ?? backoff(policy, tries.failures) * given.random)
  if (elapsed + delay > maxElapsed) return exhausted("elapsed")
  if (!limited && !given.budget.spend()) return exhausted("budget")
  return again(delay)
}

/** What the errors that end a request tell of it. */
export const toldOf = ({ attempts, fault, lastError }: Tries, lastMessage: string, elapsed: Duration.Duration) => ({
  attempts,
  elapsed,
  fault,
  lastError,
  lastMessage
})

/** The error for a wait of so many milliseconds that is longer than the policy allows. */
export const tooLong = (
  policy: RetryPolicy<string, string>,
  tries: Tries,
  told: ReturnType<typeof toldOf>,
  wait: number,
  wall: number
): RetryAfterTooLong =>
  new RetryAfterTooLong({
    ...told,
    wait: Duration.millis(wait),
    until: Utc.fromMillis(wall + wait),
    bound: wait > Duration.toMillis(policy.retryAfterCeiling) ? "retryAfterCeiling" : "maxElapsed",
    applied: tries.applied
  })

const backoff = (policy: RetryPolicy<string, string>, failures: number): number =>
  Math.min(
    Duration.toMillis(policy.maxDelay),
    Duration.toMillis(policy.firstDelay) * policy.factor ** Math.min(failures - 1, 1000)
  )
