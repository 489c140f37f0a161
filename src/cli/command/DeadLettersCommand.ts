/** `patchbay dead-letters`: what is in a file of them, for a person. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { DeadLetters, DeadLettersCsv, PlatformReason } from "../../index.ts"
import * as Ending from "../run/Ending.ts"
import * as Files from "../run/Files.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"

const failed = (message: string) => new CommandFailed({ exit: 2, message })

const standardOutput = "-"

/** Writes the CSV where it is to go. Only its owner may read a file that is made for it. */
const write = Effect.fnUntraced(function* (letters: string, to: string) {
  const text = Stream.mapError(DeadLettersCsv.encode(DeadLetters.read(letters)), ({ message }) => failed(message))
  if (to === standardOutput) return yield* Stream.runForEach(text, Output.write)
  const fs = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  const unwritable = (error: Parameters<typeof PlatformReason.of>[0]) =>
    failed(
      `The CSV cannot be written to ${to} (${PlatformReason.of(error)}). Check the free space and the permissions.`
    )
  const file = yield* Effect.mapError(fs.open(to, { flag: "w", mode: 0o600 }), unwritable)
  yield* Stream.runForEach(text, (part) => Effect.mapError(file.writeAll(encoder.encode(part)), unwritable))
}, Effect.scoped)

/** The command, to be plugged into the root. */
export const command = Command.make(
  "dead-letters",
  {
    letters: Argument.String("dead-letters").pipe(
      Argument.withMetavar("DEAD_LETTERS_FILE"),
      Argument.withDescription("A file that --dead-letters wrote")
    ),
    asCsv: Flag.String("as-csv").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write them to FILE as a CSV, with a column for the reason; - for standard output")
    )
  },
  Effect.fnUntraced(function* ({ asCsv, letters }) {
    const { size } = yield* Files.readable(letters)
    if (size === undefined) {
      return yield* failed(`${letters} is no file. Name the file that --dead-letters wrote.`)
    }
    if (asCsv !== standardOutput) {
      yield* Files.distinct([
        { as: "the file of letters", path: letters },
        { as: "--as-csv", path: asCsv }
      ])
      yield* Files.writable("--as-csv", asCsv)
    }
    // A letter that cannot be read is found before a file is begun.
    const { length } = yield* Effect.mapError(
      Stream.runFold(
        DeadLetters.read(letters),
        () => ({ length: 0 }),
        ({ length }) => ({ length: length + 1 })
      ),
      ({ message }) => failed(message)
    )
    yield* write(letters, asCsv)
    if (asCsv === standardOutput) return
    yield* Effect.sync(
      () =>
        void process.stderr.write(
          `Wrote ${Ending.records(length)} with ${length === 1 ? "its reason" : "their reasons"} to ${asCsv}: customer data. An apostrophe stands before what a spreadsheet would take for a formula, as the + of a phone number; take it away where cells are sent again.\n`
        )
    )
  })
).pipe(
  Command.withShortDescription("Look at refused records in a spreadsheet"),
  Command.withDescription(
    "Writes the records of a dead letter file as a CSV: the reason of each, then its row as it stood in the source, with the columns that were left out. Nothing is sent, and the file is left as it is."
  ),
  Command.withExamples([
    {
      command: "patchbay dead-letters dead.ndjson --as-csv dead.csv",
      description: "See why each was refused"
    }
  ])
)
