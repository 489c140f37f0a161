/**
 * Reach's customers, receipts and batch statuses, as schemas.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import * as CompiledSchema from "../json/CompiledSchema.ts"

import * as Consent from "../json/Consent.ts"

import type { OwnFields } from "../json/OwnFields.ts"
import * as OwnFieldNames from "../json/OwnFields.ts"

import { DateTimeUtc } from "../json/Rfc3339.ts"
import * as TextKind from "../json/TextKind.ts"

/** The values that are documented, and any other. */
const openEnum = <const L extends ReadonlyArray<string>>(...known: L) =>
  Schema.Union([Schema.StringForLiteralAutocomplete, Schema.Literals(known)])

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const customerId = TextKind.annotate(Schema.NonEmptyString, "id")

/** The default customer schema, but for `customerId`. Source: "Create Customer Resource", request body `data`. */
const defaultFields = {
  firstName: Schema.String,
  lastName: Schema.String,
  createdAt: DateTimeUtc,
  email: Schema.String,
  /** As Reach's guides write it: `+14155551234`. */
  phone: TextKind.annotate(Schema.String, "phone"),
  /** Null deletes the opt-out, which may opt the person back in to email. */
  emailOptOut: Consent.OptOut,
  /** Null deletes the opt-out; with none stored, a customer is opted out of SMS. */
  smsOptOut: Consent.OptOut,
  customerDetailUrl: Schema.String
}

/**
 * The fields of Reach's default customer schema, but for `customerId`.
 *
 * @category models
 * @since 0.1.0
 */
export type DefaultFields = typeof defaultFields

/**
 * The fields that Reach's default customer schema requires of a new customer, besides `customerId`.
 *
 * @category models
 * @since 0.1.0
 */
export type DefaultRequired = "firstName" | "lastName" | "createdAt"

const defaultRequired = ["firstName", "lastName", "createdAt"] as const satisfies ReadonlyArray<DefaultRequired>

/**
 * The fields whose null deletes an opt-out. A request that holds such a null is refused here unless its
 * caller names the field.
 *
 * @category models
 * @since 0.1.0
 */
export type ConsentField = "emailOptOut" | "smsOptOut"

/** The fields of a customer, but for `customerId`. */
type Fields<Own extends OwnFields> = DefaultFields & Own

type ChangeFields<Own extends OwnFields, Required extends string> = {
  readonly [Name in keyof Fields<Own>]: Schema.optionalKey<
    Name extends Required ? Fields<Own>[Name] : Schema.NullOr<Fields<Own>[Name]>
  >
}

type NewFields<Own extends OwnFields, Required extends string> = {
  readonly [Name in keyof Fields<Own>]: Name extends Required
    ? Fields<Own>[Name]
    : Schema.optionalKey<Schema.NullOr<Fields<Own>[Name]>>
}

type AnswerFields<Own extends OwnFields> = {
  readonly [Name in keyof Fields<Own>]: Schema.optionalKey<Schema.NullOr<Schema.toEncoded<Fields<Own>[Name]>>>
}

const uuid = nullable(Schema.String.annotate({ format: "uuid" }))
const time = nullable(Schema.String)

