/**
 * The bench: `npm run bench`. Every contender does the same work in a process of its own, in turns, and is held
 * against the floor of the same round.
 */
import { type ChildProcess, execFile, fork } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { entries, type Job, type Measurement } from "./Contender.ts"
import * as Customers from "./Customers.ts"
import type { Counts } from "./NullServer.ts"
import * as Statistics from "./Statistics.ts"

const help = `npm run bench -- [options]

  --records n      records in the source (100000)
  --rounds n       rounds, of which the median is taken (5)
  --only a,b       these contenders, besides the floor: ${Object.keys(entries).slice(1).join(", ")}
  --latency ms     how long the server takes to answer (0); 20 and 200 are what vendors take
  --concurrency n  requests in flight at once (8)
  --batch n        records in one request (500)
  --seed n         where all chance comes from (1)
  --json           print the report, and every measurement, as one JSON line
`

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    latency: { type: "string", default: "0" },
    concurrency: { type: "string", default: "8" },
    batch: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const whole = (name: "records" | "rounds" | "latency" | "concurrency" | "batch" | "seed", least: number): number => {
  const value = Number(values[name])
  if (Number.isSafeInteger(value) && value >= least) return value
  process.stderr.write(`--${name} must be a whole number of at least ${least}, not ${values[name]}.\n`)
  process.exit(1)
}

const records = whole("records", 1)
const rounds = whole("rounds", 1)
const latency = whole("latency", 0)
const concurrency = whole("concurrency", 1)
const batch = whole("batch", 1)
const seed = whole("seed", 0)
const chosen = values.only?.split(",") ?? Object.keys(entries)
for (const id of chosen) {
  if (entries[id] !== undefined) continue
  process.stderr.write(`No contender is named ${id}. There are ${Object.keys(entries).join(", ")}.\n`)
  process.exit(1)
}

/** Progress, for who watches. */
const say = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(text)
}

const startServer = async (): Promise<{ readonly url: string; readonly server: ChildProcess }> => {
  const server = fork(join(import.meta.dirname, "NullServer.ts"), [String(latency)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  })
  if (server.stdout === null) throw new Error("The null server has no output.")
  const [line] = await once(server.stdout, "data")
  return { url: String(line).trim(), server }
}

const runFile = promisify(execFile)

const runOne = async (id: string, job: Job): Promise<Measurement> => {
  const entry = entries[id]
  if (entry === undefined) throw new Error(`No contender is named ${id}.`)
  rmSync(job.folder, { recursive: true, force: true })
  mkdirSync(job.folder)
  const { stdout } = await runFile(process.execPath, [join(import.meta.dirname, "run.ts"), id, JSON.stringify(job)])
  // It is what `run.ts` printed.
  const measured = JSON.parse(stdout) as Measurement
  const { records: taken } = (await (await fetch(`${job.url}/counts`)).json()) as Counts
  if (measured.records !== records || taken !== (entry.sends ? records : 0)) {
    throw new Error(`${entry.title}: of ${records} records, ${measured.records} were handled and ${taken} arrived.`)
  }
  return measured
}

const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"))
const { server, url } = await startServer()
try {
  const job: Job = {
    url,
    csv: join(folder, "customers.csv"),
    ndjson: join(folder, "customers.ndjson"),
    records,
    seed,
    batch,
    concurrency,
    folder: join(folder, "run")
  }
  const others = chosen.filter((id) => id !== "floor")
  await Customers.write({ ...job, ndjson: others.includes("patchbay-ndjson") ? job.ndjson : undefined })
  const measured: Array<Statistics.Round> = []
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another one, and has the floor at its start and in its middle.
    const shift = others.length === 0 ? 0 : (round * Math.ceil(others.length / rounds)) % others.length
    const order = [...others.slice(shift), ...others.slice(0, shift)]
    const half = order.length >> 1
    say(`\rround ${round + 1} of ${rounds} `)
    const run = async (ids: ReadonlyArray<string>) => {
      const results: { [id: string]: Measurement } = {}
      for (const id of ids) {
        results[id] = await runOne(id, job)
        say(".")
      }
      return results
    }
    const before = await runOne("floor", job)
    const first = await run(order.slice(0, half))
    const middle = await runOne("floor", job)
    measured.push({ floors: [before, middle], others: { ...first, ...(await run(order.slice(half))) } })
  }
  say("\r\x1b[2K")
  const report = Statistics.report(measured, { batch, concurrency, latency })
  const setting = { records, rounds, batch, concurrency, latency, seed, node: process.version, cores: cpus().length }
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ setting, ...report, rounds: measured })}\n`
      : `${records} records, ${batch} to a batch, ${concurrency} in flight, ${latency} ms to answer; medians of ${rounds} (smallest–largest).\nNode ${process.version} on ${setting.cores} cores. Only ratios within one run carry over.\n\n${Statistics.format(report)}\n`
  )
} finally {
  server.disconnect()
  rmSync(folder, { recursive: true, force: true })
}
