/**
 * The sandbox as an `HttpClient`, in the same process and with nothing that listens.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import { VendorInstance } from "../http/VendorInstance.ts"
import * as Sandbox from "./Sandbox.ts"

/**
 * Makes a client whose requests all go to the sandbox, whatever host they name. Faults show as a client on a
 * socket sees them: a reset is a `TransportError` whose cause has the code `ECONNRESET`, a cut answer fails while
 * its body is read, and an answer that never comes leaves the request waiting.
 *
 * A request that is interrupted goes on in the sandbox, as it does on a server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<HttpClient.HttpClient, never, Sandbox.Sandbox> = Effect.map(
  Sandbox.Sandbox,
  (sandbox) =>
    HttpClient.make((request, url) =>
      Effect.flatMap(
        sandbox.handle({
          method: request.method,
          url: url.pathname + url.search,
          headers: request.headers,
          body: (maxBytes) =>
            HttpServerRequest.fromClientRequest(request).arrayBuffer.pipe(
              Effect.mapError(() => "Aborted" as const),
              Effect.flatMap((buffer) =>
                buffer.byteLength > maxBytes ? Effect.fail("TooLarge" as const) : Effect.succeed(new Uint8Array(buffer))
              )
            )
        }),
        (outgoing) => {
          switch (outgoing._tag) {
            case "Answer":
              return Effect.succeed(HttpClientResponse.fromWeb(request, toWeb(outgoing)))
            case "Reset":
              return Effect.fail(connectionReset(request))
            case "NoAnswer":
              return Effect.never
          }
        }
      )
    )
)

const instances = new WeakMap<Sandbox.Sandbox["Service"], string>()
let made = 0

const instanceOf = (sandbox: Sandbox.Sandbox["Service"]): string => {
  const known = instances.get(sandbox) ?? `sandbox-${++made}`
  instances.set(sandbox, known)
  return known
}

/**
 * The client, on a sandbox that is there already.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: Layer.Layer<HttpClient.HttpClient, never, Sandbox.Sandbox> = Layer.merge(
  Layer.effect(HttpClient.HttpClient, make),
  // Two sandboxes in one process are two vendors, whatever host is asked.
  Layer.effect(VendorInstance, Effect.map(Sandbox.Sandbox, instanceOf))
)

/**
 * A sandbox and its client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Sandbox.Options): Layer.Layer<Sandbox.Sandbox | HttpClient.HttpClient> =>
  Layer.provideMerge(layerClient, Sandbox.layer(options))

const withCode = (message: string, code: string): Error => Object.assign(new Error(message), { code })

const connectionReset = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, cause: withCode("read ECONNRESET", "ECONNRESET") })
  })

// The statuses that `Response` refuses a body for.
const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304

const toWeb = (answer: Extract<Sandbox.Outgoing, { readonly _tag: "Answer" }>): Response => {
  const { body, headers, sent, status } = answer
  if (hasNoBody(status)) return new Response(null, { status, headers })
  // A copy, because a view may lie on shared memory, which `Response` does not take.
  const part = new Uint8Array(body.subarray(0, sent))
  if (sent === body.byteLength) return new Response(part, { status, headers })
  const cut = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(part),
    pull: (controller) => controller.error(withCode("terminated", "UND_ERR_SOCKET"))
  })
  return new Response(cut, { status, headers })
}
