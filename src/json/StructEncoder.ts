/**
 * A shortcut for schemas that are plain structs: encodes field by field, and looks only at what can fail. It gives what
 * the schema's own encoder gives where no other field is lawful, at a fraction of the cost.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as InputIssue from "./InputIssue.ts"
import * as PlainStruct from "./PlainStruct.ts"

interface Step {
  readonly name: string
  readonly required: boolean
  readonly string: boolean
  readonly boolean: boolean
  readonly null: boolean
  /** Whether a value that fits is encoded as itself. */
  readonly is: ((value: unknown) => boolean) | undefined
  readonly encode: (value: unknown) => Exit.Exit<unknown, unknown>
}

/**
 * The JSON of a value, or every issue of a value that does not fit the schema, or has a field that the schema does not have
 * and that would not be sent. To be made once for many values.
 *
 * @category encoding
 * @since 0.1.0
 */
export const json = (
  schema: Schema.ConstraintEncoder<unknown>
): ((value: unknown) => Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>) => {
  const whole = Schema.encodeUnknownResult(schema, { errors: "all", ...exact })
  const steps = plan(schema.ast)
  const names = InputIssue.names(schema.ast)
  return (value) => {
    const quick = steps === undefined ? undefined : encode(steps, value)
    if (quick !== undefined) return Result.succeed(JSON.stringify(quick))
    const encoded = whole(value)
    return Result.isSuccess(encoded)
      ? Result.succeed(JSON.stringify(encoded.success))
      : Result.fail(InputIssue.fromSchemaIssue(encoded.failure.issue).map((issue) => told(issue, names)))
  }
}

const exact = { onExcessProperty: "error" } as const

// What the schema calls a field that it does not have.
const excess = "Expected no excess property"

const told = (issue: InputIssue.InputIssue, names: ReadonlySet<string>): InputIssue.InputIssue => {
  const { message, path } = InputIssue.withoutData(issue, names)
  if (message !== excess) return { message, path }
  const name = InputIssue.foreignName(String(issue.path.at(-1)))
  return { path: [...path.slice(0, -1), name], message: "There is no such field, and it would not be sent" }
}

const plan = (ast: SchemaAST.AST): ReadonlyArray<Step> | undefined =>
  PlainStruct.fields(ast)?.map(({ name, type }) => {
    const field = Schema.make<Schema.Codec<unknown>>(type)
    // Only a struct has fields that are not its own.
    const isOpen = InputIssue.names(type).size === 0
    return {
      name,
      required: !SchemaAST.isOptional(type) || !SchemaAST.isOptional(SchemaAST.toEncoded(type)),
      string: PlainStruct.takesAsIs(type, "String"),
      boolean: PlainStruct.takesAsIs(type, "Boolean"),
      null: PlainStruct.takesAsIs(type, "Null"),
      is: isOpen && SchemaAST.toEncoded(type) === SchemaAST.toType(type) ? SchemaParser.is(field) : undefined,
      encode: SchemaParser.encodeUnknownExit(field, isOpen ? undefined : exact)
    }
  })

// The hot loop of every record that a destination encodes. It gives `undefined` where only the schema's own encoder can tell.
const encode = (steps: ReadonlyArray<Step>, value: unknown): object | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  // What inherits fields has others than its own.
  if (prototype !== Object.prototype && prototype !== null) return undefined
  const encoded: Record<string, unknown> = {}
  let left = Object.keys(value).length
  for (const step of steps) {
    const { name } = step
    const field = (value as { readonly [name: string]: unknown })[name]
    if (field === undefined) {
      if (step.required || name in value) return undefined
      continue
    }
    left--
    const type = typeof field
    if (type === "string" ? step.string : type === "boolean" ? step.boolean : field === null && step.null) {
      encoded[name] = field
    } else if (step.is !== undefined) {
      if (!step.is(field)) return undefined
      encoded[name] = field
    } else {
      const exit = step.encode(field)
      if (Exit.isFailure(exit)) return undefined
      encoded[name] = exit.value
    }
  }
  // Something else is in it.
  return left === 0 ? encoded : undefined
}
