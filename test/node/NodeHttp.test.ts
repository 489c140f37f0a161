import { execFileSync } from "node:child_process"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream } from "effect"
import {
  Cookies,
  HttpClient,
  type HttpClientError,
  HttpClientRequest,
  type HttpClientResponse,
  UrlParams
} from "effect/http"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import { serve } from "../support/ScriptedServer.ts"

const megabytes = new Uint8Array(3_000_000).fill(65)

describe("NodeHttp", () => {
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
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
        Effect.provide(NodeHttp.layerOptions({ connections: 2 }))
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
      }).pipe(Effect.provide(NodeHttp.layerOptions({ connections: 1 })))
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
  )

  it.live("passes over what comes before an answer", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_, response) => {
        response.writeEarlyHints({ link: "</style.css>; rel=preload" }, () => response.end("ok"))
      })
      const response = yield* HttpClient.get(url)
      assert.deepStrictEqual([response.status, yield* response.text], [200, "ok"])
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
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
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
  )

  it.live("takes undici's options for a request", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(({ headers }, response) => response.end(headers.connection))
      const text = Effect.flatMap(HttpClient.get(url), (response) => response.text)
      assert.strictEqual(yield* text, "keep-alive")
      assert.strictEqual(yield* Effect.provideService(text, NodeHttpClient.UndiciOptions, { reset: true }), "close")
    }).pipe(Effect.scoped, Effect.provide(NodeHttp.layer))
  )
})

// Every way to read an answer, or the reason why it cannot be read so.
const readings = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
  const read = <A, B>(
    get: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError.HttpClientError>,
    show: (value: A) => B
  ) =>
    Effect.flatMap(HttpClient.execute(request), get).pipe(
      Effect.match({ onFailure: ({ reason }): B | string => reason._tag, onSuccess: show })
    )
  const same = <A>(value: A) => value
  return {
    head: yield* read(
      (response) => Effect.as(response.text, response),
      ({ cookies, headers, remoteAddress, status, url }) => ({
        status,
        url,
        remoteAddress,
        headers: { ...headers, date: "" },
        cookies: Cookies.toRecord(cookies)
      })
    ),
    text: yield* read(({ text }) => text, same),
    twice: yield* read((response) => Effect.zip(response.text, response.text), same),
    json: yield* read(({ json }) => json, same),
    bytes: yield* read(
      ({ arrayBuffer }) => arrayBuffer,
      (buffer) => [...new Uint8Array(buffer)]
    ),
    stream: yield* read(
      ({ stream }) => Stream.runCollect(stream),
      (chunks) => Buffer.concat(chunks).toString("hex")
    ),
    params: yield* read(({ urlParamsBody }) => urlParamsBody, UrlParams.toString),
    form: yield* read(
      ({ formData }) => formData,
      (form) => [...form.entries()]
    ),
    upgrade: yield* read(
      ({ upgrade }) => Effect.scoped(Effect.asVoid(upgrade)),
      () => "upgraded"
    ),
    shown: yield* read(
      (response) => Effect.sync(() => JSON.stringify(response)),
      (text) => text.replace(/"date":"[^"]*"/, "")
    )
  }
})

