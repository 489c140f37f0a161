/**
 * Reach's endpoints as destinations of a sync.
 *
 * @since 0.1.0
 */
import { Effect, Result, Schema } from "effect"
import * as InputIssue from "../http/InputIssue.ts"
import type { Destination } from "../sync/Destination.ts"
import { maxBatchRecords } from "./ReachApi.ts"
import { consentIssues, ReachClient, type WriteOptions } from "./ReachClient.ts"
import * as ReachSchema from "./ReachSchema.ts"

/**
 * How `PATCH /api/resources/customers/batch` behaves. That one bad record refuses the whole batch is not
 * documented; a 400 is taken so.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchPatchBehaviour {
  readonly acceptance: "accepted"
  readonly failureUnit: "batch"
  readonly writing: "merge"
  readonly order: "within"
  readonly resend: "safe"
}

const encodePatch = Schema.encodeUnknownResult(ReachSchema.CustomerPatch)

/**
 * Batches of patches, which Reach applies later: in order inside a batch, and in no order between batches.
 *
 * @category constructors
 * @since 0.1.0
 */
export const batchPatch = (
  options?: WriteOptions
): Destination<ReachSchema.CustomerPatch, BatchPatchBehaviour, ReachClient> => ({
  name: "reach.batch-patch",
  rateKey: `reach/${options?.tenant ?? ""}`,
  behaviour: { acceptance: "accepted", failureUnit: "batch", writing: "merge", order: "within", resend: "safe" },
  maxRecords: maxBatchRecords,
  envelope: ['{"resources":[', "]}"],
  key: (patch) => patch.customerId,
  encode: (patch) => {
    const issues = consentIssues([patch], options?.deleteConsent)
    if (issues.length > 0) return Result.fail(issues)
    const encoded = encodePatch(patch)
    return Result.isSuccess(encoded)
      ? Result.succeed(JSON.stringify(encoded.success))
      : Result.fail(InputIssue.fromSchemaIssue(encoded.failure.issue))
  },
  send: (body) =>
    ReachClient.use((reach) =>
      Effect.map(reach.sendPatches(body, options), ({ batchId, recordCount }) => ({ batchId, recordCount }))
    )
})
