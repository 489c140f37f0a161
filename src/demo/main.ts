/** The main job, on the embedded sandbox: `npm run demo`. It kills the sync once in the middle, and lets it go on. */
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Format from "../base/Format.ts"
import { SyncReport } from "../index.ts"
import { Comparison, Fault, Sandbox, SandboxServer } from "../sandbox/index.ts"
import * as Seeded from "../sandbox/Seeded.ts"
import * as Customers from "./Customers.ts"

const folder = ".patchbay/demo"
const tenant = "acme"
const secret = "the-demo-shares-this-with-its-own-sandbox"

/** How many rows are broken, where there are rows enough. */
const brokenRows = 25

/** The share of the customers that is at the vendor when the sync is killed. */
const killedAt = 0.4

// What a bad afternoon at a vendor looks like. Some of it hits after a batch was taken over, so that it is sent, and
// applied, twice.
const faults: ReadonlyArray<Fault.Rule> = [
  { method: "PATCH", probability: 0.05, fault: Fault.respond({ status: 503, body: "<h1>Service Unavailable</h1>" }) },
  { method: "PATCH", probability: 0.03, fault: Fault.respond({ status: 429, retryAfter: "1 second" }) },
  { method: "PATCH", probability: 0.02, fault: Fault.reset("before") },
  { method: "PATCH", probability: 0.02, fault: Fault.reset("after") },
  { method: "PATCH", fault: Fault.latency({ min: "5 millis", max: "40 millis" }) }
]

interface Options {
  readonly records: number
  readonly seed: number
  readonly json: boolean
}

const demo = Effect.fn("demo")(function* ({ json, records, seed }: Options) {
  const fs = yield* FileSystem.FileSystem
  const sandbox = yield* Sandbox.Sandbox
  const { url } = yield* SandboxServer.SandboxServer
  const deadLetters = `${folder}/dead-letters.ndjson`
  const say = json ? Console.error : Console.log

  yield* fs.remove(folder, { recursive: true, force: true })
  yield* fs.makeDirectory(folder, { recursive: true })
  const broken = Math.min(brokenRows, records)
  const customers = Customers.make({ records, broken, next: Seeded.make(`demo/${seed}`) })
  yield* Stream.range(0, records - 1).pipe(
    Stream.map((index) => `${customers.row(index).text}\r\n`),
    Stream.rechunk(1000),
    Stream.mapArray((rows): [string] => [rows.join("")]),
    (rows) => Stream.concat(Stream.make(`${customers.header}\r\n`), rows),
    Stream.encodeText,
    Stream.run(fs.sink(`${folder}/customers.csv`))
  )
  yield* say(`Wrote ${Format.count(records)} customers to ${folder}/customers.csv, ${broken} of them broken.`)
  yield* say(`The sandbox listens at ${url} and answers some requests with 503, 429 and resets.`)

  const sync = ChildProcess.make(process.execPath, [fileURLToPath(new URL("./sync.ts", import.meta.url))], {
    env: {
      DEMO_FOLDER: folder,
      DEMO_RECORDS: String(records),
      REACH_BASE_URL: url,
      REACH_PARTNER_ID: "demo",
      REACH_PARTNER_SECRET: Redacted.make(secret)
    },
    extendEnv: true,
    stderr: "inherit"
  })
  const arrived = Effect.map(sandbox.reachCustomers(tenant), (there) => there.size)
  const untilKilled = Effect.gen(function* () {
    const running = yield* sync
    while ((yield* arrived) < records * killedAt && (yield* running.isRunning)) yield* Effect.sleep("20 millis")
    yield* running.kill({ killSignal: "SIGKILL" }).pipe(Effect.ignore)
  })
  yield* Effect.scoped(untilKilled)
  if (process.stderr.isTTY) process.stderr.write("\n")
  yield* say(
    `Killed the sync with ${Format.count(yield* arrived)} customers at the vendor. It goes on from its checkpoint.`
  )

  const output = yield* Effect.scoped(
    Effect.flatMap(sync, (running) => Stream.mkString(Stream.decodeText(running.stdout)))
  )
  const report = Option.getOrUndefined(Schema.decodeUnknownOption(Schema.fromJsonString(SyncReport.SyncReport))(output))
  yield* say(report === undefined ? `\nThe sync failed.\n${output}` : `\n${SyncReport.format(report)}\n`)

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
    `${Format.count(comparison.matching)} of ${Format.count(good)} customers match; ${Format.count(written)} dead letters${written > 0 ? ` in ${deadLetters}` : ""}`
  )
  for (const what of ["missing", "unexpected", "different"] as const) {
    const ids = comparison[what]
    if (ids.length > 0) yield* Console.error(`${ids.length} ${what}, such as ${ids.slice(0, 3).join(", ")}`)
  }
  if (json) {
    yield* Console.log(JSON.stringify({ report, matching: comparison.matching, expected: good, deadLetters: written }))
  }
  const isGood = report !== undefined && report.read === records && Comparison.isMatch(comparison) && written === broken
  if (!isGood) process.exitCode = 1
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
        reach: {
          secret,
          queue: { delay: "200 millis" },
          naming: "none",
          refuse: ({ email }) => (email === Customers.refusedEmail ? "this customer is not welcome" : undefined)
        }
      })
    )
).pipe(
  Command.withDescription(
    "Syncs customers from a CSV file into a sandbox that misbehaves, kills the sync in the middle, lets it go on, and compares the customers one by one."
  )
)

Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
