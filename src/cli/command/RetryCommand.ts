/** `patchbay retry`. */

import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Reading from "../run/Reading.ts"
import * as Running from "../run/Running.ts"
import * as SyncOptions from "../run/SyncOptions.ts"

/** The command, to be plugged into the root. */
export const command = Command.make(
  "retry",
  {
    letters: Argument.String("dead-letters").pipe(
      Argument.withMetavar("DEAD_LETTERS_FILE"),
      Argument.withDescription("A file that --dead-letters wrote")
    ),
    ...SyncOptions.flags
  },
  Effect.fnUntraced(function* (options) {
    const { letters } = options
    const source = yield* Reading.deadLetters(letters, options)
    return yield* Running.run(options, source, { name: letters, paths: [letters] })
  })
).pipe(
  Command.withShortDescription("Send refused records again"),
  Command.withDescription(
    "Sends the records of a dead letter file again, once what was wrong is put right: at the vendor, or in the file itself. The file is left as it is; what is refused again goes to a file of its own."
  ),
  Command.withExamples([
    {
      command: "patchbay retry dead.ndjson --to reach.batch-patch --tenant acme --dead-letters dead.2.ndjson",
      description: "Send them again, and keep what is refused once more"
    }
  ])
)
