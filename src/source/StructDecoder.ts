/**
 * A shortcut for schemas that are plain structs: decodes field by field, and leaves out what cannot fail, such as
 * whether a cell is a string. It gives what the schema's own decoder gives, at a fraction of the cost.
 *
 * @since 0.1.0
 */
import { Exit, Schema, SchemaAST, SchemaParser } from "effect"
import * as Cells from "./Cells.ts"
import { encodeCell } from "./CsvCells.ts"
import type { Column } from "./CsvHeader.ts"

/** One field, and which of its values decode to themselves. */
interface Step {
  readonly name: string
  readonly required: boolean
  readonly string: boolean
  readonly boolean: boolean
  readonly number: boolean
  readonly null: boolean
  readonly decode: (value: unknown) => Exit.Exit<unknown, unknown>
}

interface CellStep extends Step {
  readonly column: Column
  /** The cell is the value, unless it is empty. */
  readonly text: boolean
}

/**
 * The fields of a schema that is a plain struct, in its order; `undefined` for any other.
 *
 * @category models
 * @since 0.1.0
 */
export type Plan = ReadonlyArray<Step> | undefined

/**
 * What is to be done for each field of a schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plan = ({ ast }: Schema.ConstraintDecoder<unknown>): Plan => {
  if (ast._tag !== "Objects" || ast.encoding || ast.checks || ast.encodingChecks || ast.indexSignatures.length > 0) {
    return undefined
  }
  const steps: Array<Step> = []
  for (const { name, type } of ast.propertySignatures) {
    // What objects inherit under such a name, the schema's decoder takes for a field.
    if (typeof name !== "string" || name in Object.prototype) return undefined
    steps.push({
      name,
      required: !staysAbsent(type),
      string: takesAsIs(type, "String"),
      boolean: takesAsIs(type, "Boolean"),
      number: takesAsIs(type, "Number"),
      null: takesAsIs(type, "Null"),
      decode: SchemaParser.decodeUnknownExit(Schema.make<Schema.ConstraintDecoder<unknown>>(type))
    })
  }
  return steps
}

// The two functions below are the hot loop of every source. They give `undefined` where only the schema's own decoder
// can tell, as for each record that does not fit.

/**
 * Decodes the cells of rows with these columns.
 *
 * @category decoding
 * @since 0.1.0
 */
export const cells = (
  plan: Plan,
  columns: ReadonlyArray<Column>
): ((cells: ReadonlyArray<string>) => object | undefined) => {
  const steps: Array<CellStep> = []
  for (const step of plan ?? []) {
    const column = columns.find(({ field }) => field === step.name)
    if (column !== undefined) steps.push({ ...step, column, text: Cells.isText(column.takes) })
    else if (step.required) return never
  }
  if (plan === undefined) return never
  return (cells) => {
    const patch: Record<string, unknown> = {}
    for (const step of steps) {
      const cell = cells[step.column.index] ?? ""
      if (cell !== "" && step.text && step.string) {
        patch[step.name] = cell
        continue
      }
      const value = encodeCell(step.column, cell)
      if (value === undefined ? step.required : !assign(patch, step, value)) return undefined
    }
    return patch
  }
}

/**
 * Decodes objects that came out of JSON.
 *
 * @category decoding
 * @since 0.1.0
 */
export const json = (plan: Plan): ((value: unknown) => object | undefined) => {
  if (plan === undefined) return never
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
    const patch: Record<string, unknown> = {}
    for (const step of plan) {
      // JSON has no undefined.
      const field = (value as { readonly [name: string]: unknown })[step.name]
      if (field === undefined ? step.required : !assign(patch, step, field)) return undefined
    }
    return patch
  }
}

const never = () => undefined

const assign = (patch: Record<string, unknown>, step: Step, value: unknown): boolean => {
  const type = typeof value
  if (
    type === "string"
      ? step.string
      : type === "boolean"
        ? step.boolean
        : type === "number"
          ? step.number
          : value === null && step.null
  ) {
    patch[step.name] = value
    return true
  }
  const exit = step.decode(value)
  if (Exit.isSuccess(exit)) patch[step.name] = exit.value
  return Exit.isSuccess(exit)
}

/** Types that take a value as it is, or do not take it. */
const plain = new Set<SchemaAST.AST["_tag"]>(["String", "Boolean", "Number", "Null", "Undefined", "Literal"])

const isPlain = (ast: SchemaAST.AST): boolean =>
  plain.has(ast._tag) && ast.encoding === undefined && ast.checks === undefined

/** Whether every value of a primitive type decodes to itself. */
const takesAsIs = (ast: SchemaAST.AST, tag: "String" | "Boolean" | "Number" | "Null"): boolean => {
  if (ast._tag !== "Union") return ast._tag === tag && isPlain(ast)
  const free = ast.encoding === undefined && ast.checks === undefined && ast.encodingChecks === undefined
  return (
    free && ast.options?.mode !== "oneOf" && ast.types.every(isPlain) && ast.types.some((type) => type._tag === tag)
  )
}

/** Whether a field that is absent in the source is absent in the patch: it is optional and has no default. */
const staysAbsent = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isOptional(ast) &&
  SchemaAST.isOptional(SchemaAST.toEncoded(ast)) &&
  (ast.encoding ?? []).every(
    ({ to, transformation }) =>
      to.encoding === undefined &&
      transformation._tag === "Transformation" &&
      (transformation.decode._tag === "Passthrough" || transformation.decode._tag === "Transform")
  )
