import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Fault, Sandbox } from "../../src/sandbox/index.ts"
import type { SyncReport } from "../../src/sync/books/SyncReport.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

const count = 50

// The third field is refused before sending for one record, so that there is a dead letter.
const source = fromPatches(
  Stream.range(0, count - 1).pipe(
    Stream.map((index) => ({
      customerId: `c-${index}`,
      lastName: `<${index}>`,
      ...(index === 7 ? { smsOptOut: null } : {})
    })),
    Stream.rechunk(5)
  )
)

/** Lets so many seconds pass, in steps, with time for whoever waits for more than the clock. */
const pass = Effect.fnUntraced(function* (seconds: number) {
  for (let step = 0; step < seconds * 4; step++) {
    for (let turn = 0; turn < 8; turn++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* TestClock.adjust("250 millis")
  }
})

/** A run in virtual time, with the reports that it hands out. */
const runOf = (world: CrashWorld.World, records = source, graceFor?: "requests") => {
  const reports: Array<SyncReport> = []
  return {
    reports,
    run: CustomerSync.run({
      to: ReachDestination.batchPatch(),
      batch: BatchPolicy.make({ maxRecords: 5 }),
      rateLimit: RateLimitPolicy.unlimited(),
      concurrency: 2,
      window: 4,
      settle: SettlePolicy.make({ firstPoll: "1 second", maxInterval: "1 second" }),
      checkpoint: world.checkpoint,
      deadLetters: world.deadLetters,
      grace: "30 seconds",
      graceFor,
      onReport: (report) => Effect.sync(() => void reports.push(report))
    })(CrashWorld.named(records))
  }
}

const sum = (report: SyncReport | undefined) =>
  Object.values(report?.outcomes ?? {}).reduce((total, records) => total + records, 0)

const sandboxed =
  (world: CrashWorld.World, options?: Sandbox.Options) =>
  <A, E>(effect: Effect.Effect<A, E, Sandbox.Sandbox | CrashWorld.Provided>) =>
    effect.pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer({ keepBodies: true, ...options })))

const patches = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests),
  (requests) => requests.filter(({ method }) => method === "PATCH")
)

/** The rest of the run, to the same end as if it had not been stopped. */
const finish = Effect.fnUntraced(function* (world: CrashWorld.World, records = source) {
  const fiber = yield* Effect.forkChild(runOf(world, records).run)
  yield* pass(200)
  const report = yield* Fiber.join(fiber)
  assert.deepInclude(report, { read: count, checkpoint: count })
  assert.deepInclude(report.outcomes, { Applied: count - 1, Rejected: 1, Unknown: 0, Unsent: 0 })
  assert.deepStrictEqual(
    world.letters.map(({ offset }) => offset),
    [7]
  )
  const customers = yield* (yield* Sandbox.Sandbox).reachCustomers("acme")
  assert.strictEqual(customers.size, count - 1)
  assert.isTrue(world.saved()?.finished)
})

