/** When to ask for the first time how something stands, as learnt from how soon others like it have ended. */
import * as Duration from "effect/Duration"
import type { SettlePolicy } from "./SettlePolicy.ts"

export interface FirstPoll {
  /** Milliseconds until the next first question. */
  readonly wait: () => number
  /** What a first question was answered: whether it came too early. */
  readonly answered: (isPending: boolean) => void
}

// Sooner, the answer is hardly there, whoever the vendor is: it takes a round trip.
const least = 20

// After 22 that had ended, a tenth of the time. Asking in vain costs a request: at these two, one first question in eight does.
const whenEnded = 0.9
const whenPending = 2

/** Begins with the policy's `firstPoll`, and never waits longer. */
export const make = (settlePolicy: Pick<SettlePolicy, "firstPoll">): FirstPoll => {
  const most = Duration.toMillis(settlePolicy.firstPoll)
  let wait = most
  return {
    wait: () => wait,
    answered: (isPending) => {
      wait = Math.min(most, Math.max(least, wait * (isPending ? whenPending : whenEnded)))
    }
  }
}
