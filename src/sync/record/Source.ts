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
import { InvalidConfiguration } from "../../http/InvalidConfiguration.ts"
import * as SendableJson from "../../json/SendableJson.ts"
import type { CustomerRecord, Invalid, Row, SourcePosition, Valid } from "../model/CustomerRecord.ts"
import * as Fingerprint from "../model/Fingerprint.ts"
import type { Encoded, Encoder } from "./Encode.ts"
import * as SourceNote from "./SourceNote.ts"
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
  readonly fingerprint: Effect.Effect<Fingerprint.Fingerprint, E, R>
  /**
   * Where reading can go on, as the source says it: a byte and a line, the values of a key … Whatever schema it is, a
   * checkpoint holds it as JSON, and brings it back. Each `position` of a record has one, as have those that `from` is
   * given. Default: there are no places; reading always starts at the start, and positions of records mean nothing.
   */
  readonly place?: Schema.Codec<P, unknown> | undefined
  /** The place of its first record. With it, the source can stand behind others: `concat`. Default: it cannot. */
  readonly start?: P | undefined
  /**
   * Its records from a position on; from their start where there is none. The first of them has the position's `offset`, and
   * the positions of all of them its `source`.
   */
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
   * What stands in the way of going on with a checkpoint that was made for another fingerprint, of all that differs: a source
   * that was only added to says that nothing does. Default: all of it.
   */
  readonly against?: ((change: Change) => Effect.Effect<ReadonlyArray<Fingerprint.Difference>, E, R>) | undefined
  /**
   * What shows `against` later that the source still has what was read of it, up to the record of an offset, or further;
   * `undefined` where that cannot be shown. `behind` is the first position that is known there. A checkpoint keeps it.
   * Default: it never can.
   */
  readonly proof?:
    | ((offset: number, behind: SourcePosition<P> | undefined) => Effect.Effect<string | undefined, never, R>)
    | undefined
  /** What it has to tell of itself, of the last reading and as far as that went. Default: nothing. */
  readonly notes?: Telling["notes"] | undefined
  /**
   * How many bytes, as positions count them, one byte of the source has become so far, where it is compressed or in another
   * encoding. Default: 1.
   */
  readonly expansion?: (() => number) | undefined
  /**
   * What a mapping did to the records that were read last, field by field; `undefined` where it does no more than name
   * columns. It is counted by `from`, not by `encoded`. Default: there is no mapping.
   */
  readonly mapped?: (() => { readonly [field: string]: MappedField } | undefined) | undefined
}

/**
 * How a source differs from the one that a checkpoint was made for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly was: Fingerprint.Fingerprint
  readonly differences: ReadonlyArray<Fingerprint.Difference>
  /** What the source gave as `proof` of what was read of it. */
  readonly proof: string | undefined
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
 * What a mapping did to one field, in records.
 *
 * @category models
 * @since 0.1.0
 */
