/**
 * Lines of NDJSON to JSON, from bytes to bytes. It takes the lines that are what encoding their record gives, and leaves every
 * other one to the schema.
 *
 * Such a line is looked through once and copied as it is, with the fields in its own order. The spaces that Python's
 * `json.dumps` writes behind colons and commas are left out.
 */
import type * as Schema from "effect/Schema"
import * as CopiedNumber from "../../json/CopiedNumber.ts"
import * as CopiedText from "../../json/CopiedText.ts"
import * as PlainStruct from "../../json/PlainStruct.ts"
import * as Transcoder from "./Transcoder.ts"

// One bit each says which of them a line has.
const mostFields = 64

/** A field whose values are copied, or some of them. */
export interface Field {
  /** In quotes, and with a colon. */
  readonly name: string
  readonly isRequired: boolean
  readonly isKey: boolean
  /** Which texts are copied. */
  readonly copied: CopiedText.CopiedText | undefined
  /** The empty text is copied too. */
  readonly takesEmpty: boolean
  readonly takesBoolean: boolean
  /** Which numbers are copied. */
  readonly numbers: CopiedText.CopiedText | undefined
}

const encoder = new TextEncoder()

/** The fields of a schema that are copied; `undefined` where some field must always be decoded. */
export const fields = (schema: Schema.ConstraintDecoder<unknown>, key: string): ReadonlyArray<Field> | undefined => {
  const fields: Array<Field> = []
  for (const { name, type } of PlainStruct.fields(schema.ast) ?? []) {
    const isKey = name === key
    const isRequired = isKey || !PlainStruct.staysAbsent(type)
    const copied = CopiedText.of(type)
    const takesBoolean = !isKey && PlainStruct.takesAsIs(type, "Boolean")
    // Of one field the host is asked about texts or about numbers.
    const numbers = isKey || copied !== undefined ? undefined : CopiedNumber.of(type)
    if (copied !== undefined || takesBoolean || numbers !== undefined) {
      const takesEmpty = !isKey && PlainStruct.takesAsIs(type, "String")
      fields.push({ name: `${JSON.stringify(name)}:`, isRequired, isKey, copied, takesEmpty, takesBoolean, numbers })
    } else if (isRequired) {
      return undefined
    }
  }
  return fields.length <= mostFields && fields.some(({ isKey }) => isKey) ? fields : undefined
}

/** A transcoder for lines with these fields; `undefined` where WebAssembly may not be used. */
export const make = <A>(
  options: Transcoder.Options<A>,
  fields: ReadonlyArray<Field>
): Transcoder.Transcoder<A> | undefined =>
  Transcoder.make(options, {
    format: "ndjson",
    words: (address) => table(address, fields),
    copied: fields.map(({ copied, numbers }) => copied ?? numbers),
    stopsAtBlank: false,
    // A line becomes no longer.
    overhead: 0
  })

const wordValues = 2n ** 32n

/** `Table` of the program, and behind it which field is expected after which, and each `Field`. */
const table = (address: number, fields: ReadonlyArray<Field>): ReadonlyArray<number | string> => {
  const required = fields.reduce((bits, { isRequired }, index) => bits | (isRequired ? 1n << BigInt(index) : 0n), 0n)
  const following = [...fields.keys()].map((index) => (index + 1 < fields.length ? index + 1 : 0))
  const headSize = 6
  const followingAt = address + headSize * Transcoder.wordSize
  const fieldsAt = followingAt + (fields.length + 1) * Transcoder.wordSize
  const head = [fieldsAt, fields.length, Number(required % wordValues), Number(required / wordValues), followingAt, 0]
  const each = fields.flatMap(({ copied, isKey, name, numbers, takesBoolean, takesEmpty }) => [
    name,
    encoder.encode(name).length,
    Transcoder.textWord(copied),
    Number(takesEmpty),
    Number(takesBoolean),
    Transcoder.numberWord(numbers),
    Number(isKey)
  ])
  // The first field is expected at the start of a line.
  return [...head, ...following, 0, ...each]
}
