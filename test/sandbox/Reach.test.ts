import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpBody, HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import { ada, bearer, patchBatch, send } from "./support.ts"

const customers = "/api/resources/customers"
const create = (data: unknown, query = "") => send("POST", `${customers}${query}`, { data })
const patch = (id: string, data: unknown, query = "") => send("PATCH", `${customers}/${id}${query}`, { data })
const stored = (id: string, tenant = "default") =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
    Effect.map(sandbox.reachCustomers(tenant), (all): unknown => all.get(id))
  )

describe("Reach, one customer", () => {
  it.effect("creating merges into the customer that is there, and null deletes a field", () =>
    Effect.gen(function* () {
      yield* create({ ...ada, email: "ada@example.com", phone: "+14155551234" })
      yield* create({ ...ada, lastName: "King", phone: null })
      assert.deepStrictEqual(yield* stored("c-1"), { ...ada, lastName: "King", email: "ada@example.com" })
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("answers carry the deprecated twins, and the same ids in every run with one seed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2024-02-01T00:00:00Z"))
      const { body, status } = yield* create(ada)
      assert.strictEqual(status, 200)
      const { data } = body
      assert.deepStrictEqual(data.data, ada)
      assert.strictEqual(data.resourceExternalId, "c-1")
      assert.strictEqual(data.createdAt, "2024-02-01T00:00:00.000Z")
      for (const [twin, name] of [
        ["schema_definition_id", "schemaDefinitionId"],
        ["platform_id", "platformId"],
        ["business_id", "businessId"],
        ["resource_external_id", "resourceExternalId"],
        ["created_at", "createdAt"],
        ["updated_at", "updatedAt"]
      ] as const) {
        assert.strictEqual(data[twin], data[name])
      }
      assert.match(data.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      const again = yield* Effect.provide(create(ada), SandboxClient.layer(), { local: true })
      const other = yield* Effect.provide(create(ada), SandboxClient.layer({ seed: 2 }), { local: true })
      assert.strictEqual(again.body.data.id, data.id)
      assert.notStrictEqual(other.body.data.id, data.id)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("onconflict=reject refuses a customer that exists and creates one that does not", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* create(ada, "?onconflict=reject")).status, 200)
      const refused = yield* create({ ...ada, lastName: "King" }, "?onconflict=reject")
      assert.strictEqual(refused.status, 409)
      assert.strictEqual(refused.body.success, false)
      assert.deepStrictEqual(yield* stored("c-1"), ada)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("a patch keeps what is absent, answers at data.result, and 404 where there is no such customer", () =>
    Effect.gen(function* () {
      yield* create({ ...ada, email: "ada@example.com" })
      const { body, status } = yield* patch("c-1", { smsOptOut: false })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body.data.result.data, { ...ada, email: "ada@example.com", smsOptOut: false })
      assert.deepStrictEqual(body.data.included, [])
      const unknown = yield* patch("c-2", { smsOptOut: false })
      assert.strictEqual(unknown.status, 404)
      assert.isString(unknown.body.data.error)
      assert.strictEqual((yield* patch("c-1", { customerId: "c-2" })).status, 400)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("ids of every kind come through the path, up to thousands of characters", () =>
    Effect.gen(function* () {
      for (const id of ["a/b?c#d", "ü 100%", "x".repeat(2000), "constructor", "__proto__"]) {
        yield* create({ ...ada, customerId: id })
        assert.strictEqual((yield* patch(encodeURIComponent(id), { email: "e" })).status, 200)
        assert.deepStrictEqual(yield* stored(id), { ...ada, customerId: id, email: "e" })
      }
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("each field that is wrong is named, and nothing is written", () =>
    Effect.gen(function* () {
      const wrong = {
        customerId: "",
        firstName: null,
        email: 1,
        emailOptOut: "yes",
        createdAt: "yesterday",
        loyalty: 3
      }
      const { body, status } = yield* create(wrong)
      assert.strictEqual(status, 400)
      assert.strictEqual(body.success, false)
      assert.deepStrictEqual(body.errors, [
        "data.customerId must be a string that is not empty",
        "data.firstName is required and cannot be null",
        "data.email must be a string",
        "data.emailOptOut must be a boolean",
        "data.createdAt must be a date-time",
        "data.loyalty is not a field of the schema",
        "data.lastName is required"
      ])
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(yield* sandbox.writes, [])
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("unknown fields are dropped where the request says so", () =>
    Effect.gen(function* () {
      const { status } = yield* create({ ...ada, loyalty: 3 }, "?ignoreUnknownFields=true")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(yield* stored("c-1"), ada)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("the required fields are an option: others may be deleted then", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* create({ customerId: "c-1", firstName: "Ada" })).status, 400)
      yield* create({ customerId: "c-1", firstName: "Ada", email: "ada@example.com" })
      assert.strictEqual((yield* patch("c-1", { firstName: null })).status, 200)
      assert.strictEqual((yield* patch("c-1", { email: null })).status, 400)
      assert.deepStrictEqual(yield* stored("c-1"), { customerId: "c-1", email: "ada@example.com" })
    }).pipe(Effect.provide(SandboxClient.layer({ reach: { required: ["email"] } })))
  )

  it.effect("a rule of the vendor's own refuses a record that is otherwise good", () =>
    Effect.gen(function* () {
      const { body, status } = yield* create({ ...ada, email: "blocked@example.com" })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body.errors, ["data.email is blocked"])
    }).pipe(
      Effect.provide(
        SandboxClient.layer({
          reach: { refuse: ({ email }) => (email === "blocked@example.com" ? "email is blocked" : undefined) }
        })
      )
    )
  )

  it.effect("tenants are kept apart", () =>
    Effect.gen(function* () {
      const acme = { ...bearer, "reach-tenant-id": "acme" }
      yield* send("POST", customers, { data: ada }, acme)
      assert.strictEqual((yield* patch("c-1", { email: "e" })).status, 404)
      assert.deepStrictEqual(yield* stored("c-1", "acme"), ada)
      const { body } = yield* patchBatch([ada], "", acme)
      assert.strictEqual((yield* send("GET", `/api/batches/${body.data.batchId}`)).status, 404)
      assert.strictEqual((yield* send("GET", `/api/batches/${body.data.batchId}`, undefined, acme)).status, 200)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("what is no request of this API is answered with 400, 404, 413 or 415", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* send("POST", customers, "{")).status, 400)
      assert.strictEqual((yield* send("POST", customers, [])).status, 400)
      assert.strictEqual((yield* send("POST", customers, {})).status, 400)
      assert.strictEqual((yield* create(ada, "?onconflict=merge")).status, 400)
      assert.strictEqual((yield* create(ada, "?ignoreUnknownFields=perhaps")).status, 400)
      assert.strictEqual((yield* send("GET", "/api/nothing")).status, 404)
      assert.strictEqual((yield* send("GET", customers)).status, 404)
      assert.strictEqual((yield* create({ ...ada, email: "e".repeat(1000) })).status, 413)
      const client = yield* HttpClient.HttpClient
      const text = HttpBody.text(JSON.stringify({ data: ada }), "text/plain")
      const { status } = yield* client.post(`https://vendor.test${customers}`, { body: text, headers: bearer })
      assert.strictEqual(status, 415)
    }).pipe(Effect.provide(SandboxClient.layer({ maxBodySize: "1 kB" })))
  )

  it.effect("every write is in the journal with its time, order and request, and reset forgets all", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedReach("default", [ada])
      yield* TestClock.setTime(5000)
      yield* patch("c-1", { email: null, phone: "1" })
      yield* TestClock.setTime(6000)
      yield* patchBatch([{ customerId: "c-1", phone: "2" }])
      yield* sandbox.idle
      const [batch] = yield* sandbox.batches
      const write = { vendor: "reach", tenant: "default", key: "c-1" } as const
      assert.deepStrictEqual(yield* sandbox.writes, [
        { ...write, order: 0, time: 5000, patch: { email: null, phone: "1" }, request: 1, batchId: undefined },
        { ...write, order: 1, time: 6000, patch: { customerId: "c-1", phone: "2" }, request: 2, batchId: batch?.id }
      ])
      const requests = yield* sandbox.requests
      assert.deepStrictEqual(
        requests.map(({ body, end, method, number, path, time }) => ({ body, end, method, number, path, time })),
        [
          {
            number: 1,
            time: 5000,
            method: "PATCH",
            path: "/api/resources/customers/c-1",
            body: '{"data":{"email":null,"phone":"1"}}',
            end: { _tag: "Answered", status: 200 }
          },
          {
            number: 2,
            time: 6000,
            method: "PATCH",
            path: "/api/resources/customers/batch",
            body: '{"resources":[{"customerId":"c-1","phone":"2"}]}',
            end: { _tag: "Answered", status: 202 }
          }
        ]
      )
      assert.notInclude(JSON.stringify(requests), "Bearer")
      assert.deepStrictEqual(yield* sandbox.snapshot, {
        reach: { default: { "c-1": { ...ada, phone: "2" } } },
        pocketflows: {}
      })
      yield* sandbox.reset
      assert.deepStrictEqual(yield* sandbox.snapshot, { reach: {}, pocketflows: {} })
      assert.deepStrictEqual(yield* Effect.all([sandbox.requests, sandbox.writes, sandbox.batches]), [[], [], []])
    }).pipe(Effect.provide(SandboxClient.layer({ keepBodies: true })))
  )

  it.effect("a tenant over the limit is answered 429 until the window ends", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_500)
      yield* create(ada)
      yield* create(ada)
      const limited = yield* create(ada)
      assert.strictEqual(limited.status, 429)
      assert.strictEqual(limited.headers["retry-after"], "2")
      assert.strictEqual(
        (yield* send("POST", customers, { data: ada }, { ...bearer, "reach-tenant-id": "acme" })).status,
        200
      )
      yield* TestClock.setTime(12_000)
      assert.strictEqual((yield* create(ada)).status, 200)
    }).pipe(Effect.provide(SandboxClient.layer({ rateLimit: { limit: 2, window: "2 seconds" } })))
  )
})
