/**
 * The main job, on the embedded sandbox: `npm run demo`.
 *
 * @since 0.1.0
 */
import { NodeHttpClient, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Redacted, Result, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import {
  BatchPolicy,
  CustomerFile,
  CustomerSync,
  DeadLetters,
  type Progress,
  RateLimitPolicy,
  ReachAuth,
  ReachClient,
  ReachDestination,
  ReachSchema,
  RetryPolicy,
  SyncReport
} from "../index.ts"
import { Comparison, Fault, Sandbox, SandboxServer } from "../sandbox/index.ts"
import * as Seeded from "../sandbox/Seeded.ts"
import * as Customers from "./Customers.ts"

const folder = ".patchbay/demo"
const tenant = "acme"
const secret = Redacted.make("the-demo-shares-this-with-its-own-sandbox")

/** How many rows are broken, where there are rows enough. */
const brokenRows = 25

// What a bad afternoon at a vendor looks like. Some of it hits after the batch was taken over, so that it is
// sent, and applied, twice.
const faults: ReadonlyArray<Fault.Rule> = [
  { method: "PATCH", probability: 0.05, fault: Fault.respond({ status: 503, body: "<h1>Service Unavailable</h1>" }) },
  { method: "PATCH", probability: 0.03, fault: Fault.respond({ status: 429, retryAfter: "1 second" }) },
  { method: "PATCH", probability: 0.02, fault: Fault.reset("before") },
  { method: "PATCH", probability: 0.02, fault: Fault.reset("after") },
  { method: "PATCH", fault: Fault.latency({ min: "5 millis", max: "40 millis" }) }
]

const grouped = new Intl.NumberFormat("en-US").format

const percent = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(1, whole)).toFixed(0).padStart(3)} %`

const barWidth = 30

/** Draws in place on a terminal; elsewhere a line each second. */
const draw = (records: number) => {
  let lastLine = Number.NEGATIVE_INFINITY
  return (progress: Progress.Progress): Effect.Effect<void> =>
    Effect.sync(() => {
      const { Accepted, Rejected } = progress.outcomes
      const done = progress.read === 0 ? 0 : Object.values(progress.outcomes).reduce((sum, count) => sum + count, 0)
      const rate = Math.round(done / Math.max(0.001, progress.elapsed / 1000))
      const numbers = `${percent(done, records)}  ${grouped(done)} of ${grouped(records)} records, ${grouped(rate)}/s, ${Rejected} rejected, ${progress.retries} retries`
      const waiting = progress.waiting === undefined ? "" : `, waits: ${progress.waiting}`
      if (process.stderr.isTTY) {
        const filled = Math.round((barWidth * (Accepted + Rejected)) / Math.max(1, records))
        const bar = "█".repeat(filled) + "░".repeat(barWidth - filled)
        process.stderr.write(`\r\x1b[2K${`${bar} ${numbers}${waiting}`.slice(0, (process.stderr.columns ?? 80) - 1)}`)
      } else if (done === records ? lastLine < Number.POSITIVE_INFINITY : progress.elapsed - lastLine >= 1000) {
        lastLine = done === records ? Number.POSITIVE_INFINITY : progress.elapsed
        process.stderr.write(`${numbers}${waiting}\n`)
      }
    })
}

const demo = Effect.fn("demo")(function* (options: {
  readonly records: number
  readonly seed: number
  readonly json: boolean
}) {
  const { json, records, seed } = options
  const fs = yield* FileSystem.FileSystem
  const sandbox = yield* Sandbox.Sandbox
  const { url } = yield* SandboxServer.SandboxServer
  const file = `${folder}/customers.csv`
  const deadLetters = `${folder}/dead-letters.ndjson`
  const say = json ? Console.error : Console.log

  yield* fs.makeDirectory(folder, { recursive: true })
  yield* fs.remove(deadLetters, { force: true })
  const broken = Math.min(brokenRows, records)
  const customers = Customers.make({ records, broken, next: Seeded.make(`demo/${seed}`) })
  const lines = Stream.concat(
    Stream.make(`${customers.header}\r\n`),
    Stream.map(Stream.range(0, records - 1), (index) => `${customers.row(index).text}\r\n`)
  )
  yield* lines.pipe(
    Stream.rechunk(1000),
    Stream.mapArray((chunk) => [chunk.join("")]),
    Stream.encodeText,
    Stream.run(fs.sink(file))
  )
  yield* say(`Wrote ${grouped(records)} customers to ${file}, ${broken} of them broken.`)
  yield* say(`The sandbox listens at ${url} and answers some requests with 503, 429 and resets.`)

  const synced = yield* CustomerFile.read(file, ReachSchema.CustomerPatch).pipe(
    CustomerSync.run({
      to: ReachDestination.batchPatch({ tenant }),
      batch: BatchPolicy.make({ maxRecords: 500, maxBytes: 512_000 }),
      retry: RetryPolicy.make({ maxElapsed: "1 minute", firstDelay: "100 millis" }),
      rateLimit: RateLimitPolicy.make({ limit: 100, window: "1 second" }),
      concurrency: 8,
      deadLetters: DeadLetters.file(deadLetters),
      onProgress: draw(records)
    }),
    Effect.provide(
      ReachClient.layer({ baseUrl: url, auth: ReachAuth.partnerScoped({ secret, partnerId: "demo" }) }).pipe(
        Layer.provide(NodeHttpClient.layerUndici),
        Layer.orDie
      )
    ),
    Effect.result
  )
  if (process.stderr.isTTY) process.stderr.write("\n")
  if (Result.isFailure(synced)) yield* Console.error(synced.failure.message)
  const report = Result.isSuccess(synced) ? synced.success : synced.failure.report
  yield* say(`\n${SyncReport.format(report)}\n`)

  yield* sandbox.idle
  const expected = function* (): Generator<readonly [string, unknown]> {
    for (let index = 0; index < records; index++) {
      const { customer } = customers.row(index)
      if (customer !== undefined) yield [customer.customerId, customer]
    }
  }
  const comparison = Comparison.make(yield* sandbox.reachCustomers(tenant), expected())
  const written = (yield* fs.exists(deadLetters))
    ? (yield* fs.readFileString(deadLetters)).split("\n").filter((line) => line !== "").length
    : 0
  const good = records - broken
  yield* say(
    `${grouped(comparison.matching)} of ${grouped(good)} customers match; ${grouped(written)} dead letters${written > 0 ? ` in ${deadLetters}` : ""}`
  )
  for (const [what, ids] of Object.entries({
    missing: comparison.missing,
    unexpected: comparison.unexpected,
    different: comparison.different
  })) {
    if (ids.length > 0) yield* Console.error(`${ids.length} ${what}, such as ${ids.slice(0, 3).join(", ")}`)
  }
  if (json) {
    yield* Console.log(JSON.stringify({ report, matching: comparison.matching, expected: good, deadLetters: written }))
  }
  const matches = Result.isSuccess(synced) && Comparison.isMatch(comparison) && written === broken
  if (!matches) process.exitCode = 1
})

const command = Command.make(
  "demo",
  {
    records: Flag.Int("records").pipe(Flag.withDescription("How many customers to sync"), Flag.withDefault(100_000)),
    seed: Flag.Int("seed").pipe(Flag.withDescription("Where all chance comes from"), Flag.withDefault(1)),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the report as one JSON line, last"),
      Flag.withDefault(false)
    )
  },
  (options) =>
    Effect.provide(
      demo(options),
      SandboxServer.layer({
        seed: options.seed,
        faults,
        reach: { secret: Redacted.value(secret), queue: { delay: "200 millis" } }
      })
    )
).pipe(
  Command.withDescription(
    "Syncs customers from a CSV file into a sandbox that misbehaves, and compares them one by one."
  )
)

Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
