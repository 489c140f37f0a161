/**
 * A batch that still takes records.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import type { Merged } from "../model/Outcome.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"
import type { Batch } from "./Batch.ts"

// How many records a batch may stand for, by the records that it may hold: one key that comes again and again
// must not keep a batch open for ever.
const recordsPerPlace = 10

/**
 * @category configuration
 * @since 0.1.0
 */
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

/**
 * The work of `Batches.collect` between two closings.
 *
 * @category models
 * @since 0.1.0
 */
export class OpenBatch<A> {
  private readonly options: Options<A>
  // `undefined` where a record was folded into a later one.
  private readonly places: Array<EncodedRecord<A> | undefined> = []
  private readonly placeOf: Map<string, number> | undefined
  // By the place of the record that they are in: the offsets of those that were folded into it.
  private readonly folded = new Map<number, Array<number>>()
  private count = 0
  private bytes: number

  constructor(options: Options<A>) {
    this.options = options
    this.placeOf = options.sameKey === "keep" ? undefined : new Map()
    this.bytes = options.emptyBytes
  }

  get isFull(): boolean {
    return this.count >= this.options.maxRecords
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
    this.places.push(record)
    this.count++
  }

  private merge(place: number, later: EncodedRecord<A>): boolean {
    const { fold, maxBytes, maxRecords } = this.options
    const earlier = this.places[place]
    if (earlier === undefined || this.places.length >= maxRecords * recordsPerPlace) return false
    const merged = fold(earlier, later)
    if (merged === undefined) return false
    const bytes = this.bytes - earlier.bytes + merged.bytes
    if (bytes > maxBytes) return false
    this.bytes = bytes
    const offsets = this.folded.get(place) ?? []
    offsets.push(earlier.offset)
    this.folded.delete(place)
    // The later one's place, so that offsets ascend. Records of other keys do not mind.
    this.folded.set(this.places.length, offsets)
    this.places[place] = undefined
    this.count--
    this.put(merged)
    return true
  }

  /** The batch as it stands. It holds at least one record, and takes no more. */
  close(number: number, envelope: readonly [open: string, close: string]): Batch<A> {
    const merged: Array<Merged> = []
    for (const [place, offsets] of this.folded) {
      const into = this.places[place]?.offset
      if (into !== undefined) for (const offset of offsets) merged.push({ _tag: "Merged", offset, into })
    }
    const records = this.folded.size === 0 ? this.places : this.places.filter(Predicate.isNotUndefined)
    return {
      number,
      // It was opened for a record, and none is folded but into another.
      records: records as Array<EncodedRecord<A>> as Arr.NonEmptyArray<EncodedRecord<A>>,
      bytes: this.bytes,
      envelope,
      merged
    }
  }
}
