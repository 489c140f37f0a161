/**
 * Reach's endpoints, each declared once: the client, the sandbox's routes and the OpenAPI document that
 * the contract test compares are all derived from here.
 *
 * @since 0.1.0
 */

import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { headerValue } from "../http/HeaderValue.ts"
import { pathSegment } from "../http/PathSegment.ts"
import * as ReachSchema from "./ReachSchema.ts"

/**
 * Where Reach serves its API.
 *
 * @category configuration
 * @since 0.1.0
 */
export const productionUrl = "https://api.embedreach.com"

/**
 * The header in which a partner-scoped token names the tenant it acts for.
 *
 * @category configuration
 * @since 0.1.0
 */
export const tenantHeader = "reach-tenant-id"

/**
 * The records that one batch may hold. Source: Reach's guide to batches.
 *
 * @category configuration
 * @since 0.1.0
 */
export const maxBatchRecords = 1000

/**
 * The body of a 400. Source: every Reach page.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BadRequestBody = Schema.Struct({
  success: Schema.optionalKey(Schema.Literal(false).annotate({ default: false })),
  message: Schema.String,
  errors: Schema.optionalKey(Schema.Array(Schema.String))
}).pipe(HttpApiSchema.status(400))

/**
 * The body of a 404. Source: every Reach page.
 *
 * @category schemas
 * @since 0.1.0
 */
export const NotFoundBody = Schema.Struct({
  success: Schema.Boolean,
  message: Schema.optionalKey(Schema.String),
  data: Schema.optionalKey(Schema.Struct({ error: Schema.String }))
}).pipe(HttpApiSchema.status(404))

const answer = <S extends Schema.Top>(data: S) =>
  Schema.Struct({
    success: Schema.optionalKey(Schema.Boolean),
    message: Schema.optionalKey(Schema.NullOr(Schema.String)),
    data: Schema.optionalKey(data)
  })

/**
 * The path of the endpoint for one customer: an id that stays one segment, and is not the batch endpoint's.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerPath = Schema.Struct({
  externalId: pathSegment.check(
    Schema.makeFilter((id) => id !== "batch", {
      expected: 'an id other than "batch", which is the batch endpoint\'s path'
    })
  )
})

const tenant = { [tenantHeader]: Schema.optionalKey(headerValue) } as const
// In a query a boolean is text; only what is said of the key, and not of the boolean, reaches the OpenAPI document.
const ignoreUnknownFields = { ignoreUnknownFields: Schema.optionalKey(Schema.Boolean).annotateKey({ default: false }) }

/**
 * The bodies of requests about customers of one schema: to create one, to change one, and to change many.
 *
 * @category schemas
 * @since 0.1.0
 */
export const bodies = <S extends ReachSchema.AnyCustomerSchema>({
  CustomerChanges,
  CustomerPatch,
  NewCustomer
}: S) => ({
  create: Schema.Struct({ data: NewCustomer }),
  patch: Schema.Struct({ data: CustomerChanges }),
  batch: Schema.Struct({ resources: Schema.Array(CustomerPatch).check(Schema.isBetweenLength(1, maxBatchRecords)) })
})

/**
 * The endpoints for customers of one schema.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const customers = <S extends ReachSchema.AnyCustomerSchema>(schema: S) => {
  const { batch, create, patch } = bodies(schema)
  const { CustomerResource, PatchedCustomer } = schema
  return {
    /** `POST /api/resources/customers`: create, or merge into the customer that is there. */
    createCustomer: HttpApiEndpoint.post("createCustomer", "/api/resources/customers", {
      query: {
        onconflict: Schema.optionalKey(Schema.Literals(["upsert", "reject"]).annotate({ default: "upsert" })),
        ...ignoreUnknownFields
      },
      headers: tenant,
      payload: create,
      success: answer(CustomerResource),
      error: [BadRequestBody, NotFoundBody]
    }),
    /** `PATCH /api/resources/customers/{externalId}`: change one customer. */
    patchCustomer: HttpApiEndpoint.patch("patchCustomer", "/api/resources/customers/:externalId", {
      params: CustomerPath,
      query: ignoreUnknownFields,
      headers: tenant,
      payload: patch,
      success: answer(PatchedCustomer),
      error: [BadRequestBody, NotFoundBody]
    }),
    /** `PATCH /api/resources/customers/batch`: change up to 1,000 customers, later and in the order given. */
    patchCustomers: HttpApiEndpoint.patch("patchCustomers", "/api/resources/customers/batch", {
      query: { ignoreUnknownFields: Schema.optionalKey(Schema.String.annotate({ default: "false" })) },
      headers: tenant,
      payload: batch,
      success: answer(ReachSchema.BatchReceipt).pipe(HttpApiSchema.status(202)),
      error: [BadRequestBody, NotFoundBody]
    })
  }
}

/**
 * `GET /api/batches/{batchId}`: how a batch went so far.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const batchStatus = HttpApiEndpoint.get("batchStatus", "/api/batches/:batchId", {
  params: { batchId: pathSegment },
  query: { includePendingDetails: Schema.optionalKey(Schema.Literals(["true", "false"])) },
  headers: tenant,
  success: answer(ReachSchema.BatchStatus),
  error: NotFoundBody
})

/**
 * All endpoints, for customers of one schema.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const make = <S extends ReachSchema.AnyCustomerSchema>(schema: S) => {
  const { createCustomer, patchCustomer, patchCustomers } = customers(schema)
  return HttpApi.make("reach")
    .add(HttpApiGroup.make("customers").add(createCustomer, patchCustomer, patchCustomers))
    .add(HttpApiGroup.make("batches").add(batchStatus))
    .annotateMerge(OpenApi.annotations({ title: "Reach API", version: "1.0.0", servers: [{ url: productionUrl }] }))
}

/**
 * All endpoints, for customers of Reach's default schema.
 *
 * @category endpoints
 * @since 0.1.0
 */
export class ReachApi extends make(ReachSchema.standard) {}
