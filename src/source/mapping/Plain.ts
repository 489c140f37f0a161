/** Mappings that say no more than names, and what an empty cell means: what such a source holds can be copied. */
import * as Consent from "../../json/Consent.ts"
import * as Cells from "../read/Cells.ts"
import type * as FieldReader from "./FieldReader.ts"
import type { MappedSchema } from "./MappedSchema.ts"
import type { FieldMapping } from "./Model.ts"
import * as Place from "./Place.ts"

/** The same, as options of a reader. */
export interface Plain {
  /** Field to the name that it has in the source. */
  readonly columns: { readonly [field: string]: string }
  readonly empty: Cells.Empty
  readonly otherColumns: "refuse" | "ignore" | undefined
}

/** The options that say the same as a mapping; `undefined` where there are none. */
export const of = (
  { mapping, to }: Pick<MappedSchema, "mapping" | "to">,
  format: "csv" | "ndjson"
): Plain | undefined => {
  const { defaults = {}, fields: given, otherColumns, skip = [] } = mapping
  if (skip.length > 0) return undefined
  const consents = Consent.fields(to.ast)
  const isText = format === "csv"
  const columns: Record<string, string> = {}
  const empty: Record<string, Cells.EmptyCell | undefined> = {}
  for (const field of new Set([...Cells.fields(to.ast).named.keys(), ...Object.keys(given)])) {
    const own = Object.hasOwn(given, field) ? given[field] : undefined
    const { date, from: _, means, phone, words, ...texts } = { ...defaults, ...own } as FieldMapping
    const isSame = means === undefined || means === consents.get(field)
    if (!isSame || words !== undefined || date !== undefined || phone !== undefined) return undefined
    if (!isPlain(texts, isText) || (own?.from !== undefined && typeof own.from !== "string")) return undefined
    const [name, ...inner] = own?.from === undefined ? [field] : Place.parse(own.from, () => undefined)
    if (inner.length > 0) return undefined
    if (own !== undefined) columns[field] = name
    if (typeof texts.empty === "string") empty[field] = texts.empty
  }
  return { columns, empty, otherColumns }
}

const isPlain = (
  { case: toCase, deleteWords = [], empty, emptyWords = [], numberAsText, trim, withoutPrefix }: FieldReader.Texts,
  isText: boolean
): boolean =>
  toCase === undefined &&
  deleteWords.length === 0 &&
  (empty === undefined || typeof empty === "string") &&
  emptyWords.length === 0 &&
  (isText || numberAsText !== true) &&
  trim !== true &&
  withoutPrefix === undefined
