import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Redacted, type Scope } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { AnswerObserver } from "../../src/http/AnswerObserver.ts"
import type * as ApiError from "../../src/http/ApiError.ts"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

const id = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

const resource = {
  id,
  schema_definition_id: id,
  schemaDefinitionId: id,
  platform_id: id,
  platformId: id,
  business_id: id,
  businessId: id,
  resource_external_id: "c-1",
  resourceExternalId: "c-1",
  created_at: "2024-01-15T10:30:00Z",
  createdAt: "2024-01-15T10:30:00Z",
  updated_at: "2024-01-16T10:30:00Z",
  updatedAt: "2024-01-16T10:30:00Z",
  data: { customerId: "c-1", firstName: "Ada", lastName: "Lovelace", createdAt: "2024-01-15T10:30:00Z" }
}

const ok = (data: unknown, status = 200) => ScriptedServer.answer(status, JSON.stringify({ success: true, data }))
const receipt = { batchId: "b-1", message: "accepted", recordCount: 1, schemaDefinitionId: id }

const auth = ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })

const connect = (...script: ReadonlyArray<ScriptedServer.Answer>) =>
  Effect.gen(function* () {
    const server = yield* ScriptedServer.make(...script)
    const reach = yield* ReachClient.make({ baseUrl: server.url, auth })
    return { reach, server, received: server.received }
  })

const live = <E>(name: string, test: () => Effect.Effect<void, E, HttpClient.HttpClient | Scope.Scope>) =>
  it.live(name, () => test().pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)))

const createdAt = DateTime.makeUnsafe("2024-01-15T12:30:00+02:00")

describe("what cannot be sent as it is, or not all of it, is an InvalidRequest, and nothing is sent", () => {
  const nicknamed = { customerId: "c-1", nickname: "zoe@example.com" }
  const thrower = {
    customerId: "c-1",
    get email(): string {
      throw new TypeError("zoe@example.com")
    }
  }
  type Reach = ReachClient.ReachClient["Service"]
  const calls: Readonly<
    Record<string, readonly [(reach: Reach) => Effect.Effect<unknown, ApiError.ApiError>, string]>
  > = {
    "half a pair in a path": [(reach) => reach.patchCustomer("\ud800", { phone: "+1" }), "externalId"],
    "half a pair in the path of a body that is encoded": [(reach) => reach.sendPatch("\ud800", "{}"), "externalId"],
    "half a pair in a batch's id": [(reach) => reach.batchStatus("\udfff"), "batchId"],
    "half a pair in a text": [(reach) => reach.patchCustomer("c-1", { lastName: "x\ud800" }), "data"],
    "a field too many": [(reach) => reach.patchCustomer("c-1", nicknamed), "data.nickname"],
    "a field too many in a batch": [(reach) => reach.patchCustomers([nicknamed]), "resources.0.nickname"],
    "a getter that throws": [(reach) => reach.patchCustomers([thrower]), "cannot be written as JSON"]
  }
  for (const [what, [call, told]] of Object.entries(calls)) {
    live(what, () =>
      Effect.gen(function* () {
        const { reach, received } = yield* connect(ok(receipt, 202))
        const error = yield* Effect.flip(call(reach))
        assert.strictEqual(error._tag, "InvalidRequest", error.message)
        assert.include(error.message, told)
        assert.notInclude(error.message, "zoe@example.com")
        assert.strictEqual(received.length, 0)
      })
    )
  }
})

describe("an answer", () => {
  const told = (answer: ScriptedServer.Answer) =>
    Effect.gen(function* () {
      const { reach } = yield* connect(answer)
      const steps: Array<string> = []
      const exit = yield* Effect.exit(
        Effect.provideService(reach.sendPatches('{"resources":[{"customerId":"c-1"}]}'), AnswerObserver, {
          onHeaders: ({ status, vendor }) => void steps.push(`${vendor} ${status}`),
          onEnd: ({ status }) => Effect.sync(() => void steps.push(`end of ${status}`))
        })
      )
      return [...steps, exit._tag]
    })

  live("is told of when its headers have been read, and when its body has been", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* told(ok(receipt, 202)), ["Reach 202", "end of 202", "Success"])
      assert.deepStrictEqual(yield* told(ScriptedServer.answer(202, "<p>")), ["Reach 202", "end of 202", "Failure"])
      assert.deepStrictEqual(yield* told(ScriptedServer.answer(503, "")), ["Reach 503", "end of 503", "Failure"])
    })
  )
})

