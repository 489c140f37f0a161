/**
 * What the vendors' clients share, and the one place where a request is sent and an answer is read.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AnswerObserver } from "./AnswerObserver.ts"
import * as ApiError from "./ApiError.ts"
import * as BaseUrl from "./BaseUrl.ts"
import * as InputIssue from "./InputIssue.ts"
import type { InvalidConfiguration } from "./InvalidConfiguration.ts"

/**
 * Where the `Authorization` header of a client comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** The header's value for the next request. */
  readonly authorization: Effect.Effect<Redacted.Redacted<string>>
  /** Called with a value that was answered 401: whether there is another one to try. */
  readonly renew: (refused: string) => Effect.Effect<boolean>
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** `https:`, unless it is loopback or `allowInsecure` is set. */
  readonly baseUrl?: string | URL | undefined
  /** Lets credentials travel over plain `http:`. Default: false. */
  readonly allowInsecure?: boolean | undefined
  /** An answer with a larger body is not read to its end. Default: 16 MiB. */
  readonly maxAnswerSize?: ByteSize.Input | undefined
  /** Changes the client that sends the requests, before this library's own changes; for proxies and the like. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * One endpoint as a client calls it: `A` is what its answer holds, `Refusal` the statuses that it is known
 * to refuse a request with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint<A, Refusal extends ApiError.RefusalStatus> {
  readonly vendor: string
  /** The path with its parameters in braces: `/api/batches/{batchId}`. */
  readonly template: string
  /** Method and template. */
  readonly label: string
  readonly refusals: ReadonlyArray<Refusal>
  /** Reads the parsed JSON of a 2xx answer, or says what is wrong with it, without what it holds. */
  readonly read: (body: unknown) => Result.Result<A, string>
}

/** What is read of an `HttpApiEndpoint`. */
interface Declaration {
  readonly method: string
  readonly path: string
  readonly success: ReadonlySet<Schema.Top>
  readonly "~Success": Schema.Constraint
}

/**
 * An endpoint from its declaration. `refusals` lists the statuses that have an error of their own, also the
 * undocumented ones; any other becomes an `UnexpectedAnswer`. `read` takes what is wanted out of the decoded
 * answer, or says why it is not what it should be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const endpoint = <E extends Declaration, const Refusal extends ApiError.RefusalStatus, A>(
  vendor: string,
  declaration: E,
  refusals: ReadonlyArray<Refusal>,
  read: (answer: E["~Success"]["Type"]) => Result.Result<A, string>
): Endpoint<A, Refusal> => {
  const template = declaration.path.replaceAll(/:(\w+)/g, "{$1}")
  // A declaration keeps its success schemas in a set that has forgotten their types. Ours have one each, which
  // needs no service.
  const success = [...declaration.success][0] as unknown as Schema.ConstraintDecoder<E["~Success"]["Type"]>
  const decode = Schema.decodeUnknownResult(success)
  return {
    vendor,
    template,
    label: `${declaration.method} ${template}`,
    refusals,
    read: (body) => {
      const decoded = decode(body)
      return Result.isSuccess(decoded)
        ? read(decoded.success)
        : Result.fail(
            `a body that is not what it answers (${InputIssue.format(InputIssue.fromSchemaIssue(decoded.failure.issue))})`
          )
    }
  }
}

/**
 * The errors of a call to an endpoint, before a new token is tried.
 *
 * @category errors
 * @since 0.1.0
 */
export type CallError<Refusal extends ApiError.RefusalStatus> =
  | ApiError.CommonError
  | ApiError.TokenExpired
  | ApiError.Refusals[Refusal]

/**
 * @category models
 * @since 0.1.0
 */
export interface ApiClient {
  /** Sends with the base URL, the credentials and the rules of this library; for the clients that are derived from an `HttpApi`. */
  readonly httpClient: HttpClient.HttpClient
  /** Sends one request and reads its answer: one attempt, one request on the wire. */
  readonly call: <A, Refusal extends ApiError.RefusalStatus>(
    endpoint: Endpoint<A, Refusal>,
    send: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | Schema.SchemaError>
  ) => Effect.Effect<A, CallError<Refusal>>
}

