/**
 * Reach's customers, receipts and batch statuses, as schemas.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as CompiledSchema from "../http/CompiledSchema.ts"
import { DateTimeUtc } from "./Rfc3339.ts"

/** The values that are documented, and any other. */
const openEnum = <const L extends ReadonlyArray<string>>(...known: L) =>
  Schema.Union([Schema.StringForLiteralAutocomplete, Schema.Literals(known)])

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The fields that the default schema does not require; null deletes one. */
const deletable = {
  email: nullable(Schema.String),
  /** As Reach's guides write it: `+14155551234`. */
  phone: nullable(Schema.String),
  /** Null deletes the opt-out, which may opt the person back in to email. */
  emailOptOut: nullable(Schema.Boolean),
  /** Null deletes the opt-out; with none stored, a customer is opted out of SMS. */
  smsOptOut: nullable(Schema.Boolean),
  customerDetailUrl: nullable(Schema.String)
}

const unrequired = {
  firstName: Schema.optionalKey(Schema.String),
  lastName: Schema.optionalKey(Schema.String),
  createdAt: Schema.optionalKey(DateTimeUtc)
}

/**
 * The fields whose null deletes an opt-out. A request that holds such a null is refused here unless its
 * caller names the field.
 *
 * @category models
 * @since 0.1.0
 */
export type ConsentField = "emailOptOut" | "smsOptOut"

/**
 * A change to a customer who is named elsewhere: an absent field is kept, null deletes one.
 * Source: "Patch Customer Resource", request body `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerChanges = Schema.Struct({
  customerId: Schema.optionalKey(Schema.NonEmptyString),
  ...unrequired,
  ...deletable
})

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerChanges = typeof CustomerChanges.Type

/**
 * A change to the customer that `customerId` names: one record of a batch.
 * Source: "Batch Patch Customer Resources", items of `resources`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerPatch = CompiledSchema.make(
  Schema.Struct({ customerId: Schema.NonEmptyString, ...unrequired, ...deletable })
)

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerPatch = typeof CustomerPatch.Type

/**
 * A customer to create, or to merge into the one that is there.
 * Source: "Create Customer Resource", request body `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const NewCustomer = CompiledSchema.make(
  Schema.Struct({
    customerId: Schema.NonEmptyString,
    firstName: Schema.String,
    lastName: Schema.String,
    createdAt: DateTimeUtc,
    ...deletable
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type NewCustomer = typeof NewCustomer.Type

/**
 * A customer as Reach answers it. Which fields are required varies by partner, so that only the id is
 * relied on.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Customer = CustomerPatch

/**
 * @category models
 * @since 0.1.0
 */
export type Customer = typeof Customer.Type

const uuid = Schema.String.annotate({ format: "uuid" })

// Reach writes most of these twice, the snake_case name being the older one. The page marks
// `resourceExternalId` as deprecated in favour of itself, so either of that pair will do.
const ResourceWire = Schema.Struct({
  id: uuid,
  schema_definition_id: Schema.optionalKey(uuid),
  schemaDefinitionId: uuid,
  platform_id: Schema.optionalKey(uuid),
  platformId: uuid,
  business_id: Schema.optionalKey(uuid),
  businessId: uuid,
  resource_external_id: Schema.optionalKey(Schema.String),
  resourceExternalId: Schema.optionalKey(Schema.String),
  created_at: Schema.optionalKey(Schema.String),
  createdAt: Schema.String,
  updated_at: Schema.optionalKey(Schema.String),
  updatedAt: Schema.String,
  data: Customer
})

