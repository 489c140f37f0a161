/**
 * Encoding: the JSON of each record is made once, and what must not or cannot be sent is taken out.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as InputIssue from "../../json/InputIssue.ts"
import * as SendableJson from "../../json/SendableJson.ts"
import * as StructWriter from "../../json/StructWriter.ts"
import type { BatchPolicy } from "../../policy/BatchPolicy.ts"
import type { CustomerRecord, RecordInput, Row, Skipped, SourcePosition } from "../model/CustomerRecord.ts"
import type { Behaviour, Destination } from "../model/Destination.ts"
import * as Outcome from "../model/Outcome.ts"
import * as EncodedRecord from "./EncodedRecord.ts"
import { JsonBlocks } from "./JsonBlocks.ts"

/**
 * A record that is rejected before sending, with what a dead letter needs. `outcome` may be logged; `input` holds
 * customer data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsendable {
  readonly _tag: "Unsendable"
  /** 0-based position in the source. */
  readonly offset: number
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly outcome: Outcome.Rejected
  /** Who the record is about, where that could be read. */
  readonly key: string | undefined
  /** The record as read. */
  readonly input: RecordInput
  /** The row, where it is at hand. */
  readonly row?: Row | undefined
}

/**
 * A record that is not sent: it is rejected, or left out.
 *
 * @category models
 * @since 0.1.0
 */
export type Withheld = Unsendable | Skipped

/**
 * A record of a source, encoded or not to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export type Encoded<A> = EncodedRecord.EncodedRecord<A> | Withheld

/**
 * Encodes the records of one source for one destination, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoder<A> {
  encode(record: CustomerRecord<A>): Encoded<A>
  /** Where all of the JSON is written, also by a source that writes it itself. */
  readonly blocks: JsonBlocks
  /** The schema whose JSON a source may write itself, and the field that is the key; see `Destination`. */
  readonly json: Pick<NonNullable<Destination<A>["json"]>, "field" | "schema"> | undefined
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isUnsendable = <A>(encoded: Encoded<A>): encoded is Unsendable => encoded._tag === "Unsendable"

/**
 * @category guards
 * @since 0.1.0
 */
export const isWithheld = <A>(encoded: Encoded<A>): encoded is Withheld => encoded._tag !== "Encoded"

/**
 * @category guards
 * @since 0.1.0
 */
export const isSendable = <A>(encoded: Encoded<A>): encoded is EncodedRecord.EncodedRecord<A> =>
  encoded._tag === "Encoded"

const areSendable = <A>(
  encoded: Arr.NonEmptyReadonlyArray<Encoded<A>>
): encoded is Arr.NonEmptyReadonlyArray<EncodedRecord.EncodedRecord<A>> => encoded.every(isSendable)

/**
 * The records that are sent; the others go to `withhold`, chunk by chunk, before anything that comes after them.
 *
 * @category filtering
 * @since 0.1.0
 */
export const sendable =
  <X, E, R>(withhold: (withheld: Arr.NonEmptyReadonlyArray<Withheld>) => Effect.Effect<X, E, R>) =>
  <A, E2, R2>(
    records: Stream.Stream<Encoded<A>, E2, R2>
  ): Stream.Stream<EncodedRecord.EncodedRecord<A>, E | E2, R | R2> =>
    Stream.transformPull(records, (pull) => {
      const next: Pull.Pull<
        Arr.NonEmptyReadonlyArray<EncodedRecord.EncodedRecord<A>>,
        E | E2,
        void,
        R
      > = Effect.flatMap(pull, (chunk) => {
        // As a rule; nothing is copied then.
        if (areSendable(chunk)) return Effect.succeed(chunk)
        const withheld = chunk.filter(isWithheld)
        const rest = chunk.filter(isSendable)
        const noted = Arr.isArrayNonEmpty(withheld) ? withhold(withheld) : Effect.void
        return Effect.flatMap(noted, () => (Arr.isArrayNonEmpty(rest) ? Effect.succeed(rest) : next))
      })
      return Effect.succeed(next)
    })

/**
 * Encodes record after record. Rejected are those that do not fit their schema (with the reason that the source gave),
 * those that the destination does not encode or that cannot be sent as they are (`InvalidRequest`), and those whose body would be larger than the policy
 * allows even alone (`TooLarge`, with the size).
 *
 * @category constructors
 * @since 0.1.0
 */
