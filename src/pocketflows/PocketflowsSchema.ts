/**
 * Pocketflows' customers, as schemas. Source for all: "Update multiple customers", OpenAPI 0.0.4.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CompiledSchema from "../json/CompiledSchema.ts"
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

/**
 * A change to the customer that `id` names: one record of a batch. What null and an absent field mean is
 * not documented; the sandbox takes null as the new value, and keeps what is absent.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CustomerUpdate = CompiledSchema.make(
  Schema.Struct({
    /** Pocketflows' own id of the customer. */
    id: TextKind.annotate(Schema.NonEmptyString, "id"),
    phone_number: nullable(TextKind.annotate(Schema.String, "phone")),
    /** Unique in a business: a batch that would leave two customers with one address is refused whole. */
    email_address: nullable(Schema.String),
    metadata: nullable(Metadata),
    full_name: nullable(Schema.String)
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerUpdate = typeof CustomerUpdate.Type

/**
 * A customer as Pocketflows answers it: only the id is required, which says who was updated. `unsubscribed` is open: other
 * values than the documented `future` and `campaign` are read too. It cannot be set.
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
