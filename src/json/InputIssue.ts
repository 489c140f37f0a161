/**
 * What is wrong with an input, said without the input: safe to log and to report.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
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
 * The names that a schema itself gives to properties, however deep.
 *
 * @category getters
 * @since 0.1.0
 */
export const names = (ast: SchemaAST.AST): ReadonlySet<string> => {
  const names = new Set<string>()
  const seen = new Set<SchemaAST.AST>()
  const visit = (node: SchemaAST.AST): void => {
    if (seen.has(node)) return
    seen.add(node)
    switch (node._tag) {
      case "Objects":
        for (const { name, type } of node.propertySignatures) {
          names.add(String(name))
          visit(type)
        }
        for (const { type } of node.indexSignatures) visit(type)
        return
      case "Arrays":
        for (const type of [...node.elements, ...node.rest]) visit(type)
        return
      case "Union":
        for (const type of node.types) visit(type)
        return
      case "Suspend":
        visit(node.thunk())
    }
  }
  visit(SchemaAST.toEncoded(ast))
  visit(SchemaAST.toType(ast))
  return names
}

/**
 * The same issue with none but these names in its path: keys that a schema leaves open, such as those of a customer's
 * metadata, are the customer's.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutData = ({ message, path }: InputIssue, names: ReadonlySet<string>): InputIssue => ({
  path: path.map((part) => (typeof part === "number" || names.has(part) ? part : "*")),
  message
})

// As names of fields are written; any other may be a customer's.
const fieldName = /^[A-Za-z_]\w{0,63}$/

/**
 * A name that no schema gives, as it may be told.
 *
 * @category formatting
 * @since 0.1.0
 */
export const foreignName = (name: string): string => (fieldName.test(name) ? name : "*")

/**
 * The issues in one line: `email: Expected string; createdAt: Missing key`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (issues: ReadonlyArray<InputIssue>): string =>
  issues.map(({ message, path }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)).join("; ")