describe("the request on the wire is exact", () => {
  live("createCustomer", () =>
    Effect.gen(function* () {
      const { reach, received } = yield* connect(ok(resource))
      const created = yield* reach.createCustomer(
        { customerId: "c-1", firstName: "Zoë", lastName: 'O"Neil', createdAt, phone: null },
        { onConflict: "reject", ignoreUnknownFields: true, tenant: "other" }
      )
      const [request] = received
      assert.strictEqual(request?.method, "POST")
      assert.strictEqual(request?.target, "/api/resources/customers?onconflict=reject&ignoreUnknownFields=true")
      assert.strictEqual(request?.headers.authorization, "Bearer tok")
      assert.strictEqual(request?.headers["reach-tenant-id"], "other")
      assert.strictEqual(request?.headers["content-type"], "application/json")
      assert.strictEqual(request?.headers.accept, "application/json")
      assert.deepStrictEqual(JSON.parse(request?.body ?? ""), {
        data: {
          customerId: "c-1",
          firstName: "Zoë",
          lastName: 'O"Neil',
          createdAt: "2024-01-15T10:30:00Z",
          phone: null
        }
      })
      assert.deepStrictEqual(Object.keys(created).sort(), [
        "businessId",
        "createdAt",
        "data",
        "id",
        "platformId",
        "resourceExternalId",
        "schemaDefinitionId",
        "updatedAt"
      ])
      assert.strictEqual(created.data?.createdAt, "2024-01-15T10:30:00Z")
    })
  )

  for (const [externalId, segment] of [
    ["c-1", "c-1"],
    ["a/b?c#d %é😀", "a%2Fb%3Fc%23d%20%25%C3%A9%F0%9F%98%80"],
    ["...", "..."],
    ["%2e%2e", "%252e%252e"],
    ["batch ", "batch%20"],
    ["a:b@c;d=e", "a%3Ab%40c%3Bd%3De"]
  ] as const) {
    live(`patchCustomer keeps the id ${JSON.stringify(externalId)} in one path segment`, () =>
      Effect.gen(function* () {
        const { reach, received } = yield* connect(ok({ result: resource, included: [resource] }))
        const patched = yield* reach.patchCustomer(externalId, { email: null })
        assert.strictEqual(received[0]?.method, "PATCH")
        assert.strictEqual(received[0]?.target, `/api/resources/customers/${segment}`)
        assert.strictEqual(received[0]?.headers["reach-tenant-id"], "acme")
        assert.strictEqual(received[0]?.body, '{"data":{"email":null}}')
        assert.strictEqual(patched.result.resourceExternalId, "c-1")
        assert.strictEqual(patched.included?.length, 1)
      })
    )
  }

  live("patchCustomers, and the same with an encoded body", () =>
    Effect.gen(function* () {
      const { reach, received } = yield* connect(ok(receipt, 202))
      const patches = [
        { customerId: "c-1", phone: "+14155550100", createdAt },
        { customerId: "c-2", smsOptOut: true }
      ]
      assert.deepStrictEqual(yield* reach.patchCustomers(patches, { ignoreUnknownFields: true }), receipt)
      yield* reach.sendPatches(received[0]?.body ?? "", { ignoreUnknownFields: true })
      assert.strictEqual(received[0]?.method, "PATCH")
      assert.strictEqual(received[0]?.target, "/api/resources/customers/batch?ignoreUnknownFields=true")
      assert.strictEqual(
        received[0]?.body,
        '{"resources":[{"customerId":"c-1","createdAt":"2024-01-15T10:30:00Z","phone":"+14155550100"},{"customerId":"c-2","smsOptOut":true}]}'
      )
      assert.deepStrictEqual(received[1], received[0])
    })
  )

  live("batchStatus", () =>
    Effect.gen(function* () {
      const { reach, received } = yield* connect(
        ok({ batchId: "b/1", status: "somewhere_in_between", progress: { totalRecords: 3 }, new: 1 })
      )
      const status = yield* reach.batchStatus("b/1", { includePendingDetails: true })
      assert.strictEqual(received[0]?.method, "GET")
      assert.strictEqual(received[0]?.target, "/api/batches/b%2F1?includePendingDetails=true")
      assert.strictEqual(received[0]?.body, "")
      assert.strictEqual(status.status, "somewhere_in_between")
    })
  )

  for (const [what, body, problem] of [
    ["of another batch", '{"batchId":"b-2","status":"success"}', "the status of another batch"],
    [
      "with a count beyond all numbers",
      '{"batchId":"b-1","status":"x","progress":{"totalRecords":1e999}}',
      "totalRecords"
    ],
    ["with a count below 0", '{"batchId":"b-1","status":"x","progress":{"failedRecords":-1}}', "failedRecords"],
    ["with half a record", '{"batchId":"b-1","status":"x","progress":{"pendingRecords":0.5}}', "pendingRecords"],
    [
      "with a count in words",
      '{"batchId":"b-1","status":"x","progress":{"successfulRecords":"NaN"}}',
      "successfulRecords"
    ]
  ] as const) {
    live(`a status ${what} is an unexpected answer`, () =>
      Effect.gen(function* () {
        const { reach } = yield* connect(ScriptedServer.answer(200, `{"success":true,"data":${body}}`))
        const error = yield* Effect.flip(reach.batchStatus("b-1"))
        const told = error._tag === "UnexpectedAnswer" ? error.problem : assert.fail(error._tag)
        assert.include(told, problem)
      })
    )
  }

  live("carries no trace header, and is traced by template", () =>
    Effect.gen(function* () {
      const { reach, received } = yield* connect(ok({ batchId: "b-1", status: "success" }))
      yield* Effect.withSpan(reach.batchStatus("b-1"), "caller")
      assert.notProperty(received[0]?.headers, "traceparent")
      assert.notProperty(received[0]?.headers, "b3")
    })
  )
})

