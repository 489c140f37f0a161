/** Who holds a key: a table for tens of thousands of keys that come and go all the time. */

const firstSlots = 1024

// Nobody.
const none = 0

/**
 * The owners of keys that have one, both as integers: a key by its `KeyHash`, an owner by a number above 0.
 *
 * Slots stand in one array, the key beside its owner, and those that want the same slot in the ones behind it: nothing is
 * allocated for a key, and finding one reads one place in memory. A `Map` of texts takes ten times as long.
 */
export class KeyOwners {
  private slots = new Int32Array(2 * firstSlots)
  private size = 0

  /** Whether somebody has the key. */
  has(key: number): boolean {
    return this.slots[this.find(key) + 1] !== none
  }

  /** Makes `owner` the one that has the key, and returns who had it before; 0 is nobody. */
  take(key: number, owner: number): number {
    const slot = this.find(key)
    const before = this.slots[slot + 1] ?? none
    this.slots[slot] = key
    this.slots[slot + 1] = owner
    // At half of the slots in use, looking for a free one would begin to take long.
    if (before === none && ++this.size * 4 > this.slots.length) this.grow()
    return before
  }

  /** Frees the key, if it is still `owner` who has it. */
  give(key: number, owner: number): void {
    const { slots } = this
    // There are as many numbers as a power of two, so that this cuts an index to where it is in the array.
    const mask = slots.length - 1
    let free = this.find(key)
    if (slots[free + 1] !== owner) return
    this.size--
    // What stands behind a slot because that was taken moves up, so that it is still found.
    for (let slot = (free + 2) & mask; slots[slot + 1] !== none; slot = (slot + 2) & mask) {
      const home = ((slots[slot] ?? 0) << 1) & mask
      if (((slot - home) & mask) < ((slot - free) & mask)) continue
      slots[free] = slots[slot] ?? 0
      slots[free + 1] = slots[slot + 1] ?? none
      free = slot
    }
    slots[free + 1] = none
  }

  /** The slot that has the key, or that is free for it. */
  private find(key: number): number {
    const { slots } = this
    const mask = slots.length - 1
    let slot = (key << 1) & mask
    while (slots[slot + 1] !== none && slots[slot] !== key) slot = (slot + 2) & mask
    return slot
  }

  private grow(): void {
    const { slots: before } = this
    this.slots = new Int32Array(before.length * 2)
    for (let slot = 0; slot < before.length; slot += 2) {
      const owner = before[slot + 1] ?? none
      if (owner === none) continue
      const key = before[slot] ?? 0
      const to = this.find(key)
      this.slots[to] = key
      this.slots[to + 1] = owner
    }
  }
}
