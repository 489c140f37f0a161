/**
 * Runs one contender once, in this process, and prints what was measured.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { performance } from "node:perf_hooks"
import { GCProfiler, getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { entries, type Job, type Measurement, type Prepare } from "./Contender.ts"

const [id = "", text = "{}", watch = ""] = process.argv.slice(2)
// Both are what the parent process wrote.
const job = JSON.parse(text) as Job
const entry = entries[id]
if (entry === undefined) throw new Error(`No contender is named ${id}.`)

const module = (await import(`./${entry.module}`)) as { readonly [name: string]: Prepare }
const prepare = module[entry.name]
if (prepare === undefined) throw new Error(`${entry.module} has no ${entry.name}.`)
const go = await prepare(job)

/** The most memory that the process had since it last forgot it, in MB; Linux alone can forget. */
const most = (): number | undefined => {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
  } catch {
    return undefined
  }
}

/** From here on, `most` is what it comes to from now on. */
const forgetMost = (): void => {
  setFlagsFromString("--expose-gc")
  // What making the objects left behind is no part of them.
  runInNewContext("gc")()
  try {
    writeFileSync("/proc/self/clear_refs", "5")
  } catch {
    // It is not known then.
  }
}

const peakBefore = process.resourceUsage().maxRSS / 1024
if (entry.floor !== undefined) forgetMost()
const atStart = entry.floor === undefined ? undefined : most()

// Watching has its price, so it is done in runs of their own.
const collections = watch === "allocation" ? new GCProfiler() : undefined
collections?.start()

const before = getHeapStatistics().used_heap_size
const cpu = process.cpuUsage()
const start = performance.now()
const records = await go()
const wall = performance.now() - start
const { system, user } = process.cpuUsage(cpu)
const after = getHeapStatistics().used_heap_size
// What collections took away was allocated, too.
const collected = collections
  ?.stop()
  .statistics.reduce(
    (sum, { afterGC, beforeGC }) => sum + beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    0
  )

const atEnd = most()

const measurement: Measurement = {
  records,
  wall,
  user: user / 1000,
  system: system / 1000,
  peak: Math.max(peakBefore, process.resourceUsage().maxRSS / 1024),
  beyond: atStart === undefined || atEnd === undefined ? undefined : atEnd - atStart,
  allocated: collected === undefined ? undefined : after - before + collected
}
process.stdout.write(`${JSON.stringify(measurement)}\n`)
process.exit(0)
