import { Readable } from "node:stream"
import { NodeServices, NodeStream } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { type Cause, Effect, Queue, Result, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Sandbox } from "../../src/sandbox/index.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import { type CustomerRecord, fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

const count = 60

interface Patch {
  readonly customerId: string
  readonly lastName: string
}

// Every fifth customer comes again, so that what is under way and what is new have customers in common.
const patches: ReadonlyArray<Patch> = Array.from({ length: count }, (_, offset) => ({
  customerId: `c-${offset % 5 === 4 ? offset - 4 : offset}`,
  lastName: `<${offset}>`
}))

const expected = new Map(patches.map(({ customerId, lastName }) => [customerId, lastName]))

const options = (world: CrashWorld.World) =>
  ({
    to: ReachDestination.batchPatch(),
    batch: BatchPolicy.make({ maxRecords: 5 }),
    rateLimit: RateLimitPolicy.unlimited(),
    settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "2 millis" }),
    checkpoint: world.checkpoint,
    deadLetters: world.deadLetters,
    checkpointEvery: 0,
    grace: 0
  }) as const

const inWorld = <A, E>(
  world: CrashWorld.World,
  effect: Effect.Effect<A, E, Sandbox.Sandbox | CrashWorld.Provided | NodeServices.NodeServices>
) =>
  effect.pipe(
    Effect.provide(world.client),
    Effect.provide(Sandbox.layer({ reach: { queue: { delay: "1 millis" } } })),
    Effect.provide(NodeServices.layer)
  )

type Records = Stream.Stream<CustomerRecord<Patch>>

/** Each makes a source whose records are gone once they were read; `onStart` is told each time that reading begins. */
const once: { readonly [kind: string]: (onStart: () => void) => Effect.Effect<Records> } = {
  "an async generator": (onStart) =>
    Effect.sync(() => {
      const generator = (async function* () {
        onStart()
        yield* patches
      })()
      return fromPatches(Stream.orDie(Stream.fromAsyncIterable(generator, (cause) => cause)))
    }),
  "a Readable": (onStart) =>
    Effect.sync(() => {
      const readable = Readable.from(patches, { objectMode: true })
      return fromPatches(
        Stream.orDie(
          NodeStream.fromReadable<Patch, Error>({
            evaluate: () => {
              onStart()
              return readable
            },
            onError: (cause) => new Error("It broke.", { cause })
          })
        )
      )
    }),
  "a queue": (onStart) =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<Patch, Cause.Done>()
      yield* Queue.offerAll(queue, patches)
      yield* Queue.end(queue)
      return Stream.suspend(() => {
        onStart()
        return fromPatches(Stream.fromQueue(queue))
      })
    })
}

describe("a source that can be read only once", () => {
  // Every second step, from the first or the second on by kind: the soak cuts at all of them.
  const stride = process.env.SOAK === undefined ? 2 : 1
  for (const [index, [kind, make]] of Object.entries(once).entries()) {
    it.live(`${kind}: a run that was cut anywhere goes on with it, made anew, and reads it once`, () =>
      Effect.gen(function* () {
        let underway = 0
        for (let step = 1 + (index % stride); ; step += stride) {
          const world = CrashWorld.make()
          const ended = yield* inWorld(
            world,
            Effect.gen(function* () {
              const sandbox = yield* Sandbox.Sandbox
              let starts = 0
              const run = Effect.flatMap(
                make(() => void starts++),
                (records) => CustomerSync.run(options(world))(CrashWorld.named(records))
              )
              const first = yield* world.until((_, number) => number === step, run)
              underway += world.saved()?.settling.length ?? 0
              starts = 0
              const report = yield* run
              assert.isAtMost(starts, 1, `step ${step}`)
              assert.deepInclude(report, { read: count }, `step ${step}`)
              assert.strictEqual(report.outcomes.Applied, count, `step ${step}`)
              const customers = yield* sandbox.reachCustomers("acme")
              assert.deepStrictEqual(
                new Map([...customers].map(([id, { lastName }]) => [id, lastName as string])),
                new Map(
                  [...expected].toSorted(
                    ([a], [b]) => [...customers.keys()].indexOf(a) - [...customers.keys()].indexOf(b)
                  )
                ),
                `step ${step}`
              )
              return first !== "cut"
            })
          )
          if (!ended) continue
          assert.isAbove(step, 40, "as many effects as there are")
          assert.isAbove(underway, 20, "it was cut while batches were under way")
          return
        }
      })
    )

    it.live(`${kind}: one that is used up is found out, and not taken for the end of the records`, () => {
      const world = CrashWorld.make()
      return inWorld(
        world,
        Effect.gen(function* () {
          const records = yield* make(() => undefined)
          const run = CustomerSync.run(options(world))(CrashWorld.named(records))
          assert.strictEqual(yield* world.until((step) => step.startsWith("request GET"), run), "cut")
          const before = (yield* (yield* Sandbox.Sandbox).requests).filter(({ method }) => method === "PATCH").length
          const again = yield* Effect.result(run)
          if (!Result.isFailure(again)) return assert.fail("It is taken for a source without records.")
          // A Readable that was given up fails by itself.
          if (kind !== "a Readable") assert.strictEqual(again.failure.reason._tag, "SourceChanged")
          assert.isFalse(world.saved()?.finished)
          const after = (yield* (yield* Sandbox.Sandbox).requests).filter(({ method }) => method === "PATCH").length
          assert.strictEqual(after, before)
        }).pipe(Effect.catchDefect((defect) => (kind === "a Readable" ? Effect.void : Effect.die(defect))))
      )
    })
  }

  it.live("holds no more than what an earlier run had unfinished, until what is under way is complete", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const read: Array<number> = []
        const records = fromPatches(Stream.rechunk(Stream.fromIterable(patches), 1)).pipe(
          CrashWorld.named,
          Source.tap(({ offset }) => Effect.sync(() => void read.push(offset)))
        )
        yield* world.until((step) => step.startsWith("request GET"), CustomerSync.run(options(world))(records))
        const last = Math.max(...(world.saved()?.settling ?? []).flatMap(({ runs }) => runs.map(([, to]) => to)))
        read.length = 0
        yield* world.until((step) => step.startsWith("request GET"), CustomerSync.run(options(world))(records))
        assert.isAtLeast(last, 5)
        assert.deepStrictEqual(
          read.slice(0, last),
          patches.slice(0, last).map((_, offset) => offset)
        )
      })
    )
  })
})