const answers: ReadonlyArray<{ readonly type: string; readonly body: string | Uint8Array; readonly status?: number }> =
  [
    { type: "application/json", body: '{"a":[1,"ä"]}' },
    { type: "application/json", body: "" },
    { type: "application/json", body: "{" },
    { type: "text/plain", body: "\u{feff}with a mark, \u{1f600}" },
    { type: "application/octet-stream", body: Uint8Array.of(0, 255, 128, 10) },
    { type: "application/x-www-form-urlencoded", body: "?a=1&b=%C3%A4&a=2" },
    {
      type: "multipart/form-data; boundary=x",
      body: '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    },
    { type: "text/plain", body: "no", status: 422 },
    { type: "text/plain", body: "x".repeat(100_000) }
  ]

describe("NodeHttp answers as the platform's client does", () => {
  for (const [index, { body, status = 200, type }] of answers.entries()) {
    for (const length of ["told", "not told"]) {
      it.live(`answer ${index}, its length ${length}`, () =>
        Effect.gen(function* () {
          const { url } = yield* serve((_, response) => {
            const size = Buffer.byteLength(body)
            response.writeHead(status, {
              "content-type": type,
              "set-cookie": ["a=1; Path=/", "b=2"],
              ...(length === "told" ? { "content-length": size } : {})
            })
            // In two parts.
            response.write(body.slice(0, 2))
            setImmediate(() => response.end(body.slice(2)))
          })
          const request = HttpClientRequest.get(`${url}/a?b=c#d`)
          const ours = yield* Effect.provide(readings(request), NodeHttp.layer)
          const theirs = yield* Effect.provide(readings(request), NodeHttpClient.layerUndici)
          assert.deepStrictEqual(ours, theirs)
          // Each request would have another.
        }).pipe(Effect.scoped, Effect.provideService(HttpClient.TracerPropagationEnabled, false))
      )
    }
  }

  const form = new FormData()
  form.append("name", "value")
  const requests: { readonly [name: string]: (url: string) => HttpClientRequest.HttpClientRequest } = {
    "without a body": HttpClientRequest.make("DELETE"),
    "for the head alone": HttpClientRequest.head,
    "with text": (url) => HttpClientRequest.bodyText(HttpClientRequest.patch(url), "text", "text/plain"),
    "with bytes": (url) => HttpClientRequest.bodyUint8Array(HttpClientRequest.put(url), Uint8Array.of(1, 2)),
    "with a stream": (url) =>
      HttpClientRequest.bodyStream(HttpClientRequest.post(url), Stream.make(Uint8Array.of(3), Uint8Array.of(4))),
    "with a form": (url) => HttpClientRequest.bodyFormData(HttpClientRequest.post(url), form)
  }
  for (const [name, make] of Object.entries(requests)) {
    it.live(`to a request ${name}`, () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const { url } = yield* serve((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            const {
              "content-type": type = "",
              "content-length": length = "",
              "transfer-encoding": encoding = ""
            } = request.headers
            // A form has a boundary of its own each time.
            const text = Buffer.concat(chunks).toString("latin1")
            const boundary = type.replace(/.*boundary=/, "")
            seen.push(
              [request.method, type, length, encoding, text].map((one) => one?.replaceAll(boundary || "-", "-"))
            )
            response.end("ok")
          })
        })
        const call = Effect.flatMap(HttpClient.execute(make(url)), ({ text }) => text)
        const ours = yield* Effect.provide(call, NodeHttp.layer)
        const theirs = yield* Effect.provide(call, NodeHttpClient.layerUndici)
        assert.strictEqual(ours, theirs)
        assert.deepStrictEqual(seen[0], seen[1])
      }).pipe(Effect.scoped)
    )
  }

  it.live("to a request that asks for another protocol", () =>
    Effect.gen(function* () {
      const { server, url } = yield* upgrading
      const request = HttpClientRequest.get(url, { headers: { connection: "upgrade", upgrade: "echo" } })
      const upgraded = Effect.scoped(
        Effect.gen(function* () {
          const response = yield* HttpClient.execute(request)
          yield* response.upgrade
          return response.status
        })
      )
      assert.strictEqual(yield* Effect.provide(upgraded, NodeHttp.layer), 101)
      assert.strictEqual(yield* Effect.provide(upgraded, NodeHttpClient.layerUndici), 101)
      server.closeAllConnections()
    }).pipe(Effect.scoped)
  )
})

// Takes every other protocol.
const upgrading = Effect.acquireRelease(
  Effect.callback<{ readonly server: Server; readonly url: string }>((resume) => {
    const server = createServer()
    server.on("upgrade", (_, socket) => {
      socket.on("error", () => undefined)
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
      sockets.push(socket)
    })
    server.listen(0, "127.0.0.1", () => {
      // An address of a server that listens on a port is no string.
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}` }))
    })
  }),
  ({ server }) =>
    Effect.callback<void>((done) => {
      for (const socket of sockets.splice(0)) socket.destroy()
      server.close(() => done(Effect.void))
    })
)
const sockets: Array<Duplex> = []

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