/** A customer with Reach's own ids and times around it. */
const resourceOf = <A>(customer: Schema.Codec<A>) => {
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
    data: nullable(customer)
  }
  // Reach writes most fields twice, the snake_case name being the older one. The page marks `resourceExternalId` as
  // deprecated in favour of itself, so either of that pair will do.
  const wire = Schema.Struct({
    ...resource,
    schema_definition_id: uuid,
    platform_id: uuid,
    business_id: uuid,
    resource_external_id: nullable(Schema.String),
    created_at: time,
    updated_at: time
  })
  type Wire = typeof wire.Type
  return wire.pipe(
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
        }: Wire) =>
          resource_external_id === undefined || resource_external_id === null
            ? shown
            : { ...shown, resourceExternalId: resource_external_id },
        encode: (shown): Wire => ({
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
}

const patchedOf = <A>(customer: Schema.Codec<A>) => {
  const resource = resourceOf(customer)
  return Schema.Struct({ result: resource, included: Schema.optionalKey(Schema.Array(resource)) })
}

type CustomerOf<Own extends OwnFields> = Schema.Struct<
  { readonly customerId: Schema.optionalKey<Schema.NullOr<Schema.String>> } & AnswerFields<Own>
>

/**
 * What a customer is at one partner of Reach's: the default customer schema, fields of the partner's own, and which of them
 * all a customer must have.
 *
 * @category models
 * @since 0.1.0
 */
export interface CustomerSchema<Own extends OwnFields, Required extends string> {
  /** The fields that are not of the default schema. */
  readonly ownFields: Own
  /** The fields that no customer is without, besides `customerId`. */
  readonly required: ReadonlyArray<Required>
  /**
   * A change to a customer who is named elsewhere: an absent field is kept, null deletes one that is not required.
   * Source: "Patch Customer Resource", request body `data`.
   */
  readonly CustomerChanges: Schema.Struct<
    { readonly customerId: Schema.optionalKey<Schema.NonEmptyString> } & ChangeFields<Own, Required>
  >
  /**
   * A change to the customer that `customerId` names: one record of a batch.
   * Source: "Batch Patch Customer Resources", items of `resources`.
   */
  readonly CustomerPatch: Schema.Struct<{ readonly customerId: Schema.NonEmptyString } & ChangeFields<Own, Required>>
  /**
   * A customer to create, or to merge into the one that is there.
   * Source: "Create Customer Resource", request body `data`.
   */
  readonly NewCustomer: Schema.Struct<{ readonly customerId: Schema.NonEmptyString } & NewFields<Own, Required>>
  /**
   * A customer as Reach answers it: what was sent is theirs by now, so that nothing is required of it, and a time is text
   * as Reach writes it.
   */
  readonly Customer: CustomerOf<Own>
  /**
   * A customer with Reach's own ids and times around it, as far as the answer has them. The deprecated twins of its fields
   * are read and not shown.
   */
  readonly CustomerResource: ReturnType<typeof resourceOf<CustomerOf<Own>["Type"]>>
  /**
   * The answer to one patch: the customer, and those that it refers to.
   * Source: "Patch Customer Resource", 200, `data`.
   */
  readonly PatchedCustomer: ReturnType<typeof patchedOf<CustomerOf<Own>["Type"]>>
}

/**
 * What is the same for all customers, whatever fields they have.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyCustomerSchema {
  readonly ownFields: OwnFields
  readonly required: ReadonlyArray<string>
  readonly CustomerChanges: RecordSchema<Consents & { readonly customerId?: string }>
  readonly CustomerPatch: RecordSchema<Consents & { readonly customerId: string }>
  readonly NewCustomer: RecordSchema<Consents & { readonly customerId: string }>
  readonly Customer: Schema.Codec<Answered, unknown>
  readonly CustomerResource: Schema.Codec<AnsweredResource, unknown>
  readonly PatchedCustomer: Schema.Codec<{ readonly result: AnsweredResource }, unknown>
}

/**
 * The schema of records with named fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordSchema<out A> extends Schema.Codec<A, { readonly [field: string]: unknown }> {
  readonly fields: object
}

/**
 * What a record says of consent.
 *
 * @category models
 * @since 0.1.0
 */
export type Consents = { readonly [Field in ConsentField]?: boolean | null }

type Answered = { readonly customerId?: string | null }
type AnsweredResource = { readonly resourceExternalId?: string | null; readonly data?: Answered | null }

// What Reach answers was checked there, by rules that may have been others when it came.
const answered = (schema: Schema.Top): Schema.Top => {
  const encoded = Schema.toEncoded(schema)
  switch (encoded.ast._tag) {
    case "String":
      return Schema.String
    case "Number":
      return Schema.Finite
    case "Boolean":
      return Schema.Boolean
    default:
      return encoded
  }
}

/** Names that no field of one's own may have. */
type Reserved = { readonly [Name in keyof DefaultFields | "customerId"]?: never }

/**
 * What `extend` gives. Where the names of the fields are known at run time only, so is what a customer has.
 *
 * @category models
 * @since 0.1.0
 */
export type Extended<Own extends OwnFields, Required extends string> = string extends keyof Own
  ? AnyCustomerSchema
  : CustomerSchema<Own, Required>

/**
 * Reach's default customer schema with fields of one's own. Which fields a customer has differs by partner; one that Reach
 * does not have is refused there.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { CustomerFile, CustomerSync, OwnFields, ReachDestination, ReachSchema } from "effect-patchbay"
 *
 * export const Acme = ReachSchema.extend({
 *   loyaltyTier: Schema.Literals(["silver", "gold"]),
 *   visits: Schema.Int,
 *   lastVisit: OwnFields.DateTime
 * })
 *
 * export const program = CustomerFile.read("customers.csv", Acme.CustomerPatch).pipe(
 *   CustomerSync.run({ to: ReachDestination.batchPatch({ schema: Acme }) })
 * )
 * ```
 *
 * Each field may be left out of a patch, and null deletes it, as with the default fields. `required` lists the fields that
 * no customer is without, besides `customerId`: they cannot be left out of a `NewCustomer`, and no null is taken for them.
 * Default: `firstName`, `lastName` and `createdAt`.
 *
 * Throws `InvalidConfiguration` where a name is that of another field, or of what every object has, such as `toString`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extend = <
  const Own extends OwnFields & Reserved,
  const Required extends keyof DefaultFields | (keyof Own & string) = DefaultRequired
>(
  ownFields: Own,
  options?: { readonly required?: ReadonlyArray<Required> | undefined }
): Extended<Own, Required> => {
  for (const name of Object.keys(ownFields)) {
    const problem = OwnFieldNames.problemOf(name, ["customerId", ...Object.keys(defaultFields)])
    if (problem !== undefined) throw new InvalidConfiguration({ option: `field ${JSON.stringify(name)}`, problem })
  }
  const required: ReadonlyArray<string> = options?.required ?? defaultRequired
  const fields: { readonly [name: string]: Schema.Top } = { ...defaultFields, ...ownFields }
  const each = (of: (schema: Schema.Top, name: string) => Schema.Top) =>
    Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, of(schema, name)]))
  const changes = each((schema, name) => (required.includes(name) ? Schema.optionalKey(schema) : nullable(schema)))
  const created = each((schema, name) => (required.includes(name) ? schema : nullable(schema)))
  const customer = Schema.Struct({
    customerId: nullable(Schema.String),
    ...each((schema) => nullable(answered(schema))),
    createdAt: nullable(Schema.String.annotate({ format: "date-time" }))
  })
  const schemas = {
    ownFields,
    required,
    CustomerChanges: Schema.Struct({ customerId: Schema.optionalKey(customerId), ...changes }),
    CustomerPatch: CompiledSchema.make(Schema.Struct({ customerId, ...changes })),
    NewCustomer: CompiledSchema.make(Schema.Struct({ customerId, ...created })),
    Customer: customer,
    CustomerResource: resourceOf(customer),
    PatchedCustomer: patchedOf(customer)
  }
  // The loop over the names has forgotten which field is which; the type says it again, in the same words.
  return schemas as unknown as Extended<Own, Required>
}

/**
 * Reach's default customer schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const standard: Standard = extend({})

/**
 * @category models
 * @since 0.1.0
 */
export interface Standard extends CustomerSchema<{}, DefaultRequired> {}

/**
 * A change to a customer who is named elsewhere: an absent field is kept, null deletes one.
 * Source: "Patch Customer Resource", request body `data`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerChanges: Standard["CustomerChanges"] = standard.CustomerChanges

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
export const CustomerPatch: Standard["CustomerPatch"] = standard.CustomerPatch

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
export const NewCustomer: Standard["NewCustomer"] = standard.NewCustomer

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
export const Customer: Standard["Customer"] = standard.Customer

/**
 * @category models
 * @since 0.1.0
 */
export type Customer = typeof Customer.Type

/**
 * A customer with Reach's own ids and times around it, as far as the answer has them. The deprecated twins of its fields are
 * read and not shown.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerResource: Standard["CustomerResource"] = standard.CustomerResource

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
export const PatchedCustomer: Standard["PatchedCustomer"] = standard.PatchedCustomer

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
