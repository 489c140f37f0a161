/** Reading answers: what an endpoint promises, or one of the errors of this library. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as JsonDepth from "../json/JsonDepth.ts"
import * as ApiError from "./ApiError.ts"
import type { Credentials } from "./Credentials.ts"
import { type CallError, called, type Endpoint } from "./Endpoint.ts"
import * as RetryAfter from "./RetryAfter.ts"
import * as TransportCode from "./TransportCode.ts"

// Enough to see what a page of HTML is about; an error should not keep megabytes alive.
const maxKeptBody = 64 * 1024

export interface Options {
  readonly credentials: Credentials
  /** Of a body. */
  readonly maxBytes: number
  /** Run when the body has been read, before it is decoded. */
  readonly onEnd: () => Effect.Effect<void>
}

/** Reads an answer of at most so many bytes. */
export const read = <A, Status extends ApiError.RefusalStatus>(
  endpoint: Endpoint<A, Status>,
  response: HttpClientResponse.HttpClientResponse,
  headers: Headers.Headers,
  { credentials, maxBytes, onEnd }: Options
): Effect.Effect<A, CallError<Status>> =>
  readText(response, headers, maxBytes).pipe(
    Effect.catch((error) =>
      Effect.fail(
        new ApiError.TransportFault({
          ...called(endpoint),
          applied: "maybe",
          code: TransportCode.of(error) ?? "unknown"
        })
      )
    ),
    Effect.tap(onEnd),
    Effect.flatMap((text) => {
      const { status } = response
      const parsed = parse(text, headers["content-encoding"])
      // Only errors carry it.
      const answered = (): ApiError.Answered => ({
        ...called(endpoint),
        status,
        answer: Redacted.make(vendorAnswer(text ?? "", parsed))
      })
      if (status < 200 || status >= 300) return fromStatus(endpoint, answered(), response, credentials)
      const unexpected = (problem: string) => Effect.fail(new ApiError.UnexpectedAnswer({ ...answered(), problem }))
      if (text === undefined) return unexpected(`a body of more than ${maxBytes} bytes`)
      const read = Result.flatMap(parsed, endpoint.read)
      return Result.isFailure(read) ? unexpected(read.failure) : Effect.succeed(read.success)
    })
  )

// A declared length bounds the body by itself, unless the body is compressed. Without one, it is counted.
const readText = (
  response: HttpClientResponse.HttpClientResponse,
  headers: Headers.Headers,
  maxBytes: number
): Effect.Effect<string | undefined, HttpClientError.HttpClientError> => {
  const declared = Number(headers["content-length"] ?? Number.NaN)
  if (declared > maxBytes) return Effect.as(discard(response), undefined)
  if (declared <= maxBytes && headers["content-encoding"] === undefined) return response.text
  let size = 0
  const decoder = new TextDecoder()
  return response.stream.pipe(
    Stream.takeWhile((chunk) => {
      size += chunk.byteLength
      return size <= maxBytes
    }),
    Stream.runFold(
      () => "",
      (text, chunk) => text + decoder.decode(chunk, { stream: true })
    ),
    Effect.map((text) => (size > maxBytes ? undefined : text + decoder.decode())),
    // An answer without a body has no stream on some platforms.
    Effect.catchIf(
      (error) => error.reason._tag === "EmptyBodyError",
      () => Effect.succeed("")
    )
  )
}

// Ends the answer without reading it, so that its connection is given up.
const discard = (response: HttpClientResponse.HttpClientResponse) =>
  response.stream.pipe(Stream.take(0), Stream.runDrain)

const parse = (text: string | undefined, encoding: string | undefined): Result.Result<unknown, string> => {
  const trimmed = text?.trim() ?? ""
  if (trimmed === "") return Result.fail("an empty body")
  if (JsonDepth.isTooDeep(trimmed)) return Result.fail(`JSON that is ${JsonDepth.tooDeep}`)
  try {
    return Result.succeed(JSON.parse(trimmed))
  } catch {
    return Result.fail(
      trimmed.startsWith("<")
        ? "a page of HTML or XML instead of JSON"
        : trimmed.startsWith("{") || trimmed.startsWith("[")
          ? "a body of malformed JSON"
          : // A client that decompresses by itself keeps the header, so that the body has to look like it too.
            encoding !== undefined && trimmed.includes("\ufffd")
            ? `a body that is compressed${coding.test(encoding) ? ` (${encoding})` : ""}, which was not asked for`
            : "plain text instead of JSON"
    )
  }
}

// The names of content codings, and not whatever else a header may hold.
const coding = /^[a-z\d-]{1,20}(?:, ?[a-z\d-]{1,20}){0,3}$/i

// Reads what the documented bodies have, wherever they have it, and cannot fail.
const vendorAnswer = (text: string, parsed: Result.Result<unknown, string>): ApiError.VendorAnswer => {
  const body = text.slice(0, maxKeptBody)
  const json = Result.getOrUndefined(parsed)
  if (!Predicate.isObject(json)) return new ApiError.VendorAnswer({ message: "", errors: [], body })
  const data = json.data
  const message = [json.message, json.error, Predicate.isObject(data) ? data.error : undefined].find(Predicate.isString)
  const errors = Array.isArray(json.errors) ? json.errors.filter(Predicate.isString) : []
  return new ApiError.VendorAnswer({ message: message ?? "", errors, body })
}

const fromStatus = <Status extends ApiError.RefusalStatus>(
  endpoint: Endpoint<unknown, Status>,
  answered: ApiError.Answered,
  response: HttpClientResponse.HttpClientResponse,
  credentials: Credentials
): Effect.Effect<never, CallError<Status>> => {
  const { status } = answered
  const refusal = endpoint.refusals.find((known) => known === status)
  if (refusal !== undefined) return Effect.fail(ApiError.refusal(refusal, answered))
  switch (status) {
    case 401:
      return Effect.flatMap(credentials.renew(response.request.headers.authorization ?? ""), (renewed) =>
        Effect.fail(renewed ? new ApiError.TokenExpired(answered) : new ApiError.Unauthorized(answered))
      )
    case 403:
      return Effect.fail(new ApiError.Forbidden(answered))
    case 408:
      return Effect.fail(new ApiError.TimedOut({ ...called(endpoint), by: "server" }))
    case 429:
      return Effect.flatMap(retryAfter(response), (wait) =>
        Effect.fail(new ApiError.RateLimited({ ...answered, ...wait }))
      )
    case 500:
    case 502:
    case 503:
    case 504:
      return Effect.flatMap(retryAfter(response), (wait) =>
        Effect.fail(new ApiError.ServerFault({ ...answered, ...wait }))
      )
    default:
      return Effect.fail(
        new ApiError.UnexpectedAnswer({ ...answered, problem: "a status that the contract does not know" })
      )
  }
}

const retryAfter = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const wait = RetryAfter.read(response.headers["retry-after"] ?? "", now)
    return wait === undefined ? {} : { retryAfter: wait }
  })
