/**
 * Pocketflows' customers, as schemas. Source for all: "Update multiple customers", OpenAPI 0.0.4.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import * as CompiledSchema from "../json/CompiledSchema.ts"
import type { OwnFields } from "../json/OwnFields.ts"
import * as OwnFieldNames from "../json/OwnFields.ts"
import * as TextKind from "../json/TextKind.ts"

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * Any JSON object.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Metadata = Schema.Record(Schema.String, Schema.Json)

/**
 * @category models
 * @since 0.1.0
 */
export type Metadata = typeof Metadata.Type

type Declared<Own extends OwnFields> = {
  readonly [Name in keyof Own]: Schema.optionalKey<Schema.NullOr<Own[Name]>>
}

type UpdateFields<M extends Schema.Top> = {
  /** Pocketflows' own id of the customer. */
  readonly id: Schema.NonEmptyString
  readonly phone_number: Schema.optionalKey<Schema.NullOr<Schema.String>>
  /** Unique in a business: a batch that would leave two customers with one address is refused whole. */
  readonly email_address: Schema.optionalKey<Schema.NullOr<Schema.String>>
  readonly metadata: Schema.optionalKey<Schema.NullOr<M>>
  readonly full_name: Schema.optionalKey<Schema.NullOr<Schema.String>>
}

const updateOf = <M extends Schema.Top>(metadata: M): Schema.Struct<UpdateFields<M>> =>
  CompiledSchema.make(
    Schema.Struct({
      id: TextKind.annotate(Schema.NonEmptyString, "id"),
      phone_number: nullable(TextKind.annotate(Schema.String, "phone")),
      email_address: nullable(Schema.String),
      metadata: nullable(metadata),
      full_name: nullable(Schema.String)
    })
  )

/**
 * What a customer is at one business of Pocketflows': the documented fields, and keys of `metadata` of the business' own.
 *
 * @category models
 * @since 0.1.0
 */
export interface CustomerSchema<M extends Schema.Top> {
  /**
   * A change to the customer that `id` names: one record of a batch. What null and an absent field mean is
   * not documented; the sandbox takes null as the new value, and keeps what is absent.
   */
  readonly CustomerUpdate: Schema.Struct<UpdateFields<M>>
}

/**
 * What is the same for all customers, whatever their metadata.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyCustomerSchema {
  readonly CustomerUpdate: Schema.Codec<Named, { readonly [field: string]: unknown }> & { readonly fields: object }
}

type Named = {
  readonly id: string
  readonly email_address?: string | null
  readonly metadata?: object | null
}

/**
 * Pocketflows' customers with keys of one's own in their metadata. Each may be left out or null, and no other key can be
 * sent. In a CSV, the column of a key is called `metadata.plan`.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { CustomerFile, CustomerSync, PocketflowsDestination, PocketflowsSchema } from "effect-patchbay"
 *
 * export const Acme = PocketflowsSchema.extend({ metadata: { plan: Schema.String, seats: Schema.Int } })
 *
 * export const program = CustomerFile.read("customers.csv", Acme.CustomerUpdate).pipe(
 *   CustomerSync.run({ to: PocketflowsDestination.batchUpdate({ business: "b-1", schema: Acme }) })
 * )
 * ```
 *
 * Throws `InvalidConfiguration` where a name is that of what every object has, such as `toString`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extend = <const Own extends OwnFields>({
  metadata
}: {
  readonly metadata: Own
}): CustomerSchema<Schema.Struct<Declared<Own>>> => {
  for (const name of Object.keys(metadata)) {
    const problem = OwnFieldNames.problemOf(name, [])
    if (problem !== undefined) throw new InvalidConfiguration({ option: `metadata ${JSON.stringify(name)}`, problem })
  }
  const declared = Object.fromEntries(Object.entries(metadata).map(([name, schema]) => [name, nullable(schema)]))
  return {
    // The loop over the names has forgotten which key is which; the type says it again, in the same words.
    CustomerUpdate: updateOf(Schema.Struct(declared)) as unknown as Schema.Struct<
      UpdateFields<Schema.Struct<Declared<Own>>>
    >
  }
}

/**
 * Pocketflows' customers with any metadata.
 *
 * @category schemas
 * @since 0.1.0
 */
export const standard: Standard = { CustomerUpdate: updateOf(Metadata) }

/**
 * @category models
 * @since 0.1.0
 */
export interface Standard extends CustomerSchema<typeof Metadata> {}

/**
 * A change to the customer that `id` names: one record of a batch. What null and an absent field mean is
 * not documented; the sandbox takes null as the new value, and keeps what is absent.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerUpdate: Standard["CustomerUpdate"] = standard.CustomerUpdate

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerUpdate = typeof CustomerUpdate.Type

/**
 * A customer as Pocketflows answers it: only the id is required, which says who was updated. Its metadata is whatever was
 * stored, by whomever. `unsubscribed` is open: other values than the documented `future` and `campaign` are read too. It
 * cannot be set.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Customer = Schema.Struct({
  id: Schema.String,
  external_id: nullable(Schema.String),
  email_address: nullable(Schema.String),
  phone_number: nullable(Schema.String),
  full_name: nullable(Schema.String),
  metadata: nullable(Metadata),
  unsubscribed: nullable(Schema.Union([Schema.StringForLiteralAutocomplete, Schema.Literals(["future", "campaign"])]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Customer = typeof Customer.Type
