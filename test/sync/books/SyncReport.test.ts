import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as SyncReport from "../../../src/sync/books/SyncReport.ts"

const report = new SyncReport.SyncReport({
  destination: "reach.batch-patch",
  read: 1_234_567,
  outcomes: { Applied: 1_234_500, Accepted: 0, Rejected: 60, Unknown: 7, Merged: 0, Skipped: 0, Unsent: 0 },
  reasons: { BadRequest: 40, Malformed: 20, SettleDeadline: 7 },
  offsets: { BadRequest: [17, 501], Malformed: [3], SettleDeadline: [9000, 9001, 9002, 9003, 9004] },
  batches: 2470,
  unsettled: { batches: 7, ids: ["b-1", "b-\u001b[2J"] },
  requests: 5001,
  retries: 12,
  waits: { rate: 61_500, concurrency: 0 },
  found: { limit: { perSecond: 98.2, margin: 0.01, counts: 4 }, background: { share: 0.049, margin: 0.002 } },
  bytes: 300_000_000,
  durations: { p50: 5.25, p90: 42, p95: 80, p99: 640, max: 1500 },
  firstOffset: 234_567,
  lastOffset: 1_234_566,
  checkpoint: 1_234_567,
  resumedFrom: 234_567,
  elapsed: 125_000
})

describe("SyncReport", () => {
  it("prints as a short table", () => {
    assert.strictEqual(
      SyncReport.format(report),
      [
        "records read        1,234,567",
        "  applied           1,234,500",
        "  rejected          60",
        "  unknown           7",
        "    BadRequest      40",
        "    Malformed       20",
        "    SettleDeadline  7",
        "batches             2,470",
        "  not settled       7, first b-1, b-?[2J",
        "requests            5,001 (12 retries)",
        "  one took          5.3 ms (95 %: 80 ms, longest: 1.5 s)",
        "bytes sent          300,000,000",
        "waited: rate        1 min 2 s",
        "rate limit          found a limit of about 98 requests a second",
        "rate limit          4.9 % of the requests were refused whatever the rate",
        "went on from        offset 234,567",
        "checkpoint          offset 1,234,567",
        "time                2 min 5 s, 8,000 records/s"
      ].join("\n")
    )
  })

  it("goes through JSON and comes back the same", () => {
    const json = Schema.encodeSync(Schema.fromJsonString(SyncReport.SyncReport))(report)
    assert.deepStrictEqual(Schema.decodeSync(Schema.fromJsonString(SyncReport.SyncReport))(json), report)
    assert.strictEqual(json, JSON.stringify(report))
  })

  it("names what stopped a run", () => {
    const stopped = new SyncReport.SyncReport({ ...report, stopped: "Unauthorized" })
    assert.match(SyncReport.format(stopped), /stopped by +Unauthorized$/)
  })
})
