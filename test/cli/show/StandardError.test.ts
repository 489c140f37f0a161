import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const fixture = resolve(import.meta.dirname, "../fixtures/DisplayProcess.ts")

/** Runs a command in a folder of its own; `HEARTBEAT` is where the run writes how far it is. */
const run = (command: (heartbeat: string) => readonly [string, ...ReadonlyArray<string>], isClosed = false) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "patchbay-stderr-"))),
    (cwd) =>
      Effect.promise(async () => {
        const heartbeat = join(cwd, "heartbeat")
        const [file, ...args] = command(heartbeat)
        const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })
        let stdout = ""
        child.stdout.on("data", (data) => {
          stdout += data
        })
        // Else it is open, and nobody reads it.
        if (isClosed) child.stderr.destroy()
        const exit = await new Promise((resolve) => child.on("exit", resolve))
        child.stderr.destroy()
        return { exit, stdout, heartbeat: Number(readFileSync(heartbeat, "utf8")) }
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

// At the same time: most of it is waiting.
describe.concurrent("a standard error that", () => {
  const flood = (heartbeat: string) => [process.execPath, fixture, "flood", "60", heartbeat] as const

  it.live("is closed does not stop the run", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(flood, true), { exit: 0, heartbeat: 60, stdout: "the report\n" })
    })
  )

  it.live("nobody reads does not slow the run, nor keep it from ending", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(flood), { exit: 0, heartbeat: 60, stdout: "the report\n" })
    })
  )

  it.live("is a pipe which is read late gets every message that was kept for it, whole", () =>
    Effect.gen(function* () {
      const reader = 'until [ "$(cat heartbeat)" -ge 20 ] 2> /dev/null; do sleep 0.1; done; cat'
      const { heartbeat, stdout } = yield* run((heartbeat) => [
        ...(["sh", "-c", `"$@" 2>&1 > report | { ${reader}; }; cat report`] as const),
        ...["sh", process.execPath, fixture, "burst", "100", heartbeat]
      ])
      assert.strictEqual(heartbeat, 100)
      const lines = stdout.split("\n")
      assert.deepStrictEqual(
        lines.slice(0, 8),
        Array.from({ length: 8 }, () => "x".repeat(10_000))
      )
      assert.match(lines[8] ?? "", /100 %/)
      assert.deepStrictEqual(lines.slice(9), ["the report", ""])
    })
  )
})