const defaultMaxAnswerSize = ByteSize.mebibytes(16)

// Enough to see what a page of HTML is about; an error should not keep megabytes alive.
const maxKeptBody = 64 * 1024

/**
 * Makes a client on the `HttpClient` of the context, which is used and never changed for others. Requests
 * follow no redirect, carry no trace header, and are traced by endpoint template, not by URL.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options & {
    readonly baseUrl: string | URL
    readonly baseUrlOption: string
    readonly credentials: Credentials
  }
): Effect.fn.Return<ApiClient, InvalidConfiguration, HttpClient.HttpClient> {
  const baseUrl = yield* BaseUrl.make(options.baseUrlOption, options.baseUrl, options.allowInsecure)
  const { maxAnswerSize } = options
  const maxBytes = ByteSize.toNumberUnsafe(
    maxAnswerSize === undefined ? defaultMaxAnswerSize : ByteSize.fromInputUnsafe(maxAnswerSize)
  )
  const provided = yield* HttpClient.HttpClient
  const { credentials } = options
  const { host } = new URL(baseUrl)
  const httpClient = (options.transformClient?.(provided) ?? provided).pipe(
    HttpClient.mapRequestEffect((request) =>
      Effect.map(credentials.authorization, (authorization) =>
        request.pipe(
          HttpClientRequest.prependUrl(baseUrl),
          HttpClientRequest.acceptJson,
          HttpClientRequest.setHeader("authorization", Redacted.value(authorization))
        )
      )
    )
  )

  const call: ApiClient["call"] = (endpoint, send) =>
    send.pipe(
      Effect.catch((error) => Effect.fail(fromSendError(endpoint, error))),
      Effect.flatMap((response) =>
        Effect.flatMap(AnswerObserver, (observe) => {
          observe({ vendor: endpoint.vendor, status: response.status, headers: response.headers })
          return readAnswer(endpoint, response, maxBytes, credentials)
        })
      ),
      Effect.updateContext(withRequestRules),
      // A span keeps the exit of what it spans, and an answer is a customer as often as not: it passes by.
      withValueUntraced((effect) =>
        Effect.withSpan(effect, `${endpoint.vendor} ${endpoint.label}`, {
          kind: "client",
          // It would be this line every time.
          captureStackTrace: false,
          attributes: { "server.address": host, "url.template": endpoint.template }
        })
      )
    )

  return { httpClient, call }
})

const withValueUntraced =
  (trace: <E, R>(effect: Effect.Effect<void, E, R>) => Effect.Effect<void, E, R>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const values: Array<A> = []
      const kept = Effect.map(effect, (value) => {
        values.push(value)
      })
      // `trace` succeeds only where `effect` did.
      return Effect.map(trace(kept), () => values[0] as A)
    })

// The platform's own span would carry the whole URL, with the customer's id, and trace headers are not for
// third parties. `fetch` is the one client that would follow a redirect by itself.
const withRequestRules = (context: Context.Context<never>): Context.Context<never> =>
  context.pipe(
    Context.add(HttpClient.TracerDisabledWhen, () => true),
    Context.add(FetchHttpClient.RequestInit, {
      ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
      redirect: "manual"
    })
  )

const encoder = new TextEncoder()

/**
 * The body of a request out of JSON that is written already. `HttpBody.text` measures the text before it encodes it, which
 * takes a third longer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonBody = (json: string | Uint8Array): HttpBody.HttpBody =>
  HttpBody.uint8Array(Predicate.isString(json) ? encoder.encode(json) : json, "application/json")

/**
 * Calls again, once, when a new token was signed because of a 401; a second 401 is final.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withNewToken = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, ApiError.TokenExpired> | ApiError.Unauthorized, R> =>
  effect.pipe(
    Effect.catch((error) => (error instanceof ApiError.TokenExpired ? effect : Effect.fail(error))),
    Effect.mapError((error) => {
      // `instanceof` does not narrow a type parameter.
      if (!(error instanceof ApiError.TokenExpired)) return error as Exclude<E, ApiError.TokenExpired>
      const { answer, endpoint, status, vendor } = error
      return new ApiError.Unauthorized({ answer, endpoint, status, vendor })
    })
  )

interface Called {
  readonly vendor: string
  readonly endpoint: string
}

const called = (endpoint: Endpoint<unknown, ApiError.RefusalStatus>): Called => ({
  vendor: endpoint.vendor,
  endpoint: endpoint.label
})

const fromSendError = (
  endpoint: Endpoint<unknown, ApiError.RefusalStatus>,
  error: HttpClientError.HttpClientError | Schema.SchemaError
): ApiError.InvalidRequest | ApiError.TransportFault => {
  if (Schema.isSchemaError(error)) {
    return new ApiError.InvalidRequest({ ...called(endpoint), issues: InputIssue.fromSchemaIssue(error.issue) })
  }
  if (error.reason._tag === "EncodeError" || error.reason._tag === "InvalidUrlError") {
    return new ApiError.InvalidRequest({
      ...called(endpoint),
      issues: [{ path: [], message: "the request cannot be written as HTTP" }]
    })
  }
  const code = transportCode(error.reason)
  return new ApiError.TransportFault({
    ...called(endpoint),
    code: code ?? "unknown",
    sent: code !== undefined && neverConnected.test(code) ? "no" : "maybe"
  })
}

// What Node and undici report when no connection was made, so that nothing can have been sent.
const neverConnected =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_[A-Z]+|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/

// A code is a platform's constant. A message could quote what was sent, so it is left behind. Clients wrap
// the fault in errors of their own, and Node gathers one for each address that it tried.
const transportCode = (error: unknown): string | undefined => {
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < 5; depth++) {
    if (Predicate.isString(cause.code) && /^[A-Z][A-Z0-9_]{2,63}$/.test(cause.code)) return cause.code
    const inner: unknown = cause.cause
    cause = inner ?? (Array.isArray(cause.errors) ? cause.errors[0] : undefined)
  }
  return undefined
}

const readAnswer = <A, Refusal extends ApiError.RefusalStatus>(
  endpoint: Endpoint<A, Refusal>,
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number,
  credentials: Credentials
): Effect.Effect<A, CallError<Refusal>> =>
  readText(response, maxBytes).pipe(
    Effect.catch((error) =>
      Effect.fail(
        new ApiError.TransportFault({ ...called(endpoint), sent: "maybe", code: transportCode(error) ?? "unknown" })
      )
    ),
    Effect.flatMap((text) => {
      const { status } = response
      const parsed = parse(text)
      // Only errors carry it.
      const answered = (): Answered => ({
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
  maxBytes: number
): Effect.Effect<string | undefined, HttpClientError.HttpClientError> => {
  const declared = Number(response.headers["content-length"] ?? Number.NaN)
  if (declared > maxBytes) return Effect.as(discard(response), undefined)
  if (declared <= maxBytes && response.headers["content-encoding"] === undefined) return response.text
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

const parse = (text: string | undefined): Result.Result<unknown, string> => {
  const trimmed = text?.trim() ?? ""
  if (trimmed === "") return Result.fail("an empty body")
  try {
    return Result.succeed(JSON.parse(trimmed))
  } catch {
    return Result.fail(
      trimmed.startsWith("<")
        ? "a page of HTML or XML instead of JSON"
        : trimmed.startsWith("{") || trimmed.startsWith("[")
          ? "a body of malformed JSON"
          : "plain text instead of JSON"
    )
  }
}

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

interface Answered extends Called {
  readonly status: number
  readonly answer: Redacted.Redacted<ApiError.VendorAnswer>
}

const fromStatus = <Refusal extends ApiError.RefusalStatus>(
  endpoint: Endpoint<unknown, Refusal>,
  answered: Answered,
  response: HttpClientResponse.HttpClientResponse,
  credentials: Credentials
): Effect.Effect<never, CallError<Refusal>> => {
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

const retryAfter = (response: HttpClientResponse.HttpClientResponse) => {
  const parsed = Headers.parseRetryAfter(response.headers["retry-after"] ?? "")
  return Result.isFailure(parsed)
    ? Effect.succeed({})
    : Effect.map(Clock.currentTimeMillis, (now) => ({ retryAfter: Headers.retryAfterDelay(parsed.success, now) }))
}
