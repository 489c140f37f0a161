/**
 * Rows of CSV to JSON, byte by byte: the hot loop of a sync. It takes the rows whose cells are copied as they are, and
 * leaves every other one to the schema.
 *
 * A cell that is plain text, the same as a cell and as a JSON string, need not become a value to become text again. What
 * comes out is what decoding the row and encoding the record gives, with the fields in the order of the columns.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as CopiedText from "../http/CopiedText.ts"
import * as PlainStruct from "../http/PlainStruct.ts"
import type { Encoded } from "../sync/Encode.ts"
import * as KeyHash from "../sync/KeyHash.ts"
import * as ByteWords from "./ByteWords.ts"
import * as Cells from "./Cells.ts"
import type { Header } from "./CsvReader.ts"
import * as Transcoder from "./Transcoder.ts"
import * as Utf8 from "./Utf8.ts"

const LF = 10
const CR = 13
const QUOTE = 34
const BACKSLASH = 92
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

// What a byte means to the scan. Only the first may stand in a cell and be copied without a second look.
const PLAIN = 0
const DELIMITER = 1
const BREAK = 2
const QUOTATION = 3
const MULTIBYTE = 4
const ESCAPED = 5 // JSON writes it in another way

interface Step {
  /** What stands before the value: a comma, the name, a colon, and the quote of a text. */
  readonly before: Int32Array
  /** Its bytes. */
  readonly size: number
  /** Which texts are copied; a boolean, if there is none. */
  readonly copied: CopiedText.CopiedText | undefined
  /** The field is left out where its cell is empty. */
  readonly absent: boolean
  readonly isKey: boolean
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A> extends Transcoder.Options<A> {
  readonly schema: Schema.ConstraintDecoder<unknown>
  /** The field that says who a record is about. */
  readonly key: string
  readonly header: Header
  readonly delimiter: string
}

const { wordSize } = ByteWords
const quotes = ByteWords.of(QUOTE)

const encoder = new TextEncoder()

/**
 * A transcoder for the rows below a header; `undefined` where some field must always be decoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(options: Options<A>): CsvTranscoder<A> | undefined => {
  const { columns, width } = options.header
  // By the cell of a row; `undefined` where it is passed over.
  const steps = new Array<Step | undefined>(width).fill(undefined)
  let hasKey = false
  for (const { name, type } of PlainStruct.fields(options.schema.ast) ?? []) {
    const column = columns.find(({ field }) => field === name)
    const mayBeAbsent = PlainStruct.staysAbsent(type)
    if (column === undefined && mayBeAbsent) continue
    if (column === undefined) return undefined
    const copied = Cells.isText(column.takes) ? CopiedText.of(type) : undefined
    const isBoolean = Cells.isBoolean(column.takes) && PlainStruct.takesAsIs(type, "Boolean")
    if (copied === undefined && !isBoolean) return undefined
    const isKey = name === options.key
    const absent = mayBeAbsent && column.empty === "absent"
    if (isKey) hasKey = copied !== undefined && !absent
    const before = encoder.encode(`,${JSON.stringify(name)}:${isBoolean ? "" : '"'}`)
    steps[column.index] = { before: ByteWords.from(before), size: before.length, copied, absent, isKey }
  }
  const code = options.delimiter.charCodeAt(0)
  return hasKey && code < 128 && code !== BACKSLASH ? new CsvTranscoder(options, steps) : undefined
}

const kindsOf = (delimiter: number): Uint8Array => {
  const kinds = new Uint8Array(256)
  kinds.fill(ESCAPED, 0, 32)
  kinds.fill(MULTIBYTE, 128)
  kinds[BACKSLASH] = ESCAPED
  kinds[QUOTE] = QUOTATION
  kinds[LF] = BREAK
  kinds[CR] = BREAK
  kinds[delimiter] = DELIMITER
  return kinds
}

/**
 * Reads rows of CSV.
 *
 * @category models
 * @since 0.1.0
 */
export class CsvTranscoder<A> extends Transcoder.Transcoder<A> {
  private readonly steps: ReadonlyArray<Step | undefined>
  private readonly kinds: Uint8Array
  private readonly maxRecordSize: number
  private readonly maxBytes: number
  /** Bytes that a record takes besides its cells, at most. */
  private readonly overhead: number
  /** The delimiter, four times. */
  private readonly delimiters: number
  /** Whether JSON writes the delimiter as it is. */
  private readonly delimiterIsText: boolean
  private out: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  private words = new DataView(this.out.buffer)

  constructor(options: Options<A>, steps: ReadonlyArray<Step | undefined>) {
    super(options)
    const delimiter = options.delimiter.charCodeAt(0)
    this.steps = steps
    this.kinds = kindsOf(delimiter)
    this.maxRecordSize = options.maxRecordSize
    this.maxBytes = options.maxBytes
    this.overhead = steps.reduce((sum, step) => sum + (step === undefined ? 0 : step.size + 1), 3 + wordSize)
    this.delimiters = ByteWords.of(delimiter)
    this.delimiterIsText = delimiter >= 32
  }

