/** The rows that are not UTF-8: each is rejected, and many of them say that the source is in another encoding. */
import { InvalidUtf8 } from "./CustomerFileError.ts"

/** Where a byte is that is not UTF-8; both are 1-based. */
export interface Place {
  readonly line: number
  readonly character: number
}

// Of so many records, so many may be not UTF-8. A block of a disk that was lost is some forty rows, and must not look like
// another encoding.
const of = 1000
const most = 50

/** Counts such rows of one reading. */
export interface BadRows {
  /** Takes one more, and says whether they are too many. */
  readonly note: (offset: number, place: Place) => InvalidUtf8 | undefined
  /** A header has no row to be rejected. */
  readonly header: (place: Place) => InvalidUtf8
}

/** To be made for each reading of a source. */
export const make = (source: string, encoding: string | undefined): BadRows => {
  let first: Place | undefined
  let turn = -1
  let invalid = 0
  return {
    note: (offset, place) => {
      const its = Math.floor(offset / of)
      if (its !== turn || first === undefined) {
        turn = its
        first = place
        invalid = 0
      }
      invalid++
      return invalid > most
        ? new InvalidUtf8({ source, encoding, ...first, records: { invalid, of: (offset % of) + 1 } })
        : undefined
    },
    header: (place) => new InvalidUtf8({ source, encoding, ...place, records: undefined })
  }
}

/** The place of the index `at` of a row that starts on a line. */
export const placeOf = (row: string, at: number, line: number): Place => {
  const lines = row.slice(0, at).split(/\r\n|\r|\n/)
  return { line: line + lines.length - 1, character: [...(lines.at(-1) ?? "")].length + 1 }
}

/** What is said of such a row. */
export const problem = ({ character, line }: Place, encoding: string | undefined): string =>
  `Line ${line} is not ${encoding ?? "UTF-8"} at character ${character}. Put that right; if all of the source is in another encoding, say which, such as encoding: "windows-1252"`
