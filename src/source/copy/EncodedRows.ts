/** Bytes to encoded records: rows of the usual kind go from bytes to bytes, and every other row through the schema. */
import type { CustomerRecord } from "../../sync/model/CustomerRecord.ts"
import type { Encoded, Encoder } from "../../sync/record/Encode.ts"
import * as ByteBlocks from "../read/ByteBlocks.ts"
import * as FilePlace from "../read/FilePlace.ts"
import type { Transcoder } from "./Transcoder.ts"

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

/** The two ways to read the rows of one source. */
export interface Format<A> {
  /** The fast way; `undefined` as long as a header is not known, or where there is none. Asked for after each read. */
  readonly transcoder: () => Transcoder<A> | undefined
  /** A reader of whatever comes from a position on; by default, from the start. */
  readonly open: (from: FilePlace.FilePosition | undefined) => ByteBlocks.Reader<CustomerRecord<A>>
}

/** Takes the records of a source, encoded. */
export const taker = <A>(
  format: Format<A>,
  encoder: Encoder<A>,
  options: {
    readonly source: string
    /** The offset of the first byte. */
    readonly base: number
    readonly from: FilePlace.FilePosition | undefined
  }
): ByteBlocks.Taker<Encoded<A>> => {
  const { base, from, source } = options
  const open = (byte: number, from: FilePlace.FilePosition | undefined) => {
    const reader = format.open(from)
    return { reader, take: ByteBlocks.taker(source, byte, reader) }
  }

  let transcoder = format.transcoder()
  if (transcoder !== undefined) transcoder.goOn(from?.offset ?? 0, from?.place.line ?? 1)
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
        slow = open(start + at, FilePlace.at(from, start + at, offset, line))
      }
      if (slow === undefined) return { records, failure: undefined }
      const to = Math.min(bytes.length, at + slice)
      const { failure, records: read } = slow.take(bytes.subarray(at, to), last && to === bytes.length)
      for (const record of read) records.push(encoder.encode(record))
      offset += read.length
      at = to
      if (failure !== undefined) return { records, failure }
      const isFirst = transcoder === undefined
      transcoder ??= format.transcoder()
      const { window } = slow.reader
      const isThrough = isFirst || read.length > 0
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
