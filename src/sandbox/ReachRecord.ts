/**
 * What Reach takes for a customer. It is written down from the vendor's pages and not from the client's schemas,
 * so that a mistake in the schemas shows.
 *
 * @since 0.1.0
 */

import type * as Schema from "effect/Schema"
import type * as OwnFields from "../json/OwnFields.ts"

import * as Rfc3339 from "../json/Rfc3339.ts"
import type * as ReachSchema from "../reach/ReachSchema.ts"
import { type FieldCheck, isKey, isText, type JsonObject } from "./Refusal.ts"

/**
 * A customer as Reach keeps it: the fields as they were sent, without those that were deleted.
 *
 * @category models
 * @since 0.1.0
 */
export type StoredCustomer = typeof ReachSchema.CustomerPatch.Encoded & { readonly [field: string]: Schema.Json }

/**
 * A record as it was sent, without unknown fields.
 *
 * @category models
 * @since 0.1.0
 */
export type SentPatch = StoredCustomer

/**
 * What the values of a field are; `json` is any value of JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldKind = OwnFields.Kind | "json"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** The fields that a customer has beyond those of Reach's default schema. Default: none. */
  readonly fields?: { readonly [name: string]: FieldKind } | undefined
  /**
   * The fields that a new customer must have and that null cannot delete; `customerId` is always one. Default:
   * those of the default schema, `firstName`, `lastName` and `createdAt`. A batch patch may leave them out.
   */
  readonly required?: ReadonlyArray<string> | undefined
  /** A rule of the vendor's own: the reason for which a record that is otherwise good is refused. */
  readonly refuse?: ((patch: SentPatch) => string | undefined) | undefined
}

/**
 * A record with what is wrong with it, each as `field problem`. Without problems, `patch` has the types that
 * it claims.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly patch: SentPatch
  readonly problems: ReadonlyArray<string>
}

const isBoolean: FieldCheck = (value) => (typeof value === "boolean" ? undefined : "must be a boolean")
const isNumber: FieldCheck = (value) => (typeof value === "number" ? undefined : "must be a number")
const isDateTime: FieldCheck = (value) =>
  typeof value === "string" && Rfc3339.toEpochMillis(value) !== undefined ? undefined : "must be a date-time"

// "Create Customer Resource", request body; the same fields on all pages.
const checks = {
  customerId: isKey,
  email: isText,
  phone: isText,
  firstName: isText,
  lastName: isText,
  emailOptOut: isBoolean,
  smsOptOut: isBoolean,
  customerDetailUrl: isText,
  createdAt: isDateTime
} satisfies Record<keyof ReachSchema.Customer, FieldCheck>

const kinds = {
  string: isText,
  boolean: isBoolean,
  number: isNumber,
  "date-time": isDateTime,
  json: () => undefined
} satisfies { readonly [Kind in FieldKind]: FieldCheck }

/**
 * Checks records against the fields and the given rules.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checker = (options: Options) => {
  // A map, because a field that is sent may be called `constructor`.
  const fields = new Map<string, FieldCheck>(Object.entries(checks))
  for (const [name, kind] of Object.entries(options.fields ?? {})) fields.set(name, kinds[kind])
  const required = new Set<string>(["customerId", ...(options.required ?? ["firstName", "lastName", "createdAt"])])

  return (
    record: JsonObject,
    rules: { readonly ignoreUnknownFields: boolean; readonly mustHave: "all required" | "customerId" | "nothing" }
  ): Checked => {
    const problems: Array<string> = []
    let hasUnknown = false
    for (const name of Object.keys(record)) {
      const value = record[name]
      const field = fields.get(name)
      if (field === undefined) {
        hasUnknown = true
        if (!rules.ignoreUnknownFields) problems.push(`${name} is not a field of the schema`)
        continue
      }
      const problem = value !== null ? field(value) : required.has(name) ? "is required and cannot be null" : undefined
      if (problem !== undefined) problems.push(`${name} ${problem}`)
    }
    if (rules.mustHave !== "nothing") {
      for (const name of rules.mustHave === "customerId" ? ["customerId"] : required) {
        if (!Object.hasOwn(record, name)) problems.push(`${name} is required`)
      }
    }
    const known = hasUnknown ? Object.fromEntries(Object.entries(record).filter(([name]) => fields.has(name))) : record
    // Without problems it has these types; with some, nobody looks at it but for its id.
    const patch = known as SentPatch
    const reason = problems.length === 0 ? options.refuse?.(patch) : undefined
    return { patch, problems: reason === undefined ? problems : [reason] }
  }
}

/**
 * The customer after a patch: absent fields are kept, null deletes one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (stored: StoredCustomer | undefined, key: string, patch: Partial<SentPatch>): StoredCustomer => {
  const merged: Record<string, unknown> = { ...stored, customerId: key }
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field]
    else merged[field] = value
  }
  // Both sides were checked when they came.
  return merged as StoredCustomer
}
