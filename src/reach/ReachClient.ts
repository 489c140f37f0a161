/**
 * Reach's customer API: one method an endpoint, each with the errors that can happen there.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ApiClient from "../http/ApiClient.ts"
import type * as ApiError from "../http/ApiError.ts"
import * as Endpoint from "../http/Endpoint.ts"
import type { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import type * as Sender from "../policy/Sender.ts"
import * as Senders from "../policy/Senders.ts"
import * as ReachApi from "./ReachApi.ts"
import * as ReachAuth from "./ReachAuth.ts"
import * as ReachSchema from "./ReachSchema.ts"

/**
 * What every call may say.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface CallOptions {
  /** The tenant to act for, sent as `reach-tenant-id`. Default: the one of the credentials. */
  readonly tenant?: string | undefined
}

/**
 * What a call that writes may say.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface WriteOptions extends CallOptions {
  /** Whether fields that Reach's schema does not have are dropped instead of refused. Default: false. */
  readonly ignoreUnknownFields?: boolean | undefined
  /**
   * The opt-outs that a null may delete. Deleting one may opt the person back in, so that a null on any
   * other consent field is an `InvalidRequest`. Default: none.
   */
  readonly deleteConsent?: ReadonlyArray<ReachSchema.ConsentField> | undefined
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface CreateOptions extends WriteOptions {
  /** When the customer exists: `upsert` merges, `reject` fails. Default: `upsert`. */
  readonly onConflict?: "upsert" | "reject" | undefined
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface BatchStatusOptions extends CallOptions {
  /** Whether to list the records that wait for others. Default: false. */
  readonly includePendingDetails?: boolean | undefined
}

/**
 * What can go wrong when one customer is created.
 *
 * @category errors
 * @since 0.1.0
 */
export type CreateCustomerError = ApiError.CommonError | ApiError.Refusals[400 | 404 | 409 | 413 | 422]

/**
 * What can go wrong when customers are patched, one or many.
 *
 * @category errors
 * @since 0.1.0
 */
export type PatchError = ApiError.CommonError | ApiError.Refusals[400 | 404 | 413 | 422]

/**
 * What can go wrong when a batch is asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export type BatchStatusError = ApiError.CommonError | ApiError.NotFound

/**
 * The calls that write customers of one schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface Calls<S extends ReachSchema.AnyCustomerSchema> {
  /** Creates a customer, or merges into the one that is there. `POST /api/resources/customers`. */
  readonly createCustomer: (
    customer: S["NewCustomer"]["Type"],
    options?: CreateOptions
  ) => Effect.Effect<S["CustomerResource"]["Type"], CreateCustomerError>
  /** Changes one customer: absent fields are kept. `PATCH /api/resources/customers/{externalId}`. */
  readonly patchCustomer: (
    externalId: string,
    changes: S["CustomerChanges"]["Type"],
    options?: WriteOptions
  ) => Effect.Effect<S["PatchedCustomer"]["Type"], PatchError>
  /**
   * Hands over 1 to 1,000 changes, which Reach applies later, in their order; between batches there is no
   * order. `PATCH /api/resources/customers/batch`.
   */
  readonly patchCustomers: (
    patches: ReadonlyArray<S["CustomerPatch"]["Type"]>,
    options?: WriteOptions
  ) => Effect.Effect<ReachSchema.BatchReceipt, PatchError>
}

/**
 * @category services
 * @since 0.1.0
 */
export class ReachClient extends Context.Service<
  ReachClient,
  Calls<ReachSchema.Standard> & {
    /** The same calls for customers of another schema, over the same connections and in the same turns. Make them once. */
    readonly withSchema: <S extends ReachSchema.AnyCustomerSchema>(schema: S) => Calls<S>
    /** For whom Reach counts what is sent here for a tenant (default: the one of the credentials): what has a sender. */
    readonly address: (tenant?: string) => Sender.Address
    /**
     * The same with a body that is encoded already: the JSON of `{"resources":[…]}`. One request, and a 401
     * is a retryable `TokenExpired` the first time: for pipelines, which encode each record once and count
     * each request.
     */
    readonly sendPatches: (
      body: string | Uint8Array,
      options?: Omit<WriteOptions, "deleteConsent">
    ) => Effect.Effect<ReachSchema.BatchReceipt, PatchError | ApiError.TokenExpired>
    /** `createCustomer` with a body that is encoded already, the JSON of `{"data":{…}}`, as one request. */
    readonly sendCustomer: (
      body: string | Uint8Array,
      options?: Omit<CreateOptions, "deleteConsent">
    ) => Effect.Effect<ReachSchema.CustomerResource, CreateCustomerError | ApiError.TokenExpired>
    /** `patchCustomer` with a body that is encoded already, the JSON of `{"data":{…}}`, as one request. */
    readonly sendPatch: (
      externalId: string,
      body: string | Uint8Array,
      options?: Omit<WriteOptions, "deleteConsent">
    ) => Effect.Effect<ReachSchema.PatchedCustomer, PatchError | ApiError.TokenExpired>
    /** `batchStatus` as one request. */
    readonly pollBatchStatus: (
      batchId: string,
      options?: BatchStatusOptions
    ) => Effect.Effect<ReachSchema.BatchStatus, BatchStatusError | ApiError.TokenExpired>
    /** How a batch went so far. `GET /api/batches/{batchId}`. */
    readonly batchStatus: (
      batchId: string,
      options?: BatchStatusOptions
    ) => Effect.Effect<ReachSchema.BatchStatus, BatchStatusError>
  }
