/**
 * Both vendors on this machine, behaving as their docs say, or misbehaving as told.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpMethod from "effect/http/HttpMethod"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as InputIssue from "../json/InputIssue.ts"
import { PocketflowsApi } from "../pocketflows/PocketflowsApi.ts"
import type { Batch } from "./BatchQueue.ts"
import * as Fault from "./Fault.ts"
import * as Journal from "./Journal.ts"
import * as PocketflowsSandbox from "./PocketflowsSandbox.ts"
import * as RateLimit from "./RateLimit.ts"
import type { StoredCustomer } from "./ReachRecord.ts"
import * as ReachSandbox from "./ReachSandbox.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** Where chance and ids come from: the same seed repeats a run. Default: 1. */
  readonly seed?: number | string | undefined
  /** Default: none. */
  readonly faults?: ReadonlyArray<Fault.Rule> | undefined
  /** A limit for each tenant of each vendor. Default: none. */
  readonly rateLimit?: RateLimit.Options | undefined
  /** A larger body is answered 413. Default: 10 MiB. */
  readonly maxBodySize?: ByteSize.Input | undefined
  /** Whether the journal keeps the bodies of requests. Default: false. */
  readonly keepBodies?: boolean | undefined
  readonly reach?: ReachSandbox.Options | undefined
  readonly pocketflows?: PocketflowsSandbox.Options | undefined
}

/**
 * A request as it comes in from a socket or from a client in the same process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incoming {
  readonly method: string
  /** Path and query, percent-encoded as they came. */
  readonly url: string
  readonly headers: Headers.Headers
  /** Reads the body, of at most so many bytes. Fails where it is larger, or where its sender went away. */
  readonly body: (maxBytes: number) => Effect.Effect<Uint8Array, "TooLarge" | "Aborted">
}

/**
 * What becomes of a request: an answer, of which perhaps only the first `sent` bytes of the body are sent before
 * the connection ends; a connection that is reset; or nothing at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Outgoing =
  | {
      readonly _tag: "Answer"
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: Uint8Array
      readonly sent: number
    }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "NoAnswer" }

/**
 * All customers of both vendors, as plain objects that can be compared.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly reach: Readonly<Record<string, Readonly<Record<string, StoredCustomer>>>>
  readonly pocketflows: Readonly<Record<string, Readonly<Record<string, PocketflowsSandbox.StoredCustomer>>>>
}

/**
 * Both vendors. What is read is a copy, taken at once.
 *
 * @category services
 * @since 0.1.0
 */
export class Sandbox extends Context.Service<
  Sandbox,
  {
    /** Handles one request to its end, also when the fiber that asked for it is interrupted. */
    readonly handle: (incoming: Incoming) => Effect.Effect<Outgoing>
    /** A tenant's customers by `customerId`; none where the tenant is unknown. */
    readonly reachCustomers: (tenant: string) => Effect.Effect<ReadonlyMap<string, StoredCustomer>>
    /** A business' customers by `id`; none where the business is unknown. */
    readonly pocketflowsCustomers: (
      business: string
    ) => Effect.Effect<ReadonlyMap<string, PocketflowsSandbox.StoredCustomer>>
    /** Puts customers there. This is no write. */
    readonly seedReach: (tenant: string, customers: Iterable<StoredCustomer>) => Effect.Effect<void>
    /** Puts customers there. This is no write. */
    readonly seedPocketflows: (
      business: string,
      customers: Iterable<PocketflowsSandbox.SeedCustomer>
    ) => Effect.Effect<void>
    /** Puts batches there, for an empty sandbox. Those that have not completed wait anew. */
    readonly seedReachBatches: (batches: Iterable<Batch>) => Effect.Effect<void>
    readonly snapshot: Effect.Effect<Snapshot>
    /** Every request, in order of arrival. */
    readonly requests: Effect.Effect<ReadonlyArray<Journal.RequestEntry>>
    /** Every record that was written, in order. */
    readonly writes: Effect.Effect<ReadonlyArray<Journal.WriteEntry>>
    /** Every batch that Reach accepted, in order of acceptance. */
    readonly batches: Effect.Effect<ReadonlyArray<Batch>>
    /** Completes when no accepted batch waits. Batches that stall do not count. */
    readonly idle: Effect.Effect<void>
    /** Replaces the fault rules. Their counts begin anew. */
    readonly setFaults: (rules: ReadonlyArray<Fault.Rule>) => Effect.Effect<void>
    /** Forgets customers, batches and the journal, and begins the fault rules anew. */
    readonly reset: Effect.Effect<void>
  }
