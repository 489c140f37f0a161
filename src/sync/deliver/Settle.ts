/** Waits until an accepted batch has really been applied, or failed. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Format from "../../base/Format.ts"
import type { ApiError } from "../../http/ApiError.ts"
import type { FirstPoll } from "../../policy/FirstPoll.ts"
import * as Polling from "../../policy/Polling.ts"
import type { SendPolicy } from "../../policy/SendPolicy.ts"
import type { SettlePolicy } from "../../policy/SettlePolicy.ts"
import type { Tally } from "../books/Tally.ts"
import type { Behaviour, Destination, RecordFailure } from "../model/Destination.ts"
import type { Fate, Fates } from "../model/Fate.ts"
import { unknown } from "../model/Fate.ts"
import { type DeliverError, stopsRun } from "./SendFailure.ts"

// The deadline cuts questions short that the retry policy would go on with. One that was asked by then may be answered.
const lastAnswer = 10_000

class NotAnswered extends Data.TaggedError("NotAnswered") {
  override readonly message = "It was not answered in time."
}

export interface Options<A, B extends Behaviour, R> {
  readonly to: Destination<A, B, ApiError, R>
  readonly policy: SendPolicy
  /** Where requests are counted, when they go out, and what is waited for. */
  readonly tally: Pick<Tally, "addUnsettled" | "counted" | "settling">
  readonly settlePolicy: SettlePolicy
  /** When to ask first for what was accepted just now. Default: after the policy's `firstPoll`. */
  readonly first?: FirstPoll | undefined
  /** Called when something stops the run. */
  readonly onStop: (error: DeliverError) => void
}

/**
 * Asks until there is an end, as `Polling` does, under the same rate limit as everything else. Where none is learnt, the
 * records are `Unknown`, with the batch's id: never failed.
 */
export const settle = Effect.fnUntraced(function* <A, B extends Behaviour, R>(
  { first, onStop, policy, settlePolicy, tally, to }: Options<A, B, R>,
  batchId: string,
  /** The batch's records, in order. */
  records: ReadonlyArray<Sent>,
  /** When it was accepted, in milliseconds since 1970. Default: now. */
  acceptedSince?: number
): Effect.fn.Return<Fates, never, R> {
  const indices = records.map((_, index) => index)
  const now = yield* Clock.currentTimeMillis
  const acceptedAt = acceptedSince ?? now
  const end = (fate: Fate): Fates => [{ indices, fate }]
  const unsettled = (...why: Parameters<typeof unknown>): Fates => {
    tally.addUnsettled(batchId)
    return end(unknown(...why))
  }

  const { isLate, last, waited } = yield* tally.settling(
    acceptedAt,
    acceptedAt + Duration.toMillis(settlePolicy.deadline)
  )(
    Polling.poll({
      settlePolicy,
      first: acceptedSince === undefined ? first : undefined,
      // The clock may have been set back.
      waitedBefore: Math.max(0, now - acceptedAt),
      ask: (left) =>
        policy
          .run(tally.counted()(to.settle(batchId, records.length)), { endpoint: `${to.name} (status)`, resend: "safe" })
          .pipe(Effect.timeoutOrElse({ duration: left + lastAnswer, orElse: () => Effect.fail(new NotAnswered()) })),
      isPending: ({ _tag }) => _tag === "Pending"
    })
  )
  if (Result.isSuccess(last)) {
    const settlement = last.success
    switch (settlement._tag) {
      case "Applied":
        return end({ _tag: "Applied" })
      case "Failed":
        return failed(batchId, records, settlement.failures)
      case "Unclear":
        return end({ _tag: "Unknown", reason: settlement.reason, answer: settlement.answer, again: false })
      case "Pending":
        return unsettled(
          "SettleDeadline",
          `Batch ${batchId} was not finished after ${Format.duration(waited)}. Ask for it again later.`
        )
    }
  }
  const error = last.failure
  if (isLate || error._tag === "NotAnswered") {
    return unsettled(
      "SettleDeadline",
      `How batch ${batchId} went was not learnt in ${Format.duration(waited)}: the last question for it failed. ${error.message} Ask for it again later.`
    )
  }
  const message = `Reading the status of batch ${batchId} failed: ${error.message}`
  if (stopsRun(error)) {
    onStop(error)
    return end(unknown(error._tag, message, { again: true }))
  }
  switch (error._tag) {
    case "NotFound":
      return unsettled(
        "BatchNotFound",
        `Batch ${batchId} is not known ${Format.duration(waited)} after it was accepted.`
      )
    case "UnexpectedAnswer":
      return unsettled(
        error._tag,
        `${message} It was the last of ${Polling.unexpectedInARow} unexpected answers in a row. Ask for it again later.`,
        { answer: Redacted.value(error.answer).body }
      )
    default:
      return unsettled(error._tag, message)
  }
})

