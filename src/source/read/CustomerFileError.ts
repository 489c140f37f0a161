/**
 * Why a source cannot be read at all. Single records that cannot be read are no errors: they are records
 * too, and reading goes on.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { InvalidConfiguration } from "../../http/InvalidConfiguration.ts"
import { MissingName } from "../../sync/record/SourceNote.ts"
import type { InvalidMapping, PhoneLibraryMissing } from "./MappingError.ts"

const source = {
  /** The path of the file; `bytes` for a stream of bytes. */
  source: Schema.String
}

const hints: { readonly [reason: string]: string } = {
  NotFound: " Check the path.",
  PermissionDenied: " Give this process the right to read it.",
  BadResource: " Is it a directory? Name a file."
}

/**
 * The file is missing, is a directory, may not be read, or failed while it was read.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceUnreadable extends Schema.TaggedError<SourceUnreadable>()("SourceUnreadable", {
  ...source,
  /** The platform's reason, `NotFound`, `PermissionDenied`, `BadResource` …, or the system's own code: `EIO` … */
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.source} cannot be read: ${this.reason}.${hints[this.reason] ?? ""}`
  }
}

/**
 * The name of the file does not say whether it is CSV, NDJSON, JSON or a workbook.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedFormat extends Schema.TaggedError<UnsupportedFormat>()("UnsupportedFormat", source) {
  override get message(): string {
    return `${this.source} ends in neither .csv, .tsv, .ndjson, .jsonl, .json nor .xlsx. Say what it is with the option format.`
  }
}

/**
 * What is wrong with one column, or with the header as a whole.
 *
 * @category models
 * @since 0.1.0
 */
export const HeaderIssue = Schema.Struct({
  kind: Schema.Literals(["Malformed", "Duplicate", "Unknown", "Missing"]),
  /** What is wrong, and what to do. */
  message: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type HeaderIssue = typeof HeaderIssue.Type

/**
 * The first row of a CSV cannot be used as its header. A first row in which no name is known may be a
 * customer, and is not repeated here.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidHeader extends Schema.TaggedError<InvalidHeader>()("InvalidHeader", {
  ...source,
  issues: Schema.Array(HeaderIssue)
}) {
  override get message(): string {
    return `The header of ${this.source} cannot be used. ${this.issues.map(({ message }) => message).join(" ")}`
  }
}

/**
 * A name that is mapped to a field, or that every record needs, is in none of the first records of an NDJSON: it is
 * misspelt, or the source is another one. Where a mapped name is missing, none of its records came out.
 *
 * @category errors
 * @since 0.1.0
 */
export class NamesMissing extends Schema.TaggedError<NamesMissing>()("NamesMissing", {
  ...source,
  /** How many records were read without them. */
  records: Schema.Int,
  names: Schema.Array(MissingName)
}) {
  override get message(): string {
    return this.names
      .map(({ field, name }) => {
        const none = `None of the first ${this.records} records of ${this.source} has`
        return field === name
          ? `${none} ${field}, which is needed. Add it, or map one with columns: { ${field}: "…" }.`
          : `${none} ${JSON.stringify(name)}, which is mapped to ${field}. Correct that.`
      })
      .join(" ")
  }
}

/**
 * The source is to be read as NDJSON, and starts as a JSON array does, or an object that goes on below its first line: what
 * stands in it may stand one a line, with commas behind. Nothing of it came out.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotNdjson extends Schema.TaggedError<NotNdjson>()("NotNdjson", {
  ...source,
  starts: Schema.Literals(["array", "object"])
}) {
  override get message(): string {
    const what =
      this.starts === "array"
        ? "starts with [, as a JSON array does"
        : "starts with an object that goes on below its first line"
    return `${this.source} ${what}, and is no NDJSON. Read it with format: "json".`
  }
}

/**
 * The source is not UTF-8, or not in the encoding that was named: its header is not, or more than 50 of 1,000 records. All
 * of these came out first, those that are not as records that are rejected.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidUtf8 extends Schema.TaggedError<InvalidUtf8>()("InvalidUtf8", {
  ...source,
  /** The encoding that was named, if one was. */
  encoding: Schema.UndefinedOr(Schema.String),
  /** 1-based line of the first byte that is not. */
  line: Schema.Int,
  /** 1-based, of that line. */
  character: Schema.Int,
  /** How many records are not, and of how many; `undefined` where it is the header. */
  records: Schema.UndefinedOr(Schema.Struct({ invalid: Schema.Int, of: Schema.Int }))
}) {
  override get message(): string {
    const what =
      this.records === undefined
        ? `The header of ${this.source} is`
        : `${this.records.invalid} of ${this.records.of} records of ${this.source} are`
    return `${what} not ${this.encoding ?? "UTF-8"}, first at line ${this.line}, character ${this.character}. Say which encoding it is in, such as encoding: "windows-1252".`
  }
}

/**
 * The source seems to be in an encoding that must be named, or that cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnmarkedEncoding extends Schema.TaggedError<UnmarkedEncoding>()("UnmarkedEncoding", {
  ...source,
  encoding: Schema.Literals(["utf-16le", "utf-16be", "utf-32"])
}) {
  override get message(): string {
    return this.encoding === "utf-32"
      ? `${this.source} is UTF-32, which is not read. Convert it to UTF-8 first.`
      : `${this.source} seems to be UTF-16 without the mark that says so. Say it with encoding: "${this.encoding}".`
  }
}

/**
 * The source is compressed, and it cannot be decompressed here.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedCompression extends Schema.TaggedError<UnsupportedCompression>()("UnsupportedCompression", {
  ...source,
  compression: Schema.Literals(["gzip", "zstd", "brotli", "zip", "xz", "bzip2", "7z"]),
  /** `Missing` (nothing that decompresses was provided), `Unknown` (this kind never is), `Nested` (it was compressed twice). */
  reason: Schema.Literals(["Missing", "Unknown", "Nested"])
}) {
  override get message(): string {
    const { compression, reason, source } = this
    return `${source} is compressed ${
      reason === "Missing"
        ? `with ${compression}, and nothing was provided to decompress it. Provide NodeDecompression.layer of effect-patchbay/node, or decompress it first.`
        : reason === "Unknown"
          ? `with ${compression}, which is not read. Unpack it first, or compress it with gzip or zstd.`
          : `twice, inside with ${compression}. Decompress it once first.`
    }`
  }
}

/**
 * A compressed source is cut off or damaged. The records before that came out first, and a run sends them.
 *
 * @category errors
 * @since 0.1.0
 */
export class BrokenArchive extends Schema.TaggedError<BrokenArchive>()("BrokenArchive", {
  ...source,
  compression: Schema.Literals(["gzip", "zstd", "brotli"]),
  /** `Cut` (it ends too soon), or `Corrupt`. */
  reason: Schema.Literals(["Cut", "Corrupt"]),
  /** 0-based offset in the compressed source: where it ends; or the damage is there, or in the 64 KiB behind it. */
  byte: Schema.Int,
  /** How many bytes came out of it before. */
  plainBytes: Schema.Int
}) {
  get isAfterRecords(): true {
    return true
  }

  override get message(): string {
    const { byte, compression, plainBytes, source } = this
    const what =
      this.reason === "Cut"
        ? `${source} is cut off: its ${compression} data goes on behind byte ${byte}, where it ends.`
        : `${source} is damaged: its ${compression} data is not valid at byte ${byte} or shortly behind it.`
    return `${what} The first ${plainBytes} bytes that came out of it were read. Get the file again.`
  }
}

interface Sheets {
  readonly sheet: string | undefined
  readonly sheets: ReadonlyArray<string>
}

const listed = ({ sheets }: Sheets): string =>
  sheets.length === 0 ? "none" : sheets.map((name) => JSON.stringify(name)).join(", ")

const sayWhich = ({ sheets: [first = ""] }: Sheets): string => `Say which, such as sheet: ${JSON.stringify(first)}.`

const ofWorkbook = {
  NoReader: () =>
    "is an Excel workbook, and nothing was provided to read it. Save the sheet as CSV, or provide NodeWorkbooks.layer of effect-patchbay/node.",
  NotInstalled: () =>
    "is an Excel workbook, and the package that reads them is not installed. Save the sheet as CSV, or install it: npm install hucre",
  NotSaid: () => 'is an Excel workbook. Read it with format: "xlsx".',
  NotWorkbook: () => 'is to be read as an Excel workbook, and is none. Say what it is, such as format: "csv".',
  OtherFormat: () =>
    "is a spreadsheet of a format that is not read, or has a password. Open it, and save it without a password as .xlsx, or the sheet as CSV.",
  Encrypted: () => "has a password. Open it, and save it without one, or the sheet as CSV.",
  Broken: () =>
    "is cut off or damaged, or no Excel workbook. Open it in Excel to see, and save it again, or get it again.",
  TooLarge: () => "has a sheet that is too large to be read out of a workbook. Save the sheet as CSV.",
  SeveralSheets: (found: Sheets) => `has several sheets: ${listed(found)}. ${sayWhich(found)}`,
  NoSuchSheet: (found: Sheets) =>
    found.sheet === undefined
      ? `has no sheet that is not hidden, of ${listed(found)}. ${sayWhich(found)}`
      : `has no sheet ${JSON.stringify(found.sheet)}. It has ${listed(found)}.`
} as const

/**
 * The source cannot be read as an Excel workbook, or is one that was to be read as something else. Nothing of it came out.
 *
 * - `NoReader`: nothing that reads workbooks was provided.
 * - `NotInstalled`: the package that reads them is not installed.
 * - `NotSaid`: it is a workbook, and neither its name nor the option `format` says so.
 * - `NotWorkbook`: it is something else.
 * - `OtherFormat`: it is a spreadsheet of another format, such as `.xls`, or one with a password.
 * - `Encrypted`: it has a password.
 * - `Broken`: it is cut off or damaged.
 * - `TooLarge`: a sheet is larger than what is held in memory.
 * - `SeveralSheets`: it has several, and none was named.
 * - `NoSuchSheet`: none has the name that was given, or it has none that can be seen.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkbookUnreadable extends Schema.TaggedError<WorkbookUnreadable>()("WorkbookUnreadable", {
  ...source,
  reason: Schema.Literals([
    "NoReader",
    "NotInstalled",
    "NotSaid",
    "NotWorkbook",
    "OtherFormat",
    "Encrypted",
    "Broken",
    "TooLarge",
    "SeveralSheets",
    "NoSuchSheet"
  ]),
  /** The name of the sheet that was asked for. */
  sheet: Schema.UndefinedOr(Schema.String),
  /** The names of the sheets that can be asked for, where those are known. */
  sheets: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.source} ${ofWorkbook[this.reason](this)}`
  }
}

