/** The texts of records in a window, one after the other, for formats whose records are JSON. */
import type { JsonBroken, RecordsNotFound } from "./CustomerFileError.ts"
import type { Place } from "./FilePlace.ts"

export interface RecordTexts {
  /** Of the record; cut at the largest size of one where it is too large. */
  readonly text: string
  /** 1-based line on which it starts. */
  readonly line: number
  /** Where reading can go on, at the first record since `begin` or shortly before it. */
  readonly place: Place | undefined
  /** What ends the source after the last record. */
  readonly failure: JsonBroken | RecordsNotFound | undefined
  /** To be called when there is more text in the window. */
  readonly begin: () => void
  /** Moves to the next record. */
  readonly next: () => "record" | "too large" | "more"
}
