import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import type * as PocketflowsSchema from "../../src/pocketflows/PocketflowsSchema.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

const auth = { username: Redacted.make("partnér"), password: Redacted.make("p:w d") }

const customer = {
  id: "1",
  external_id: null,
  email_address: "a@example.com",
  phone_number: null,
  full_name: "Ada",
  metadata: { tier: "gold", nested: { n: [1, null] } },
  unsubscribed: "not-yet-documented"
}

const connect = (...script: ReadonlyArray<ScriptedServer.Answer>) =>
  Effect.gen(function* () {
    const server = yield* ScriptedServer.make(...script)
    const client = yield* PocketflowsClient.make({ baseUrl: server.url, auth })
    return { client, received: server.received }
  })

describe("updateCustomers", () => {
  it.live("the request on the wire is exact, and so is the one with an encoded body", () =>
    Effect.gen(function* () {
      const { client, received } = yield* connect(ScriptedServer.answer(200, JSON.stringify({ customers: [customer] })))
      const updated = yield* client.updateCustomers("biz/1 é", [
        { id: "1", email_address: null, metadata: { a: { b: null } } },
        { id: "2", phone_number: "+1", full_name: "Zoë" }
      ])
      yield* client.sendUpdates("biz/1 é", received[0]?.body ?? "")
      assert.strictEqual(received[0]?.method, "POST")
      assert.strictEqual(received[0]?.target, "/businesses/biz%2F1%20%C3%A9/customers/batch_update")
      assert.strictEqual(
        received[0]?.headers.authorization,
        `Basic ${Buffer.from("partnér:p:w d", "utf8").toString("base64")}`
      )
      assert.strictEqual(received[0]?.headers["content-type"], "application/json")
      assert.deepStrictEqual(JSON.parse(received[0]?.body ?? ""), {
        customers: [
          { id: "1", email_address: null, metadata: { a: { b: null } } },
          { id: "2", phone_number: "+1", full_name: "Zoë" }
        ]
      })
      assert.deepStrictEqual(received[1], received[0])
      assert.deepStrictEqual(updated, [customer])
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  it.live("what cannot be sent as it is, or not all of it, is an InvalidRequest, and nothing is sent", () =>
    Effect.gen(function* () {
      const { client, received } = yield* connect(ScriptedServer.answer(200, '{"customers":[]}'))
      const deep: PocketflowsSchema.Metadata = JSON.parse(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`)
      const nicknamed = { id: "1", nickname: "Zoë" }
      for (const [update, told] of [
        [{ id: "1", metadata: deep }, "nested deeper than 100 levels"],
        [{ id: "1", metadata: { "\ud800": 1 } }, "half of a surrogate pair"],
        [nicknamed, "customers.0.nickname"]
      ] as const) {
        const error = yield* Effect.flip(client.updateCustomers("b", [update]))
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.include(error.message, told)
      }
      assert.strictEqual(received.length, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )

  for (const business of ["", ".", "..", "\ud800"]) {
    it.live(`a business that would change the path is refused: ${JSON.stringify(business)}`, () =>
      Effect.gen(function* () {
        const { client, received } = yield* connect(ScriptedServer.answer(200, '{"customers":[]}'))
        assert.strictEqual((yield* Effect.flip(client.updateCustomers(business, [])))._tag, "InvalidRequest")
        assert.strictEqual((yield* Effect.flip(client.sendUpdates(business, "{}")))._tag, "InvalidRequest")
        assert.strictEqual(received.length, 0)
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
    )
  }
})

describe("configuration", () => {
  for (const [name, username, password] of [
    ["a colon in the user name", "a:b", "p"],
    ["an empty user name", "", "p"],
    ["a line break in the password", "a", "p\r\nx: 1"]
  ] as const) {
    it.live(`${name} is refused when the client is made`, () =>
      Effect.gen(function* () {
        const made = PocketflowsClient.make({
          auth: { username: Redacted.make(username), password: Redacted.make(password) }
        })
        const error = yield* Effect.flip(made)
        assert.strictEqual(error._tag, "InvalidConfiguration")
        assert.notInclude(error.message, "x: 1")
      }).pipe(Effect.provide(NodeHttpClient.layerUndici))
    )
  }

  it.live("layerConfig reads the user name, an optional password and the base URL", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(ScriptedServer.answer(200, '{"customers":[]}'))
      yield* PocketflowsClient.PocketflowsClient.use((client) => client.updateCustomers("b", [])).pipe(
        Effect.provide(PocketflowsClient.layerConfig()),
        Effect.provide(
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({ POCKETFLOWS_USERNAME: "u", POCKETFLOWS_BASE_URL: server.url })
          )
        )
      )
      assert.strictEqual(server.received[0]?.headers.authorization, `Basic ${btoa("u:")}`)
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})
