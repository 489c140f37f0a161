/**
 * A shortcut for schemas that are plain structs: encodes field by field, and looks only at what can fail. It gives what
 * the schema's own encoder gives, at a fraction of the cost.
 *
 * @since 0.1.0
 */
import { Exit, Result, Schema, SchemaAST, SchemaParser } from "effect"
import * as InputIssue from "./InputIssue.ts"

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
 * The JSON of a value, or every issue of a value that does not fit the schema. To be made once for many values.
 *
 * @category encoding
 * @since 0.1.0
 */
export const json = (
  schema: Schema.ConstraintEncoder<unknown>
): ((value: unknown) => Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>) => {
  const whole = Schema.encodeUnknownResult(schema, { errors: "all" })
  const steps = plan(schema.ast)
  return (value) => {
    const quick = steps === undefined ? undefined : encode(steps, value)
    if (quick !== undefined) return Result.succeed(JSON.stringify(quick))
    const encoded = whole(value)
    return Result.isSuccess(encoded)
      ? Result.succeed(JSON.stringify(encoded.success))
      : Result.fail(InputIssue.fromSchemaIssue(encoded.failure.issue))
  }
}

const plan = (ast: SchemaAST.AST): ReadonlyArray<Step> | undefined => {
  if (ast._tag !== "Objects" || ast.encoding || ast.checks || ast.encodingChecks || ast.indexSignatures.length > 0) {
    return undefined
  }
  const steps: Array<Step> = []
  for (const { name, type } of ast.propertySignatures) {
    if (typeof name !== "string" || name in Object.prototype) return undefined
    const field = Schema.make<Schema.Codec<unknown>>(type)
    steps.push({
      name,
      required: !SchemaAST.isOptional(type) || !SchemaAST.isOptional(SchemaAST.toEncoded(type)),
      string: takesAsIs(type, "String"),
      boolean: takesAsIs(type, "Boolean"),
      null: takesAsIs(type, "Null"),
      is: SchemaAST.toEncoded(type) === SchemaAST.toType(type) ? SchemaParser.is(field) : undefined,
      encode: SchemaParser.encodeUnknownExit(field)
    })
  }
  return steps
}

// The hot loop of every sync. It gives `undefined` where only the schema's own encoder can tell.
const encode = (steps: ReadonlyArray<Step>, value: unknown): object | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const encoded: Record<string, unknown> = {}
  for (const step of steps) {
    const { name } = step
    const field = (value as { readonly [name: string]: unknown })[name]
    if (field === undefined) {
      if (step.required || name in value) return undefined
      continue
    }
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
  return encoded
}

const plain = new Set<SchemaAST.AST["_tag"]>(["String", "Boolean", "Null", "Undefined"])

const isPlain = (ast: SchemaAST.AST): boolean =>
  plain.has(ast._tag) && ast.encoding === undefined && ast.checks === undefined

/** Whether every value of a primitive type is encoded as itself. */
const takesAsIs = (ast: SchemaAST.AST, tag: "String" | "Boolean" | "Null"): boolean => {
  if (ast._tag !== "Union") return ast._tag === tag && isPlain(ast)
  const free = ast.encoding === undefined && ast.checks === undefined && ast.encodingChecks === undefined
  return (
    free && ast.options?.mode !== "oneOf" && ast.types.every(isPlain) && ast.types.some((type) => type._tag === tag)
  )
}
