/** How many were accepted during the last second, in slots of 10 ms; the oldest one counts in part. */

export interface Recent {
  readonly add: (now: number) => void
  readonly count: (now: number) => number
}

const slots = 100
const slotMillis = 1000 / slots

/** Nothing was accepted yet. */
export const make = (): Recent => {
  const counts = new Array<number>(slots + 1).fill(0)
  let last = 0
  const forward = (now: number) => {
    const slot = Math.floor(now / slotMillis)
    if (slot - last > slots) counts.fill(0)
    else for (let i = last + 1; i <= slot; i++) counts[i % counts.length] = 0
    last = Math.max(last, slot)
  }
  return {
    add: (now) => {
      forward(now)
      const i = last % counts.length
      counts[i] = (counts[i] ?? 0) + 1
    },
    count: (now) => {
      forward(now)
      const gone = (now - last * slotMillis) / slotMillis
      const sum = counts.reduce((sum, count) => sum + count, 0)
      return sum - gone * (counts[(last + 1) % counts.length] ?? 0)
    }
  }
}
