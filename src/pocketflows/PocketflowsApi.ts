/**
 * Pocketflows' endpoint, declared once: the client, the sandbox's route and the OpenAPI document that the
 * contract test compares are all derived from here.
 *
 * @since 0.1.0
 */

import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { pathSegment } from "../http/PathSegment.ts"
import * as PocketflowsSchema from "./PocketflowsSchema.ts"

/**
 * Where Pocketflows serves its API.
 *
 * @category configuration
 * @since 0.1.0
 */
export const productionUrl = "https://api.pocketflows.com"

/**
 * The body of a request that changes customers of one schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const body = <S extends PocketflowsSchema.AnyCustomerSchema>({ CustomerUpdate }: S) =>
  Schema.Struct({ customers: Schema.Array(CustomerUpdate) })

/**
 * `POST /businesses/{id}/customers/batch_update`: change customers, all of them or none.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const updateCustomers = HttpApiEndpoint.post("updateCustomers", "/businesses/:id/customers/batch_update", {
  params: { id: pathSegment },
  payload: body(PocketflowsSchema.standard),
  success: Schema.Struct({ customers: Schema.Array(PocketflowsSchema.Customer) })
})

/**
 * @category endpoints
 * @since 0.1.0
 */
export class PocketflowsApi extends HttpApi.make("pocketflows")
  .add(HttpApiGroup.make("customers").add(updateCustomers))
  .annotateMerge(
    OpenApi.annotations({ title: "Pocketflows API", version: "0.0.4", servers: [{ url: productionUrl }] })
  ) {}
