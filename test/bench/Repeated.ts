/**
 * What customers who come again cost, beside as many records of customers who come once.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Repeated from "../sync/Repeated.ts"
import * as Goals from "./Goals.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"

export interface Options {
  readonly records: number
  readonly batch: number
  /** How long a batch takes to settle, in milliseconds: each in a turn of its own. */
  readonly settles: ReadonlyArray<number>
  /** In virtual time, and not against a server. */
  readonly virtual: boolean
}

export interface Report {
  readonly runs: ReadonlyArray<Run>
  readonly goals: ReadonlyArray<Goals.Verdict>
}

/** One sync. */
export interface Run {
  readonly customers: string
  readonly sameKey: Repeated.Options["sameKey"]
  readonly settle: number
  /** Milliseconds. */
  readonly took: number
  /** Its throughput over that of customers who come once. */
  readonly ratio: number
  /** What the customer who comes most often leaves of it at best; 1 where that is all. */
  readonly possible: number
}

const hottest = 0.01

export const measure = async (options: Options): Promise<Report> => {
  const { records } = options
  const customers = {
    once: Repeated.once(records),
    twice: Repeated.twice(records),
    zipf: Repeated.zipf(records, hottest)
  }
  const runs: Array<Run> = []
  for (const settle of options.settles) {
    const took = (name: keyof typeof customers, sameKey: Run["sameKey"]) => {
      Runner.say(`\rsettled in ${settle} ms: ${name}, ${sameKey}\x1b[K`)
      return time(customers[name], settle, { ...options, sameKey })
    }
    const before = await took("once", "keep")
    const always = Repeated.always(settle)
    const turn = (await time(always, settle, { ...options, ...Repeated.alone })) / always.length
    const again: Array<Pick<Run, "customers" | "sameKey" | "took"> & { readonly least: number }> = []
    for (const [name, sameKey] of [
      ["twice", "keep"],
      ["twice", "split"],
      ["zipf", "keep"],
      ["zipf", "merge"],
      // One of a customer to a batch takes thousands of batches one after the other.
      ...(settle === 50 ? [["zipf", "split"] as const] : [])
    ] as const) {
      const least = turn * Repeated.batchesInTurn(customers[name], { ...options, sameKey })
      again.push({ customers: name, sameKey, took: await took(name, sameKey), least })
    }
    // What a machine has to do besides changes meanwhile; virtual time does not.
    const base = options.virtual ? before : (before + (await took("once", "keep"))) / 2
    runs.push({ customers: "once", sameKey: "keep", settle, took: base, ratio: 1, possible: 1 })
    for (const { least, ...run } of again) {
      runs.push({ ...run, settle, ratio: base / run.took, possible: Math.min(1, base / least) })
    }
  }
  Runner.hush()
  return { runs, goals: goalsOf(runs) }
}

const time = (customers: Repeated.Customers, settle: number, options: Repeated.Options & Options): Promise<number> =>
  options.virtual
    ? Effect.runPromise(Repeated.simulated(customers, settle, options))
    : withVendor(settle, (url) => Effect.runPromise(Repeated.overSocket(customers, url, options)))

const vendorScript = fileURLToPath(new URL("../sync/SettlingVendor.ts", import.meta.url))

/** Lends a vendor in a process of its own. Fails where a customer was in two unfinished batches. */
const withVendor = async <A>(settle: number, use: (url: string) => Promise<A>): Promise<A> => {
  const server = fork(vendorScript, [String(Repeated.latency), String(settle)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  })
  try {
    if (server.stdout === null) throw new Error("The vendor has no output.")
    const [line] = await once(server.stdout, "data")
    const url = String(line).trim()
    const result = await use(url)
    const overlaps = await (await fetch(`${url}/overlaps`)).text()
    if (overlaps !== "0") throw new Error(`${overlaps} batches overlapped.`)
    return result
  } finally {
    server.disconnect()
  }
}

export const goalsOf = (runs: ReadonlyArray<Run>): ReadonlyArray<Goals.Verdict> => {
  const again = runs.filter(({ customers }) => customers !== "once")
  const least = again.map(({ possible, ratio }) => ratio / possible)
  return [Goals.repeated(least.length === 0 ? undefined : Statistics.spread([100 * Math.min(...least)]))]
}

/** The report for people. */
export const format = ({ goals, runs }: Report, options: Options): string =>
  [
    `${Statistics.grouped(options.records)} records, ${options.batch} to a batch, 8 in flight, ${Repeated.latency} ms a request, ${options.virtual ? "in virtual time" : "over a socket"}; zipf: the customer who comes most often is in ${Statistics.percent(hottest)} of the records.`,
    "",
    Statistics.table([
      ["customers", "sameKey", "settle ms", "took s", "throughput", "at best"],
      ...runs.map(({ customers, possible, ratio, sameKey, settle, took }) => [
        customers,
        sameKey,
        String(settle),
        (took / 1000).toFixed(1),
        Statistics.percent(ratio),
        Statistics.percent(possible)
      ])
    ]),
    "",
    Goals.format(goals)
  ].join("\n")
