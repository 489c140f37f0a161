/**
 * Where records come from, and how reading them is taken up again.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SendableJson from "../../json/SendableJson.ts"
import type { CustomerRecord, Invalid, Row, SourcePosition, Valid } from "../model/CustomerRecord.ts"
import type { Fingerprint } from "../model/Fingerprint.ts"
import type { Encoded, Encoder } from "./Encode.ts"
import { SourcePlaceInvalid } from "./SourcePlaceInvalid.ts"

export * from "./SourcePlaceInvalid.ts"

const TypeId = "~effect-patchbay/sync/Source"

/**
 * Where records come from, as a value: what it is, how to go on from a position, and the records. It is a stream of them
 * too, for whoever wants no more; what a combinator of `Stream` makes of it is a plain stream, which cannot be resumed
 * and does not compile where a checkpoint is. `map`, `filter` and `tap` of this module keep it a source.
 *
 * The offsets of its records ascend, and each time it is read from a position on, the same records come in the same
 * order. A run reads it once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source<A, E = never, R = never> extends Stream.Stream<CustomerRecord<A>, E, R>, Origin<A, E, R> {
  readonly [TypeId]: typeof TypeId
}

/**
 * What a source is made of. `P` is what it calls a place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin<A, E, R, P = unknown> {
  /** What must be the same for a checkpoint to be good: the file, its size, the schema … No customer data. */
  readonly fingerprint: Effect.Effect<Fingerprint, E, R>
  /**
   * Where reading can go on, as the source says it: a byte and a line, the values of a key … Whatever schema it is, a
   * checkpoint holds it as JSON, and brings it back. Each `position` of a record has one, as have those that `from` is
   * given. Default: there are no places; reading always starts at the start, and positions of records mean nothing.
   */
  readonly place?: Schema.Codec<P, unknown> | undefined
  /** Its records from a position on; from their start where there is none. */
  readonly from: (position: SourcePosition<P> | undefined) => Stream.Stream<CustomerRecord<A>, E, R>
  /**
   * The same records, encoded on the way, where the source can write their JSON itself; `undefined` where it cannot for
   * this encoder. Default: it never can.
   */
  // A method, because it is only ever given an encoder of these records: sources of fewer fields are sources of more.
  encoded?(encoder: Encoder<A>): EncodedFrom<A, E, R, P> | undefined
  /** Whether every machine that may run a sync can read it. Default: only this one, as far as is known. */
  readonly shared?: boolean | undefined
  /**
   * How many records there are from a position on up to each of the places, for a source into which records come, and out
   * of which they go, between two readings; each record must have a place of its own. Default: as many as there were.
   */
  readonly recount?: Recount<E, R, P> | undefined
  /**
   * Reads the rows of these records again, as they stand in the source, by their offsets: for dead letters, so that good
   * records cost nothing. What cannot be read again is left out. Default: none can.
   */
  readonly rows?: ((records: ReadonlyArray<RowAt<P>>) => Effect.Effect<ReadonlyMap<number, Row>, never, R>) | undefined
  /**
   * The fields that are mapped to a name that no record had, once the source has been read from its start to its end.
   * Default: none.
   */
  readonly missing?: (() => ReadonlyArray<MissingName>) | undefined
}

/**
 * Counts the records from a position on up to each of some places, the record there included or not.
 *
 * @category models
 * @since 0.1.0
 */
export type Recount<E, R, P = unknown> = {
  // Written as a method, because places are only ever brought back to the source that they come from.
  count(
    from: SourcePosition<P>,
    ends: ReadonlyArray<{ readonly place: P; readonly inclusive: boolean }>
  ): Effect.Effect<ReadonlyArray<number>, E, R>
}["count"]

/**
 * A record whose row is to be read again.
 *
 * @category models
 * @since 0.1.0
 */
export interface RowAt<P = unknown> {
  readonly offset: number
  /** From which on it comes. */
  readonly position: SourcePosition<P>
}

/**
 * A name that no record of a source had.
 *
 * @category models
 * @since 0.1.0
 */
export const MissingName = Schema.Struct({
  field: Schema.String,
  /** The name that it should have had in the source. */
  name: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type MissingName = typeof MissingName.Type

/**
 * The names that no record had, once all have been read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const missing = <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>): ReadonlyArray<MissingName> =>
  isSource(records) ? (records.missing?.() ?? []) : []

/**
 * What is told of such a name, as a row of a table.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatMissing = ({ field, name }: MissingName): readonly [title: string, text: string] => [
  `never sent: ${field}`,
  `no record has ${JSON.stringify(name)}, which is mapped to it`
]

/**
 * The encoded records of a source from a position on.
 *
 * @category models
 * @since 0.1.0
 */
export type EncodedFrom<A, E, R, P = unknown> = (
  position: SourcePosition<P> | undefined
) => Stream.Stream<Encoded<A>, E, R>

/**
 * The source no longer has records that an earlier run read, so that the checkpoint is not good for it: it is another
 * one, or one that can be read only once.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", {
  /** The first of them: its 0-based offset. */
  offset: Schema.Int
}) {
  override get message(): string {
    return `An earlier run read record ${this.offset}, and the source does not have it any more. Run with the source that the checkpoint was made for, or reset the checkpoint to start afresh.`
  }
}

