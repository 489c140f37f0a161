/**
 * Pocketflows' endpoint as the destination of a sync.
 *
 * @since 0.1.0
 */
import { Effect, Result, Schema } from "effect"
import * as InputIssue from "../http/InputIssue.ts"
import type { Destination } from "../sync/Destination.ts"
import { PocketflowsClient } from "./PocketflowsClient.ts"
import * as PocketflowsSchema from "./PocketflowsSchema.ts"

/**
 * How `POST /businesses/{id}/customers/batch_update` behaves: all or nothing, and no order promised.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchUpdateBehaviour {
  readonly acceptance: "applied"
  readonly failureUnit: "batch"
  readonly writing: "merge"
  readonly order: "none"
  readonly resend: "safe"
}

// Pocketflows documents no limit; this is what Reach takes.
const defaultMaxRecords = 1000

const encodeUpdate = Schema.encodeUnknownResult(PocketflowsSchema.CustomerUpdate)

/**
 * Batches of updates to the customers of one business.
 *
 * @category constructors
 * @since 0.1.0
 */
export const batchUpdate = (options: {
  /** The business' id at Pocketflows. */
  readonly business: string
  /** The records that one request may hold, which is not documented. Default: 1,000. */
  readonly maxRecords?: number | undefined
}): Destination<PocketflowsSchema.CustomerUpdate, BatchUpdateBehaviour, PocketflowsClient> => ({
  name: "pocketflows.batch-update",
  rateKey: `pocketflows/${options.business}`,
  behaviour: { acceptance: "applied", failureUnit: "batch", writing: "merge", order: "none", resend: "safe" },
  maxRecords: options.maxRecords ?? defaultMaxRecords,
  envelope: ['{"customers":[', "]}"],
  key: (update) => update.id,
  encode: (update) => {
    const encoded = encodeUpdate(update)
    return Result.isSuccess(encoded)
      ? Result.succeed(JSON.stringify(encoded.success))
      : Result.fail(InputIssue.fromSchemaIssue(encoded.failure.issue))
  },
  send: (body) =>
    PocketflowsClient.use((pocketflows) =>
      Effect.map(pocketflows.sendUpdates(options.business, body), (customers) => ({
        recordCount: customers.length,
        batchId: undefined
      }))
    )
})
