/**
 * Runs one contender once, in this process, and prints what was measured.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { performance } from "node:perf_hooks"
import { entries, type Job, type Measurement, type Prepare } from "./Contender.ts"

const [id = "", text = "{}"] = process.argv.slice(2)
// Both are what the parent process wrote.
const job = JSON.parse(text) as Job
const entry = entries[id]
if (entry === undefined) throw new Error(`No contender is named ${id}.`)

const module = (await import(`./contenders/${entry.module}`)) as { readonly [name: string]: Prepare }
const prepare = module[entry.name]
if (prepare === undefined) throw new Error(`${entry.module} has no ${entry.name}.`)
const load = performance.now() - performance.nodeTiming.bootstrapComplete
const go = await prepare(job)

// Every contender sends through some undici, and each of them reports here; the first report is the only one.
let first: number | undefined
const channel = "undici:request:create"
const onRequest = () => {
  first ??= performance.now()
  unsubscribe(channel, onRequest)
}
subscribe(channel, onRequest)

const cpu = process.cpuUsage()
const start = performance.now()
const records = await go()
const wall = performance.now() - start
const { system, user } = process.cpuUsage(cpu)

const measurement: Measurement = {
  records,
  wall,
  user: user / 1000,
  system: system / 1000,
  peak: process.resourceUsage().maxRSS / 1024,
  load,
  first: first === undefined ? undefined : load + first - start
}
process.stdout.write(`${JSON.stringify(measurement)}\n`)
process.exit(0)