export const MappedField = Schema.Struct({
  /** Nothing stood there, or a word that means nothing. */
  empty: Schema.Int,
  /** Another value came out than stood there. */
  changed: Schema.Int,
  /** Neither the mapping nor the destination's schema takes what stood there. */
  refused: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type MappedField = typeof MappedField.Type

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
 * A stream that has something to tell of itself: of its last reading, and as far as that went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Telling {
  readonly notes: () => ReadonlyArray<SourceNote.SourceNote>
}

const notesOf = (records: object): Telling["notes"] | undefined => {
  const { notes }: { readonly notes?: unknown } = records
  // Nothing but a stream of records of ours has a function of that name, and `Telling` says of what type it is.
  return typeof notes === "function" ? (notes as Telling["notes"]) : undefined
}

/**
 * What a source has to tell of itself so far. What no record had is told only once all have been read: `ended`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const notes = <A, E, R>(
  records: Stream.Stream<CustomerRecord<A>, E, R>,
  { ended }: { readonly ended: boolean }
): ReadonlyArray<SourceNote.SourceNote> => {
  const all = notesOf(records)?.() ?? []
  return ended ? all : all.filter(({ _tag }) => _tag !== "NeverFound")
}

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
  const { against, expansion, mapped, notes, place, proof, recount, rows, start } = origin
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
      start,
      expansion,
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
      against,
      proof:
        proof &&
        ((offset: number, behind: SourcePosition | undefined) =>
          behind === undefined || fits(behind) ? proof(offset, behind) : Effect.succeed(undefined)),
      notes,
      mapped
    } as const
  )
}

/**
 * Whether a failure of a source says, with a property `isAfterRecords: true`, that the records before it are good: a run then
 * sends all of them before it ends with the failure. Any other stops a run at once, and what was read and not sent is
 * `Unsent`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAfterRecords = (error: unknown): boolean =>
  Predicate.hasProperty(error, "isAfterRecords") && error.isAfterRecords === true

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
  (fingerprint: Fingerprint.Fingerprint): <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>) => Source<A, E, R>
  <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>, fingerprint: Fingerprint.Fingerprint): Source<A, E, R>
} = dual(
  2,
  <A, E, R>(records: Stream.Stream<CustomerRecord<A>, E, R>, fingerprint: Fingerprint.Fingerprint): Source<A, E, R> =>
    make({ fingerprint: Effect.succeed(fingerprint), from: () => records, notes: notesOf(records) })
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
      start: source.start,
      from: (position) => Stream.tap(source.from(position), f),
      rows: source.rows,
      against: source.against,
      proof: source.proof,
      notes: source.notes,
      expansion: source.expansion,
      mapped: source.mapped
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
      start: source.start,
      from: (position) =>
        Stream.map(source.from(position), (record): CustomerRecord<B> => {
          if (record._tag !== "Valid") return record
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
      against: source.against,
      proof: source.proof,
      notes: source.notes,
      expansion: source.expansion,
      mapped: source.mapped
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
      start: source.start,
      from: (position) =>
        source.from(position).pipe(
          Stream.map((record): CustomerRecord<A> | undefined =>
            record._tag !== "Valid"
              ? record
              : attempt(`filter "${name}"`, record, (patch) => (predicate(patch) ? record : undefined))
          ),
          Stream.filter(Predicate.isNotUndefined)
        ),
      rows: source.rows,
      against: source.against,
      proof: source.proof,
      notes: source.notes,
      expansion: source.expansion,
      mapped: source.mapped
    })
)

/**
 * One of several sources, and the name that tells it from the others in outcomes, dead letters and messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named<A, E = never, R = never> {
  readonly name: string
  readonly source: Source<A, E, R>
}

/**
 * Several sources as one, in the order given: the offsets of each go on where those of the one before end. A checkpoint is
 * good for the same list, and for one to which others were added at the end.
 *
 * ```ts
 * import { CustomerFile, ReachSchema, Source } from "effect-patchbay"
 *
 * export const customers = Source.concat(
 *   ["january.csv", "february.ndjson"].map((name) => ({ name, source: CustomerFile.read(name, ReachSchema.CustomerPatch) }))
 * )
 * ```
 *
 * It fails with `InvalidConfiguration` where there is none, where two have one name, or where one has no `start`, as a stream
 * that was named with `withFingerprint`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concat = <A, E = never, R = never>(
  sources: ReadonlyArray<Named<A, E, R>>
): Source<A, E | InvalidConfiguration, R> => {
  const [first, ...others] = sources
  const checked = wrongWith(sources)
  // Its positions and its fingerprint are then as they are without the others, so that these may be added later.
  const bare = first !== undefined && others.length === 0

  const startOf = ({ name, source }: Named<A, E, R>, offset: number): SourcePosition =>
    bare ? { offset, place: source.start } : { offset, source: name, place: source.start }

  const reading =
    <T extends { readonly offset: number }>(
      of: (source: Source<A, E, R>) => (at: SourcePosition) => Stream.Stream<T, E, R>
    ) =>
    (position: SourcePosition | undefined): Stream.Stream<T, E | InvalidConfiguration, R> =>
      Stream.unwrap(
        Effect.map(checked, () => {
          const begun = Math.max(
            0,
            position?.source === undefined ? 0 : sources.findIndex(({ name }) => name === position.source)
          )
          let next = position?.offset ?? 0
          return Stream.fromIterable(sources.slice(begun)).pipe(
            Stream.rechunk(1),
            Stream.flatMap((named) => {
              const at = position !== undefined && named === sources[begun] ? position : startOf(named, next)
              return Stream.mapArray(of(named.source)(at), (records) => {
                next = (records.at(-1)?.offset ?? next - 1) + 1
                return records
              })
            })
          )
        })
      )

  return make<A, E | InvalidConfiguration, R>({
    fingerprint: Effect.flatMap(checked, () =>
      Effect.map(
        Effect.forEach(sources, ({ source }) => source.fingerprint),
        Fingerprint.ofSeveral(sources.map(({ name }) => name))
      )
    ),
    place: Schema.Union(sources.map(({ source }) => source.place ?? Schema.Never)),
    start: bare ? first.source.start : undefined,
    shared: sources.every(({ source }) => source.shared === true),
    from: reading(({ from }) => from),
    encoded: (encoder) => reading((source) => encoded(source, encoder)),
    rows: (records) =>
      Effect.map(
        Effect.forEach(sources, ({ name, source }) => {
          const own = records.filter(({ position }) => bare || position.source === name)
          return own.length === 0 || source.rows === undefined
            ? Effect.succeed(new Map<number, Row>())
            : source.rows(own)
        }),
        (each) => new Map(each.flatMap((rows) => [...rows]))
      ),
    against: ({ differences, proof, was }) => {
      const others = Fingerprint.withoutAdded(was, differences)
      // What is behind one that may have grown is none of its differences.
      return bare && first.source.against !== undefined
        ? first.source.against({ differences: others, proof, was })
        : Effect.succeed(others)
    },
    proof: (offset, behind) => (bare && first.source.proof?.(offset, behind)) || Effect.succeed(undefined),
    notes: () => SourceNote.together(sources.map(({ source }) => source.notes?.() ?? [])),
    mapped: sources.some(({ source }) => source.mapped !== undefined)
      ? () => sumOfMapped(sources.map(({ source }) => source.mapped?.() ?? {}))
      : undefined
  })
}

const sumOfMapped = (
  each: ReadonlyArray<{ readonly [field: string]: MappedField }>
): { readonly [field: string]: MappedField } => {
  const all = new Map<string, MappedField>()
  for (const [field, counts] of each.flatMap((one) => Object.entries(one))) {
    const { changed, empty, refused } = all.get(field) ?? { changed: 0, empty: 0, refused: 0 }
    all.set(field, {
      empty: empty + counts.empty,
      changed: changed + counts.changed,
      refused: refused + counts.refused
    })
  }
  return Object.fromEntries(all)
}

const wrongWith = (
  sources: ReadonlyArray<Named<unknown, unknown, unknown>>
): Effect.Effect<void, InvalidConfiguration> => {
  const invalid = (problem: string) => Effect.fail(new InvalidConfiguration({ option: "sources", problem }))
  if (sources.length === 0) return invalid("must be one or more")
  const names = new Set<string>()
  for (const { name, source } of sources) {
    if (names.has(name)) return invalid(`hold ${name} more than once: it would be read twice`)
    names.add(name)
    if (source.start === undefined)
      return invalid(`hold ${name}, which has no places, so that it cannot be one of several`)
  }
  return Effect.void
}

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
): Effect.Effect<Fingerprint.Fingerprint, E, R> =>
  Effect.map(fingerprint, (parts) => {
    const before = Object.keys(parts).filter((part) => /^(?:map|filter) \d+$/.test(part)).length
    return { ...parts, [`${kind} ${before + 1}`]: name }
  })

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
