import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import { ada, patchBatch, send } from "./support.ts"

const status = (batchId: string, query = "") => send("GET", `/api/batches/${batchId}${query}`)
const accepted = (resources: ReadonlyArray<unknown>, query = "") =>
  Effect.map(patchBatch(resources, query), ({ body }): string => body.data.batchId)
const writtenPhones = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  return (yield* sandbox.writes).map(({ patch }) => patch.phone)
})

describe("Reach, batches", () => {
  it.effect("a batch is accepted with 202, applied later, and its status tells how far it is", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const receipt = yield* patchBatch([ada, { customerId: "c-2", phone: "1" }])
      assert.strictEqual(receipt.status, 202)
      assert.strictEqual(receipt.body.data.recordCount, 2)
      const id = receipt.body.data.batchId
      const waiting = yield* status(id)
      assert.strictEqual(waiting.body.data.status, "pending")
      assert.isNull(waiting.body.data.completedAt)
      assert.strictEqual(waiting.body.data.progress.pendingRecords, 2)
      assert.strictEqual((yield* sandbox.reachCustomers("default")).size, 0)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* status(id)).body.data.status, "processing")
      assert.strictEqual((yield* sandbox.reachCustomers("default")).size, 0)
      yield* TestClock.adjust("5 seconds")
      const { data } = (yield* status(id, "?includePendingDetails=true")).body
      assert.strictEqual(data.status, "success")
      assert.strictEqual(data.batchType, "PARTNER_RESOURCE_BATCH_PATCH")
      assert.deepStrictEqual(data.progress, {
        totalRecords: 2,
        processedRecords: 2,
        successfulRecords: 2,
        pendingRecords: 0,
        failedRecords: 0,
        successRate: 1
      })
      assert.deepStrictEqual(
        [data.createdAt, data.startedAt, data.completedAt],
        ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:10.000Z", "1970-01-01T00:00:15.000Z"]
      )
      assert.deepStrictEqual(data.pendingResources, [])
      assert.deepStrictEqual(Object.fromEntries(yield* sandbox.reachCustomers("default")), {
        "c-1": ada,
        "c-2": { customerId: "c-2", phone: "1" }
      })
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { queue: { delay: "10 seconds", processing: "5 seconds" } } })))
  )

  it.effect("in reverse, a newer batch is applied before an older one; inside a batch order is kept", () =>
    Effect.gen(function* () {
      yield* accepted([
        { customerId: "c-1", phone: "1" },
        { customerId: "c-1", phone: "2" }
      ])
      yield* TestClock.adjust("900 millis")
      yield* accepted([{ customerId: "c-1", phone: "3" }])
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* writtenPhones, ["3", "1", "2"])
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { queue: { delay: "1 second", order: "reverse" } } })))
  )

  it.effect("in random order, a seed repeats its order and another has another", () =>
    Effect.gen(function* () {
      const order = (seed: number) =>
        Effect.gen(function* () {
          for (let n = 0; n < 12; n++) yield* accepted([{ customerId: "c-1", phone: String(n) }])
          yield* TestClock.adjust("1 second")
          return yield* writtenPhones
        }).pipe(Effect.provide(SandboxClient.layer({ seed, reach: { queue: { delay: "1 second" } } })))
      const one = yield* order(1)
      assert.lengthOf(new Set(one), 12)
      assert.deepStrictEqual(yield* order(1), one)
      assert.notDeepEqual(yield* order(2), one)
      assert.notDeepEqual(one, one.toSorted())
    })
  )

  it.effect("idle completes when the last accepted batch is applied", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.idle
      yield* accepted([ada])
      const idle = yield* Effect.forkChild(sandbox.idle)
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(idle.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(idle)
      assert.strictEqual((yield* sandbox.writes).length, 1)
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { queue: { delay: "1 second" } } })))
  )

  it.effect("0 and 1,001 records are refused, 1 and 1,000 are not", () =>
    Effect.gen(function* () {
      const many = (count: number) => Array.from({ length: count }, (_, n) => ({ customerId: `c-${n}` }))
      const statuses = yield* Effect.forEach([0, 1, 1000, 1001], (count) =>
        Effect.map(patchBatch(many(count)), (answer) => answer.status)
      )
      assert.deepStrictEqual(statuses, [400, 202, 202, 400])
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  const mixed = [ada, { customerId: "c-2", email: 5 }, { customerId: "c-3", firstName: null }, { email: "e" }]

  it.effect("one bad record refuses its batch, and every bad record is named", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const { body, status } = yield* patchBatch(mixed)
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body.errors, [
        'resources[1].email must be a string (customerId "c-2")',
        'resources[2].firstName is required and cannot be null (customerId "c-3")',
        "resources[3].customerId is required"
      ])
      assert.deepStrictEqual((yield* patchBatch([ada, "no"])).body.errors, ["resources[1] must be an object"])
      yield* sandbox.idle
      assert.deepStrictEqual(yield* sandbox.writes, [])
      assert.deepStrictEqual(yield* sandbox.batches, [])
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("a vendor that does not name culprits says only that there are some", () =>
    Effect.gen(function* () {
      const { body, status } = yield* patchBatch(mixed)
      assert.strictEqual(status, 400)
      assert.isUndefined(body.errors)
      assert.notMatch(JSON.stringify(body), /c-2|\[1\]/)
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { naming: "none" } })))
  )

  it.effect("or the batch is accepted, the good records are written and the bad ones are reported", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* accepted(mixed)
      yield* sandbox.idle
      const { data } = (yield* status(id)).body
      assert.strictEqual(data.status, "partial_success")
      assert.strictEqual(data.progress.successfulRecords, 1)
      assert.strictEqual(data.progress.failedRecords, 3)
      assert.strictEqual(data.errors.message, "3 of 4 records failed.")
      assert.deepStrictEqual(data.errors.details["resources[1]"], {
        customerId: "c-2",
        errors: ["email must be a string"]
      })
      assert.strictEqual(data.errors.summary["customerId is required"], 1)
      assert.deepStrictEqual([...(yield* sandbox.reachCustomers("default")).keys()], ["c-1"])
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { invalidRecord: "fail-later" } })))
  )

  it.effect("unknown customers may fail instead of being created", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedReach("default", [ada])
      const id = yield* accepted([{ customerId: "c-1", phone: "1" }, { customerId: "c-2" }])
      yield* sandbox.idle
      const { data } = (yield* status(id)).body
      assert.strictEqual(data.progress.failedRecords, 1)
      assert.deepStrictEqual(Object.keys(data.errors.details), ["resources[1]"])
      assert.deepStrictEqual(Object.fromEntries(yield* sandbox.reachCustomers("default")), {
        "c-1": { ...ada, phone: "1" }
      })
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { unknownCustomer: "fail" } })))
  )

  it.effect("unknown fields refuse a batch unless it says to ignore them", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* patchBatch([{ ...ada, loyalty: 1 }])).status, 400)
      assert.strictEqual((yield* patchBatch([{ ...ada, loyalty: 1 }], "?ignoreUnknownFields=true")).status, 202)
      yield* sandbox.idle
      assert.deepStrictEqual([...(yield* sandbox.reachCustomers("default")).values()], [ada])
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("a new batch id may be unknown for a while, and one that never was stays so", () =>
    Effect.gen(function* () {
      const id = yield* accepted([ada])
      assert.strictEqual((yield* status(id)).status, 404)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* status(id)).status, 200)
      assert.strictEqual((yield* status("nothing")).status, 404)
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { statusGrace: "3 seconds" } })))
  )

  it.effect("a batch may fail as a whole or stall for ever", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const [failing, stalling] = [yield* accepted([ada]), yield* accepted([ada])]
      yield* sandbox.idle
      yield* TestClock.adjust("1 hour")
      const failed = (yield* status(failing)).body.data
      assert.strictEqual(failed.status, "failed")
      assert.strictEqual(failed.progress.failedRecords, 1)
      assert.strictEqual((yield* status(stalling)).body.data.status, "pending")
      assert.deepStrictEqual(yield* sandbox.writes, [])
    }).pipe(
      Effect.provide(
        SandboxClient.layer({ reach: { queue: { fate: ({ number }) => (number === 1 ? "fail" : "stall") } } })
      )
    )
  )

  it.effect("100,000 customers in 200 batches are all there", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, batch) => batch),
        (batch) => accepted(Array.from({ length: 500 }, (_, n) => ({ ...ada, customerId: `c-${batch}-${n}` }))),
        { concurrency: 8, discard: true }
      )
      yield* sandbox.idle
      assert.strictEqual((yield* sandbox.reachCustomers("default")).size, 100_000)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )
})