>()("effect-patchbay/sandbox/Sandbox") {}

const defaultMaxBodySize = ByteSize.mebibytes(10)

const noBody = new Uint8Array(0)

const vendorOf = (path: string): Fault.Vendor | undefined =>
  path.startsWith("/api/") ? "reach" : path.startsWith("/businesses/") ? "pocketflows" : undefined

// Credentials have no place in a log.
const isSecretHeader = (name: string): boolean => /^(?:proxy-)?authorization$|cookie/.test(name)

/**
 * Makes both vendors, empty. They live in the scope: closing it ends open requests and waiting batches.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Sandbox["Service"], never, Scope.Scope> {
  const scope = yield* Effect.scope
  const seed = String(options.seed ?? 1)
  const maxBodyBytes = ByteSize.toNumberUnsafe(
    options.maxBodySize === undefined ? defaultMaxBodySize : ByteSize.fromInputUnsafe(options.maxBodySize)
  )
  const journal = Journal.make()
  const rateLimit = RateLimit.make(options.rateLimit)
  const reach = yield* ReachSandbox.make(options.reach ?? {}, { seed, journal, rateLimit })
  const pocketflows = PocketflowsSandbox.make(options.pocketflows ?? {}, { journal, rateLimit })
  let rules = options.faults ?? []
  let decide = Fault.decider(rules, seed)

  const route = yield* HttpRouter.toHttpEffect(
    // Each API gets its own handlers: at run time a group's key is its name alone, and both have "customers".
    Layer.merge(
      Layer.provide(HttpApiBuilder.layer(reach.api), reach.layer),
      Layer.provide(HttpApiBuilder.layer(PocketflowsApi), pocketflows.layer)
    ).pipe(Layer.provide(HttpServer.layerServices))
  ).pipe(
    // Ids may be longer than the 100 characters that the router allows.
    Effect.provideService(HttpRouter.RouterConfig, { maxParamLength: 8192, caseSensitive: true })
  )

  const apply = Effect.fnUntraced(function* (incoming: Incoming, entry: Journal.OpenEntry, bytes: Uint8Array) {
    const { headers, url } = incoming
    // The routes match only the methods that they declare.
    const method = incoming.method as HttpMethod.HttpMethod
    const request = HttpServerRequest.fromClientRequest(
      HttpClientRequest.make(method)(url, HttpMethod.hasBody(method) ? { body: HttpBody.uint8Array(bytes) } : {})
    ).modify({ headers })
    const response = yield* route.pipe(
      Effect.catchCause(fromRouteFailure),
      Effect.provideService(HttpServerRequest.HttpServerRequest, request),
      Effect.provideService(Journal.CurrentEntry, entry),
      Effect.scoped
    )
    const { body, status } = response
    if (body._tag !== "Uint8Array" && body._tag !== "Empty") {
      return yield* Effect.die(new Error("The sandbox answers with text or with nothing."))
    }
    return { status, headers: response.headers, body: body._tag === "Empty" ? noBody : body.body }
  })

  const answerTo = Effect.fnUntraced(function* (incoming: Incoming): Effect.fn.Return<Outgoing> {
    const { headers, method, url } = incoming
    const [path = "", query] = url.split(/(?=\?)/, 2)
    const entry: Journal.OpenEntry = {
      number: journal.requests.length + 1,
      time: yield* Clock.currentTimeMillis,
      vendor: vendorOf(path),
      method,
      path,
      query: query ?? "",
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !isSecretHeader(name))),
      tenant: undefined,
      bodyBytes: 0,
      body: undefined,
      faults: [],
      end: undefined
    }
    journal.requests.push(entry)
    const decision = decide(entry)
    entry.faults = decision.tags
    const { fault } = decision

    const end = (_tag: "Reset" | "NoAnswer"): Outgoing => {
      entry.end = { _tag }
      return { _tag }
    }
    const answer = (status: number, answerHeaders: Readonly<Record<string, string>>, body: Uint8Array): Outgoing => {
      const sent = fault?._tag === "CutShort" ? Math.floor(body.byteLength * fault.part) : body.byteLength
      entry.end = fault?._tag === "CutShort" ? { _tag: "CutShort" } : { _tag: "Answered", status }
      return {
        _tag: "Answer",
        status,
        headers: { ...answerHeaders, "content-length": String(body.byteLength) },
        body,
        sent
      }
    }

    if (decision.before > 0) yield* Effect.sleep(decision.before)
    if (fault?._tag === "Reset" && fault.when === "before") return end("Reset")
    const read = yield* Effect.result(incoming.body(maxBodyBytes))
    if (Result.isFailure(read)) {
      if (read.failure === "TooLarge") {
        return answer(413, json, encode({ success: false, message: `The body is larger than ${maxBodyBytes} bytes.` }))
      }
      entry.end = { _tag: "Aborted" }
      return { _tag: "Reset" }
    }
    const bytes = read.success
    entry.bodyBytes = bytes.byteLength
    if (options.keepBodies === true) entry.body = new TextDecoder().decode(bytes)
    if (fault?._tag === "Reset" && fault.when === "during") return end("Reset")
    if (fault?._tag === "NoAnswer" && !fault.applied) return end("NoAnswer")
    const response =
      fault?._tag === "Respond"
        ? {
            status: fault.status,
            headers: yield* Fault.respondHeaders(fault),
            body: new TextEncoder().encode(fault.body)
          }
        : yield* apply(incoming, entry, bytes)
    if (decision.after > 0) yield* Effect.sleep(decision.after)
    if (fault?._tag === "Reset") return end("Reset")
    if (fault?._tag === "NoAnswer") return end("NoAnswer")
    const body =
      fault?._tag === "MalformedJson" ? response.body.subarray(0, response.body.byteLength >> 1) : response.body
    return answer(response.status, response.headers, body)
  })

  return Sandbox.of({
    handle: (incoming) => Effect.flatMap(Effect.forkIn(answerTo(incoming), scope), Fiber.join),
    reachCustomers: (tenant) => Effect.sync(() => reach.customers(tenant)),
    pocketflowsCustomers: (business) => Effect.sync(() => pocketflows.customers(business)),
    seedReach: (tenant, customers) => Effect.map(Clock.currentTimeMillis, (now) => reach.seed(tenant, customers, now)),
    seedPocketflows: (business, customers) => Effect.sync(() => pocketflows.seed(business, customers)),
    seedReachBatches: reach.seedBatches,
    snapshot: Effect.sync(() => ({
      reach: Object.fromEntries(reach.tenants().map((tenant) => [tenant, Object.fromEntries(reach.customers(tenant))])),
      pocketflows: Object.fromEntries(
        pocketflows.businesses().map((business) => [business, Object.fromEntries(pocketflows.customers(business))])
      )
    })),
    requests: Effect.sync(() => journal.requests.map((entry) => ({ ...entry }))),
    writes: Effect.sync(() => [...journal.writes]),
    batches: Effect.sync(() => reach.batches()),
    idle: reach.idle,
    setFaults: (next) =>
      Effect.sync(() => {
        rules = next
        decide = Fault.decider(rules, seed)
      }),
    reset: Effect.andThen(
      Effect.all([reach.reset, pocketflows.reset], { discard: true }),
      Effect.sync(() => {
        journal.requests.length = 0
        journal.writes.length = 0
        decide = Fault.decider(rules, seed)
      })
    )
  })
})

/**
 * Both vendors, empty, with nothing that listens: reach them through `SandboxClient` or `SandboxServer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Sandbox> => Layer.effect(Sandbox, make(options))

const json = { "content-type": "application/json" } as const
const encode = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body))

// A request that no route takes, or whose path, query or headers are not as declared. Anything else is a defect.
const fromRouteFailure = (cause: Cause.Cause<unknown>): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const error = Cause.squash(cause)
  if (HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound") {
    const message = "There is no such route."
    return Effect.succeed(
      HttpServerResponse.jsonUnsafe({ success: false, message, data: { error: message } }, { status: 404 })
    )
  }
  if (HttpApiError.HttpApiSchemaError.is(error) && error.kind !== "Body") {
    const { issue } = error.cause
    return Effect.succeed(
      HttpServerResponse.jsonUnsafe(
        {
          success: false,
          message: `The request is not valid (${error.kind.toLowerCase()}).`,
          errors: InputIssue.fromSchemaIssue(issue).map((one) => InputIssue.format([one]))
        },
        { status: 400 }
      )
    )
  }
  return Effect.die(error)
}
