/**
 * Asks how something stands until it has an end, as a `SettlePolicy` says.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { FirstPoll } from "./FirstPoll.ts"
import type { SettlePolicy } from "./SettlePolicy.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A, E, R> {
  readonly settlePolicy: SettlePolicy
  /** Asks once. `left` is the time until the deadline, in milliseconds. */
  readonly ask: (left: number) => Effect.Effect<A, E, R>
  readonly isPending: (answer: A) => boolean
  /** Sees each answer after which it asks again. */
  readonly onPending?: ((answer: A) => Effect.Effect<void>) | undefined
  /** Milliseconds that were waited before; they count for the deadline. Default: 0. */
  readonly waitedBefore?: number | undefined
  /** When the first question goes out: at once, or as was learnt. Default: after the policy's `firstPoll`. */
  readonly first?: "atOnce" | FirstPoll | undefined
}

/**
 * The last answer, or why there is none, and the milliseconds that were waited for it in all. `isLate`: it is no end,
 * and the deadline has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Polled<A, E> {
  readonly last: Result.Result<A, E>
  readonly isLate: boolean
  readonly waited: number
}

// The factor between two waits.
const pollFactor = 1.5

/**
 * So many unexpected answers in a row are the end. One says nothing: the next may be as it should be. By the default
 * policy they take 6 seconds.
 *
 * @category configuration
 * @since 0.1.0
 */
export const unexpectedInARow = 5

/**
 * Asks soon at first and then less often, a last time at the deadline. A 404 is tolerated for a time, because how soon
 * something is known is not documented, and a few unexpected answers in a row; any other error is the end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const poll = Effect.fnUntraced(function* <A, E extends { readonly _tag: string }, R>(
  options: Options<A, E, R>
): Effect.fn.Return<Polled<A, E>, never, R> {
  const { settlePolicy, waitedBefore = 0 } = options
  const deadline = Duration.toMillis(settlePolicy.deadline)
  const maxInterval = Duration.toMillis(settlePolicy.maxInterval)
  const now = Clock.monotonicTimeNanos
  const start = yield* now
  const waitedUntil = (at: bigint) => waitedBefore + Number(at - start) / 1_000_000
  const learnt = options.first === "atOnce" ? undefined : options.first
  let interval = learnt?.wait() ?? Duration.toMillis(settlePolicy.firstPoll)
  let isFirst = true
  // A timer may come a little early: then it is still the deadline.
  let isLast = false
  let unexpected = 0

  while (true) {
    if (!isFirst || options.first !== "atOnce") {
      const left = deadline - waitedUntil(yield* now)
      isLast = left <= interval
      yield* Effect.sleep(Math.max(0, Math.min(interval, left)))
      interval = Math.min(maxInterval, interval * pollFactor)
    }
    const last = yield* Effect.result(options.ask(Math.max(0, deadline - waitedUntil(yield* now))))
    const waited = waitedUntil(yield* now)
    unexpected = Result.isFailure(last) && last.failure._tag === "UnexpectedAnswer" ? unexpected + 1 : 0
    const isTolerated = Result.isSuccess(last)
      ? options.isPending(last.success)
      : last.failure._tag === "NotFound"
        ? waited < Duration.toMillis(settlePolicy.notFoundGrace)
        : unexpected > 0 && unexpected < unexpectedInARow
    if (isFirst && (isTolerated || Result.isSuccess(last))) learnt?.answered(isTolerated)
    isFirst = false
    if (!isTolerated) return { last, isLate: false, waited }
    if (isLast || waited >= deadline) return { last, isLate: true, waited }
    if (Result.isSuccess(last)) yield* options.onPending?.(last.success) ?? Effect.void
  }
})