interface Sent {
  readonly key: string
  readonly offset: number
}

// Records that failed, by position or by key. A failure that fits no record, or one more than there are of its key, says
// that the answer is about something else, so that nothing of it is believed.
const failed = (batchId: string, records: ReadonlyArray<Sent>, failures: ReadonlyArray<RecordFailure>): Fates => {
  const indices = records.map((_, index) => index)
  const ended: Array<Fates[number]> = []
  const open = new Set(indices)
  const reject = (index: number, reason: RecordFailure["reason"], answer: string | undefined) => {
    open.delete(index)
    ended.push({ indices: [index], fate: { _tag: "Rejected", reason, answer } })
  }
  const mismatch = (): Fates => {
    const message = `Batch ${batchId} reports a failed record that it does not hold. Ask for it.`
    return [{ indices, fate: unknown("FailureMismatch", message) }]
  }
  // What names a position first: the rest of its key's records are then those that a key alone can mean.
  const byIndex = new Map(failures.flatMap((one) => (one.index === undefined ? [] : [[one.index, one] as const])))
  for (const [index, { answer, key, reason }] of byIndex) {
    const record = records[index]
    if (record === undefined || (key ?? record.key) !== record.key) return mismatch()
    reject(index, reason, answer)
  }
  const byKey = Map.groupBy(
    failures.filter(({ index }) => index === undefined),
    ({ key }) => key
  )
  for (const [key, named] of byKey) {
    const [{ reason } = { reason: undefined }] = named
    const candidates = [...open].filter((index) => records[index]?.key === key)
    if (reason === undefined || key === undefined || candidates.length < named.length) return mismatch()
    // Which of them is about which record, nobody says.
    const answers = new Set(named.map(({ answer }) => answer).filter(Predicate.isNotUndefined))
    const answer = answers.size === 0 ? undefined : [...answers].join("; ")
    if (candidates.length === named.length) {
      for (const index of candidates) reject(index, reason, answer)
    } else {
      const offsets = candidates.flatMap((index) => records[index]?.offset ?? [])
      for (const index of candidates) open.delete(index)
      const message = ambiguous(batchId, named.length, offsets)
      ended.push({ indices: candidates, fate: unknown("FailureAmbiguous", message, { answer }) })
    }
  }
  return open.size === 0 ? ended : [{ indices: [...open], fate: { _tag: "Applied" } }, ...ended]
}

// Each of their dead letters has the message.
const offsetsTold = 10

const ambiguous = (batchId: string, failures: number, offsets: ReadonlyArray<number>): string => {
  const told = offsets.slice(0, offsetsTold).join(", ")
  const more = offsets.length > offsetsTold ? ` and ${offsets.length - offsetsTold} more` : ""
  return `${failures} of ${offsets.length} records of this customer in batch ${batchId} failed, and the vendor does not say which: those at offsets ${told}${more}. The earliest that can have failed is the one at offset ${offsets[0]}; the others of them are applied. See at the vendor what the customer has before you send any of them again.`
}
