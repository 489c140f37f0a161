/** That customers who come again cost little: in virtual time, beside as many who come once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Repeated from "./Repeated.ts"

// The soak sends a million.
const [count, batch] = process.env.SOAK === undefined ? [5000, 8] : [1_000_000, 500]

const once = Repeated.once(count)
const twice = Repeated.twice(count)
const zipf = Repeated.zipf(count, 0.01)

const countOf = (customers: Repeated.Customers, customer: number) =>
  customers.reduce((sum, one) => (one === customer ? sum + 1 : sum), 0)

describe("customers that come again", () => {
  it("are what is said of them", () => {
    assert.strictEqual(new Set(once).size, count)
    assert.strictEqual(countOf(twice, 17), 2)
    assert.isAbove(Math.abs(twice.indexOf(17) - twice.lastIndexOf(17)), batch)
    assert.closeTo(countOf(zipf, 0) / count, 0.01, 0.003)
  })

  for (const settle of process.env.SOAK === undefined ? [50, 5000] : [50, 500, 5000]) {
    it.effect(`four fifths of the throughput of customers who come once, where a batch settles in ${settle} ms`, () =>
      Effect.gen(function* () {
        const base = yield* Repeated.simulated(once, settle, { batch, sameKey: "keep" })
        for (const [name, customers, sameKey] of [
          ["twice", twice, "keep"],
          ["twice", twice, "split"],
          ["zipf", zipf, "keep"],
          ["zipf", zipf, "merge"]
        ] as const) {
          const took = yield* Repeated.simulated(customers, settle, { batch, sameKey })
          assert.isAtLeast(base / took, 0.8, `${name}, ${sameKey}`)
        }
      })
    )
  }

  // With so few records each customer's bound is reached soon.
  const few = 5000
  const small = 8
  for (const [sameKey, hottest] of [
    ["split", 0.01],
    ["keep", 0.2],
    ["merge", 0.6]
  ] as const) {
    it.effect(
      `one in ${hottest * 100} % of the records: one batch after the other is all the time there is, ${sameKey}`,
      () =>
        Effect.gen(function* () {
          const customers = Repeated.zipf(few, hottest)
          const options = { batch: small, sameKey }
          const base = yield* Repeated.simulated(Repeated.once(few), 50, options)
          const always = Repeated.always(50)
          const turn = (yield* Repeated.simulated(always, 50, Repeated.alone)) / always.length
          const turns = Repeated.batchesInTurn(customers, options)
          const took = yield* Repeated.simulated(customers, 50, options)
          // A request, and the time until it is applied, are the least that a turn takes.
          assert.isAtLeast(took, turns * (Repeated.latency + 50))
          assert.isAtMost(took, turns * turn * 1.1 + base)
        })
    )
  }
})
