import { execFileSync } from "node:child_process"
import type { ServerResponse } from "node:http"
import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Option, Scope, Stream, Tracer } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import { NodeResponse } from "../../src/node/NodeResponse.ts"
import { serve } from "../support/ScriptedServer.ts"

const megabytes = new Uint8Array(3_000_000).fill(65)

// A request that is not traced has a way of its own.
const ways = { "that are traced": false, "that are not": true }

describe.each(Object.entries(ways))("NodeHttp, requests %s", (_, isUntraced) => {
  const as = Layer.succeed(HttpClient.TracerDisabledWhen, () => isUntraced)
  const layerOptions = (options?: NodeHttp.Options) => Layer.merge(NodeHttp.layerOptions(options), as)
  const layer = layerOptions()

  it.live("sends a body and gives the answer whole, however slowly it is read", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((request, response) => {
        let size = 0
        request.on("data", (chunk: Buffer) => {
          size += chunk.length
        })
        request.on("end", () => response.writeHead(200, { "x-size": size }).end(megabytes))
      })
      const request = HttpClientRequest.bodyUint8Array(HttpClientRequest.post(url), megabytes)
      for (let time = 0; time < 3; time++) {
        const response = yield* HttpClient.execute(request)
        assert.strictEqual(response.headers["x-size"], "3000000")
        const read = yield* response.stream.pipe(
          Stream.tap(() => Effect.sleep(1)),
          Stream.runFold(
            () => 0,
            (sum, chunk) => sum + chunk.length
          )
        )
        assert.strictEqual(read, megabytes.length)
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("ends a request that is interrupted, before its answer and in the middle of it", () =>
    Effect.gen(function* () {
      for (const begins of [false, true]) {
        const arrived = yield* Deferred.make<void>()
        const gone = yield* Deferred.make<void>()
        const { url } = yield* serve((_, response) => {
          if (begins) response.write("the first half")
          response.on("close", () => Deferred.doneUnsafe(gone, Effect.void))
          Deferred.doneUnsafe(arrived, Effect.void)
        })
        const fiber = yield* Effect.forkChild(Effect.flatMap(HttpClient.get(url), ({ text }) => text))
        yield* Deferred.await(arrived)
        yield* Effect.sleep(20)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(gone)
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("fails where nobody listens, and where an answer breaks off", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serve(() => undefined))
      const refused = yield* Effect.flip(HttpClient.get(closed.url))
      assert.strictEqual(refused.reason._tag, "TransportError")
      const { url } = yield* serve((_, response) => {
        response.writeHead(200, { "content-length": 100 }).write("half")
        setTimeout(() => response.destroy(), 10)
      })
      const broken = yield* Effect.flip(Effect.flatMap(HttpClient.get(url), ({ text }) => text))
      assert.strictEqual(broken._tag, "HttpClientError")
      // Of no length that is told, so that it is given before its end.
      const parts = yield* serve((_, response) => {
        response.write("half")
        setTimeout(() => response.destroy(), 10)
      })
      const drain = Effect.flatMap(HttpClient.get(parts.url), ({ stream }) => Stream.runDrain(stream))
      assert.strictEqual((yield* Effect.flip(drain)).reason._tag, "DecodeError")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("takes the options of undici's agent", () =>
    Effect.gen(function* () {
      let most = 0
      let now = 0
      const { url } = yield* serve((_, response) => {
        most = Math.max(most, ++now)
        setTimeout(() => {
          now--
          response.end()
        }, 5)
      })
      yield* Effect.replicateEffect(HttpClient.get(url), 6, { concurrency: "unbounded" }).pipe(
        Effect.provide(layerOptions({ connections: 2 }))
      )
      assert.strictEqual(most, 2)
    }).pipe(Effect.scoped)
  )

  it.live("ends a request that is interrupted before it has a connection: it is never sent", () =>
    Effect.gen(function* () {
      const paths: Array<string | undefined> = []
      const { url } = yield* serve((request, response) => {
        paths.push(request.url)
        setTimeout(() => response.end(), 20)
      })
      yield* Effect.gen(function* () {
        const first = yield* Effect.forkChild(HttpClient.get(`${url}/first`))
        const second = yield* Effect.forkChild(HttpClient.get(`${url}/second`))
        yield* Effect.sleep(5)
        yield* Fiber.interrupt(second)
        yield* Fiber.join(first)
        yield* HttpClient.get(`${url}/third`)
      }).pipe(Effect.provide(layerOptions({ connections: 1 })))
      assert.deepStrictEqual(paths, ["/first", "/third"])
    }).pipe(Effect.scoped)
  )

  it.live("gives up an answer that nobody reads on, when its scope closes", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const { url } = yield* serve((_, response) => {
        response.on("close", () => Deferred.doneUnsafe(gone, Effect.void))
        response.write("the first half")
      })
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      yield* Effect.scoped(client.get(url))
      yield* Deferred.await(gone)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("gives up an answer whose scope has closed before it began", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<ServerResponse>()
      const gone = yield* Deferred.make<void>()
      const { url } = yield* serve((_, response) => {
        response.on("close", () => Deferred.doneUnsafe(gone, Effect.void))
        Deferred.doneUnsafe(arrived, Effect.succeed(response))
      })
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(Effect.provideService(client.get(url), Scope.Scope, scope))
      const response = yield* Deferred.await(arrived)
      yield* Scope.close(scope, Exit.void)
      response.write("the first half")
      yield* Deferred.await(gone)
      yield* Fiber.await(fiber)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("stops reading an answer that nobody takes", () =>
    Effect.gen(function* () {
      const chunk = Buffer.alloc(2 ** 20)
      let written = 0
      const { url } = yield* serve((_, response) => {
        const write = () => {
          while (written < 64 && !response.destroyed) {
            written++
            if (!response.write(chunk)) return void response.once("drain", write)
          }
        }
        write()
      })
      const response = yield* HttpClient.get(url)
      const meanwhile = yield* response.stream.pipe(
        Stream.mapEffect(() => Effect.map(Effect.sleep(300), () => written)),
        Stream.runHead
      )
      // What sockets hold, and no more.
      assert.isBelow(Option.getOrThrow(meanwhile), 40)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("passes over what comes before an answer", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_, response) => {
        response.writeEarlyHints({ link: "</style.css>; rel=preload" }, () => response.end("ok"))
      })
      const response = yield* HttpClient.get(url)
      assert.deepStrictEqual([response.status, yield* response.text], [200, "ok"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("fails where undici does not take the request", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_, response) => response.end())
      const request = HttpClientRequest.bodyText(HttpClientRequest.post(url), "text")
      for (const [name, value] of [
        ["x-a", "b\nc"],
        ["content-length", "7"]
      ] as const) {
        const error = yield* Effect.flip(HttpClient.execute(HttpClientRequest.setHeader(request, name, value)))
        assert.strictEqual(error.reason._tag, "TransportError")
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("takes undici's options for a request", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(({ headers }, response) => response.end(headers.connection))
      const text = Effect.flatMap(HttpClient.get(url), (response) => response.text)
      assert.strictEqual(yield* text, "keep-alive")
      assert.strictEqual(yield* Effect.provideService(text, NodeHttpClient.UndiciOptions, { reset: true }), "close")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("NodeHttp, tracing", () => {
  const spansOf = Effect.fnUntraced(function* (isUntraced: boolean) {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const told: Array<string | ReadonlyArray<string> | undefined> = []
    const { url } = yield* serve(({ headers }, response) => {
      told.push(headers.traceparent)
      response.end("ok")
    })
    const response = yield* HttpClient.get(url).pipe(
      Effect.provideService(HttpClient.TracerDisabledWhen, () => isUntraced),
      Effect.provideService(Tracer.Tracer, tracer)
    )
    const status = spans[0]?.attributes.get("http.response.status_code")
    return {
      spans: spans.length,
      status,
      told: told.map((header) => header?.includes(spans[0]?.spanId ?? "-")),
      response
    }
  }, Effect.provide(NodeHttp.layer))

  it.live("is what the platform does", () =>
    Effect.gen(function* () {
      const { spans, status, told } = yield* spansOf(false)
      assert.deepStrictEqual({ spans, status, told }, { spans: 1, status: 200, told: [true] })
    }).pipe(Effect.scoped)
  )

  it.live("is left out where it is switched off, and nothing watches over an answer that is there to its end", () =>
    Effect.gen(function* () {
      const { response, spans, told } = yield* spansOf(true)
      assert.deepStrictEqual({ spans, told }, { spans: 0, told: [undefined] })
      assert.instanceOf(response, NodeResponse)
    }).pipe(Effect.scoped)
  )

  it.live("has nothing to watch over in an answer without a length that comes with its head, and in no other", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((request, response) => {
        response.writeHead(200).write("first")
        if (request.url === "/whole") response.end()
        else setTimeout(() => response.end("last"), 20)
      })
      const get = (path: string) =>
        Effect.provideService(HttpClient.get(url + path), HttpClient.TracerDisabledWhen, () => true)
      const whole = yield* get("/whole")
      assert.instanceOf(whole, NodeResponse)
      assert.strictEqual(yield* whole.text, "first")
      const parts = yield* get("/parts")
      assert.notInstanceOf(parts, NodeResponse)
      assert.strictEqual(yield* parts.text, "firstlast")
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
  )

  it.live("fails alike for a URL that is none, traced or not", () =>
    Effect.gen(function* () {
      for (const isUntraced of [false, true]) {
        const error = yield* Effect.flip(HttpClient.get("http://")).pipe(
          Effect.provideService(HttpClient.TracerDisabledWhen, () => isUntraced)
        )
        assert.strictEqual(error.reason._tag, "InvalidUrlError")
      }
    }).pipe(Effect.provide(NodeHttp.layer))
  )
})

describe("what NodeHttp loads of undici", () => {
  const script = (prelude: string) => `
    ${prelude}
    const { createRequire } = await import("node:module")
    const { createServer } = await import("node:http")
    const { Effect } = await import("effect")
    const { HttpClient } = await import("effect/http")
    const { NodeHttp } = await import("${join(import.meta.dirname, "../../src/node/index.ts")}")
    const server = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1", async () => {
      const text = await HttpClient.get("http://127.0.0.1:" + server.address().port).pipe(
        Effect.flatMap(({ text }) => text),
        Effect.provide(NodeHttp.layer),
        Effect.runPromise
      )
      const modules = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("undici"))
      process.stdout.write(JSON.stringify({ text, modules: modules.length }))
      process.exit(0)
    })`
  const run = (prelude: string): { readonly text: string; readonly modules: number } =>
    JSON.parse(
      execFileSync(process.execPath, ["--input-type=module", "--eval", script(prelude)], {
        cwd: import.meta.dirname,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"]
      })
    )

  it("is its agent alone, a quarter of its modules", () => {
    const { modules, text } = run("")
    assert.strictEqual(text, "ok")
    assert.isAtMost(modules, 30)
  })

  it("is all of it, where the agent is not where it was", () => {
    const { modules, text } = run(`
      const { registerHooks } = await import("node:module")
      registerHooks({
        resolve: (specifier, context, next) => {
          if (specifier.startsWith("undici/")) throw new Error("no such module")
          return next(specifier, context)
        }
      })`)
    assert.strictEqual(text, "ok")
    assert.isAtLeast(modules, 80)
  })
})
