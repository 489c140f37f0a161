/**
 * Every contender against the floor of the same round.
 */
import { join } from "node:path"
import { type Entry, entries, type Job, type Measurement } from "./Contender.ts"
import * as Customers from "./Customers.ts"
import * as Goals from "./Goals.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"

export interface Options {
  readonly records: number
  readonly rounds: number
  readonly batch: number
  readonly concurrency: number
  readonly latency: number
  readonly seed: number
  /** Besides the floor. */
  readonly contenders: ReadonlyArray<string>
  readonly mode: Runner.Mode
}

/** What one round measured; the floor twice. */
interface Round {
  readonly floors: readonly [Runner.Run, Runner.Run]
  readonly others: { readonly [id: string]: Runner.Run }
}

/** A contender over all rounds. */
interface Summary {
  readonly id: string
  readonly title: string
  /** Microseconds a record. */
  readonly cpu: Statistics.Spread
  /** Microseconds a record. */
  readonly wall: Statistics.Spread
  readonly recordsPerSecond: number
  /** Over the floor of the same round; over that from memory where it starts from there. */
  readonly cpuRatio: Statistics.Spread
  readonly wallRatio: Statistics.Spread
  /** MB. */
  readonly peak: Statistics.Spread
  /** MB beyond what the process had at the start, its objects among them, where that is known. */
  readonly beyond: Statistics.Spread | undefined
  /** Bytes on the heap that a record costs. */
  readonly allocated: number | undefined
  /** Requests a second, of what concurrency ÷ latency allows; where the server has a latency. */
  readonly ofPossible: number | undefined
}

export interface Report {
  readonly contenders: ReadonlyArray<Summary>
  /** The floor over itself in the same round, and over all rounds: what differs by less says nothing. */
  readonly noise: {
    readonly cpu: Statistics.Spread
    readonly wall: Statistics.Spread
    readonly acrossRounds: Statistics.Spread
  }
  readonly goals: ReadonlyArray<Goals.Verdict>
  readonly rounds: ReadonlyArray<Round>
}

// Enough that what happens once weighs nothing.
const allocationRecords = 100_000

/** Microseconds of CPU a record. */
export const cpuOf = ({ records, system, user }: Pick<Measurement, "records" | "system" | "user">): number =>
  ((user + system) * 1000) / records

const wallOf = ({ records, wall }: Runner.Run): number => (wall * 1000) / records

const measureRounds = async (options: Options, job: Job): Promise<ReadonlyArray<Round>> => {
  const { contenders, mode, rounds } = options
  const measured: Array<Round> = []
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another one, and has the floor at its start and in its middle.
    const shift = contenders.length === 0 ? 0 : (round * Math.ceil(contenders.length / rounds)) % contenders.length
    const order = [...contenders.slice(shift), ...contenders.slice(0, shift)]
    const half = order.length >> 1
    Runner.say(`\rround ${round + 1} of ${rounds} `)
    const run = async (ids: ReadonlyArray<string>) => {
      const results: { [id: string]: Runner.Run } = {}
      for (const id of ids) {
        results[id] = await Runner.run(id, job, mode)
        Runner.say(".")
      }
      return results
    }
    const before = await Runner.run("floor", job, mode)
    const first = await run(order.slice(0, half))
    const middle = await Runner.run("floor", job, mode)
    measured.push({ floors: [before, middle], others: { ...first, ...(await run(order.slice(half))) } })
  }
  return measured
}

/** Bytes a record, by contender. */
const measureAllocation = async (options: Options, job: Job): Promise<ReadonlyMap<string, number>> => {
  const bytes = new Map<string, number>()
  for (const id of ["floor", ...options.contenders]) {
    Runner.say(`\rallocation of ${id}\x1b[K`)
    const { allocated, records } = await Runner.run(id, job, { ...options.mode, profile: undefined }, "allocation")
    if (allocated !== undefined) bytes.set(id, allocated / records)
  }
  return bytes
}

