/**
 * Which name of a source goes into which field: the same for the columns of a CSV and for the names in a line of NDJSON.
 *
 * A name feeds every field that is mapped to it, and the field that is called so, unless that field is mapped to another
 * name.
 */
import type * as Cells from "./Cells.ts"

/** Field to the name that it has in the source, where that was said. */
export type Columns = { readonly [field: string]: string | undefined } | undefined

export interface FieldNames {
  /** Field to its name in the source: every field of the schema, and those that are mapped. */
  readonly names: ReadonlyMap<string, string>
  /** Field to name, of those that are mapped. */
  readonly mapped: ReadonlyMap<string, string>
  /** The fields that a name feeds. */
  readonly fieldsOf: (name: string) => ReadonlyArray<string>
  /** The field that a name which feeds none differs from in case, spaces, `_` or `-` only, if it is one. */
  readonly near: (name: string) => string | undefined
}

/** What of them a dead letter keeps. */
export const kept = (columns: Columns): { readonly columns?: { readonly [field: string]: string } } => {
  const named = Object.entries(columns ?? {}).flatMap(([field, name]) => (name === undefined ? [] : [[field, name]]))
  return named.length === 0 ? {} : { columns: Object.fromEntries(named) }
}

const none: ReadonlyArray<string> = []

/** The names of the fields of a schema. */
export const make = (fields: Cells.Fields, columns: Columns): FieldNames => {
  const mapped = new Map<string, string>()
  for (const [field, name] of Object.entries(columns ?? {})) if (name !== undefined) mapped.set(field, name)
  const names = new Map([...fields.named.keys()].map((field) => [field, mapped.get(field) ?? field]))
  for (const [field, name] of mapped) names.set(field, name)
  const fed = new Map<string, Array<string>>()
  for (const [field, name] of names) {
    const one = fed.get(name)
    if (one === undefined) fed.set(name, [field])
    else one.push(field)
  }
  const near = new Map<string, Array<string>>()
  for (const field of fields.named.keys()) {
    if (mapped.has(field)) continue
    const name = plain(field)
    near.set(name, [...(near.get(name) ?? []), field])
  }
  return {
    names,
    mapped,
    near: (name) => {
      const [field, other] = near.get(plain(name)) ?? none
      return other === undefined ? field : undefined
    },
    fieldsOf: (name) => fed.get(name) ?? (fields.others === undefined || names.has(name) ? none : [name])
  }
}

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, "")

/** What is said of a field's own name where the field is mapped to another one. */
export const unread = (field: string, name: string): string =>
  `is not read, because the field ${field} is mapped to ${JSON.stringify(name)}`
