/**
 * Windows much longer than a second: a quota per minute, or per hour. While one is used up, everything is refused until it
 * ends, and asking whether it has ended is all that can be done. It is asked each tenth of the time that it has lasted, so
 * that it is known to have ended within a tenth of that, for `10 × log(length)` refusals.
 */

export interface LongWindow {
  /** How many questions a second, while it is used up. */
  readonly asking: (now: number) => number | undefined
  /** What started after `since` was refused, and nothing accepted. Returns whether the window is used up. */
  readonly onRefused: (now: number, since: number, rate: number) => boolean
  /** Something was accepted. Where that ends a used-up window, gives what was accepted in it, and its length. */
  readonly onAccepted: (now: number) => Ended | undefined
  /** The run begins. */
  readonly start: (now: number) => void
  readonly forget: () => void
}

export interface Ended {
  /** What it allowed a second. */
  readonly limit: number
  /** Whether the one before it allowed as much, so that it is no outage but a quota. */
  readonly isQuota: boolean
  /** Milliseconds. */
  readonly length: number
}

// Refusals in a row, for a rate of one a second and for one of many.
const fewestInRow = 2
const moreInRow = 4
const leastGap = 50
const askEach = 0.1
// What ends sooner was the rest of a window of a second.
const long = 1500
const alike = 0.9

export const make = (): LongWindow => {
  let inRow = 0
  let closedAt: number | undefined
  let openedAt = 0
  let accepted = 0
  let acceptedBefore = 0
  return {
    asking: (now) => (closedAt === undefined ? undefined : 1000 / Math.max(leastGap, askEach * (now - closedAt))),
    onRefused: (now, since, rate) => {
      if (closedAt !== undefined) return false
      if (++inRow < fewestInRow + Math.min(moreInRow, rate)) return false
      closedAt = Math.min(now, since)
      return true
    },
    onAccepted: (now) => {
      accepted++
      inRow = 0
      if (closedAt === undefined) return undefined
      const isLong = now - closedAt > long
      closedAt = undefined
      if (!isLong) return undefined
      const count = accepted - 1
      const length = now - openedAt
      const isQuota = Math.min(count, acceptedBefore) >= alike * Math.max(count, acceptedBefore)
      openedAt = now
      accepted = 1
      acceptedBefore = count
      return { limit: (count * 1000) / length, length, isQuota }
    },
    start: (now) => {
      openedAt = now
    },
    forget: () => {
      closedAt = undefined
      inRow = 0
    }
  }
}
