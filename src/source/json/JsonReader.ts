/** JSON as customers: the elements of arrays, or objects one after the other. Each is read as a line of NDJSON is. */
import type { CustomerRecord } from "../../sync/model/CustomerRecord.ts"
import * as NdjsonReader from "../ndjson/NdjsonReader.ts"
import type { Reader } from "../read/ByteBlocks.ts"
import * as Cells from "../read/Cells.ts"
import { JsonElements } from "./JsonElements.ts"
import * as JsonPointer from "./JsonPointer.ts"

/** Reads the elements of the array to which the pointer leads; without one, documents and the elements of those that are arrays. */
export const records = <A>(
  settings: NdjsonReader.Settings<A>,
  pointer: ReadonlyArray<string>
): Reader<CustomerRecord<A>> => {
  const { firstOffset, from, maxRecordSize, source } = settings
  const isInArray = from?.place.inArray === true
  const reader = NdjsonReader.records({
    ...settings,
    called: "element",
    texts: (window) => new JsonElements(window, { source, maxRecordSize, pointer, isInArray })
  })
  if (pointer.length > 0 || isInArray) return reader
  return {
    startsAt: reader.startsAt,
    window: reader.window,
    get failure() {
      return reader.failure
    },
    read: () => reader.read().map((record) => (record.offset === firstOffset ? withHint(record) : record))
  }
}

/** Where the first object is no record, an array inside of it may hold the records. */
const withHint = <A>(record: CustomerRecord<A>): CustomerRecord<A> => {
  if (record._tag !== "Invalid") return record
  const { input, reason } = record
  const value = input.format === "json" ? input.value : undefined
  const found = value === undefined ? undefined : arrayIn(value, [])
  if (found === undefined) return record
  const where = found.every(Cells.isShowable) ? JsonPointer.format(found) : "/…"
  const message = `If the records stand in an array inside, say where with records: "${where}"`
  return { ...record, reason: { ...reason, issues: [...reason.issues, { path: [], message }] } }
}

// Deeper ones are seldom meant.
const deepest = 3

/** The way to the first array of objects in the values of an object. */
const arrayIn = (value: unknown, way: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  if (typeof value !== "object" || value === null || way.length > deepest) return undefined
  if (Array.isArray(value)) {
    return way.length > 0 && value.some((inner) => typeof inner === "object" && inner !== null) ? way : undefined
  }
  for (const [name, inner] of Object.entries(value)) {
    const found = arrayIn(inner, [...way, name])
    if (found !== undefined) return found
  }
  return undefined
}
