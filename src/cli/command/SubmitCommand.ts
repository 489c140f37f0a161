/** `patchbay submit`: starts a run that workers execute. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as RunFile from "../run/RunFile.ts"
import * as Settings from "../run/Settings.ts"

export const command = Command.make(
  "submit",
  {
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE.json"),
      Argument.withDescription("What the run is: see below")
    ),
    run: Flag.String("run").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription('Which run it is, in the place of "run" in FILE'),
      Flag.optional
    ),
    wait: Flag.Boolean("wait").pipe(
      Flag.withDescription("Wait until it has ended, and print the report"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    envFile: Settings.flags.envFile
  },
  Effect.fnUntraced(function* ({ envFile, file, run, wait }) {
    const described = yield* RunFile.read(file, run)
    const { submit } = yield* Effect.promise(() => import("./RunsAsked.ts"))
    return yield* submit(described, { envFile, wait })
  })
).pipe(
  Command.withShortDescription("Start a run that workers execute"),
  Command.withDescription(
    `Starts a run that the workers on the PostgreSQL of DATABASE_URL execute. Which run it is, "run" or --run says: one that was started before is the same run. While it runs, or when it is done, nothing is started; where it failed or was stopped, it goes on.

FILE is a JSON object:
  "run"    what tells this run from others
  "query"  a file of SQL, from FILE's folder, such as "customers.sql"
  "key"    the column, or columns, that tell its rows apart
  "parts"  in how many parts workers share it, by customer (default: 1)
  "map"    field to column, such as { "email": "e_mail" }
and options of patchbay sync by their names: ${RunFile.names.join(", ")}.`
  ),
  Command.withExamples([
    { command: "patchbay submit nightly.json --run nightly-2026-01-31", description: "Start it" },
    { command: "patchbay submit nightly.json --run nightly-2026-01-31 --wait", description: "Wait for it as well" }
  ])
)
