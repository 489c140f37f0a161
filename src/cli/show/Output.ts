/** Standard output: the report, and nothing else. */

import * as Effect from "effect/Effect"
import { PlatformReason } from "../../index.ts"
import { CommandFailed } from "./ExitCode.ts"

// A terminal that is closed answers as a disk that is broken.
const isClosed = (error: unknown): boolean =>
  PlatformReason.systemCode(error) === "EPIPE" || (process.stdout.isTTY && PlatformReason.systemCode(error) === "EIO")

/**
 * Writes a text and waits until it is out. A reader who has closed the pipe, or the terminal, has seen enough, which is no failure; a full
 * disk is one.
 */
export const write = (text: string): Effect.Effect<void, CommandFailed> =>
  Effect.callback<void, CommandFailed>((resume) => {
    process.stdout.write(text, (error) => {
      resume(
        error === null || error === undefined || isClosed(error)
          ? Effect.void
          : Effect.fail(
              new CommandFailed({
                exit: 2,
                message: `The report cannot be written to standard output (${PlatformReason.systemCode(error)}). Check the free space.`
              })
            )
      )
    })
  })

/** Keeps a pipe or a terminal that closes, and a standard error that is gone, from ending the process with a stack trace. */
export const guard = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined)
}
