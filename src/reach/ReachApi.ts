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
 * The body of a request that creates a customer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CreateBody = Schema.Struct({ data: ReachSchema.NewCustomer })

/**
 * The body of a request that changes one customer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PatchBody = Schema.Struct({ data: ReachSchema.CustomerChanges })

/**
 * The body of a request that changes many customers.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BatchBody = Schema.Struct({
  resources: Schema.Array(ReachSchema.CustomerPatch).check(Schema.isBetweenLength(1, maxBatchRecords))
})

/**
 * `POST /api/resources/customers`: create, or merge into the customer that is there.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const createCustomer = HttpApiEndpoint.post("createCustomer", "/api/resources/customers", {
  query: {
    onconflict: Schema.optionalKey(Schema.Literals(["upsert", "reject"]).annotate({ default: "upsert" })),
    ...ignoreUnknownFields
  },
  headers: tenant,
  payload: CreateBody,
  success: answer(ReachSchema.CustomerResource),
  error: [BadRequestBody, NotFoundBody]
})

/**
 * `PATCH /api/resources/customers/{externalId}`: change one customer.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const patchCustomer = HttpApiEndpoint.patch("patchCustomer", "/api/resources/customers/:externalId", {
  params: CustomerPath,
  query: ignoreUnknownFields,
  headers: tenant,
  payload: PatchBody,
  success: answer(ReachSchema.PatchedCustomer),
  error: [BadRequestBody, NotFoundBody]
})

/**
 * `PATCH /api/resources/customers/batch`: change up to 1,000 customers, later and in the order given.
 *
 * @category endpoints
 * @since 0.1.0
 */
export const patchCustomers = HttpApiEndpoint.patch("patchCustomers", "/api/resources/customers/batch", {
  query: { ignoreUnknownFields: Schema.optionalKey(Schema.String.annotate({ default: "false" })) },
  headers: tenant,
  payload: BatchBody,
  success: answer(ReachSchema.BatchReceipt).pipe(HttpApiSchema.status(202)),
  error: [BadRequestBody, NotFoundBody]
})

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
 * @category endpoints
 * @since 0.1.0
 */
export class ReachApi extends HttpApi.make("reach")
  .add(HttpApiGroup.make("customers").add(createCustomer, patchCustomer, patchCustomers))
  .add(HttpApiGroup.make("batches").add(batchStatus))
  .annotateMerge(OpenApi.annotations({ title: "Reach API", version: "1.0.0", servers: [{ url: productionUrl }] })) {}
