/** How many different keys there are, and how many of them come again, in little memory. */

export interface KeyCounts {
  readonly add: (key: string) => void
  readonly counts: () => {
    readonly distinct: number
    /** Keys that were added twice or more often. */
    readonly repeated: number
    /** Additions of a key that was there already. */
    readonly records: number
  }
}

const firstSlots = 1024
// Above this share of slots in use, looking for a free one takes long.
const fullest = 0.7

// Two multiplicative hashes of 32 bits side by side. Never 0, which is a free slot.
const hash = (key: string): number => {
  let low = 0x811c9dc5
  let high = 0xdeadbeef
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x5bd1e995)
    high ^= high >>> 15
  }
  // The last units must reach all bits.
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
  low ^= low >>> 13
  high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35)
  high ^= high >>> 16
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0) || 1
}

/**
 * A table of hashes of 53 bits: 8 bytes a slot, instead of the keys themselves. A key that came again is kept as the
 * negative of its hash.
 */
export const make = (): KeyCounts => {
  let table = new Float64Array(firstSlots)
  let distinct = 0
  let repeated = 0
  let records = 0

  const slotOf = (value: number): number => {
    const mask = table.length - 1
    let slot = value & mask
    for (;;) {
      const there = table[slot]
      if (there === 0 || there === value || there === -value) return slot
      slot = (slot + 1) & mask
    }
  }

  const grow = (): void => {
    const before = table
    table = new Float64Array(before.length * 2)
    for (const value of before) if (value !== 0) table[slotOf(Math.abs(value))] = value
  }

  return {
    add: (key) => {
      const value = hash(key)
      const slot = slotOf(value)
      const there = table[slot]
      if (there === 0) {
        table[slot] = value
        if (++distinct > table.length * fullest) grow()
        return
      }
      records++
      if (there === value) {
        table[slot] = -value
        repeated++
      }
    },
    counts: () => ({ distinct, repeated, records })
  }
}
