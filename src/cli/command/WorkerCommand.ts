/** `patchbay worker`: its options. What it does is loaded when it is called. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Settings from "../run/Settings.ts"
import * as Values from "../run/Values.ts"

// What Effect's cluster listens on by itself.
const usualPort = 34_431

export const command = Command.make(
  "worker",
  {
    host: Flag.String("host").pipe(
      Flag.withMetavar("HOST"),
      Flag.withDescription("Where the other workers reach this one (default: 127.0.0.1)"),
      Flag.withDefault("127.0.0.1")
    ),
    port: Flag.Int("port").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`The port for that; each worker of a machine needs its own (default: ${usualPort})`),
      Flag.filter(
        (port) => port > 0 && port <= 65_535,
        () => "a port from 1 to 65535"
      ),
      Flag.withDefault(usualPort)
    ),
    takeOverAfter: Flag.String("take-over-after").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription(
        "How long a worker may be silent before others go on with what it ran; the same for all workers: 10s (default: 10s)"
      ),
      Flag.filterMap(Values.duration, () => Values.durationForm),
      Flag.optional
    ),
    ...Settings.flags
  },
  (options) =>
    Effect.flatMap(
      Effect.promise(() => import("./WorkerServing.ts")),
      ({ run }) => run(options)
    )
).pipe(
  Command.withShortDescription("Execute runs, together with other workers"),
  Command.withDescription(
    "Executes the runs that patchbay submit starts, together with all workers on the same PostgreSQL, which DATABASE_URL names, in the environment or in the file of --env-file. Credentials of the vendors come from there, too. When a worker dies, the others go on with what it ran. Ctrl-C, or SIGTERM, ends it: what is in flight ends first, and the others go on at once."
  ),
  Command.withExamples([
    { command: "patchbay worker --env-file .env", description: "The first worker of a machine" },
    { command: "patchbay worker --env-file .env --port 34432", description: "The second one" },
    { command: "patchbay worker --host 10.0.0.7", description: "On a machine of several" }
  ])
)
