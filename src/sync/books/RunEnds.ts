/**
 * The places of the records at the ends of runs, for sources into which records come, and out of which they go: offsets
 * are counted anew by them when a run goes on.
 */
import type { SourcePosition } from "../model/CustomerRecord.ts"
import type { Run } from "./OffsetSet.ts"

export interface RunEnds {
  /** Records were read. */
  readonly add: (records: ReadonlyArray<{ readonly position: SourcePosition | undefined }>) => void
  /** The ends of runs; `isDone` tells what no run can end at any more. */
  readonly of: (runs: ReadonlyArray<Run>, isDone: (offset: number) => boolean) => ReadonlyArray<SourcePosition>
}

/** For sources whose records do not come and go. */
export const none: RunEnds = { add: () => undefined, of: () => [] }

/** Goes on from what earlier runs left. */
export const make = (before: ReadonlyArray<SourcePosition>): RunEnds => {
  const places = new Map(before.map((end) => [end.offset, end]))

  // What was left out of a source has an offset and no place.
  const nearest = (from: number, to: number, step: 1 | -1): SourcePosition | undefined => {
    for (let offset = from; offset !== to; offset += step) {
      const found = places.get(offset)
      if (found !== undefined) return found
    }
    return undefined
  }

  // A run that is done grows at its ends only.
  const forget = (isDone: (offset: number) => boolean): void => {
    for (const offset of places.keys()) {
      if (isDone(offset) && isDone(offset - 1) && isDone(offset + 1)) places.delete(offset)
    }
  }

  return {
    add: (records) => {
      for (const { position } of records) if (position !== undefined) places.set(position.offset, position)
    },
    of: (runs, isDone) => {
      const ends = new Map<number, SourcePosition>()
      for (const [from, to] of runs) {
        for (const end of [nearest(from, to, 1), nearest(to - 1, from - 1, -1)]) {
          if (end !== undefined) ends.set(end.offset, end)
        }
      }
      forget(isDone)
      return [...ends.values()].sort((a, b) => a.offset - b.offset)
    }
  }
}
