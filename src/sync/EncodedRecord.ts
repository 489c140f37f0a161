/**
 * Records whose JSON stands ready in bytes: a body is a few copies, and nothing is counted or encoded twice.
 *
 * @since 0.1.0
 */
import type { SourcePosition } from "./CustomerRecord.ts"

const decoder = new TextDecoder()
const encoder = new TextEncoder()

const COMMA = 44

/**
 * A record that is encoded and ready to go.
 *
 * @category models
 * @since 0.1.0
 */
export class EncodedRecord<A> {
  readonly _tag = "Encoded"
  /** 0-based position in the source. */
  readonly offset: number
  /** 1-based line on which the record starts; `undefined` where the source has no lines. */
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly key: string
  /** Holds its JSON in UTF-8, and that of other records. */
  readonly block: Uint8Array
  /** Where its JSON starts in the block. */
  readonly from: number
  /** Where its JSON ends in the block. */
  readonly to: number
  private readonly kept: A | undefined
  private readonly decode: ((json: unknown) => A) | undefined

  /** `patch` is what was encoded; where `decode` is given instead, it is made from the JSON when somebody asks. */
  constructor(
    offset: number,
    line: number | undefined,
    position: SourcePosition | undefined,
    key: string,
    block: Uint8Array,
    from: number,
    to: number,
    patch: A | undefined,
    decode?: ((json: unknown) => A) | undefined
  ) {
    this.offset = offset
    this.line = line
    this.position = position
    this.key = key
    this.block = block
    this.from = from
    this.to = to
    this.kept = patch
    this.decode = decode
  }

  /** UTF-8 bytes of its JSON. */
  get bytes(): number {
    return this.to - this.from
  }

  get json(): string {
    return decoder.decode(this.block.subarray(this.from, this.to))
  }

  get patch(): A {
    // Without a decoder, it was given; and it may be `undefined` itself.
    return this.decode === undefined ? (this.kept as A) : this.decode(JSON.parse(this.json))
  }
}

// Some hundred records: small enough that one which is still unfinished holds little else in memory.
const blockSize = 64 * 1024
const bytesPerUnit = 3 // the most that one UTF-16 unit becomes

/**
 * Where JSON texts are written, one after the other with commas between them.
 *
 * @category encoding
 * @since 0.1.0
 */
export class JsonBlocks {
  private block = new Uint8Array(0)
  private at = 0

  /** Writes one text and hands out where it stands. A lone surrogate becomes U+FFFD, three bytes. */
  write<T>(json: string, take: (block: Uint8Array, from: number, to: number) => T): T {
    const { at, block } = this
    if (at < block.length) {
      const { read, written } = encoder.encodeInto(json, at === 0 ? block : block.subarray(at))
      if (read === json.length) return this.end(written, take)
    }
    this.block = new Uint8Array(Math.max(blockSize, json.length * bytesPerUnit + 1))
    this.at = 0
    return this.end(encoder.encodeInto(json, this.block).written, take)
  }

  private end<T>(written: number, take: (block: Uint8Array, from: number, to: number) => T): T {
    const { at, block } = this
    const to = at + written
    if (to < block.length) block[to] = COMMA
    this.at = to + 1
    return take(block, at, to)
  }
}

/**
 * The body of a request that holds these records, between what stands before and after them.
 *
 * @category encoding
 * @since 0.1.0
 */
export const body = (
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
    const first = records[i]
    if (first === undefined) break
    const { block } = first
    let { to } = first
    // Records that were written one after the other are copied together, with the commas between them.
    for (i++; i < records.length; i++) {
      const next = records[i]
      if (next === undefined || next.block !== block || next.from !== to + 1 || block[to] !== COMMA) break
      to = next.to
    }
    out.set(block.subarray(first.from, to), at)
    at += to - first.from
    if (i < records.length) out[at++] = COMMA
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
