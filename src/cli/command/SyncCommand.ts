/** `patchbay sync`. */

import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { NodeDecompression, NodeWorkbooks } from "../../node/index.ts"
import * as CsvOptions from "../run/CsvOptions.ts"
import * as Database from "../run/Database.ts"
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

const pointer = (text: string): Option.Option<string> =>
  text.startsWith("/") && !/~(?![01])/.test(text) ? Option.some(text) : Option.none()

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

/** What is of a file is not for a query. */
const alone = ({
  files: [file],
  ...options
}: CsvOptions.CsvOptions & {
  readonly files: ReadonlyArray<string>
  readonly format: Option.Option<string>
  readonly records: Option.Option<string>
  readonly grown: boolean
  readonly encoding: Option.Option<string>
  readonly mapping: Option.Option<string>
}): Effect.Effect<void, CommandFailed> => {
  if (file !== undefined) return refuse(`Both ${file} and --query say whose customers. Leave one of them out.`)
  for (const [option, isGiven] of [
    ["--format", Option.isSome(options.format)],
    ["--records", Option.isSome(options.records)],
    ["--grown", options.grown],
    ["--encoding", Option.isSome(options.encoding)],
    ["--mapping", Option.isSome(options.mapping)],
    ["--delimiter", Option.isSome(options.delimiter)],
    ["--skip-lines", Option.isSome(options.skipLines)],
    ["--until-blank-line", options.untilBlankLine],
    ["--strict-header", options.strictHeader],
    ["--strict-rows", options.strictRows]
  ] as const) {
    if (isGiven) return refuse(`${option} is for files, and --query is none. Leave it out.`)
  }
  return Effect.void
}

/** The command, to be plugged into the root. */
export const command = Command.make(
  "sync",
  {
    files: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription(
        "The customers: CSV, NDJSON or JSON files, also compressed, or .xlsx, read in this order, also as patterns in quotes, or - for standard input"
      ),
      Argument.variadic()
    ),
    query: Flag.String("query").pipe(
      Flag.withMetavar("FILE.sql"),
      Flag.withDescription("In the place of FILE: the customers that a query finds in the PostgreSQL of DATABASE_URL"),
      Flag.optional
    ),
    key: Flag.String("key").pipe(
      Flag.withMetavar("COLUMN"),
      Flag.withDescription(
        "The column of the query that tells its rows apart, by which they are read in order; may be given again"
      ),
      Flag.atLeast(0)
    ),
    format: Flag.Literals("format", Reading.formats).pipe(
      Flag.withMetavar(Reading.formats.join("|")),
      Flag.withDescription("What FILE is (default: by its name)"),
      Flag.optional
    ),
    records: Flag.String("records").pipe(
      Flag.withMetavar("POINTER"),
      Flag.withDescription(
        "Where in a JSON the array of the customers is: /data/customers (default: it is the array, or objects one after the other)"
      ),
      Flag.filterMap(pointer, () => "a JSON pointer to the array, such as /data/customers"),
      Flag.optional
    ),
    map: Flag.String("map").pipe(
      Flag.withMetavar("field=Column"),
      Flag.withDescription("The column that a field is in, where it has another name; may be given again"),
      Flag.filterMap(mapping, () => "a field and its column, such as email=E-Mail"),
      Flag.atLeast(0)
    ),
    sheet: Flag.String("sheet").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("The sheet of a workbook that is read (default: the only one that is not hidden)"),
      Flag.optional
    ),
    grown: Flag.Boolean("grown").pipe(
      Flag.withDescription(
        "With --checkpoint: go on in a file that was added to, or put right behind what was read; what was read is checked"
      ),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    ...CsvOptions.flags,
    ...SyncOptions.flags
  },
  Effect.fnUntraced(
    function* (options) {
      const fields = options.map.map(([field]) => field)
      const twice = fields.find((field, index) => fields.indexOf(field) !== index)
      if (twice !== undefined) {
        return yield* refuse(`--map ${twice} is given more than once: a field is in one column. Leave the others out.`)
      }
      const map = Object.fromEntries(options.map)
      if (Option.isSome(options.query)) {
        yield* alone(options)
        const query = options.query.value
        const source = yield* Reading.query({ query, key: options.key, map }, options)
        const running = Running.run(options, source, { name: query, paths: [query] })
        return yield* Effect.provide(running, Database.layer(options))
      }
      if (options.files.length === 0) {
        return yield* refuse("Say whose customers: name a FILE, - for standard input, or --query FILE.sql.")
      }
      if (options.key.length > 0) {
        return yield* refuse("--key is for --query: a file is read in its own order. Leave it out.")
      }
      const { checkpoint, grown } = options
      if (grown && Option.isNone(checkpoint)) {
        return yield* refuse(
          "--grown is for --checkpoint DIR, which knows what was read. Add that, or leave --grown out."
        )
      }
      const files = yield* Reading.filesOf(options.files)
      const source = yield* Reading.files({ ...options, files, map }, options)
      const paths = files.filter((file) => file !== "-")
      return yield* Running.run(options, source, { name: Reading.nameOf(files), paths })
    },
    Effect.provide([NodeDecompression.layer, NodeWorkbooks.layer])
  )
).pipe(
  Command.withShortDescription("Send the customers of files or a database"),
  Command.withDescription(
    "Sends the customers of CSV, NDJSON, JSON or .xlsx files, or of a query to PostgreSQL, and accounts for every one of them. Credentials come from the environment or from --env-file."
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
      command:
        "patchbay sync 'exports/*.csv' more.ndjson --to reach.batch-patch --tenant acme --checkpoint .patchbay/acme",
      description: "Send several files as one, and later added ones"
    },
    {
      command:
        "ssh shop cat customers.ndjson.gz | patchbay sync - --format ndjson --to reach.patch --report - | jq .outcomes",
      description: "Read a pipe, and pass the report on"
    },
    {
      command:
        "patchbay sync --query customers.sql --key customerId --to reach.batch-patch --tenant acme --checkpoint .patchbay/acme",
      description: "Read the database of DATABASE_URL"
    }
  ])
)
