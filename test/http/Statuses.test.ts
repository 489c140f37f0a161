import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Duration, Effect, Exit, Option, Redacted, Result } from "effect"
import type { HttpClient } from "effect/http"
import type * as ApiError from "../../src/http/ApiError.ts"
import type { InvalidConfiguration } from "../../src/http/InvalidConfiguration.ts"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"
import * as Telemetry from "../support/Telemetry.ts"

const token = "tok-4f6b2c91d7"
const password = "pw-99aa77cc55"
const email = "ada.lovelace@example.com"
const phone = "+14155550100"

const reach = (baseUrl: string) =>
  ReachClient.make({ baseUrl, auth: ReachAuth.token(Redacted.make(token), { tenant: "acme" }) })

const customer = {
  customerId: "c-secret-1",
  firstName: "Ada",
  lastName: "Lovelace",
  createdAt: DateTime.makeUnsafe(0),
  email,
  phone
}

type Method = "createCustomer" | "patchCustomer" | "patchCustomers" | "sendPatches" | "batchStatus" | "updateCustomers"

const methods: {
  readonly [M in Method]: (
    url: string
  ) => Effect.Effect<unknown, ApiError.ApiError | InvalidConfiguration, HttpClient.HttpClient>
} = {
  createCustomer: (url: string) => Effect.flatMap(reach(url), (client) => client.createCustomer(customer)),
  patchCustomer: (url: string) => Effect.flatMap(reach(url), (client) => client.patchCustomer("c-secret-1", { email })),
  patchCustomers: (url: string) => Effect.flatMap(reach(url), (client) => client.patchCustomers([customer])),
  sendPatches: (url: string) =>
    Effect.flatMap(reach(url), (client) => client.sendPatches(JSON.stringify({ resources: [customer] }))),
  batchStatus: (url: string) => Effect.flatMap(reach(url), (client) => client.batchStatus("b-1")),
  updateCustomers: (url: string) =>
    Effect.flatMap(
      PocketflowsClient.make({
        baseUrl: url,
        auth: { username: Redacted.make("partner"), password: Redacted.make(password) }
      }),
      (client) => client.updateCustomers("biz", [{ id: "c-secret-1", email_address: email, phone_number: phone }])
    )
}

const refused: { readonly [M in Method]: ReadonlyArray<number> } = {
  createCustomer: [400, 404, 409, 413, 422],
  patchCustomer: [400, 404, 413, 422],
  patchCustomers: [400, 404, 413, 422],
  sendPatches: [400, 404, 413, 422],
  batchStatus: [404],
  updateCustomers: [400, 404, 409, 413, 422]
}

const refusals: { readonly [status: number]: string } = {
  400: "BadRequest",
  404: "NotFound",
  409: "Conflict",
  413: "ContentTooLarge",
  422: "UnprocessableContent"
}

const elsewhere: { readonly [status: number]: string } = {
  401: "Unauthorized",
  403: "Forbidden",
  408: "TimedOut",
  429: "RateLimited",
  500: "ServerFault",
  502: "ServerFault",
  503: "ServerFault",
  504: "ServerFault"
}

const statuses = [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504]

// Each body repeats what was sent, as a validation message does.
const bodies = {
  json: [
    JSON.stringify({ success: false, message: `email ${email} is taken`, errors: [`resources[0]: ${phone}`] }),
    "application/json"
  ],
  text: [`no: ${email} (${token})`, "text/plain"],
  html: [`<!doctype html><title>${email}</title><p>${token} ${password}`, "text/html"],
  empty: ["", "application/json"]
} as const

const secrets = [token, password, Buffer.from(`partner:${password}`).toString("base64"), email, phone, "c-secret-1"]

const expectedTag = (method: Method, status: number): string =>
  (refused[method].includes(status) ? refusals[status] : elsewhere[status]) ?? "UnexpectedAnswer"

