/** What a mapping does to the records of one source, field by field. */
import type { Reading } from "./FieldReader.ts"

/** Of one field: in how many records nothing stood there, it was changed, or it was refused. */
export interface FieldCounts {
  readonly empty: number
  readonly changed: number
  readonly refused: number
}

export interface MappingCounts {
  /** Notes what became of a field, and what stood there. */
  readonly read: (field: string, reading: Reading, stood: unknown) => void
  readonly refused: (field: string) => void
  readonly counts: () => { readonly [field: string]: FieldCounts }
}

export const make = (): MappingCounts => {
  const all = new Map<string, { -readonly [Name in keyof FieldCounts]: number }>()
  const of = (field: string) => {
    const known = all.get(field)
    if (known !== undefined) return known
    const counts = { empty: 0, changed: 0, refused: 0 }
    all.set(field, counts)
    return counts
  }
  return {
    read: (field, { isEmpty, value }, stood) => {
      const counts = of(field)
      if (isEmpty) counts.empty++
      else if (value !== stood) counts.changed++
    },
    refused: (field) => {
      of(field).refused++
    },
    counts: () => Object.fromEntries(all)
  }
}
