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
import type { SourcePosition } from "../sync/CustomerRecord.ts"
import type { Encoded } from "../sync/Encode.ts"
import type { JsonBlock, JsonBlocks } from "../sync/JsonBlocks.ts"
import * as KeyHash from "../sync/KeyHash.ts"
import * as Cells from "./Cells.ts"
import type { Header } from "./CsvReader.ts"
import * as TranscodedRecord from "./TranscodedRecord.ts"
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
export interface Options<A> {
  readonly schema: Schema.ConstraintDecoder<unknown>
  /** The field that says who a record is about. */
  readonly key: string
  readonly header: Header
  readonly delimiter: string
  /** UTF-16 code units of the largest row. */
  readonly maxRecordSize: number
  /** UTF-8 bytes of the largest JSON. */
  readonly maxBytes: number
  /** Where the JSON is written. */
  readonly blocks: JsonBlocks
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
}

// Four bytes are looked at, and copied, at once. In each byte of a word:
const wordSize = 4
const ones = 0x01010101
// A quote becomes 0x20 by these bits, and a control character stays one: both are below these.
const lowBits = 0x02020202
const leastText = 0x21212121
const highBits = 0x80808080 | 0
const quotes = QUOTE * ones
const backslashes = BACKSLASH * ones

/**
 * Whether one of the four bytes is a control character, part of a longer one, a quote, a backslash, or a byte of `stop`,
 * which is four times the same. Subtracting borrows into the high bit of a byte that is less, or that the exclusive or
 * made zero.
 */
const isSpecial = (word: number, stop: number): boolean => {
  const low = word ^ lowBits
  const slash = word ^ backslashes
  const stopped = word ^ stop
  const found = word | ((low - leastText) & ~low) | ((slash - ones) & ~slash) | ((stopped - ones) & ~stopped)
  return (found & highBits) !== 0
}

const keysSize = 32 * 1024
const maxRows = 2048

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
    steps[column.index] = { before: wordsOf(before), size: before.length, copied, absent, isKey }
  }
  const code = options.delimiter.charCodeAt(0)
  return hasKey && code < 128 && code !== BACKSLASH ? new CsvTranscoder(options, steps) : undefined
}

/** Four bytes a word, the last one filled up with zeros. */
const wordsOf = (bytes: Uint8Array): Int32Array => {
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / wordSize) * wordSize))
  for (const [index, byte] of bytes.entries()) padded.setUint8(index, byte)
  return Int32Array.from({ length: padded.byteLength / wordSize }, (_, i) => padded.getInt32(i * wordSize, true))
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
 * Reads rows out of bytes, from one place to the next.
 *
 * @category models
 * @since 0.1.0
 */
export class CsvTranscoder<A> {
  /** 0-based offset of the next record. */
  offset = 0
  /** 1-based line of the next row. */
  line = 1
  /** Whether the last call of `take` ended at a row that only the schema can read, and not at the end of the bytes. */
  stuck = false
  private readonly options: Options<A>
  private readonly steps: ReadonlyArray<Step | undefined>
  private readonly kinds: Uint8Array
  /** Bytes that a record takes besides its cells, at most. */
  private readonly overhead: number
  /** The delimiter, four times. */
  private readonly delimiters: number
  /** Whether JSON writes the delimiter as it is. */
  private readonly delimiterIsText: boolean
  private out: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  private words = new DataView(this.out.buffer)
  // The rows that are written and not yet records.
  private rows = 0
  private block: JsonBlock
  private position: SourcePosition = { byte: 0, offset: 0, line: 1 }
  private readonly marks = new Int32Array(maxRows * TranscodedRecord.marksOfOne)
  private firstLine = 1
  private readonly keys = new Uint8Array(keysSize)
  private keysAt = 0

  constructor(options: Options<A>, steps: ReadonlyArray<Step | undefined>) {
    this.options = options
    this.block = options.blocks.block
    this.steps = steps
    this.kinds = kindsOf(options.delimiter.charCodeAt(0))
    this.overhead = steps.reduce((sum, step) => sum + (step === undefined ? 0 : step.size + 1), 3 + wordSize)
    this.delimiters = options.delimiter.charCodeAt(0) * ones
    this.delimiterIsText = options.delimiter.charCodeAt(0) >= 32
  }

