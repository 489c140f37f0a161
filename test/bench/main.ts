/**
 * The bench: `npm run bench`.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { entries } from "./Contender.ts"
import * as Latency from "./Latency.ts"
import { prepare } from "./Prepare.ts"
import * as Repeated from "./Repeated.ts"
import * as Start from "./Start.ts"
import * as Sweep from "./Sweep.ts"
import * as Table from "./Table.ts"

const help = `npm run bench -- [table | sweep | latency | start | repeated] [options]

table, the default: every contender against the floor
  --records n      records in the source (1000000)
  --rounds n       rounds, of which the median is taken (5)
  --only a,b       these contenders, besides the floor: ${Object.keys(entries).slice(1).join(", ")}
  --latency ms     how long the server takes to answer (0); 20 and 200 are what vendors take
  --concurrency n  requests in flight at once (8)
  --batch n        records in one request (500)

sweep: files of 10 thousand to 10 million records
  --rounds n       rounds over the files (3)
  --records n      the longest file (10000000, which needs 2.5 GB of disk)
  --batch n        records in one request (500)

latency: 1 to 64 in flight at 0, 20 and 200 ms
  --rounds n       rounds of each (1)
  --latency ms     this one alone
  --concurrency n  so many in flight alone
  --batch n        records in one request (500)

start: time to import, size of bundles, time to the first request
  --rounds n       rounds (15)
  --records n      lines of the file that the first request is sent from (10000000, which needs 2.3 GB of disk)

repeated: customers who come again, beside as many who come once
  --virtual        in virtual time, and not against a server on loopback
  --records n      records (100000; in virtual time 1000000)
  --batch n        records in one request (100; in virtual time 500)
  --settle ms      how long a batch takes to settle (50, 500 and 5000 in turns)

all of them
  --seed n         where all chance comes from (1)
  --source         run Patchbay from its sources, for profiles that can be read, and not the built package
  --profile folder write a CPU profile of each process there
  --json           print the report, and every measurement, as one JSON line
`

const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

const parse = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      records: { type: "string" },
      rounds: { type: "string" },
      only: { type: "string" },
      latency: { type: "string" },
      concurrency: { type: "string" },
      batch: { type: "string" },
      settle: { type: "string" },
      virtual: { type: "boolean", default: false },
      seed: { type: "string" },
      source: { type: "boolean", default: false },
      profile: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })

const read = (): ReturnType<typeof parse> => {
  try {
    return parse()
  } catch (error) {
    // It names the option, and how to write it.
    return refuse(`${error instanceof Error ? error.message : error}\nTry: npm run bench -- --help`)
  }
}
const { positionals, values } = read()
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const whole = (
  name: "records" | "rounds" | "latency" | "concurrency" | "batch" | "seed" | "settle",
  otherwise: number,
  least = 1
): number => {
  const value = Number(values[name] ?? otherwise)
  if (Number.isSafeInteger(value) && value >= least) return value
  return refuse(`--${name} must be a whole number of at least ${least}, not ${values[name]}.`)
}

const wanted = values.only?.split(",") ?? Object.keys(entries)
for (const id of wanted) {
  if (entries[id] === undefined) {
    refuse(`No contender is named ${id}. There are ${Object.keys(entries).join(", ")}.`)
  }
}
// With the floor of each right before it.
const contenders = [...new Set(wanted.flatMap((id) => [entries[id]?.floor ?? id, id]))].filter((id) => id !== "floor")

const mode = { source: values.source, profile: values.profile }
const batch = whole("batch", 500)
const seed = whole("seed", 1, 0)

/** What was asked for, once all of it can be done. */
interface Plan {
  readonly options: object
  readonly measure: () => Promise<{ readonly report: object; readonly text: string }>
}

const plan = <Options extends object, Report extends object>(
  options: Options,
  measure: (options: Options) => Promise<Report>,
  format: (report: Report, options: Options) => string
): Plan => ({
  options,
  measure: async () => {
    const report = await measure(options)
    return { report, text: format(report, options) }
  }
})

const table = (): Plan =>
  plan<Table.Options, Table.Report>(
    {
      records: whole("records", 1_000_000),
      rounds: whole("rounds", 5),
      batch,
      concurrency: whole("concurrency", 8),
      latency: whole("latency", 0, 0),
      seed,
      contenders,
      mode
    },
    Table.measure,
    Table.format
  )

const sweep = (): Plan =>
  plan<Sweep.Options, Sweep.Report>(
    { rounds: whole("rounds", 3), most: whole("records", 10_000_000), batch, seed, mode },
    Sweep.measure,
    Sweep.format
  )

const latency = (): Plan =>
  plan<Latency.Options, Latency.Report>(
    {
      rounds: whole("rounds", 1),
      latencies: values.latency === undefined ? Latency.usualLatencies : [whole("latency", 0, 0)],
      concurrencies: values.concurrency === undefined ? Latency.usualConcurrencies : [whole("concurrency", 8)],
      batch,
      seed,
      mode
    },
    Latency.measure,
    Latency.format
  )

const start = (): Plan =>
  plan<Start.Options, Start.Report>(
    { rounds: whole("rounds", 15), lines: whole("records", 10_000_000), seed, mode },
    Start.measure,
    Start.format
  )

const repeated = (): Plan =>
  plan<Repeated.Options, Repeated.Report>(
    {
      records: whole("records", values.virtual ? 1_000_000 : 100_000),
      batch: whole("batch", values.virtual ? 500 : 100),
      settles: values.settle === undefined ? [50, 500, 5000] : [whole("settle", 50)],
      virtual: values.virtual
    },
    Repeated.measure,
    Repeated.format
  )

/** What each takes, besides what all of them do. */
const commands = new Map([
  ["table", { plan: table, takes: ["records", "rounds", "only", "latency", "concurrency", "batch"] }],
  ["sweep", { plan: sweep, takes: ["records", "rounds", "batch"] }],
  ["latency", { plan: latency, takes: ["rounds", "latency", "concurrency", "batch"] }],
  ["start", { plan: start, takes: ["records", "rounds"] }],
  ["repeated", { plan: repeated, takes: ["records", "batch", "settle", "virtual"] }]
])
const takenByAll = ["seed", "source", "profile", "json"]

const [name = "table"] = positionals
const command = commands.get(name) ?? refuse(`There is no ${name}. There are ${[...commands.keys()].join(", ")}.`)
for (const [option, value] of Object.entries(values)) {
  if (value === false || command.takes.includes(option) || takenByAll.includes(option)) continue
  refuse(`--${option} is not for ${name}.\nTry: npm run bench -- --help`)
}
const { measure, options } = command.plan()

prepare()
const started = performance.now()
const { report, text } = await measure()
const machine = { node: process.version, cores: cpus().length }
const seconds = (performance.now() - started) / 1000
process.stdout.write(
  values.json
    ? `${JSON.stringify({ command: name, options, machine, seconds, ...report })}\n`
    : `Node ${machine.node} on ${machine.cores} cores, ${seconds.toFixed(0)} s. Only ratios within one run carry over.\n${text}\n`
)
