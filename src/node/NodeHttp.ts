/**
 * Requests by undici on Node, for bodies by the thousand.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

/**
 * Options of undici's `Agent`: connections, proxies, TLS.
 *
 * @category configuration
 * @since 0.1.0
 */
export type Options = Undici.Agent.Options

/**
 * An `HttpClient` as `NodeHttpClient.layerUndici` makes it, with an agent of its own that is destroyed with the layer.
 *
 * The difference is memory. With undici's `request`, a body whose answer has come stays until V8 collects everything,
 * which it does when some 64 MB of them have piled up; with this layer it goes with the next young generation.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOptions = (options?: Options | undefined): Layer.Layer<HttpClient.HttpClient> =>
  Layer.provide(
    NodeHttpClient.layerUndiciNoDispatcher,
    Layer.effect(
      NodeHttpClient.Dispatcher,
      Effect.map(NodeHttpClient.makeDispatcherOptions(options), (agent) => agent.compose(releasing))
    )
  )

/**
 * `layerOptions` with undici's defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerOptions()

/**
 * Lets go of a request when its answer has ended, whoever still holds the handler of the answer.
 *
 * undici's `request` assigns a function that holds the controller, and with it the request and its body, to a property
 * of its handler. Functions that are written at the right of such an assignment are made in V8's old generation, so that
 * what they hold outlives young collections, however short it was of use.
 *
 * @category interceptors
 * @since 0.1.0
 */
export const releasing: Undici.Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch(options, new Releasing(handler))

type Controller = Undici.Dispatcher.DispatchController
type Handler = Undici.Dispatcher.DispatchHandler
/** What comes after the controller. */
type Rest<Name extends keyof Handler> = Required<Handler>[Name] extends (
  controller: Controller,
  ...rest: infer Rest
) => void
  ? Rest
  : never

class Releasing implements Handler {
  private readonly handler: Handler
  private released: Released | undefined

  constructor(handler: Handler) {
    this.handler = handler
  }

  // Again where undici sends the request once more on another connection.
  onRequestStart(controller: Controller, ...rest: Rest<"onRequestStart">): void {
    this.released?.release()
    this.released = new Released(controller)
    this.handler.onRequestStart?.(this.released, ...rest)
  }

  onRequestUpgrade(controller: Controller, ...rest: Rest<"onRequestUpgrade">): void {
    this.handler.onRequestUpgrade?.(this.released ?? controller, ...rest)
  }

  onResponseStart(controller: Controller, ...rest: Rest<"onResponseStart">): void {
    this.handler.onResponseStart?.(this.released ?? controller, ...rest)
  }

  onResponseData(controller: Controller, ...rest: Rest<"onResponseData">): void {
    this.handler.onResponseData?.(this.released ?? controller, ...rest)
  }

  onResponseEnd(controller: Controller, ...rest: Rest<"onResponseEnd">): void {
    this.handler.onResponseEnd?.(this.released ?? controller, ...rest)
    this.released?.release()
  }

  onResponseError(controller: Controller, ...rest: Rest<"onResponseError">): void {
    this.handler.onResponseError?.(this.released ?? controller, ...rest)
    this.released?.release()
  }

  onResponseStarted(): void {
    this.handler.onResponseStarted?.()
  }

  onBodySent(chunk: Buffer): void {
    this.handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.handler.onRequestSent?.()
  }
}

/** A controller until it is released; after that, what it came to. */
class Released implements Controller {
  private controller: Controller

  constructor(controller: Controller) {
    this.controller = controller
  }

  release(): void {
    const { aborted, reason } = this.controller
    this.controller = aborted ? { ...ended, aborted, reason } : ended
  }

  get aborted() {
    return this.controller.aborted
  }

  get paused() {
    return this.controller.paused
  }

  get reason() {
    return this.controller.reason
  }

  get rawHeaders() {
    return this.controller.rawHeaders ?? null
  }

  get rawTrailers() {
    return this.controller.rawTrailers ?? null
  }

  abort(reason: Error): void {
    this.controller.abort(reason)
  }

  pause(): void {
    this.controller.pause()
  }

  resume(): void {
    this.controller.resume()
  }
}

const none = () => undefined

const ended: Controller = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort: none,
  pause: none,
  resume: none
}
