/**
 * How slow the machine is, beside the one that goals in milliseconds were set on: by how long those contenders take that
 * were measured there, too.
 */
import { join } from "node:path"
import { entries } from "./Contender.ts"
import * as Customers from "./Customers.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"
import { cpuOf } from "./Table.ts"

// Microseconds of CPU a record, at a million of them. The upper end where there is a range, which makes the machine here no
// slower than it is.
const there = { floor: 1.9, script: 7.5, elasticsearch: 8 } as const

// At a million they take as long for each, or a tenth less.
const records = 200_000

const ids = ["floor", "script", "elasticsearch"] as const

type Id = (typeof ids)[number]

export interface Yardstick {
  readonly contenders: ReadonlyArray<{
    readonly title: string
    /** Microseconds of CPU a record. */
    readonly here: Statistics.Spread
    readonly there: number
    readonly ratio: number
  }>
  /** The least of the ratios, and at least 1. */
  readonly scale: number
}

/** From what was measured of each. */
export const of = (here: { readonly [id in Id]: ReadonlyArray<number> }): Yardstick => {
  const contenders = ids.map((id) => {
    const spread = Statistics.spread(here[id])
    return { title: entries[id]?.title ?? id, here: spread, there: there[id], ratio: spread.median / there[id] }
  })
  return { contenders, scale: Math.max(1, Math.min(...contenders.map(({ ratio }) => ratio))) }
}

/**
 * Lends a way to measure it once more: a machine has its moods, so it is measured in turns with what is to be compared
 * with it.
 */
export const beside = <A>(
  { mode, seed }: { readonly seed: number; readonly mode: Runner.Mode },
  use: (measure: () => Promise<void>) => Promise<A>
): Promise<{ readonly yardstick: Yardstick; readonly used: A }> =>
  Runner.withFolder((folder) =>
    Runner.withServer(0, async (url) => {
      const csv = join(folder, "customers.csv")
      await Customers.write({ records, seed, csv, ndjson: undefined })
      const job = { url, csv, ndjson: "", records, seed, batch: 500, concurrency: 8, folder: join(folder, "run") }
      const here: { readonly [id in Id]: Array<number> } = { floor: [], script: [], elasticsearch: [] }
      const used = await use(async () => {
        for (const id of ids) {
          Runner.say(`\rhow slow the machine is: ${id}\x1b[K`)
          here[id].push(cpuOf(await Runner.run(id, job, mode)))
        }
      })
      Runner.hush()
      return { yardstick: of(here), used }
    })
  )

const micros = ({ max, median, min }: Statistics.Spread) => `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`

/** The part of a report for people. */
export const format = ({ contenders, scale }: Yardstick): string =>
  [
    Statistics.table([
      ["how slow this machine is", "CPU µs/record", "where the goals were set", "×"],
      ...contenders.map(({ here, ratio, there, title }) => [title, micros(here), there.toFixed(1), ratio.toFixed(1)])
    ]),
    `Goals in milliseconds are taken times the least of these, ${scale.toFixed(1)}.`
  ].join("\n")
