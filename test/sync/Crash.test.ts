import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Exit, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import { Sandbox } from "../../src/sandbox/index.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import type { SyncReport } from "../../src/sync/books/SyncReport.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import { type CustomerRecord, fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

const count = 32
const refusedKeys = ["k-5", "k-17"]
const refusedNames = new Set<unknown>(["f3", "f12", "f15"])

// 13 keys that come again and again, near and far; each record sets its own mark and one of three fields.
const patchOf = (offset: number): ReachSchema.CustomerPatch => {
  const key = offset % 20 === 5 || offset === 17 ? offset : (offset * 7) % 13
  return {
    customerId: `k-${offset === 5 || offset === 17 ? offset : key === 5 ? 4 : key % 13}`,
    lastName: `<${offset}>`,
    ...(offset % 3 === 0 ? { firstName: `f${offset}` } : offset % 3 === 1 ? { phone: `+1${offset}` } : { email: null })
  }
}

// By the customer, or by a value that a later record of the customer does not take back.
const isRefused = ({ customerId, firstName }: { readonly customerId: string; readonly firstName?: unknown }) =>
  refusedKeys.includes(customerId) || refusedNames.has(firstName)

const isInvalid = (offset: number) => offset % 19 === 9

const records: ReadonlyArray<CustomerRecord<ReachSchema.CustomerPatch>> = Array.from({ length: count }, (_, offset) =>
  isInvalid(offset)
    ? {
        _tag: "Invalid",
        offset,
        line: offset + 2,
        position: undefined,
        reason: { _tag: "SchemaMismatch", issues: [{ path: ["email"], message: "is not a text" }] },
        input: { format: "json", value: { customerId: 1 } }
      }
    : { _tag: "Valid", offset, line: offset + 2, position: undefined, patch: patchOf(offset) }
)

const source = Stream.rechunk(Stream.fromIterable(records), 3)

const sandboxOptions: Sandbox.Options = {
  keepBodies: true,
  reach: {
    naming: "none",
    refuse: (patch) => (isRefused(patch) ? "not welcome" : undefined),
    queue: { order: "reverse", delay: { min: 0, max: 3 } }
  }
}

const options = (world: CrashWorld.World, sameKey: "keep" | "merge" | "split") => ({
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: 6, maxAge: "1 minute" }),
  retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis" }),
  rateLimit: RateLimitPolicy.unlimited(),
  concurrency: 3,
  settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "2 millis" }),
  sameKey,
  checkpoint: world.checkpoint,
  deadLetters: world.deadLetters,
  checkpointEvery: 0,
  grace: 0
})

// What Reach would hold had every good record been sent alone, one after the other.
const expected = (() => {
  const customers = new Map<string, Record<string, unknown>>()
  for (const record of records) {
    if (record._tag !== "Valid" || isRefused(record.patch)) continue
    const { customerId } = record.patch
    const fields = Object.entries({ ...customers.get(customerId), ...record.patch })
    customers.set(customerId, Object.fromEntries(fields.filter(([, value]) => value !== null)))
  }
  return customers
})()
const culprits = records.flatMap((record) =>
  record._tag !== "Valid" || isRefused(record.patch) ? [record.offset] : []
)
const good = count - culprits.length

const atEnd = Effect.fnUntraced(function* (
  world: CrashWorld.World,
  report: SyncReport,
  sameKey: "keep" | "merge" | "split"
) {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.idle
  assert.deepStrictEqual(new Map(yield* sandbox.reachCustomers("acme")), expected)
  const { outcomes, read, reasons, stopped } = report
  assert.deepStrictEqual(
    { read, stopped, reasons, ...outcomes, Applied: outcomes.Applied + outcomes.Merged, Merged: 0 },
    {
      read: count,
      stopped: undefined,
      reasons: { SchemaMismatch: 2, BadRequest: culprits.length - 2 },
      Applied: good,
      Accepted: 0,
      Rejected: culprits.length,
      Unknown: 0,
      Merged: 0,
      Unsent: 0,
      Skipped: 0
    }
  )
  if (sameKey !== "merge") assert.strictEqual(outcomes.Merged, 0)
  assert.deepStrictEqual(
    world.letters.map(({ offset }) => offset).sort((a, b) => a - b),
    culprits
  )
  const { counts, done, finished, position, sending, settling } = world.saved() ?? assert.fail("there is no checkpoint")
  assert.deepStrictEqual(
    { done, finished, position, sending, settling },
    {
      done: [],
      finished: true,
      position: count,
      sending: [],
      settling: []
    }
  )
  assert.deepStrictEqual(counts, { read, outcomes })
})