  /** Says which record comes next, and on which line. */
  goOn(offset: number, line: number): void {
    this.offset = offset
    this.line = line
  }

  /**
   * Takes whole rows from the index `from` of bytes whose first has the offset `base`, and returns the index of the
   * first row that it did not take.
   */
  take(bytes: Uint8Array, from: number, base: number, records: Array<Encoded<A>>): number {
    this.position = { byte: base + from, offset: this.offset, line: this.line }
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const last = bytes.lastIndexOf(LF)
    this.stuck = false
    let row = from
    while (row <= last) {
      const first = bytes[row]
      let next = first === LF ? row + 1 : first === CR && bytes[row + 1] === LF ? row + 2 : -1
      if (next === -1) {
        const limit = Math.min(last, row + this.room())
        if (limit > row) next = this.write(bytes, words, row, limit, records)
        if (next === -1) next = this.writeAgain(bytes, words, row, records)
        if (next === -1) {
          this.stuck = true
          break
        }
      }
      this.line++
      row = next
    }
    this.flush(records)
    return row
  }

  /** Bytes of a row for which there is room; more may be made. */
  private room(): number {
    const { blocks } = this.options
    return this.rows === maxRows || this.out !== blocks.block.bytes ? 0 : blocks.left - this.overhead
  }

  /** Does so with room for the whole row, whose end is looked for. */
  private writeAgain(bytes: Uint8Array, words: DataView, row: number, records: Array<Encoded<A>>): number {
    const { blocks, maxRecordSize } = this.options
    const lineFeed = bytes.indexOf(LF, row)
    const size = lineFeed - row
    if (size > maxRecordSize || size > keysSize) return -1
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
    const { keys, kinds, options, out, steps, words: outWords } = this
    const { blocks, maxBytes, maxRecordSize } = options
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
          if (isSpecial(word, stop)) break
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
        if (isText ? step.copied?.(bytes, start, end) !== true : !isBoolean(bytes, start, end)) return -1
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
    if (bytes[at] !== LF || at - row > maxRecordSize || keysAt > keysSize) return -1
    out[blocks.at] = OPEN_BRACE // in the place of the first comma
    out[to++] = CLOSE_BRACE
    const size = to - blocks.at
    if (size > maxBytes) return -1
    if (!blocks.fits(size)) {
      const keyAt = this.keysAt
      this.flush(records)
      keys.copyWithin(0, keyAt, keysAt)
      keysAt -= keyAt
    }
    blocks.keep(size)
    if (this.rows === 0) {
      this.firstLine = this.line
      this.block = blocks.block
    }
    const hash = KeyHash.finish(keyHash)
    TranscodedRecord.mark(this.marks, this.rows++, blocks.from, blocks.at - 1, keysAt, hash, this.line - this.firstLine)
    this.keysAt = keysAt
    if (blocks.block.bodyBytes > 0) this.flush(records)
    return at + 1
  }

  private flush(records: Array<Encoded<A>>): void {
    if (this.rows === 0) return
    const rows = new TranscodedRecord.Rows({
      block: this.block,
      marks: this.marks.slice(0, this.rows * TranscodedRecord.marksOfOne),
      keys: this.keys.slice(0, this.keysAt),
      firstLine: this.firstLine,
      position: this.position,
      decode: this.options.decode
    })
    for (let row = 0; row < this.rows; row++) {
      records.push(new TranscodedRecord.TranscodedRecord(this.offset++, rows, row))
    }
    this.rows = 0
    this.keysAt = 0
  }
}

const isBoolean = (bytes: Uint8Array, from: number, to: number): boolean => {
  const size = to - from
  // "true" and "false", in ASCII.
  return (
    (size === 4 &&
      bytes[from] === 116 &&
      bytes[from + 1] === 114 &&
      bytes[from + 2] === 117 &&
      bytes[from + 3] === 101) ||
    (size === 5 &&
      bytes[from] === 102 &&
      bytes[from + 1] === 97 &&
      bytes[from + 2] === 108 &&
      bytes[from + 3] === 115 &&
      bytes[from + 4] === 101)
  )
}