describe("every status, with every kind of body, is the right error and leaks nothing", () => {
  for (const method of Object.keys(methods) as ReadonlyArray<Method>) {
    it.live.each(statuses)(`${method} answered %i`, (status) =>
      Effect.gen(function* () {
        for (const [kind, [body, contentType]] of Object.entries(bodies)) {
          const server = yield* ScriptedServer.make(
            ScriptedServer.answer(status, body, { "content-type": contentType })
          )
          const { exit, spans, text } = yield* Telemetry.record(methods[method](server.url))
          assert.isTrue(Exit.isFailure(exit), `${kind} must fail`)
          const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
          assert.strictEqual(error?._tag, expectedTag(method, status), kind)
          for (const secret of secrets) assert.notInclude(text, secret, `${kind} leaks`)
          assert.isAbove(spans.length, 0)
          assert.strictEqual(server.received.length, 1, "one request, nothing retried behind the caller's back")
          if (error !== undefined && "answer" in error) {
            assert.strictEqual(Redacted.value(error.answer).body, body, "what was answered can be read on purpose")
            if (kind === "json") assert.strictEqual(Redacted.value(error.answer).message, `email ${email} is taken`)
          }
        }
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
    )
  }
})

describe("what an answer must have, and what it need not", () => {
  const answered = (body: unknown, method: Method, status = 200) =>
    ScriptedServer.make(ScriptedServer.answer(status, JSON.stringify(body))).pipe(
      Effect.flatMap((server) => Effect.result(methods[method](server.url))),
      Effect.scoped,
      Effect.provide(NodeHttpClient.layerUndici)
    )

  it.live("nothing but what is read", () =>
    Effect.gen(function* () {
      const receipt = yield* answered({ data: { batchId: "b-1", recordCount: 1 } }, "sendPatches", 202)
      assert.deepStrictEqual(receipt, Result.succeed({ batchId: "b-1", recordCount: 1 }))
      const status = yield* answered({ data: { batchId: "b-1" } }, "batchStatus")
      assert.deepStrictEqual(status, Result.succeed({ batchId: "b-1" }))
      const created = yield* answered({ data: { data: { customerId: "c-secret-1" } } }, "createCustomer")
      assert.deepStrictEqual(created, Result.succeed({ data: { customerId: "c-secret-1" } }))
      const patched = yield* answered({ data: { result: { resource_external_id: "c-secret-1" } } }, "patchCustomer")
      assert.deepStrictEqual(patched, Result.succeed({ result: { resourceExternalId: "c-secret-1" } }))
      const updated = yield* answered({ customers: [{ id: "p-1" }] }, "updateCustomers")
      assert.deepStrictEqual(updated, Result.succeed([{ id: "p-1" }]))
    })
  )

  it.live("an answer that names no customer is an UnexpectedAnswer", () =>
    Effect.gen(function* () {
      for (const [method, data] of [
        ["createCustomer", { id: "r-1" }],
        ["patchCustomer", { result: { id: "r-1", data: { email } } }]
      ] as const) {
        const result = yield* answered({ success: true, data }, method)
        assert.isTrue(Result.isFailure(result))
        if (Result.isFailure(result)) assert.propertyVal(result.failure, "problem", "no customer's id")
      }
    })
  )

  it.live("an answer that is compressed, which nobody asked for, is called that", () =>
    Effect.gen(function* () {
      for (const [encoding, compress] of [
        ["gzip", gzipSync],
        ["br", brotliCompressSync],
        ["deflate", deflateSync]
      ] as const) {
        const server = yield* ScriptedServer.make((_, response) => {
          response
            .writeHead(202, { "content-type": "application/json", "content-encoding": encoding })
            .end(compress(JSON.stringify({ success: true, data: { batchId: "b-1", recordCount: 1 } })))
        })
        const error = yield* Effect.flip(methods.sendPatches(server.url))
        assert.propertyVal(error, "problem", `a body that is compressed (${encoding}), which was not asked for`)
      }
      // A header that is not true, over a text that is readable.
      const plain = yield* ScriptedServer.make(ScriptedServer.answer(202, "OK", { "content-encoding": "gzip" }))
      const error = yield* Effect.flip(methods.sendPatches(plain.url))
      assert.propertyVal(error, "problem", "plain text instead of JSON")
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})

describe("an answer of success that is none", () => {
  const cases = {
    "success: false": JSON.stringify({ success: false, message: "no" }),
    "no data": JSON.stringify({ success: true }),
    "an empty body": "",
    "a page of HTML or XML instead of JSON": `<html>${email}</html>`,
    "plain text instead of JSON": `OK ${email}`,
    "a body of malformed JSON": `{"success":true,"data":{"email":"${email}"`,
    "a body that is not what it answers": JSON.stringify({
      success: true,
      data: { batchId: 7, id: 7, result: 7, email }
    }),
    "JSON that is nested deeper than 100 levels": `{"success":true,"data":${'{"data":'.repeat(5000)}"${email}"${"}".repeat(5001)}`
  }
  for (const [problem, body] of Object.entries(cases)) {
    it.live(`${problem} is an UnexpectedAnswer that says so`, () =>
      Effect.gen(function* () {
        for (const method of [
          "createCustomer",
          "patchCustomer",
          "patchCustomers",
          "sendPatches",
          "batchStatus"
        ] as const) {
          const status = method === "patchCustomers" || method === "sendPatches" ? 202 : 200
          const server = yield* ScriptedServer.make(ScriptedServer.answer(status, body))
          const { exit, text } = yield* Telemetry.record(methods[method](server.url))
          const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
          if (error?._tag !== "UnexpectedAnswer") return assert.fail(`${method}: ${String(error?._tag)}`)
          assert.include(error.problem, problem)
          for (const secret of secrets) assert.notInclude(text, secret)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
    )
  }
})

describe("Retry-After", () => {
  it.live("is read in seconds and as an HTTP date, and left out when malformed", () =>
    Effect.gen(function* () {
      const waitFor = (status: number, retryAfter: string) =>
        Effect.gen(function* () {
          const server = yield* ScriptedServer.make(ScriptedServer.answer(status, "", { "retry-after": retryAfter }))
          const error = yield* Effect.flip(methods.batchStatus(server.url))
          if (error._tag !== "RateLimited" && error._tag !== "ServerFault") return assert.fail(error._tag)
          return error.retryAfter === undefined ? undefined : Duration.toSeconds(error.retryAfter)
        })
      for (const status of [429, 503]) {
        assert.strictEqual(yield* waitFor(status, "7"), 7)
        const untilDate = yield* waitFor(status, new Date(Date.now() + 60_000).toUTCString())
        assert.isTrue(untilDate !== undefined && untilDate > 55 && untilDate <= 60, `${untilDate}`)
        assert.isUndefined(yield* waitFor(status, "soon"))
        assert.isUndefined(yield* waitFor(status, "-5"))
      }
    }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
  )
})