>()("effect-patchbay/reach/ReachClient") {}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options extends ApiClient.Options {
  readonly auth: ReachAuth.ReachAuth
}

const data = <A>(answer: { readonly success?: boolean; readonly data?: A }): Result.Result<A, string> =>
  answer.success === false
    ? Result.fail("success: false")
    : answer.data === undefined
      ? Result.fail("no data")
      : Result.succeed(answer.data)

/** An answer that names nobody is no success for anybody. */
const about = <A>(
  answered: A,
  { data, resourceExternalId }: ReachSchema.AnyCustomerSchema["CustomerResource"]["Type"]
): Result.Result<A, string> =>
  (resourceExternalId ?? data?.customerId ?? undefined) === undefined
    ? Result.fail("no customer's id")
    : Result.succeed(answered)

const vendor = "Reach"

/** The endpoints that take customers of one schema, and the bodies that they take. */
interface Endpoints<S extends ReachSchema.AnyCustomerSchema> {
  readonly create: Endpoint.Endpoint<S["CustomerResource"]["Type"], 400 | 404 | 409 | 413 | 422>
  readonly patch: Endpoint.Endpoint<S["PatchedCustomer"]["Type"], 400 | 404 | 413 | 422>
  readonly createBody: Encode<{ readonly data: S["NewCustomer"]["Type"] }>
  readonly patchBody: Encode<{ readonly data: S["CustomerChanges"]["Type"] }>
  readonly batchBody: Encode<{ readonly resources: ReadonlyArray<S["CustomerPatch"]["Type"]> }>
}

type Encode<A> = (body: A) => Effect.Effect<string, ApiError.InvalidRequest>

const endpointsOf = <S extends ReachSchema.AnyCustomerSchema>(schema: S): Endpoints<S> => {
  const { createCustomer, patchCustomer } = ReachApi.customers<ReachSchema.AnyCustomerSchema>(schema)
  const bodies = ReachApi.bodies<ReachSchema.AnyCustomerSchema>(schema)
  const create = Endpoint.make(vendor, createCustomer, [400, 404, 409, 413, 422], (answer) =>
    Result.flatMap(data(answer), (resource) => about(resource, resource))
  )
  const patch = Endpoint.make(vendor, patchCustomer, [400, 404, 413, 422], (answer) =>
    Result.flatMap(data(answer), (patched) => about(patched, patched.result))
  )
  const endpoints: Endpoints<ReachSchema.AnyCustomerSchema> = {
    create,
    patch,
    createBody: ApiClient.encodeBody(create, bodies.create),
    patchBody: ApiClient.encodeBody(patch, bodies.patch),
    batchBody: ApiClient.encodeBody(batchPatch, bodies.batch)
  }
  // They are made of the schema itself; only what they do with any customer is written above.
  return endpoints as unknown as Endpoints<S>
}

const standard = ReachApi.customers(ReachSchema.standard)
const batchPatch = Endpoint.make(vendor, standard.patchCustomers, [400, 404, 413, 422], data)
const status = Endpoint.make(vendor, ReachApi.batchStatus, [404], data)
const standardEndpoints = endpointsOf(ReachSchema.standard)

// Another batch's status says nothing of the one that was asked for.
const statusOf = (batchId: string): typeof status => ({
  ...status,
  read: (body) =>
    Result.flatMap(status.read(body), (told) =>
      told.batchId === batchId ? Result.succeed(told) : Result.fail("the status of another batch")
    )
})

const createRequest = HttpClientRequest.make(standard.createCustomer.method)
const patchRequest = HttpClientRequest.make(standard.patchCustomer.method)
const batchRequest = HttpClientRequest.make(standard.patchCustomers.method)

const checkPath = Schema.decodeEffect(ReachApi.CustomerPath)

/**
 * The nulls that would delete an opt-out which nobody asked to delete.
 *
 * @category guards
 * @since 0.1.0
 */
