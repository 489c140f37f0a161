/**
 * Encoding: the JSON of each record is made once, and what must not or cannot be sent is taken out.
 *
 * @since 0.1.0
 */
import { Array as Arr, Result, Stream } from "effect"
import * as InputIssue from "../http/InputIssue.ts"
import type { BatchPolicy } from "../policy/BatchPolicy.ts"
import * as Batch from "./Batch.ts"
import type { CustomerRecord, RecordInput } from "./CustomerRecord.ts"
import type { Behaviour, Destination } from "./Destination.ts"
import type { Rejected } from "./Outcome.ts"

/**
 * A record that is rejected before sending, with what a dead letter needs. `outcome` may be logged; `input` holds
 * customer data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsendable<A> {
  readonly _tag: "Unsendable"
  readonly outcome: Rejected
  readonly record: CustomerRecord<A>
  /** Who the record is about, where that could be read. */
  readonly key: string | undefined
  /** The record as read. */
  readonly input: RecordInput
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isUnsendable = <A>(encoded: Batch.EncodedRecord<A> | Unsendable<A>): encoded is Unsendable<A> =>
  "outcome" in encoded

/**
 * @category guards
 * @since 0.1.0
 */
export const isSendable = <A>(encoded: Batch.EncodedRecord<A> | Unsendable<A>): encoded is Batch.EncodedRecord<A> =>
  !("outcome" in encoded)

/**
 * Encodes records, chunk by chunk and in their order. Rejected are those that do not fit their schema (with the
 * reason that the source gave), those that the destination does not encode (`InvalidRequest`), and those whose
 * body would be larger than the policy allows even alone (`TooLarge`, with the size).
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <A, B extends Behaviour>(
  policy: Pick<BatchPolicy, "maxBytes">,
  destination: Pick<Destination<A, B>, "encode" | "envelope" | "key">
) => {
  const emptyBytes = Batch.envelopeBytes(destination)
  const one = (record: CustomerRecord<A>): Batch.EncodedRecord<A> | Unsendable<A> => {
    if (record._tag === "Invalid") {
      return unsendable(record, undefined, record.reason._tag, record.reason.issues, record.input)
    }
    const key = destination.key(record.patch)
    const encoded = destination.encode(record.patch)
    if (Result.isFailure(encoded)) {
      return unsendable(record, key, "InvalidRequest", encoded.failure, { format: "json", value: record.patch })
    }
    const json = encoded.success
    const bytes = Batch.utf8Bytes(json)
    if (emptyBytes + bytes <= policy.maxBytes) return { record, key, json, bytes }
    const message = `The record alone needs a body of ${emptyBytes + bytes} bytes; ${policy.maxBytes} are allowed`
    const input: RecordInput = { format: "json", value: JSON.parse(json) }
    return unsendable(record, key, "TooLarge", [{ path: [], message }], input)
  }
  return <E, R>(
    records: Stream.Stream<CustomerRecord<A>, E, R>
  ): Stream.Stream<Batch.EncodedRecord<A> | Unsendable<A>, E, R> =>
    Stream.mapArray(records, (chunk) => Arr.map(chunk, one))
}

const unsendable = <A>(
  record: CustomerRecord<A>,
  key: string | undefined,
  tag: string,
  issues: ReadonlyArray<InputIssue.InputIssue>,
  input: RecordInput
): Unsendable<A> => ({
  _tag: "Unsendable",
  outcome: { _tag: "Rejected", offset: record.offset, reason: { tag, message: InputIssue.format(issues), issues } },
  record,
  key,
  input
})
