/** Where the JSON of records is written: blocks that are the bodies of requests in the making. */
import * as StructWriter from "../../json/StructWriter.ts"

const encoder = new TextEncoder()

const COMMA = 44

/** JSON texts with commas between them, behind what opens a body. */
export class JsonBlock {
  /** Its first bytes; those that stand there once stay as they are. A block that grows has them in a new array. */
  bytes: Uint8Array<ArrayBuffer>
  /** The texts in it. */
  size = 0
  /** Bytes of the body of all its texts, once no more of them come; until then, 0. */
  bodyBytes = 0
  readonly envelope: readonly [open: string, close: string]

  constructor(bytes: Uint8Array<ArrayBuffer>, envelope: readonly [open: string, close: string]) {
    this.bytes = bytes
    this.envelope = envelope
  }

  /** A block that holds one text of this one, from its first byte on, and is no body. */
  copy(from: number, to: number): JsonBlock {
    const block = new JsonBlock(this.bytes.slice(from, to), this.envelope)
    block.size = 1
    return block
  }
}

export interface Options {
  /** What stands before and after the texts of a body. */
  readonly envelope: readonly [open: string, close: string]
  /** Texts in one block. */
  readonly maxRecords: number
  /** Bytes of the body that a block becomes. */
  readonly maxBytes: number
}

// Not much at first, since nobody knows yet how long the texts are; it grows.
const firstBytes = 4096
// By how much a block may be longer than the one before it without growing.
const slack = 1 / 16
const bytesPerUnit = 3 // the most that one UTF-16 unit becomes

/**
 * Writes texts, one after the other. A block is closed by the same limits as a batch, so that the records of a batch are
 * as a rule those of a block, and its body need not be put together.
 */
export class JsonBlocks {
  /** The block that is written to. */
  block: JsonBlock
  /** Where the next text starts in the block. */
  at: number
  /** Where what was kept last starts in the block. */
  from = 0
  private readonly options: Options
  private readonly opening: Uint8Array
  private readonly closing: Uint8Array
  /** Bytes of what stands behind a text, a comma or the end of the body, at most. */
  private readonly tail: number
  private expected = firstBytes

  constructor(options: Options) {
    this.options = options
    this.opening = encoder.encode(options.envelope[0])
    this.closing = encoder.encode(options.envelope[1])
    this.tail = Math.max(1, this.closing.length)
    this.block = new JsonBlock(new Uint8Array(0), options.envelope)
    this.at = this.opening.length
  }

  /** Whether the next text is the first of a block. */
  get isEmpty(): boolean {
    return this.block.size === 0 || this.block.bodyBytes > 0
  }

  /** Texts that fit into the block that is written to. */
  get textsLeft(): number {
    return this.options.maxRecords - (this.isEmpty ? 0 : this.block.size)
  }

  /** Bytes of all the texts, with commas between them, that fit. */
  get bytesLeft(): number {
    return this.options.maxBytes - (this.isEmpty ? this.opening.length : this.at) - this.closing.length
  }

  /** Writes a text, and returns its bytes. A lone surrogate becomes U+FFFD, three bytes. */
  write(json: string): number {
    this.room(json.length)
    const { read, written } = this.encode(json)
    if (read === json.length) return written
    this.room(json.length * bytesPerUnit)
    return this.encode(json).written
  }

  /** Writes a value with this writer, and returns its bytes, or `unusual`: then there may be no room for it, too. */
  writeBy(writer: StructWriter.StructWriter, value: unknown): number {
    this.room(0)
    const { bytes } = this.block
    const end = writer(value, bytes, this.at)
    return end === StructWriter.unusual || end + this.tail > bytes.length ? StructWriter.unusual : end - this.at
  }

  /** Keeps the text of so many bytes that was written at `at`. */
  keep(bytes: number): void {
    if (!this.isEmpty && bytes > this.bytesLeft) this.move(bytes)
    this.take(bytes, 1)
  }

  /** Writes and keeps texts that fit, with commas between them, and returns where they start in the block. */
  keepAll(texts: Uint8Array, count: number): number {
    this.room(texts.length)
    this.block.bytes.set(texts, this.at)
    this.take(texts.length, count)
    return this.from
  }

  /** Closes the block, which has texts, before one that does not fit. */
  close(): void {
    // In the place of the comma after the last one.
    this.finish(this.at - 1)
  }

  private take(bytes: number, count: number): void {
    const { at, block } = this
    const end = at + bytes
    this.from = at
    this.at = end + 1
    block.size += count
    if (block.size < this.options.maxRecords) block.bytes[end] = COMMA
    else this.finish(end)
  }

  /** Opens the next block with what was written at the end of this one. */
  private move(bytes: number): void {
    const text = this.block.bytes.slice(this.at, this.at + bytes)
    this.close()
    this.room(bytes)
    this.block.bytes.set(text, this.at)
  }

  /** Makes room for so many bytes at `at`. */
  private room(bytes: number): void {
    if (this.block.bodyBytes > 0) this.begin()
    const needed = this.at + bytes + this.tail
    if (this.block.bytes.length < needed) this.grow(needed)
  }

  private finish(end: number): void {
    const { block, closing } = this
    block.bytes.set(closing, end)
    block.bodyBytes = end + closing.length
    this.expected = Math.ceil(block.bodyBytes * (1 + slack))
  }

  private begin(): void {
    this.block = new JsonBlock(new Uint8Array(0), this.options.envelope)
    this.at = this.opening.length
  }

  private grow(needed: number): void {
    const { block } = this
    const before = block.bytes
    const size = Math.max(needed, before.length === 0 ? this.expected : before.length * 2)
    block.bytes = new Uint8Array(size)
    block.bytes.set(before.length === 0 ? this.opening : before)
  }

  private encode(json: string): { readonly read: number; readonly written: number } {
    const { bytes } = this.block
    return encoder.encodeInto(json, bytes.subarray(this.at, bytes.length - this.tail))
  }
}
