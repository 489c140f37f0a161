/**
 * How sending a batch, or a part of one, can fail, and what that says of its records.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import type * as ApiError from "../../http/ApiError.ts"
import type { SendError } from "../../policy/SendPolicy.ts"
import type { Behaviour } from "../model/Destination.ts"
import type * as Fate from "../model/Fate.ts"

/**
 * The run stopped before this attempt went out.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeldBack extends Data.TaggedError("HeldBack") {
  readonly isRetryable = false as const
}

/**
 * An answer said that batches must be smaller after this one was collected, and before it went out.
 *
 * @category errors
 * @since 0.1.0
 */
export class Outgrown extends Data.TaggedError("Outgrown") {
  readonly isRetryable = false as const
}

/**
 * @category errors
 * @since 0.1.0
 */
export type SendFailure = SendError<ApiError.ApiError | HeldBack | Outgrown, never, never, Behaviour["resend"]>

/**
 * What ends a request that has no verdict; no fate where it was too large, so that its records must go out in halves.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoVerdict {
  readonly fate: Fate.Fate | undefined
}

/**
 * Whether the request may have been applied all the same. After any other error it has changed nothing; a 5xx may come
 * from a proxy after it was applied behind it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isVague = (error: ApiError.ApiError): boolean =>
  error._tag === "ServerFault" ||
  error._tag === "TimedOut" ||
  error._tag === "UnexpectedAnswer" ||
  (error._tag === "TransportFault" && error.sent === "maybe")

/**
 * @category guards
 * @since 0.1.0
 */
export const isTooLarge = (error: { readonly _tag: string }): error is ApiError.ContentTooLarge =>
  error._tag === "ContentTooLarge"

/**
 * The refusal that an answer is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refusalOf = (error: Extract<SendFailure, { readonly answer: unknown }>): Fate.Refusal => ({
  reason: { tag: error._tag, message: error.message, issues: [] },
  answer: Redacted.value(error.answer).body
})
