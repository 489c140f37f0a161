/**
 * Rows to JSON, from bytes to bytes: what a format needs besides reading one row.
 *
 * @since 0.1.0
 */
import type { SourcePosition } from "../sync/CustomerRecord.ts"
import type { Encoded } from "../sync/Encode.ts"
import type { JsonBlock, JsonBlocks } from "../sync/JsonBlocks.ts"
import * as TranscodedRecord from "./TranscodedRecord.ts"

const LF = 10
const CR = 13

// Of the rows that are written and not yet records.
const keysSize = 32 * 1024
const maxRows = 2048

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A> {
  /** UTF-16 code units of the largest row. */
  readonly maxRecordSize: number
  /** UTF-8 bytes of the largest JSON. */
  readonly maxBytes: number
  /** Where the JSON is written. */
  readonly blocks: JsonBlocks
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
}

/**
 * Reads rows out of bytes, from one place to the next. A row ends in LF or CRLF; one that has nothing before that is no
 * record.
 *
 * @category models
 * @since 0.1.0
 */
export abstract class Transcoder<A> {
  /** 0-based offset of the next record. */
  offset = 0
  /** 1-based line of the next row. */
  line = 1
  /** Whether the last call of `take` ended at a row that only the schema can read, and not at the end of the bytes. */
  stuck = false
  /** The keys of the rows that are written and not yet records, one unit of text for each byte. */
  protected readonly keys = new Uint8Array(keysSize)
  protected keysAt = 0
  protected readonly blocks: JsonBlocks
  private readonly decode: (json: unknown) => A
  // The rows that are written and not yet records.
  private rows = 0
  private block: JsonBlock
  private position: SourcePosition = { byte: 0, offset: 0, line: 1 }
  private readonly marks = new Int32Array(maxRows * TranscodedRecord.marksOfOne)
  private firstLine = 1

  constructor({ blocks, decode }: Options<A>) {
    this.blocks = blocks
    this.block = blocks.block
    this.decode = decode
  }

  /**
   * Writes the JSON of the row that starts at `row`, keeps it, and returns where the next one starts; -1 where it is one
   * for the schema. `last` is the index of the last line feed.
   */
  protected abstract transcode(
    bytes: Uint8Array,
    words: DataView,
    row: number,
    last: number,
    records: Array<Encoded<A>>
  ): number

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
        next = this.transcode(bytes, words, row, last, records)
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

  /** Whether one more row can be kept before these are records. */
  protected get isFull(): boolean {
    return this.rows === maxRows
  }

  /** Whether a key that ends there has room. */
  protected hasRoom(keyEnd: number): boolean {
    return keyEnd <= keysSize
  }

  /** Keeps the JSON of so many bytes that was written where the next text starts, and the key at `keysAt`. */
  protected keep(size: number, keyEnd: number, keyHash: number, records: Array<Encoded<A>>): void {
    const { blocks } = this
    let end = keyEnd
    if (!blocks.fits(size)) {
      const keyAt = this.keysAt
      this.flush(records)
      this.keys.copyWithin(0, keyAt, end)
      end -= keyAt
    }
    blocks.keep(size)
    if (this.rows === 0) {
      this.firstLine = this.line
      this.block = blocks.block
    }
    const lines = this.line - this.firstLine
    TranscodedRecord.mark(this.marks, this.rows++, blocks.from, blocks.at - 1, end, keyHash, lines)
    this.keysAt = end
    if (blocks.block.bodyBytes > 0) this.flush(records)
  }

  /** Makes records of the rows that are written. */
  protected flush(records: Array<Encoded<A>>): void {
    if (this.rows === 0) return
    const rows = new TranscodedRecord.Rows({
      block: this.block,
      marks: this.marks.slice(0, this.rows * TranscodedRecord.marksOfOne),
      keys: this.keys.slice(0, this.keysAt),
      firstLine: this.firstLine,
      position: this.position,
      decode: this.decode
    })
    for (let row = 0; row < this.rows; row++) {
      records.push(new TranscodedRecord.TranscodedRecord(this.offset++, rows, row))
    }
    this.rows = 0
    this.keysAt = 0
  }
}
