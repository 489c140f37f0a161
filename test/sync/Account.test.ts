import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Fault, Sandbox } from "../../src/sandbox/index.ts"
import type { Progress } from "../../src/sync/books/Progress.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

// The empty id, in every tenth record, cannot be sent.
const source = Stream.range(0, 99).pipe(
  Stream.map((index) => ({ customerId: index % 10 === 3 ? "" : `c-${index}` })),
  fromPatches
)

const base = {
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: 5 }),
  rateLimit: RateLimitPolicy.unlimited(),
  settle: "accepted",
  checkpointEvery: 0,
  grace: 0
} as const

describe("what a run tells of itself", () => {
  it.live("the first offsets of each reason outlive a crash", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const options = { ...base, checkpoint: world.checkpoint }
      yield* world.until(
        (step) => step.startsWith("request") && world.history.length > 1,
        CustomerSync.run(options)(CrashWorld.named(source))
      )
      const saved = world.saved()
      const early = saved?.totals.reasons.InvalidRequest ?? 0
      assert.isAbove(early, 0, "the run was cut too soon to show anything")
      assert.isFalse(saved?.finished)
      assert.strictEqual(saved?.totals.offsets?.InvalidRequest?.[0], 3)

      const report = yield* CustomerSync.run(options)(CrashWorld.named(source))
      assert.deepStrictEqual(report.reasons, { InvalidRequest: 10 })
      assert.deepStrictEqual(report.offsets, { InvalidRequest: [3, 13, 23, 33, 43] })
      const again = yield* CustomerSync.run(options)(CrashWorld.named(source))
      assert.isTrue(again.nothingNew)
      assert.deepStrictEqual(again.offsets, report.offsets)
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer()), Effect.provide(NodeServices.layer))
  })

  it.live("progress tells requests in flight, waits so far, and what earlier runs settled", () => {
    const world = CrashWorld.make()
    const seen: Array<Progress> = []
    return Effect.gen(function* () {
      const options = { ...base, checkpoint: world.checkpoint, concurrency: 2 }
      yield* world.until(
        (step) => step.startsWith("answer") && world.history.length > 9,
        CustomerSync.run(options)(CrashWorld.named(source))
      )
      const { counts } = world.saved() ?? assert.fail("There is no checkpoint.")
      const report = yield* CustomerSync.run({
        ...options,
        retry: RetryPolicy.make({ firstDelay: "200 millis" }),
        onProgress: (progress) => Effect.sync(() => void seen.push(progress))
      })(CrashWorld.named(source))
      assert.strictEqual(report.read, 100)
      assert.isAbove(counts.read, 0)
      for (const { inFlight, settledBefore, waits, elapsed } of seen) {
        assert.strictEqual(settledBefore, counts.read)
        assert.isAtMost(inFlight, 2)
        assert.isAtMost(waits.backoff ?? 0, elapsed)
      }
      assert.isTrue(seen.some(({ inFlight }) => inFlight > 0))
      assert.strictEqual(seen.at(-1)?.inFlight, 0)
      assert.isAbove(seen.at(-1)?.waits.backoff ?? 0, 0)
      assert.deepStrictEqual(report.waits.backoff, seen.at(-1)?.waits.backoff)
    }).pipe(
      Effect.provide(world.client),
      Effect.provide(
        Sandbox.layer({
          faults: [
            { after: 8, every: 4, times: 2, fault: Fault.respond({ status: 503 }) },
            { fault: Fault.latency("30 millis") }
          ]
        })
      ),
      Effect.provide(NodeServices.layer)
    )
  })
})
