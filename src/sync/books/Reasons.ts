/** How many records were refused for which reason, and where to look first. */

export interface Totals {
  /** Records by the tag of the error. */
  readonly reasons: { readonly [tag: string]: number }
  /** The lowest offsets of each reason, ascending. */
  readonly offsets: { readonly [tag: string]: ReadonlyArray<number> }
}

/** Counts records by reason; takes no more room however many there are. */
export interface Reasons {
  readonly add: (tag: string, offset: number) => void
  readonly totals: () => Totals
}

// Enough to open the file and look.
const offsetsKept = 5

/** Goes on from what earlier runs counted. A checkpoint of an earlier version knows no offsets. */
export const make = (before?: Pick<Totals, "reasons"> & Partial<Totals>): Reasons => {
  const counts = new Map(Object.entries(before?.reasons ?? {}))
  const offsets = new Map(Object.entries(before?.offsets ?? {}).map(([tag, kept]) => [tag, [...kept]]))
  return {
    add: (tag, offset) => {
      counts.set(tag, (counts.get(tag) ?? 0) + 1)
      const kept = offsets.get(tag) ?? []
      if (kept.length === offsetsKept && offset >= (kept.at(-1) ?? 0)) return
      kept.push(offset)
      kept.sort((a, b) => a - b)
      offsets.set(tag, kept.slice(0, offsetsKept))
    },
    totals: () => ({
      reasons: Object.fromEntries(counts),
      offsets: Object.fromEntries([...offsets].map(([tag, kept]) => [tag, [...kept]]))
    })
  }
}
