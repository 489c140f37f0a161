/**
 * A process that brings customers to Reach with a checkpoint in PostgreSQL, to be stopped and woken. Arguments: the API's
 * base URL, the database's, its token, and the milliseconds of the lease. It says how it ended.
 */

import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted, Stream } from "effect"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as SqlCheckpoint from "../../src/sql/SqlCheckpoint.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"
import * as Source from "../../src/sync/record/Source.ts"

const [baseUrl = "", database = "", token = "", lease = ""] = process.argv.slice(2)

const customers = Stream.map(Stream.range(0, 999), (n) => ({ customerId: `c-${n}`, lastName: `N${n}` }))

await CustomerRecord.fromPatches(customers).pipe(
  Source.withFingerprint({ customers: "a thousand" }),
  CustomerSync.run({
    to: ReachDestination.batchPatch({ tenant: "acme" }),
    batch: BatchPolicy.make({ maxRecords: 10 }),
    rateLimit: RateLimitPolicy.unlimited(),
    concurrency: 2,
    settle: "accepted",
    checkpoint: SqlCheckpoint.make("acme", { lease: Number(lease) }),
    deadLetters: SqlDeadLetters.make("acme")
  }),
  Effect.match({
    onSuccess: ({ outcomes }) => `done ${outcomes.Accepted}`,
    onFailure: ({ reason }) => `stopped ${reason._tag}`
  }),
  Effect.tap((said) => Effect.sync(() => process.stdout.write(said))),
  Effect.provide(ReachClient.layer({ baseUrl, auth: ReachAuth.token(Redacted.make(token), { tenant: "acme" }) })),
  Effect.provide([NodeHttp.layer, NodeServices.layer, PgClient.layer({ url: Redacted.make(database) })]),
  Effect.runPromise
)
