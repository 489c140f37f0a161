/** A request on its way through undici, and its answer. */
import { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { Dispatcher } from "undici"
import { interrupted, NodeResponse } from "./NodeResponse.ts"

type Controller = Dispatcher.DispatchController
type IncomingHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]
type Resume = (effect: Effect.Effect<NodeResponse, HttpClientError.HttpClientError>) => void

// An answer that says that it has no more bytes is read to its end before it is given.
const mostAtOnce = 64 * 1024

/**
 * Hears what undici says of a request, and resumes whoever sent it, once: with the answer, or with why there is none. What
 * it points to, it lets go of when the answer has ended, since undici holds a handler longer than that.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  private readonly url: URL
  private request: HttpClientRequest.HttpClientRequest | undefined
  private resume: Resume | undefined
  private controller: Controller | undefined
  private aborted = false
  private status = 0
  private headers: IncomingHeaders = {}
  private chunks: Array<Uint8Array> = []
  private body: Body | undefined

  constructor(request: HttpClientRequest.HttpClientRequest, url: URL) {
    this.request = request
    this.url = url
  }

  /** Who is to be resumed. */
  onAnswer(resume: Resume): void {
    this.resume = resume
  }

  /** Ends the request, also when undici has not begun with it. */
  abort(): void {
    this.aborted = true
    this.controller?.abort(interrupted())
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller
    if (this.aborted) controller.abort(interrupted())
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHeaders): void {
    // What comes before an answer.
    if (status < 200) return
    this.status = status
    this.headers = headers
    const length = headers["content-length"]
    if (length === undefined) {
      // What has come with the head is told before anything else happens, and as a rule that is all of it.
      queueMicrotask(() => this.stream(controller))
    } else if (!(Number(length) <= mostAtOnce)) this.stream(controller)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.body === undefined) this.chunks.push(chunk)
    else if (!this.body.push(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (this.body === undefined) this.answer(this.chunks)
    else this.body.end()
    this.letGo()
  }

  onResponseError(_: Controller | undefined, cause: Error): void {
    if (this.body !== undefined) this.body.destroy(cause)
    else if (this.request !== undefined) {
      const reason = new HttpClientError.TransportError({ request: this.request, cause })
      this.resume?.(Effect.fail(new HttpClientError.HttpClientError({ reason })))
    }
    this.letGo()
  }

  /** Gives the answer before it has come to its end, unless it has. */
  private stream(controller: Controller): void {
    if (this.request === undefined) return
    const body = new Body(controller)
    this.body = body
    for (const chunk of this.chunks) body.push(chunk)
    this.chunks = []
    this.answer(body)
  }

  private answer(body: ReadonlyArray<Uint8Array> | Readable): void {
    if (this.request === undefined) return
    const { headers, request, status, url } = this
    this.resume?.(Effect.succeed(new NodeResponse({ request, url, status, headers, body })))
    this.resume = undefined
  }

  private letGo(): void {
    this.request = undefined
    this.resume = undefined
    this.controller = undefined
    this.body = undefined
    this.chunks = []
  }
}

const ignore = () => undefined

/** An answer's body as it comes: undici stops reading while nobody takes it, and the request ends where it is given up. */
class Body extends Readable {
  private controller: Controller | undefined

  constructor(controller: Controller) {
    super()
    this.controller = controller
    // Whoever reads it is told; nobody else is to be.
    this.on("error", ignore)
  }

  /** There is no more of it. */
  end(): void {
    this.controller = undefined
    this.push(null)
  }

  override _read(): void {
    this.controller?.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.readableEnded) this.controller?.abort(error ?? interrupted())
    callback(error)
  }
}
