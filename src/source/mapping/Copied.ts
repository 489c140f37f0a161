/** Mappings that say no more than names, trim and words: the rows of a CSV can be copied through them. */
import * as Consent from "../../json/Consent.ts"
import * as Cells from "../read/Cells.ts"
import * as Suspicious from "../read/Suspicious.ts"
import * as FieldReader from "./FieldReader.ts"
import type { MappedSchema } from "./MappedSchema.ts"
import * as Place from "./Place.ts"

const quiet = (): void => undefined

/** By field, what is done to its cell; `undefined` where each row must be read by itself. */
export const of = ({
  mapping,
  to
}: Pick<MappedSchema, "mapping" | "to">): ReadonlyMap<string, Cells.Copy> | undefined => {
  if ((mapping.skip ?? []).length > 0) return undefined
  const consents = Consent.fields(to.ast)
  const copies = new Map<string, Cells.Copy>()
  for (const { name: field, takes } of Cells.fields(to.ast).named.values()) {
    const own = (Object.hasOwn(mapping.fields, field) ? mapping.fields[field] : undefined) ?? {}
    const { date, from = Place.nameOf([field]), means, phone, words } = own
    const texts = { ...mapping.defaults, ...own }
    if (date !== undefined || phone !== undefined || typeof from !== "string" || !isPlain(texts)) return undefined
    if (Place.parse(from, quiet).length > 1) return undefined
    const consent = consents.get(field)
    const table = words === undefined ? undefined : jsonOf(FieldReader.tableOf(words, consent, means, quiet))
    if (table === undefined && means !== undefined && means !== consent) return undefined
    const { empty = "absent", trim = false } = texts
    if (typeof empty !== "string") return undefined
    copies.set(field, { field, takes, empty, trims: trim, words: table })
  }
  return copies
}

const isPlain = ({ case: toCase, deleteWords = [], emptyWords = [], withoutPrefix }: FieldReader.Texts): boolean =>
  toCase === undefined && deleteWords.length === 0 && emptyWords.length === 0 && withoutPrefix === undefined

/** A null, and a text that looks spoiled, is for the schema's reader, which may refuse it. */
const jsonOf = (table: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> =>
  new Map([...table].flatMap(([word, meaning]) => (isCopied(meaning) ? [[word, JSON.stringify(meaning)]] : [])))

const isCopied = (meaning: unknown): boolean =>
  meaning !== null && (typeof meaning !== "string" || Suspicious.of(meaning) === undefined)
