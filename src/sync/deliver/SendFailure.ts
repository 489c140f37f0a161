/** How sending a part of a batch can fail, and what that says of its records and of the run. */
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import type * as ApiError from "../../http/ApiError.ts"
import type * as RetryErrors from "../../policy/retry/RetryErrors.ts"
import type { SendError } from "../../policy/SendPolicy.ts"
import type { Behaviour, Destination } from "../model/Destination.ts"
import * as Fate from "../model/Fate.ts"
import type { DestinationFailed } from "./Contain.ts"

/** The run stopped before this attempt went out, or would wait no longer. */
export class HeldBack extends Data.TaggedError("HeldBack") {
  readonly isRetryable = false as const
}

/** An answer said that batches must be smaller after this one was collected, and before it went out. */
export class Outgrown extends Data.TaggedError("Outgrown") {
  readonly isRetryable = false as const
}

export type SendFailure = SendError<ApiError.ApiError | HeldBack | Outgrown, never, never, Behaviour["resend"]>

/**
 * What stops a whole run while it delivers: the credentials are refused, the tenant is not there, something else answers at
 * that address, the vendor stays down beyond the retry policy, or the destination does nothing but throw. `E` is what the
 * destination can fail with.
 */
export type DeliverError<E extends ApiError.ApiError = ApiError.ApiError> =
  | Extract<E | RetryErrors.RetriesExhausted | RetryErrors.RetryAfterTooLong, NoOtherFares>
  | Extract<E, ApiError.NotFound | ApiError.UnexpectedAnswer>
  | DestinationFailed

type NoOtherFares =
  | ApiError.Unauthorized
  | ApiError.Forbidden
  | RetryErrors.RetriesExhausted
  | RetryErrors.RetryAfterTooLong

/**
 * Whether a request failed in a way in which every other would fail now: by the fault of the caller, or for longer than the
 * retry policy waits.
 */
export const stopsRun = (error: {
  readonly _tag: string
  readonly fault?: ApiError.Fault | undefined
}): error is NoOtherFares =>
  error.fault === "caller" || error._tag === "RetriesExhausted" || error._tag === "RetryAfterTooLong"

/** What failed because of an answer. */
export type AnsweredFailure = Extract<SendFailure, { readonly answer: unknown }>

/**
 * What a failure comes to. `TooLarge` says nothing of the records: each half is to be tried for itself. `Refused`: some of
 * them are to blame. `Decided`: this is what became of all of them.
 */
export type Meaning =
  | { readonly _tag: "TooLarge" }
  | { readonly _tag: "Refused"; readonly error: AnsweredFailure }
  | { readonly _tag: "Decided"; readonly fate: Fate.Fate }

export const isTooLarge = (error: { readonly _tag: string }): error is ApiError.ContentTooLarge =>
  error._tag === "ContentTooLarge"

/** The fate of records that failed for their own sake. */
export const rejected = (error: SendFailure): Fate.Rejected => ({ _tag: "Rejected", ...told(error) })

const told = (error: SendFailure) => ({
  reason: { tag: error._tag, message: error.message, issues: [] },
  answer: "answer" in error ? Redacted.value(error.answer).body : undefined
})

// So many unexpected answers in a row, over all batches, say that something else answers at that address.
const unexpectedInARow = 3

/** What reads the failures of one run. */
export const reader = <A, B extends Behaviour, R>(options: {
  readonly to: Pick<Destination<A, B, ApiError.ApiError, R>, "behaviour" | "refusals">
  /** Called when something stops the run. */
  readonly onStop: (error: DeliverError) => void
}) => {
  const { onStop, to } = options
  const { failureUnit, resend }: Behaviour = to.behaviour
  const refusals = new Set<string>(to.refusals ?? ["BadRequest", "UnprocessableContent"])
  let unexpected = 0

  const isRefusal = (error: SendFailure): error is AnsweredFailure =>
    "answer" in error && (isTooLarge(error) || refusals.has(error._tag))

  // A batch has no id of its own, so what is not found is where it was sent to.
  const isWrongAddress = (error: SendFailure): error is ApiError.NotFound =>
    error._tag === "NotFound" && failureUnit === "batch"

  const fateOf = (error: Exclude<SendFailure, Outgrown>, applied: ApiError.Meaning["applied"]): Fate.Fate => {
    const unknown = (again: boolean): Fate.Fate => ({ _tag: "Unknown", ...told(error), again })
    if (error._tag === "HeldBack") return applied === "maybe" ? Fate.cutOff(resend === "safe") : { _tag: "Unsent" }
    if (error._tag === "OutcomeUnknown") return unknown(false)
    if (error._tag === "UnexpectedAnswer") {
      if (++unexpected >= unexpectedInARow) onStop(error)
      return unknown(false)
    }
    if (stopsRun(error) || isWrongAddress(error)) {
      onStop(error)
      return applied === "maybe" ? unknown(resend === "safe") : { _tag: "Unsent" }
    }
    // What was refused before it was sent, and refusals that the destination does not take as such.
    return rejected(error)
  }

  return {
    /** `applied` says whether any of the attempts may have been applied. */
    read: (error: SendFailure, applied: ApiError.Meaning["applied"], records: number): Meaning => {
      if (error._tag === "Outgrown" || (isTooLarge(error) && records > 1)) return { _tag: "TooLarge" }
      if (!isRefusal(error)) return { _tag: "Decided", fate: fateOf(error, applied) }
      unexpected = 0
      return { _tag: "Refused", error }
    },
    /** Notes an answer that is as the contract has it. */
    expected: (): void => {
      unexpected = 0
    }
  }
}
