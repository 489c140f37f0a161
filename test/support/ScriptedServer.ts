import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** A request as it came over the wire. */
export interface Received {
  readonly method: string
  /** The request target, undecoded: path and query. */
  readonly target: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

export type Answer = (received: Received, response: ServerResponse) => void

/** Answers with a status, a body and headers. */
export const answer =
  (status: number, body: string, headers: Record<string, string> = { "content-type": "application/json" }): Answer =>
  (_, response) => {
    response.writeHead(status, headers).end(body)
  }

/** A server on loopback. It ends with the scope. */
export const serve = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: Effect.Effect<void> }>((resume) => {
      const server = createServer(listener)
      server.listen(0, "127.0.0.1", () => {
        // An address of a server that listens on a port is no string.
        const { port } = server.address() as AddressInfo
        const close = Effect.callback<void>((done) => {
          server.close(() => done(Effect.void))
          server.closeAllConnections()
        })
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
      })
    }),
    ({ close }) => close
  )

/** A server that answers by script, the last answer again and again, and remembers what it was sent. */
export const make = (...script: ReadonlyArray<Answer>) =>
  Effect.suspend(() => {
    const received: Array<Received> = []
    const served = serve((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const one = {
          method: request.method ?? "",
          target: request.url ?? "",
          headers: request.headers,
          body: Buffer.concat(chunks).toString("utf8")
        }
        received.push(one)
        const answer = script[Math.min(received.length, script.length) - 1]
        if (answer === undefined) response.destroy()
        else answer(one, response)
      })
    })
    return Effect.map(served, (server) => ({ ...server, received }))
  })
