/** Reports of runs of every kind, without a run: the same each time. */
import { Effect } from "effect"
import * as HtmlReport from "../../../src/cli/report/HtmlReport.ts"
import * as RunHistory from "../../../src/cli/report/RunHistory.ts"
import { Ledger, SyncReport } from "../../../src/index.ts"

const second = 1000
const day = 24 * 3600 * second

/** Waits of every kind, with a rate that comes and goes. */
export const history = (elapsed: number, records: number, settledBefore = 0): RunHistory.History => {
  const made = RunHistory.make()
  const steps = 600
  let share = 0
  const waits = { rate: 0, paused: 0, backoff: 0, quota: 0, breaker: 0 }
  for (let step = 1; step <= steps; step++) {
    const isPaused = step % 150 > 120
    share += isPaused ? 0 : (1 + Math.sin(step / 40) / 2) / steps
    const millis = elapsed / steps
    waits.rate += isPaused ? 0 : millis * 0.4
    waits.paused += isPaused ? millis : 0
    waits.backoff += step % 50 < 5 ? millis : 0
    waits.quota += step > 500 ? millis * 0.1 : 0
    waits.breaker += step > 550 ? millis * 0.9 : 0
    const settled = settledBefore + (step === steps ? records : Math.round(records * Math.min(1, share)))
    Effect.runSync(
      made.onProgress({
        read: settled,
        settled,
        settledBefore,
        total: undefined,
        outcomes: { ...Ledger.noCounts, Applied: settled },
        requests: step,
        retries: 0,
        inFlight: isPaused ? 0 : 4 + Math.round(4 * Math.sin(step / 30)),
        rate: 0,
        eta: undefined,
        elapsed: step * millis,
        waiting: undefined,
        settling: undefined,
        waits: { ...waits }
      })
    )
  }
  return made.history()
}

const report = new SyncReport.SyncReport({
  destination: "reach.batch-patch",
  read: 100_000,
  outcomes: { ...Ledger.noCounts, Applied: 100_000 },
  reasons: {},
  offsets: {},
  batches: 200,
  requests: 463,
  retries: 12,
  waits: { rate: 11_000, paused: 6000 },
  bytes: 18_234_567,
  durations: { p50: 5.25, p90: 42, p95: 80, p99: 640, max: 1500 },
  firstOffset: 0,
  lastOffset: 99_999,
  elapsed: 29_300
})

const of = (more: Partial<SyncReport.SyncReport>) => new SyncReport.SyncReport({ ...report, ...more })

const nothing = { batches: 0, requests: 0, retries: 0, bytes: 0, waits: {} } as const
const noDurations = { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 }

const command =
  "patchbay sync customers.csv --to reach.batch-patch --tenant acme --checkpoint .patchbay/acme --report report.html"
const finishedAt = Date.UTC(2026, 10, 22, 0, 44, 46)

/** What a file may be called, and what a tag may be. */
export const hostile = `"><img src=x onerror="document.title='gone'">&amp;</style><script>document.title='gone'</script>'.csv`
const long = `${"a-very-long-name-that-nothing-breaks".repeat(6)}.csv`

