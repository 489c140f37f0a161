/// <reference path="./undici-agent.d.ts" />
/**
 * Requests by undici on Node, for bodies by the thousand.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type { Agent, Dispatcher } from "undici"
import { Exchange } from "./Exchange.ts"

/**
 * Options of undici's `Agent`: connections, keep-alive, TLS.
 *
 * @category configuration
 * @since 0.1.0
 */
export type Options = Agent.Options

/**
 * An `HttpClient` as `NodeHttpClient.layerUndici` makes it, with an agent of its own that is destroyed with the layer.
 *
 * The difference is what a request costs that has its body in memory. It is dispatched without undici's `request`, and an
 * answer that says that it is short is read before it is given: nothing of either outlives its end. All other requests
 * are sent by the client of `@effect/platform-node`, over the same connections.
 *
 * What it sends itself has no time limit, where that client gives up an answer's head after an hour: policies and
 * `Effect.timeout` say how long to wait.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOptions = (options?: Options | undefined): Layer.Layer<HttpClient.HttpClient> =>
  Layer.provide(
    HttpClient.layerMergedContext(client),
    Layer.effect(
      NodeHttpClient.Dispatcher,
      Effect.acquireRelease(
        Effect.map(loadAgent, (Agent) => new Agent(options)),
        (agent) => Effect.promise(() => agent.destroy())
      )
    )
  )

// The whole of it gives agents what they have beside `dispatch`, and takes 80 ms more to load than an agent does.
const loadUndici = Effect.promise(() => import("undici"))

// Where an undici keeps its agent elsewhere, its index has it.
const loadAgent: Effect.Effect<typeof Agent> = Effect.catchDefect(
  Effect.map(
    Effect.promise(() => import("undici/lib/dispatcher/agent.js")),
    (module) => module.default
  ),
  () => Effect.map(loadUndici, (undici) => undici.Agent)
)

const isPlain = ({ body, headers }: HttpClientRequest.HttpClientRequest): boolean =>
  (body._tag === "Uint8Array" || body._tag === "Empty") && headers.upgrade === undefined

// undici tells the handler of what it refuses, too.
const send = (
  agent: Dispatcher,
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  signal: AbortSignal,
  options: Partial<Dispatcher.RequestOptions>
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback((resume) => {
    const exchange = new Exchange(request, url, signal, resume)
    agent.dispatch(
      {
        ...options,
        method: request.method,
        headers: request.headers,
        origin: url.origin,
        path: url.pathname + url.search,
        body: request.body._tag === "Uint8Array" ? request.body.body : null,
        // How long to wait is for whoever sends to say, without a timer more for each request.
        headersTimeout: 0,
        bodyTimeout: 0
      },
      exchange
    )
    return Effect.sync(() => exchange.abort())
  })

const client = Effect.gen(function* () {
  const agent = yield* NodeHttpClient.Dispatcher
  const platform = Effect.andThen(
    loadUndici,
    Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, agent)
  )
  const plain = HttpClient.make((request, url, signal, fiber) =>
    send(agent, request, url, signal, fiber.getRef(NodeHttpClient.UndiciOptions))
  )
  return HttpClient.transform(plain, (effect, request) =>
    isPlain(request) ? effect : Effect.flatMap(platform, ({ execute }) => execute(request))
  )
})

/**
 * `layerOptions` with undici's defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerOptions()
