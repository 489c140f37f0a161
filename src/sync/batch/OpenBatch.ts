/** A batch that still takes records. */
import type * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Outcome from "../model/Outcome.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"
import type { Batch } from "./Batch.ts"

/**
 * How many records a batch may take in, and one of its records may stand for, by the records that it may hold: one key that
 * comes again and again must not keep a batch open for ever.
 */
export const recordsPerPlace = 10

export interface Options<A> {
  readonly maxRecords: number
  /** UTF-8 bytes of the whole body. */
  readonly maxBytes: number
  /** UTF-8 bytes of a body without records. */
  readonly emptyBytes: number
  readonly sameKey: "keep" | "merge" | "split"
  /** One record that does what the two do one after the other, in the later one's place; or none. */
  readonly fold: (earlier: EncodedRecord<A>, later: EncodedRecord<A>) => EncodedRecord<A> | undefined
}

/** The work of `Batches.collect` between two closings. */
export class OpenBatch<A> {
  private readonly options: Options<A>
  // `undefined` where a record was folded into a later one.
  private readonly places: Array<EncodedRecord<A> | undefined> = []
  private readonly placeOf: Map<string, number> | undefined
  private count = 0
  private last = -1
  private isAscending = true
  private bytes: number

  constructor(options: Options<A>) {
    this.options = options
    this.placeOf = options.sameKey === "keep" ? undefined : new Map()
    this.bytes = options.emptyBytes
  }

  get isFull(): boolean {
    return this.count >= this.options.maxRecords
  }

  /** Whether it has a record of this key that another one cannot stand beside. */
  holds(key: string): boolean {
    return this.placeOf?.has(key) === true
  }

  /** Whether the record is in; if not, the batch must close before it. The first one always is. */
  take(record: EncodedRecord<A>): boolean {
    const same = this.placeOf?.get(record.key)
    if (same !== undefined) return this.options.sameKey === "merge" && this.merge(same, record)
    const bytes = this.bytes + record.bytes + (this.count === 0 ? 0 : 1)
    if (this.count > 0 && bytes > this.options.maxBytes) return false
    this.bytes = bytes
    this.put(record)
    return true
  }

  private put(record: EncodedRecord<A>) {
    this.placeOf?.set(record.key, this.places.length)
    if (record.offset < this.last) this.isAscending = false
    this.last = record.offset
    this.places.push(record)
    this.count++
  }

  private merge(place: number, later: EncodedRecord<A>): boolean {
    const { fold, maxBytes, maxRecords } = this.options
    const earlier = this.places[place]
    const most = maxRecords * recordsPerPlace
    if (earlier === undefined || this.places.length >= most) return false
    // Those that waited may be merged already.
    if (readAs(earlier) + readAs(later) > most) return false
    const merged = fold(earlier, later)
    if (merged === undefined) return false
    const bytes = this.bytes - earlier.bytes + merged.bytes
    if (bytes > maxBytes) return false
    this.bytes = bytes
    // The later one's place, so that offsets ascend. Records of other keys do not mind.
    this.places[place] = undefined
    this.count--
    this.put(merged)
    return true
  }

  /** The batch as it stands. It holds at least one record, and takes no more. */
  close(number: number, envelope: readonly [open: string, close: string]): Batch<A> {
    const records =
      this.count === this.places.length
        ? // None is `undefined`, then.
          (this.places as Array<EncodedRecord<A>>)
        : this.places.filter(Predicate.isNotUndefined)
    if (!this.isAscending) records.sort((a, b) => a.offset - b.offset)
    return {
      number,
      // It was opened for a record, and none is folded but into another.
      records: records as Arr.NonEmptyArray<EncodedRecord<A>>,
      bytes: this.bytes,
      envelope,
      merged: this.options.sameKey === "merge" ? records.flatMap(mergedInto) : []
    }
  }
}

const readAs = ({ parts }: EncodedRecord<unknown>): number => Math.max(1, parts.length)

const mergedInto = ({ offset: into, parts }: EncodedRecord<unknown>): ReadonlyArray<Outcome.Merged> =>
  parts.slice(0, -1).map((part) => ({ _tag: "Merged", ...Outcome.ofRecord(part), into }))
