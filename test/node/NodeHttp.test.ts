import * as Undici from "@effect/platform-node/Undici"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
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

  it.live("lets go of a request when its answer has ended, and still says what it came to", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(({ url }, response) => {
        if (url === "/broken") response.destroy()
        else response.end("ok")
      })
      const agent = new Undici.Agent().compose(NodeHttp.releasing)
      const controllers: Array<Undici.Dispatcher.DispatchController> = []
      const inner: Array<Undici.Dispatcher.DispatchController> = []
      // Between `releasing` and the agent.
      const seen = new Undici.Agent()
        .compose(
          (dispatch) => (options, handler) =>
            dispatch(options, {
              onRequestStart: (controller, context) => {
                inner.push(controller)
                handler.onRequestStart?.(controller, context)
              },
              onResponseStart: (...rest) => handler.onResponseStart?.(...rest),
              onResponseData: (...rest) => handler.onResponseData?.(...rest),
              onResponseEnd: (...rest) => handler.onResponseEnd?.(...rest),
              onResponseError: (...rest) => handler.onResponseError?.(...rest)
            })
        )
        .compose(NodeHttp.releasing)
      const call = (dispatcher: Undici.Dispatcher, path: string) =>
        Effect.callback<string>((resume) => {
          let text = ""
          dispatcher.dispatch(
            { origin: url, path, method: "GET" },
            {
              onRequestStart: (controller) => {
                controllers.push(controller)
              },
              onResponseStart: ({ rawHeaders }) => {
                text += Array.isArray(rawHeaders) && rawHeaders.length > 0 ? "headers " : ""
              },
              onResponseData: (_, chunk) => {
                text += chunk.toString()
              },
              onResponseEnd: () => resume(Effect.succeed(text)),
              onResponseError: (_, error) => resume(Effect.succeed(error.message))
            }
          )
        })
      assert.strictEqual(yield* call(agent, "/"), "headers ok")
      assert.strictEqual(yield* call(seen, "/"), "headers ok")
      yield* Effect.sleep(1)
      const [first, second] = controllers
      assert.deepInclude(
        { aborted: first?.aborted, paused: first?.paused, reason: first?.reason, headers: first?.rawHeaders },
        { aborted: false, paused: false, reason: null, headers: null }
      )
      // It is nobody's request any more.
      second?.abort(new Error("too late"))
      assert.isFalse(inner[0]?.aborted)
      assert.notStrictEqual(yield* call(agent, "/broken"), "headers ok")
      yield* Effect.promise(() => Promise.all([agent.close(), seen.close()]))
    }).pipe(Effect.scoped)
  )
})