describe("a run that is interrupted", () => {
  it.effect("reads no more, lets what is in flight end, and reports; the next one does the rest", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const { reports, run } = runOf(world)
      const fiber = yield* Effect.forkChild(run)
      // Two requests are out, and their answers take two seconds.
      yield* pass(1)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(0.5)
      assert.deepStrictEqual(reports, [], "it waits for what is in flight")
      yield* pass(10)
      yield* Fiber.join(stopping)
      const [report, ...more] = reports
      assert.deepStrictEqual(more, [], "one report")
      assert.deepInclude(report, { stopped: "Interrupted", requests: 2 + 2, batches: 2 })
      assert.deepInclude(report?.outcomes, { Applied: 10, Unknown: 0, Rejected: 1 })
      assert.strictEqual(sum(report), report?.read)
      assert.isBelow(report?.read ?? count, count)
      assert.deepInclude(world.saved(), { finished: false, settling: [] })
      assert.deepStrictEqual(world.saved()?.counts.outcomes.Applied, 10)
      assert.lengthOf(yield* patches, 2)
      yield* finish(world)
      assert.lengthOf(yield* patches, 10, "nothing was sent twice")
    }).pipe(
      sandboxed(world, {
        faults: [{ method: "PATCH", fault: Fault.latency("2 seconds", { when: "after" }), times: 2 }]
      })
    )
  })

  it.effect("waits no longer than the grace period; what was accepted is asked for by the next one", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const { reports, run } = runOf(world)
      const fiber = yield* Effect.forkChild(run)
      yield* pass(5)
      assert.lengthOf(world.saved()?.settling ?? [], 4, "the window is full")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(29)
      assert.deepStrictEqual(reports, [])
      yield* pass(1)
      yield* Fiber.join(stopping)
      const [report] = reports
      assert.deepInclude(report, { stopped: "Interrupted" })
      assert.deepInclude(report?.outcomes, { Applied: 0, Unknown: 20 })
      assert.strictEqual(sum(report), report?.read)
      assert.lengthOf(world.saved()?.settling ?? [], 4)
      assert.deepStrictEqual(
        world.letters.map(({ offset }) => offset),
        [7],
        "what the next run takes up is no dead letter"
      )
      const before = (yield* patches).length
      yield* finish(world)
      assert.strictEqual((yield* patches).length, 10, "asked for, not sent again")
      assert.strictEqual(before, 4)
    }).pipe(sandboxed(world, { reach: { queue: { delay: "1 minute" } } }))
  })

  it.effect("waits for nothing but requests on the wire, where it is told so", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const { reports, run } = runOf(world, source, "requests")
      const fiber = yield* Effect.forkChild(run)
      // Two were accepted and settle, one is out and will be answered, and one was refused and waits to be sent again.
      yield* pass(1.5)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(0.5)
      assert.deepStrictEqual(reports, [], "it waits for what is on the wire")
      yield* pass(2)
      assert.lengthOf(reports, 1)
      yield* Fiber.join(stopping)
      const before = (yield* patches).length
      assert.lengthOf(world.saved()?.settling ?? [], 3)
      yield* finish(world)
      assert.strictEqual((yield* patches).length, before + 10 - 3, "what was accepted is asked for, not sent again")
    }).pipe(
      sandboxed(world, {
        faults: [
          { method: "PATCH", fault: Fault.respond({ status: 429, retryAfter: "20 seconds" }), after: 3, times: 1 },
          { method: "PATCH", fault: Fault.latency("2 seconds", { when: "after" }), after: 2, times: 1 }
        ],
        reach: { queue: { delay: "1 minute" } }
      })
    )
  })

  it.effect("a request that is still out when the grace period ends is sent again by the next one", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const { reports, run } = runOf(world)
      const fiber = yield* Effect.forkChild(run)
      yield* pass(1)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(30)
      yield* Fiber.join(stopping)
      assert.deepInclude(reports[0]?.outcomes, { Applied: 0, Unknown: 10 })
      yield* finish(world)
      assert.strictEqual((yield* patches).length, 12)
    }).pipe(sandboxed(world, { faults: [{ method: "PATCH", fault: Fault.noAnswer({ applied: true }), times: 2 }] }))
  })

  it.effect("a record that was folded into one that must go out again goes out again with it", () => {
    const world = CrashWorld.make()
    const options = {
      to: ReachDestination.batchPatch(),
      sameKey: "merge",
      checkpoint: world.checkpoint,
      grace: 0
    } as const
    const records = fromPatches(Stream.make({ customerId: "a", firstName: "A" }, { customerId: "a", lastName: "B" }))
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(CustomerSync.run(options)(CrashWorld.named(records)))
      yield* pass(5)
      assert.lengthOf(yield* patches, 1)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(1)
      yield* Fiber.join(stopping)
      assert.deepInclude(world.saved(), { position: 0, done: [] })
      assert.strictEqual(world.saved()?.counts.read, 0)
      const next = yield* Effect.forkChild(CustomerSync.run(options)(CrashWorld.named(records)))
      yield* pass(10)
      assert.deepInclude((yield* Fiber.join(next)).outcomes, { Applied: 1, Merged: 1, Unknown: 0 })
      const customers = yield* (yield* Sandbox.Sandbox).reachCustomers("acme")
      assert.deepStrictEqual(customers.get("a"), { customerId: "a", firstName: "A", lastName: "B" })
    }).pipe(sandboxed(world, { faults: [{ method: "PATCH", fault: Fault.noAnswer(), times: 1 }] }))
  })

  it.effect("is not held up by a source that blocks for ever, nor by a batch that still collects", () => {
    const world = CrashWorld.make()
    const blocking = Stream.concat(Stream.take(source, 13), Stream.never)
    return Effect.gen(function* () {
      const { reports, run } = runOf(world, blocking)
      const fiber = yield* Effect.forkChild(run)
      yield* pass(1)
      yield* pass(1)
      // No time passes from here on.
      yield* Fiber.interrupt(fiber)
      assert.deepInclude(reports[0], { read: 13, stopped: "Interrupted" })
      assert.strictEqual(sum(reports[0]), 13)
      yield* finish(world)
    }).pipe(sandboxed(world))
  })

  it.effect("a request that must not be sent twice, and waits for its turn, was not sent: it is Unsent", () => {
    const world = CrashWorld.make()
    const customers = fromPatches(
      Stream.range(0, 9).pipe(
        Stream.map((index) => ({ ...newcomer, customerId: `n-${index}` })),
        Stream.rechunk(1)
      )
    )
    const options = {
      to: ReachDestination.create({ onConflict: "reject" }),
      rateLimit: RateLimitPolicy.make({ limit: 1, window: "1 minute" }),
      checkpoint: world.checkpoint,
      deadLetters: world.deadLetters,
      grace: "1 second"
    } as const
    return Effect.gen(function* () {
      const reports: Array<SyncReport> = []
      const fiber = yield* Effect.forkChild(
        CustomerSync.run({ ...options, onReport: (report) => Effect.sync(() => void reports.push(report)) })(
          CrashWorld.named(customers)
        )
      )
      yield* pass(10)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(1)
      yield* Fiber.join(stopping)
      assert.deepInclude(reports[0]?.outcomes, { Applied: 1, Unknown: 0, Unsent: 9 })
      assert.deepStrictEqual([world.letters, world.saved()?.sending], [[], []])
      const next = yield* Effect.forkChild(CustomerSync.run(options)(CrashWorld.named(customers)))
      yield* pass(700)
      assert.deepInclude((yield* Fiber.join(next)).outcomes, { Applied: 10 })
    }).pipe(sandboxed(world))
  })
})

