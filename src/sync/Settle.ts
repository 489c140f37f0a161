/**
 * Waits until an accepted batch has really been applied, or failed.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SendPolicy } from "../policy/SendPolicy.ts"
import { pollFactor, type SettlePolicy } from "../policy/SettlePolicy.ts"
import type { Behaviour, Destination, RecordFailure } from "./Destination.ts"
import type { Doom, Ended, Fate } from "./Fate.ts"
import type { Tally } from "./Tally.ts"

/**
 * How an accepted batch ended, by the positions of its records, and what dooms the run, if anything does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settled {
  readonly ended: ReadonlyArray<Ended>
  readonly doomed: Doom | undefined
}

const unknown = (tag: string, message: string, again: boolean): Fate => ({
  _tag: "Unknown",
  reason: { tag, message, issues: [] },
  answer: undefined,
  again
})

/**
 * The fate of an accepted batch that is waited for no longer: its id says where to ask.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notWaitedFor = (batchId: string, fate: Fate): Fate =>
  fate._tag === "Unknown"
    ? { ...fate, again: true, reason: { ...fate.reason, message: `${fate.reason.message} Ask for batch ${batchId}.` } }
    : fate

/**
 * Asks until there is an end, soon at first and then less often, under the same rate limit as everything else. A
 * 404 is tolerated for a time, because how soon a batch is known is not documented. At the deadline the records
 * are `Unknown`, with the batch's id: never failed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const settle = Effect.fnUntraced(function* <A, B extends Behaviour, R>(options: {
  readonly to: Destination<A, B, R>
  readonly policy: SendPolicy
  /** Where requests are counted, when they go out. */
  readonly tally: Pick<Tally, "counted">
  readonly settlePolicy: SettlePolicy
  readonly batchId: string
  /** The keys of the batch's records, in order. */
  readonly keys: ReadonlyArray<string>
  /** When it was accepted, in milliseconds since 1970. Default: now. */
  readonly acceptedAt?: number | undefined
}): Effect.fn.Return<Settled, never, R> {
  const { batchId, keys, policy, settlePolicy, tally, to } = options
  const indices = keys.map((_, index) => index)
  const acceptedAt = options.acceptedAt ?? (yield* Clock.currentTimeMillis)
  const maxInterval = Duration.toMillis(settlePolicy.maxInterval)
  const end = (fate: Fate, doomed?: Doom): Settled => ({ ended: [{ indices, fate }], doomed })

  for (
    let interval = Duration.toMillis(settlePolicy.firstPoll);
    ;
    interval = Math.min(maxInterval, interval * pollFactor)
  ) {
    yield* Effect.sleep(interval)
    const asked = yield* Effect.result(
      policy.run(tally.counted()(to.settle(batchId, keys.length)), { endpoint: `${to.name} (status)`, resend: "safe" })
    )
    const waited = (yield* Clock.currentTimeMillis) - acceptedAt
    if (Result.isSuccess(asked)) {
      const settlement = asked.success
      switch (settlement._tag) {
        case "Applied":
          return end({ _tag: "Applied" })
        case "Failed":
          return { ended: failed(batchId, keys, settlement.failures), doomed: undefined }
        case "Unclear":
          return end({ _tag: "Unknown", reason: settlement.reason, answer: settlement.answer, again: false })
        case "Pending":
          break
      }
    } else {
      const error = asked.failure
      const message = `Reading the status of batch ${batchId} failed: ${error.message}`
      switch (error._tag) {
        case "NotFound":
          if (waited >= Duration.toMillis(settlePolicy.notFoundGrace)) {
            return end(
              unknown("BatchNotFound", `Batch ${batchId} is not known ${format(waited)} after it was accepted.`, false)
            )
          }
          break
        case "Unauthorized":
        case "Forbidden":
        case "RetriesExhausted":
        case "RetryAfterTooLong":
          return end(unknown(error._tag, message, true), error)
        case "UnexpectedAnswer":
          // One unreadable answer says nothing of the batch: the next may be readable.
          break
        default:
          return end(unknown(error._tag, message, false))
      }
    }
    if (waited >= Duration.toMillis(settlePolicy.deadline)) {
      return end(
        unknown(
          "SettleDeadline",
          `Batch ${batchId} was not finished after ${format(waited)}. Ask for it again later.`,
          false
        )
      )
    }
  }
})

const format = (millis: number): string => Duration.format(Duration.millis(Math.round(millis / 1000) * 1000))

// Records that failed, by position or by key. A key that the batch holds more than once names all of them. A failure
// that fits no record says that the answer is about something else, so that nothing of it is believed.
const failed = (
  batchId: string,
  keys: ReadonlyArray<string>,
  failures: ReadonlyArray<RecordFailure>
): ReadonlyArray<Ended> => {
  const indices = keys.map((_, index) => index)
  const byIndex = new Map<number, RecordFailure>()
  for (const failure of failures) {
    const hits = indices.filter(
      (index) =>
        (failure.index === undefined || failure.index === index) &&
        (failure.key === undefined || failure.key === keys[index])
    )
    if (hits.length === 0 || (failure.index === undefined && failure.key === undefined)) {
      const message = `Batch ${batchId} reports a failed record that it does not hold. Ask for it.`
      return [{ indices, fate: unknown("FailureMismatch", message, false) }]
    }
    for (const index of hits) byIndex.set(index, failure)
  }
  const applied = indices.filter((index) => !byIndex.has(index))
  return [
    ...(applied.length === 0 ? [] : [{ indices: applied, fate: { _tag: "Applied" as const } }]),
    ...[...byIndex].map(([index, { answer, reason }]) => ({
      indices: [index],
      fate: { _tag: "Rejected" as const, reason, answer }
    }))
  ]
}