/** Runs to the cut, and looks at how the next run begins: what was accepted is asked for before its customers go out. */
const untilCut = Effect.fnUntraced(function* (
  world: CrashWorld.World,
  step: number,
  sameKey: "keep" | "merge" | "split"
) {
  const sandbox = yield* Sandbox.Sandbox
  const settling = world.saved()?.settling ?? []
  const before = (yield* sandbox.requests).length
  const accepted = (yield* sandbox.batches).filter(({ id }) => settling.some(({ batchId }) => batchId === id))
  const marks = accepted.flatMap(({ records }) => records.map(({ lastName }) => String(lastName)))
  const exit = yield* world.until(
    (_, number) => number === step,
    CustomerSync.run(options(world, sameKey))(CrashWorld.named(source))
  )
  const requests = (yield* sandbox.requests).slice(before)
  for (const { id, records } of accepted) {
    const asked = requests.findIndex(({ path }) => path === `/api/batches/${id}`)
    const early = requests.slice(0, asked === -1 ? requests.length : asked)
    for (const { customerId } of records) {
      const isIn = early.some(({ body = "" }) => body.includes(`"${customerId}"`))
      assert.isFalse(isIn, `${customerId} went out before it was known how it was settled`)
    }
  }
  for (const { body = "", method } of requests) {
    if (method !== "PATCH") continue
    for (const mark of marks) assert.notInclude(body, mark, "it was accepted, that was on disk, and it was sent again")
  }
  return exit
})

const inWorld = <A, E>(world: CrashWorld.World, effect: Effect.Effect<A, E, Sandbox.Sandbox | CrashWorld.Provided>) =>
  effect.pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer(sandboxOptions)))

describe("a run that is cut after any of its effects", () => {
  for (const sameKey of ["keep", "merge", "split"] as const) {
    it.live(`is taken up by the next one, to the same end: ${sameKey}`, () =>
      Effect.gen(function* () {
        // The next run is cut as well, mostly before it has come as far as the first; then one runs to its end.
        const scenario = (step: number) => {
          const world = CrashWorld.make()
          return inWorld(
            world,
            Effect.gen(function* () {
              for (const at of [step, 1 + ((step * 7) % 31), Number.POSITIVE_INFINITY]) {
                const exit = yield* untilCut(world, at, sameKey)
                if (exit === "cut") continue
                if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
                yield* atEnd(world, exit.value, sameKey)
                return at === step
              }
              return assert.fail("the last run was cut")
            })
          ).pipe(
            Effect.timeout("30 seconds"),
            Effect.mapError((error) => new Error(`cut after step ${step}: ${error}`, { cause: error })),
            Effect.catchDefect((error) => Effect.fail(new Error(`cut after step ${step}: ${error}`, { cause: error })))
          )
        }
        let uncut = 0
        for (let step = 1; uncut === 0; step += 16) {
          const steps = Array.from({ length: 16 }, (_, index) => step + index)
          const ends = yield* Effect.forEach(steps, scenario, { concurrency: 16 })
          uncut += ends.filter((end) => end).length
          if (uncut > 0) assert.isAbove(step, 30, "as many effects as there are")
        }
      })
    )
  }
})

const newcomers = Array.from({ length: 9 }, (_, index) => ({
  customerId: `n-${index}`,
  firstName: "Zoë",
  lastName: `<${index}>`,
  createdAt: DateTime.makeUnsafe("2024-01-15T10:30:00Z")
}))