  protected override transcode(
    bytes: Uint8Array,
    words: DataView,
    row: number,
    last: number,
    records: Array<Encoded<A>>
  ): number {
    const limit = Math.min(last, row + this.room())
    const next = limit > row ? this.write(bytes, words, row, limit, records) : -1
    return next === -1 ? this.writeAgain(bytes, words, row, records) : next
  }

  /** Bytes of a row for which there is room; more may be made. */
  private room(): number {
    const { blocks } = this
    return this.isFull || this.out !== blocks.block.bytes ? 0 : blocks.left - this.overhead
  }

  /** Does so with room for the whole row, whose end is looked for. */
  private writeAgain(bytes: Uint8Array, words: DataView, row: number, records: Array<Encoded<A>>): number {
    const { blocks, maxRecordSize } = this
    const lineFeed = bytes.indexOf(LF, row)
    const size = lineFeed - row
    if (size > maxRecordSize || !this.hasRoom(size)) return -1
    this.flush(records)
    blocks.room(size + this.overhead)
    this.out = blocks.block.bytes
    this.words = new DataView(this.out.buffer)
    return this.write(bytes, words, row, lineFeed, records)
  }

  /**
   * Writes the JSON of a row that ends at `limit` or before, and returns where the next one starts; -1 where there is no
   * end, or no room, or it is one for the schema.
   */
  private write(bytes: Uint8Array, words: DataView, row: number, limit: number, records: Array<Encoded<A>>): number {
    const { blocks, keys, kinds, maxBytes, maxRecordSize, out, steps, words: outWords } = this
    let at = row
    let keyHash = 0
    let to = blocks.at
    let keysAt = this.keysAt
    for (let cell = 0; cell < steps.length; cell++) {
      const step = steps[cell]
      const begin = to
      let isText = false
      if (step !== undefined) {
        const { before } = step
        // What it writes too much is written over.
        for (let i = 0; i < before.length; i++) outWords.setInt32(to + i * wordSize, before[i] ?? 0, true)
        to += step.size
        isText = step.copied !== undefined
      }
      const value = to
      const isQuoted = bytes[at] === QUOTE
      if (isQuoted) at++
      const start = at
      const stop = isQuoted ? quotes : this.delimiters
      for (;;) {
        for (; at + wordSize <= limit; at += wordSize, to += wordSize) {
          const word = words.getInt32(at, true)
          if (ByteWords.specialOr(word, stop) !== 0) break
          outWords.setInt32(to, word, true)
        }
        let byte = bytes[at] ?? 0
        let kind = kinds[byte]
        while (kind === PLAIN || (kind === DELIMITER && isQuoted && this.delimiterIsText)) {
          out[to++] = byte
          byte = bytes[++at] ?? 0
          kind = kinds[byte]
        }
        if (kind !== MULTIBYTE) break
        const size = Utf8.sequenceLength(bytes, at)
        if (size === 0) return -1
        for (let i = 0; i < size; i++) out[to++] = bytes[at++] ?? 0
      }
      const end = at
      // Doubled quotes are for the schema's reader, as is what follows a quote that is closed.
      if (isQuoted && bytes[at++] !== QUOTE) return -1
      if (step === undefined) {
        to = begin
      } else if (start === end) {
        if (!step.absent) return -1
        to = begin
      } else {
        if (isText ? step.copied?.(bytes, start, end) !== true : !ByteWords.isBoolean(bytes, start, end)) return -1
        if (step.isKey) {
          keyHash = KeyHash.empty
          for (let i = value; i < to; i++) {
            const byte = out[i] ?? 0
            // One unit of text for each byte, so that the keys of many rows become text together.
            if (byte >= 128) return -1
            keys[keysAt++] = byte
            keyHash = KeyHash.add(keyHash, byte)
          }
        }
        if (isText) out[to++] = QUOTE
      }
      if (cell < steps.length - 1 && kinds[bytes[at++] ?? 0] !== DELIMITER) return -1
      if (at > limit) return -1
    }
    // A carriage return alone ends a row too, which is rare enough to be left out here.
    if (bytes[at] === CR) at++
    if (bytes[at] !== LF || at - row > maxRecordSize || !this.hasRoom(keysAt)) return -1
    out[blocks.at] = OPEN_BRACE // in the place of the first comma
    out[to++] = CLOSE_BRACE
    const size = to - blocks.at
    if (size > maxBytes) return -1
    this.keep(size, keysAt, KeyHash.finish(keyHash), records)
    return at + 1
  }
}