/**
 * A JSON source cannot be told apart from a place on: it is cut off, or quotes or brackets are missing in it, so that nobody
 * can say where the next record starts. The records before that came out first, and a run sends them.
 *
 * @category errors
 * @since 0.1.0
 */
export class JsonBroken extends Schema.TaggedError<JsonBroken>()("JsonBroken", {
  ...source,
  /** 0-based offset of the byte at the place. */
  byte: Schema.Int,
  /** 1-based. */
  line: Schema.Int,
  /** 1-based, in UTF-16 code units; `undefined` where reading went on in the middle of that line. */
  column: Schema.UndefinedOr(Schema.Int),
  /** What is wrong there. */
  problem: Schema.String,
  /** 0-based offset of the byte behind the last record that came out. */
  readTo: Schema.Int
}) {
  get isAfterRecords(): true {
    return true
  }

  override get message(): string {
    const column = this.column === undefined ? "" : `, column ${this.column}`
    return `${this.source} cannot be read on at line ${this.line}${column} (byte ${this.byte}): ${this.problem}. What stands before it was read. Put it right, or get the source again.`
  }
}

/**
 * A document of a JSON source has no array, or two, where its records were said to be.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecordsNotFound extends Schema.TaggedError<RecordsNotFound>()("RecordsNotFound", {
  ...source,
  /** The pointer to the array. */
  pointer: Schema.String,
  /** 1-based line on which the document starts. */
  line: Schema.Int,
  /** What there is instead. */
  found: Schema.Literals(["nothing", "two values", "an object", "a text", "a value"])
}) {
  get isAfterRecords(): true {
    return true
  }

  override get message(): string {
    const not = this.found === "nothing" || this.found === "two values" ? "" : ", and no array"
    return `In ${this.source}, the document on line ${this.line} has ${this.found} at ${this.pointer}${not}. Say where the array of records is with records.`
  }
}

/**
 * The source ends before the position from which it was to be read on: it is another one, or was cut.
 *
 * @category errors
 * @since 0.1.0
 */
export class PositionBeyondEnd extends Schema.TaggedError<PositionBeyondEnd>()("PositionBeyondEnd", {
  ...source,
  /** 0-based offset of the byte at which reading was to start. */
  byte: Schema.Int
}) {
  override get message(): string {
    return `${this.source} ends before byte ${this.byte}, where reading was to go on. Use the source that was read before, or start afresh.`
  }
}

/**
 * Why a stream of bytes cannot be read as customers.
 *
 * @category errors
 * @since 0.1.0
 */
export type BytesError =
  | BrokenArchive
  | InvalidConfiguration
  | InvalidHeader
  | InvalidMapping
  | InvalidUtf8
  | JsonBroken
  | NamesMissing
  | NotNdjson
  | PhoneLibraryMissing
  | PositionBeyondEnd
  | RecordsNotFound
  | UnmarkedEncoding
  | UnsupportedCompression
  | WorkbookUnreadable

/**
 * Why a file cannot be read as customers.
 *
 * @category errors
 * @since 0.1.0
 */
export type CustomerFileError = BytesError | SourceUnreadable | UnsupportedFormat
