import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import * as Ending from "../../../src/cli/run/Ending.ts"
import type { SyncOptions } from "../../../src/cli/run/SyncOptions.ts"
import * as Values from "../../../src/cli/run/Values.ts"
import { CustomerFileError, CustomerSync, SyncReport } from "../../../src/index.ts"

const options: SyncOptions = {
  to: "reach.patch",
  empty: [{ field: "phone", meaning: "null" }],
  encoding: Option.none(),
  mapping: Option.none(),
  deleteConsent: ["smsOptOut"],
  fresh: false,
  tenant: Option.none(),
  business: Option.none(),
  onConflict: Option.none(),
  field: [],
  ignoreUnknownFields: false,
  allowSuspicious: ["apostrophe"],
  batchRecords: Option.none(),
  batchBytes: Option.none(),
  sameKey: Option.none(),
  isolate: Option.none(),
  settle: Option.none(),
  settleFor: Option.none(),
  concurrency: Option.none(),
  rateLimit: Option.none(),
  retryFor: Option.none(),
  timeout: Option.none(),
  limit: Option.none(),
  checkpoint: Option.some("kept"),
  deadLetters: Option.some("dead.ndjson"),
  report: Option.none(),
  progress: "none",
  dryRun: false,
  envFile: Option.none(),
  baseUrl: Option.none()
}

const report = new SyncReport.SyncReport({
  destination: "reach.patch",
  read: 20,
  outcomes: { Applied: 7, Accepted: 0, Rejected: 2, Unknown: 4, Merged: 0, Skipped: 0, Unsent: 7 },
  reasons: {},
  offsets: {},
  batches: 1,
  requests: 1,
  retries: 0,
  waits: {},
  bytes: 1,
  durations: { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 },
  elapsed: 1
})

const left: Ending.LeftOver = { rejected: 2, unknown: 1, underway: 3, unsent: 7, letters: { mine: 3, older: 0 } }

const told = (ending: Ending.Ending, more: Partial<Ending.About> = {}): string => {
  assert(ending._tag !== "Defect")
  return Ending.textOf(
    Ending.next(ending, { options, args: ["sync", "c.csv"], source: "c.csv", report, left, ...more })
  )
}

describe("the end of a run", () => {
  const retry =
    "patchbay retry dead.ndjson --to reach.patch --empty phone=null --delete-consent smsOptOut --allow-suspicious apostrophe --dead-letters dead.2.ndjson"

  it("names what goes on and what does not, each with its command", () => {
    assert.strictEqual(
      told({ _tag: "Interrupted" }),
      [
        "Stopped, as you asked. The same command goes on from here, with 7 records that were read and not sent and 3 records of which nobody knows whether they were applied.",
        "  patchbay sync c.csv",
        "It does not send again what has ended. 2 records were rejected, and of 1 record nobody knows whether it was applied. They are in dead.ndjson, each with its reason. Put right what is wrong, there or at the vendor, then send again what is in the file:",
        `  ${retry}`
      ].join("\n\n")
    )
  })

  it("without a checkpoint all of it starts over, and says what that is", () => {
    assert.include(
      told({ _tag: "Interrupted" }, { options: { ...options, checkpoint: Option.none() } }),
      "They are in dead.ndjson, each with its reason. 7 records that were read were not sent. The position was not kept"
    )
  })

  it("says what to add next time where a limit was found, and nothing of one that was not", () => {
    const background = { share: 0.05, margin: 0.01 }
    const found = (perSecond: number) =>
      new SyncReport.SyncReport({ ...report, found: { background, limit: { perSecond, margin: 0.01, counts: 3 } } })
    for (const [perSecond, said, option] of [
      [98.2, "about 98 requests a second", "--rate-limit 98/1s"],
      [2.4, "about 144 requests a minute", "--rate-limit 144/1m"],
      [0.01, "about 36 requests an hour", "--rate-limit 36/1h"]
    ] as const) {
      for (const ending of [{ _tag: "Finished" }, { _tag: "Interrupted" }] as const) {
        const text = told(ending, { report: found(perSecond) })
        const line = `A limit of ${said} was found, which nobody had told. To start with it next time, add ${option}.`
        assert.isTrue(text.endsWith(`\n\n${line}`), text)
        assert.isTrue(Option.isSome(Values.rate(option.split(" ")[1] ?? "")), "it can be typed")
      }
    }
    const noise = new SyncReport.SyncReport({ ...report, found: { background } })
    assert.strictEqual(told({ _tag: "Finished" }, { report: noise }), told({ _tag: "Finished" }))
  })

  it("letters that only later runs were told to write are not promised", () => {
    assert.include(
      told({ _tag: "Finished" }, { left: { ...left, letters: { mine: 1, older: 5 } } }),
      "Only 1 of them is in dead.ndjson, behind 5 of earlier runs"
    )
  })

  it.effect("a source that breaks off is told with what is left, and how to go on", () =>
    Effect.gen(function* () {
      const reason = new CustomerFileError.InvalidUtf8({
        source: "c.csv",
        encoding: undefined,
        line: 1,
        character: 1,
        records: undefined
      })
      const ending = Ending.of(Exit.fail(new CustomerSync.SyncStopped({ reason, report })), report)
      const text = told(ending)
      assert.match(
        text,
        /such as --encoding windows-1252\. 7 records that were read were not sent\.\n\nOnce that is put right/
      )
      assert.include(text, retry)
      const nothing = yield* Ending.leftOver({ ...options, deadLetters: Option.some("/dev/zero") }, report, 0)
      assert.deepStrictEqual(nothing, { rejected: 2, unknown: 4, underway: 0, unsent: 7, letters: undefined })
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