describe("what must not be sent is refused, and nothing is sent", () => {
  const refused = (
    name: string,
    call: (reach: ReachClient.ReachClient["Service"]) => Effect.Effect<unknown, ApiError.ApiError>
  ) =>
    live(name, () =>
      Effect.gen(function* () {
        const { reach, received } = yield* connect(ok({}))
        const error = yield* Effect.flip(call(reach))
        assert.strictEqual(error._tag, "InvalidRequest", error.message)
        assert.strictEqual(received.length, 0)
        assert.notInclude(error.message, "secret@example.com")
      })
    )
  for (const bad of ["", ".", "..", "batch"]) {
    refused(`patchCustomer with the id ${JSON.stringify(bad)}`, (reach) => reach.patchCustomer(bad, {}))
  }
  for (const bad of ["", ".", ".."])
    refused(`batchStatus with the id ${JSON.stringify(bad)}`, (reach) => reach.batchStatus(bad))
  for (const tenant of ["a\r\nx-evil: 1", "a\u0000b", "", "café", " a"]) {
    refused(`a tenant that a header cannot carry: ${JSON.stringify(tenant)}`, (reach) =>
      reach.patchCustomer("c-1", {}, { tenant })
    )
    refused(`the same for an encoded body: ${JSON.stringify(tenant)}`, (reach) => reach.sendPatches("{}", { tenant }))
  }
  for (const field of ["emailOptOut", "smsOptOut"] as const) {
    refused(`null on ${field} of a patch`, (reach) =>
      reach.patchCustomer("c-1", { [field]: null, email: "secret@example.com" })
    )
    refused(`null on ${field} of one record in a batch`, (reach) =>
      reach.patchCustomers([{ customerId: "c-1" }, { customerId: "c-2", [field]: null }], {
        deleteConsent: [field === "smsOptOut" ? "emailOptOut" : "smsOptOut"]
      })
    )
  }
  refused("a batch of none", (reach) => reach.patchCustomers([]))
  refused("a batch of 1,001", (reach) =>
    reach.patchCustomers(Array.from({ length: 1001 }, (_, i) => ({ customerId: `c-${i}` })))
  )
  live("a null on a consent field that the caller names is sent", () =>
    Effect.gen(function* () {
      const { reach, received } = yield* connect(ok({ result: resource }))
      yield* reach.patchCustomer("c-1", { emailOptOut: null }, { deleteConsent: ["emailOptOut"] })
      assert.strictEqual(received[0]?.body, '{"data":{"emailOptOut":null}}')
    })
  )
})

