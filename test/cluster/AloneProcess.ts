/** What a runner does for a part, for all of it and without a cluster. Prints the CPU that it took, in milliseconds. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as SqlCheckpoint from "../../src/sql/SqlCheckpoint.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Shop from "./Shop.ts"

const [database = "", baseUrl = ""] = process.argv.slice(2)

const before = process.cpuUsage()
await Shop.customers().pipe(
  CustomerSync.run({
    ...Shop.options,
    // As many as all parts together have.
    concurrency: 16,
    checkpoint: SqlCheckpoint.make("alone"),
    deadLetters: SqlDeadLetters.make("alone")
  }),
  Effect.provide(PgClient.layer({ url: Redacted.make(database) })),
  Effect.provide(ReachClient.layer({ baseUrl, auth: ReachAuth.token(Redacted.make("alone"), { tenant: "acme" }) })),
  Effect.provide([NodeHttp.layer, NodeServices.layer]),
  Effect.runPromise
)
const { system, user } = process.cpuUsage(before)
process.stdout.write(String((system + user) / 1000))
