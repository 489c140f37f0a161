/**
 * Records whose JSON stands ready in bytes: a body is a few copies, and nothing is counted or encoded twice.
 *
 * @since 0.1.0
 */
import type { Row, SourcePosition } from "../model/CustomerRecord.ts"
import type { JsonBlock, JsonBlocks } from "./JsonBlocks.ts"
import * as KeyHash from "./KeyHash.ts"

const decoder = new TextDecoder()
const encoder = new TextEncoder()

const COMMA = 44

/**
 * A record that is encoded and ready to go.
 *
 * @category models
 * @since 0.1.0
 */
export abstract class EncodedRecord<A> {
  /** 0-based position in the source. */
  readonly offset: number

  constructor(offset: number) {
    this.offset = offset
  }

  get _tag(): "Encoded" {
    return "Encoded"
  }

  /** 1-based line on which the record starts; `undefined` where the source has no lines. */
  abstract readonly line: number | undefined
  abstract readonly position: SourcePosition | undefined
  abstract readonly key: string
  /** The `KeyHash` of the key. */
  abstract readonly keyHash: number
  /** Holds its JSON in UTF-8, and that of other records. */
  abstract readonly block: JsonBlock
  /** Where its JSON starts in the block. */
  abstract readonly from: number
  /** Where its JSON ends in the block. */
  abstract readonly to: number
  abstract readonly patch: A

  /** The records that were merged into this one, itself as it was read the last, in their order; none where none were. */
  get parts(): ReadonlyArray<EncodedRecord<A>> {
    return []
  }

  /** The row that it was read from, where it is at hand. */
  get row(): Row | undefined {
    return undefined
  }

  /** UTF-8 bytes of its JSON. */
  get bytes(): number {
    return this.to - this.from
  }

  /** The same record, which keeps no other in memory. */
  abstract alone(): EncodedRecord<A>

  get json(): string {
    return decoder.decode(this.block.bytes.subarray(this.from, this.to))
  }
}

class Written<A> extends EncodedRecord<A> {
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly key: string
  readonly patch: A
  readonly block: JsonBlock
  readonly from: number
  readonly to: number

  constructor({ key, line, offset, patch, position }: Content<A>, block: JsonBlock, from: number, to: number) {
    super(offset)
    this.line = line
    this.position = position
    this.key = key
    this.patch = patch
    this.block = block
    this.from = from
    this.to = to
  }

  get keyHash(): number {
    return KeyHash.of(this.key)
  }

  alone(): EncodedRecord<A> {
    return new Written(this, this.block.copy(this.from, this.to), 0, this.bytes)
  }
}

// Few records have their row, and what others do not have takes no memory.
class WithRow<A> extends Written<A> {
  private readonly read: Row

  constructor(content: Content<A>, block: JsonBlock, from: number, to: number, row: Row) {
    super(content, block, from, to)
    this.read = row
  }

  override get row(): Row {
    return this.read
  }

  override alone(): EncodedRecord<A> {
    return new WithRow(this, this.block.copy(this.from, this.to), 0, this.bytes, this.read)
  }
}

class Merged<A> extends Written<A> {
  private readonly merged: ReadonlyArray<EncodedRecord<A>>

  constructor(
    content: Content<A>,
    block: JsonBlock,
    from: number,
    to: number,
    merged: ReadonlyArray<EncodedRecord<A>>
  ) {
    super(content, block, from, to)
    this.merged = merged
  }

  override get parts(): ReadonlyArray<EncodedRecord<A>> {
    return this.merged
  }

  override alone(): EncodedRecord<A> {
    return new Merged(this, this.block.copy(this.from, this.to), 0, this.bytes, this.merged)
  }
}

/**
 * What a record is, besides its JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Content<A> = Pick<EncodedRecord<A>, "key" | "line" | "offset" | "patch" | "position"> & {
  readonly row?: Row | undefined
}

/**
 * The record whose JSON was kept last.
 *
 * @category constructors
 * @since 0.1.0
 */
export const written = <A>({ at, block, from }: JsonBlocks, content: Content<A>): EncodedRecord<A> =>
  content.row === undefined
    ? new Written(content, block, from, at - 1)
    : new WithRow(content, block, from, at - 1, content.row)

/**
 * The record whose JSON was kept last, and that does what two do one after the other, in the later one's place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const merged = <A>(
  { at, block, from }: JsonBlocks,
  patch: A,
  earlier: EncodedRecord<A>,
  later: EncodedRecord<A>
): EncodedRecord<A> =>
  new Merged(
    { key: later.key, line: later.line, offset: later.offset, position: later.position, patch },
    block,
    from,
    at - 1,
    [...partsOf(earlier), ...partsOf(later)]
  )

const partsOf = <A>(record: EncodedRecord<A>): ReadonlyArray<EncodedRecord<A>> =>
  record.parts.length === 0 ? [record] : record.parts

/**
 * The body of a request that holds these records, between what stands before and after them. As a rule, it is the block
 * that they were written to; otherwise it is put together.
 *
 * @category encoding
 * @since 0.1.0
 */
export const body = (
  records: ReadonlyArray<EncodedRecord<unknown>>,
  envelope: readonly [open: string, close: string]
): Uint8Array<ArrayBuffer> => {
  const block = records[0]?.block
  return block !== undefined && isWhole(block, records, envelope)
    ? block.bytes.subarray(0, block.bodyBytes)
    : joined(records, envelope)
}

const isWhole = (
  block: JsonBlock,
  records: ReadonlyArray<EncodedRecord<unknown>>,
  [open, close]: readonly [open: string, close: string]
): boolean => {
  if (block.bodyBytes === 0 || block.size !== records.length) return false
  if (block.envelope[0] !== open || block.envelope[1] !== close) return false
  return endOfRun(records, 0) === records.length
}

/** The position after the last of the records that were written one after the other, with commas between them. */
const endOfRun = (records: ReadonlyArray<EncodedRecord<unknown>>, start: number): number => {
  const first = records[start]
  if (first === undefined) return start
  const { block } = first
  const { bytes } = block
  let { to } = first
  for (let i = start + 1; i < records.length; i++) {
    const next = records[i]
    if (next === undefined || next.block !== block || next.from !== to + 1 || bytes[to] !== COMMA) return i
    to = next.to
  }
  return records.length
}

const joined = (
  records: ReadonlyArray<EncodedRecord<unknown>>,
  [open, close]: readonly [open: string, close: string]
): Uint8Array<ArrayBuffer> => {
  const before = encoder.encode(open)
  const after = encoder.encode(close)
  let size = before.length + after.length + Math.max(0, records.length - 1)
  for (const { from, to } of records) size += to - from
  const out = new Uint8Array(size)
  out.set(before)
  let at = before.length
  for (let i = 0; i < records.length; ) {
    const end = endOfRun(records, i)
    const run = records[i]?.block.bytes.subarray(records[i]?.from, records[end - 1]?.to) ?? before
    out.set(run, at)
    at += run.length
    if (end < records.length) out[at++] = COMMA
    i = end
  }
  out.set(after, at)
  return out
}

/**
 * The UTF-8 bytes of a text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const byteLength = (text: string): number => encoder.encode(text).length

/**
 * The bytes of a body without records.
 *
 * @category encoding
 * @since 0.1.0
 */
export const envelopeBytes = (destination: { readonly envelope: readonly [string, string] }): number =>
  byteLength(destination.envelope[0]) + byteLength(destination.envelope[1])
