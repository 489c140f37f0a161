/**
 * Whether throughput is what the server's latency and the requests in flight allow.
 */
import { join } from "node:path"
import * as Customers from "./Customers.ts"
import * as Goals from "./Goals.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"
import * as Yardstick from "./Yardstick.ts"

export interface Options {
  readonly rounds: number
  readonly batch: number
  readonly seed: number
  /** Milliseconds. */
  readonly latencies: ReadonlyArray<number>
  readonly concurrencies: ReadonlyArray<number>
  readonly mode: Runner.Mode
}

export interface Report {
  readonly yardstick: Yardstick.Yardstick
  readonly flights: ReadonlyArray<Flight>
  readonly goals: ReadonlyArray<Goals.Verdict>
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
  /** Records a second that the latency allows; endless without one. */
  readonly possible: number
  /** Patchbay's share of what is possible, of what the latency really allowed, and of what bare sockets reach. */
  readonly ofPossible: Statistics.Spread
  readonly ofReally: Statistics.Spread
  readonly ofWire: Statistics.Spread
}

export const usualLatencies = [0, 20, 200]
export const usualConcurrencies = [1, 2, 4, 8, 16, 32, 64]

// Without a latency.
const flightRecords = 800_000
// As many as are sent with one at most.
const mostFlightRecords = 2_000_000
// What one measurement with a latency is to take, and how many answers each connection gets at least: the end, where not
// all are in flight, must not weigh.
const flightSeconds = 10
const answersAtLeast = 20
// In its first few hundred batches V8 compiles what a sync runs, so that each takes up to half a millisecond longer. That is
// of no weight in a million records, nor where the latency is so long that they take longer than this.
const longestFlightSeconds = 45

/** How many records a flight sends. */
export const flightLength = (batch: number, latency: number, concurrency: number): number => {
  if (latency === 0) return flightRecords
  const perSecond = (concurrency * batch * 1000) / latency
  const atLeast = answersAtLeast * concurrency * batch
  const usual = Math.max(atLeast, Math.min(mostFlightRecords, flightSeconds * perSecond))
  return Goals.million / perSecond > longestFlightSeconds ? usual : Math.max(usual, Goals.million)
}

const contenders = ["floor", "wire", "patchbay"] as const

/** What each contender measured, by round. */
type Runs = { readonly [id in (typeof contenders)[number]]: Array<Pick<Runner.Run, "busy" | "latency">> }

/** What the runs of one flight come to. */
export const flight = (
  of: Pick<Flight, "concurrency" | "latency" | "records"> & { readonly batch: number },
  runs: Runs
): Flight => {
  const { batch, concurrency, latency, records } = of
  const possible = (ms: number) => (concurrency * batch * 1000) / ms
  const rate = ({ busy }: { readonly busy: number }) => (records * 1000) / busy
  const median = (id: (typeof contenders)[number]) => Statistics.spread(runs[id].map(rate)).median
  const shares = (whole: (run: Runs["patchbay"][number], round: number) => number) =>
    Statistics.spread(runs.patchbay.map((run, round) => rate(run) / whole(run, round)))
  return {
    latency,
    concurrency,
    records,
    patchbay: median("patchbay"),
    floor: median("floor"),
    wire: median("wire"),
    possible: possible(latency),
    ofPossible: shares(() => possible(latency)),
    ofReally: shares((run) => possible(run.latency)),
    ofWire: shares((_, round) => rate(runs.wire[round] ?? { busy: Number.NaN }))
  }
}

const flights = async (options: Options, folder: string): Promise<Array<Flight>> => {
  const { batch, concurrencies, latencies, mode, rounds, seed } = options
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
        const csv = await csvOf(records)
        const job = { url, csv, ndjson: "", records, seed, batch, concurrency, folder: join(folder, "run") }
        const runs: Runs = { floor: [], wire: [], patchbay: [] }
        for (let round = 0; round < rounds; round++) {
          Runner.say(`\r${latency} ms, ${concurrency} in flight, round ${round + 1} of ${rounds}\x1b[K`)
          for (const id of contenders) runs[id].push(await Runner.run(id, job, mode))
        }
        measured.push(flight({ batch, concurrency, latency, records }, runs))
      }
    })
  }
  return measured
}

// Where the latency allows more than half of what the machine can do, it is the machine that is measured.
const isBound = (flights: ReadonlyArray<Flight>, { latency, possible }: Flight): boolean =>
  latency === 0 || possible > Math.max(...flights.map(({ patchbay }) => patchbay)) / 2

// What the machine can do, where nothing else tells.
const unhindered = { latencies: [0], concurrencies: [8] }

export const measure = (options: Options): Promise<Report> =>
  Runner.withFolder(async (folder) => {
    const { used: measured, yardstick } = await Yardstick.beside(options, async (measureMachine) => {
      await measureMachine()
      const all = options.latencies.includes(0) ? [] : await flights({ ...options, ...unhindered }, folder)
      for (const latency of options.latencies) {
        all.push(...(await flights({ ...options, latencies: [latency] }, folder)))
        await measureMachine()
      }
      return all
    })
    return { yardstick, flights: measured, goals: goalsOf(measured, yardstick.scale) }
  })

/** Of the flights that the machine does not limit, the worst. */
export const goalsOf = (flights: ReadonlyArray<Flight>, scale: number): ReadonlyArray<Goals.Verdict> => {
  const free = flights.filter((flight) => !isBound(flights, flight))
  const least = (share: (flight: Flight) => Statistics.Spread) =>
    free.length === 0 ? undefined : Statistics.spread([Math.min(...free.map((flight) => share(flight).median)) * 100])
  return [
    Goals.ofPossible(
      least(({ ofReally }) => ofReally),
      scale
    ),
    Goals.ofWire(least(({ ofWire }) => ofWire))
  ]
}

const percents = ({ max, median, min }: Statistics.Spread): string =>
  `${Statistics.percent(median)} (${(min * 100).toFixed(0)}–${(max * 100).toFixed(0)})`

/** The report for people. */
export const format = ({ flights, goals, yardstick }: Report, options: Options): string =>
  [
    `${options.batch} to a batch; medians of ${options.rounds} (smallest–largest), from the first request on.`,
    "Throughput as % of concurrency ÷ latency, by the latency asked of the server and by what it really took, and of what bare sockets reach with bodies made beforehand.",
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
        const { concurrency, floor, latency, ofPossible, ofReally, ofWire, patchbay, possible, wire } = flight
        return [
          `${latency} ms, ${concurrency}`,
          Statistics.grouped(patchbay),
          Statistics.grouped(floor),
          Statistics.grouped(wire),
          ...(latency > 0 ? [Statistics.grouped(possible), percents(ofPossible), percents(ofReally)] : ["–", "–", "–"]),
          percents(ofWire),
          latency > 0 && isBound(flights, flight) ? "the machine is the limit" : ""
        ]
      })
    ]),
    "",
    Yardstick.format(yardstick),
    "",
    Goals.format(goals)
  ].join("\n")
