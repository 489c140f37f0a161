/**
 * What can go wrong when a vendor's API is called: one tagged error a kind, small, flat and free of
 * customer data, tokens and requests, so that each may be logged as it is.
 *
 * What an error means is said here, once, by the literals of its class (`Meaning`); whoever has to decide something reads
 * them.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Format from "../base/Format.ts"
import { format, InputIssue } from "../json/InputIssue.ts"

/**
 * Whose fault an error is, and so what is to be expected of the next request: `record`, what was sent or asked for, so that
 * another may go through; `caller`, who sends, or how fast, so that no other fares better now; `vendor`, which fails or does
 * not answer in time; `transport`, on the way there or back; `contract`, an answer that nobody knows how to read.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Literals(["record", "caller", "vendor", "transport", "contract"])

/**
 * What an error means.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meaning {
  /** Whether the request may have been applied all the same. A 5xx may come from a proxy after it was applied behind it. */
  readonly applied: "no" | "maybe"
  readonly fault: Fault
  /** Whether it may pass: the same request may go through later. */
  readonly isRetryable: boolean
}

/**
 * What the vendor wrote in its answer. It may repeat customer data, so errors carry it `Redacted`:
 * read it on purpose, with `Redacted.value(error.answer)`.
 *
 * @category models
 * @since 0.1.0
 */
export class VendorAnswer extends Schema.Class<VendorAnswer>("effect-patchbay/ApiError/VendorAnswer")({
  /** The answer's `message`, or `data.error` where the vendor writes that; empty where there was none. */
  message: Schema.String,
  /** The single validation errors, as documented for Reach's 400. */
  errors: Schema.Array(Schema.String),
  /** The body as it came, cut at 64 KiB. */
  body: Schema.String
}) {}

const called = {
  /** Whose API: `Reach` or `Pocketflows`. */
  vendor: Schema.String,
  /** Method and path template, never an id: `PATCH /api/resources/customers/{externalId}`. */
  endpoint: Schema.String
}

const answered = {
  ...called,
  /** The HTTP status of the answer. */
  status: Schema.Int,
  answer: Schema.Redacted(VendorAnswer)
}

const retryAfter = {
  /** How long the vendor asked to wait (`Retry-After`, RFC 9110 §10.2.3), counted from when its answer was read. */
  retryAfter: Schema.optionalKey(Schema.Duration)
}

const waitText = (wait: Duration.Duration | undefined): string =>
  wait === undefined ? "" : ` It asks to wait ${Format.duration(wait)}.`

const told = (error: { readonly answer: Redacted.Redacted<VendorAnswer> }): string =>
  Redacted.value(error.answer).body === ""
    ? ""
    : " What it answered may hold customer data: Redacted.value(error.answer)."

/**
 * The input does not fit the endpoint, or must not be sent (an id that would change the path, a header
 * value with control characters, a deleted opt-out that nobody asked for). Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  ...called,
  issues: Schema.Array(InputIssue)
}) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `Nothing was sent to ${this.vendor} ${this.endpoint}: ${format(this.issues)}.`
  }
}

/**
 * 400: the vendor refused the request as a whole. Documented for all of Reach's customer endpoints.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", answered) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} refused ${this.endpoint} with 400 Bad Request.${told(this)}`
  }
}

/**
 * 401: the credentials were not accepted, also after a new token where one could be signed.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", answered) {
  readonly applied = "no" as const
  readonly fault = "caller" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} did not accept the credentials for ${this.endpoint} (401). Check the token or the secret, and its expiry.`
  }
}

/**
 * 401 to a token that this library signs itself, the first time for that token: a new one has been
 * signed, and sending again uses it. Clients do so once; pipelines see it as any retryable error, so
 * that a rate limit counts the request that follows.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokenExpired extends Schema.TaggedError<TokenExpired>()("TokenExpired", answered) {
  readonly applied = "no" as const
  readonly fault = "caller" as const
  readonly isRetryable = true as const
  override get message(): string {
    return `${this.vendor} did not accept the token for ${this.endpoint} (401); a new one is signed for the next attempt.`
  }
}

/**
 * 403: the credentials are known, and are not allowed this.
 *
 * @category errors
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", answered) {
  readonly applied = "no" as const
  readonly fault = "caller" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} forbids ${this.endpoint} to these credentials (403). Check the tenant or business they belong to.`
  }
}

/**
 * 404: documented for all of Reach's endpoints.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", answered) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} ${this.endpoint} found nothing under that id (404).${told(this)}`
  }
}

/**
 * 409: the customer exists already and `onconflict` was `reject`. The status is not documented.
 *
 * @category errors
 * @since 0.1.0
 */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", answered) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} ${this.endpoint} conflicts with what is there (409). To merge instead, use onConflict "upsert".`
  }
}

