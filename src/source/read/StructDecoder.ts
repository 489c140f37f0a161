/**
 * A shortcut for schemas that are plain structs: decodes field by field, and leaves out what cannot fail, such as
 * whether a cell is a string. It gives what the schema's own decoder gives, at a fraction of the cost.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as PlainStruct from "../../json/PlainStruct.ts"
import type { Column } from "./Cells.ts"
import * as Cells from "./Cells.ts"
import { encodeCell } from "./CsvCells.ts"

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
export const plan = ({ ast }: Schema.ConstraintDecoder<unknown>): Plan =>
  PlainStruct.fields(ast)?.map(({ name, type }) => ({
    name,
    required: !PlainStruct.staysAbsent(type),
    string: PlainStruct.takesAsIs(type, "String"),
    boolean: PlainStruct.takesAsIs(type, "Boolean"),
    number: PlainStruct.takesAsIs(type, "Number"),
    null: PlainStruct.takesAsIs(type, "Null"),
    decode: SchemaParser.decodeUnknownExit(Schema.make<Schema.ConstraintDecoder<unknown>>(type))
  }))

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
