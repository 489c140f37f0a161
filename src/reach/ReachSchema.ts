/**
 * Reach's customers, receipts and batch statuses, as schemas.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as CompiledSchema from "../json/CompiledSchema.ts"
import * as Consent from "../json/Consent.ts"
import { DateTimeUtc } from "../json/Rfc3339.ts"
import * as TextKind from "../json/TextKind.ts"

/** The values that are documented, and any other. */
const openEnum = <const L extends ReadonlyArray<string>>(...known: L) =>
  Schema.Union([Schema.StringForLiteralAutocomplete, Schema.Literals(known)])

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const customerId = TextKind.annotate(Schema.NonEmptyString, "id")

/** The fields that the default schema does not require; null deletes one. */
const deletable = {
  email: nullable(Schema.String),
  /** As Reach's guides write it: `+14155551234`. */
  phone: nullable(TextKind.annotate(Schema.String, "phone")),
  /** Null deletes the opt-out, which may opt the person back in to email. */
  emailOptOut: nullable(Consent.OptOut),
  /** Null deletes the opt-out; with none stored, a customer is opted out of SMS. */
  smsOptOut: nullable(Consent.OptOut),
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
  customerId: Schema.optionalKey(customerId),
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
export const CustomerPatch = CompiledSchema.make(Schema.Struct({ customerId, ...unrequired, ...deletable }))

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
    customerId,
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
 * A customer as Reach answers it: what was sent is theirs by now, so that nothing is required of it, and its time is text as
 * Reach writes it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Customer = Schema.Struct({
  customerId: nullable(Schema.String),
  firstName: nullable(Schema.String),
  lastName: nullable(Schema.String),
  createdAt: nullable(Schema.String.annotate({ format: "date-time" })),
  ...deletable
})

/**
 * @category models
 * @since 0.1.0
 */
export type Customer = typeof Customer.Type

const uuid = nullable(Schema.String.annotate({ format: "uuid" }))
const time = nullable(Schema.String)

const resource = {
  /** Reach's own id of the resource, a UUID. */
  id: uuid,
  schemaDefinitionId: uuid,
  platformId: uuid,
  businessId: uuid,
  /** The customer's id at the caller's: `customerId`. */
  resourceExternalId: nullable(Schema.String),
  createdAt: time,
  updatedAt: time,
  data: nullable(Customer)
}

// Reach writes most fields twice, the snake_case name being the older one. The page marks `resourceExternalId` as
// deprecated in favour of itself, so either of that pair will do.
const ResourceWire = Schema.Struct({
  ...resource,
  schema_definition_id: uuid,
  platform_id: uuid,
  business_id: uuid,
  resource_external_id: nullable(Schema.String),
  created_at: time,
  updated_at: time
})

/**
 * A customer with Reach's own ids and times around it, as far as the answer has them. The deprecated twins of its fields are
 * read and not shown.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerResource = ResourceWire.pipe(
  Schema.decodeTo(
    Schema.Struct(resource),
    SchemaTransformation.transform({
      decode: ({
        business_id,
        created_at,
        platform_id,
        resource_external_id,
        schema_definition_id,
        updated_at,
        ...shown
      }: typeof ResourceWire.Type) =>
        resource_external_id === undefined || resource_external_id === null
          ? shown
          : { ...shown, resourceExternalId: resource_external_id },
      encode: (shown): typeof ResourceWire.Type => ({
        ...shown,
        ...(shown.schemaDefinitionId === undefined ? {} : { schema_definition_id: shown.schemaDefinitionId }),
        ...(shown.platformId === undefined ? {} : { platform_id: shown.platformId }),
        ...(shown.businessId === undefined ? {} : { business_id: shown.businessId }),
        ...(shown.resourceExternalId === undefined ? {} : { resource_external_id: shown.resourceExternalId }),
        ...(shown.createdAt === undefined ? {} : { created_at: shown.createdAt }),
        ...(shown.updatedAt === undefined ? {} : { updated_at: shown.updatedAt })
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
  message: nullable(Schema.String),
  /** How many records Reach took over. */
  recordCount: Schema.Finite,
  schemaDefinitionId: nullable(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type BatchReceipt = typeof BatchReceipt.Type

const count = Schema.optionalKey(Schema.NullOr(Schema.Natural))
const text = Schema.optionalKey(Schema.NullOr(Schema.String))

/**
 * How a batch went so far. Only the id is required: whether a batch is finished can be told by its status, by when it was
 * completed, or by its counts. `status` is open: a value other than `success` says nothing certain.
 * Source: Reach's guide to `GET /api/batches/{batchId}`, 200, `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BatchStatus = Schema.Struct({
  batchId: Schema.String,
  status: nullable(openEnum("success")),
  batchType: nullable(
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
