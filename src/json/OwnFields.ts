/**
 * Fields that a partner has beyond the documented ones: what they may be, and how they are said as text.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { DateTimeUtc } from "./Rfc3339.ts"

/**
 * The schemas of such fields, by name. Each encodes to JSON and needs no service.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnFields {
  readonly [name: string]: Schema.Codec<unknown, Schema.Json>
}

/**
 * An instant, read from any RFC 3339 date-time (with `Z` or any offset, §5.6) and written in UTC: what `createdAt` is.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DateTime: typeof DateTimeUtc = DateTimeUtc

/**
 * What a field is, in a word. For other types, such as `Schema.Literals(["gold", "silver"])`, declare the field in code.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "string" | "boolean" | "number" | "date-time"

/**
 * Every kind.
 *
 * @category models
 * @since 0.1.0
 */
export const kinds: ReadonlyArray<Kind> = ["string", "boolean", "number", "date-time"]

const schemas = {
  string: Schema.String,
  boolean: Schema.Boolean,
  number: Schema.Finite,
  "date-time": DateTimeUtc
} satisfies { readonly [K in Kind]: OwnFields[string] }

/**
 * The schema of a field of some kind.
 *
 * @category schemas
 * @since 0.1.0
 */
export const schemaOf = <K extends Kind>(kind: K): (typeof schemas)[K] => schemas[kind]

/**
 * A field as it is said on a command line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Declared {
  readonly name: string
  readonly kind: Kind
  /** No customer is without it, so that it cannot be left out of a new one, and null cannot delete it. */
  readonly required: boolean
}

/**
 * `loyaltyTier:string`, and with an exclamation mark a field that no customer is without: `loyaltyTier:string!`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Option.Option<Declared> => {
  const [, name, word, mark] = /^([^\s:]+):([a-z-]+)(!?)$/.exec(text) ?? []
  const kind = kinds.find((kind) => kind === word)
  return name === undefined || kind === undefined ? Option.none() : Option.some({ name, kind, required: mark === "!" })
}

/**
 * A field as `parse` reads it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const format = ({ kind, name, required }: Declared): string => `${name}:${kind}${required ? "!" : ""}`

/**
 * Why no field of one's own may be called so, if that is so: another field is, or every object has a property of that name,
 * so that a record without the field would seem to have it.
 *
 * @category guards
 * @since 0.1.0
 */
export const problemOf = (name: string, taken: Iterable<string>): string | undefined => {
  if (name === "" || name in Object.prototype) return "cannot be the name of a field. Rename it"
  return [...taken].includes(name) ? "is a field already, and need not be declared. Leave it out" : undefined
}
