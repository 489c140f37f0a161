/** The command as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import * as Built from "../support/Built.ts"

/** How a command ended. */
export interface Result {
  /** The exit code; null where a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: { readonly [name: string]: string } | undefined
  readonly cwd?: string | undefined
  /** What is on standard input; by default it is empty. */
  readonly stdin?: string | undefined
}

/** A command that is running. */
export interface Running {
  readonly child: ChildProcess
  /** Waits until standard error, or standard output, matches. Dies with both where it never will. */
  readonly until: (pattern: RegExp, stream?: "stdout" | "stderr") => Effect.Effect<string>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the end. */
  readonly ended: Effect.Effect<Result>
}

/** What the bin leads to, built. */
export const main = join(Built.folder(), "dist/cli/main.js")

// Processes compile the same sources again and again.
const NODE_COMPILE_CACHE = join(tmpdir(), "patchbay-test-compile-cache")

/** Starts `patchbay …args`; it is killed when the scope closes. No variable of this process's own reaches it. */
export const start = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [main, ...args], {
        cwd: options.cwd,
        env: { PATH: process.env.PATH, NODE_COMPILE_CACHE, ...options.env },
        stdio: ["pipe", "pipe", "pipe"]
      })
      const written = { stdout: "", stderr: "" }
      const listeners = new Set<() => void>()
      const tell = () => {
        for (const listener of listeners) listener()
      }
      let result: Result | undefined
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => {
          written[name] += text
          tell()
        })
      }
      child.on("close", (code, signal) => {
        result = { code, signal, ...written }
        tell()
      })
      // A command that reads nothing may be gone before all is written.
      child.stdin.on("error", () => undefined)
      child.stdin.end(options.stdin ?? "")

      const when = <A>(look: () => A | undefined): Effect.Effect<A> =>
        Effect.callback<A>((resume) => {
          const listener = () => {
            try {
              const found = look()
              if (found === undefined) return
              listeners.delete(listener)
              resume(Effect.succeed(found))
            } catch (error) {
              listeners.delete(listener)
              resume(Effect.die(error))
            }
          }
          listeners.add(listener)
          listener()
          return Effect.sync(() => listeners.delete(listener))
        })
      const running: Running = {
        child,
        until: (pattern, stream = "stderr") =>
          when(() => {
            if (pattern.test(written[stream])) return written[stream]
            if (result === undefined) return undefined
            throw new Error(
              `${args.join(" ")} ended with ${result.code} before ${pattern}:\n${written.stdout}${written.stderr}`
            )
          }),
        kill: (signal) => Effect.sync(() => void child.kill(signal)),
        ended: when(() => result)
      }
      return running
    }),
    ({ child, ended }) =>
      Effect.suspend(() => {
        child.kill("SIGKILL")
        return ended
      })
  )

/** Runs `patchbay …args` to its end. */
export const run = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Result> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))

/** A folder that is gone when the scope closes. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "patchbay-cli-"))),
  (path) => Effect.sync(() => existsSync(path) && rmSync(path, { recursive: true, force: true }))
)
