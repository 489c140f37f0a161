/**
 * Records that went from bytes to bytes: what is known of them stands in columns, and becomes values when somebody asks.
 */
import { EncodedRecord } from "../../sync/record/EncodedRecord.ts"
import type { JsonBlock } from "../../sync/record/JsonBlocks.ts"
import type { FilePosition } from "../read/FilePlace.ts"

const decoder = new TextDecoder()

/** Numbers that are kept of one row, by the order of the fields of `Mark` in the program. */
export const marksOfOne = 5

const FROM = 0
const TO = 1
const KEY_END = 2
const KEY_HASH = 3
const LINES = 4

export interface Options<A> {
  /** Their JSON in UTF-8. */
  readonly block: JsonBlock
  /** Where the JSON of the first of them starts in the block. */
  readonly from: number
  /** Of each row: where its JSON starts and ends, and where its key does, from the first one's start; its key's hash; lines. */
  readonly marks: Int32Array
  /** Their keys in ASCII, one after the other. */
  readonly keys: Uint8Array
  /** 1-based line of the first of them. */
  readonly firstLine: number
  readonly position: FilePosition
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
}

/** Rows that were transcoded together. */
export class Rows<A> {
  readonly options: Options<A>
  private text: string | undefined

  constructor(options: Options<A>) {
    this.options = options
  }

  /** The texts of all keys, one after the other. */
  get keys(): string {
    this.text ??= decoder.decode(this.options.keys)
    return this.text
  }
}

/** One row of them. */
export class TranscodedRecord<A> extends EncodedRecord<A> {
  private readonly rows: Rows<A>
  private readonly index: number

  /** `row` is 0-based. */
  constructor(offset: number, rows: Rows<A>, row: number) {
    super(offset)
    this.rows = rows
    this.index = row
  }

  get block(): JsonBlock {
    return this.rows.options.block
  }

  get from(): number {
    return this.rows.options.from + this.mark(FROM)
  }

  get to(): number {
    return this.rows.options.from + this.mark(TO)
  }

  get keyHash(): number {
    return this.mark(KEY_HASH)
  }

  get line(): number {
    return this.rows.options.firstLine + this.mark(LINES)
  }

  get position(): FilePosition {
    return this.rows.options.position
  }

  get key(): string {
    return this.rows.keys.slice(this.index === 0 ? 0 : this.mark(KEY_END - marksOfOne), this.mark(KEY_END))
  }

  get patch(): A {
    return this.rows.options.decode(JSON.parse(this.json))
  }

  alone(): TranscodedRecord<A> {
    const { decode } = this.rows.options
    const first = this.index === 0 ? 0 : this.mark(KEY_END - marksOfOne)
    const keys = this.rows.options.keys.slice(first, this.mark(KEY_END))
    const marks = new Int32Array(marksOfOne)
    marks[TO] = this.bytes
    marks[KEY_END] = keys.length
    marks[KEY_HASH] = this.keyHash
    return new TranscodedRecord(
      this.offset,
      new Rows({
        block: this.block.copy(this.from, this.to),
        from: 0,
        marks,
        keys,
        firstLine: this.line,
        position: this.position,
        decode
      }),
      0
    )
  }

  private mark(index: number): number {
    return this.rows.options.marks[this.index * marksOfOne + index] ?? 0
  }
}
