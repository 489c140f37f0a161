/**
 * The sandbox as an HTTP server on loopback.
 *
 * @since 0.1.0
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Sandbox from "./Sandbox.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** Default: 0, which takes any free port. */
  readonly port?: number | undefined
}

/**
 * The server could not listen.
 *
 * @category errors
 * @since 0.1.0
 */
export class SandboxUnavailable extends Schema.TaggedError<SandboxUnavailable>()("SandboxUnavailable", {
  port: Schema.Number,
  /** What the platform said, such as `EADDRINUSE`. */
  code: Schema.String
}) {
  override get message(): string {
    return `The sandbox cannot listen on port ${this.port} (${this.code}). Choose another port, or 0 for any.`
  }
}

/**
 * Where the sandbox listens.
 *
 * @category services
 * @since 0.1.0
 */
export class SandboxServer extends Context.Service<
  SandboxServer,
  {
    /** The base URL of both vendors: `http://127.0.0.1:` and the port. */
    readonly url: string
    readonly port: number
  }
>()("effect-patchbay/sandbox/SandboxServer") {}

const host = "127.0.0.1"

/**
 * Serves the sandbox of the context until the scope is closed, which ends every connection. Connections are kept
 * alive as long as their clients like, so that none ends but by a fault.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SandboxServer["Service"], SandboxUnavailable, Sandbox.Sandbox | Scope.Scope> {
  const { port = 0 } = options
  const sandbox = yield* Sandbox.Sandbox
  // Loaded here, so that the sandbox without a server can be imported where there is no Node.
  const { createServer } = yield* Effect.promise(() => import("node:http"))
  const run = Effect.runForkWith(yield* Effect.context())

  const server = createServer((request, response) => {
    run(
      sandbox
        .handle({
          method: request.method ?? "GET",
          url: request.url ?? "/",
          headers: Headers.fromInput(request.headers),
          body: readBody(request)
        })
        .pipe(
          Effect.map((outgoing) => send(response, outgoing)),
          Effect.tapDefect((defect) => Effect.logError("The sandbox failed.", defect)),
          Effect.catchDefect(() => Effect.sync(() => response.destroy()))
        )
    )
  })
  server.keepAliveTimeout = 0
  server.requestTimeout = 0

  yield* Effect.acquireRelease(
    Effect.callback<void, SandboxUnavailable>((resume) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        resume(Effect.fail(new SandboxUnavailable({ port, code: error.code ?? "unknown" })))
      )
      server.listen(port, host, () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  return { url: `http://${host}:${bound}`, port: bound }
})

/**
 * The server, on a sandbox that is there already.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (options?: Options): Layer.Layer<SandboxServer, SandboxUnavailable, Sandbox.Sandbox> =>
  Layer.effect(SandboxServer, make(options))

/**
 * A sandbox and its server.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Options & Sandbox.Options
): Layer.Layer<Sandbox.Sandbox | SandboxServer, SandboxUnavailable> =>
  Layer.provideMerge(layerServer(options), Sandbox.layer(options))

const readBody =
  (request: IncomingMessage): Sandbox.Incoming["body"] =>
  (maxBytes) =>
    Effect.callback((resume) => {
      const chunks: Array<Buffer> = []
      let size = 0
      request.on("data", (chunk: Buffer) => {
        size += chunk.byteLength
        // What is too much is read and dropped: a client that still writes would miss an answer that comes before.
        if (size <= maxBytes) chunks.push(chunk)
        else chunks.length = 0
      })
      request.once("end", () =>
        resume(size > maxBytes ? Effect.fail("TooLarge") : Effect.succeed(new Uint8Array(Buffer.concat(chunks))))
      )
      request.once("close", () => {
        if (!request.complete) resume(Effect.fail("Aborted"))
      })
    })

const send = (response: ServerResponse, outgoing: Sandbox.Outgoing): void => {
  const { socket } = response
  switch (outgoing._tag) {
    case "Answer": {
      const { body, headers, sent, status } = outgoing
      response.writeHead(status, headers)
      if (sent === body.byteLength) response.end(body)
      else response.write(body.subarray(0, sent), () => socket?.destroy())
      return
    }
    case "Reset":
      // A TCP RST, not an orderly end.
      socket?.resetAndDestroy()
      return
    case "NoAnswer":
      return
  }
}
