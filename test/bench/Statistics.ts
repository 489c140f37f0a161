/**
 * Medians, how far they spread, and tables.
 */

/** The middle of the values, with the smallest and the largest. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? Number.NaN)
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/** Of what was measured by turns: each, and over the first one of the same round. */
export const overFirst = (
  times: ReadonlyArray<ReadonlyArray<number>>
): ReadonlyArray<{ readonly time: Spread; readonly ratio: Spread }> =>
  times.map((own) => ({
    time: spread(own),
    ratio: spread(own.map((time, round) => time / (times[0]?.[round] ?? Number.NaN)))
  }))

/** Rounded, with thousands apart. */
export const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }).format

/** `1.19 (1.10–1.25)` */
export const ratio = ({ max, median, min }: Spread): string =>
  `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`

export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

/** Columns side by side, the first to the left and the others to the right. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
