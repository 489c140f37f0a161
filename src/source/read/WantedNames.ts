/**
 * The names that lines of NDJSON should have: no header tells that one is misspelt, and what is mapped to it would never be
 * sent.
 */
import type { MissingName, SourceNote } from "../../sync/record/SourceNote.ts"
import type * as Cells from "./Cells.ts"
import type { FieldNames } from "./FieldNames.ts"

/** Of so many records, one should have each name. */
export const patience = 1000

/** What one reading of a source is still waiting for. */
export interface WantedNames {
  /** Looks at one more record. */
  readonly look: (record: object) => void
  /** Every record must have had the names of the required fields. */
  readonly findRequired: () => void
  /** The names that no record had. */
  readonly missing: () => ReadonlyArray<MissingName>
  /** Those of them that are mapped. */
  readonly missingMapped: () => ReadonlyArray<MissingName>
  /** How many records were looked at while some name was missing. */
  readonly looked: () => number
}

/** Wants the name of each field that is mapped or that every record needs. */
export const make = ({ mapped, names }: FieldNames, fields: Cells.Fields): WantedNames =>
  of(
    [...names].flatMap(([field, name]) =>
      mapped.has(field) || fields.named.get(field)?.required === true
        ? [{ field, name, isMapped: mapped.has(field), isIn: (record) => Object.hasOwn(record, name) }]
        : []
    )
  )

/** A name that is wanted, and how a record is asked for it. */
export interface Wanted extends MissingName {
  readonly isMapped: boolean
  readonly isIn: (record: object) => boolean
}

/** Wants these names. */
export const of = (names: ReadonlyArray<Wanted>): WantedNames => {
  const wanted = new Set(names)
  const missing = (isAsked: (name: Wanted) => boolean) =>
    [...wanted].filter(isAsked).map(({ field, name }) => ({ field, name }))
  let looked = 0
  return {
    look: (record) => {
      if (wanted.size === 0) return
      looked++
      for (const name of wanted) if (name.isIn(record)) wanted.delete(name)
    },
    findRequired: () => {
      for (const name of wanted) if (!name.isMapped) wanted.delete(name)
    },
    missing: () => missing(() => true),
    missingMapped: () => missing(({ isMapped }) => isMapped),
    looked: () => looked
  }
}

/** What is told of the names that no record had. */
export const notes = ({ looked, missingMapped }: WantedNames): ReadonlyArray<SourceNote> =>
  looked() === 0 ? [] : missingMapped().map((name) => ({ _tag: "NeverFound", ...name }))
