/**
 * CSV to encoded records: rows of the usual kind go from bytes to bytes, and every other row through the schema.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import type { SourcePosition } from "../sync/CustomerRecord.ts"
import type { Encoded, Encoder } from "../sync/Encode.ts"
import * as ByteBlocks from "./ByteBlocks.ts"
import * as CsvReader from "./CsvReader.ts"
import * as CsvTranscoder from "./CsvTranscoder.ts"

// How many bytes the reader of the other rows is given at first: twice as many when it is needed again soon, so that
// neither a file of such rows nor one of them in a thousand costs much.
const headerSlice = 64
const leastSlice = 256
const mostSlice = 64 * 1024
const soon = 32 // rows

// A row that is longer than this and not at its end is left to the reader that looks at each byte only once.
const longestRest = 8192

const LF = 10

const none: Uint8Array = new Uint8Array(0)

/**
 * Takes the records of a CSV whose first byte has the offset `base`, encoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const taker = <A>(
  settings: CsvReader.Settings<A>,
  encoder: Encoder<A>,
  options: {
    readonly schema: Schema.ConstraintDecoder<unknown>
    /** The field that says who a record is about. */
    readonly key: string
    readonly base: number
    readonly header: CsvReader.Header | undefined
  }
): ByteBlocks.Taker<Encoded<A>> => {
  const { base, key, schema } = options
  const { delimiter, from, maxRecordSize } = settings
  const decode = (json: unknown): A => {
    const exit = settings.decoder.decode(json)
    if (Exit.isSuccess(exit)) return exit.value
    throw new Error("A record that was transcoded does not fit its schema. Please report this.")
  }
  const transcoderOf = (header: CsvReader.Header | undefined) =>
    header === undefined
      ? undefined
      : CsvTranscoder.make({
          schema,
          key,
          header,
          delimiter,
          maxRecordSize,
          maxBytes: encoder.maxBytes,
          blocks: encoder.blocks,
          decode
        })
  const open = (byte: number, from: SourcePosition | undefined) => {
    const reader = CsvReader.records({ ...settings, from }, header)
    return { reader, take: ByteBlocks.taker(settings.source, byte, reader) }
  }

  let { header } = options
  let transcoder = transcoderOf(header)
  if (transcoder !== undefined) transcoder.goOn(from?.offset ?? 0, from?.line ?? 1)
  let slow = transcoder === undefined ? open(base, from) : undefined
  let offset = from?.offset ?? 0
  let firstSlice = leastSlice
  let slice = headerSlice
  // The beginning of a row that was cut by the end of the last block.
  let rest = none
  let end = base

  return (block, last) => {
    const records: Array<Encoded<A>> = []
    let bytes = block
    let at = 0
    if (rest.length > 0) {
      // Only the row that was cut is put together, so that blocks are not copied.
      const row = concat(rest, block.subarray(0, block.indexOf(LF) + 1))
      if (transcoder?.take(row, 0, end - rest.length, records) === row.length) at = row.length - rest.length
      else bytes = concat(rest, block)
    }
    end += block.length
    const start = end - bytes.length
    rest = none
    for (;;) {
      if (slow === undefined && transcoder !== undefined) {
        at = transcoder.take(bytes, at, start, records)
        if (last ? at === bytes.length : !transcoder.stuck && bytes.length - at <= longestRest) {
          // A copy, since the block is the source's.
          rest = bytes.slice(at)
          return { records, failure: undefined }
        }
        const { line } = transcoder
        firstSlice =
          transcoder.offset - offset < soon ? Math.min(mostSlice, firstSlice * 2) : Math.max(leastSlice, firstSlice / 2)
        offset = transcoder.offset
        slice = firstSlice
        slow = open(start + at, { byte: start + at, offset, line })
      }
      if (slow === undefined) return { records, failure: undefined }
      const to = Math.min(bytes.length, at + slice)
      const { failure, records: read } = slow.take(bytes.subarray(at, to), last && to === bytes.length)
      for (const record of read) records.push(encoder.encode(record))
      offset += read.length
      at = to
      if (failure !== undefined) return { records, failure }
      const { reader } = slow
      let isThrough = read.length > 0
      if (header === undefined && reader.header !== undefined) {
        header = reader.header
        transcoder = transcoderOf(header)
        isThrough = true
      }
      const { window } = reader
      if (transcoder !== undefined && isThrough && window.isBetweenLines && window.byte >= start) {
        at = window.byte - start
        transcoder.goOn(offset, window.line)
        slow = undefined
      } else if (at >= bytes.length) {
        return { records, failure: undefined }
      } else {
        slice = Math.min(mostSlice, slice * 2)
      }
    }
  }
}

const concat = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
