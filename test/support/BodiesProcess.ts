/**
 * A process that syncs many batches, everything on, and prints how many bodies are still in memory when only V8's young
 * generation has been collected meanwhile. Arguments: `answered` (by a client in the process) or a server's URL, and a
 * folder. Wants `--expose-gc`.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as Bodies from "./Bodies.ts"

const [where = "", folder = ""] = process.argv.slice(2)
const collect = globalThis.gc
if (collect === undefined) throw new Error("Run it with --expose-gc.")

const batches = 400
const warm = 100
const { perBatch, size } = Bodies

const http = where === "answered" ? Bodies.answering(() => undefined) : NodeHttp.layer

const records = Bodies.records(batches, (read) => {
  if (read % (10 * perBatch) === 0) collect({ type: "minor" })
  // What is made while the process warms up may stay.
  if (read === warm * perBatch) collect()
})

const report = await records.pipe(
  Source.withFingerprint({ source: "bodies" }),
  CustomerSync.run({
    ...Bodies.options,
    checkpoint: Checkpoint.file(`${folder}/checkpoint`),
    deadLetters: DeadLetters.file(`${folder}/dead.ndjson`)
  }),
  Effect.provide(Bodies.client(where === "answered" ? undefined : where)),
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
