/** Runners as processes of their own. */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

const script = fileURLToPath(new URL("./RunnerProcess.ts", import.meta.url))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** Starts one, which sends as `name`; it is killed when the scope closes. */
export const start = Effect.fnUntraced(function* (database: string, api: string, lease: number) {
  const port = yield* freePort
  return yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script, String(port), database, api, String(lease)], {
        stdio: ["ignore", "ignore", "inherit"]
      })
      const gone = new Promise<void>((resolve) => child.once("close", () => resolve()))
      return {
        name: `runner-${port}`,
        pid: child.pid ?? 0,
        signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
        gone
      }
    }),
    ({ gone, signal }) =>
      Effect.andThen(
        signal("SIGKILL"),
        Effect.promise(() => gone)
      )
  )
})

export type Runner = Effect.Success<ReturnType<typeof start>>
