/**
 * What the vendors' clients share, and the one place where a request is sent.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as InputIssue from "../json/InputIssue.ts"
import * as SendableJson from "../json/SendableJson.ts"
import * as StructEncoder from "../json/StructEncoder.ts"
import * as Answer from "./Answer.ts"
import { AnswerObserver } from "./AnswerObserver.ts"
import * as ApiError from "./ApiError.ts"
import * as BaseUrl from "./BaseUrl.ts"
import type { Credentials } from "./Credentials.ts"
import { type CallError, called, type Endpoint, invalid } from "./Endpoint.ts"
import type { InvalidConfiguration } from "./InvalidConfiguration.ts"
import * as TransportCode from "./TransportCode.ts"
import { VendorInstance } from "./VendorInstance.ts"

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
 * @category models
 * @since 0.1.0
 */
export interface ApiClient {
  /** Where the API is served: the base URL, and which of several vendors in memory. */
  readonly place: string
  /** Sends with the base URL, the credentials and the rules of this library; for the clients that are derived from an `HttpApi`. */
  readonly httpClient: HttpClient.HttpClient
  /** Sends one request and reads its answer: one attempt, one request on the wire. */
  readonly call: <A, Status extends ApiError.RefusalStatus>(
    endpoint: Endpoint<A, Status>,
    send: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | Schema.SchemaError>
  ) => Effect.Effect<A, CallError<Status>>
}

const defaultMaxAnswerSize = ByteSize.mebibytes(16)

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
  const instance = yield* VendorInstance
  const { credentials } = options
  const { host } = new URL(baseUrl)
  const httpClient = (options.transformClient?.(provided) ?? provided).pipe(
    HttpClient.mapRequestEffect((request) =>
      Effect.map(credentials.authorization, (authorization) =>
        request.pipe(
          HttpClientRequest.prependUrl(baseUrl),
          HttpClientRequest.setHeaders({ accept: "application/json", authorization: Redacted.value(authorization) })
        )
      )
    )
  )

  const call: ApiClient["call"] = (endpoint, send) =>
    send.pipe(
      Effect.catch((error) => Effect.fail(fromSendError(endpoint, error))),
      Effect.flatMap((response) =>
        Effect.flatMap(AnswerObserver, ({ onEnd, onHeaders }) => {
          // Some clients make them anew each time.
          const { headers } = response
          const answer = { vendor: endpoint.vendor, status: response.status, headers }
          onHeaders(answer)
          return Answer.read(endpoint, response, headers, { credentials, maxBytes, onEnd: () => onEnd(answer) })
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

  return { place: instance === undefined ? baseUrl : `${baseUrl}#${instance}`, httpClient, call }
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

/**
 * Writes what a method is given as the body of its request, or says why it must not be sent: what does not fit, has a field
 * that would not be sent, or cannot be sent as it is. To be made once.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeBody = <S extends Schema.ConstraintEncoder<unknown>>(
  endpoint: Endpoint<unknown, ApiError.RefusalStatus>,
  payload: S
): ((value: S["Type"]) => Effect.Effect<string, ApiError.InvalidRequest>) => {
  const encode = SendableJson.checked(StructEncoder.json(payload))
  return (value) =>
    Effect.mapError(
      Effect.suspend(() => Effect.fromResult(encode(value))),
      (issues) => invalid(endpoint, issues)
    )
}

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

const fromSendError = (
  endpoint: Endpoint<unknown, ApiError.RefusalStatus>,
  error: HttpClientError.HttpClientError | Schema.SchemaError
): ApiError.InvalidRequest | ApiError.TransportFault => {
  if (Schema.isSchemaError(error)) {
    return invalid(endpoint, InputIssue.fromSchemaIssue(error.issue))
  }
  if (error.reason._tag === "EncodeError" || error.reason._tag === "InvalidUrlError") {
    return invalid(endpoint, [{ path: [], message: "the request cannot be written as HTTP" }])
  }
  const code = TransportCode.of(error.reason)
  return new ApiError.TransportFault({
    ...called(endpoint),
    code: code ?? "unknown",
    applied: code !== undefined && TransportCode.neverConnected(code) ? "no" : "maybe"
  })
}