const newcomer = {
  customerId: "n",
  firstName: "Zoë",
  lastName: "Ø",
  createdAt: DateTime.makeUnsafe("2024-01-15T10:30:00Z")
}

describe("nothing is left behind", () => {
  it.live("no fiber of a run is alive when it has been stopped", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const records = Stream.concat(Stream.take(source, 10), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(closed, undefined))
      )
      let progress = 0
      const run = CustomerSync.run({
        to: ReachDestination.batchPatch(),
        batch: BatchPolicy.make({ maxRecords: 5 }),
        settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "1 millis" }),
        checkpoint: world.checkpoint,
        grace: "50 millis",
        onProgress: () =>
          Effect.suspend(() => {
            progress++
            return Deferred.succeed(asked, undefined)
          })
      })(CrashWorld.named(records))
      const fiber = yield* Effect.forkChild(run)
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* Deferred.isDone(closed), "the source is closed")
      const seen = { progress, writes: world.history.length, requests: (yield* patches).length }
      const all = yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests)
      yield* Effect.sleep("250 millis")
      assert.deepStrictEqual({ progress, writes: world.history.length, requests: (yield* patches).length }, seen)
      assert.lengthOf(yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests), all.length, "nobody polls")
    }).pipe(sandboxed(world, { reach: { queue: { delay: "1 minute" } } }))
  })
})
