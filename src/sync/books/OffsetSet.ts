/**
 * Offsets that are done, as runs: records finish out of order, and only what lies below all that is still open
 * may be forgotten.
 *
 * @since 0.1.0
 */

/**
 * The offsets from the first number up to, and without, the second.
 *
 * @category models
 * @since 0.1.0
 */
export type Run = readonly [from: number, to: number]

/**
 * Takes space and time by the number of its runs, not of its offsets.
 *
 * @category models
 * @since 0.1.0
 */
export interface OffsetSet {
  /** Every offset below it is in the set, and itself is not. */
  readonly watermark: number
  /** Adds the offsets from `from` up to, and without, `to`. Those that are there already may come again. */
  readonly add: (from: number, to: number) => void
  readonly has: (offset: number) => boolean
  /** What is in the set beyond the watermark, in order; between two runs is at least one offset. */
  readonly runs: () => ReadonlyArray<Run>
}

/**
 * A set of all offsets below `watermark` (default 0) and those of `runs`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (watermark = 0, runs: Iterable<Run> = []): OffsetSet => {
  // Runs beyond the watermark, in order, never touching each other: two flat arrays are quick to search.
  const starts: Array<number> = []
  const ends: Array<number> = []

  // The first run that ends at or after the offset.
  const search = (offset: number): number => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(ends, middle) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  const add = (from: number, to: number): void => {
    if (to <= Math.max(from, watermark)) return
    // Runs that overlap the new one, or touch it, become one with it.
    const first = search(from)
    let next = first
    while (next < starts.length && at(starts, next) <= to) next++
    const start = next > first ? Math.min(from, at(starts, first)) : from
    const end = next > first ? Math.max(to, at(ends, next - 1)) : to
    if (start <= watermark) {
      watermark = end
      starts.splice(0, next)
      ends.splice(0, next)
    } else {
      starts.splice(first, next - first, start)
      ends.splice(first, next - first, end)
    }
  }

  for (const [from, to] of runs) add(from, to)
  return {
    get watermark() {
      return watermark
    },
    add,
    has: (offset) => {
      if (offset < watermark) return true
      const index = search(offset + 1)
      return index < starts.length && at(starts, index) <= offset
    },
    runs: () => starts.map((start, index): Run => [start, at(ends, index)])
  }
}

/**
 * Offsets as runs, in order, each as long as can be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runsOf = (offsets: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  let from = Number.NaN
  let to = Number.NaN
  for (const offset of isAscending(offsets) ? offsets : [...offsets].sort((a, b) => a - b)) {
    if (offset > to || Number.isNaN(to)) {
      if (!Number.isNaN(to)) runs.push([from, to])
      from = offset
    }
    to = offset + 1
  }
  if (!Number.isNaN(to)) runs.push([from, to])
  return runs
}

/**
 * The offsets of records as runs. As a rule, those of a batch are one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runsOfRecords = (records: ReadonlyArray<{ readonly offset: number }>): ReadonlyArray<Run> => {
  const from = records[0]?.offset ?? 0
  let to = from
  for (const { offset } of records) if (offset !== to++) return runsOf(records.map(({ offset }) => offset))
  return to === from ? [] : [[from, to]]
}

// The usual case, and far cheaper to find out than to sort.
const isAscending = (offsets: ReadonlyArray<number>): boolean => {
  let last = Number.NEGATIVE_INFINITY
  for (const offset of offsets) {
    if (offset < last) return false
    last = offset
  }
  return true
}

const at = (numbers: ReadonlyArray<number>, index: number): number => {
  const number = numbers[index]
  if (number === undefined) throw new RangeError(`There is no run ${index}`)
  return number
}
