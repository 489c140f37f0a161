/** `patchbay sync`. */

import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Reading from "../run/Reading.ts"
import * as Running from "../run/Running.ts"
import * as SyncOptions from "../run/SyncOptions.ts"
import { CommandFailed } from "../show/ExitCode.ts"

const mapping = (text: string): Option.Option<readonly [field: string, column: string]> => {
  const equals = text.indexOf("=")
  return equals > 0 && equals < text.length - 1
    ? Option.some([text.slice(0, equals), text.slice(equals + 1)])
    : Option.none()
}

/** The command, to be plugged into the root. */
export const command = Command.make(
  "sync",
  {
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("The customers: a CSV or NDJSON file, or - for standard input")
    ),
    format: Flag.Literals("format", ["csv", "ndjson"]).pipe(
      Flag.withMetavar("csv|ndjson"),
      Flag.withDescription("What FILE is (default: by its name)"),
      Flag.optional
    ),
    map: Flag.String("map").pipe(
      Flag.withMetavar("field=Column"),
      Flag.withDescription("The column that a field is in, where it has another name; may be given again"),
      Flag.filterMap(mapping, () => "a field and its column, such as email=E-Mail"),
      Flag.atLeast(0)
    ),
    ...SyncOptions.flags
  },
  Effect.fnUntraced(function* (options) {
    const fields = options.map.map(([field]) => field)
    const twice = fields.find((field, index) => fields.indexOf(field) !== index)
    if (twice !== undefined) {
      return yield* new CommandFailed({
        exit: 2,
        message: `--map ${twice} is given more than once: a field is in one column. Leave the others out.`
      })
    }
    const source = yield* Reading.file({ ...options, map: Object.fromEntries(options.map) }, options)
    return yield* Running.run(options, source, options.file === "-" ? Reading.standardInput : options.file)
  })
).pipe(
  Command.withShortDescription("Send the customers of a file"),
  Command.withDescription(
    "Sends the customers of a CSV or NDJSON file, and accounts for every one of them. Credentials come from the environment or from --env-file."
  ),
  Command.withExamples([
    {
      command: "patchbay sync customers.csv --to reach.batch-patch --tenant acme --dry-run",
      description: "See what would be sent"
    },
    {
      command:
        "patchbay sync customers.csv --to reach.batch-patch --tenant acme --checkpoint .patchbay/acme --dead-letters dead.ndjson",
      description: "Send it, so that it can be stopped and taken up again"
    },
    {
      command:
        "patchbay sync export.csv --to pocketflows.batch-update --business b-1 --map id=ID --map email_address=Email",
      description: "Name the columns"
    },
    {
      command: "zcat customers.ndjson.gz | patchbay sync - --format ndjson --to reach.patch --report - | jq .outcomes",
      description: "Read a pipe, and pass the report on"
    }
  ])
)
