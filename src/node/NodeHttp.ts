/// <reference path="./undici-agent.d.ts" />
/**
 * Requests by undici on Node, for bodies by the thousand.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Url from "effect/http/Url"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Agent, Dispatcher } from "undici"
import { Exchange } from "./Exchange.ts"
import type { NodeResponse } from "./NodeResponse.ts"

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
 * answer that says that it is short, or that has come with its head, is read before it is given: nothing of either
 * outlives its end. All other requests are sent by the client of `@effect/platform-node`, over the same connections.
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

const send = <A>(
  agent: Dispatcher,
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  options: Partial<Dispatcher.RequestOptions>,
  onAnswer: (response: NodeResponse) => Effect.Effect<A, HttpClientError.HttpClientError>
): Effect.Effect<A, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    const exchange = new Exchange(request, url)
    const answer: Effect.Effect<NodeResponse, HttpClientError.HttpClientError> = Effect.callback((resume) => {
      exchange.onAnswer(resume)
      // undici tells the handler of what it refuses, too.
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
    })
    return Effect.onInterrupt(Effect.flatMap(answer, onAnswer), () => Effect.sync(() => exchange.abort()))
  })

// Effect gives up an answer that nobody reads: when it is collected, or when its scope closes.
const watch = (
  response: NodeResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  HttpClient.make((_, __, signal) => Effect.sync(() => response.endOn(signal))).execute(response.request)

const client = Effect.gen(function* () {
  const agent = yield* NodeHttpClient.Dispatcher
  const platform = Effect.andThen(
    loadUndici,
    Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, agent)
  )
  const optionsOf = (fiber: Fiber.Fiber<unknown, unknown>) => fiber.getRef(NodeHttpClient.UndiciOptions)
  const traced = HttpClient.make((request, url, signal, fiber) =>
    send(agent, request, url, optionsOf(fiber), (response) => Effect.succeed(response.endOn(signal)))
  )
  // There is nothing to watch over where an answer is there to its end, and watching is what outlives a request.
  const untraced = (request: HttpClientRequest.HttpClientRequest, url: URL, fiber: Fiber.Fiber<unknown, unknown>) =>
    send(agent, request, url, optionsOf(fiber), (response) =>
      response.isWhole ? Effect.succeed(response) : watch(response)
    )
  const plain = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.withFiber((fiber) => {
      if (!fiber.getRef(HttpClient.TracerDisabledWhen)(request)) return traced.execute(request)
      const url = Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))
      return Result.isFailure(url) ? traced.execute(request) : untraced(request, url.success, fiber)
    })
  return HttpClient.transform(traced, (_, request) =>
    isPlain(request) ? plain(request) : Effect.flatMap(platform, ({ execute }) => execute(request))
  )
})

/**
 * `layerOptions` with undici's defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerOptions()
