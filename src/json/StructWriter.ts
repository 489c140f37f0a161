/**
 * JSON of records written straight into bytes, field by field: of the usual ones, which is most of them, without a copy of
 * the record and without a text. All others are left to the schema.
 */
import type * as Schema from "effect/Schema"
import * as CopiedNumber from "./CopiedNumber.ts"
import * as CopiedText from "./CopiedText.ts"
import * as PlainStruct from "./PlainStruct.ts"
import * as WrittenText from "./WrittenText.ts"

/** Writes the JSON of a value from an index on, and returns the index behind it, or `unusual`. */
export type StructWriter = (value: unknown, bytes: Uint8Array, at: number) => number

/** Of a value that is to be encoded by its schema, or for which there may be no room. */
export const unusual = -1

interface Field {
  readonly name: string
  /** The name in JSON, with what stands before and behind it: of the first field of a record, and of a later one. */
  readonly first: Uint8Array
  readonly later: Uint8Array
  readonly isRequired: boolean
  readonly takesText: boolean
  readonly takesEmpty: boolean
  readonly takesBoolean: boolean
  readonly takesNumber: boolean
  readonly takesNull: boolean
  /** The text of another value, where it has one. */
  readonly text: WrittenText.WrittenText | undefined
}

const encoder = new TextEncoder()

/**
 * A writer that gives what encoding by the schema gives, to the byte; `undefined` where the schema is not a plain struct.
 * Nulls are unusual but in the fields that are named, where the schema takes them.
 */
export const make = (
  schema: Schema.ConstraintDecoder<unknown>,
  nulls: ReadonlyArray<string> = []
): StructWriter | undefined => {
  const fields = PlainStruct.fields(schema.ast)?.map(({ name, type }): Field => {
    const inJson = JSON.stringify(name)
    const takesEmpty = PlainStruct.takesAsIs(type, "String")
    return {
      name,
      first: encoder.encode(`{${inJson}:`),
      later: encoder.encode(`,${inJson}:`),
      isRequired: !PlainStruct.staysAbsent(type),
      takesText: CopiedText.of(type) === CopiedText.always,
      takesEmpty,
      takesBoolean: PlainStruct.takesAsIs(type, "Boolean"),
      takesNumber: CopiedNumber.of(type) === CopiedText.always,
      takesNull: nulls.includes(name) && PlainStruct.takesAsIs(type, "Null"),
      text: WrittenText.of(type)
    }
  })
  if (fields === undefined || fields.length === 0) return undefined
  const names = new Set(fields.map(({ name }) => name))
  return (value, bytes, start) => {
    // A field of any other object may be inherited.
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return unusual
    let at = start
    let found = 0
    for (const field of fields) {
      // It is an object, and what is there is looked at.
      const one = (value as { readonly [name: string]: unknown })[field.name]
      if (one === undefined) {
        if (field.isRequired) return unusual
        continue
      }
      const from = writeAll(found === 0 ? field.first : field.later, bytes, at)
      at = from === unusual ? unusual : writeValue(field, one, bytes, from)
      if (at === unusual) return unusual
      found++
    }
    for (const name in value) {
      if (!names.has(name)) return unusual
      found--
    }
    // Otherwise one is undefined, or there is none.
    if (found !== 0 || at === start || at === bytes.length) return unusual
    bytes[at] = CLOSE_BRACE
    return at + 1
  }
}

const QUOTE = 34
const BACKSLASH = 92
const CLOSE_BRACE = 125
const SPACE = 32

// Half of a surrogate pair becomes U+FFFD, which begins with it; few other characters do.
const REPLACED = 0xef

const inTrue = encoder.encode("true")
const inFalse = encoder.encode("false")
const inNull = encoder.encode("null")

const writeValue = (field: Field, value: unknown, bytes: Uint8Array, at: number): number => {
  if (typeof value === "string") {
    return field.takesText && (value !== "" || field.takesEmpty) ? writeText(value, bytes, at) : unusual
  }
  if (typeof value === "boolean") {
    return field.takesBoolean ? writeAll(value ? inTrue : inFalse, bytes, at) : unusual
  }
  if (typeof value === "number") {
    // Of any other number, JSON would make null.
    return field.takesNumber && Number.isFinite(value) ? writeAll(encoder.encode(String(value)), bytes, at) : unusual
  }
  if (value === null) return field.takesNull ? writeAll(inNull, bytes, at) : unusual
  const text = field.text?.(value)
  return text === undefined ? unusual : writeText(text, bytes, at)
}

const writeAll = (all: Uint8Array, bytes: Uint8Array, at: number): number => {
  const end = at + all.length
  if (end > bytes.length) return unusual
  bytes.set(all, at)
  return end
}

/** Writes a text in quotes; one with a character that JSON escapes, or that UTF-8 cannot hold, is unusual. */
const writeText = (text: string, bytes: Uint8Array, at: number): number => {
  const from = at + 1
  // By a loop over its characters it takes from two thirds to twice as long, as V8 will.
  const { read, written } = encoder.encodeInto(text, bytes.subarray(from))
  const end = from + written
  if (read < text.length || end >= bytes.length) return unusual
  for (let i = from; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH || byte === REPLACED) return unusual
  }
  bytes[at] = QUOTE
  bytes[end] = QUOTE
  return end + 1
}
