/** CSV to encoded records, mostly from bytes to bytes. */
import type * as Schema from "effect/Schema"
import type { Encoded, Encoder } from "../../sync/record/Encode.ts"
import * as CsvReader from "../csv/CsvReader.ts"
import type { Taker } from "../read/ByteBlocks.ts"
import * as RecordDecoder from "../read/RecordDecoder.ts"
import * as CsvTranscoder from "./CsvTranscoder.ts"
import * as EncodedRows from "./EncodedRows.ts"

/** Takes the records of a CSV whose first byte has the offset `base`, encoded. */
export const taker = <A>(
  settings: CsvReader.Settings<A>,
  encoder: Encoder<A>,
  options: {
    readonly schema: Schema.ConstraintDecoder<unknown>
    /** Decodes what is written, by that schema. */
    readonly to: RecordDecoder.RecordDecoder<A>
    /** The field that says who a record is about. */
    readonly key: string
    readonly base: number
    readonly header: CsvReader.Header | undefined
  }
): Taker<Encoded<A>> => {
  const { base, key, schema, to } = options
  const { from, maxRecordSize, source, untilBlankLine } = settings
  const { blocks } = encoder
  const decode = RecordDecoder.again(to)
  const transcoderOf = (header: CsvReader.Header) =>
    CsvTranscoder.make({ schema, key, header, untilBlankLine, maxRecordSize, blocks, decode, from })

  let { header } = options
  let transcoder = header && transcoderOf(header)
  let reader: CsvReader.RecordReader<A> | undefined
  const format: EncodedRows.Format<A> = {
    transcoder: () => {
      // The first reader comes upon the header.
      if (header === undefined && reader?.header !== undefined) {
        header = reader.header
        transcoder = transcoderOf(header)
      }
      return transcoder
    },
    open: (from) => {
      reader = CsvReader.records({ ...settings, from }, header)
      return reader
    }
  }
  return EncodedRows.taker(format, encoder, { source, base, from })
}
