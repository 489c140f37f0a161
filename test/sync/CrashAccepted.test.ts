import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Sandbox } from "../../src/sandbox/index.ts"
import type { Run } from "../../src/sync/books/OffsetSet.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

const patches = Array.from({ length: 24 }, (_, index) => ({ customerId: `c-${index}`, lastName: `<${index}>` }))
const refused = [3, 16]
const good = patches.length - refused.length

const sandboxOptions: Sandbox.Options = {
  keepBodies: true,
  reach: {
    naming: "none",
    refuse: ({ customerId }) => (refused.some((at) => customerId === `c-${at}`) ? "not welcome" : undefined)
  }
}

const source = fromPatches(Stream.fromIterable(patches))

const options = (world: CrashWorld.World) =>
  ({
    to: ReachDestination.batchPatch(),
    batch: BatchPolicy.make({ maxRecords: 6, maxAge: "1 minute" }),
    retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis" }),
    rateLimit: RateLimitPolicy.unlimited(),
    concurrency: 2,
    settle: "accepted",
    checkpoint: world.checkpoint,
    deadLetters: world.deadLetters,
    // What presses is written at once all the same.
    checkpointEvery: "1 minute",
    grace: 0
  }) as const

const offsetsOf = (runs: ReadonlyArray<Run>) =>
  runs.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index))

/** The offsets of what the checkpoint holds as accepted, whether its batch has ended or not. */
const acceptedOnDisk = (world: CrashWorld.World): ReadonlyArray<number> => {
  const saved = world.saved()
  if (saved === undefined) return []
  const upTo = typeof saved.position === "number" ? saved.position : saved.position.offset
  return [...offsetsOf([[0, upTo], ...saved.done]), ...offsetsOf(saved.settling.flatMap(({ runs }) => runs))]
}

const scenario = (step: number) => {
  const world = CrashWorld.make()
  // Parts of batches that a run found noted.
  let noted = 0
  return Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    for (const at of [step, 1 + ((step * 5) % 17), Number.POSITIVE_INFINITY]) {
      const safe = new Set(acceptedOnDisk(world))
      noted += world.saved()?.settling.length ?? 0
      const before = (yield* sandbox.requests).length
      const exit = yield* world.until(
        (_, number) => number === at,
        CustomerSync.run(options(world))(CrashWorld.named(source))
      )
      for (const { body = "", path } of (yield* sandbox.requests).slice(before)) {
        assert.isTrue(path.endsWith("/customers/batch"), `nobody is asked, and nothing else sent: ${path}`)
        for (const offset of safe) assert.notInclude(body, `<${offset}>`, "it was on disk, and it was sent again")
      }
      if (exit === "cut") continue
      const report = Exit.isSuccess(exit) ? exit.value : yield* Effect.failCause(exit.cause)
      assert.deepInclude(report, { read: patches.length, reasons: { BadRequest: refused.length } })
      assert.deepInclude(report.outcomes, { Accepted: good, Rejected: refused.length })
      assert.deepStrictEqual(
        world.letters.map(({ offset }) => offset).sort((a, b) => a - b),
        refused
      )
      assert.deepInclude(world.saved(), { done: [], finished: true, position: patches.length, settling: [] })
      yield* sandbox.idle
      assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, good)
      return { wasCut: at !== step, noted }
    }
    return assert.fail("the last run was cut")
  }).pipe(
    Effect.provide(world.client),
    Effect.provide(Sandbox.layer(sandboxOptions)),
    Effect.catchDefect((error) => Effect.fail(new Error(`cut after step ${step}: ${error}`, { cause: error })))
  )
}

describe("a run that settles nothing, and is cut after any of its effects", () => {
  it.live("is taken up by the next one, and what is accepted on disk is not sent again", () =>
    Effect.gen(function* () {
      let noted = 0
      for (let step = 1; ; step += 16) {
        const steps = Array.from({ length: 16 }, (_, index) => step + index)
        const ends = yield* Effect.forEach(steps, scenario, { concurrency: 16 })
        noted += ends.reduce((sum, end) => sum + end.noted, 0)
        if (ends.every(({ wasCut }) => wasCut)) continue
        // A batch that is taken apart is not done before its last part is.
        assert.isAbove(noted, 5)
        assert.isAbove(step, 30, "as many effects as there are")
        return
      }
    })
  )

  it.live("has on disk what it gives out as accepted", () => {
    const world = CrashWorld.make()
    return Effect.gen(function* () {
      let accepted = 0
      yield* CustomerSync.outcomes(options(world))(CrashWorld.named(source)).pipe(
        Stream.runForEach((outcome) =>
          Effect.sync(() => {
            if (outcome._tag !== "Accepted") return
            accepted++
            assert.include(acceptedOnDisk(world), outcome.offset)
          })
        )
      )
      assert.strictEqual(accepted, good)
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer(sandboxOptions)))
  })

  it.live("has on disk what is accepted and has dead letters all the same, before they are written", () => {
    const world = CrashWorld.make()
    const reach = ReachDestination.batchPatch()
    const to: typeof reach = {
      ...reach,
      send: (outgoing) =>
        Effect.map(reach.send(outgoing), (receipt) => ({ ...receipt, recordCount: receipt.recordCount - 1 }))
    }
    return Effect.gen(function* () {
      const exit = yield* world.until(
        (step) => step === "letters",
        CustomerSync.run({ ...options(world), to })(CrashWorld.named(fromPatches(Stream.make({ customerId: "c-0" }))))
      )
      assert.strictEqual(exit, "cut")
      assert.deepStrictEqual(
        world.saved()?.settling.map(({ runs }) => runs),
        [[[0, 1]]]
      )
    }).pipe(Effect.provide(world.client), Effect.provide(Sandbox.layer(sandboxOptions)))
  })
})
