/**
 * NDJSON to encoded records, mostly from bytes to bytes.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { Encoded, Encoder } from "../sync/Encode.ts"
import type { Taker } from "./ByteBlocks.ts"
import * as EncodedRows from "./EncodedRows.ts"
import * as NdjsonReader from "./NdjsonReader.ts"
import * as NdjsonTranscoder from "./NdjsonTranscoder.ts"
import * as RecordDecoder from "./RecordDecoder.ts"

/**
 * The fields that are copied out of the lines of a source; `undefined` where each line must be decoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fields = (
  schema: Schema.ConstraintDecoder<unknown>,
  options: {
    /** The field that says who a record is about. */
    readonly key: string
    readonly columns: NdjsonReader.Settings<unknown>["columns"]
  }
): ReadonlyArray<NdjsonTranscoder.Field> | undefined => {
  const { columns, key } = options
  // What has another name in the source would have to be written anew.
  const isRenamed = Object.entries(columns ?? {}).some(([field, name]) => name !== undefined && name !== field)
  return isRenamed ? undefined : NdjsonTranscoder.fields(schema, key)
}

/**
 * Takes the records of an NDJSON whose first byte has the offset `base`, encoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const taker = <A>(
  settings: NdjsonReader.Settings<A>,
  encoder: Encoder<A>,
  options: {
    readonly source: string
    readonly base: number
    readonly fields: ReadonlyArray<NdjsonTranscoder.Field>
  }
): Taker<Encoded<A>> => {
  const { base, fields, source } = options
  const { decoder, from, maxRecordSize } = settings
  const { blocks } = encoder
  const decode = RecordDecoder.again(decoder)
  const transcoder = NdjsonTranscoder.make({ maxRecordSize, blocks, decode }, fields)
  const format: EncodedRows.Format<A> = {
    transcoder: () => transcoder,
    open: (from) => NdjsonReader.records({ ...settings, from })
  }
  return EncodedRows.taker(format, encoder, { source, base, from })
}
