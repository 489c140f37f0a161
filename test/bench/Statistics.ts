/**
 * Medians, ratios and how far they spread.
 */
import { type Entry, entries, type Measurement } from "./Contender.ts"

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

/** What one round measured; the floor twice. */
export interface Round {
  readonly floors: readonly [Measurement, Measurement]
  readonly others: { readonly [id: string]: Measurement }
}

/** A contender over all rounds. */
export interface Summary {
  readonly id: string
  readonly title: string
  /** Microseconds a record. */
  readonly cpu: Spread
  /** Microseconds a record. */
  readonly wall: Spread
  readonly recordsPerSecond: number
  /** Over the floor of the same round. */
  readonly cpuRatio: Spread
  readonly wallRatio: Spread
  /** MB. */
  readonly peak: Spread
  /** Milliseconds to load the modules. */
  readonly load: Spread
  /** Milliseconds to the first request, with loading. */
  readonly first: Spread | undefined
  /** Requests a second, of what concurrency ÷ latency allows; where the server has a latency. */
  readonly ofPossible: number | undefined
}

export interface Report {
  readonly contenders: ReadonlyArray<Summary>
  /** The floor over itself in the same round, and over all rounds: what differs by less says nothing. */
  readonly noise: { readonly cpu: Spread; readonly wall: Spread; readonly acrossRounds: Spread }
}

const cpuOf = ({ records, system, user }: Measurement) => ((user + system) * 1000) / records
const wallOf = ({ records, wall }: Measurement) => (wall * 1000) / records

/** What the rounds say. */
export const report = (
  rounds: ReadonlyArray<Round>,
  options: { readonly batch: number; readonly concurrency: number; readonly latency: number }
): Report => {
  const floorOf = ({ floors }: Round, of: (one: Measurement) => number) => (of(floors[0]) + of(floors[1])) / 2
  const summary = (
    id: string,
    { sends, title }: Entry,
    runs: ReadonlyArray<{ readonly round: Round; readonly one: Measurement }>
  ): Summary => {
    const wall = spread(runs.map(({ one }) => wallOf(one)))
    const firsts = runs.map(({ one }) => one.first).filter((first) => first !== undefined)
    const recordsPerSecond = 1e6 / wall.median
    const possible = (options.concurrency / (options.latency / 1000)) * options.batch
    return {
      id,
      title,
      cpu: spread(runs.map(({ one }) => cpuOf(one))),
      wall,
      recordsPerSecond,
      cpuRatio: spread(runs.map(({ one, round }) => cpuOf(one) / floorOf(round, cpuOf))),
      wallRatio: spread(runs.map(({ one, round }) => wallOf(one) / floorOf(round, wallOf))),
      peak: spread(runs.map(({ one }) => one.peak)),
      load: spread(runs.map(({ one }) => one.load)),
      first: firsts.length === 0 ? undefined : spread(firsts),
      ofPossible: sends && options.latency > 0 ? recordsPerSecond / possible : undefined
    }
  }
  const floors = rounds.flatMap(({ floors }) => floors)
  const acrossRounds = spread(floors.map(cpuOf))
  return {
    contenders: Object.entries(entries).flatMap(([id, entry]): ReadonlyArray<Summary> => {
      const runs = rounds.flatMap((round) => {
        const own = round.others[id]
        if (id === "floor") return round.floors.map((one) => ({ round, one }))
        return own === undefined ? [] : [{ round, one: own }]
      })
      return runs.length === 0 ? [] : [summary(id, entry, runs)]
    }),
    noise: {
      cpu: spread(rounds.map(({ floors: [a, b] }) => cpuOf(b) / cpuOf(a))),
      wall: spread(rounds.map(({ floors: [a, b] }) => wallOf(b) / wallOf(a))),
      acrossRounds: {
        median: 1,
        min: acrossRounds.min / acrossRounds.median,
        max: acrossRounds.max / acrossRounds.median
      }
    }
  }
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }).format

const ratio = ({ max, median, min }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`

/** The report as a table for people. */
export const format = ({ contenders, noise }: Report): string => {
  const withLatency = contenders.some(({ ofPossible }) => ofPossible !== undefined)
  const rows = [
    [
      "",
      "records/s",
      "CPU µs/record",
      "× floor, CPU",
      "× floor, wall",
      "peak MB",
      "load ms",
      "first request ms",
      ...(withLatency ? ["of possible"] : [])
    ],
    ...contenders.map(({ cpu, cpuRatio, first, load, ofPossible, peak, recordsPerSecond, title, wallRatio }) => [
      title,
      grouped(recordsPerSecond),
      cpu.median.toFixed(2),
      ratio(cpuRatio),
      ratio(wallRatio),
      peak.median.toFixed(0),
      load.median.toFixed(0),
      first === undefined ? "–" : first.median.toFixed(0),
      ...(withLatency ? [ofPossible === undefined ? "–" : `${(ofPossible * 100).toFixed(0)} %`] : [])
    ])
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
  )
  return [
    ...lines,
    "",
    `Noise: the floor over itself in one round: CPU ${ratio(noise.cpu)}, wall ${ratio(noise.wall)};`,
    `over all rounds, around its median: CPU ${ratio(noise.acrossRounds)}.`
  ].join("\n")
}
