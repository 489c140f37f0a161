/**
 * The sync of the README, up to its first request: prints how many milliseconds after Node's own start that is, and ends.
 */
import { subscribe } from "node:diagnostics_channel"
import { performance } from "node:perf_hooks"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import {
  BatchPolicy,
  Checkpoint,
  CustomerFile,
  CustomerSync,
  DeadLetters,
  RateLimitPolicy,
  ReachClient,
  ReachDestination,
  ReachSchema,
  RetryPolicy
} from "effect-patchbay"
import { NodeHttp, NodeMemory } from "effect-patchbay/node"

subscribe("undici:request:create", () => {
  process.stdout.write(String(performance.now() - performance.nodeTiming.bootstrapComplete))
  process.exit(0)
})

const [csv = "", folder = ""] = process.argv.slice(2)

CustomerFile.read(csv, ReachSchema.CustomerPatch).pipe(
  CustomerSync.run({
    to: ReachDestination.batchPatch({ tenant: "bench" }),
    batch: BatchPolicy.make({ maxRecords: 500, maxBytes: 512_000 }),
    retry: RetryPolicy.make({ maxElapsed: "15 minutes" }),
    rateLimit: RateLimitPolicy.make({ limit: 10, window: "1 second" }),
    deadLetters: DeadLetters.file(`${folder}/dead-letters.ndjson`),
    checkpoint: Checkpoint.file(`${folder}/checkpoint`)
  }),
  Effect.provide(ReachClient.layerConfig()),
  Effect.provide([NodeHttp.layer, NodeMemory.layer, NodeServices.layer]),
  Effect.runPromise
)
