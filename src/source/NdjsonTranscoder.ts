/**
 * Lines of NDJSON to JSON, byte by byte. It takes the lines that are what encoding their record gives, and leaves every
 * other one to the schema.
 *
 * Such a line is looked through once and copied as it is, with the fields in its own order. The spaces that Python's
 * `json.dumps` writes behind colons and commas are left out.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as CopiedText from "../http/CopiedText.ts"
import * as PlainStruct from "../http/PlainStruct.ts"
import type { Encoded } from "../sync/Encode.ts"
import * as KeyHash from "../sync/KeyHash.ts"
import * as ByteWords from "./ByteWords.ts"
import * as Transcoder from "./Transcoder.ts"
import * as Utf8 from "./Utf8.ts"

const LF = 10
const CR = 13
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const LOWER_T = 116
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

const { wordSize } = ByteWords

/**
 * A field whose values are copied, or some of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field {
  /** Its name in quotes, and a colon: whole words, and what is left of it. */
  readonly words: Int32Array
  readonly rest: number
  /** Which bits of a word are those of the rest. */
  readonly mask: number
  /** Bytes of all that. */
  readonly size: number
  readonly isRequired: boolean
  readonly isKey: boolean
  /** Which texts are copied. */
  readonly copied: CopiedText.CopiedText | undefined
  /** The empty text is copied too. */
  readonly takesEmpty: boolean
  readonly takesBoolean: boolean
}

const encoder = new TextEncoder()

/**
 * The fields of a schema that are copied; `undefined` where some field must always be decoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fields = (schema: Schema.ConstraintDecoder<unknown>, key: string): ReadonlyArray<Field> | undefined => {
  const fields: Array<Field> = []
  for (const { name, type } of PlainStruct.fields(schema.ast) ?? []) {
    const isKey = name === key
    const isRequired = isKey || !PlainStruct.staysAbsent(type)
    const copied = CopiedText.of(type)
    const takesBoolean = !isKey && PlainStruct.takesAsIs(type, "Boolean")
    if (copied !== undefined || takesBoolean) {
      const takesEmpty = !isKey && PlainStruct.takesAsIs(type, "String")
      fields.push({ ...pattern(name), isRequired, isKey, copied, takesEmpty, takesBoolean })
    } else if (isRequired) {
      return undefined
    }
  }
  return fields.some(({ isKey }) => isKey) ? fields : undefined
}

const pattern = (name: string): Pick<Field, "mask" | "rest" | "size" | "words"> => {
  const bytes = encoder.encode(`${JSON.stringify(name)}:`)
  const words = ByteWords.from(bytes)
  const left = bytes.length % wordSize
  return left === 0
    ? { words, rest: 0, mask: 0, size: bytes.length }
    : { words: words.slice(0, -1), rest: words.at(-1) ?? 0, mask: 2 ** (left * 8) - 1, size: bytes.length }
}

/**
 * Reads lines of NDJSON.
 *
 * @category models
 * @since 0.1.0
 */
export class NdjsonTranscoder<A> extends Transcoder.Transcoder<A> {
  private readonly fields: ReadonlyArray<Field>
  private readonly required: number
  private readonly maxRecordSize: number
  private readonly maxBytes: number
  /** By field, the one that came next on an earlier line; the last of these is the first of a line. */
  private readonly following: Int32Array
  /** By field, the last line that had it, by the count of those looked at. */
  private readonly seen: Float64Array
  private looks = 0
  // Of the line that was looked at last: the spaces to be left out, and its key.
  private readonly spaces: Int32Array
  private spacesSize = 0
  private keyFrom = 0
  private keyTo = 0

  constructor(options: Transcoder.Options<A>, fields: ReadonlyArray<Field>) {
    super(options)
    this.fields = fields
    this.required = fields.filter(({ isRequired }) => isRequired).length
    this.maxRecordSize = options.maxRecordSize
    this.maxBytes = options.maxBytes
    this.following = Int32Array.from({ length: fields.length + 1 }, (_, i) => (i + 1 < fields.length ? i + 1 : 0))
    this.seen = new Float64Array(fields.length)
    this.spaces = new Int32Array(fields.length * 2)
  }

