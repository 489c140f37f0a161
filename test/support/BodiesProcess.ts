/**
 * A process that syncs many batches, everything on, and prints how many bodies are still in memory when only V8's young
 * generation has been collected meanwhile. Arguments: `answered` (by a client in the process) or a server's URL, and a
 * folder. Wants `--expose-gc`.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted, Stream } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as Checkpoint from "../../src/sync/Checkpoint.ts"
import * as CustomerRecord from "../../src/sync/CustomerRecord.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as DeadLetters from "../../src/sync/DeadLetters.ts"

const [where = "", folder = ""] = process.argv.slice(2)
const collect = globalThis.gc
if (collect === undefined) throw new Error("Run it with --expose-gc.")

const batches = 400
const warm = 100
const perBatch = 100
const size = 1000 * perBatch

let answers = 0
const answered = Layer.succeed(HttpClient.HttpClient)(
  HttpClient.make((request) =>
    Effect.delay(
      Effect.sync(() => {
        const data = { batchId: `b-${answers++}`, message: "taken", recordCount: perBatch, schemaDefinitionId: "s" }
        const body = JSON.stringify({ success: true, data })
        // A server says how long its answer is.
        const headers = { "content-type": "application/json", "content-length": `${body.length}` }
        return HttpClientResponse.fromWeb(request, new Response(body, { status: 202, headers }))
      }),
      2
    )
  )
)
const http = where === "answered" ? answered : NodeHttp.layer

const longUrl = `https://shop.example.com/${"c".repeat(900)}`
let read = 0
const records = CustomerRecord.fromPatches(
  Stream.range(1, batches * perBatch, perBatch).pipe(
    Stream.map((index) => {
      if (++read % (10 * perBatch) === 0) collect({ type: "minor" })
      // What is made while the process warms up may stay.
      if (read === warm * perBatch) collect()

      return { customerId: `c-${index}`, customerDetailUrl: longUrl }
    })
  )
)

const report = await records.pipe(
  CustomerSync.run({
    to: ReachDestination.batchPatch(),
    batch: BatchPolicy.make({ maxRecords: perBatch }),
    rateLimit: RateLimitPolicy.unlimited(),
    concurrency: 4,
    window: 16,
    settle: "accepted",
    checkpoint: Checkpoint.file(`${folder}/checkpoint`),
    deadLetters: DeadLetters.file(`${folder}/dead.ndjson`)
  }),
  Effect.provide(
    ReachClient.layer({
      ...(where === "answered" ? {} : { baseUrl: where }),
      auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })
    })
  ),
  Effect.provide([http, NodeServices.layer]),
  Effect.runPromise
)

collect({ type: "minor" })
collect({ type: "minor" })
// What was collected is given back by another thread.
setTimeout(() => {
  const kept = process.memoryUsage().arrayBuffers / size
  collect()
  setTimeout(() => {
    const live = process.memoryUsage().arrayBuffers / size
    process.stdout.write(JSON.stringify({ accepted: report.outcomes.Accepted, kept, live, batches }))
    process.exit(0)
  }, 100)
}, 100)
