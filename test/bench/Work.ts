/**
 * How much work a record is, counted and not timed: `count` prints how often V8 enters a block of code, which is the same
 * on every machine in every mood. `time` prints what cannot be counted so, since it happens in builtins: CPU over that
 * of the floor's loop in the same process, and bytes allocated. Each wants a process of its own: what is to be counted
 * must not be optimised (`--no-opt --no-maglev`), and what is to be timed must.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { Session } from "node:inspector/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { GCProfiler, getHeapStatistics } from "node:v8"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, type FileSystem, Layer, Redacted, type Scope } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { ReachAuth, ReachClient } from "effect-patchbay"
import type { Job } from "./Contender.ts"
import * as Customers from "./Customers.ts"
import * as FloorLoop from "./FloorLoop.ts"
import * as Pipelines from "./Pipelines.ts"
import { type Counted, type Stage, stages, type Timed } from "./WorkReport.ts"

const batch = 500
const [few, some, many] = [1000, 3000, 5000]
const rounds = 8
const timedRecords = 10_000

let sent = { requests: 0, bytes: 0 }

// Takes everything, in this process.
const http = HttpClient.make((request) =>
  Effect.sync(() => {
    const { body } = request
    if (body._tag !== "Uint8Array") throw new Error(`A body is ${body._tag}.`)
    sent = { requests: sent.requests + 1, bytes: sent.bytes + body.body.length }
    const data = { batchId: `b-${sent.requests}`, message: "taken", recordCount: batch, schemaDefinitionId: "s" }
    return HttpClientResponse.fromWeb(request, Response.json({ success: true, data }, { status: 202 }))
  })
)

const layer = Layer.merge(
  ReachClient.layer({ auth: ReachAuth.token(Redacted.make("bench")) }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, http)),
    Layer.orDie
  ),
  NodeServices.layer
)

type Needs = FileSystem.FileSystem | ReachClient.ReachClient | Scope.Scope

const folder = mkdtempSync(join(tmpdir(), "patchbay-work-"))

const write = async (records: number): Promise<Job> => {
  const csv = join(folder, `${records}.csv`)
  const ndjson = join(folder, `${records}.ndjson`)
  await Customers.write({ records, seed: 1, csv, ndjson })
  return { url: "", csv, ndjson, records, seed: 1, batch, concurrency: 8, folder }
}

const run = async <E>(job: Job, pipeline: (job: Job) => Effect.Effect<number, E, Needs>): Promise<void> => {
  // An earlier run's checkpoint would have nothing left to do.
  const own = { ...job, folder: mkdtempSync(join(folder, "run-")) }
  const records = await pipeline(own).pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)
  if (records !== job.records) throw new Error(`Of ${job.records} records, ${records} were handled.`)
}

const runFloor = async (job: Job): Promise<void> => {
  await FloorLoop.run({ ...job, send: (_, answered) => setImmediate(answered) })
}

/** The least of all rounds, since noise only adds. */
const time = async (): Promise<Timed> => {
  const job = await write(timedRecords)
  const least = { floor: Number.POSITIVE_INFINITY, patchbay: Number.POSITIVE_INFINITY }
  let allocated = Number.POSITIVE_INFINITY
  const cpu = async (go: () => Promise<void>) => {
    const before = process.threadCpuUsage()
    await go()
    const { system, user } = process.threadCpuUsage(before)
    return (user + system) / job.records
  }
  for (let round = 0; round < rounds; round++) {
    least.floor = Math.min(least.floor, await cpu(() => runFloor(job)))
    const collections = new GCProfiler()
    collections.start()
    const before = getHeapStatistics().used_heap_size
    least.patchbay = Math.min(least.patchbay, await cpu(() => run(job, Pipelines.everything)))
    const left = getHeapStatistics().used_heap_size - before
    const collected = collections
      .stop()
      .statistics.reduce(
        (sum, { afterGC, beforeGC }) =>
          sum + beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
        0
      )
    allocated = Math.min(allocated, (left + collected) / job.records)
  }
  return { cpuOverFloor: least.patchbay / least.floor, allocated, micros: least }
}

/** Blocks of code that were entered since it was last asked, in all modules. */
const entered = async (session: Session): Promise<number> => {
  const { result } = await session.post("Profiler.takePreciseCoverage")
  let sum = 0
  for (const { functions, url } of result) {
    if (!url.startsWith("file:")) continue
    for (const { ranges } of functions) for (const { count } of ranges) sum += count
  }
  return sum
}

const pipelines: { readonly [stage in Stage]: (job: Job) => Effect.Effect<number, unknown, Needs> } = Pipelines

const count = async (): Promise<Counted> => {
  const jobs = { few: await write(few), some: await write(some), many: await write(many) }
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })

  const blocks = { read: 0, encode: 0, transcode: 0, transcodeNdjson: 0, batch: 0, dispatch: 0, everything: 0 }
  const whole: { [stage: string]: number } = {}
  let flatness = Number.NaN
  // Its properties are the stages, which the type of `entries` forgets.
  for (const [stage, after] of Object.entries(stages) as ReadonlyArray<[Stage, Stage | undefined]>) {
    const of = async (job: Job) => {
      await entered(session)
      await run(job, pipelines[stage])
      return entered(session)
    }
    // What happens once in a process, and then once in a run, is no cost of a record.
    await of(jobs.few)
    const [a, b, c] = [await of(jobs.few), await of(jobs.some), await of(jobs.many)]
    const perRecord = (c - a) / (many - few)
    whole[stage] = perRecord
    blocks[stage] = perRecord - (after === undefined ? 0 : (whole[after] ?? Number.NaN))
    flatness = (c - b) / (many - some) / ((b - a) / (some - few))
  }

  sent = { requests: 0, bytes: 0 }
  await run(jobs.many, Pipelines.everything)
  const customer = Customers.make(1)
  const bodies = Array.from({ length: many / batch }, (_, index) =>
    JSON.stringify({ resources: Array.from({ length: batch }, (_, at) => customer(index * batch + at)) })
  )
  const bytesExpected = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0)
  return { records: many, ...sent, bytesExpected, blocks, flatness }
}

const report = process.argv[2] === "count" ? await count() : await time()
rmSync(folder, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(0)
