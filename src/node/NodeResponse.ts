/** An answer that undici brought. */
import { Readable } from "node:stream"
import * as Consumers from "node:stream/consumers"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Socket from "effect/socket/Socket"

type Failing<A> = Effect.Effect<A, HttpClientError.HttpClientError>

interface Source {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: URL
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  /** All of it, or as it comes. */
  readonly body: ReadonlyArray<Uint8Array> | Readable
}

/** Why an exchange has ended before its time. */
export const interrupted = (): Error => new Error("The request was interrupted.")

const decoder = new TextDecoder()
// A byte order mark is data in a form.
const formDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** A response whose body is in memory or comes as a Node stream. */
export class NodeResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  private readonly source: Source
  private read: Failing<Uint8Array> | undefined

  constructor(source: Source) {
    super()
    this.source = source
    this.request = source.request
    this.status = source.status
    this.headers = Headers.fromInput(source.headers)
  }

  /** Whether there is nothing left to come. */
  get isWhole(): boolean {
    return !(this.source.body instanceof Readable)
  }

  /** Ends what is still to come when nobody wants it any more. */
  endOn(signal: AbortSignal): this {
    const { body } = this.source
    if (!(body instanceof Readable)) return this
    const end = () => {
      body.destroy(interrupted())
    }
    if (signal.aborted) end()
    else signal.addEventListener("abort", end, { once: true })
    return this
  }

  get url(): string {
    return this.source.url.href.replace(/#.*/, "")
  }

  get cookies(): Cookies.Cookies {
    const header = this.source.headers["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    const { body } = this.source
    if (!(body instanceof Readable)) return Stream.fromIterable(body)
    const chunks = NodeStream.fromReadable<Uint8Array, unknown>({ evaluate: () => body, onError: (cause) => cause })
    // Listeners of a Node stream may outlive it, and are not to hold the request.
    return Stream.mapError(chunks, (cause) => this.failure(cause))
  }

  get text(): Failing<string> {
    return Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): Failing<Schema.Json> {
    return Effect.flatMap(this.text, (text) => this.decode(() => (text === "" ? null : JSON.parse(text))))
  }

  get urlParamsBody(): Failing<UrlParams.UrlParams> {
    return Effect.flatMap(this.bytes, (bytes) =>
      // So is a question mark at the start, which would be passed over.
      this.decode(() => UrlParams.fromInput(new URLSearchParams(formDecoder.decode(bytes).replace(/^\?/, "%3F"))))
    )
  }

  get formData(): Failing<FormData> {
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        try: () => new Response(body, { headers: this.headers }).formData(),
        catch: (cause) => this.failure(cause)
      })
    )
  }

  get arrayBuffer(): Failing<ArrayBuffer> {
    // Chunks are parts of larger buffers.
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get upgrade(): Failing<Socket.Socket> {
    const reason = new HttpClientError.StatusCodeError({
      request: this.request,
      response: this,
      description: "expected 101 Switching Protocols"
    })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: what Effect's `pipe` takes.
    return pipeArguments(this, arguments)
  }

  private get bytes(): Failing<Uint8Array> {
    const { body } = this.source
    if (body instanceof Readable) {
      // It comes once, and may be asked for again.
      this.read ??= Effect.runSync(
        Effect.cached(Effect.tryPromise({ try: () => Consumers.buffer(body), catch: (cause) => this.failure(cause) }))
      )
      return this.read
    }
    const [first] = body
    return Effect.succeed(body.length === 1 && first !== undefined ? first : Buffer.concat(body))
  }

  private decode<A>(evaluate: () => A): Failing<A> {
    return Effect.try({ try: evaluate, catch: (cause) => this.failure(cause) })
  }

  private failure(cause: unknown): HttpClientError.HttpClientError {
    const reason = new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    return new HttpClientError.HttpClientError({ reason })
  }
}
