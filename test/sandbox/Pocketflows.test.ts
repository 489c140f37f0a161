import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import { send, updateCustomers } from "./support.ts"

const one = { id: "p-1", email_address: "one@example.com", metadata: { plan: "a", seats: 1 }, unsubscribed: "future" }
const two = { id: "p-2", email_address: "two@example.com" }
const full = { external_id: null, phone_number: null, full_name: null, metadata: {}, unsubscribed: null }

const seeded = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.seedPocketflows("b-1", [one, two]))
const customers = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  return Object.fromEntries(yield* sandbox.pocketflowsCustomers("b-1"))
})

describe("Pocketflows", () => {
  it.effect("absent fields are kept, null is a value, metadata is replaced, unsubscribed stays", () =>
    Effect.gen(function* () {
      yield* seeded
      const { body, status } = yield* updateCustomers([
        { id: "p-1", email_address: null, metadata: { plan: "b" }, unsubscribed: null },
        { id: "p-2", full_name: "Two", metadata: null }
      ])
      assert.strictEqual(status, 200)
      const expected = {
        "p-1": { ...full, ...one, email_address: null, metadata: { plan: "b" } },
        "p-2": { ...full, ...two, full_name: "Two" }
      }
      assert.deepStrictEqual(yield* customers, expected)
      assert.deepStrictEqual(body, { customers: [expected["p-1"], expected["p-2"]] })
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(
        (yield* sandbox.writes).map(({ key, patch, tenant, vendor }) => ({ key, patch, tenant, vendor })),
        [
          {
            vendor: "pocketflows",
            tenant: "b-1",
            key: "p-1",
            patch: { id: "p-1", email_address: null, metadata: { plan: "b" } }
          },
          { vendor: "pocketflows", tenant: "b-1", key: "p-2", patch: { id: "p-2", full_name: "Two", metadata: null } }
        ]
      )
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("metadata may be merged instead", () =>
    Effect.gen(function* () {
      yield* seeded
      yield* updateCustomers([{ id: "p-1", metadata: { plan: "b" } }])
      assert.deepStrictEqual((yield* customers)["p-1"]?.metadata, { plan: "b", seats: 1 })
    }).pipe(Effect.provide(SandboxClient.layer({ pocketflows: { metadata: "merge" } })))
  )

  it.effect("two customers can swap their addresses inside one batch, and not in two", () =>
    Effect.gen(function* () {
      yield* seeded
      assert.strictEqual((yield* updateCustomers([{ id: "p-1", email_address: two.email_address }])).status, 422)
      const swapped = yield* updateCustomers([
        { id: "p-1", email_address: two.email_address },
        { id: "p-2", email_address: one.email_address }
      ])
      assert.strictEqual(swapped.status, 200)
      // The index of addresses followed: the old ones are taken by the other customer now.
      assert.strictEqual((yield* updateCustomers([{ id: "p-1", email_address: one.email_address }])).status, 422)
      assert.strictEqual((yield* updateCustomers([{ id: "p-1", email_address: "new@example.com" }])).status, 200)
      assert.strictEqual((yield* updateCustomers([{ id: "p-2", email_address: two.email_address }])).status, 200)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("one bad update cancels all: equal addresses, an unknown id, an id twice, a wrong type", () =>
    Effect.gen(function* () {
      yield* seeded
      const before = yield* customers
      const good = { id: "p-2", full_name: "Two" }
      const refused = [
        [
          [good, { id: "p-1", email_address: two.email_address }],
          'customers "p-2" and "p-1" would have one email_address'
        ],
        [[good, { id: "p-3" }], 'customers[1] (id "p-3") does not exist'],
        [[good, good], 'customers[1] (id "p-2") is there twice'],
        [[good, { id: "p-1", phone_number: 5 }], 'customers[1] (id "p-1") phone_number must be a string'],
        [[good, { id: "p-1", metadata: [] }], 'customers[1] (id "p-1") metadata must be an object'],
        [[good, {}], "customers[1] id must be a string that is not empty"],
        [[good, { id: "p-1", full_name: "Blocked" }], 'customers[1] (id "p-1") is blocked']
      ] as const
      for (const [batch, error] of refused) {
        const { body, status } = yield* updateCustomers(batch)
        assert.strictEqual(status, 422)
        assert.deepStrictEqual(body.errors, [error])
      }
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(yield* customers, before)
      assert.deepStrictEqual(yield* sandbox.writes, [])
    }).pipe(
      Effect.provide(
        SandboxClient.layer({
          pocketflows: { refuse: ({ full_name }) => (full_name === "Blocked" ? "is blocked" : undefined) }
        })
      )
    )
  )

  it.effect("addresses are unique in a business only, and no address is no address in common", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* seeded
      yield* sandbox.seedPocketflows("b-2", [{ id: "q-1" }])
      assert.strictEqual((yield* updateCustomers([{ id: "q-1", email_address: one.email_address }], "b-2")).status, 200)
      const nulls = [one, two].map(({ id }) => ({ id, email_address: null }))
      assert.strictEqual((yield* updateCustomers(nulls)).status, 200)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("the refusal's status, its naming and the batch limit are options", () =>
    Effect.gen(function* () {
      yield* seeded
      const { body, status } = yield* updateCustomers([{ id: "p-3" }])
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, { message: "No customer was updated." })
      assert.strictEqual((yield* updateCustomers([one, two])).status, 400)
      assert.strictEqual((yield* updateCustomers([one])).status, 200)
    }).pipe(Effect.provide(SandboxClient.layer({ pocketflows: { refusalStatus: 400, naming: "none", maxRecords: 1 } })))
  )

  it.effect("Basic credentials are required, and the given ones where they are given", () =>
    Effect.gen(function* () {
      const path = "/businesses/b-1/customers/batch_update"
      const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` })
      const statuses = (layer: ReturnType<typeof SandboxClient.layer>) =>
        Effect.forEach([{}, { authorization: "Bearer x" }, basic("user:"), basic("user:secret")], (headers) =>
          Effect.map(send("POST", path, { customers: [] }, headers), ({ status }) => status)
        ).pipe(Effect.provide(layer))
      assert.deepStrictEqual(yield* statuses(SandboxClient.layer()), [401, 401, 200, 200])
      assert.deepStrictEqual(
        yield* statuses(SandboxClient.layer({ pocketflows: { username: "user", password: "secret" } })),
        [401, 401, 401, 200]
      )
    })
  )
})