/** Each contender over all rounds, in the order in which they are listed. */
export const summarise = (
  options: Pick<Options, "batch" | "concurrency" | "latency">,
  rounds: ReadonlyArray<Round>,
  allocated: ReadonlyMap<string, number>
): ReadonlyArray<Summary> => {
  const floorOf = ({ floors, others }: Round, { floor }: Entry, of: (one: Runner.Run) => number) => {
    if (floor === undefined) return (of(floors[0]) + of(floors[1])) / 2
    const own = others[floor]
    return own === undefined ? Number.NaN : of(own)
  }
  const summary = (
    id: string,
    entry: Entry,
    runs: ReadonlyArray<{ readonly round: Round; readonly one: Runner.Run }>
  ): Summary => {
    const { sends, title } = entry
    const beyond = runs.flatMap(({ one }) => (one.beyond === undefined ? [] : [one.beyond]))
    const wall = Statistics.spread(runs.map(({ one }) => wallOf(one)))
    const recordsPerSecond = 1e6 / wall.median
    const possible = (options.concurrency / (options.latency / 1000)) * options.batch
    return {
      id,
      title,
      cpu: Statistics.spread(runs.map(({ one }) => cpuOf(one))),
      wall,
      recordsPerSecond,
      cpuRatio: Statistics.spread(runs.map(({ one, round }) => cpuOf(one) / floorOf(round, entry, cpuOf))),
      wallRatio: Statistics.spread(runs.map(({ one, round }) => wallOf(one) / floorOf(round, entry, wallOf))),
      peak: Statistics.spread(runs.map(({ one }) => one.peak)),
      beyond: beyond.length === 0 ? undefined : Statistics.spread(beyond),
      allocated: allocated.get(id),
      ofPossible: sends && options.latency > 0 ? recordsPerSecond / possible : undefined
    }
  }
  return Object.entries(entries).flatMap(([id, entry]): ReadonlyArray<Summary> => {
    const runs = rounds.flatMap((round) => {
      const own = round.others[id]
      if (id === "floor") return round.floors.map((one) => ({ round, one }))
      return own === undefined ? [] : [{ round, one: own }]
    })
    return runs.length === 0 ? [] : [summary(id, entry, runs)]
  })
}

/** Throughput is compared round by round, all else as it was summed up. */
export const judge = (
  { records }: Pick<Options, "records">,
  rounds: ReadonlyArray<Round>,
  contenders: ReadonlyArray<Summary>
) => {
  const of = (id: string) => contenders.find((one) => one.id === id)
  const patchbay = of("patchbay")
  const bounded = of("patchbay-bounded")
  const throughputOver = (id: string) => {
    const ratios = rounds.flatMap(({ others }) => {
      const [own, other] = [others.patchbay, others[id]]
      return own === undefined || other === undefined ? [] : [other.wall / own.wall]
    })
    return ratios.length === 0 ? undefined : Statistics.spread(ratios)
  }
  /** CPU over that of the plain file, and of what is to be taken off, round by round. */
  const overPlain = (id: string, besides?: string) => {
    const ratios = rounds.flatMap(({ others }) => {
      const [plain, other] = [others.patchbay, others[id]]
      const off = besides === undefined ? undefined : others[besides]
      if (plain === undefined || other === undefined || (besides !== undefined && off === undefined)) return []
      return [cpuOf(other) / (cpuOf(plain) + (off === undefined ? 0 : cpuOf(off)))]
    })
    return ratios.length === 0 ? undefined : Statistics.spread(ratios)
  }
  return [
    Goals.cpu(patchbay?.cpuRatio, records),
    Goals.wall(patchbay?.wallRatio, records),
    Goals.script(throughputOver("script"), records),
    Goals.elasticsearch(throughputOver("elasticsearch"), records),
    Goals.peak("as Node is", patchbay?.peak, records),
    Goals.peak("young generation bounded", bounded?.peak, records),
    Goals.fromMemory("with dates", of("patchbay-memory")?.cpuRatio, 1, records),
    Goals.fromMemory("without dates", of("patchbay-memory-undated")?.cpuRatio, 0.9, records),
    Goals.beyond(of("patchbay-memory")?.beyond, records),
    Goals.gzip(overPlain("patchbay-gzip", "gunzip"), records),
    Goals.utf16(overPlain("patchbay-utf16"), records)
  ]
}

