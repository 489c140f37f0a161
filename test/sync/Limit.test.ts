/** That a run takes up no more than it was asked to, ends cleanly, and that the next one goes on behind it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Sandbox } from "../../src/sandbox/index.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as Plan from "../../src/sync/Plan.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

const count = 20

// One record is refused before sending, among those that the first run takes up.
const source = fromPatches(
  Stream.range(0, count - 1).pipe(
    Stream.map((index) => ({ customerId: `c-${index}`, ...(index === 3 ? { smsOptOut: null } : {}) })),
    Stream.rechunk(6)
  )
)

const options = { to: ReachDestination.batchPatch(), batch: BatchPolicy.make({ maxRecords: 5 }) }

const run = Effect.fnUntraced(function* (world: CrashWorld.World, limit: number | undefined) {
  const totals: Array<number | undefined> = []
  const fiber = yield* CustomerSync.run({
    ...options,
    rateLimit: RateLimitPolicy.unlimited(),
    checkpoint: world.checkpoint,
    deadLetters: world.deadLetters,
    limit,
    total: count,
    onProgress: ({ total }) => Effect.sync(() => void totals.push(total))
  })(CrashWorld.named(source)).pipe(Effect.forkChild)
  while (fiber.pollUnsafe() === undefined) {
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* TestClock.adjust("50 millis")
  }
  const report = yield* Fiber.join(fiber)
  return { report, total: totals.at(-1) }
})

describe("a run with a limit", () => {
  it.effect("ends when so many have their outcome, and the next one goes on behind them", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const first = yield* run(world, 8)
      assert.deepInclude(first.report, { read: 8, firstOffset: 0, lastOffset: 7, checkpoint: 8, stopped: "Limit" })
      assert.deepInclude(first.report.outcomes, { Applied: 7, Rejected: 1, Unknown: 0, Unsent: 0 })
      assert.strictEqual(first.total, 8)
      assert.isFalse(world.saved()?.finished)
      const customers = (yield* Sandbox.Sandbox).reachCustomers("acme")
      assert.strictEqual((yield* customers).size, 7, "a batch that is not full is sent")

      const second = yield* run(world, 8)
      assert.deepInclude(second.report, { read: 16, firstOffset: 8, lastOffset: 15, resumedFrom: 8, stopped: "Limit" })
      assert.strictEqual(second.total, 16)

      const last = yield* run(world, undefined)
      assert.deepInclude(last.report, { read: count, firstOffset: 16, checkpoint: count })
      assert.notProperty(last.report, "stopped")
      assert.strictEqual((yield* customers).size, count - 1)
      assert.strictEqual(yield* sent, count - 1, "none is sent twice")
      assert.deepStrictEqual(
        world.letters.map(({ offset }) => offset),
        [3]
      )
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer()))
  })

  it.effect("of as many as there are does not know that it is at the end; the next one finds nothing more", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      assert.deepInclude((yield* run(world, count)).report, { read: count, stopped: "Limit" })
      const { report } = yield* run(world, count)
      assert.strictEqual(report.read, count)
      assert.notProperty(report, "stopped")
      assert.isTrue(world.saved()?.finished)
      assert.strictEqual(yield* sent, count - 1)
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer()))
  })

  it.effect("that is more than there are is none", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const { report, total } = yield* run(world, count + 1)
      assert.strictEqual(report.read, count)
      assert.notProperty(report, "stopped")
      assert.strictEqual(total, count)
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer()))
  })

  it.effect("is planned as it runs", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* Plan.make({ ...options, limit: 8 })(source), { read: 8, sendable: 7, batches: 2 })
      assert.deepInclude(yield* Plan.make(options)(source), { read: count })
    })
  )
})

/** Records that were written at the vendor, all batches together. */
const sent = Effect.flatMap(Sandbox.Sandbox, ({ writes }) => Effect.map(writes, ({ length }) => length))
