/**
 * What is to be reached, and whether it was.
 */
import * as Statistics from "./Statistics.ts"

export interface Verdict {
  readonly what: string
  /** `at most 1.25` */
  readonly goal: string
  /** `1.90 (1.80–2.10)` */
  readonly measured: string
  /** Unknown where nothing was measured, or not what the goal is about. */
  readonly reached: boolean | undefined
}

const unknown = (what: string, goal: string, why: string): Verdict => ({
  what,
  goal,
  measured: why,
  reached: undefined
})

const within = (
  what: string,
  value: Statistics.Spread | undefined,
  bound: { readonly least?: number; readonly most?: number },
  show: (value: Statistics.Spread) => string = Statistics.ratio,
  unit = "",
  added = ""
): Verdict => {
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = bound
  const goal = (bound.most === undefined ? `at least ${bound.least}${unit}` : `at most ${bound.most}${unit}`) + added
  if (value === undefined || Number.isNaN(value.median)) return unknown(what, goal, "not measured")
  return { what, goal, measured: show(value), reached: value.median >= least && value.median <= most }
}

const inMs = ({ median }: Statistics.Spread) => `${median.toFixed(0)} ms`
const inMb = ({ median }: Statistics.Spread) => `${median.toFixed(0)} MB`

/** As many records as most goals are about. */
export const million = 1_000_000

/** Of a run over a million records: in a shorter one the start weighs, and it has not shown what memory it needs. */
const ofMillion = (verdict: Verdict, records: number): Verdict =>
  records >= million || verdict.reached === undefined
    ? verdict
    : unknown(verdict.what, verdict.goal, `${verdict.measured} at ${Statistics.grouped(records)} records`)

export const cpu = (overFloor: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("CPU a record with everything on, over the floor", overFloor, { most: 1.25 }), records)

export const wall = (overFloor: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("wall time with everything on, over the floor", overFloor, { most: 1.25 }), records)

export const gzip = (ratio: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("CPU from gzip, over that from the plain file and gunzip's", ratio, { most: 1.05 }), records)

export const utf16 = (ratio: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("CPU from UTF-16, over that from the plain file", ratio, { most: 1.5 }), records)

export const script = (throughput: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("throughput over the plain script's", throughput, { least: 4 }), records)

export const elasticsearch = (throughput: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("throughput over the Elasticsearch helper's", throughput, { least: 3 }), records)

export const peak = (how: string, peak: Statistics.Spread | undefined, records: number) =>
  ofMillion(within(`peak memory at 1 million records, ${how}`, peak, { most: 200 }, inMb, " MB"), records)

export const fromMemory = (what: string, overFloor: Statistics.Spread | undefined, most: number, records: number) =>
  ofMillion(
    within(`CPU a record from memory, ${what}, over the loop over the same objects`, overFloor, { most }),
    records
  )

export const beyond = (beyond: Statistics.Spread | undefined, records: number) =>
  ofMillion(within("memory beyond a million objects in memory", beyond, { most: 60 }, inMb, " MB"), records)

export const peakGrowth = (how: string, ratio: Statistics.Spread | undefined) =>
  within(`peak memory at 10 million records over that at 1 million, ${how}`, ratio, { most: 1.1 })

export const flatCost = (ratio: Statistics.Spread | undefined) =>
  within("CPU a record at 10 million records over that at 1 million", ratio, { most: 1.05 })

const share = (of: string, least: Statistics.Spread | undefined, bound: number, added?: string) =>
  within(
    `throughput with latency, of ${of}, the least of all`,
    least,
    { least: bound },
    ({ median }) => Statistics.percent(median / 100),
    " %",
    added
  )

const there = (goal: number, unit: string) => `, ${goal}${unit} where it was set`

/** Where everything takes `scale` times as long, so may what is between an answer and the next request. */
export const ofPossible = (least: Statistics.Spread | undefined, scale: number) =>
  share("concurrency ÷ latency", least, Math.round(100 / (1 + scale * (1 / 0.95 - 1))), there(95, " %"))

/** What the machine allows at that latency, which on a slow one is less. */
export const ofWire = (least: Statistics.Spread | undefined) => share("what bare sockets reach", least, 95)

/** Where everything takes `scale` times as long, so may a start. */
export const firstRequest = (how: string, time: Statistics.Spread | undefined, scale: number) =>
  within(`first request, ${how}`, time, { most: Math.round(150 * scale) }, inMs, " ms", there(150, " ms"))

/** In parts of what the customer who comes most often leaves. */
export const repeated = (least: Statistics.Spread | undefined) =>
  within(
    "throughput of customers who come again, over that of those who come once, the least of all",
    least,
    { least: 80 },
    ({ median }) => Statistics.percent(median / 100),
    " %",
    ", where a customer who comes too often does not forbid it"
  )

export const importing = (ratio: Statistics.Spread | undefined) =>
  within('import "effect-patchbay" over the Effect modules it uses', ratio, { most: 1.1 })

const words = new Map([
  [true, "reached"],
  [false, "missed"],
  [undefined, "open"]
])

/** `missed   CPU a record …: goal at most 1.25, measured 1.90 (1.80–2.10)` */
export const format = (verdicts: ReadonlyArray<Verdict>): string =>
  [
    "Goals:",
    ...verdicts.map(
      ({ goal, measured, reached, what }) =>
        `  ${(words.get(reached) ?? "").padEnd(7)}  ${what}: goal ${goal}, measured ${measured}`
    )
  ].join("\n")
