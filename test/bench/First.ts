/**
 * The sync of the README, of a file and in a folder that it is given.
 */
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
import { NodeHttp } from "effect-patchbay/node"

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
  Effect.provide([NodeHttp.layer, NodeServices.layer]),
  Effect.runPromise
)
