/** What the tests of `sync` and `retry` work in. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"

/** In each variable that holds a secret; no output may hold it. */
export const secret = "do-not-print-me"

/** A sandbox that was reset, a folder that is gone when the scope closes, and the environment that leads there. */
export const make = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.reset
  const { url } = yield* SandboxServer.SandboxServer
  const folder = yield* Command.folder
  const env = {
    REACH_TOKEN: secret,
    REACH_BASE_URL: url,
    POCKETFLOWS_USERNAME: "me",
    POCKETFLOWS_PASSWORD: secret,
    POCKETFLOWS_BASE_URL: url
  }
  const checked = <E, R>(result: Effect.Effect<Command.Result, E, R>) =>
    Effect.tap(result, ({ stderr, stdout }) => Effect.sync(() => assert.notInclude(stdout + stderr, secret)))
  return {
    sandbox,
    url,
    folder,
    env,
    write: (name: string, text: string) => writeFileSync(join(folder, name), text),
    read: (name: string) => readFileSync(join(folder, name), "utf8"),
    /** Runs `patchbay …args` in the folder, to its end. */
    patchbay: (args: ReadonlyArray<string>, options?: Command.Options) =>
      checked(Command.run(args, { cwd: folder, env, ...options })),
    /** Starts it. */
    start: (args: ReadonlyArray<string>) =>
      Effect.map(Command.start(args, { cwd: folder, env }), (running) => ({
        ...running,
        ended: checked(running.ended)
      }))
  }
})

/** Waits until a condition holds. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep("5 millis")
  })
