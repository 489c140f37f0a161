import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import { Fault, Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import { ada, patchBatch, send, updateCustomers } from "./support.ts"

const create = send("POST", "/api/resources/customers", { data: ada })
const written = Effect.flatMap(Sandbox.Sandbox, (sandbox) => Effect.map(sandbox.writes, (writes) => writes.length))
const withFault = (fault: Fault.Fault) => SandboxClient.layer({ faults: [{ fault }] })
const statusesOf = (count: number, rule: Omit<Fault.Rule, "fault">, seed = 1) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.map(create, ({ status }) => status)).pipe(
    Effect.provide(SandboxClient.layer({ seed, faults: [{ ...rule, fault: Fault.respond({ status: 503 }) }] }))
  )

describe("Faults, which requests they hit", () => {
  it.effect("after, every and times count the matching requests", () =>
    Effect.gen(function* () {
      const [ok, hit] = [200, 503]
      assert.deepStrictEqual(yield* statusesOf(5, { every: 2 }), [ok, hit, ok, hit, ok])
      assert.deepStrictEqual(yield* statusesOf(4, { after: 1, times: 2 }), [ok, hit, hit, ok])
      assert.deepStrictEqual(yield* statusesOf(4, { where: ({ number }) => number === 3 }), [ok, ok, hit, ok])
    })
  )

  it.effect("a seed repeats its chance, and the share of hits is the probability", () =>
    Effect.gen(function* () {
      const one = yield* statusesOf(160, { probability: 0.25 })
      assert.deepStrictEqual(yield* statusesOf(160, { probability: 0.25 }), one)
      assert.notDeepEqual(yield* statusesOf(160, { probability: 0.25 }, 2), one)
      const hits = one.filter((status) => status === 503).length
      // 40 expected; four standard deviations are 22.
      assert.isTrue(hits > 18 && hits < 62, `${hits} hits`)
    })
  )

  it.effect("a rule hits only its vendor, method and path", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const fault = Fault.respond({ status: 500 })
      const statuses = Effect.map(Effect.all([create, patchBatch([ada]), updateCustomers([])]), (answers) =>
        answers.map(({ status }) => status)
      )
      const table: ReadonlyArray<readonly [Omit<Fault.Rule, "fault">, ReadonlyArray<number>]> = [
        [{ vendor: "pocketflows" }, [200, 202, 500]],
        [{ method: "PATCH" }, [200, 500, 200]],
        [{ path: /customers$/ }, [500, 202, 200]],
        [{ path: "/api/resources/customers/batch" }, [200, 500, 200]]
      ]
      for (const [rule, expected] of table) {
        yield* sandbox.setFaults([{ ...rule, fault }])
        assert.deepStrictEqual(yield* statuses, expected)
      }
    }).pipe(Effect.provide(SandboxClient.layer()))
  )
})

describe("Faults, what happens", () => {
  it.effect("latency delays a request by Effect's clock, and rules add up", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(create)
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(yield* written, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }).pipe(
      Effect.provide(
        SandboxClient.layer({
          faults: [{ fault: Fault.latency("1 second") }, { fault: Fault.latency("2 seconds", { when: "after" }) }]
        })
      )
    )
  )

  it.effect("a range of latency stays in its range", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 50; n++) {
        const fiber = yield* Effect.forkChild(create)
        yield* TestClock.adjust("99 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("101 millis")
        yield* Fiber.join(fiber)
      }
    }).pipe(Effect.provide(withFault(Fault.latency({ min: "100 millis", max: "200 millis" }))))
  )

  it.effect("a request goes on when its sender gives up", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(create)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* written, 1)
    }).pipe(Effect.provide(withFault(Fault.latency("1 second"))))
  )

  it.effect("any status is answered with any headers and body, and the request is not applied", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const answerTo = (options: Parameters<typeof Fault.respond>[0]) =>
        Effect.andThen(sandbox.setFaults([{ fault: Fault.respond(options) }]), create)
      const html = yield* answerTo({ status: 500, body: "<html>Oops</html>" })
      assert.deepStrictEqual([html.status, html.body], [500, "<html>Oops</html>"])
      assert.strictEqual(html.headers["content-type"], "text/html; charset=utf-8")
      const json = yield* answerTo({ status: 422, body: { message: "no" }, headers: { "x-request-id": "r-1" } })
      assert.deepStrictEqual([json.status, json.body, json.headers["x-request-id"]], [422, { message: "no" }, "r-1"])
      const empty = yield* answerTo({ status: 503 })
      assert.deepStrictEqual([empty.status, empty.body], [503, ""])
      assert.strictEqual(yield* written, 0)
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("Retry-After comes in seconds or as a date by Effect's clock, and never names too early a time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2024-01-15T10:30:00.500Z"))
      const sandbox = yield* Sandbox.Sandbox
      const header = (form: "seconds" | "http-date") =>
        Effect.andThen(
          sandbox.setFaults([
            { fault: Fault.respond({ status: 429, retryAfter: "1700 millis", retryAfterForm: form }) }
          ]),
          Effect.map(create, ({ headers }) => headers["retry-after"])
        )
      assert.strictEqual(yield* header("seconds"), "2")
      assert.strictEqual(yield* header("http-date"), "Mon, 15 Jan 2024 10:30:03 GMT")
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  for (const when of ["before", "during", "after"] as const) {
    it.effect(`a reset ${when} is ECONNRESET, and the request is ${when === "after" ? "" : "not "}applied`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(create)
        assert.instanceOf(error, HttpClientError.HttpClientError)
        assert.strictEqual(error.reason._tag, "TransportError")
        assert.strictEqual((error.cause as { readonly code: string }).code, "ECONNRESET")
        assert.strictEqual(yield* written, when === "after" ? 1 : 0)
        const sandbox = yield* Sandbox.Sandbox
        const [request] = yield* sandbox.requests
        assert.deepStrictEqual(request?.end, { _tag: "Reset" })
        assert.deepStrictEqual(request?.faults, ["Reset"])
        assert.strictEqual(request?.bodyBytes === 0, when === "before")
      }).pipe(Effect.provide(withFault(Fault.reset(when))))
    )
  }

  it.effect("an answer that is cut short fails while it is read, and the request is applied", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(create)
      assert.strictEqual(error.reason._tag, "DecodeError")
      assert.strictEqual(yield* written, 1)
    }).pipe(Effect.provide(withFault(Fault.cutShort())))
  )

  it.effect("malformed JSON is a whole answer that is not JSON, and the request is applied", () =>
    Effect.gen(function* () {
      const error = yield* Effect.exit(create)
      assert.match(String(error), /JSON/)
      assert.strictEqual(yield* written, 1)
    }).pipe(Effect.provide(withFault(Fault.malformedJson)))
  )

  for (const applied of [false, true]) {
    it.effect(`an answer that never comes, the request being ${applied ? "" : "not "}applied`, () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(create)
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(fiber.pollUnsafe())
        assert.strictEqual(yield* written, applied ? 1 : 0)
      }).pipe(Effect.provide(withFault(Fault.noAnswer({ applied }))))
    )
  }
})
