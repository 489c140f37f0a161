/**
 * How sending again can end without success.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as Format from "../../base/Format.ts"
import { Fault } from "../../http/ApiError.ts"

const tries = {
  /** Tag of the last error. */
  lastError: Schema.String,
  /** Whose fault it was, where it says so, as this library's errors do. */
  fault: Schema.optional(Fault),
  /** Its message. */
  lastMessage: Schema.String,
  /** Attempts made, those answered 429 included. */
  attempts: Schema.Int,
  /** Since the first attempt started. */
  elapsed: Schema.Duration
}

/**
 * The last attempt failed in a way that may pass, and there is no further one.
 *
 * @category errors
 * @since 0.1.0
 */
export class RetriesExhausted extends Schema.TaggedError<RetriesExhausted>()("RetriesExhausted", {
  ...tries,
  /**
   * What ran out: `attempts`, `elapsed` (time), `budget` (too many requests fail), the caller's `schedule`, or the time in which
   * the `store` of a limit that processes share had to answer.
   */
  ran: Schema.Literals(["attempts", "elapsed", "budget", "schedule", "store"]),
  /** Whether any of the attempts may have been applied all the same. */
  applied: Schema.Literals(["no", "maybe"])
}) {
  readonly isRetryable = false as const
  override get message(): string {
    if (this.ran === "store") {
      return `${this.lastMessage} It was asked for ${Format.duration(this.elapsed)}, and nothing was sent meanwhile. Run again once it is back, or say with withoutStore which share of the limit is this process's own.`
    }
    const what = { attempts: "attempts", elapsed: "time", budget: "retry budget", schedule: "schedule" }[this.ran]
    return `Gave up after ${attempts(this.attempts)} in ${Format.duration(this.elapsed)}, because the ${what} ran out. The last error was ${this.lastError}: ${this.lastMessage}`
  }
}

/**
 * The vendor asks to wait longer than the policy allows, so that it was not waited for.
 *
 * @category errors
 * @since 0.1.0
 */
export class RetryAfterTooLong extends Schema.TaggedError<RetryAfterTooLong>()("RetryAfterTooLong", {
  ...tries,
  /** How long the vendor asked to wait. */
  wait: Schema.Duration,
  /** When that ends. */
  until: Schema.DateTimeUtc,
  /** What it is longer than. */
  bound: Schema.Literals(["retryAfterCeiling", "maxElapsed"]),
  applied: Schema.Literals(["no", "maybe"])
}) {
  readonly isRetryable = false as const
  override get message(): string {
    return `The vendor asks to wait ${Format.duration(this.wait)}, until ${DateTime.formatIso(this.until)}, which is longer than ${this.bound} allows. Run again after that, or raise ${this.bound}.`
  }
}

/**
 * A request that must not be sent twice failed in a way that leaves open whether it was applied. It was not
 * sent again: look at the vendor's side before doing so.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", tries) {
  readonly applied = "maybe" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `The request may have been applied, and is not safe to send again (${this.lastError}: ${this.lastMessage}). Check at the vendor whether it was.`
  }
}

const attempts = (n: number) => (n === 1 ? "1 attempt" : `${n} attempts`)
