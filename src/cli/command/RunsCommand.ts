/** `patchbay runs`: what workers do, and have done. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Settings from "../run/Settings.ts"
import * as Values from "../run/Values.ts"

const id = Argument.String("id").pipe(
  Argument.withMetavar("ID"),
  Argument.withDescription('As patchbay submit was given it: "run", or --run')
)

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print it as JSON"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

const { envFile } = Settings.flags

const asked = Effect.promise(() => import("./RunsAsked.ts"))

const show = Command.make("show", { id, json, envFile }, (options) =>
  Effect.flatMap(asked, ({ show }) => show(options))
).pipe(
  Command.withShortDescription("Show how far a run is, and who runs it"),
  Command.withDescription(
    "Show how far a run and each of its parts is, what it waits for, and who runs it; when it has ended, the report."
  ),
  Command.withExamples([
    { command: "patchbay runs show nightly-2026-01-31", description: "For people" },
    { command: "patchbay runs show nightly-2026-01-31 --json", description: "For programs" }
  ])
)

const stop = Command.make("stop", { id, envFile }, (options) =>
  Effect.flatMap(asked, ({ stop }) => stop(options))
).pipe(
  Command.withShortDescription("Ask a run to stop"),
  Command.withDescription(
    "Ask a run to stop: nothing new is sent, and what is in flight ends first. patchbay submit with the same run goes on from there."
  ),
  Command.withExamples([{ command: "patchbay runs stop nightly-2026-01-31", description: "Stop it" }])
)

const letters = Command.make("dead-letters", { id, envFile }, (options) =>
  Effect.flatMap(asked, ({ letters }) => letters(options))
).pipe(
  Command.withShortDescription("Print the refused records of a run"),
  Command.withDescription(
    "Print the refused records of a run, with their reasons, as a file of dead letters is: for patchbay retry and patchbay dead-letters. They hold customer data."
  ),
  Command.withExamples([
    { command: "patchbay runs dead-letters nightly-2026-01-31 > dead.ndjson", description: "Into a file" },
    {
      command: "patchbay retry dead.ndjson --to reach.batch-patch --tenant acme",
      description: "Which can be sent again"
    }
  ])
)

export const command = Command.make(
  "runs",
  {
    most: Flag.String("most").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("The newest N (default: 20)"),
      Flag.filterMap(Values.count, () => "a whole number above 0"),
      Flag.withDefault(20)
    ),
    json,
    envFile
  },
  (options) => Effect.flatMap(asked, ({ list }) => list(options))
).pipe(
  Command.withShortDescription("See what workers do, and stop it"),
  Command.withDescription(
    "Lists the runs that patchbay submit started last, the newest first; shows one of them, or stops it: from any machine that reaches the PostgreSQL of DATABASE_URL."
  ),
  Command.withSubcommands([show, stop, letters]),
  Command.withExamples([
    { command: "patchbay runs", description: "The newest runs" },
    { command: "patchbay runs show nightly-2026-01-31", description: "One of them" }
  ])
)
