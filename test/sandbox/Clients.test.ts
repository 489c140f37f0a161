import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Redacted } from "effect"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import { Fault, Sandbox, SandboxServer } from "../../src/sandbox/index.ts"

const secret = "shared-between-partner-and-reach-12345"

/** Both clients on a sandbox behind a real socket. */
const connected = (options?: Sandbox.Options) => {
  const clients = Layer.unwrap(
    Effect.map(SandboxServer.SandboxServer, ({ url }) =>
      Layer.merge(
        ReachClient.layer({
          baseUrl: url,
          auth: ReachAuth.partnerScoped({ secret: Redacted.make(secret), partnerId: "p-1", tenant: "acme" })
        }),
        PocketflowsClient.layer({
          baseUrl: url,
          auth: { username: Redacted.make("user"), password: Redacted.make("pass") }
        })
      )
    )
  )
  return Layer.provideMerge(
    clients,
    Layer.merge(
      SandboxServer.layer({ ...options, reach: { secret: Redacted.make(secret), ...options?.reach } }),
      NodeHttpClient.layerUndici
    )
  )
}

const customer = {
  customerId: "c-1",
  firstName: "Zoë",
  lastName: 'O"Neil\n王',
  createdAt: DateTime.makeUnsafe("2024-01-15T12:30:00+02:00"),
  email: "zoe@example.com"
}