/**
 * 413: the body is larger than the vendor takes (RFC 9110 §15.5.14). The status is not documented.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContentTooLarge extends Schema.TaggedError<ContentTooLarge>()("ContentTooLarge", answered) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} takes no body of that size at ${this.endpoint} (413). Send fewer records a batch.`
  }
}

/**
 * 422: understood, and refused (RFC 9110 §15.5.21). The status is not documented.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnprocessableContent extends Schema.TaggedError<UnprocessableContent>()("UnprocessableContent", answered) {
  readonly applied = "no" as const
  readonly fault = "record" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} refused ${this.endpoint} with 422 Unprocessable Content.${told(this)}`
  }
}

/**
 * 429: too many requests (RFC 6585 §4).
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", { ...answered, ...retryAfter }) {
  readonly applied = "no" as const
  readonly fault = "caller" as const
  readonly isRetryable = true as const
  override get message(): string {
    return `${this.vendor} limits ${this.endpoint} (429).${waitText(this.retryAfter)}`
  }
}

/**
 * 500, 502, 503 or 504: a fault on the vendor's side that may pass. Whether the request was applied is
 * not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerFault extends Schema.TaggedError<ServerFault>()("ServerFault", { ...answered, ...retryAfter }) {
  readonly applied = "maybe" as const
  readonly fault = "vendor" as const
  readonly isRetryable = true as const
  override get message(): string {
    return `${this.vendor} failed at ${this.endpoint} (${this.status}).${waitText(this.retryAfter)}`
  }
}

/**
 * The connection could not be made, or broke before the answer was read. Where `applied` is `maybe`, the
 * request may have been applied.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportFault extends Schema.TaggedError<TransportFault>()("TransportFault", {
  ...called,
  /** `no`: the connection was never made. `maybe`: it broke later. */
  applied: Schema.Literals(["no", "maybe"]),
  /** The platform's code for it, such as `ECONNRESET`; `unknown` where there is none. */
  code: Schema.String
}) {
  readonly fault = "transport" as const
  readonly isRetryable = true as const
  override get message(): string {
    return this.applied === "no"
      ? `No connection to ${this.vendor} for ${this.endpoint} (${this.code}). Check the base URL and the network.`
      : `The connection to ${this.vendor} broke during ${this.endpoint} (${this.code}); the request may have been applied.`
  }
}

/**
 * No answer in time: the attempt's timeout here, or 408 there (RFC 9110 §15.5.9). The request may have
 * been applied.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {
  ...called,
  by: Schema.Literals(["client", "server"])
}) {
  readonly applied = "maybe" as const
  readonly fault = "vendor" as const
  readonly isRetryable = true as const
  override get message(): string {
    return this.by === "client"
      ? `${this.vendor} did not answer ${this.endpoint} in time; the request may have been applied.`
      : `${this.vendor} gave up waiting for ${this.endpoint} (408).`
  }
}

/**
 * An answer that the contract does not know: another status, a success that says `success: false`, a body
 * that is not what the endpoint answers. Whether the request was applied is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedAnswer extends Schema.TaggedError<UnexpectedAnswer>()("UnexpectedAnswer", {
  ...answered,
  /** What was wrong with it, without what it held. */
  problem: Schema.String
}) {
  readonly applied = "maybe" as const
  readonly fault = "contract" as const
  readonly isRetryable = false as const
  override get message(): string {
    return `${this.vendor} answered ${this.endpoint} with ${this.status} and ${this.problem}.${told(this)}`
  }
}

/**
 * What can go wrong at any endpoint of any vendor, whatever it documents.
 *
 * @category errors
 * @since 0.1.0
 */
export type CommonError =
  | InvalidRequest
  | Unauthorized
  | Forbidden
  | RateLimited
  | ServerFault
  | TransportFault
  | TimedOut
  | UnexpectedAnswer

/**
 * Every error that the clients know.
 *
 * @category errors
 * @since 0.1.0
 */
export type ApiError =
  | CommonError
  | BadRequest
  | NotFound
  | Conflict
  | ContentTooLarge
  | UnprocessableContent
  | TokenExpired

/**
 * The statuses with which an endpoint may refuse what was asked of it, and their errors.
 *
 * @category errors
 * @since 0.1.0
 */
export interface Refusals {
  readonly 400: BadRequest
  readonly 404: NotFound
  readonly 409: Conflict
  readonly 413: ContentTooLarge
  readonly 422: UnprocessableContent
}

/**
 * @category models
 * @since 0.1.0
 */
export type RefusalStatus = keyof Refusals

/**
 * What every error that came as an answer has.
 *
 * @category models
 * @since 0.1.0
 */
export type Answered = Schema.Struct<typeof answered>["Type"]

const refusals: { readonly [Status in RefusalStatus]: new (answered: Answered) => Refusals[Status] } = {
  400: BadRequest,
  404: NotFound,
  409: Conflict,
  413: ContentTooLarge,
  422: UnprocessableContent
}

/**
 * The error of a refusal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refusal = <Status extends RefusalStatus>(status: Status, answered: Answered): Refusals[Status] =>
  new refusals[status](answered)