/** By the kind of run. */
export const pages: { readonly [kind: string]: HtmlReport.Options } = {
  delivered: { report, history: history(29_300, 100_000), finishedAt, source: "customers.csv" },
  refused: {
    report: of({
      read: 10_000_000,
      outcomes: {
        Applied: 9_876_543,
        Accepted: 100_000,
        Merged: 12_000,
        Skipped: 0,
        Rejected: 11_450,
        Unknown: 7,
        Unsent: 0
      },
      reasons: { SchemaMismatch: 9000, BadRequest: 2400, Malformed: 50, SettleDeadline: 7 },
      offsets: {
        SchemaMismatch: [12, 9_999_991, 9_999_992, 9_999_993, 9_999_994],
        BadRequest: [0, 1, 2, 3, 4],
        Malformed: [5, 77],
        SettleDeadline: [9_000_000, 9_000_001, 9_000_002, 9_000_003, 9_000_004]
      },
      unsettled: { batches: 7, ids: ["b-1", "b-2"] },
      lastOffset: 9_999_999,
      elapsed: 3 * day,
      bytes: 1_234_567_890_123,
      requests: 20_000_123,
      durations: { p50: 95, p90: 140, p95: 210, p99: 990, max: 29_998 }
    }),
    history: history(3 * day, 10_000_000),
    finishedAt,
    source: "customers.csv",
    deadLetters: "customers.dead-letters.ndjson",
    retry: "patchbay retry customers.dead-letters.ndjson --to reach.batch-patch --tenant acme"
  },
  interrupted: {
    report: of({
      read: 41_500,
      outcomes: { ...Ledger.noCounts, Applied: 40_000, Rejected: 1, Unsent: 1499 },
      reasons: { InvalidRequest: 1 },
      offsets: { InvalidRequest: [17] },
      checkpoint: 40_001,
      elapsed: 12_000,
      stopped: "Interrupted"
    }),
    history: history(12_000, 40_001),
    finishedAt,
    source: "customers.csv",
    command
  },
  limited: {
    report: of({
      read: 100,
      outcomes: { ...Ledger.noCounts, Applied: 99, Rejected: 1 },
      reasons: { InvalidRequest: 1 },
      offsets: { InvalidRequest: [17] },
      checkpoint: 100,
      elapsed: 900,
      stopped: "Limit"
    }),
    history: history(900, 100),
    finishedAt,
    source: "customers.csv",
    command
  },
  resumed: {
    report: of({
      ...{ resumedFrom: 40_000, firstOffset: 40_000, checkpoint: 100_000, elapsed: 18_000 },
      found: {
        limit: { perSecond: 98.2, margin: 0.01, counts: 5 },
        background: { share: 0.0491, margin: 0.004 }
      }
    }),
    history: history(18_000, 60_000, 40_000),
    finishedAt,
    source: "customers.csv",
    nextTime: "--rate-limit 98/1s"
  },
  stopped: {
    report: of({
      outcomes: { ...Ledger.noCounts, Unknown: 12_000, Unsent: 88_000 },
      reasons: { Unauthorized: 11_400, Interrupted: 600 },
      offsets: { Unauthorized: [0, 1, 2, 3, 4], Interrupted: [2202, 2203, 2204, 2205, 2206] },
      elapsed: 500,
      stopped: "Unauthorized"
    }),
    history: history(500, 12_000),
    finishedAt,
    source: "customers.csv",
    why: "Reach did not accept the credentials for PATCH /api/resources/customers/batch (401). Check the token.",
    command
  },
  short: { report: of({ elapsed: 2000 }), history: history(2000, 100_000), finishedAt, source: "customers.csv" },
  one: {
    report: of({
      ...{ read: 1, outcomes: { ...Ledger.noCounts, Applied: 1 }, batches: 1, requests: 1, retries: 0, bytes: 78 },
      ...{ waits: {}, durations: { p50: 0.4, p90: 0.4, p95: 0.4, p99: 0.4, max: 0.4 }, lastOffset: 0, elapsed: 3 }
    }),
    history: {
      elapsed: 3,
      buckets: [{ from: 0, to: 3, records: 1, inFlight: 0, inFlightMax: 0, waits: {} }]
    },
    finishedAt
  },
  none: {
    report: of({ ...nothing, read: 0, outcomes: Ledger.noCounts, durations: noDurations, elapsed: 3 }),
    history: { elapsed: 0, buckets: [] },
    finishedAt,
    source: "empty.csv"
  },
  "nothing new": {
    report: of({
      ...{ waits: {}, durations: noDurations },
      checkpoint: 100_000,
      nothingNew: true
    }),
    history: { elapsed: 2, buckets: [{ from: 0, to: 2, records: 0, inFlight: 0, inFlightMax: 0, waits: {} }] },
    finishedAt,
    source: "customers.csv"
  },
  hostile: {
    report: of({
      outcomes: { ...Ledger.noCounts, Rejected: 100_000 },
      destination: hostile,
      reasons: { [hostile]: 99_999, [long]: 1, constructor: 0 },
      offsets: { [hostile]: [1] },
      stopped: hostile
    }),
    history: {
      elapsed: 1000,
      buckets: [{ from: 0, to: 1000, records: 9, inFlight: 1, inFlightMax: 1, waits: { [hostile]: 500, [long]: 7 } }]
    },
    finishedAt,
    source: hostile,
    why: hostile,
    command: `patchbay sync '${hostile}' ${long} \u202Egpj.exe`,
    retry: hostile,
    deadLetters: long
  }
}

/** The text of each page. */
export const texts: ReadonlyArray<readonly [kind: string, text: string]> = Object.entries(pages).map(
  ([kind, options]) => [kind, HtmlReport.render(options)]
)
