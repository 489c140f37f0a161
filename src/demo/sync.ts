/**
 * The demo's sync, a process of its own, so that it can be killed: reads the file, sends it, prints its report as one
 * JSON line. This is what a user of the library would write.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Display from "../cli/show/Display.ts"
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
  RetryPolicy,
  SettlePolicy
} from "../index.ts"
import { NodeHttp } from "../node/index.ts"

const sync = Effect.gen(function* () {
  const folder = yield* Config.String("DEMO_FOLDER")
  const records = yield* Config.Int("DEMO_RECORDS")
  const display = yield* Display.make({ mode: "auto", title: "customers.csv" })
  const report = yield* CustomerFile.read(`${folder}/customers.csv`, ReachSchema.CustomerPatch).pipe(
    CustomerSync.run({
      to: ReachDestination.batchPatch({ tenant: "acme" }),
      batch: BatchPolicy.make({ maxRecords: 500, maxBytes: 512_000 }),
      retry: RetryPolicy.make({ maxElapsed: "1 minute", firstDelay: "100 millis" }),
      rateLimit: RateLimitPolicy.make({ limit: 200, window: "1 second" }),
      settle: SettlePolicy.make({ firstPoll: "300 millis" }),
      checkpoint: Checkpoint.file(`${folder}/checkpoint`),
      checkpointEvery: "200 millis",
      deadLetters: DeadLetters.file(`${folder}/dead-letters.ndjson`),
      total: records,
      onProgress: display.onProgress
    })
  )
  yield* display.end
  yield* Console.log(JSON.stringify(report))
})

Effect.scoped(sync).pipe(
  Effect.provide(Layer.mergeAll(ReachClient.layerConfig(), NodeServices.layer).pipe(Layer.provide(NodeHttp.layer))),
  NodeRuntime.runMain
)
