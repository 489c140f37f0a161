/**
 * An endpoint that takes batches, together with how it behaves.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { ApiError, VendorAnswer } from "../../http/ApiError.ts"
import type { InputIssue } from "../../json/InputIssue.ts"
import type { Address } from "../../policy/Sender.ts"
import type { Reason } from "./Outcome.ts"

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
  /** Whether a record is good or bad by itself, or only together with others. */
  readonly failures: "independent" | "dependent"
  /** Whether an absent field is kept (`merge`) or erased (`replace`), or a key that is there is refused (`insert`). */
  readonly writing: "merge" | "replace" | "insert"
  /** Whether records of one batch are applied in their order; if not, a key must be unique in a batch. */
  readonly order: "within" | "none"
  /** Whether the same body may be sent again with the same end state. */
  readonly resend: "safe" | "unsafe"
}

/**
 * What goes out in one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing<A> {
  /** The whole body in UTF-8: the envelope around the records' JSON. Not to be changed: it may be sent again. */
  readonly body: Uint8Array
  readonly records: Arr.NonEmptyReadonlyArray<{ readonly key: string; readonly patch: A }>
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
 * How an accepted batch stands: not finished; all of it applied; finished, with the records that failed (by
 * position in the batch or by key); or finished in a way that leaves open which records were applied.
 *
 * @category models
 * @since 0.1.0
 */
export type Settlement =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Applied" }
  | { readonly _tag: "Failed"; readonly failures: Arr.NonEmptyReadonlyArray<RecordFailure> }
  | {
      readonly _tag: "Unclear"
      readonly reason: Reason
      /** What the vendor wrote about it. It may hold customer data: for dead letters only. */
      readonly answer?: string | undefined
    }

/**
 * One record of an accepted batch that was not applied. Two failures are two records, also where they have one key; where
 * the batch holds more records of it, it is taken to be open which of them failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordFailure {
  /** The 0-based position in the batch, or the key: at least one of them is known. */
  readonly index: number | undefined
  readonly key: string | undefined
  readonly reason: Reason
  /** What the vendor wrote about it. It may hold customer data: for dead letters only. */
  readonly answer?: string | undefined
}

/**
 * An endpoint for records `A` that behaves as `B` says. `E` is what `send` and `settle` can fail with, `R` what they need.
 *
 * @category models
 * @since 0.1.0
 */
export interface Destination<A, B extends Behaviour = Behaviour, E extends ApiError = ApiError, R = never> {
  /** Vendor and endpoint, as reports name it: `reach.batch-patch`. */
  readonly name: string
  /** Whose API it is, as errors and rate limits name it: `Reach`. */
  readonly vendor: string
  /** The tenant or business, where a rate limit is counted for each; `undefined` where there is one for all. */
  readonly tenant: string | undefined
  /**
   * For whom the vendor counts the requests: all that send there share a sender, as do the single calls of a client that
   * names the same. Default: `vendor` and `tenant`, wherever that is.
   */
  readonly address?: Effect.Effect<Address, never, R> | undefined
  readonly behaviour: B
  /** The records that one request takes. */
  readonly maxRecords: number
  /** What stands before and after the records, which are joined by commas. */
  readonly envelope: readonly [open: string, close: string]
  /** Who a record is about. */
  readonly key: (patch: A) => string
  /**
   * One patch that does what the two do one after the other; `undefined` where no patch is known to, so that they
   * must be split. Only called where `writing` is `merge`.
   */
  readonly merge: (earlier: A, later: A) => A | undefined
  /** The JSON of one record, made once; or why it must not be sent. */
  readonly encode: (patch: A) => Result.Result<string, ReadonlyArray<InputIssue>>
  /**
   * What the JSON of a record is, where that can be said: this `encode` succeeds for a patch without nulls and gives what
   * the schema encodes, and this `key` is the field of that name. Where a source has the same schema, most of its records
   * are written as JSON without being decoded and encoded again, and records from memory without a copy. `nulls` are the
   * fields in which a null is encoded so, too. It says nothing of a destination that was given another `encode` or `key`
   * since. Default: it cannot be said.
   */
  readonly json?:
    | {
        readonly schema: Schema.ConstraintDecoder<unknown>
        readonly field: string
        /** Default: none. */
        readonly nulls?: ReadonlyArray<string> | undefined
        readonly encode: Destination<A, B, E, R>["encode"]
        readonly key: Destination<A, B, E, R>["key"]
      }
    | undefined
  /** Sends one body: one request, no retries. */
  readonly send: (request: Outgoing<A>) => Effect.Effect<Receipt, E, R>
  /**
   * The errors of `send` that refuse the records, and say nothing of whoever sends them: after one of these the next
   * batch is worth sending. Default: `BadRequest` and `UnprocessableContent`.
   */
  readonly refusals?: ReadonlyArray<ApiError["_tag"]> | undefined
  /** The 0-based positions of the records that a refusal names: a hint where to look first. */
  readonly named: (answer: VendorAnswer, keys: ReadonlyArray<string>) => ReadonlyArray<number>
  /**
   * The values that a record wants for itself alone, in one form: `email:a@b.c`; none where it can clash with no other.
   * Only used where `failures` are `dependent`. Default: not known.
   */
  readonly claims?: ((patch: A) => ReadonlyArray<string>) | undefined
  /**
   * Asks once how an accepted batch stands; `NotFound` where its id is not known yet. Only called where `acceptance`
   * is `accepted`.
   */
  readonly settle: (batchId: string, recordCount: number) => Effect.Effect<Settlement, E, R>
  /** What of the destination's own options changes the meaning of a run, for the checkpoint's fingerprint. */
  readonly fingerprint: string
}
