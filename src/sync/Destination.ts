/**
 * An endpoint that takes batches, together with how it behaves.
 *
 * @since 0.1.0
 */
import type { Effect, Result } from "effect"
import type { ApiError } from "../http/ApiError.ts"
import type { InputIssue } from "../http/InputIssue.ts"

/**
 * How a destination behaves, as literal types, so that an option that is unlawful for it does not compile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behaviour {
  /** `applied`: the answer is the result. `accepted`: the batch is applied later (202). */
  readonly acceptance: "applied" | "accepted"
  /** What one bad record takes down with it. */
  readonly failureUnit: "record" | "batch"
  /** Whether an absent field is kept (`merge`) or erased (`replace`). */
  readonly writing: "merge" | "replace"
  /** Whether records of one batch are applied in their order. */
  readonly order: "within" | "none"
  /** Whether the same body may be sent again with the same end state. */
  readonly resend: "safe" | "unsafe"
}

/**
 * What the API answered for a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receipt {
  /** The records that the answer counts. Fewer than were sent is not a success. */
  readonly recordCount: number
  /** Where the batch is applied later: what to ask for with. */
  readonly batchId: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Destination<A, B extends Behaviour = Behaviour, R = never> {
  /** Vendor and endpoint, as reports name it: `reach.batch-patch`. */
  readonly name: string
  /** What shares one rate limit: vendor and tenant. */
  readonly rateKey: string
  readonly behaviour: B
  /** The records that one request takes. */
  readonly maxRecords: number
  /** What stands before and after the records, which are joined by commas. */
  readonly envelope: readonly [open: string, close: string]
  /** Who a record is about. */
  readonly key: (patch: A) => string
  /** The JSON of one record, made once; or why it must not be sent. */
  readonly encode: (patch: A) => Result.Result<string, ReadonlyArray<InputIssue>>
  /** Sends one body: one request, no retries. */
  readonly send: (body: string, recordCount: number) => Effect.Effect<Receipt, ApiError, R>
}
