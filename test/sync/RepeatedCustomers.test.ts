/** That customers who come again cost little: in virtual time, beside as many who come once. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Redacted, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { Fault, SandboxClient } from "../../src/sandbox/index.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"

const count = 5000
const maxRecords = 8

/** Numbers from 0 up to 1, the same each time. */
const chance = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const unique = Array.from({ length: count }, (_, offset) => offset)

const twice = (): ReadonlyArray<number> => {
  const next = chance(7)
  return unique
    .map((offset) => ({ customer: offset >> 1, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ customer }) => customer)
}

// With as many customers as records, the first of them is in one record of a hundred.
const exponent = 0.551

const zipf = (): ReadonlyArray<number> => {
  const next = chance(3)
  let sum = 0
  const upTo = unique.map((customer) => {
    sum += (customer + 1) ** -exponent
    return sum
  })
  return unique.map(() => {
    const drawn = next() * sum
    return upTo.findIndex((bound) => bound > drawn)
  })
}

const nextTurn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** The milliseconds that a run takes, in virtual time. */
const elapsed = (
  customers: ReadonlyArray<number>,
  delay: number,
  sameKey: "keep" | "merge" | "split"
): Effect.Effect<number> =>
  Effect.gen(function* () {
    const run = Effect.gen(function* () {
      const records = customers.map((customer) => ({ customerId: `c-${customer}` }))
      const started = yield* Clock.currentTimeMillis
      const { outcomes } = yield* CustomerSync.run({
        to: ReachDestination.batchPatch(),
        batch: BatchPolicy.make({ maxRecords }),
        rateLimit: RateLimitPolicy.unlimited(),
        concurrency: 8,
        sameKey
      })(CustomerRecord.fromPatches(Stream.fromArray(records)))
      assert.strictEqual(outcomes.Applied + outcomes.Merged, customers.length)
      return (yield* Clock.currentTimeMillis) - started
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) }),
          SandboxClient.layer({ faults: [{ fault: Fault.latency(20) }], reach: { queue: { delay, order: "fifo" } } })
        )
      )
    )
    const fiber = yield* Effect.forkChild(run)
    // Bodies are read by promises, which know nothing of the clock.
    while (fiber.pollUnsafe() === undefined) {
      yield* nextTurn
      yield* TestClock.adjust(delay > 1000 ? 25 : 10)
    }
    return yield* Effect.orDie(Fiber.join(fiber))
  })

describe("customers that come again", () => {
  for (const delay of [50, 500, 5000]) {
    it.effect(`four fifths of the throughput of customers who come once, where a batch settles in ${delay} ms`, () =>
      Effect.gen(function* () {
        const once = yield* elapsed(unique, delay, "keep")
        for (const [name, customers, sameKey] of [
          ["twice", twice(), "keep"],
          ["twice", twice(), "split"],
          ["zipf", zipf(), "keep"],
          ["zipf", zipf(), "merge"]
        ] as const) {
          const took = yield* elapsed(customers, delay, sameKey)
          assert.isAtLeast(once / took, 0.8, `${name}, ${sameKey}`)
        }
      })
    )
  }

  it.effect("one of a customer to a batch: its records one after the other take all the time that there is", () =>
    Effect.gen(function* () {
      const customers = zipf()
      const hottest = customers.filter((customer) => customer === 0).length
      assert.closeTo(hottest, count / 100, 15)
      const least = hottest * (yield* elapsed([0], 50, "split"))
      const took = yield* elapsed(customers, 50, "split")
      assert.isAtMost(took, least * 1.1 + (yield* elapsed(unique, 50, "split")))
    })
  )
})