/**
 * A customer with Reach's own ids and times around it. The deprecated twins of the answer are read and
 * not shown.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerResource = ResourceWire.pipe(
  Schema.decodeTo(
    Schema.Struct({
      /** Reach's own id of the resource, a UUID. */
      id: Schema.String,
      schemaDefinitionId: Schema.String,
      platformId: Schema.String,
      businessId: Schema.String,
      /** The customer's id at the caller's: `customerId`. */
      resourceExternalId: Schema.String,
      createdAt: Schema.String,
      updatedAt: Schema.String,
      data: Schema.toType(Customer)
    }),
    SchemaTransformation.transformEffect({
      decode: (wire: typeof ResourceWire.Type) => {
        const resourceExternalId = wire.resource_external_id ?? wire.resourceExternalId
        if (resourceExternalId === undefined) {
          return Effect.fail(new SchemaIssue.Pointer(["resource_external_id"], new SchemaIssue.MissingKey(undefined)))
        }
        const { businessId, createdAt, data, id, platformId, schemaDefinitionId, updatedAt } = wire
        return Effect.succeed({
          id,
          schemaDefinitionId,
          platformId,
          businessId,
          resourceExternalId,
          createdAt,
          updatedAt,
          data
        })
      },
      encode: (resource): Effect.Effect<typeof ResourceWire.Type> =>
        Effect.succeed({
          ...resource,
          schema_definition_id: resource.schemaDefinitionId,
          platform_id: resource.platformId,
          business_id: resource.businessId,
          resource_external_id: resource.resourceExternalId,
          created_at: resource.createdAt,
          updated_at: resource.updatedAt
        })
    })
  )
)

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerResource = typeof CustomerResource.Type

/**
 * The answer to one patch: the customer, and those that it refers to.
 * Source: "Patch Customer Resource", 200, `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PatchedCustomer = Schema.Struct({
  result: CustomerResource,
  included: Schema.optionalKey(Schema.Array(CustomerResource))
})

/**
 * @category models
 * @since 0.1.0
 */
export type PatchedCustomer = typeof PatchedCustomer.Type

/**
 * What Reach answers to a batch that it will apply later.
 * Source: "Batch Patch Customer Resources", 202, `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BatchReceipt = Schema.Struct({
  /** Ask `batchStatus` with it. */
  batchId: Schema.String,
  message: Schema.String,
  /** How many records Reach took over. */
  recordCount: Schema.Finite,
  schemaDefinitionId: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type BatchReceipt = typeof BatchReceipt.Type

const count = Schema.optionalKey(Schema.NullOr(Schema.Natural))
const text = Schema.optionalKey(Schema.NullOr(Schema.String))

/**
 * How a batch went so far. Fields that older answers lack are optional, and `status` is open: a value
 * other than `success` says nothing certain.
 * Source: Reach's guide to `GET /api/batches/{batchId}`, 200, `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BatchStatus = Schema.Struct({
  batchId: Schema.String,
  status: openEnum("success"),
  batchType: Schema.optionalKey(
    openEnum("PARTNER_RESOURCE_JSON_INGEST", "PARTNER_RESOURCE_BATCH_PATCH", "PARTNER_RESOURCE_BATCH_DELETE")
  ),
  /** Counts of records; `successRate` as Reach computes it. */
  progress: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        totalRecords: count,
        processedRecords: count,
        successfulRecords: count,
        pendingRecords: count,
        failedRecords: count,
        successRate: Schema.optionalKey(Schema.NullOr(Schema.Finite))
      })
    )
  ),
  completedAt: text,
  startedAt: text,
  createdAt: text,
  schemaName: text,
  schemaDefinitionId: text,
  /** The shapes of `summary` and `details` are documented nowhere. */
  errors: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        summary: Schema.optionalKey(Schema.Unknown),
        details: Schema.optionalKey(Schema.Unknown),
        message: text
      })
    )
  ),
  /** Records that wait for others; only where pending details were asked for. */
  pendingResources: Schema.optionalKey(
    Schema.NullOr(
      Schema.Array(
        Schema.Struct({
          id: text,
          resourceExternalId: text,
          schemaDefinitionId: text,
          schemaName: text,
          missingDependencies: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown))),
          expiresAt: text,
          createdAt: text
        })
      )
    )
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type BatchStatus = typeof BatchStatus.Type
