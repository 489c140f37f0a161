/** Some records of a batch that go out together, with their positions in it. */
import * as Arr from "effect/Array"
import type * as Batch from "../batch/Batch.ts"
import * as OffsetSet from "../books/OffsetSet.ts"
import type { Fate, Fates } from "../model/Fate.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"

export interface Part<A> {
  readonly batch: Pick<Batch.Batch<A>, "merged" | "number" | "records">
  /** The position of each of its records in the batch. */
  readonly indices: ReadonlyArray<number>
  readonly records: Arr.NonEmptyReadonlyArray<EncodedRecord<A>>
  /** Called before each of its requests. */
  readonly onRequest: () => void
}

/** Whole batches as parts. */
export const wholes = () => {
  // Most batches are as large as the one before: they share the positions.
  let positions: ReadonlyArray<number> = []
  return <A>(batch: Part<A>["batch"], onRequest: Part<A>["onRequest"] = () => {}): Part<A> => {
    const { records } = batch
    if (positions.length !== records.length) positions = records.map((_, index) => index)
    return { batch, indices: positions, records, onRequest }
  }
}

/** The parts that hold these positions of a part, without those that would be empty. */
export const split = <A>(part: Part<A>, ...positions: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Part<A>> =>
  positions.flatMap((some) => {
    const records = some.flatMap((position) => part.records[position] ?? [])
    return Arr.isArrayNonEmpty(records) ? [{ ...part, indices: inBatch(part, some), records }] : []
  })

export const halves = <A>(part: Part<A>): ReadonlyArray<Part<A>> => {
  const positions = part.records.map((_, position) => position)
  const middle = positions.length >> 1
  return split(part, positions.slice(0, middle), positions.slice(middle))
}

/** One fate for all of its records. */
export const fated = ({ indices }: Part<unknown>, fate: Fate): Fates => [{ indices, fate }]

/** Fates by the positions in the part as fates by those in the batch. */
export const placed = (part: Part<unknown>, fates: Fates): Fates =>
  fates.map(({ fate, indices }) => ({ fate, indices: inBatch(part, indices) }))

const inBatch = ({ indices }: Part<unknown>, positions: ReadonlyArray<number>): ReadonlyArray<number> =>
  positions.map((position) => indices[position] ?? position)

/** The offsets of its records, and of those that were folded into them. */
export const runs = ({ batch: { merged }, records }: Part<unknown>): ReadonlyArray<OffsetSet.Run> => {
  if (merged.length === 0) return OffsetSet.runsOfRecords(records)
  const into = new Set(records.map(({ offset }) => offset))
  return OffsetSet.runsOfRecords([...records, ...merged.filter((one) => into.has(one.into))])
}
