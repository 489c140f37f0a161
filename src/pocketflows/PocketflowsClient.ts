/**
 * Pocketflows' customer API: one method an endpoint, each with the errors that can happen there.
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
import type * as Scope from "effect/Scope"
import * as ApiClient from "../http/ApiClient.ts"
import type * as ApiError from "../http/ApiError.ts"
import * as Endpoint from "../http/Endpoint.ts"
import type { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import { checkPathSegment } from "../http/PathSegment.ts"
import type * as Sender from "../policy/Sender.ts"
import * as Senders from "../policy/Senders.ts"
import * as PocketflowsApi from "./PocketflowsApi.ts"
import * as PocketflowsAuth from "./PocketflowsAuth.ts"
import * as PocketflowsSchema from "./PocketflowsSchema.ts"

/**
 * What can go wrong when customers are updated. Pocketflows documents no refusal; these statuses are what
 * one may be.
 *
 * @category errors
 * @since 0.1.0
 */
export type UpdateCustomersError = ApiError.CommonError | ApiError.Refusals[400 | 404 | 409 | 413 | 422]

/**
 * The call that writes customers of one schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface Calls<S extends PocketflowsSchema.AnyCustomerSchema> {
  /**
   * Changes customers of a business, all of them or none, and answers with them as they are now.
   * `POST /businesses/{id}/customers/batch_update`.
   */
  readonly updateCustomers: (
    business: string,
    updates: ReadonlyArray<S["CustomerUpdate"]["Type"]>
  ) => Effect.Effect<ReadonlyArray<PocketflowsSchema.Customer>, UpdateCustomersError>
}

/**
 * @category services
 * @since 0.1.0
 */
export class PocketflowsClient extends Context.Service<
  PocketflowsClient,
  Calls<PocketflowsSchema.Standard> & {
    /** The same call for customers of another schema, over the same connections and in the same turns. Make it once. */
    readonly withSchema: <S extends PocketflowsSchema.AnyCustomerSchema>(schema: S) => Calls<S>
    /** For whom Pocketflows counts what is sent here for a business: what has a sender. */
    readonly address: (business: string) => Sender.Address
    /** The same with a body that is encoded already: the JSON of `{"customers":[…]}`. */
    readonly sendUpdates: (
      business: string,
      body: string | Uint8Array
    ) => Effect.Effect<ReadonlyArray<PocketflowsSchema.Customer>, UpdateCustomersError>
  }
>()("effect-patchbay/pocketflows/PocketflowsClient") {}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options extends ApiClient.Options {
  readonly auth: PocketflowsAuth.PocketflowsAuth
}

const vendor = "Pocketflows"
const batchUpdate = Endpoint.make(vendor, PocketflowsApi.updateCustomers, [400, 404, 409, 413, 422], ({ customers }) =>
  Result.succeed(customers)
)

const bodyOf = <S extends PocketflowsSchema.AnyCustomerSchema>(schema: S) =>
  ApiClient.encodeBody(batchUpdate, PocketflowsApi.body<PocketflowsSchema.AnyCustomerSchema>(schema))

const standardBody = bodyOf(PocketflowsSchema.standard)

const updateRequest = HttpClientRequest.make(PocketflowsApi.updateCustomers.method)

/**
 * Makes the service on the `HttpClient` of the context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<PocketflowsClient["Service"], InvalidConfiguration, HttpClient.HttpClient> {
  const client = yield* ApiClient.make({
    ...options,
    baseUrl: options.baseUrl ?? PocketflowsApi.productionUrl,
    baseUrlOption: "POCKETFLOWS_BASE_URL",
    credentials: yield* PocketflowsAuth.credentials(options.auth)
  })
  const { httpClient, place } = client
  const urls = HttpApiClient.urlBuilder(PocketflowsApi.PocketflowsApi)
  const address = (business: string): Sender.Address => ({ vendor, tenant: business, place })
  const send = (business: string, body: string | Uint8Array, records?: number) =>
    // A password cannot be renewed, so that a 401 is final at once.
    ApiClient.withNewToken(
      Senders.turn(
        address(business),
        client.call(
          batchUpdate,
          Effect.flatMap(checkPathSegment(business), (id) =>
            httpClient.execute(
              updateRequest(urls.customers.updateCustomers({ params: { id } }), {
                body: ApiClient.jsonBody(body)
              })
            )
          )
        ),
        records,
        Endpoint.unavailable(batchUpdate)
      )
    )

  const callsOf = (body: ReturnType<typeof bodyOf>): Calls<PocketflowsSchema.AnyCustomerSchema> => ({
    updateCustomers: (business, updates) =>
      Effect.flatMap(body({ customers: updates }), (body) => send(business, body, updates.length))
  })

  return {
    ...callsOf(standardBody),
    withSchema: (schema) => callsOf(bodyOf(schema)),
    address,
    sendUpdates: (business, body) => send(business, body)
  }
})

/**
 * The call for customers whose metadata is declared, over the client of the context. Make it once, not for each call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSchema = <S extends PocketflowsSchema.AnyCustomerSchema>(
  schema: S
): Effect.Effect<Calls<S>, never, PocketflowsClient> =>
  PocketflowsClient.useSync((pocketflows) => pocketflows.withSchema(schema))

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<PocketflowsClient, InvalidConfiguration, HttpClient.HttpClient> =>
  Layer.effect(PocketflowsClient, make(options))

/**
 * The service from the configuration: `POCKETFLOWS_USERNAME`, `POCKETFLOWS_PASSWORD` and
 * `POCKETFLOWS_BASE_URL` (default: Pocketflows' production). What `options` gives is not read.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Partial<Options>
): Layer.Layer<PocketflowsClient, Config.ConfigError | InvalidConfiguration, HttpClient.HttpClient> =>
  Layer.effect(
    PocketflowsClient,
    Effect.gen(function* () {
      const auth = options?.auth ?? (yield* PocketflowsAuth.config)
      const baseUrl =
        options?.baseUrl ??
        (yield* Config.String("POCKETFLOWS_BASE_URL").pipe(Config.withDefault(PocketflowsApi.productionUrl)))
      return yield* make({ ...options, auth, baseUrl })
    })
  )

/**
 * The sender for a business, for as long as the layer lives: runs and single calls that send there go by its policies,
 * whatever they bring of their own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSender = <R = never>(
  options: Senders.Policies<R> & { readonly business: string }
): Layer.Layer<never, never, PocketflowsClient | Exclude<R, Scope.Scope>> =>
  Layer.effectDiscard(
    PocketflowsClient.use((pocketflows) => Senders.join<R>({ ...options, ...pocketflows.address(options.business) }))
  )
