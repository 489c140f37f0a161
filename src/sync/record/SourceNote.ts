/**
 * What a source has to tell of itself, once a run: how it was read, and what of it was not.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Format from "../../base/Format.ts"

/**
 * A name that no record of a source had.
 *
 * @category models
 * @since 0.1.0
 */
export const MissingName = Schema.Struct({
  field: Schema.String,
  /** The name that it should have had in the source. */
  name: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type MissingName = typeof MissingName.Type

/** How many, and on which lines the first five of them start, where the source has lines. */
const some = {
  records: Schema.Int,
  lines: Schema.Array(Schema.Int)
}

/**
 * What a source tells, without customer data:
 *
 * - `NeverFound`: a field is mapped to a name that no record had. Told once the source has been read to its end.
 * - `ReadAs`: a column was taken for the field from which its name differs in case, spaces, `_` or `-` only.
 * - `HeaderRepeated`: rows that are the header once more were passed over.
 * - `ShortRows`: rows lack cells at their end, which were read as absent.
 * - `BelowTable`: the table was said to end at a blank line, and what stands below that line was not read.
 * - `Suspicious`: values that a spreadsheet may have spoiled were read as they stand, because their field is neither an id
 *   nor a phone number, or because the check was switched off.
 *
 * Counts are of what this run has read.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SourceNote = Schema.Union([
  Schema.TaggedStruct("NeverFound", MissingName.fields),
  Schema.TaggedStruct("ReadAs", { field: Schema.String, name: Schema.String }),
  Schema.TaggedStruct("HeaderRepeated", some),
  Schema.TaggedStruct("ShortRows", some),
  Schema.TaggedStruct("BelowTable", { line: Schema.Int }),
  Schema.TaggedStruct("Suspicious", { field: Schema.String, check: Schema.String, ...some })
])

/**
 * @category models
 * @since 0.1.0
 */
export type SourceNote = typeof SourceNote.Type

/**
 * What several sources tell, read as one: what is the same once, and of names that were never found those that were found in
 * none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const together = (each: ReadonlyArray<ReadonlyArray<SourceNote>>): ReadonlyArray<SourceNote> => {
  const all = new Map(each.flat().map((note) => [JSON.stringify(note), note]))
  const inEach = (field: string) =>
    each.every((notes) => notes.some((note) => note._tag === "NeverFound" && note.field === field))
  return [...all.values()].filter((note) => note._tag !== "NeverFound" || inEach(note.field))
}

/** `3 rows, on lines 4, 9, 12`. */
const many = (
  what: string,
  { lines, records }: { readonly records: number; readonly lines: ReadonlyArray<number> }
) => {
  const count = `${Format.count(records)} ${records === 1 ? what : `${what}s`}`
  if (lines.length === 0) return count
  const place = `on ${records === 1 ? "line" : "lines"} ${lines.map(String).join(", ")}`
  return `${count}, ${place}${records > lines.length ? " …" : ""}`
}

const shapes: { readonly [check: string]: string } = {
  "white-space": "start or end with white space",
  apostrophe: "start with an apostrophe",
  scientific: "are written like 1.2E+12",
  "error-value": "are a spreadsheet's error",
  formula: "start with ="
}

/**
 * What is told, as a row of a table.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (note: SourceNote): readonly [title: string, text: string] => {
  switch (note._tag) {
    case "NeverFound":
      return [`never sent: ${note.field}`, `no record has ${JSON.stringify(note.name)}, which is mapped to it`]
    case "ReadAs":
      return ["read", `${JSON.stringify(note.name)} as ${note.field}`]
    case "HeaderRepeated":
      return ["passed over", `the header once more: ${many("row", note)}`]
    case "ShortRows":
      return ["short rows", `cells that lack at the end are absent: ${many("row", note)}`]
    case "BelowTable":
      return ["not read", `what stands below the blank line ${note.line}, at which the table ends`]
    case "Suspicious":
      return [`suspicious: ${note.field}`, `values that ${shapes[note.check] ?? note.check}: ${many("record", note)}`]
  }
}
