/** The sync that the runners of a test execute: the table `shop`, two rows for each customer, to an API that is given. */
import { Schema } from "effect"
import * as SyncWorkflow from "../../src/cluster/SyncWorkflow.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerQuery from "../../src/sql/CustomerQuery.ts"

export const customers = (part?: { readonly index: number; readonly of: number }) =>
  CustomerQuery.read(
    (sql) => sql`SELECT n, customer AS "customerId", version AS "lastName", since AS "createdAt" FROM shop`,
    ReachSchema.CustomerPatch,
    { key: "n", pageSize: 1000, part: part && { by: "customerId", index: part.index, of: part.of } }
  )

export const options = {
  to: ReachDestination.batchPatch({ tenant: "acme" }),
  batch: BatchPolicy.make({ maxRecords: 50 }),
  rateLimit: RateLimitPolicy.unlimited(),
  concurrency: 2,
  settle: "accepted"
} as const

export const make = (lease: number) =>
  SyncWorkflow.make({
    name: "shop",
    payload: Schema.Struct({ parts: Schema.Int, run: Schema.String }),
    key: ({ run }) => run,
    parts: ({ parts }) => parts,
    lease,
    run: (_, part) => part.run(options)(customers(part))
  })
