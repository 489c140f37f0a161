/**
 * What is wrong with an input, said without the input: safe to log and to report.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/**
 * One thing that is wrong with an input.
 *
 * @category models
 * @since 0.1.0
 */
export const InputIssue = Schema.Struct({
  /** Where, from the outside in: `["data", "createdAt"]`; empty for the input as a whole. */
  path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
  /** What was expected there. Never the value that was found. */
  message: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type InputIssue = typeof InputIssue.Type

// The default hooks print a rejected value only where the parser was asked to report it; nothing here asks.
const flatten = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * Every single issue of a schema's failure, in the order they were found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSchemaIssue = (issue: SchemaIssue.Issue): ReadonlyArray<InputIssue> =>
  flatten(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((part) => {
      const key = typeof part === "object" ? part.key : part
      return typeof key === "number" ? key : String(key)
    }),
    message
  }))

/**
 * The issues in one line: `email: Expected string; createdAt: Missing key`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (issues: ReadonlyArray<InputIssue>): string =>
  issues.map(({ message, path }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)).join("; ")
