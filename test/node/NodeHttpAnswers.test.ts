import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
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
    for (const length of ["told", "not told", "not told, and all at once"]) {
      it.live(`answer ${index}, its length ${length}`, () =>
        Effect.gen(function* () {
          const { url } = yield* serve((_, response) => {
            const size = Buffer.byteLength(body)
            response.writeHead(status, {
              "content-type": type,
              "set-cookie": ["a=1; Path=/", "b=2"],
              ...(length === "told" ? { "content-length": size } : {})
            })
            if (length.endsWith("once")) return void response.end(body)
            // In two parts.
            response.write(body.slice(0, 2))
            setImmediate(() => response.end(body.slice(2)))
          })
          const request = HttpClientRequest.get(`${url}/a?b=c#d`)
          const ours = yield* Effect.provide(readings(request), NodeHttp.layer)
          const theirs = yield* Effect.provide(readings(request), NodeHttpClient.layerUndici)
          assert.deepStrictEqual(ours, theirs)
          const untraced = Effect.provideService(readings(request), HttpClient.TracerDisabledWhen, () => true)
          assert.deepStrictEqual(yield* Effect.provide(untraced, NodeHttp.layer), theirs)
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
