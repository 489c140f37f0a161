/**
 * How an accepted batch went, for those who have its id and nothing else.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as ApiError from "../http/ApiError.ts"
import * as Polling from "../policy/Polling.ts"
import type { SendError, SendPolicy } from "../policy/SendPolicy.ts"
import * as SettlePolicy from "../policy/SettlePolicy.ts"
import * as ReachApi from "./ReachApi.ts"
import { type BatchStatusError, ReachClient } from "./ReachClient.ts"
import type { BatchStatus } from "./ReachSchema.ts"
import * as ReachSettlement from "./ReachSettlement.ts"

type Settlement = ReturnType<typeof ReachSettlement.fromStatus>

/**
 * A batch's status, and what it says of the records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly status: BatchStatus
  readonly settlement: Settlement
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface JudgeOptions {
  /**
   * The records that were sent in the batch. Default: what Reach counts, which cannot show that it lost one; without
   * it, only `success` and `completedAt` say that a batch is finished.
   */
  readonly recordCount?: number | undefined
  /** Reads which records failed. Default: `ReachSettlement.decodeFailures`. */
  readonly decodeFailures?: ReachSettlement.DecodeFailures | undefined
}

/**
 * What a status says of the batch's records, as `ReachSettlement.fromStatus` reads it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const judge = (status: BatchStatus, options?: JudgeOptions): Settlement => {
  const { decodeFailures, recordCount } = options ?? {}
  if (recordCount !== undefined) return ReachSettlement.fromStatus(status, { recordCount, decodeFailures })
  const { completedAt, progress } = status
  const isCompleted = completedAt !== undefined && completedAt !== null && completedAt !== ""
  if (status.status !== "success" && !isCompleted) return { _tag: "Pending" }
  const counted = progress?.totalRecords ?? (progress?.successfulRecords ?? 0) + (progress?.failedRecords ?? 0)
  return ReachSettlement.fromStatus(status, { recordCount: counted, decodeFailures })
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface WaitOptions extends JudgeOptions {
  /** Sends the questions. */
  readonly send: SendPolicy
  /** When to ask, counted from the first question, and for how long. Default: `SettlePolicy.make()`. */
  readonly settle?: SettlePolicy.SettlePolicy | undefined
  /** The tenant to act for. Default: the one of the credentials. */
  readonly tenant?: string | undefined
  /** Sees each answer that does not end the wait. */
  readonly onPending?: ((status: BatchStatus) => Effect.Effect<void>) | undefined
}

/**
 * @category errors
 * @since 0.1.0
 */
export type WaitError = SendError<BatchStatusError | ApiError.TokenExpired>

/**
 * Asks at once, soon again and then less often, until the batch has ended or the deadline has come: then its
 * settlement is still `Pending`. A 404 is tolerated for as long as the policy says, because how soon a batch is known is
 * not documented, and a few unexpected answers in a row, as another batch's status is one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wait = Effect.fn("ReachBatch.wait")(function* (
  batchId: string,
  options: WaitOptions
): Effect.fn.Return<Standing, WaitError, ReachClient> {
  const { onPending, send, settle = SettlePolicy.make(), tenant } = options
  const reach = yield* ReachClient
  const endpoint = `${ReachApi.batchStatus.method} ${ReachApi.batchStatus.path.replace(":batchId", "{batchId}")}`
  const asked = send.run(reach.pollBatchStatus(batchId, { tenant }), { endpoint, resend: "safe" })
  const { last } = yield* Polling.poll({
    settlePolicy: settle,
    first: "atOnce",
    ask: () => Effect.map(asked, (status): Standing => ({ status, settlement: judge(status, options) })),
    isPending: ({ settlement }) => settlement._tag === "Pending",
    onPending: ({ status }) => onPending?.(status) ?? Effect.void
  })
  return yield* Effect.fromResult(last)
})
