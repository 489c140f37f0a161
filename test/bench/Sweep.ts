/**
 * Whether cost and memory stay the same however long the file is.
 */
import { statfsSync } from "node:fs"
import { join } from "node:path"
import type { Job, Measurement } from "./Contender.ts"
import * as Customers from "./Customers.ts"
import * as Goals from "./Goals.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"
import { cpuOf } from "./Table.ts"

export interface Options {
  readonly rounds: number
  readonly batch: number
  readonly seed: number
  /** The longest file. */
  readonly most: number
  readonly mode: Runner.Mode
}

export interface Report {
  readonly sizes: ReadonlyArray<Size>
  readonly goals: ReadonlyArray<Goals.Verdict>
}

/** One length of file. */
interface Size {
  readonly records: number
  /** Microseconds of CPU a record. */
  readonly patchbay: Statistics.Spread
  readonly floor: Statistics.Spread
  /** MB. */
  readonly peak: Statistics.Spread
  /** The same with a young generation that may not grow. */
  readonly bounded: Statistics.Spread
}

const contenders = ["floor", "patchbay", "patchbay-bounded"] as const

/** What each contender measured, by round. */
type Runs = {
  readonly [id in (typeof contenders)[number]]: Array<Pick<Measurement, "peak" | "records" | "system" | "user">>
}

/** What the runs over one file come to. */
export const sizeOf = (records: number, runs: Runs): Size => {
  const peaks = (id: keyof Runs) => Statistics.spread(runs[id].map(({ peak }) => peak))
  return {
    records,
    patchbay: Statistics.spread(runs.patchbay.map(cpuOf)),
    floor: Statistics.spread(runs.floor.map(cpuOf)),
    peak: peaks("patchbay"),
    bounded: peaks("patchbay-bounded")
  }
}

// A row is 223 bytes; with some room.
const bytesPerRecord = 240

/** Costs and memory of files of all lengths, in turns. */
const sizes = (options: Options, url: string, folder: string) => async (): Promise<ReadonlyArray<Size>> => {
  const { bavail, bsize } = statfsSync(folder)
  const fits = (bavail * bsize) / bytesPerRecord / 1.2
  const lengths = [10_000, 100_000, Goals.million, 10 * Goals.million].filter(
    (length) => length <= Math.min(options.most, fits)
  )
  const jobs: Array<Job> = []
  for (const records of lengths) {
    Runner.say(`\rwriting ${Statistics.grouped(records)} records\x1b[K`)
    const csv = join(folder, `${records}.csv`)
    await Customers.write({ records, seed: options.seed, csv, ndjson: undefined })
    const { batch, seed } = options
    jobs.push({ url, csv, ndjson: "", records, seed, batch, concurrency: 8, folder: join(folder, "run") })
  }
  const runs = jobs.map((): Runs => ({ floor: [], patchbay: [], "patchbay-bounded": [] }))
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, job] of jobs.entries()) {
      for (const id of contenders) {
        Runner.say(`\rround ${round + 1} of ${options.rounds}: ${id}, ${Statistics.grouped(job.records)} records\x1b[K`)
        runs[index]?.[id].push(await Runner.run(id, job, options.mode))
      }
    }
  }
  return jobs.flatMap(({ records }, index) => {
    const own = runs[index]
    return own === undefined ? [] : [sizeOf(records, own)]
  })
}

export const measure = (options: Options): Promise<Report> =>
  Runner.withFolder(async (folder) => {
    const bySize = await Runner.withServer(0, (url) => sizes(options, url, folder)())
    Runner.hush()
    return { sizes: bySize, goals: goalsOf(bySize) }
  })

/** Of the medians at 1 and at 10 million records. */
export const goalsOf = (sizes: ReadonlyArray<Size>): ReadonlyArray<Goals.Verdict> => {
  const at = (records: number) => sizes.find((size) => size.records === records)
  const [one, ten] = [at(Goals.million), at(10 * Goals.million)]
  const grown = (of: (size: Size) => Statistics.Spread) =>
    one === undefined || ten === undefined ? undefined : Statistics.spread([of(ten).median / of(one).median])
  const bounded = "young generation bounded"
  return [
    Goals.flatCost(grown(({ patchbay }) => patchbay)),
    Goals.peak("as Node is", one?.peak, Goals.million),
    Goals.peakGrowth(
      "as Node is",
      grown(({ peak }) => peak)
    ),
    Goals.peak(bounded, one?.bounded, Goals.million),
    Goals.peakGrowth(
      bounded,
      grown((size) => size.bounded)
    )
  ]
}

/** The report for people. */
export const format = ({ goals, sizes }: Report, options: Options): string =>
  [
    `${options.batch} to a batch, 8 in flight, no latency; medians of ${options.rounds} (smallest–largest). The floor shows how much the machine changed meanwhile.`,
    "",
    Statistics.table([
      ["records", "CPU µs/record", "the floor's", "× floor", "peak MB", "bounded"],
      ...sizes.map(({ bounded, floor, patchbay, peak, records }) => [
        Statistics.grouped(records),
        Statistics.ratio(patchbay),
        Statistics.ratio(floor),
        (patchbay.median / floor.median).toFixed(2),
        peak.median.toFixed(0),
        bounded.median.toFixed(0)
      ])
    ]),
    "",
    Goals.format(goals)
  ].join("\n")
