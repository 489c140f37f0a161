/** Records that wait until their key is free, in a queue for each key. */
import { Line, type Place } from "../../base/Line.ts"
import type { EncodedRecord } from "../record/EncodedRecord.ts"
import type { UnfinishedKeys } from "./UnfinishedKeys.ts"

export interface Options<A> {
  readonly unfinished: Pick<UnfinishedKeys, "has">
  /** Records that may wait, each that was merged into another included. */
  readonly most: number
  /** One record that does what two do, where the two may wait as one. */
  readonly fold: (earlier: EncodedRecord<A>, later: EncodedRecord<A>) => EncodedRecord<A> | undefined
}

interface Queue<A> {
  readonly key: number
  readonly records: Array<EncodedRecord<A>>
  /** Those before it have left. */
  front: number
  /** Where it stands among those whose key may be free. */
  place: Place<Queue<A>> | undefined
}

/** The records of one key leave in the order in which they came. Keys are told apart by their `KeyHash`. */
export class Aside<A> {
  private readonly options: Options<A>
  private readonly queues = new Map<number, Queue<A>>()
  private readonly ready = new Line<Queue<A>>()
  // Those whose key is in the batch that is open.
  private deferred: Array<Queue<A>> = []
  private count = 0

  constructor(options: Options<A>) {
    this.options = options
  }

  get size(): number {
    return this.count
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  get isFull(): boolean {
    return this.count >= this.options.most
  }

  /** Whether a record of this key must wait. */
  holdsBack(key: number): boolean {
    return (this.count > 0 && this.queues.has(key)) || this.options.unfinished.has(key)
  }

  /** Sets a record aside, behind the others of its key. */
  add(record: EncodedRecord<A>): void {
    // It may wait for long, and shall not keep those in memory that it was read with.
    const later = record.alone()
    const queue = this.queues.get(record.keyHash) ?? this.open(record.keyHash)
    const { records } = queue
    const earlier = records.at(-1)
    const merged = earlier !== undefined && earlier.key === later.key ? this.options.fold(earlier, later) : undefined
    if (merged === undefined) records.push(later)
    else records[records.length - 1] = merged
    this.count++
  }

  /** Sets a record aside whose key is in the batch that is open. */
  addDeferred(record: EncodedRecord<A>): void {
    this.add(record)
    const queue = this.queues.get(record.keyHash)
    if (queue !== undefined) this.deferred.push(queue)
  }

  /** These keys are free. Returns whether a record waits for one. */
  release(keys: Int32Array): boolean {
    if (this.count === 0) return false
    for (let i = 0; i < keys.length; i++) {
      const queue = this.queues.get(keys[i] ?? 0)
      if (queue !== undefined) this.wake(queue)
    }
    return this.ready.size > 0
  }

  /** The batch that was open is closed. */
  resume(): void {
    for (const queue of this.deferred) this.wake(queue)
    this.deferred = []
  }

  /** The record that is to go next, if any may. */
  first(): EncodedRecord<A> | undefined {
    for (let next = this.ready.first(); next !== undefined; next = this.ready.first()) {
      const queue = next.value
      if (!this.options.unfinished.has(queue.key)) return queue.records[queue.front]
      // It will be told when the key is free.
      this.unready(queue)
    }
    return undefined
  }

  /** The first record is in a batch. */
  shift(): void {
    const queue = this.ready.first()?.value
    const record = queue?.records[queue.front]
    if (queue === undefined || record === undefined) return
    this.count -= Math.max(1, record.parts.length)
    queue.front++
    if (queue.front === queue.records.length) {
      this.queues.delete(queue.key)
      this.unready(queue)
    } else if (queue.front * 2 > queue.records.length) {
      queue.records.splice(0, queue.front)
      queue.front = 0
    }
  }

  /** The key of the first record is in the batch that is open: it waits for the next one, and others go before it. */
  defer(): void {
    const queue = this.ready.first()?.value
    if (queue === undefined) return
    this.unready(queue)
    this.deferred.push(queue)
  }

  private open(key: number): Queue<A> {
    const queue: Queue<A> = { key, records: [], front: 0, place: undefined }
    this.queues.set(key, queue)
    return queue
  }

  private wake(queue: Queue<A>): void {
    if (queue.place === undefined && this.queues.get(queue.key) === queue) queue.place = this.ready.add(queue)
  }

  private unready(queue: Queue<A>): void {
    if (queue.place !== undefined) this.ready.remove(queue.place)
    queue.place = undefined
  }
}
