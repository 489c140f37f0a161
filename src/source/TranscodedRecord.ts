/**
 * Records that went from bytes to bytes: what is known of them stands in columns, and becomes values when somebody asks.
 *
 * @since 0.1.0
 */
import type { SourcePosition } from "../sync/CustomerRecord.ts"
import { EncodedRecord } from "../sync/EncodedRecord.ts"
import type { JsonBlock } from "../sync/JsonBlocks.ts"

const decoder = new TextDecoder()

/**
 * Numbers that are kept of one row.
 *
 * @category configuration
 * @since 0.1.0
 */
export const marksOfOne = 5

/**
 * Keeps what is known of a row. Arguments, since an object for each row would be most of what is allocated for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mark = (
  marks: Int32Array,
  row: number,
  /** Where its JSON starts in the block. */
  from: number,
  /** Where its JSON ends in the block. */
  to: number,
  /** Where its key ends, after those of the rows before it. */
  keyEnd: number,
  keyHash: number,
  /** Lines after the first row's. */
  lines: number
): void => {
  const at = row * marksOfOne
  marks[at] = from
  marks[at + 1] = to
  marks[at + 2] = keyEnd
  marks[at + 3] = keyHash
  marks[at + 4] = lines
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A> {
  /** Their JSON in UTF-8. */
  readonly block: JsonBlock
  /** What `mark` kept. */
  readonly marks: Int32Array
  /** Their keys in ASCII, one after the other. */
  readonly keys: Uint8Array
  /** 1-based line of the first of them. */
  readonly firstLine: number
  readonly position: SourcePosition
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
}

/**
 * Rows that were transcoded together.
 *
 * @category models
 * @since 0.1.0
 */
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

/**
 * One row of them.
 *
 * @category models
 * @since 0.1.0
 */
export class TranscodedRecord<A> extends EncodedRecord<A> {
  private readonly rows: Rows<A>
  private readonly row: number

  /** `row` is 0-based. */
  constructor(offset: number, rows: Rows<A>, row: number) {
    super(offset)
    this.rows = rows
    this.row = row
  }

  get block(): JsonBlock {
    return this.rows.options.block
  }

  get from(): number {
    return this.mark(0)
  }

  get to(): number {
    return this.mark(1)
  }

  get keyHash(): number {
    return this.mark(3)
  }

  get line(): number {
    return this.rows.options.firstLine + this.mark(4)
  }

  get position(): SourcePosition {
    return this.rows.options.position
  }

  get key(): string {
    return this.rows.keys.slice(this.row === 0 ? 0 : this.mark(2 - marksOfOne), this.mark(2))
  }

  get patch(): A {
    return this.rows.options.decode(JSON.parse(this.json))
  }

  private mark(index: number): number {
    return this.rows.options.marks[this.row * marksOfOne + index] ?? 0
  }
}
