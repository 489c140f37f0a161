/** The command in the test's own process: for what is said before anything is sent. */
import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Stdio } from "effect"
import * as Cli from "../../src/cli/Cli.ts"
import * as Senders from "../../src/policy/Senders.ts"

/** How a call ended, as `main` would tell it. */
export interface Told {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `patchbay …args`. Of the environment it sees `env`, and of standard input nothing. */
export const run = (
  args: ReadonlyArray<string>,
  env: { readonly [name: string]: string } = {}
): Effect.Effect<Told> => {
  const out: Array<string> = []
  const err: Array<string> = []
  const into = (lines: Array<string>) => (text: string) => {
    lines.push(`${text}\n`)
  }
  return Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const console: Console.Console = { ...globalThis.console, log: into(out), error: into(err) }
    const exit = yield* Effect.exit(
      Cli.run(args, { version: "1.2.3" }).pipe(
        Effect.provideService(Console.Console, console),
        Effect.provideService(Stdio.Stdio, { ...stdio, args: Effect.succeed(args) }),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } }))
      )
    )
    const { code, message } = Cli.ending(exit)
    return { code, stdout: out.join(""), stderr: err.join("") + (message === undefined ? "" : `${message}\n`) }
  }).pipe(
    // Each call is a process of its own, which knows nothing of what a vendor told the one before.
    Effect.provide([NodeServices.layer, Senders.layerApart])
  )
}
