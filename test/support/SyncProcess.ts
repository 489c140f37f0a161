/**
 * A process that brings a CSV to a sandbox, with a checkpoint and dead letters, to be killed. Arguments: the base URL,
 * and a folder with `customers.csv`. It writes its report to standard output.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, Redacted } from "effect"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"

const [baseUrl = "", folder = ""] = process.argv.slice(2)

await CustomerFile.read(`${folder}/customers.csv`, ReachSchema.CustomerPatch).pipe(
  CustomerSync.run({
    to: ReachDestination.batchPatch(),
    batch: BatchPolicy.make({ maxRecords: 10 }),
    rateLimit: RateLimitPolicy.unlimited(),
    concurrency: 3,
    window: 8,
    settle: SettlePolicy.make({ firstPoll: "5 millis", maxInterval: "5 millis" }),
    checkpoint: Checkpoint.file(`${folder}/checkpoint`),
    checkpointEvery: "20 millis",
    deadLetters: DeadLetters.file(`${folder}/dead.ndjson`)
  }),
  Effect.tap((report) => Effect.sync(() => process.stdout.write(JSON.stringify(report)))),
  Effect.provide(ReachClient.layer({ baseUrl, auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) })),
  Effect.provide([NodeHttp.layer, NodeServices.layer]),
  Effect.runPromise
)
