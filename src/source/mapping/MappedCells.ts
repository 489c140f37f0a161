/** The columns that a mapping reads, as the header of a CSV is asked for them. */
import * as Cells from "../read/Cells.ts"
import type { HeaderIssue } from "../read/CustomerFileError.ts"
import type { Place } from "./Place.ts"
import type { RowMapper } from "./RowMapper.ts"

// A cell is passed to the mapper as it is.
const text = Cells.text

/** Each place as a field of its own. `inner` is one that no column can be. */
export const of = ({
  wanted
}: RowMapper): {
  readonly fields: Cells.Fields
  /** Key to column, of those that the mapping names. */
  readonly columns: { readonly [key: string]: string }
  readonly inner: Place | undefined
  /** The keys of which it says something that nothing stands there. */
  readonly toldByNothing: ReadonlySet<string>
} => ({
  fields: {
    named: new Map(
      wanted.map(({ isMapped, isRequired, key }) => [
        key,
        { name: key, required: isRequired && !isMapped, takes: text }
      ])
    ),
    others: undefined,
    inner: new Map()
  },
  columns: Object.fromEntries(wanted.flatMap(({ isMapped, key, place }) => (isMapped ? [[key, place[0]]] : []))),
  inner: wanted.find(({ place }) => place.length > 1)?.place,
  toldByNothing: new Set(wanted.flatMap(({ isToldByNothing, key }) => (isToldByNothing ? [key] : [])))
})

/**
 * A header with what is done to each cell, where that can be done while it is copied, and with what it means that a row ends
 * before it.
 */
export const resolved = <
  R extends { readonly columns: ReadonlyArray<Cells.Column>; readonly issues: ReadonlyArray<HeaderIssue> }
>(
  header: R,
  copies: ReadonlyMap<string, Cells.Copy> | undefined,
  toldByNothing?: ReadonlySet<string> | undefined
): R => ({
  ...header,
  columns: header.columns.map((column) => ({
    ...column,
    copy: copies?.get(column.field),
    lacking: toldByNothing?.has(column.field) === false ? "absent" : undefined
  })),
  issues: header.issues.map((issue) => ({ ...issue, message: inWords(issue.message) }))
})

/** Readers speak of their options, in the place of which there is a mapping. */
export const inWords = (message: string): string =>
  message.replaceAll(/map (it|one) with columns: \{[^}]*\}/g, "map $1").replaceAll("Map it with columns", "Map it")