export const measure = (options: Options): Promise<Report> =>
  Runner.withFolder((folder) =>
    Runner.withServer(options.latency, async (url) => {
      const needsNdjson = options.contenders.some((id) => id.endsWith("ndjson"))
      const prepare = async (name: string, records: number): Promise<Job> => {
        const { batch, concurrency, seed } = options
        const [csv, ndjson] = [join(folder, `${name}.csv`), join(folder, `${name}.ndjson`)]
        await Customers.write({ records, seed, csv, ndjson: needsNdjson ? ndjson : undefined })
        const job = { url, csv, ndjson, records, seed, batch, concurrency, folder: join(folder, "run") }
        return { ...job, ...(await Customers.dressed(csv, options.contenders)) }
      }
      const rounds = await measureRounds(options, await prepare("all", options.records))
      const few = await prepare("few", Math.min(options.records, allocationRecords))
      const contenders = summarise(options, rounds, await measureAllocation(options, few))
      Runner.hush()
      const floors = rounds.flatMap(({ floors }) => floors)
      const acrossRounds = Statistics.spread(floors.map(cpuOf))
      const twice = (of: (one: Runner.Run) => number) =>
        Statistics.spread(rounds.map(({ floors: [a, b] }) => of(b) / of(a)))
      return {
        contenders,
        noise: {
          cpu: twice(cpuOf),
          wall: twice(wallOf),
          acrossRounds: {
            median: 1,
            min: acrossRounds.min / acrossRounds.median,
            max: acrossRounds.max / acrossRounds.median
          }
        },
        goals: judge(options, rounds, contenders),
        rounds
      }
    })
  )

/** The report for people. */
export const format = ({ contenders, goals, noise }: Report, options: Options): string => {
  const withLatency = contenders.some(({ ofPossible }) => ofPossible !== undefined)
  return [
    `${Statistics.grouped(options.records)} records, ${options.batch} to a batch, ${options.concurrency} in flight, ${options.latency} ms to answer; medians of ${options.rounds} (smallest–largest).`,
    "",
    Statistics.table([
      [
        "",
        "records/s",
        "CPU µs/record",
        "× floor, CPU",
        "× floor, wall",
        "peak MB",
        "beyond its objects",
        "bytes allocated/record",
        ...(withLatency ? ["of possible"] : [])
      ],
      ...contenders.map(
        ({ allocated, beyond, cpu, cpuRatio, ofPossible, peak, recordsPerSecond, title, wallRatio }) => [
          title,
          Statistics.grouped(recordsPerSecond),
          cpu.median.toFixed(2),
          Statistics.ratio(cpuRatio),
          Statistics.ratio(wallRatio),
          peak.median.toFixed(0),
          beyond === undefined ? "–" : beyond.median.toFixed(0),
          allocated === undefined ? "–" : Statistics.grouped(allocated),
          ...(withLatency ? [ofPossible === undefined ? "–" : Statistics.percent(ofPossible)] : [])
        ]
      )
    ]),
    "",
    `Noise: the floor over itself in one round: CPU ${Statistics.ratio(noise.cpu)}, wall ${Statistics.ratio(noise.wall)};`,
    `its CPU in each round over its median: ${noise.acrossRounds.min.toFixed(2)}–${noise.acrossRounds.max.toFixed(2)}. A difference smaller than this says nothing.`,
    "",
    Goals.format(goals)
  ].join("\n")
}
