/** NDJSON to encoded records, mostly from bytes to bytes. */
import type * as Schema from "effect/Schema"
import type { Encoded, Encoder } from "../../sync/record/Encode.ts"
import * as NdjsonReader from "../ndjson/NdjsonReader.ts"
import type { Taker } from "../read/ByteBlocks.ts"
import * as RecordDecoder from "../read/RecordDecoder.ts"
import * as EncodedRows from "./EncodedRows.ts"
import * as NdjsonTranscoder from "./NdjsonTranscoder.ts"

/** The fields that are copied out of the lines of a source; `undefined` where each line must be decoded. */
export const fields = (
  schema: Schema.ConstraintDecoder<unknown>,
  options: {
    /** The field that says who a record is about. */
    readonly key: string
    readonly columns: NdjsonReader.Settings<unknown>["columns"]
  }
): ReadonlyArray<NdjsonTranscoder.Field> | undefined => {
  const { columns, key } = options
  // What has another name in the source would have to be written anew, and each name is looked for.
  const isMapped = Object.values(columns ?? {}).some((name) => name !== undefined)
  return isMapped ? undefined : NdjsonTranscoder.fields(schema, key)
}

/** Takes the records of an NDJSON whose first byte has the offset `base`, encoded. */
export const taker = <A>(
  settings: NdjsonReader.Settings<A>,
  encoder: Encoder<A>,
  options: {
    readonly base: number
    readonly fields: ReadonlyArray<NdjsonTranscoder.Field>
  }
): Taker<Encoded<A>> => {
  const { base, fields } = options
  const { decoder, from, maxRecordSize, source, wanted } = settings
  const { blocks } = encoder
  const decode = RecordDecoder.again(decoder)
  const transcoder = NdjsonTranscoder.make({ maxRecordSize, blocks, decode, from }, fields)
  // The offset after the last line that was not copied.
  let read = from?.offset ?? 0
  const format: EncodedRows.Format<A> = {
    transcoder: () => transcoder,
    open: (from) => {
      // A line that was copied has all that is required.
      if (from !== undefined && from.offset > read) wanted?.findRequired()
      const reader = NdjsonReader.records({ ...settings, from })
      return {
        startsAt: reader.startsAt,
        window: reader.window,
        get failure() {
          return reader.failure
        },
        read: () => {
          const records = reader.read()
          read = (records.at(-1)?.offset ?? read - 1) + 1
          return records
        }
      }
    }
  }
  return EncodedRows.taker(format, encoder, { source, base, from })
}
