/**
 * Batches: non-empty runs of records that go out in one request each.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type { BatchPolicy } from "../../policy/BatchPolicy.ts"
import type { Merged } from "../model/Outcome.ts"
import * as Encoded from "../record/EncodedRecord.ts"

/**
 * A batch as it was collected. The offsets of its records ascend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch<A> {
  /** 1-based, in the order in which batches are closed. */
  readonly number: number
  readonly records: Arr.NonEmptyReadonlyArray<Encoded.EncodedRecord<A>>
  /** The outcomes of records that were folded into later ones; each `into` is the offset of one of `records`. */
  readonly merged: ReadonlyArray<Merged>
  /** UTF-8 bytes of the whole body, with its envelope. */
  readonly bytes: number
  /** What stands before and after the records. */
  readonly envelope: readonly [open: string, close: string]
}

/**
 * Whether a record of this offset is in a batch, or was folded into one of it.
 *
 * @category guards
 * @since 0.1.0
 */
export const holds = ({ merged, records }: Pick<Batch<unknown>, "merged" | "records">, offset: number): boolean => {
  let low = 0
  let high = records.length
  // The offsets of a batch ascend.
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle]?.offset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return records[low]?.offset === offset || merged.some((one) => one.offset === offset)
}

/**
 * The keys of a batch for `Dispatch.mapEffect`, as their hashes.
 *
 * @category getters
 * @since 0.1.0
 */
export const keys = ({ records }: Pick<Batch<unknown>, "records">): Int32Array => {
  const hashes = new Int32Array(records.length)
  for (let i = 0; i < records.length; i++) hashes[i] = records[i]?.keyHash ?? 0
  return hashes
}

/**
 * The body of a request that holds the records of a batch, or some of them, in UTF-8.
 *
 * @category encoding
 * @since 0.1.0
 */
export const body = ({ envelope, records }: Pick<Batch<unknown>, "envelope" | "records">): Uint8Array<ArrayBuffer> =>
  Encoded.body(records, envelope)

// From half of a size that was refused, the way back to it takes 8 steps, so 160 requests: less than one request
// in a hundred is wasted on a vendor whose limit is below the policy's.
const successesPerStep = 20
const stepFactor = 1.1

/**
 * The size that batches may have at the moment: the policy's, until an answer (413) says that it is too large.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchLimit {
  /** Records in one batch. */
  readonly records: number
  /** UTF-8 bytes of the whole body. */
  readonly bytes: number
  /**
   * A body of this size was refused as too large: batches are at most half of it from here on. Where it held
   * one record, only the bytes are halved.
   */
  readonly tooLarge: (records: number, bytes: number) => void
  /**
   * A body of this size was taken. After every 20 that were at least half of what is allowed, a tenth more is
   * allowed, up to the policy.
   */
  readonly succeeded: (records: number, bytes: number) => void
}

/**
 * The working size of one run, which starts at what policy and destination allow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const limit = (
  policy: Pick<BatchPolicy, "maxRecords" | "maxBytes">,
  destination: { readonly maxRecords: number }
): BatchLimit => {
  const maxRecords = Math.min(policy.maxRecords, destination.maxRecords)
  const { maxBytes } = policy
  let records = maxRecords
  let bytes = maxBytes
  let successes = 0
  return {
    get records() {
      return records
    },
    get bytes() {
      return bytes
    },
    tooLarge: (refusedRecords, refusedBytes) => {
      successes = 0
      // Several batches of one size may be refused at once: that is one reason to halve, not several.
      if (refusedRecords > 1) records = Math.min(records, Math.floor(refusedRecords / 2))
      bytes = Math.min(bytes, Math.floor(refusedBytes / 2))
    },
    succeeded: (takenRecords, takenBytes) => {
      if (records === maxRecords && bytes === maxBytes) return
      // That a small body is taken says nothing of a large one.
      if (takenRecords * 2 < records && takenBytes * 2 < bytes) return
      if (++successes < successesPerStep) return
      successes = 0
      records = Math.min(maxRecords, Math.ceil(records * stepFactor))
      bytes = Math.min(maxBytes, Math.ceil(bytes * stepFactor))
    }
  }
}