export const consentIssues = (
  patches: ReadonlyArray<ReachSchema.Consents>,
  deletable: ReadonlyArray<ReachSchema.ConsentField> | undefined
) =>
  patches.flatMap((patch, index) =>
    (["emailOptOut", "smsOptOut"] as const)
      .filter((field) => patch[field] === null && deletable?.includes(field) !== true)
      .map((field) => ({
        path: patches.length === 1 ? [field] : [index, field],
        message: `null would delete the opt-out; name the field in deleteConsent to do so`
      }))
  )

/**
 * Makes the service on the `HttpClient` of the context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReachClient["Service"], InvalidConfiguration, HttpClient.HttpClient> {
  const { auth } = options
  const client = yield* ApiClient.make({
    ...options,
    baseUrl: options.baseUrl ?? ReachApi.productionUrl,
    baseUrlOption: "REACH_BASE_URL",
    credentials: yield* ReachAuth.credentials(auth)
  })
  const { httpClient, place } = client
  const urls = HttpApiClient.urlBuilder(ReachApi.ReachApi)
  const batchUrls = new Map<boolean | undefined, string>()
  // There are three, and every batch of a run has the same.
  const batchUrl = (ignoreUnknownFields: boolean | undefined): string => {
    const known = batchUrls.get(ignoreUnknownFields)
    if (known !== undefined) return known
    const url = urls.customers.patchCustomers({ query: batchQuery({ ignoreUnknownFields }) })
    batchUrls.set(ignoreUnknownFields, url)
    return url
  }
  const statusMethod = yield* HttpApiClient.endpoint(ReachApi.ReachApi, {
    group: "batches",
    endpoint: "batchStatus",
    httpClient
  })

  const address = (asked?: string): Sender.Address => {
    const header = Result.getOrElse(ReachAuth.tenantFor(auth, asked), () => asked)
    return { vendor, tenant: auth._tag === "TenantScoped" ? auth.signing.tenantExternalId : header, place }
  }

  /** One request, in its turn where there is a sender. */
  const call = <A, Status extends ApiError.RefusalStatus>(
    endpoint: Endpoint.Endpoint<A, Status>,
    send: Parameters<typeof client.call>[1],
    options: CallOptions | undefined,
    records?: number
  ) => Senders.turn(address(options?.tenant), client.call(endpoint, send), records, Endpoint.unavailable(endpoint))

  const headersFor = (
    endpoint: Endpoint.Endpoint<unknown, ApiError.RefusalStatus>,
    callOptions: CallOptions | undefined
  ) => {
    const tenant = ReachAuth.tenantFor(auth, callOptions?.tenant)
    return Result.isSuccess(tenant)
      ? Effect.succeed(present({ [ReachApi.tenantHeader]: tenant.success }))
      : Effect.fail(Endpoint.invalid(endpoint, [{ path: ["tenant"], message: tenant.failure }]))
  }

  const checkConsent = (
    endpoint: Endpoint.Endpoint<unknown, ApiError.RefusalStatus>,
    patches: ReadonlyArray<ReachSchema.Consents>,
    writeOptions: WriteOptions | undefined
  ) => {
    const issues = consentIssues(patches, writeOptions?.deleteConsent)
    return issues.length === 0 ? Effect.void : Effect.fail(Endpoint.invalid(endpoint, issues))
  }

  const pollStatus = Effect.fnUntraced(function* (batchId: string, options?: BatchStatusOptions) {
    const headers = yield* headersFor(status, options)
    const query = present({ includePendingDetails: asString(options?.includePendingDetails) })
    const send = statusMethod({ params: { batchId }, query, headers, responseMode: "response-only" })
    return yield* call(statusOf(batchId), send, options)
  })

  const sendBatch = (body: string | Uint8Array, options: WriteOptions | undefined, records?: number) =>
    Effect.flatMap(headersFor(batchPatch, options), (headers) => {
      const request = batchRequest(batchUrl(options?.ignoreUnknownFields), {
        headers,
        body: ApiClient.jsonBody(body)
      })
      return call(batchPatch, httpClient.execute(request), options, records)
    })

  const sendCustomer = Effect.fnUntraced(function* <A>(
    create: Endpoint.Endpoint<A, 400 | 404 | 409 | 413 | 422>,
    body: string | Uint8Array,
    options: CreateOptions | undefined
  ) {
    const headers = yield* headersFor(create, options)
    const query = present({ onconflict: options?.onConflict, ignoreUnknownFields: options?.ignoreUnknownFields })
    const request = createRequest(urls.customers.createCustomer({ query }), {
      headers,
      body: ApiClient.jsonBody(body)
    })
    return yield* call(create, httpClient.execute(request), options)
  })

  const sendPatch = Effect.fnUntraced(function* <A>(
    patch: Endpoint.Endpoint<A, 400 | 404 | 413 | 422>,
    externalId: string,
    body: string | Uint8Array,
    options: WriteOptions | undefined
  ) {
    const headers = yield* headersFor(patch, options)
    const query = present({ ignoreUnknownFields: options?.ignoreUnknownFields })
    const send = Effect.flatMap(checkPath({ externalId }), (params) =>
      httpClient.execute(
        patchRequest(urls.customers.patchCustomer({ params, query }), {
          headers,
          body: ApiClient.jsonBody(body)
        })
      )
    )
    return yield* call(patch, send, options)
  })

  const callsOf = <S extends ReachSchema.AnyCustomerSchema>(endpoints: Endpoints<S>): Calls<S> => {
    const { batchBody, create, createBody, patch, patchBody } = endpoints
    return {
      createCustomer: Effect.fnUntraced(function* (customer, options) {
        const body = yield* createBody({ data: customer })
        yield* checkConsent(create, [customer], options)
        return yield* ApiClient.withNewToken(sendCustomer(create, body, options))
      }),

      patchCustomer: Effect.fnUntraced(function* (externalId, changes, options) {
        const body = yield* patchBody({ data: changes })
        yield* checkConsent(patch, [changes], options)
        return yield* ApiClient.withNewToken(sendPatch(patch, externalId, body, options))
      }),

      patchCustomers: Effect.fnUntraced(function* (patches, options) {
        const body = yield* batchBody({ resources: patches })
        yield* checkConsent(batchPatch, patches, options)
        return yield* ApiClient.withNewToken(sendBatch(body, options, patches.length))
      })
    }
  }

  return {
    ...callsOf(standardEndpoints),
    withSchema: (schema) => callsOf(endpointsOf(schema)),
    address,
    sendPatches: (body, options) => sendBatch(body, options),
    sendCustomer: (body, options) => sendCustomer(standardEndpoints.create, body, options),
    sendPatch: (externalId, body, options) => sendPatch(standardEndpoints.patch, externalId, body, options),
    pollBatchStatus: pollStatus,
    batchStatus: (batchId, options) => ApiClient.withNewToken(pollStatus(batchId, options))
  }
})