/**
 * There is a checkpoint, and the records come from a stream that does not say what it is, which the types refuse as well.
 * Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceUnnamed extends Schema.TaggedError<SourceUnnamed>()("SourceUnnamed", {}) {
  override get message(): string {
    return "With a checkpoint, the records must come from a source that says what it is, and a stream that was piped through a combinator does not any more. Give it a name with Source.withFingerprint, use Source.tap, map or filter, or run without a checkpoint."
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
 * A source of one's own. This one is a table whose rows are numbered, and goes on behind the number of a row:
 *
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import { Source } from "effect-patchbay"
 *
 * interface Row {
 *   readonly id: number
 *   readonly customerId: string
 * }
 *
 * export const table = (rows: (from: number) => Stream.Stream<Row>) =>
 *   Source.make({
 *     fingerprint: Effect.succeed({ source: "the table of customers" }),
 *     place: Schema.Struct({ id: Schema.Int }),
 *     from: (position) => {
 *       let next = position?.offset ?? 0
 *       return Stream.map(rows(position?.place.id ?? 0), ({ customerId, id }) => {
 *         const offset = next++
 *         return { _tag: "Valid", offset, line: undefined, position: { offset, place: { id } }, patch: { customerId } } as const
 *       })
 *     }
 *   })
 * ```
 *
 * A position that does not fit `place` is a defect where an app gives it to `from`; in a checkpoint, it stops the run with
 * `SourcePlaceInvalid` before it reads.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E = never, R = never, P = unknown>(origin: Origin<A, E, R, P>): Source<A, E, R> => {
  const { missing, place, recount, rows } = origin
  const isPlace = place === undefined ? undefined : Schema.is(place)
  // What a source calls a place is nobody else's business, so that its type forgets it.
  const fits = (position: SourcePosition): position is SourcePosition<P> => isPlace?.(position.place) === true
  const placed =
    <T>(from: (position: SourcePosition<P> | undefined) => Stream.Stream<T, E, R>) =>
    (position: SourcePosition | undefined): Stream.Stream<T, E, R> => {
      if (position === undefined || isPlace === undefined) return from(undefined)
      return fits(position)
        ? from(position)
        : Stream.die(new SourcePlaceInvalid({ offset: position.offset, from: "source" }))
    }
  const invalid = ({ offset }: SourcePosition) => Effect.die(new SourcePlaceInvalid({ offset, from: "source" }))
  const counted =
    (recount: Recount<E, R, P>): Recount<E, R> =>
    (from, ends) => {
      if (!fits(from)) return invalid(from)
      const known = ends.filter(
        (end): end is { readonly place: P; readonly inclusive: boolean } => isPlace?.(end.place) === true
      )
      return known.length === ends.length ? recount(from, known) : invalid(from)
    }
  return Object.assign(
    Stream.suspend(() => origin.from(undefined)),
    {
      [TypeId]: TypeId,
      fingerprint: origin.fingerprint,
      place,
      from: placed(origin.from),
      encoded: (encoder: Encoder<A>) => {
        const from = origin.encoded?.(encoder)
        return from && placed(from)
      },
      ...(recount === undefined ? {} : { recount: counted(recount) }),
      shared: origin.shared,
      rows:
        rows &&
        ((records: ReadonlyArray<RowAt>) =>
          rows(records.flatMap(({ offset, position }) => (fits(position) ? [{ offset, position }] : [])))),
      missing
    } as const
  )
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isSource = <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>): records is Source<A, E, R> =>
  Predicate.hasProperty(records, TypeId)

/**
 * A stream of records as a source: `fingerprint` says what it is, in parts that change when its records do, such as
 * `{ query: "customers", until: "2026-01-31" }`. It is read from its start in each run, and what has its outcome is
 * passed over, so it must bring the same records again, in the same order. What can be read only once, such as a queue
 * whose messages are gone, is no such source: there, acknowledge what `CustomerSync.outcomes` tells.
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Checkpoint, CustomerRecord, CustomerSync, ReachDestination, Source } from "effect-patchbay"
 *
 * const customers = Stream.make({ customerId: "c-1", lastName: "Lovelace" }, { customerId: "c-2", lastName: "Hopper" })
 *
 * export const sync = CustomerRecord.fromPatches(customers).pipe(
 *   Source.withFingerprint({ query: "all customers, by id", until: "2026-01-31" }),
 *   CustomerSync.run({ to: ReachDestination.batchPatch(), checkpoint: Checkpoint.file(".patchbay/acme") }),
 *   Effect.asVoid
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const withFingerprint: {
  (fingerprint: Fingerprint): <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>) => Source<A, E, R>
  <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>, fingerprint: Fingerprint): Source<A, E, R>
} = dual(
  2,
  <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>, fingerprint: Fingerprint): Source<A, E, R> =>
    make({ fingerprint: Effect.succeed(fingerprint), from: () => records })
)

/**
 * Says that every machine that may run a sync of this source can read it, and finds the same: a file on a path that all of
 * them have, an object in a store.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shared = <A, E, R>(source: Source<A, E, R>): Source<A, E, R> => make({ ...source, shared: true })

/**
 * Runs an effect for each record as it is read, rejected ones included. It changes nothing of what is sent, so the
 * fingerprint stays the same.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap: {
  <A, X, E2, R2>(
    f: (record: CustomerRecord<A>) => Effect.Effect<X, E2, R2>
  ): <E, R>(source: Source<A, E, R>) => Source<A, E | E2, R | R2>
  <A, E, R, X, E2, R2>(
    source: Source<A, E, R>,
    f: (record: CustomerRecord<A>) => Effect.Effect<X, E2, R2>
  ): Source<A, E | E2, R | R2>
} = dual(
  2,
  <A, E, R, X, E2, R2>(
    source: Source<A, E, R>,
    f: (record: CustomerRecord<A>) => Effect.Effect<X, E2, R2>
  ): Source<A, E | E2, R | R2> =>
    make<A, E | E2, R | R2>({
      fingerprint: source.fingerprint,
      place: source.place,
      recount: source.recount,
      shared: source.shared,
      from: (position) => Stream.tap(source.from(position), f),
      rows: source.rows,
      missing: source.missing
    })
)

/**
 * Changes the patch of each record that fits its schema; a record for which `f` throws is rejected. `name` says how, and goes into the fingerprint: a checkpoint
 * that was made under another name is refused, so give it another when what `f` does changes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const map: {
  <A, B>(name: string, f: (patch: A) => B): <E, R>(source: Source<A, E, R>) => Source<B, E, R>
  <A, E, R, B>(source: Source<A, E, R>, name: string, f: (patch: A) => B): Source<B, E, R>
} = dual(
  3,
  <A, E, R, B>(source: Source<A, E, R>, name: string, f: (patch: A) => B): Source<B, E, R> =>
    make({
      fingerprint: withPart(source, "map", name),
      place: source.place,
      recount: source.recount,
      shared: source.shared,
      from: (position) =>
        Stream.map(source.from(position), (record): CustomerRecord<B> => {
          if (record._tag === "Invalid") return record
          const { line, offset, position, row } = record
          return attempt(`map "${name}"`, record, (patch) => ({
            _tag: "Valid",
            offset,
            line,
            position,
            patch: f(patch),
            row
          }))
        }),
      rows: source.rows,
      missing: source.missing
    })
)

/**
 * Leaves out the records that fit their schema and that the predicate is not true for, as if the source did not have
 * them; those that are rejected stay, and so does one, rejected, for which it throws. `name` says which, and goes into the fingerprint, as with `map`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const filter: {
  <A>(name: string, predicate: (patch: A) => boolean): <E, R>(source: Source<A, E, R>) => Source<A, E, R>
  <A, E, R>(source: Source<A, E, R>, name: string, predicate: (patch: A) => boolean): Source<A, E, R>
} = dual(
  3,
  <A, E, R>(source: Source<A, E, R>, name: string, predicate: (patch: A) => boolean): Source<A, E, R> =>
    make({
      fingerprint: withPart(source, "filter", name),
      place: source.place,
      recount: source.recount,
      shared: source.shared,
      from: (position) =>
        source.from(position).pipe(
          Stream.map((record): CustomerRecord<A> | undefined =>
            record._tag === "Invalid"
              ? record
              : attempt(`filter "${name}"`, record, (patch) => (predicate(patch) ? record : undefined))
          ),
          Stream.filter(Predicate.isNotUndefined)
        ),
      rows: source.rows,
      missing: source.missing
    })
)

// What an app's function throws for a record rejects that record.
const attempt = <A, T>(
  by: string,
  { line, offset, patch, position, row }: Valid<A>,
  f: (patch: A) => T
): T | Invalid => {
  try {
    return f(patch)
  } catch (error) {
    const message = `The ${by} failed for this record (${SendableJson.thrown(error)})`
    const reason = { _tag: "SchemaMismatch", issues: [{ path: [], message }] } as const
    return { _tag: "Invalid", offset, line, position, reason, input: { format: "json", value: patch }, row }
  }
}

// In the order in which they are applied: each has a number of its own.
const withPart = <A, E, R>(
  { fingerprint }: Source<A, E, R>,
  kind: string,
  name: string
): Effect.Effect<Fingerprint, E, R> =>
  Effect.map(fingerprint, (parts) => ({ ...parts, [`${kind} ${Object.keys(parts).length}`]: name }))

/**
 * The records of a source, encoded: by the source itself where it can, otherwise chunk by chunk.
 *
 * @category combinators
 * @since 0.1.0
 */
export const encoded = <A, E, R>(
  source: Pick<Origin<A, E, R>, "encoded" | "from">,
  encoder: Encoder<A>
): EncodedFrom<A, E, R> =>
  source.encoded?.(encoder) ??
  ((position) => Stream.mapArray(source.from(position), (chunk) => Arr.map(chunk, encoder.encode)))