describe("a request that must not be sent twice", () => {
  it.live("waits for no rest between the writes of its checkpoint", () => {
    const world = CrashWorld.make()
    const { open } = world.checkpoint
    const run = CustomerSync.run({
      to: ReachDestination.create({ onConflict: "reject" }),
      rateLimit: RateLimitPolicy.unlimited(),
      concurrency: 2,
      window: 2,
      checkpoint: {
        takeover: "safe",
        open: (fingerprint: Checkpoint.Fingerprint) =>
          Effect.map(open(fingerprint), (opened) => ({ ...opened, rest: "1 minute" }))
      }
    })(CrashWorld.named(fromPatches(Stream.fromIterable(newcomers))))
    return inWorld(
      world,
      Effect.gen(function* () {
        const started = performance.now()
        const { outcomes } = yield* run
        assert.strictEqual(outcomes.Applied, newcomers.length)
        assert.isBelow(performance.now() - started, 30_000)
      })
    )
  })

  it.live("is never sent again after a cut: its record is Unknown, with a dead letter", () =>
    Effect.gen(function* () {
      const scenario = (step: number) => {
        const world = CrashWorld.make()
        const run = CustomerSync.run({
          to: ReachDestination.create({ onConflict: "reject" }),
          retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis" }),
          rateLimit: RateLimitPolicy.unlimited(),
          concurrency: 2,
          window: 2,
          checkpoint: world.checkpoint,
          deadLetters: world.deadLetters,
          checkpointEvery: "1 minute",
          grace: 0
        })(CrashWorld.named(fromPatches(Stream.fromIterable(newcomers))))
        return inWorld(
          world,
          Effect.gen(function* () {
            const sandbox = yield* Sandbox.Sandbox
            yield* sandbox.seedReach("acme", [{ customerId: "n-4", firstName: "A", lastName: "B", createdAt: "" }])
            const first = yield* world.until((_, number) => number === step, run)
            const report = first === "cut" ? yield* run : yield* first
            const { outcomes } = report
            assert.deepStrictEqual(
              { read: report.read, sum: outcomes.Applied + outcomes.Rejected + outcomes.Unknown, ...report.reasons },
              {
                read: 9,
                sum: 9,
                ...(outcomes.Rejected > 0 ? { Conflict: 1 } : {}),
                ...(outcomes.Unknown > 0 ? { OutcomeUnknown: outcomes.Unknown } : {})
              }
            )
            const sent = (yield* sandbox.requests).map(({ body = "" }) => JSON.parse(body).data.customerId)
            assert.strictEqual(new Set(sent).size, sent.length, "a customer was sent twice")
            const lost = new Map(world.letters.map(({ key, outcome }) => [key, outcome]))
            assert.strictEqual(lost.size, world.letters.length, "one letter a record")
            assert.strictEqual(lost.size, outcomes.Rejected + outcomes.Unknown)
            const customers = yield* sandbox.reachCustomers("acme")
            for (const { customerId } of newcomers) {
              if (!lost.has(customerId)) assert.isTrue(customers.has(customerId), `${customerId} was lost`)
            }
            assert.isAtMost(outcomes.Unknown, 2, "no more than were under way")
            return first === "cut" ? outcomes.Unknown : -1
          })
        )
      }
      const unknown = yield* Effect.forEach(
        Array.from({ length: 60 }, (_, index) => index + 1),
        scenario,
        { concurrency: 8 }
      )
      assert.include(unknown, -1, "the last steps were not reached")
      assert.isAbove(unknown.filter((count) => count > 0).length, 5)
    })
  )
})

describe("a batch that was accepted before a cut", () => {
  it.live("and fails later is taken apart: each of the merged records is sent for itself, and has its own letter", () =>
    Effect.gen(function* () {
      const world = CrashWorld.make()
      const run = CustomerSync.run(options(world, "merge"))(
        CrashWorld.named(
          fromPatches(
            Stream.make(
              { customerId: "k-5", firstName: "early" },
              { customerId: "k-6" },
              { customerId: "k-5", lastName: "late" }
            )
          )
        )
      )
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* world.until((step) => step.startsWith("request GET"), run), "cut")
        assert.deepStrictEqual(world.saved()?.settling[0]?.runs, [[0, 3]])
        const report = yield* run
        assert.deepInclude(report.outcomes, { Applied: 1, Merged: 0, Rejected: 2 })
        assert.strictEqual(report.read, 3)
        assert.deepStrictEqual(
          world.letters.map(({ batch, key, offset, record }) => ({ batch, key, offset, value: record.value })),
          [
            { batch: 1, key: "k-5", offset: 0, value: { customerId: "k-5", firstName: "early" } },
            { batch: 1, key: "k-5", offset: 2, value: { customerId: "k-5", lastName: "late" } }
          ]
        )
      }).pipe(
        Effect.provide(world.client),
        Effect.provide(
          Sandbox.layer({
            ...sandboxOptions,
            reach: { ...sandboxOptions.reach, naming: "index", invalidRecord: "fail-later" }
          })
        )
      )
    })
  )

  it.live("stays one where its dead letters cannot be written: the next run asks for it, and does not send it", () =>
    Effect.gen(function* () {
      const world = CrashWorld.make()
      const full = DeadLetters.sink(() =>
        Effect.fail(new DeadLetters.DeadLettersUnwritable({ destination: "a", reason: "ENOSPC" }))
      )
      const patches = CrashWorld.named(fromPatches(Stream.make({ customerId: "k-5" }, { customerId: "k-6" })))
      yield* Effect.gen(function* () {
        const stopped = yield* Effect.flip(CustomerSync.run({ ...options(world, "keep"), deadLetters: full })(patches))
        assert.strictEqual(stopped.reason._tag, "DeadLettersUnwritable")
        assert.lengthOf(world.saved()?.settling ?? [], 1)
        const report = yield* CustomerSync.run(options(world, "keep"))(patches)
        assert.deepInclude(report.outcomes, { Applied: 1, Rejected: 1 })
        assert.deepStrictEqual(
          world.letters.map(({ offset }) => offset),
          [0]
        )
        const sandbox = yield* Sandbox.Sandbox
        assert.lengthOf(yield* sandbox.batches, 1)
      }).pipe(
        Effect.provide(world.client),
        Effect.provide(
          Sandbox.layer({
            ...sandboxOptions,
            reach: { ...sandboxOptions.reach, naming: "index", invalidRecord: "fail-later" }
          })
        )
      )
    })
  )
})
