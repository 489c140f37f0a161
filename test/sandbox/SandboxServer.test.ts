import { request as httpRequest } from "node:http"
import { connect } from "node:net"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Fault, Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import { ada, basic, bearer } from "./support.ts"

const customers = "/api/resources/customers"

const call = Effect.fnUntraced(function* (path: string, init: RequestInit = {}) {
  const { url } = yield* SandboxServer.SandboxServer
  const headers = { "content-type": "application/json", ...bearer, ...init.headers }
  return yield* Effect.promise(() => fetch(`${url}${path}`, { ...init, headers }))
})
const json = (response: Response) => Effect.promise(() => response.json())
const create = (customer: Record<string, unknown> = ada) =>
  call(customers, { method: "POST", body: JSON.stringify({ data: customer }) })

/** How a plain TCP connection ends after a whole request was written to it. */
const ending = Effect.flatMap(SandboxServer.SandboxServer, ({ port }) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const socket = connect(port, "127.0.0.1")
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        socket.on("end", () => resolve("an orderly end"))
        socket.resume()
        socket.write(`POST ${customers} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 2\r\n\r\n{}`)
      })
  )
)

/** The code with which a raw request ends, or its status. */
const outcome = Effect.flatMap(SandboxServer.SandboxServer, ({ url }) =>
  Effect.promise(
    () =>
      new Promise<string | number>((resolve) => {
        const request = httpRequest(`${url}${customers}`, { method: "POST", headers: bearer, agent: false })
        request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        request.on("response", (response) => {
          response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          response.on("end", () => resolve(response.statusCode ?? 0))
          response.resume()
        })
        request.end(JSON.stringify({ data: ada }))
      })
  )
)

const fresh = Effect.tap(Sandbox.Sandbox, (sandbox) => Effect.andThen(sandbox.setFaults([]), sandbox.reset))
const writes = Effect.flatMap(Sandbox.Sandbox, (sandbox) => Effect.map(sandbox.writes, ({ length }) => length))

