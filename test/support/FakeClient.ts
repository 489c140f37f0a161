import { type Duration, Effect, Layer } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse } from "effect/http"

/** An `HttpClient` that is answered by a function, after `latency` (default: at once), and remembers what was sent. */
export const make = (
  respond: (request: HttpClientRequest.HttpClientRequest, index: number) => Response,
  latency: Duration.Input = 0
) => {
  const sent: Array<HttpClientRequest.HttpClientRequest> = []
  const layer = Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.suspend(() => {
        const index = sent.push(request) - 1
        return Effect.delay(
          Effect.sync(() => HttpClientResponse.fromWeb(request, respond(request, index))),
          latency
        )
      })
    )
  )
  return { sent, layer }
}

/** The header of a request that was sent. */
export const header = (request: HttpClientRequest.HttpClientRequest | undefined, name: string): string | undefined =>
  request?.headers[name]
