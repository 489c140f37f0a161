/**
 * The keys of what is unfinished.
 *
 * @since 0.1.0
 */
import { KeyOwners } from "./KeyOwners.ts"

/**
 * The keys of the unfinished elements of a stream, as their `KeyHash`, and who of them came last with each.
 * `Dispatch.mapEffect` writes it, and `Batches.collect` reads it, to collect around them.
 *
 * @category models
 * @since 0.1.0
 */
export class UnfinishedKeys extends KeyOwners {
  // What an element that has left was called, the next one is.
  private readonly free: Array<number> = []
  private highest = 0
  private readonly listeners = new Set<(keys: Int32Array) => void>()

  /** What an element is called that is unfinished from now on: a number above 0. */
  enter(): number {
    return this.free.pop() ?? ++this.highest
  }

  /** An element is finished: its keys are free, except those that a later one has taken over. */
  leave(owner: number, keys: Int32Array): void {
    for (let i = 0; i < keys.length; i++) this.give(keys[i] ?? 0, owner)
    this.free.push(owner)
    for (const listener of this.listeners) listener(keys)
  }

  /** Calls `listener` with the keys of each element that leaves, until what is returned is called. */
  onLeave(listener: (keys: Int32Array) => void): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }
}

/**
 * No keys, as yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): UnfinishedKeys => new UnfinishedKeys()