describe("every method against the sandbox over a socket", () => {
  it.live("createCustomer: 200 creates, 200 merges, 409 rejects, 400 says why", () =>
    Effect.gen(function* () {
      const reach = yield* ReachClient.ReachClient
      const sandbox = yield* Sandbox.Sandbox
      const created = yield* reach.createCustomer(customer)
      assert.strictEqual(created.resourceExternalId, "c-1")
      assert.deepStrictEqual(created.data, { ...customer, createdAt: "2024-01-15T10:30:00Z" })
      const { email: _, ...withoutEmail } = customer
      yield* reach.createCustomer({ ...withoutEmail, firstName: "Zo" })
      const merged = (yield* sandbox.reachCustomers("acme")).get("c-1")
      assert.deepInclude(merged, { firstName: "Zo", email: "zoe@example.com", createdAt: "2024-01-15T10:30:00Z" })
      yield* reach.createCustomer({ ...customer, email: null })
      assert.notProperty((yield* sandbox.reachCustomers("acme")).get("c-1"), "email")
      const conflict = yield* Effect.flip(reach.createCustomer(customer, { onConflict: "reject" }))
      assert.strictEqual(conflict._tag, "Conflict")
    }).pipe(Effect.provide(connected()))
  )

  it.live("patchCustomer: 200 keeps what is absent, 404 for a customer that is not there", () =>
    Effect.gen(function* () {
      const reach = yield* ReachClient.ReachClient
      yield* reach.createCustomer(customer)
      const { result } = yield* reach.patchCustomer("c-1", { phone: "+14155550100" })
      assert.deepStrictEqual(result.data, {
        ...customer,
        createdAt: "2024-01-15T10:30:00Z",
        phone: "+14155550100"
      })
      const missing = yield* Effect.flip(reach.patchCustomer("c-2", { phone: "+1" }))
      assert.strictEqual(missing._tag, "NotFound")
      const elsewhere = yield* Effect.flip(reach.patchCustomer("c-1", { phone: "+1" }, { tenant: "other" }))
      assert.strictEqual(elsewhere._tag, "NotFound", "tenants are kept apart")
    }).pipe(Effect.provide(connected()))
  )

  it.live("patchCustomers: 202, then batchStatus until it is applied; 400 names the record", () =>
    Effect.gen(function* () {
      const reach = yield* ReachClient.ReachClient
      const sandbox = yield* Sandbox.Sandbox
      const patches = [{ customerId: "a" }, { customerId: "b", email: "taken@example.com" }]
      const receipt = yield* reach.patchCustomers([{ customerId: "a" }])
      assert.strictEqual(receipt.recordCount, 1)
      const pending = yield* reach.batchStatus(receipt.batchId, { includePendingDetails: true })
      assert.notStrictEqual(pending.status, "success")
      yield* sandbox.idle
      const done = yield* reach.batchStatus(receipt.batchId)
      assert.strictEqual(done.status, "success")
      assert.deepInclude(done.progress, { totalRecords: 1, successfulRecords: 1, failedRecords: 0 })
      const refused = yield* Effect.flip(reach.patchCustomers(patches))
      if (refused._tag !== "BadRequest") return assert.fail(refused._tag)
      assert.lengthOf(Redacted.value(refused.answer).errors, 1)
      assert.include(Redacted.value(refused.answer).errors[0], "resources[1]")
      assert.strictEqual((yield* Effect.flip(reach.batchStatus("nobody-knows")))._tag, "NotFound")
    }).pipe(
      Effect.provide(
        connected({
          reach: {
            queue: { delay: "1 second" },
            refuse: ({ email }) => (email === "taken@example.com" ? "the address is taken" : undefined)
          }
        })
      )
    )
  )

  it.live("updateCustomers: 200 with the customers as they are now, all of them or none", () =>
    Effect.gen(function* () {
      const pocketflows = yield* PocketflowsClient.PocketflowsClient
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedPocketflows("biz", [{ id: "1", email_address: "one@x.example" }, { id: "2" }])
      const updated = yield* pocketflows.updateCustomers("biz", [{ id: "2", full_name: "Two" }])
      assert.deepInclude(updated[0], { id: "2", full_name: "Two", unsubscribed: null })
      const clash = yield* Effect.flip(
        pocketflows.updateCustomers("biz", [
          { id: "1", full_name: "One" },
          { id: "2", email_address: "one@x.example" }
        ])
      )
      assert.strictEqual(clash._tag, "UnprocessableContent")
      assert.strictEqual(
        (yield* sandbox.pocketflowsCustomers("biz")).get("1")?.full_name,
        null,
        "none of it is applied"
      )
    }).pipe(Effect.provide(connected()))
  )

  it.live("a token that is signed with another secret is Unauthorized", () =>
    Effect.gen(function* () {
      const { url } = yield* SandboxServer.SandboxServer
      const auth = ReachAuth.partnerScoped({ secret: Redacted.make("another"), partnerId: "p-1", tenant: "acme" })
      const reach = yield* ReachClient.make({ baseUrl: url, auth })
      assert.strictEqual((yield* Effect.flip(reach.batchStatus("b")))._tag, "Unauthorized")
    }).pipe(Effect.provide(connected()))
  )

  const faults: ReadonlyArray<readonly [string, Fault.Fault, string]> = [
    ["a reset before the request was read", Fault.reset("before"), "TransportFault"],
    ["a reset while it was read", Fault.reset("during"), "TransportFault"],
    ["a reset after it was applied", Fault.reset("after"), "TransportFault"],
    ["an answer cut short", Fault.cutShort(), "TransportFault"],
    ["malformed JSON", Fault.malformedJson, "UnexpectedAnswer"],
    ["500 with HTML", Fault.respond({ status: 500, body: "<h1>Oops</h1>" }), "ServerFault"],
    [
      "429 with an HTTP date",
      Fault.respond({ status: 429, retryAfter: "9 seconds", retryAfterForm: "http-date" }),
      "RateLimited"
    ]
  ]
  for (const [name, fault, tag] of faults) {
    it.live(`${name} is ${tag}`, () =>
      Effect.gen(function* () {
        const reach = yield* ReachClient.ReachClient
        const error = yield* Effect.flip(reach.createCustomer(customer))
        assert.strictEqual(error._tag, tag)
        const applied = (yield* (yield* Sandbox.Sandbox).reachCustomers("acme")).size
        const after =
          fault._tag === "CutShort" ||
          fault._tag === "MalformedJson" ||
          (fault._tag === "Reset" && fault.when === "after")
        assert.strictEqual(applied, after ? 1 : 0)
      }).pipe(Effect.provide(connected({ faults: [{ fault }] })))
    )
  }
})
