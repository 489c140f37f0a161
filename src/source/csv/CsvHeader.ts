/** The header of a CSV: which column is which field. */
import * as Cells from "../read/Cells.ts"
import type { HeaderIssue } from "../read/CustomerFileError.ts"
import * as FieldNames from "../read/FieldNames.ts"

/** How a header is read. */
export interface Options {
  readonly columns: FieldNames.Columns
  readonly empty: Cells.Empty
  readonly otherColumns: "refuse" | "ignore" | undefined
  /** A name is a field's to the letter, and no column is without one. */
  readonly isStrict: boolean
}

/** A header, understood or not. */
export interface Resolved {
  /** In the order of the schema's fields. */
  readonly columns: ReadonlyArray<Cells.Column>
  /** What is wrong with it. */
  readonly issues: ReadonlyArray<HeaderIssue>
  /** The columns without a name, which must be empty. */
  readonly unnamed: ReadonlyArray<number>
  /** The names that were taken for fields which they differ from. */
  readonly renamed: ReadonlyArray<{ readonly field: string; readonly name: string }>
  /** How many of its names are known. */
  readonly known: number
}

/** What a header says, given what stands in its cells. */
export const resolve = (header: ReadonlyArray<string>, whole: Cells.Fields, options: Options): Resolved => {
  const issues: Array<HeaderIssue> = []
  const fields = Cells.withInner(whole)
  const { fieldsOf: feds, mapped, names, near } = FieldNames.make(fields, options.columns)
  const { isStrict } = options
  const fieldsOf = (name: string) => {
    const fed = feds(name)
    const part = isStrict ? name : name.trim()
    return fed.length === 0 && !names.has(part) && Cells.insideOf(whole, part) !== undefined ? [part] : fed
  }

  const found = new Map<string, number>()
  const other: Array<number> = []
  const unnamed: Array<number> = []
  const renamed: Array<{ readonly field: string; readonly name: string }> = []
  header.forEach((name, index) => {
    const exact = fieldsOf(name)
    const like = exact.length === 0 && !isStrict ? near(name) : undefined
    const fed = like === undefined ? exact : [like]
    const [field] = fed
    // A column without a name is no field of its own.
    if (field === undefined || (name === "" && !names.has(field))) {
      if (name === "" && !isStrict) unnamed.push(index)
      else other.push(index)
      return
    }
    const before = found.get(field)
    if (before !== undefined) {
      issues.push({ kind: "Duplicate", message: twice(header, before, index, field) })
      return
    }
    for (const field of fed) found.set(field, index)
    if (like !== undefined) renamed.push({ field, name })
  })

  const missing = [...names].filter(([field]) => !found.has(field))
  // A field whose mapped column is missing, under its own name: that the mapping is wrong is said below.
  const missingFields = new Set(missing.map(([field]) => field))
  const unknown = other.filter((index) => !missingFields.has(header[index] ?? ""))
  if (unknown.length > 0 && options.otherColumns !== "ignore") {
    issues.push(...unknownColumns(header, unknown, [...missingFields], found.size > 0, mapped))
  }
  for (const [field, name] of missing) {
    if (mapped.has(field)) {
      issues.push({
        kind: "Missing",
        message: `No column is named ${quote(name)}, which is mapped to ${field}. Correct that.`
      })
    } else if (fields.named.get(field)?.required === true) {
      issues.push({
        kind: "Missing",
        message: `Every record needs ${field}, and no column is named so. Add it, or map one with columns: { ${field}: "…" }.`
      })
    }
  }

  for (const field of whole.inner.keys()) {
    const part = found.has(field)
      ? [...found.keys()].find((name) => Cells.insideOf(whole, name)?.field === field)
      : undefined
    if (part !== undefined) {
      issues.push({
        kind: "Duplicate",
        message: `Column ${(found.get(part) ?? 0) + 1} is a part of ${field}, which column ${(found.get(field) ?? 0) + 1} is the whole of. Take one of them out.`
      })
    }
  }

  const order = [...fields.named.keys(), ...found.keys()]
  const columns = [...new Set(order)].flatMap((field): ReadonlyArray<Cells.Column> => {
    const index = found.get(field)
    if (index === undefined) return []
    const inside = Cells.insideOf(whole, field)
    return [{ index, field, inside, takes: Cells.takesOf(whole, field), empty: Cells.emptyOf(options.empty, field) }]
  })
  const mustBeEmpty = options.otherColumns === "ignore" ? [] : unnamed
  return { columns, issues, unnamed: mustBeEmpty, renamed, known: found.size }
}

/** What is said of two columns that are the same field. */
const twice = (header: ReadonlyArray<string>, before: number, index: number, field: string): string => {
  const [one = "", other = ""] = [header[before], header[index]]
  return one === other
    ? `Column ${index + 1} has the same name as column ${before + 1}. Rename one.`
    : `Columns ${before + 1} and ${index + 1}, ${quote(one)} and ${quote(other)}, would both be read as ${field}. Rename one, or take names to the letter with strictHeader: true.`
}

// So many are told one by one; a file with more of them is another file.
const most = 8

const unknownColumns = (
  header: ReadonlyArray<string>,
  unknown: ReadonlyArray<number>,
  missing: ReadonlyArray<string>,
  someAreKnown: boolean,
  mapped: ReadonlyMap<string, string>
): ReadonlyArray<HeaderIssue> => {
  const issues: Array<HeaderIssue> = []
  for (const index of unknown) {
    const name = header[index] ?? ""
    const elsewhere = mapped.get(name)
    if (elsewhere !== undefined) {
      issues.push({
        kind: "Unknown",
        message: `Column ${index + 1}, ${quote(name)}, ${FieldNames.unread(name, elsewhere)}. Take it out, or ${leave}.`
      })
      continue
    }
    const like = Cells.nearest(name, missing)
    // A row in which no name is known, or nearly so, may be a customer: such names are not repeated.
    if (someAreKnown || (like !== undefined && name.length >= 5)) {
      issues.push({ kind: "Unknown", message: unknownColumn(index, name, like) })
    }
  }
  const more = unknown.length - most
  if (more > 0 && issues.length > most) {
    return [...issues.slice(0, most), { kind: "Unknown", message: `So are ${more} more columns.` }]
  }
  if (issues.length > 0) return issues
  const message = `None of its ${header.length} columns is a field. Does the file start with a row of names, and is the delimiter right?`
  return [{ kind: "Unknown", message }]
}

const unknownColumn = (index: number, name: string, like: string | undefined): string => {
  if (name === "") return `Column ${index + 1} has no name. Name it, take it out, or ${leave}.`
  const showable = Cells.isShowable(name.trim())
  const shown = showable ? `, ${quote(name)},` : ""
  const spaces = name === name.trim() ? "" : " Spaces stand around its name."
  return like === undefined
    ? `Column ${index + 1}${shown} is no field.${spaces} Map it with columns, or ${leave}.`
    : `Column ${index + 1}${shown} is no field.${spaces} Did you mean ${like}? Rename it, map it with columns: { ${like}: ${showable ? quote(name) : '"…"'} }, or ${leave}.`
}

const leave = `leave such columns out with otherColumns: "ignore"`

const quote = (name: string): string => JSON.stringify(name)
