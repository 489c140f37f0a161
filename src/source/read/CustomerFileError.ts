/**
 * Why a source cannot be read at all. Single records that cannot be read are no errors: they are records
 * too, and reading goes on.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { InvalidConfiguration } from "../../http/InvalidConfiguration.ts"
import { MissingName } from "../../sync/record/Source.ts"

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
 * The name of the file does not say whether it is CSV or NDJSON.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedFormat extends Schema.TaggedError<UnsupportedFormat>()("UnsupportedFormat", source) {
  override get message(): string {
    return `${this.source} ends in neither .csv nor .ndjson nor .jsonl. Say what it is with the option format.`
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
          : `${none} ${JSON.stringify(name)}, which is mapped to ${field}. Correct columns.`
      })
      .join(" ")
  }
}

/**
 * The source is not UTF-8. All records on the lines before came out first.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidUtf8 extends Schema.TaggedError<InvalidUtf8>()("InvalidUtf8", {
  ...source,
  /** 0-based offset of the first byte of the sequence that is not UTF-8. */
  byte: Schema.Int,
  /** 1-based line on which it is. */
  line: Schema.Int
}) {
  override get message(): string {
    return `${this.source} is not UTF-8 at byte ${this.byte} (line ${this.line}). Convert it to UTF-8 first.`
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
export type BytesError = InvalidConfiguration | InvalidHeader | InvalidUtf8 | NamesMissing | PositionBeyondEnd

/**
 * Why a file cannot be read as customers.
 *
 * @category errors
 * @since 0.1.0
 */
export type CustomerFileError = BytesError | SourceUnreadable | UnsupportedFormat
