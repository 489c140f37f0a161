/** The process: its arguments, signals and exit code. */
import { readFileSync } from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Cli from "./Cli.ts"
import * as Signals from "./run/Signals.ts"
import * as ExitCode from "./show/ExitCode.ts"
import * as Output from "./show/Output.ts"

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** Runs the command with the arguments of the process, and ends the process. */
export const run = (): void => {
  const { version } = Schema.decodeUnknownSync(Package)(
    // The same place from `src/cli` and from `dist/chunks`.
    readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  )

  Output.guard()

  const fiber = Effect.runFork(
    Cli.run(process.argv.slice(2), { version }).pipe(
      Effect.provide(NodeServices.layer),
      // Standard output is the report's.
      Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
    )
  )

  let signals = 0
  const onSignal = (name: NodeJS.Signals) => {
    // A terminal that is closed may say so twice, by the shell and by the system.
    if (name === "SIGHUP" && signals > 0) return
    // The second time at once: what is on disk is whole at every instant.
    if (++signals > 1) process.exit(ExitCode.interrupted)
    Effect.runFork(Fiber.interrupt(fiber))
  }
  for (const name of Signals.names) process.on(name, onSignal)

  // Nothing else need keep the process alive while the command waits.
  const alive = setInterval(() => undefined, 2 ** 30)

  fiber.addObserver((exit) => {
    clearInterval(alive)
    const { code, message } = Cli.ending(exit)
    if (message !== undefined) process.stderr.write(`${message}\n`)
    process.exit(code)
  })
}
