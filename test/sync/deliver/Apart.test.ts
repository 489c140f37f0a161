import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import * as PocketflowsClient from "../../../src/pocketflows/PocketflowsClient.ts"
import * as PocketflowsDestination from "../../../src/pocketflows/PocketflowsDestination.ts"
import * as BatchPolicy from "../../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../../src/policy/SettlePolicy.ts"
import * as ReachAuth from "../../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../../src/reach/ReachDestination.ts"
import { Sandbox, SandboxClient } from "../../../src/sandbox/index.ts"
import * as DeadLetters from "../../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../../src/sync/CustomerSync.ts"
import { fromPatches } from "../../../src/sync/model/CustomerRecord.ts"

const refusedEmail = "refused@example.com"

const customers = [
  { customerId: "c-1", phone: "+14155550100" },
  { customerId: "c-2", lastName: "Ø" },
  { customerId: "c-1", email: refusedEmail },
  { customerId: "c-1", lastName: "Zoë" }
]

const base = {
  rateLimit: RateLimitPolicy.unlimited(),
  settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "2 millis" }),
  sameKey: "merge"
} as const

const clients = Layer.merge(
  ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) }),
  PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
)

const inSandbox = (options: Sandbox.Options) =>
  Effect.provide(Layer.provideMerge(clients, SandboxClient.layer(options)))

const reach = (options: Sandbox.Options["reach"], isolate: "halve" | "none" = "halve") =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const letters = DeadLetters.memory()
    const outcomes = yield* fromPatches(Stream.fromIterable(customers)).pipe(
      CustomerSync.outcomes({ ...base, to: ReachDestination.batchPatch(), isolate, deadLetters: letters }),
      Stream.runCollect
    )
    return {
      outcomes: outcomes.toSorted((a, b) => a.offset - b.offset).map(({ _tag }) => _tag),
      customers: Object.fromEntries(yield* sandbox.reachCustomers("acme")),
      bodies: (yield* sandbox.requests).flatMap(({ body = "" }) => (body === "" ? [] : [JSON.parse(body).resources])),
      letters: letters.letters.map(({ offset, record }) => ({ offset, value: record.value }))
    }
  }).pipe(
    inSandbox({
      keepBodies: true,
      reach: { refuse: ({ email }) => (email === refusedEmail ? "is not welcome" : undefined), ...options }
    })
  )

const oneAfterTheOther = {
  "c-1": { customerId: "c-1", phone: "+14155550100", lastName: "Zoë" },
  "c-2": { customerId: "c-2", lastName: "Ø" }
}

describe("merged records of which one is refused come to what sending one after the other comes to", () => {
  it.live("in a batch that is refused", () =>
    Effect.gen(function* () {
      const run = yield* reach({ naming: "index" })
      assert.deepStrictEqual(run.outcomes, ["Applied", "Applied", "Rejected", "Applied"])
      assert.deepStrictEqual(run.customers, oneAfterTheOther)
      assert.deepStrictEqual(run.letters, [{ offset: 2, value: customers[2] }])
      const [, , ...apart] = run.bodies
      assert.deepStrictEqual(
        apart.slice(-3),
        [customers[0], customers[2], customers[3]].map((patch) => [patch]),
        "each for itself, in their order"
      )
    })
  )

  it.live("in a batch that is accepted, of which only the status tells", () =>
    Effect.gen(function* () {
      const run = yield* reach({ naming: "index", invalidRecord: "fail-later" })
      assert.deepStrictEqual(run.outcomes, ["Applied", "Applied", "Rejected", "Applied"])
      assert.deepStrictEqual(run.customers, oneAfterTheOther)
      assert.deepStrictEqual(run.letters, [{ offset: 2, value: customers[2] }])
      assert.lengthOf(run.bodies, 1 + 3)
    })
  )

  it.live("at Pocketflows, where a customer is only once in a batch", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedPocketflows("shop", [{ id: "1" }, { id: "2" }])
      const updates = [
        { id: "1", phone_number: "+14155550100" },
        { id: "2", full_name: "Ø" },
        { id: "1", full_name: "refused" }
      ]
      const outcomes = yield* fromPatches(Stream.fromIterable(updates)).pipe(
        CustomerSync.outcomes({
          ...base,
          settle: undefined,
          to: PocketflowsDestination.batchUpdate({ business: "shop" })
        }),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        outcomes.toSorted((a, b) => a.offset - b.offset).map(({ _tag }) => _tag),
        ["Applied", "Applied", "Rejected"]
      )
      const stored = yield* sandbox.pocketflowsCustomers("shop")
      assert.deepInclude(stored.get("1"), { phone_number: "+14155550100", full_name: null })
      assert.deepInclude(stored.get("2"), { full_name: "Ø" })
    }).pipe(
      inSandbox({
        pocketflows: { refuse: ({ full_name }) => (full_name === "refused" ? "is not welcome" : undefined) }
      })
    )
  )

  it.live("one that is too large only together", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const name = "x".repeat(300)
      const parts = [
        { customerId: "c-1", firstName: name },
        { customerId: "c-1", lastName: name }
      ]
      const report = yield* fromPatches(Stream.fromIterable(parts)).pipe(
        CustomerSync.run({
          ...base,
          to: ReachDestination.batchPatch(),
          batch: BatchPolicy.make({ maxBytes: 1_000 })
        })
      )
      assert.deepInclude(report.outcomes, { Applied: 2, Merged: 0, Rejected: 0 })
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), Object.assign({}, ...parts))
    }).pipe(inSandbox({ maxBodySize: 500 }))
  )

  it.live("a batch that is not to be taken apart is refused whole, and each of its records has a letter", () =>
    Effect.gen(function* () {
      const run = yield* reach({}, "none")
      assert.deepStrictEqual(run.outcomes, ["Rejected", "Rejected", "Rejected", "Rejected"])
      assert.lengthOf(run.bodies, 1)
      assert.deepStrictEqual(
        run.letters.toSorted((a, b) => a.offset - b.offset),
        customers.map((value, offset) => ({ offset, value }))
      )
    })
  )
})
