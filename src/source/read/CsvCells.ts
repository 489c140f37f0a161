/** The cells of a row as the value that the schema decodes, and as they were read. */
import type { InputIssue } from "../../json/InputIssue.ts"
import type { RecordInput, Row } from "../../sync/model/CustomerRecord.ts"
import type { Column } from "./Cells.ts"
import * as Cells from "./Cells.ts"

/** The cells as the value that the schema decodes. */
export const encode = (columns: ReadonlyArray<Column>, cells: ReadonlyArray<string>): object => {
  const encoded: Record<string, unknown> = {}
  for (const column of columns) {
    const { empty, index, takes } = column
    const cell = cells[index] ?? ""
    const value = cell === "" ? valuesOfEmpty[empty] : Cells.read(takes, cell)
    if (value !== undefined) put(encoded, column, value)
  }
  return encoded
}

/** An empty cell as the value of its field; `undefined` where the field is absent. */
const valuesOfEmpty: { readonly [meaning in Cells.EmptyCell]: unknown } = { absent: undefined, null: null, text: "" }

const put = (encoded: Record<string, unknown>, { field, inside }: Column, value: unknown): void => {
  if (inside === undefined) {
    set(encoded, field, value)
    return
  }
  const known = Object.hasOwn(encoded, inside.field) ? encoded[inside.field] : undefined
  // No cell is read as the whole object where others are read as parts of it.
  const object = (known ?? {}) as Record<string, unknown>
  if (known === undefined) set(encoded, inside.field, object)
  set(object, inside.key, value)
}

/** What cells would have been changed by being read. */
export const issues = (columns: ReadonlyArray<Column>, cells: ReadonlyArray<string>): ReadonlyArray<InputIssue> =>
  columns.flatMap(({ field, index, inside, takes }) => Cells.issues(takes, cells[index] ?? "", field, inside))

/** The cells as read, by the names of their fields. */
export const input = (columns: ReadonlyArray<Column>, cells: ReadonlyArray<string>): RecordInput => {
  const value: Record<string, string> = {}
  for (const { field, index } of columns) set(value, field, cells[index] ?? "")
  return { format: "cells", value }
}

/** All cells, with what is no field too. */
export const row = (names: ReadonlyArray<string>, cells: ReadonlyArray<string>): Row => ({
  cells: names.map((name, index) => [name, cells[index] ?? ""])
})

const set = (object: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  } else {
    object[key] = value
  }
}
