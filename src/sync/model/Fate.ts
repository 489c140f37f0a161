/**
 * What became of the records of one batch.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as ApiError from "../../http/ApiError.ts"
import { thrown } from "../../json/SendableJson.ts"
import type * as RetryPolicy from "../../policy/retry/RetryPolicy.ts"
import type { Receipt } from "./Destination.ts"
import type { Outcome, Reason } from "./Outcome.ts"

/**
 * What became of some records of a batch, by their 0-based positions in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ended {
  readonly indices: ReadonlyArray<number>
  readonly fate: Fate
}

/**
 * @category models
 * @since 0.1.0
 */
export type Fate =
  | { readonly _tag: "Applied" }
  | { readonly _tag: "Accepted"; readonly batchId: string }
  | {
      readonly _tag: "Rejected"
      readonly reason: Reason
      /** What the vendor wrote, for dead letters only. */
      readonly answer: string | undefined
      /** It was refused together with others, and is not to be tried alone: it may be a bystander. */
      readonly together?: true
    }
  | {
      readonly _tag: "Unknown"
      readonly reason: Reason
      readonly answer: string | undefined
      /** Whether the next run takes it up again: sends it, or asks for its batch. */
      readonly again: boolean
    }
  | { readonly _tag: "Unsent" }

/**
 * Why records were refused, and what the vendor wrote, for dead letters only.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly reason: Reason
  readonly answer: string | undefined
}

/**
 * Several batches in a row ended because the destination threw, so that nothing is to be expected of the next ones.
 *
 * @category errors
 * @since 0.1.0
 */
export class DestinationFailed extends Data.TaggedError("DestinationFailed")<{
  /** Its name. */
  readonly destination: string
  /** What it threw, without its words. */
  readonly thrown: string
}> {
  override get message(): string {
    return `${this.destination} threw (${this.thrown}) in several batches in a row. This is a fault in the destination, or in what was given to it: put it right, and check at the vendor what became of these batches.`
  }
}

/**
 * What dooms a whole run: the credentials are refused, the tenant is not there, something else answers at that
 * address, the vendor stays down beyond the retry policy, or the destination does nothing but throw.
 *
 * @category errors
 * @since 0.1.0
 */
export type Doom =
  | ApiError.Unauthorized
  | ApiError.Forbidden
  | ApiError.NotFound
  | ApiError.UnexpectedAnswer
  | RetryPolicy.RetriesExhausted
  | RetryPolicy.RetryAfterTooLong
  | DestinationFailed

/**
 * The fate of what was in flight when a run that stops would wait no longer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cutOff = (again: boolean): Fate => ({
  _tag: "Unknown",
  reason: {
    tag: "Interrupted",
    message: "The run was stopped while this was under way; whether it was applied is not known.",
    issues: []
  },
  answer: undefined,
  again
})

/**
 * The fate of what an earlier run may have sent, and must not be sent twice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const neverAnswered: Fate = {
  _tag: "Unknown",
  reason: {
    tag: "OutcomeUnknown",
    message:
      "An earlier run may have sent this, and it is not safe to send again. Check at the vendor whether it was applied.",
    issues: []
  },
  answer: undefined,
  again: false
}

/**
 * The fate of a batch in which something threw: nobody knows how far it had come.
 *
 * @category constructors
 * @since 0.1.0
 */
export const broken = (batch: number, destination: string, defect: unknown): Fate => ({
  _tag: "Unknown",
  reason: {
    tag: "Defect",
    message: `${destination} threw (${thrown(defect)}) while batch ${batch} was under way; whether it was applied is not known. Check at the vendor before you send it again.`,
    issues: []
  },
  answer: undefined,
  again: false
})

/**
 * The fate of what an answer counts otherwise than it was sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const miscounted = (sent: number, { batchId, recordCount }: Receipt): Fate => {
  const ask = batchId === undefined ? "" : ` Ask for batch ${batchId}.`
  const message = `The answer counts ${recordCount} records; ${sent} were sent.${ask}`
  return { _tag: "Unknown", reason: { tag: "CountMismatch", message, issues: [] }, answer: undefined, again: false }
}

/**
 * The outcome of one record with this fate.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outcome = (fate: Fate, offset: number): Outcome => {
  switch (fate._tag) {
    case "Applied":
    case "Unsent":
      return { _tag: fate._tag, offset }
    case "Accepted":
      return { _tag: "Accepted", offset, batchId: fate.batchId }
    case "Rejected":
    case "Unknown":
      return { _tag: fate._tag, offset, reason: fate.reason }
  }
}
