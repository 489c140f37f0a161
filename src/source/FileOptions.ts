/**
 * How a file of customers is read.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { SourcePosition } from "../sync/model/CustomerRecord.ts"
import type * as Cells from "./read/Cells.ts"
import type * as Suspicious from "./read/Suspicious.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type EmptyCell = Cells.EmptyCell

/** The names of the columns that hold a part of a field each. */
type PartOf<E> = {
  readonly [Field in Extract<keyof E, string>]: NonNullable<E[Field]> extends infer Value
    ? Value extends ReadonlyArray<unknown>
      ? never
      : Value extends object
        ? `${Field}.${Extract<keyof Value, string>}`
        : never
    : never
}[Extract<keyof E, string>]

/**
 * The fields of a schema as they are written in a source; for a field that holds an object also those inside of it, as the
 * columns of a CSV are called: `metadata.plan`.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldOf<S extends Schema.ConstraintDecoder<unknown>> = S["Encoded"] extends infer E
  ? E extends unknown
    ? Extract<keyof E, string> | PartOf<E>
    : never
  : never

/**
 * How NDJSON is read.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface NdjsonOptions<Field extends string = string> {
  /**
   * Field to the name that it has in the source, where that is another: `{ customerId: "Customer ID" }`. A name feeds every
   * field that is mapped to it, and the field that is called so, unless that field is mapped to another name. A source that
   * has a mapped name in none of its first 1,000 records is refused.
   */
  readonly columns?: { readonly [F in Field]?: string | undefined } | undefined
  /**
   * What happens to columns that are no field of the schema. By default they are refused, because a
   * misspelt column would be lost without a word: a CSV is not read at all, a line of NDJSON is rejected.
   */
  readonly otherColumns?: "refuse" | "ignore" | undefined
  /**
   * Checks for spoiled ids and phone numbers that are switched off, by name: such texts then pass as they are, and are
   * counted. Default: none, so that a record with one of them is rejected as `Suspicious`.
   */
  readonly allowSuspicious?: ReadonlyArray<Suspicious.Check> | undefined
  /** The largest record, in UTF-16 code units. A larger one is rejected. Default 1,048,576. */
  readonly maxRecordSize?: number | undefined
  /**
   * The encoding of a source that has no byte order mark, by a name of the Encoding Standard: `windows-1252`, `iso-8859-2`,
   * `shift_jis`, `utf-16le` … It is never guessed. Default UTF-8; UTF-16 is known by its mark.
   * ([names](https://encoding.spec.whatwg.org/#names-and-labels))
   */
  readonly encoding?: string | undefined
  /** The `position` of a record: reading starts there. Default the start of the source. */
  readonly from?: SourcePosition | undefined
  /** What errors call the source. Default `bytes`; a file is called by its path. */
  readonly source?: string | undefined
}

/**
 * How CSV is read.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface CsvOptions<Field extends string = string> extends NdjsonOptions<Field> {
  /**
   * What an empty cell means, for all fields or by field: that it is `absent` (the default, also for fields
   * that are not named), `null`, or the empty text. Null deletes what is stored, opt-outs included.
   */
  readonly empty?: EmptyCell | { readonly [F in Field]?: EmptyCell | undefined } | undefined
  /**
   * One character that is neither a quote nor a line break. By default, it is what a first line such as `sep=;` says, or the
   * one of comma, semicolon, tab and `|` under which the header has the most names that are known.
   */
  readonly delimiter?: string | undefined
  /** Lines above the header that are passed over. A first line such as `sep=;` is one of them. Default 0. */
  readonly skipLines?: number | undefined
  /**
   * The table ends at the first blank line below a row, and what stands below that is not read. By default blank lines are
   * passed over.
   */
  readonly untilBlankLine?: boolean | undefined
  /**
   * Names are taken to the letter: `Customer ID` and ` email ` are no fields, and each column must have a name. By default,
   * spaces around a name are passed over, and so are case, spaces, `_` and `-` where it is no field otherwise; a column
   * without a name must be empty.
   */
  readonly strictHeader?: boolean | undefined
  /**
   * Each row has as many cells as the header, and no blanks beside a cell in quotes. By default, a row of two cells or more
   * may lack empty ones at its end, or have more of them.
   */
  readonly strictRows?: boolean | undefined
}

/**
 * How JSON is read.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface JsonOptions<Field extends string = string> extends NdjsonOptions<Field> {
  /**
   * Where in a document the array of the records is, as a JSON pointer: `/data/customers`. Each of several documents must
   * have it. By default the elements of a document that is an array are the records, and any other document is one.
   * ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901))
   */
  readonly records?: string | undefined
}

/**
 * How a sheet of a workbook is read. A delimiter and an encoding mean nothing to it.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface XlsxOptions<Field extends string = string> extends CsvOptions<Field> {
  /** The sheet that is read, by its name. Default: the only one that is not hidden; several are refused. */
  readonly sheet?: string | undefined
}

/**
 * How a file is read. What only `XlsxOptions` or `CsvOptions` has means nothing to NDJSON and JSON, and `records` only
 * something to JSON.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface FileOptions<Field extends string = string> extends XlsxOptions<Field>, JsonOptions<Field> {
  /**
   * Default by the end of the path: `.csv` or `.tsv`, `.ndjson` or `.jsonl`, `.json`, also before `.gz`, `.zst` or `.br`; `.xlsx` or
   * `.xlsm`. A sheet of a workbook is read as its CSV is, with the number of the row for the line.
   */
  readonly format?: "csv" | "ndjson" | "json" | "xlsx" | undefined
  /**
   * Whether a sync with a checkpoint goes on in a file that has changed behind what was read of it, as one that grew, or that
   * was put right where an earlier run had to stop. What was read is checked by its content, and a file in which that has
   * changed is refused. Default: a file that has changed at all is refused.
   */
  readonly grown?: boolean | undefined
}