// A real socket needs the real clock.
layer(SandboxServer.layer({ maxBodySize: "1 MiB" }), { excludeTestServices: true })("The sandbox on a socket", (it) => {
  describe("requests", () => {
    it.effect("serves both vendors under one URL on loopback", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        const { port, url } = yield* SandboxServer.SandboxServer
        assert.strictEqual(url, `http://127.0.0.1:${port}`)
        yield* sandbox.seedPocketflows("b 1", [{ id: "p-1" }])
        const created = yield* create()
        assert.strictEqual(created.status, 200)
        assert.strictEqual((yield* json(created)).data.resourceExternalId, "c-1")
        const updated = yield* call("/businesses/b%201/customers/batch_update", {
          method: "POST",
          headers: basic,
          body: JSON.stringify({ customers: [{ id: "p-1", full_name: "Ada" }] })
        })
        assert.strictEqual((yield* json(updated)).customers[0].full_name, "Ada")
        assert.deepStrictEqual(
          (yield* sandbox.writes).map(({ key, tenant, vendor }) => ({ key, tenant, vendor })),
          [
            { vendor: "reach", tenant: "default", key: "c-1" },
            { vendor: "pocketflows", tenant: "b 1", key: "p-1" }
          ]
        )
      })
    )

    it.effect("accepts a batch, applies it and tells its status", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        const receipt = yield* call(`${customers}/batch`, {
          method: "PATCH",
          body: JSON.stringify({ resources: [ada, { customerId: "ü/1", firstName: "Zoë 🌍" }] })
        })
        assert.strictEqual(receipt.status, 202)
        const { data } = yield* json(receipt)
        yield* sandbox.idle
        const status = yield* json(yield* call(`/api/batches/${data.batchId}?includePendingDetails=true`))
        assert.strictEqual(status.data.status, "success")
        assert.strictEqual((yield* sandbox.reachCustomers("default")).get("ü/1")?.firstName, "Zoë 🌍")
      })
    )

    it.effect("answers 401, 404 and 413 as JSON", () =>
      Effect.gen(function* () {
        yield* fresh
        const { url } = yield* SandboxServer.SandboxServer
        const naked = yield* Effect.promise(() => fetch(`${url}${customers}`, { method: "POST", body: "{}" }))
        assert.strictEqual(naked.status, 401)
        assert.strictEqual((yield* json(naked)).success, false)
        assert.strictEqual((yield* call("/nothing")).status, 404)
        const large = yield* create({ ...ada, email: "e".repeat(2 * 1024 * 1024) })
        assert.strictEqual(large.status, 413)
        assert.strictEqual((yield* json(large)).success, false)
        assert.strictEqual((yield* create()).status, 200)
      })
    )

    it.effect("a sender that goes away before its body is complete changes nothing", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        const { url } = yield* SandboxServer.SandboxServer
        const headers = { ...bearer, "content-length": "1000" }
        const request = httpRequest(`${url}${customers}`, { method: "POST", headers, agent: false })
        request.on("error", () => {})
        request.write('{"data":')
        while ((yield* sandbox.requests).length === 0) yield* Effect.sleep("2 millis")
        request.destroy()
        while ((yield* sandbox.requests)[0]?.end === undefined) yield* Effect.sleep("2 millis")
        assert.deepStrictEqual((yield* sandbox.requests)[0]?.end, { _tag: "Aborted" })
        assert.strictEqual(yield* writes, 0)
      })
    )
  })

  describe("faults", () => {
    for (const when of ["before", "during", "after"] as const) {
      it.effect(`a reset ${when} the request was applied is a TCP reset`, () =>
        Effect.gen(function* () {
          const sandbox = yield* fresh
          yield* sandbox.setFaults([{ fault: Fault.reset(when), times: 2 }])
          assert.strictEqual(yield* ending, "ECONNRESET")
          assert.strictEqual(yield* outcome, "ECONNRESET")
          assert.strictEqual(yield* writes, when === "after" ? 1 : 0)
          assert.strictEqual(yield* outcome, 200)
        })
      )
    }

    it.effect("an answer that is cut short has the right length in its head and ends before it", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        yield* sandbox.setFaults([{ fault: Fault.cutShort(0.25) }])
        const response = yield* create()
        assert.strictEqual(response.status, 200)
        assert.isAbove(Number(response.headers.get("content-length")), 400)
        const error = yield* Effect.flip(Effect.tryPromise({ try: () => response.text(), catch: (cause) => cause }))
        assert.match(String(error), /terminated/)
        assert.strictEqual(yield* writes, 1)
      })
    )

    it.effect("malformed JSON is a whole answer", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        yield* sandbox.setFaults([{ fault: Fault.malformedJson }])
        const response = yield* create()
        const text = yield* Effect.promise(() => response.text())
        assert.strictEqual(response.headers.get("content-length"), String(text.length))
        assert.throws(() => JSON.parse(text))
      })
    )

    it.effect("an answer that never comes leaves its sender waiting, and others are served", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        yield* sandbox.setFaults([{ fault: Fault.noAnswer({ applied: true }), times: 1 }])
        const { url } = yield* SandboxServer.SandboxServer
        const body = JSON.stringify({ data: ada })
        const headers = { ...bearer, "content-type": "application/json" }
        const error = yield* Effect.promise(() =>
          fetch(`${url}${customers}`, { method: "POST", headers, body, signal: AbortSignal.timeout(60) }).catch(
            (cause: Error) => cause.name
          )
        )
        assert.strictEqual(error, "TimeoutError")
        assert.strictEqual(yield* writes, 1)
        assert.strictEqual((yield* create()).status, 200)
      })
    )

    it.effect("any status is answered with its headers and body", () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        yield* sandbox.setFaults([
          { fault: Fault.respond({ status: 429, body: "<b>slow</b>", retryAfter: "3 seconds" }) }
        ])
        const response = yield* create()
        assert.strictEqual(response.status, 429)
        assert.strictEqual(response.headers.get("retry-after"), "3")
        assert.strictEqual(yield* Effect.promise(() => response.text()), "<b>slow</b>")
      })
    )
  })

  describe("lifetime", () => {
    it.effect("closing the scope ends open connections and frees the port", () =>
      Effect.gen(function* () {
        const faults = [{ fault: Fault.noAnswer() }]
        const { open, port } = yield* Effect.gen(function* () {
          const { port, url } = yield* SandboxServer.SandboxServer
          const sandbox = yield* Sandbox.Sandbox
          const open = fetch(`${url}${customers}`, { method: "POST", headers: bearer, body: "{}" }).catch(() => "ended")
          while ((yield* sandbox.requests).length === 0) yield* Effect.sleep("2 millis")
          return { open, port }
        }).pipe(Effect.provide(SandboxServer.layer({ faults }), { local: true }))
        assert.strictEqual(yield* Effect.promise(() => open), "ended")
        const again = yield* Effect.provide(SandboxServer.SandboxServer, SandboxServer.layer({ port }), { local: true })
        assert.strictEqual(again.port, port)
      })
    )

    it.effect("a port that is taken is a typed error", () =>
      Effect.gen(function* () {
        const { port } = yield* SandboxServer.SandboxServer
        const error = yield* Effect.flip(Layer.build(SandboxServer.layer({ port })).pipe(Effect.scoped))
        assert.strictEqual(error._tag, "SandboxUnavailable")
        assert.deepStrictEqual([error.port, error.code], [port, "EADDRINUSE"])
      })
    )
  })
})
