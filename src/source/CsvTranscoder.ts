/**
 * Rows of CSV to JSON, byte by byte: the hot loop of a sync. It takes the rows whose cells are copied as they are, and
 * leaves every other one to the schema.
 *
 * A cell that is plain text, the same as a cell and as a JSON string, need not become a value to become text again. What
 * comes out is what decoding the row and encoding the record gives, to the byte.
 *
 * @since 0.1.0
 */
import type { Schema } from "effect"
import * as CopiedText from "../http/CopiedText.ts"
import * as PlainStruct from "../http/PlainStruct.ts"
import type { SourcePosition } from "../sync/CustomerRecord.ts"
import type { Encoded } from "../sync/Encode.ts"
import { EncodedRecord } from "../sync/EncodedRecord.ts"
import * as Cells from "./Cells.ts"
import type { Header } from "./CsvReader.ts"
import * as Utf8 from "./Utf8.ts"

const LF = 10
const CR = 13
const QUOTE = 34
const COMMA = 44
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
  readonly column: number
  /** What stands before the value: a comma, the name, a colon, and the quote of a text. */
  readonly before: Uint8Array
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
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
}

// A record that is still unfinished holds its block in memory.
const blockSize = 128 * 1024
const keysSize = 32 * 1024
const maxRows = 2048

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A transcoder for the rows below a header; `undefined` where some field must always be decoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(options: Options<A>): CsvTranscoder<A> | undefined => {
  const { columns } = options.header
  const steps: Array<Step> = []
  for (const { name, type } of PlainStruct.fields(options.schema.ast) ?? []) {
    const column = columns.find(({ field }) => field === name)
    const mayBeAbsent = PlainStruct.staysAbsent(type)
    if (column === undefined && mayBeAbsent) continue
    if (column === undefined) return undefined
    const copied = Cells.isText(column.takes) ? CopiedText.of(type) : undefined
    const isBoolean = Cells.isBoolean(column.takes) && PlainStruct.takesAsIs(type, "Boolean")
    if (copied === undefined && !isBoolean) return undefined
    steps.push({
      column: column.index,
      before: encoder.encode(`,${JSON.stringify(name)}:${isBoolean ? "" : '"'}`),
      copied,
      absent: mayBeAbsent && column.empty === "absent",
      isKey: name === options.key
    })
  }
  const code = options.delimiter.charCodeAt(0)
  const hasKey = steps.some(({ absent, copied, isKey }) => isKey && copied !== undefined && !absent)
  return hasKey && code >= 32 && code < 128 && code !== BACKSLASH ? new CsvTranscoder(options, steps) : undefined
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
  private readonly steps: ReadonlyArray<Step>
  private readonly kinds: Uint8Array
  /** Bytes that a record takes besides its cells, at most. */
  private readonly overhead: number
  private readonly starts: Int32Array
  private readonly ends: Int32Array
  private out = new Uint8Array(0)
  private at = 0
  // The rows that are written and not yet records: where their JSON starts and ends, where their key ends, their lines.
  private rows = 0
  private readonly froms = new Int32Array(maxRows)
  private readonly tos = new Int32Array(maxRows)
  private readonly keyEnds = new Int32Array(maxRows)
  private readonly lines = new Float64Array(maxRows)
  private readonly keys = new Uint8Array(keysSize)
  private keysAt = 0

  constructor(options: Options<A>, steps: ReadonlyArray<Step>) {
    this.options = options
    this.steps = steps
    this.kinds = kindsOf(options.delimiter.charCodeAt(0))
    this.overhead = steps.reduce((sum, { before }) => sum + before.length + 1, 3)
    this.starts = new Int32Array(options.header.width)
    this.ends = new Int32Array(options.header.width)
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
    const { ends, kinds, starts } = this
    const last = this.options.header.width - 1
    const { length } = bytes
    const position: SourcePosition = { byte: base + from, offset: this.offset, line: this.line }
    this.stuck = true
    let row = from
    rows: for (;;) {
      let cell = 0
      let start = row
      let at = row
      let end = row
      for (;;) {
        while (at < length && kinds[bytes[at] ?? 0] === PLAIN) at++
        let kind = kinds[bytes[at] ?? 0] ?? 0
        if (kind === MULTIBYTE && at < length) {
          const size = Utf8.sequenceLength(bytes, at)
          if (size === 0) {
            this.stuck = length - at >= Utf8.longestSequence
            break rows
          }
          at += size
          continue
        }
        end = at
        if (kind === QUOTATION && at === start && at < length) {
          start = ++at
          // A delimiter is part of a cell in quotes. Line breaks and doubled quotes are for the schema's reader.
          for (; at < length; at++) {
            kind = kinds[bytes[at] ?? 0] ?? 0
            if (kind === PLAIN || kind === DELIMITER) continue
            if (kind !== MULTIBYTE) break
            const size = Utf8.sequenceLength(bytes, at)
            if (size === 0) {
              this.stuck = length - at >= Utf8.longestSequence
              break rows
            }
            at += size - 1
          }
          end = at
          if (at < length && kind !== QUOTATION) break rows
          at++
          kind = kinds[bytes[at] ?? 0] ?? 0
          if (at < length && kind !== DELIMITER && kind !== BREAK) break rows
        }
        if (at >= length) {
          this.stuck = false
          break rows
        }
        if (kind === DELIMITER) {
          if (cell === last) break rows
          starts[cell] = start
          ends[cell++] = end
          start = ++at
          continue
        }
        if (kind !== BREAK) break rows
        break
      }
      let next = at + 1
      if (bytes[at] === CR) {
        // A carriage return alone ends a row too, which is rare enough to be left out here.
        if (next >= length) this.stuck = false
        if (bytes[next] !== LF) break
        next++
      }
      if (at > row) {
        starts[cell] = start
        ends[cell] = end
        if (cell !== last || at - row > this.options.maxRecordSize) break
        if (!this.write(bytes, at - row, position, records)) break
      }
      this.line++
      row = next
    }
    this.flush(position, records)
    return row
  }

  /** Writes the row whose cells are known; false where it is one for the schema. */
  private write(bytes: Uint8Array, size: number, position: SourcePosition, records: Array<Encoded<A>>): boolean {
    const { ends, keys, starts, steps } = this
    const needed = size + this.overhead
    if (this.out.length - this.at < needed || this.rows === maxRows || this.keysAt + size > keysSize) {
      this.flush(position, records)
      if (size > keysSize) return false
      if (this.out.length - this.at < needed) {
        this.out = new Uint8Array(Math.max(blockSize, needed))
        this.at = 0
      }
    }
    const { out } = this
    let at = this.at
    let keysAt = this.keysAt
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]
      if (step === undefined) return false
      const start = starts[step.column] ?? 0
      const end = ends[step.column] ?? 0
      if (start === end) {
        if (step.absent) continue
        return false
      }
      const { before, copied } = step
      for (let b = 0; b < before.length; b++) out[at++] = before[b] ?? 0
      if (copied === undefined ? !isBoolean(bytes, start, end) : !copied(bytes, start, end)) return false
      if (step.isKey) {
        for (let b = start; b < end; b++) {
          const byte = bytes[b] ?? 0
          // One unit of text for each byte, so that the keys of many rows become text together.
          if (byte >= 128) return false
          keys[keysAt++] = byte
        }
      }
      for (let b = start; b < end; b++) out[at++] = bytes[b] ?? 0
      if (copied !== undefined) out[at++] = QUOTE
    }
    out[this.at] = OPEN_BRACE // in the place of the first comma
    out[at++] = CLOSE_BRACE
    if (at - this.at > this.options.maxBytes) return false
    const { rows } = this
    this.froms[rows] = this.at
    this.tos[rows] = at
    this.keyEnds[rows] = keysAt
    this.lines[rows] = this.line
    this.rows = rows + 1
    this.keysAt = keysAt
    if (at < out.length) out[at++] = COMMA
    this.at = at
    return true
  }

  private flush(position: SourcePosition, records: Array<Encoded<A>>): void {
    if (this.rows === 0) return
    const { froms, keyEnds, lines, out, tos } = this
    const { decode } = this.options
    const keys = decoder.decode(this.keys.subarray(0, this.keysAt))
    let keyAt = 0
    for (let row = 0; row < this.rows; row++) {
      const keyEnd = keyEnds[row] ?? 0
      const key = keys.slice(keyAt, keyEnd)
      keyAt = keyEnd
      const [from, to, line] = [froms[row] ?? 0, tos[row] ?? 0, lines[row]]
      records.push(new EncodedRecord(this.offset++, line, position, key, out, from, to, undefined, decode))
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
