/** Dead letters as the books write them, without their time. */
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import * as JsonDepth from "../../json/JsonDepth.ts"
import type { RecordInput, Row, SourcePosition } from "../model/CustomerRecord.ts"
import type { Fate } from "../model/Fate.ts"
import type { Reason } from "../model/Outcome.ts"
import type { Unsendable } from "../record/Encode.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"
import type { Places } from "../record/Places.ts"
import type { DeadLetter } from "./DeadLetters.ts"

export type Letter = Omit<DeadLetter, "time"> & {
  /** From which its row can be read again. */
  readonly position?: SourcePosition | undefined
}

/** The letter of a record that went out in a batch. */
export const sent = (
  record: EncodedRecord<unknown>,
  fate: Extract<Fate, { readonly _tag: "Rejected" | "Unknown" }>,
  batch: number,
  places: Places
): Letter =>
  make(record, places, record.key, fate._tag, fate.reason, fate.answer, batch, {
    format: "json",
    value: JSON.parse(record.json)
  })

/** The letter of a record that was rejected before sending. */
export const unsendable = (record: Unsendable, places: Places): Letter =>
  make(record, places, record.key, "Rejected", record.outcome.reason, undefined, undefined, writable(record.input))

// What JSON cannot hold, or nobody could read back, is told as text.
const writable = (input: RecordInput): RecordInput => {
  if (input.format !== "json") return input
  const json = jsonOf(input.value)
  if (json !== undefined && !JsonDepth.isTooDeep(json)) return input
  return { format: "json", value: json ?? Formatter.format(input.value) }
}

const jsonOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

interface Placed {
  readonly line: number | undefined
  readonly offset: number
  readonly position: SourcePosition | undefined
  readonly row?: Row | undefined
}

// Text that could not be taken apart is the row already.
const isRow = ({ format }: RecordInput): boolean => format === "csv" || format === "ndjson"

const make = (
  { line, offset, position, row }: Placed,
  places: Places,
  key: string | undefined,
  outcome: "Rejected" | "Unknown",
  reason: Reason,
  answer: string | undefined,
  batch: number | undefined,
  record: RecordInput
): Letter => ({
  offset,
  ...(position?.source === undefined ? {} : { source: position.source }),
  ...(line === undefined ? placeOf(offset, position, places) : { line }),
  ...(key === undefined ? {} : { key }),
  outcome,
  reason,
  ...(answer === undefined ? {} : { answer }),
  ...(batch === undefined ? {} : { batch }),
  record,
  ...(isRow(record) ? {} : row === undefined ? { position } : { row })
})

// A record without a line is found again by its place, where it has one of its own.
const placeOf = (offset: number, position: SourcePosition | undefined, places: Places): Pick<Letter, "place"> => {
  if (position === undefined || position.offset !== offset || !places.there) return {}
  const encoded = places.encode(position)
  return Result.isSuccess(encoded) ? { place: encoded.success.place } : {}
}