describe("faults below HTTP", () => {
  live("nobody listens: TransportFault, nothing sent", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(ok({}))
      yield* server.close
      const reach = yield* ReachClient.make({ baseUrl: server.url, auth })
      const error = yield* Effect.flip(reach.batchStatus("b-1"))
      assert.deepInclude(error, { _tag: "TransportFault", applied: "no", code: "ECONNREFUSED" })
    })
  )
  live("a reset after the request: TransportFault, maybe sent", () =>
    Effect.gen(function* () {
      const { reach } = yield* connect((_, response) => response.socket?.resetAndDestroy())
      const error = yield* Effect.flip(reach.patchCustomer("c-1", {}))
      assert.deepInclude(error, { _tag: "TransportFault", applied: "maybe" })
    })
  )
  live("an answer cut short: TransportFault, maybe sent", () =>
    Effect.gen(function* () {
      const { reach } = yield* connect((_, response) => {
        response.writeHead(200, { "content-length": "1000" })
        response.write('{"success":true,')
        setTimeout(() => response.destroy(), 5)
      })
      const error = yield* Effect.flip(reach.patchCustomer("c-1", {}))
      assert.deepInclude(error, { _tag: "TransportFault", applied: "maybe" })
    })
  )
  for (const declared of [true, false]) {
    live(`an answer over the size limit, ${declared ? "declared" : "undeclared"}, is not read to its end`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make((_, response) => {
          response.writeHead(200, declared ? { "content-length": "9000" } : {})
          response.write(" ".repeat(8_000))
          if (!declared) response.write(" ".repeat(1_000))
        })
        const reach = yield* ReachClient.make({ baseUrl: server.url, auth, maxAnswerSize: "5 kB" })
        const error = yield* Effect.flip(reach.batchStatus("b-1")).pipe(Effect.timeout("5 seconds"))
        assert.deepInclude(error, { _tag: "UnexpectedAnswer", problem: "a body of more than 5000 bytes" })
      })
    )
  }
  for (const [name, layer] of [
    ["undici", NodeHttpClient.layerUndici],
    ["NodeHttp", NodeHttp.layer],
    ["fetch", FetchHttpClient.layer],
    ["node:http", NodeHttpClient.layerNodeHttp]
  ] as const) {
    it.live(`credentials do not follow a redirect (${name})`, () =>
      Effect.gen(function* () {
        const thief = yield* ScriptedServer.make(ok({ batchId: "b-1", status: "success" }))
        const server = yield* ScriptedServer.make((_, response) =>
          response.writeHead(307, { location: `${thief.url}/api/batches/b-1` }).end()
        )
        const reach = yield* ReachClient.make({ baseUrl: server.url, auth })
        const error = yield* Effect.flip(reach.batchStatus("b-1"))
        assert.strictEqual(error._tag, "UnexpectedAnswer")
        assert.strictEqual(thief.received.length, 0)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }
})

describe("configuration", () => {
  const problem = (options: Partial<ReachClient.Options>) =>
    Effect.map(Effect.flip(ReachClient.make({ auth, ...options })), (error) => error.message)

  live("a base URL must be https:, unless it is loopback or said to be insecure", () =>
    Effect.gen(function* () {
      for (const baseUrl of [
        "https://x.example",
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://a.localhost"
      ]) {
        yield* ReachClient.make({ auth, baseUrl })
      }
      yield* ReachClient.make({ auth, baseUrl: "http://x.example", allowInsecure: true })
      assert.include(yield* problem({ baseUrl: "http://x.example" }), "REACH_BASE_URL: is http:")
      assert.include(yield* problem({ baseUrl: "http://127.0.0.1.example" }), "is http:")
      assert.include(yield* problem({ baseUrl: "ftp://x.example" }), "neither https: nor http:")
      assert.include(yield* problem({ baseUrl: "https://u:p@x.example" }), "credentials")
      assert.include(yield* problem({ baseUrl: "x.example" }), "not a URL")
      assert.include(yield* problem({ baseUrl: "https://x.example?a=1" }), "query")
    })
  )
  live("a base URL with a path keeps it", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(ok({ batchId: "b-1", status: "success" }))
      const reach = yield* ReachClient.make({ auth, baseUrl: `${server.url}/proxy/` })
      yield* reach.batchStatus("b-1")
      assert.strictEqual(server.received[0]?.target, "/proxy/api/batches/b-1")
    })
  )
  live("a token that no header can carry is refused, without being shown", () =>
    Effect.gen(function* () {
      for (const token of ["", "tok\n", "tök"]) {
        const message = yield* problem({ auth: ReachAuth.token(Redacted.make(token)) })
        assert.include(message, "REACH_TOKEN")
        if (token !== "") assert.notInclude(message, token)
      }
    })
  )
  for (const [name, environment, expected] of [
    ["nothing", {}, "REACH_TOKEN: is not set"],
    ["the secret alone", { REACH_PARTNER_SECRET: "s" }, "REACH_PARTNER_ID: is not set"],
    ["the partner alone", { REACH_PARTNER_ID: "p" }, "REACH_PARTNER_SECRET: is not set"]
  ] as const) {
    live(`layerConfig with ${name} says what to set`, () =>
      Effect.gen(function* () {
        const error = yield* ReachClient.ReachClient.pipe(
          Effect.provide(ReachClient.layerConfig()),
          Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
          Effect.flip
        )
        assert.include(error.message, expected)
      })
    )
  }
  live("layerConfig reads the token and the base URL", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(ok({ batchId: "b-1", status: "success" }))
      yield* ReachClient.ReachClient.use((reach) => reach.batchStatus("b-1")).pipe(
        Effect.provide(ReachClient.layerConfig()),
        Effect.provide(
          ConfigProvider.layer(ConfigProvider.fromUnknown({ REACH_TOKEN: "from-env", REACH_BASE_URL: server.url }))
        )
      )
      assert.strictEqual(server.received[0]?.headers.authorization, "Bearer from-env")
      assert.notProperty(server.received[0]?.headers, "reach-tenant-id")
    })
  )
})
