/**
 * Finds how many requests should be in flight: a state machine fed with starts and answers, each with its
 * time in milliseconds. It knows no clock and no effect.
 *
 * It goes by rounds: as many requests as are allowed in flight, one after the other, all of them started since
 * the last change, and the round ends when the last of them has been answered. (The first to be answered would
 * not do: they are the quick ones.) While the mean latency of a round stays near the lowest one seen, and
 * the limit is in use, the limit grows: by half a round at first, later by a twentieth. When the latency
 * says that requests queue at the server, Little's law tells how many it works on at once: what is in flight,
 * times lowest latency over latency. So it comes down to that in one step.
 */

/**
 * How a request ended, as far as it matters here: `overloaded` for 503 and timeouts; `none` where it says nothing about
 * how much the server works on, as for a request that was cancelled, or a 429. Whether 429s come of how many are in flight
 * is found elsewhere ({@link InFlightLimit}).
 */
export type Ending = "answered" | "overloaded" | "none"

/** How many requests may be in flight, and what it learns that from. */
export interface ConcurrencyFinder {
  readonly limit: () => number
  /** A request starts, as one of `inFlight`, itself included. */
  readonly onStart: (now: number, inFlight: number) => void
  /** The request that started then ends: whether the limit changed. */
  readonly onEnd: (now: number, started: number, ending: Ending) => boolean
}

/** Always so many, whatever happens. */
export const fixed = (limit: number): ConcurrencyFinder => ({
  limit: () => limit,
  onStart: () => {},
  onEnd: () => false
})

// A mean latency up to so much above the lowest says that nothing queues; more than the second, that too much does.
const calm = 1.15
const queueing = 1.3
// Headroom over what the server works on at once, so that it never runs dry.
const spare = 1.1
const fastGrowth = 1.5
const slowGrowth = 1.05
// On 503 or a timeout.
const backOff = 0.7
// A mean of fewer answers says little. At first a rough one will do.
const minRound = 20
const minFastRound = 6
// A server that has become slower for good would look like a queue for ever, so the lowest is measured anew.
const roundsToRemeasure = 60
// The lowest is a mean over so many answers at most, so that it can still move.
const maxWeight = 200

/** Between `min` and `max`, from the lower end upwards. */
export const adaptive = (options: { readonly min: number; readonly max: number }): ConcurrencyFinder => {
  const { max, min } = options
  let limit = Math.min(max, Math.max(min, 1))
  let fast = true
  let lowest = 0
  let weight = 0
  // The mean latency and the limit before it was last taken down for the latency's sake.
  let shrunkFrom: number | undefined
  let shrunkLimit = limit
  // Requests that started before the last change say nothing about the limit after it.
  let changedAt = Number.NEGATIVE_INFINITY
  // The round's requests are those that started from here to there.
  let from = Number.NEGATIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  let size = 0
  let starts = 0
  let ended = 0
  let answers = 0
  let total = 0
  let squares = 0
  let most = 0
  let rounds = 0

  const nextRound = () => {
    answers = total = squares = most = starts = ended = 0
    size = Math.max(fast ? minFastRound : minRound, Math.floor(limit))
  }

  const change = (now: number, next: number): boolean => {
    const before = Math.floor(limit)
    limit = Math.min(max, Math.max(min, next))
    changedAt = now
    nextRound()
    return Math.floor(limit) !== before
  }

  nextRound()

  const endRound = (now: number): boolean => {
    const mean = total / answers
    // Twice the standard error: what a mean of so few may be off by chance.
    const doubt = 2 * Math.sqrt(Math.max(0, squares / answers - mean * mean) / answers)
    const used = most >= Math.floor(limit)
    if (++rounds % roundsToRemeasure === 0) {
      weight = 0
      return change(now, limit / 2)
    }
    // Where latency did not fall with the limit, it was no queue of ours: this is how long an answer takes.
    if (shrunkFrom !== undefined && mean > (shrunkFrom * (1 + limit / shrunkLimit)) / 2) weight = 0
    shrunkFrom = undefined
    // A mean that is clearly lower counts at least as much as all before it.
    if (mean + doubt < lowest) weight = Math.min(weight, answers)
    if (weight === 0 || mean < lowest + doubt) {
      lowest = weight === 0 ? mean : (lowest * weight + mean * answers) / (weight + answers)
      weight = Math.min(maxWeight, weight + answers)
    }
    const ratio = mean / lowest
    if (ratio > queueing && mean - doubt > lowest * calm) {
      fast = false
      shrunkFrom = mean
      shrunkLimit = limit
      return change(now, Math.min(limit * 0.95, Math.max(limit / 2, (Math.min(most, limit) / ratio) * spare)))
    }
    if (used && (ratio < calm || (fast && mean - doubt < lowest * calm))) {
      return change(now, Math.max(limit + 1, limit * (fast ? fastGrowth : slowGrowth)))
    }
    if (ratio >= calm) fast = false
    nextRound()
    return false
  }

  return {
    limit: () => Math.floor(limit),
    onStart: (now, inFlight) => {
      if (inFlight > most) most = inFlight
      if (starts === size || now < changedAt) return
      if (starts++ === 0) from = now
      to = now
    },
    onEnd: (now, started, ending) => {
      if (started < changedAt) return false
      if (ending === "overloaded") {
        fast = false
        return change(now, limit * backOff)
      }
      if (starts === 0 || started < from || started > to) return false
      ended++
      if (ending === "answered") {
        const latency = now - started
        answers++
        total += latency
        squares += latency * latency
      }
      if (ended < size) return false
      if (answers > 0) return endRound(now)
      nextRound()
      return false
    }
  }
}