export const encoder = <A, B extends Behaviour>(
  policy: Pick<BatchPolicy, "maxBytes" | "maxRecords">,
  destination: Pick<Destination<A, B>, "encode" | "envelope" | "json" | "key" | "maxRecords">,
  options?: {
    /** Whether the record of an offset was sent already, whatever its size: by an earlier run under another policy. */
    readonly wasSent?: ((offset: number) => boolean) | undefined
  }
): Encoder<A> => {
  const emptyBytes = EncodedRecord.envelopeBytes(destination)
  const { envelope, maxRecords } = destination
  const blocks = new JsonBlocks({
    envelope,
    maxRecords: Math.min(policy.maxRecords, maxRecords),
    maxBytes: policy.maxBytes
  })
  const maxBytes = policy.maxBytes - emptyBytes
  const { encode, key } = destination
  const json = destination.json?.encode === encode && destination.json.key === key ? destination.json : undefined
  const writer = json && StructWriter.make(json.schema, json.nulls)
  const sendable = SendableJson.checked(encode)
  const isAllowed = (bytes: number, offset: number) => bytes <= maxBytes || options?.wasSent?.(offset) === true

  /** The bytes of a record of the usual kind, which was written as its schema encodes it. */
  const quick = (patch: A): number => {
    try {
      return writer === undefined ? StructWriter.unusual : blocks.writeBy(writer, patch)
    } catch {
      // It is told by the way through the schema.
      return StructWriter.unusual
    }
  }

  return {
    blocks,
    json,
    encode: (record) => {
      if (record._tag === "Skipped") return record
      if (record._tag === "Invalid") {
        return unsendable(record, undefined, record.reason._tag, record.reason.issues, record.input)
      }
      const { line, offset, patch, position, row } = record
      const key = keyOf(destination, patch)
      const written = key === undefined ? StructWriter.unusual : quick(patch)
      if (key !== undefined && written !== StructWriter.unusual && isAllowed(written, offset)) {
        blocks.keep(written)
        return EncodedRecord.written(blocks, { offset, line, position, key, patch, row })
      }
      const encoded = sendable(patch)
      if (key === undefined || Result.isFailure(encoded)) {
        const issues = Result.isFailure(encoded) ? encoded.failure : nobody
        return unsendable(record, key, "InvalidRequest", issues, { format: "json", value: patch })
      }
      const json = encoded.success
      const bytes = blocks.write(json)
      if (isAllowed(bytes, offset)) {
        blocks.keep(bytes)
        return EncodedRecord.written(blocks, { offset, line, position, key, patch, row })
      }
      const message = `The record alone needs a body of ${emptyBytes + bytes} bytes; ${policy.maxBytes} are allowed`
      const input: RecordInput = { format: "json", value: JSON.parse(json) }
      return unsendable(record, key, "TooLarge", [{ path: [], message }], input)
    }
  }
}

const nobody: ReadonlyArray<InputIssue.InputIssue> = [
  { path: [], message: "Who the record is about cannot be read, or is no text that can be sent" }
]

// Patches that are made in code may be anything at run time, and looking at one may throw.
const keyOf = <A, B extends Behaviour>(destination: Pick<Destination<A, B>, "key">, patch: A): string | undefined => {
  try {
    const key: unknown = destination.key(patch)
    return typeof key === "string" && !SendableJson.isHalved(key) ? key : undefined
  } catch {
    return undefined
  }
}

/**
 * Encodes records, chunk by chunk and in their order, as `encoder` does.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <A, B extends Behaviour>(
  policy: Pick<BatchPolicy, "maxBytes" | "maxRecords">,
  destination: Pick<Destination<A, B>, "encode" | "envelope" | "json" | "key" | "maxRecords">
): (<E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>) => Stream.Stream<Encoded<A>, E, R>) => {
  const { encode } = encoder(policy, destination)
  return Stream.mapArray((chunk) => Arr.map(chunk, encode))
}

const unsendable = (
  { line, offset, position, row }: CustomerRecord<unknown>,
  key: string | undefined,
  tag: string,
  issues: ReadonlyArray<InputIssue.InputIssue>,
  input: RecordInput
): Unsendable => ({
  _tag: "Unsendable",
  offset,
  line,
  position,
  outcome: {
    _tag: "Rejected",
    ...Outcome.ofRecord({ offset, position }),
    reason: { tag, message: InputIssue.format(issues), issues }
  },
  key,
  input,
  ...(row === undefined ? {} : { row })
})
