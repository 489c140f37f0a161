import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as KeyCounts from "../../src/sync/KeyCounts.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"
import * as Plan from "../../src/sync/Plan.ts"

const patches = (...ids: ReadonlyArray<string>) =>
  CustomerRecord.fromPatches(Stream.fromIterable(ids.map((customerId) => ({ customerId }))))

describe("Plan", () => {
  it.effect("counts what a run would send, to the byte", () =>
    Effect.gen(function* () {
      const plan = yield* patches("c-1", "c-2", "c-1", "c-3", "c-1").pipe(
        Plan.make({
          to: ReachDestination.batchPatch(),
          batch: BatchPolicy.make({ maxRecords: 2 }),
          rateLimit: RateLimitPolicy.make({ limit: 2, window: "1 second", burst: 1 })
        })
      )
      const body = (count: number) => '{"resources":[]}'.length + '{"customerId":"c-1"}'.length * count + count - 1
      assert.deepInclude(plan, {
        read: 5,
        sendable: 5,
        merged: 0,
        batches: 3,
        bytes: body(2) * 2 + body(1),
        // Each batch is asked for at least once.
        requests: 6,
        leastTime: 2000,
        keys: { distinct: 3, repeated: 1, records: 2 }
      })
    })
  )

  it.effect("what is merged, and what is not waited for, needs fewer requests", () =>
    Effect.gen(function* () {
      const merged = yield* patches("c-1", "c-1", "c-2").pipe(
        Plan.make({ to: ReachDestination.batchPatch(), sameKey: "merge", settle: "accepted" })
      )
      assert.deepInclude(merged, { sendable: 3, merged: 1, batches: 1, requests: 1 })
      assert.isUndefined(merged.leastTime, "a limit that is to be found says nothing beforehand")
      const split = yield* patches("c-1", "c-1", "c-2").pipe(
        Plan.make({
          to: ReachDestination.patch(),
          rateLimit: RateLimitPolicy.make({ limit: 6, window: "1 minute", unit: "records" })
        })
      )
      assert.deepInclude(split, { batches: 3, requests: 3, leastTime: 20_000 })
    })
  )

  it.effect("a record whose customer stands in the batch goes with the next, and others fill it, as in a run", () =>
    Effect.gen(function* () {
      const plan = yield* patches("c-1", "c-1", "c-2", "c-2", "c-3", "c-3").pipe(
        Plan.make({ to: ReachDestination.batchPatch(), sameKey: "split", batch: BatchPolicy.make({ maxRecords: 3 }) })
      )
      assert.deepInclude(plan, { sendable: 6, batches: 2 })
    })
  )

  it.effect("tells the first five of each reason, and repeats no customer", () =>
    Effect.gen(function* () {
      const long = "x".repeat(100)
      const plan = yield* CustomerRecord.fromPatches(
        Stream.fromIterable(
          Array.from({ length: 8 }, (_, index) => ({ id: `p-${index}`, full_name: index === 0 ? "Zoë" : long }))
        )
      ).pipe(
        Plan.make({
          to: PocketflowsDestination.batchUpdate({ business: "b" }),
          batch: BatchPolicy.make({ maxBytes: 80 })
        })
      )
      assert.deepInclude(plan, { read: 8, sendable: 1, batches: 1 })
      assert.strictEqual(plan.rejected.TooLarge?.records, 7)
      assert.deepStrictEqual(
        plan.rejected.TooLarge?.first.map(({ offset }) => offset),
        [1, 2, 3, 4, 5]
      )
      assert.notInclude(JSON.stringify(plan) + Plan.format(plan), long)
    })
  )

  it.effect("nothing in, nothing out", () =>
    Effect.map(patches().pipe(Plan.make({ to: ReachDestination.batchPatch() })), (plan) => {
      assert.deepInclude(plan, { read: 0, batches: 0, requests: 0, bytes: 0 })
      assert.match(Plan.format(plan), /records read +0\n/)
    })
  )
})

describe("KeyCounts", () => {
  it("counts as a set would, also when the table grows", () => {
    const counts = KeyCounts.make()
    const seen = new Map<string, number>()
    let random = 1
    for (let i = 0; i < 60_000; i++) {
      random = (Math.imul(random, 48_271) >>> 0) % 0x7fffffff
      // Keys that differ in one place only, and some that come often.
      const key = i % 3 === 0 ? `customer-${random % 500}` : i % 3 === 1 ? `${i}` : `Zoë-${"x".repeat(i % 7)}${i >> 3}`
      counts.add(key)
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    const repeated = [...seen.values()].filter((count) => count > 1)
    assert.deepStrictEqual(counts.counts(), {
      distinct: seen.size,
      repeated: repeated.length,
      records: repeated.reduce((sum, count) => sum + count - 1, 0)
    })
  })
})
