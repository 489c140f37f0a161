/** Starts `CheckpointProcess.ts` and reads what it says. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

const script = fileURLToPath(new URL("./CheckpointProcess.ts", import.meta.url))

export const start = (mode: "write" | "hold" | `stop-${number}`, dirs: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script, mode, ...dirs], { stdio: ["ignore", "pipe", "inherit"] })
      const said: Array<string> = []
      const listeners = new Set<() => void>()
      createInterface({ input: child.stdout }).on("line", (line) => {
        said.push(line)
        for (const listener of listeners) listener()
      })
      const gone = new Promise<void>((resolve) => child.on("close", () => resolve()))
      const until = (lines: number) =>
        Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              const check = () => {
                if (said.length < lines) return
                listeners.delete(check)
                resolve()
              }
              listeners.add(check)
              void gone.then(resolve)
              check()
            })
        )
      const kill = (signal: NodeJS.Signals) =>
        Effect.promise(() => {
          child.kill(signal)
          return gone
        })
      return {
        pid: child.pid ?? 0,
        said,
        /** Ends when it has said so many lines, or is gone. */
        until,
        /** Ends when it is gone and all it said has come. */
        kill
      }
    }),
    ({ kill }) => kill("SIGKILL")
  )
