/**
 * A process that syncs until all batches wait for a checkpoint which is not written, and prints how many bodies are in
 * memory then. Wants `--expose-gc`.
 */
import { setTimeout } from "node:timers/promises"
import { Deferred, Effect, Option } from "effect"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as Bodies from "./Bodies.ts"

const collect = globalThis.gc
if (collect === undefined) throw new Error("Run it with --expose-gc.")

const batches = 16
const written = Deferred.makeUnsafe<void>()
const answered = Deferred.makeUnsafe<void>()
let writes = 0

const checkpoint: Checkpoint.Checkpoint = {
  takeover: "safe",
  open: () =>
    Effect.succeed({
      state: Option.none(),
      // The first says that the run begins.
      write: () => (++writes === 1 ? Effect.void : Deferred.await(written))
    })
}

const http = Bodies.answering((answers) => {
  if (answers === batches) Deferred.doneUnsafe(answered, Effect.void)
})

const sync = Bodies.records(batches, () => undefined).pipe(
  Source.withFingerprint({ source: "bodies" }),
  CustomerSync.run({ ...Bodies.options, checkpoint }),
  Effect.provide(Bodies.client()),
  Effect.provide(http),
  Effect.runPromise
)

await Effect.runPromise(Deferred.await(answered))
await setTimeout(200)
collect()
// What was collected is given back by another thread.
await setTimeout(100)
const live = process.memoryUsage().arrayBuffers / Bodies.size
Deferred.doneUnsafe(written, Effect.void)
const { outcomes } = await sync
process.stdout.write(JSON.stringify({ accepted: outcomes.Accepted, live, batches }))
