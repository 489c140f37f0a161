/**
 * Whether cost and memory stay the same however long the file is, and whether throughput is what the server's latency
 * and the requests in flight allow.
 */
import { statfsSync } from "node:fs"
import { join } from "node:path"
import type { Job } from "./Contender.ts"
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
  readonly flights: ReadonlyArray<Flight>
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

/** One number of requests in flight, at one latency. */
interface Flight {
  readonly latency: number
  readonly concurrency: number
  readonly records: number
  /** Records a second, from the first request to the last answer: what is before it is what `start` measures. */
  readonly patchbay: number
  readonly floor: number
  readonly wire: number
  /** Records a second that the latency allows: by what was asked of the server, and by what it really took. */
  readonly possible: number
  readonly really: number
}

const contenders = ["floor", "patchbay", "patchbay-bounded"] as const

const million = 1_000_000

// A row is 223 bytes; with some room.
const bytesPerRecord = 240

/** Costs and memory of files of all lengths, in turns. */
const sizes = (options: Options, url: string, folder: string) => async (): Promise<ReadonlyArray<Size>> => {
  const { bavail, bsize } = statfsSync(folder)
  const fits = (bavail * bsize) / bytesPerRecord / 1.2
  const lengths = [10_000, 100_000, million, 10 * million].filter((length) => length <= Math.min(options.most, fits))
  const jobs: Array<Job> = []
  for (const records of lengths) {
    Runner.say(`\rwriting ${Statistics.grouped(records)} records\x1b[K`)
    const csv = join(folder, `${records}.csv`)
    await Customers.write({ records, seed: options.seed, csv, ndjson: undefined })
    const { batch, seed } = options
    jobs.push({ url, csv, ndjson: "", records, seed, batch, concurrency: 8, folder: join(folder, "run") })
  }
  const runs = jobs.map((): { readonly [id in (typeof contenders)[number]]: Array<Runner.Run> } => ({
    floor: [],
    patchbay: [],
    "patchbay-bounded": []
  }))
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
    return own === undefined
      ? []
      : [
          {
            records,
            patchbay: Statistics.spread(own.patchbay.map(cpuOf)),
            floor: Statistics.spread(own.floor.map(cpuOf)),
            peak: Statistics.spread(own.patchbay.map(({ peak }) => peak)),
            bounded: Statistics.spread(own["patchbay-bounded"].map(({ peak }) => peak))
          }
        ]
  })
}

const latencies = [0, 20, 200]
const concurrencies = [1, 2, 4, 8, 16, 32, 64]

// Without a latency.
const flightRecords = 800_000
// As many as are ever sent with one. With fewer, the time in which code is not compiled yet weighs.
const mostFlightRecords = 2_000_000
// What one measurement with a latency is to take, and how many answers each connection gets at least: the end, where not
// all are in flight, must not weigh.
const flightSeconds = 10
const answersAtLeast = 20

const flightLength = (batch: number, latency: number, concurrency: number): number => {
  if (latency === 0) return flightRecords
  const answers = Math.max(answersAtLeast, (flightSeconds * 1000) / latency)
  const atLeast = answersAtLeast * concurrency * batch
  return Math.max(atLeast, Math.min(mostFlightRecords, answers * concurrency * batch))
}

const flights = async (options: Options, folder: string): Promise<ReadonlyArray<Flight>> => {
  const { batch, mode, seed } = options
  const written = new Map<number, string>()
  const csvOf = async (records: number) => {
    const known = written.get(records)
    if (known !== undefined) return known
    const csv = join(folder, `flight-${records}.csv`)
    await Customers.write({ records, seed, csv, ndjson: undefined })
    written.set(records, csv)
    return csv
  }
  const measured: Array<Flight> = []
  for (const latency of latencies) {
    await Runner.withServer(latency, async (url) => {
      for (const concurrency of concurrencies) {
        const records = flightLength(batch, latency, concurrency)
        Runner.say(`\r${latency} ms, ${concurrency} in flight\x1b[K`)
        const csv = await csvOf(records)
        const job = { url, csv, ndjson: "", records, seed, batch, concurrency, folder: join(folder, "run") }
        const floor = await Runner.run("floor", job, mode)
        const wire = await Runner.run("wire", job, mode)
        const patchbay = await Runner.run("patchbay", job, mode)
        const possible = (ms: number) => (concurrency * batch * 1000) / ms
        measured.push({
          latency,
          concurrency,
          records,
          floor: (records * 1000) / floor.busy,
          wire: (records * 1000) / wire.busy,
          patchbay: (records * 1000) / patchbay.busy,
          possible: possible(latency),
          really: possible(patchbay.latency)
        })
      }
    })
  }
  return measured
}

// Where the latency allows more than half of what the machine can do, it is the machine that is measured.
const isBound = (flights: ReadonlyArray<Flight>, { latency, possible }: Flight): boolean => {
  const free = flights.filter((other) => other.latency === 0).map(({ patchbay }) => patchbay)
  return latency === 0 || possible > Math.max(...free) / 2
}

export const measure = (options: Options): Promise<Report> =>
  Runner.withFolder(async (folder) => {
    const bySize = await Runner.withServer(0, (url) => sizes(options, url, folder)())
    const byFlight = await flights(options, folder)
    Runner.hush()
    const at = (records: number) => bySize.find((size) => size.records === records)
    const [one, ten] = [at(million), at(10 * million)]
    const grown = (of: (size: Size) => number) =>
      one === undefined || ten === undefined ? undefined : Statistics.spread([of(ten) / of(one)])
    const free = byFlight.filter((flight) => !isBound(byFlight, flight))
    const least = (share: (flight: Flight) => number) =>
      free.length === 0 ? undefined : Statistics.spread([Math.min(...free.map(share)) * 100])
    return {
      sizes: bySize,
      flights: byFlight,
      goals: [
        Goals.flatCost(grown(({ patchbay }) => patchbay.median)),
        Goals.peak("as Node is", one?.peak, million),
        Goals.peakGrowth(
          "as Node is",
          grown(({ peak }) => peak.median)
        ),
        Goals.peak("young generation bounded", one?.bounded, million),
        Goals.peakGrowth(
          "young generation bounded",
          grown(({ bounded }) => bounded.median)
        ),
        Goals.ofPossible(least(({ patchbay, really }) => patchbay / really)),
        Goals.ofWire(least(({ patchbay, wire }) => patchbay / wire))
      ]
    }
  })

/** The report for people. */
export const format = ({ flights, goals, sizes }: Report, options: Options): string =>
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
    "Throughput as % of concurrency ÷ latency, from the first request on: by the latency asked of the server, by what it really took, and by what bare sockets reach with bodies made beforehand.",
    "",
    Statistics.table([
      [
        "latency, in flight",
        "records/s",
        "the floor's",
        "sockets alone",
        "possible",
        "of possible",
        "of the real",
        "of sockets",
        ""
      ],
      ...flights.map((flight) => {
        const { concurrency, floor, latency, patchbay, possible, really, wire } = flight
        const limits =
          latency > 0 ? [Statistics.grouped(possible), Statistics.percent(patchbay / possible)] : ["–", "–"]
        return [
          `${latency} ms, ${concurrency}`,
          Statistics.grouped(patchbay),
          Statistics.grouped(floor),
          Statistics.grouped(wire),
          ...limits,
          latency > 0 ? Statistics.percent(patchbay / really) : "–",
          Statistics.percent(patchbay / wire),
          latency > 0 && isBound(flights, flight) ? "the machine is the limit" : ""
        ]
      })
    ]),
    "",
    Goals.format(goals)
  ].join("\n")
