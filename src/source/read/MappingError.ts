/** Why a mapping cannot be used. */
import * as JsonPointer from "effect/JsonPointer"
import * as Schema from "effect/Schema"

/**
 * A mapping does not say what it must, says what nobody knows, or does not fit the destination.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidMapping extends Schema.TaggedError<InvalidMapping>()("InvalidMapping", {
  /** The path of the file; `mapping` for a value of code. */
  source: Schema.String,
  issues: Schema.NonEmptyArray(
    Schema.Struct({
      /** Where in the mapping, from the outside in: `["fields", "phone", "from"]`. */
      path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
      /** What is wrong there, and what to do. */
      message: Schema.String
    })
  )
}) {
  override get message(): string {
    const told = this.issues.map(({ message, path }) =>
      path.length === 0
        ? `It ${message}`
        : `${path.map((name) => `/${JsonPointer.escapeToken(String(name))}`).join("")} ${message}`
    )
    return `${this.source} cannot be used as a mapping. ${told.map((text) => (text.endsWith("?") ? text : `${text}.`)).join(" ")}`
  }
}

/**
 * The file of a mapping is missing, may not be read, or is no JSON.
 *
 * @category errors
 * @since 0.1.0
 */
export class MappingUnreadable extends Schema.TaggedError<MappingUnreadable>()("MappingUnreadable", {
  /** The path of the file. */
  source: Schema.String,
  /** The platform's reason, `NotFound`, `PermissionDenied` …, or where the text ceases to be JSON. */
  reason: Schema.String
}) {
  override get message(): string {
    return `The mapping ${this.source} cannot be read: ${this.reason}.`
  }
}

/**
 * A mapping reads phone numbers, and the package that knows them is not installed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PhoneLibraryMissing extends Schema.TaggedError<PhoneLibraryMissing>()("PhoneLibraryMissing", {}) {
  override get message(): string {
    return "The mapping reads phone numbers, for which the package libphonenumber-js is needed. Install it beside effect-patchbay (npm install libphonenumber-js), or take phone out of the mapping."
  }
}
