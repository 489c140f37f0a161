/**
 * How an accepted batch is waited for.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * When to ask how an accepted batch stands, and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface SettlePolicy {
  readonly firstPoll: Duration.Duration
  readonly maxInterval: Duration.Duration
  readonly deadline: Duration.Duration
  readonly notFoundGrace: Duration.Duration
}

/**
 * The first question comes soon, because most batches are quick, and sooner where a run has seen that they are quicker; each
 * next one waits 1.5 times as long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: {
  /** From the acceptance to the first question, at most. Default: 500 milliseconds. */
  readonly firstPoll?: Duration.Input | undefined
  /** The longest time between two questions. Default: 10 seconds. */
  readonly maxInterval?: Duration.Input | undefined
  /**
   * From the acceptance until its records are `Unknown`; the batch id stays known. What is asked by then has 10 seconds to
   * be answered, whatever the retry policy gives it. Default: 30 minutes.
   */
  readonly deadline?: Duration.Input | undefined
  /** How long a 404 means that the batch is not known yet: how soon it is, is not documented. Default: 1 minute. */
  readonly notFoundGrace?: Duration.Input | undefined
}): SettlePolicy => ({
  firstPoll: Duration.fromInputUnsafe(options?.firstPoll ?? "500 millis"),
  maxInterval: Duration.fromInputUnsafe(options?.maxInterval ?? "10 seconds"),
  deadline: Duration.fromInputUnsafe(options?.deadline ?? "30 minutes"),
  notFoundGrace: Duration.fromInputUnsafe(options?.notFoundGrace ?? "1 minute")
})
