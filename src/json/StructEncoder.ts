/** JSON of values that have no field but those of their schema. */
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as InputIssue from "./InputIssue.ts"
import * as PlainStruct from "./PlainStruct.ts"

/**
 * The JSON of a value, or every issue of a value that does not fit the schema, or has a field that the schema does not have
 * and that would not be sent, or a number that JSON has no form for and would make null of. To be made once for many values.
 */
export const json = (
  schema: Schema.ConstraintEncoder<unknown>
): ((value: unknown) => Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>) => {
  const strict = Schema.encodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })
  const quick = isFlat(schema.ast) ? SchemaParser.encodeUnknownExit(schema) : undefined
  const names = InputIssue.names(schema.ast)
  const mayBeNull = holdsAnyNumber(SchemaAST.toEncoded(schema.ast), [])
  const write = (encoded: unknown): Result.Result<string, ReadonlyArray<InputIssue.InputIssue>> => {
    const issues = mayBeNull ? notFinite(encoded, []) : []
    return issues.length === 0
      ? Result.succeed(JSON.stringify(encoded))
      : Result.fail(issues.map((issue) => told(issue, names)))
  }
  return (value) => {
    // Looking for other fields, and for all issues, takes the schema's own encoder three times as long.
    const exit = quick?.(value)
    if (exit !== undefined && Exit.isSuccess(exit) && hasNamesOf(exit.value, value)) {
      return write(exit.value)
    }
    const encoded = strict(value)
    return Result.isSuccess(encoded)
      ? write(encoded.success)
      : Result.fail(InputIssue.fromSchemaIssue(encoded.failure.issue).map((issue) => told(issue, names)))
  }
}

// Of these checks, each leaves finite numbers only.
const finite = new Set<unknown>(["effect/schema/isFinite", "effect/schema/isInt"])

/** Whether a value of a type may hold a number that is not finite. */
const holdsAnyNumber = (ast: SchemaAST.AST, outer: ReadonlyArray<SchemaAST.AST>): boolean => {
  if (outer.includes(ast)) return false
  const some = (types: ReadonlyArray<SchemaAST.AST>) => types.some((type) => holdsAnyNumber(type, [...outer, ast]))
  switch (ast._tag) {
    case "Number":
      return (ast.checks ?? []).every((check) => !finite.has(check.annotations?.representation?.id))
    case "Objects":
      return some([...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type))
    case "Arrays":
      return some([...ast.elements, ...ast.rest])
    case "Union":
      return some(ast.types)
    case "Suspend":
      return some([ast.thunk()])
    case "Unknown":
    case "Any":
    case "ObjectKeyword":
    case "Declaration":
      return true
    default:
      return false
  }
}

/** The numbers in an encoded value that are not finite. */
const notFinite = (value: unknown, path: ReadonlyArray<string | number>): ReadonlyArray<InputIssue.InputIssue> => {
  if (typeof value === "number") return Number.isFinite(value) ? [] : [{ path, message: "Expected a finite number" }]
  if (Array.isArray(value)) return value.flatMap((inner: unknown, index) => notFinite(inner, [...path, index]))
  return Predicate.isObject(value)
    ? Object.entries(value).flatMap(([name, inner]) => notFinite(inner, [...path, name]))
    : []
}

/** Whether a schema is a struct without structs in it, where no other field can hide. */
const isFlat = (ast: SchemaAST.AST): boolean =>
  PlainStruct.fields(ast)?.every(({ type }) => InputIssue.names(type).size === 0) === true

const hasNamesOf = (encoded: unknown, value: unknown): boolean =>
  Predicate.isObject(encoded) &&
  Predicate.isObject(value) &&
  Object.keys(value).every((name) => Object.hasOwn(encoded, name))

// What the schema calls a field that it does not have.
const excess = "Expected no excess property"

const told = (issue: InputIssue.InputIssue, names: ReadonlySet<string>): InputIssue.InputIssue => {
  const { message, path } = InputIssue.withoutData(issue, names)
  if (message !== excess) return { message, path }
  const name = InputIssue.foreignName(String(issue.path.at(-1)))
  return { path: [...path.slice(0, -1), name], message: "There is no such field, and it would not be sent" }
}