  protected override transcode(
    bytes: Uint8Array,
    words: DataView,
    row: number,
    last: number,
    records: Array<Encoded<A>>
  ): number {
    const { blocks, keys } = this
    const end = this.look(bytes, words, row, last + 1)
    if (end === -1) return -1
    const lineFeed = bytes[end] === CR ? end + 1 : end
    const size = end - row - this.spacesSize
    if (bytes[lineFeed] !== LF || end - row > this.maxRecordSize || size > this.maxBytes) return -1

    const keySize = this.keyTo - this.keyFrom
    if (this.isFull || !this.hasRoom(this.keysAt + keySize)) this.flush(records)
    if (!this.hasRoom(keySize)) return -1
    let keyHash = KeyHash.empty
    let keyEnd = this.keysAt
    for (let i = this.keyFrom; i < this.keyTo; i++) {
      const byte = bytes[i] ?? 0
      // One unit of text for each byte, so that the keys of many rows become text together.
      if (byte >= 128) return -1
      keys[keyEnd++] = byte
      keyHash = KeyHash.add(keyHash, byte)
    }

    blocks.room(size)
    if (this.spacesSize === 0) blocks.block.bytes.set(bytes.subarray(row, end), blocks.at)
    else this.writeWithoutSpaces(bytes, row, end)
    this.keep(size, keyEnd, KeyHash.finish(keyHash), records)
    return lineFeed + 1
  }

  private writeWithoutSpaces(bytes: Uint8Array, row: number, end: number): void {
    const { at: start, block } = this.blocks
    const out = block.bytes
    let to = start
    let at = row
    for (let i = 0; i <= this.spacesSize; i++) {
      const stop = i === this.spacesSize ? end : (this.spaces[i] ?? 0)
      while (at < stop) out[to++] = bytes[at++] ?? 0
      at++
    }
  }

  /** Where the object ends that starts at `row`; -1 where it is one for the schema. `limit` is behind a line feed. */
  private look(bytes: Uint8Array, words: DataView, row: number, limit: number): number {
    const { fields, seen, spaces } = this
    const look = ++this.looks
    let missing = this.required
    let spacesSize = 0
    let index = fields.length
    let at = row
    let separator = bytes[at++]
    if (separator !== OPEN_BRACE) return -1
    while (separator !== CLOSE_BRACE) {
      index = this.fieldAt(words, at, limit, index)
      const field = fields[index]
      // Of two values the last one counts, which the schema's reader knows.
      if (field === undefined || seen[index] === look) return -1
      seen[index] = look
      if (field.isRequired) missing--
      at += field.size
      if (bytes[at] === SPACE) spaces[spacesSize++] = at++
      const start = at
      if (bytes[at] === QUOTE) {
        at = textEnd(bytes, words, at + 1, limit)
        if (at === -1) return -1
        if (at === start + 1 ? !field.takesEmpty : field.copied?.(bytes, start + 1, at) !== true) return -1
        if (field.isKey) {
          this.keyFrom = start + 1
          this.keyTo = at
        }
        at++
      } else {
        at += bytes[at] === LOWER_T ? 4 : 5
        if (!field.takesBoolean || !ByteWords.isBoolean(bytes, start, at)) return -1
      }
      separator = bytes[at++]
      if (separator === COMMA) {
        if (bytes[at] === SPACE) spaces[spacesSize++] = at++
      } else if (separator !== CLOSE_BRACE) {
        return -1
      }
    }
    this.spacesSize = spacesSize
    return missing === 0 ? at : -1
  }

  /** The field whose name is there; -1 for none. */
  private fieldAt(words: DataView, at: number, limit: number, before: number): number {
    const { fields, following } = this
    const expected = following[before] ?? 0
    for (let i = 0; i < fields.length; i++) {
      const index = expected + i < fields.length ? expected + i : expected + i - fields.length
      const field = fields[index]
      if (field !== undefined && isNamed(field, words, at, limit)) {
        following[before] = index
        return index
      }
    }
    return -1
  }
}

const isNamed = (field: Field, words: DataView, at: number, limit: number): boolean => {
  const { mask, rest, size, words: name } = field
  // Behind the name there are a value, a brace and a line feed: more than a word, or the line is not whole.
  if (at + size + wordSize > limit) return false
  for (let i = 0; i < name.length; i++) {
    if (words.getInt32(at + i * wordSize, true) !== name[i]) return false
  }
  return ((words.getInt32(at + name.length * wordSize, true) ^ rest) & mask) === 0
}

/** Where the quote is that ends a text; -1 where something stands before it that JSON might write in another way. */
const textEnd = (bytes: Uint8Array, words: DataView, from: number, limit: number): number => {
  let at = from
  for (;;) {
    // At the end, byte by byte: the bytes after it are zeros, which are special.
    const word = at + wordSize <= limit ? words.getInt32(at, true) : (bytes[at] ?? 0)
    const special = ByteWords.special(word)
    if (special === 0) {
      at += wordSize
      continue
    }
    at += (31 - Math.clz32(special & -special)) >> 3
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) return at
    if (byte >= 128) {
      const size = Utf8.sequenceLength(bytes, at)
      if (size === 0) return -1
      at += size
    } else if (byte < SPACE || byte === BACKSLASH) {
      return -1
    }
  }
}
