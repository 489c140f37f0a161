/**
 * Where records come from, and how reading them is taken up again.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CustomerRecord, SourcePosition } from "./CustomerRecord.ts"
import type { Encoded, Encoder } from "./Encode.ts"

const TypeId = "~effect-patchbay/sync/Source"

/**
 * What a stream of records can say of its origin. Each offset comes once, and they ascend. Any stream of records is a
 * source; one that can say this is read from where an earlier run stopped, instead of from its start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source<A, E, R> {
  /** What must be the same for a checkpoint to be good: the file, its size, the schema … No customer data. */
  readonly fingerprint: Effect.Effect<{ readonly [part: string]: string }, E, R>
  /** Its records from a position on. */
  readonly from: (position: SourcePosition | undefined) => Stream.Stream<CustomerRecord<A>, E, R>
  /**
   * The same records, encoded on the way, where the source can write their JSON itself; `undefined` where it cannot for
   * this encoder. Default: it never can.
   */
  readonly encoded?: ((encoder: Encoder<A>) => EncodedFrom<A, E, R> | undefined) | undefined
}

/**
 * The encoded records of a source from a position on.
 *
 * @category models
 * @since 0.1.0
 */
export type EncodedFrom<A, E, R> = (position: SourcePosition | undefined) => Stream.Stream<Encoded<A>, E, R>

/**
 * The source no longer has records that an earlier run sent, so that the checkpoint is not good for it.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", {
  /** The first of them: its 0-based offset. */
  offset: Schema.Int
}) {
  override get message(): string {
    return `An earlier run sent record ${this.offset}, and the source does not have it any more. Run with the source that the checkpoint was made for, or reset the checkpoint to start afresh.`
  }
}

/**
 * Records came out of the order of their offsets, so that no checkpoint can say how far a run is.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceOutOfOrder extends Schema.TaggedError<SourceOutOfOrder>()("SourceOutOfOrder", {
  /** 0-based. */
  offset: Schema.Int,
  /** The offset of the record before it. */
  after: Schema.Int
}) {
  override get message(): string {
    return `Record ${this.offset} came after record ${this.after}. With a checkpoint, records must come in the order of their offsets: take out what changes it, or run without a checkpoint.`
  }
}

/**
 * A stream of records that can say where it comes from. It is a plain stream to whoever does not ask; what is made
 * of it by a combinator cannot say so any more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = <A, E, R>(source: Source<A, E, R>): Stream.Stream<CustomerRecord<A>, E, R> =>
  Object.assign(
    Stream.suspend(() => source.from(undefined)),
    { [TypeId]: source }
  )

/**
 * What a stream of records says of its origin. One that says nothing is read from its start, and what is done
 * already is passed over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const of = <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>): Source<A, E, R> =>
  hasSource<A, E, R>(records)
    ? records[TypeId]
    : { fingerprint: Effect.succeed({ source: "a stream" }), from: () => records }

/**
 * The records of a source, encoded: by the source itself where it can, otherwise chunk by chunk.
 *
 * @category combinators
 * @since 0.1.0
 */
export const encoded = <A, E, R>(source: Source<A, E, R>, encoder: Encoder<A>): EncodedFrom<A, E, R> =>
  source.encoded?.(encoder) ??
  ((position) => Stream.mapArray(source.from(position), (chunk) => Arr.map(chunk, encoder.encode)))

// Nothing but `attach` sets the property, and it keeps the stream's type parameters.
const hasSource = <A, E, R>(
  records: Stream.Stream<CustomerRecord<A>, E, R>
): records is Stream.Stream<CustomerRecord<A>, E, R> & { readonly [TypeId]: Source<A, E, R> } =>
  Predicate.hasProperty(records, TypeId)