// The batch endpoints take as a string what the single ones take as a boolean.
const asString = (flag: boolean | undefined) => (flag === undefined ? undefined : flag ? "true" : "false")

const batchQuery = (options: WriteOptions | undefined) =>
  present({ ignoreUnknownFields: asString(options?.ignoreUnknownFields) })

const present = <const T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } => {
  const some: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const name in fields) {
    const value = fields[name]
    // What is left of its type is what `Exclude` says, which the compiler does not see.
    if (value !== undefined) some[name] = value as Exclude<T[typeof name], undefined>
  }
  return some
}

/**
 * The calls for customers with fields of one's own, over the client of the context. Make them once, not for each call.
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ReachClient, ReachSchema } from "effect-patchbay"
 *
 * const Acme = ReachSchema.extend({ loyaltyTier: Schema.String, visits: Schema.Int })
 *
 * export const program = Effect.gen(function* () {
 *   const acme = yield* ReachClient.withSchema(Acme)
 *   const { result } = yield* acme.patchCustomer("c-1", { loyaltyTier: "gold", visits: 12 })
 *   return result.data?.visits
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSchema = <S extends ReachSchema.AnyCustomerSchema>(
  schema: S
): Effect.Effect<Calls<S>, never, ReachClient> => ReachClient.useSync((reach) => reach.withSchema(schema))

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<ReachClient, InvalidConfiguration, HttpClient.HttpClient> =>
  Layer.effect(ReachClient, make(options))

/**
 * The service from the configuration: the credentials as `ReachAuth.fromConfig` reads them, and
 * `REACH_BASE_URL` (default: Reach's production). What `options` gives is not read.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Partial<Options>
): Layer.Layer<ReachClient, Config.ConfigError | InvalidConfiguration, HttpClient.HttpClient> =>
  Layer.effect(
    ReachClient,
    Effect.gen(function* () {
      const auth = options?.auth ?? (yield* ReachAuth.fromConfig)
      const baseUrl =
        options?.baseUrl ?? (yield* Config.String("REACH_BASE_URL").pipe(Config.withDefault(ReachApi.productionUrl)))
      return yield* make({ ...options, auth, baseUrl })
    })
  )

/**
 * The sender for a tenant, for as long as the layer lives: runs and single calls that send there go by its policies,
 * whatever they bring of their own. Default of `tenant`: the one of the credentials.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSender = <R = never>(
  options: Senders.Policies<R> & { readonly tenant?: string | undefined }
): Layer.Layer<never, never, ReachClient | Exclude<R, Scope.Scope>> =>
  Layer.effectDiscard(ReachClient.use((reach) => Senders.join<R>({ ...options, ...reach.address(options.tenant) })))
