/**
 * Finds a rate limit that nobody told: a state machine fed with starts and answers, each with its time,
 * that says at which rate requests may start. It knows no clock and no effect, so that hours can be
 * simulated in a second.
 *
 * How it works. It searches upwards, doubling twice a second, until the first 429. From then on it lives in cycles,
 * each from one 429 to the next: it starts a little below the limit as it is believed to be, reaches it at the
 * end of the cycle's time, and then rises faster and faster. Where the limit has not moved, the next 429
 * comes at once and costs a request or two. Where it has risen, a few seconds are enough to find out by how much.
 * The requests accepted between two 429s, over the time between them, are the limit as the server counts it,
 * whether its windows are fixed, sliding or a token bucket; so that is what is believed next.
 *
 * @since 0.1.0
 */

/**
 * Where the search starts, and its bounds.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** Starts per second at first. Default: 10. */
  readonly initial?: number | undefined
  /** Never slower than so many starts per second. Default: 0.05, one in 20 seconds. */
  readonly min?: number | undefined
  /** Never faster than so many starts per second. Default: 10,000. */
  readonly max?: number | undefined
}

/**
 * Times are in milliseconds of any clock that only goes forward.
 *
 * @category models
 * @since 0.1.0
 */
export interface LimitFinder {
  /** How many requests a second may start now. */
  readonly rate: (now: number) => number
  /** A request starts. */
  readonly onStart: (now: number) => void
  /** The request that started then was answered, and not with a 429. */
  readonly onAccepted: (now: number, started: number) => void
  /** The request that started then was answered with a 429: whether what is believed changed. */
  readonly onLimited: (now: number, started: number) => boolean
  /** Nothing may start until then, because the server said so. */
  readonly onPaused: (now: number, until: number) => void
  /** The limit as it is believed to be, per second; `undefined` until the first 429. */
  readonly limit: () => number | undefined
}

// Where a cycle starts, as a share of the believed limit.
const low = 0.985
// Doublings a second of the search. Answers in flight let it overshoot by 2^(2 × round trip).
const searchDoublings = 2
// The first step above the believed limit; the steps double each second, so twice the limit takes 6 seconds.
const rampStep = 0.01
// While a long window is used up, one request in 5 seconds asks whether it is over.
const leastProbing = 0.2
// A 429 this far above the believed limit, and so many requests a second, means that the limit has risen.
const risen = 1.05
const risenByRequests = 1.2
// A bucket saves what the dip left, and lets the rate rise by so much more for each second of the cycle.
const savedPerSecond = 0.02
// How much the last second's count weighs against the whole cycle's, at most and at least. Windows allow again
// what the last second had; a bucket that had saved some does not.
const mostTrust = 0.7
const leastTrust = 0.1
// From so much above the believed limit on, the rate is in the steep part of the rise.
const rising = 1.05
// A single 429 late in a cycle takes no more than this off.
const late = 0.8
const leastAfterOne = 0.96
// The first cycle after the limit was found or moved is short, because what is believed may be off; but it has
// some requests, or it would show nothing.
const firstCycle = 1500
const requestsInFirst = 8
// Later ones grow by so much, to these lengths: a cycle costs a 429 or two, so slow limits need long ones to
// stay below 1 %, and the longest finds a doubled limit within 30 seconds.
const cycleGrowth = 3
const shortestLong = 13_000
const longestLong = 26_000
const requestsInLong = 300
// Over less time or fewer requests than these, a count of accepted requests says little.
const minMeasured = 700
const minCounted = 6

/**
 * Makes a finder that knows nothing yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): LimitFinder => {
  const { initial = 10, max = 10_000, min = 0.05 } = options
  const clamp = (rate: number) => Math.min(max, Math.max(min, rate))

  let believed: number | undefined
  let cycleStart = -1
  let cycleLength = firstCycle
  // Requests that started before the last cut say nothing about the rate after it.
  let acceptedSinceCut = false
  let cutAt = 0
  // Since the 429 that started this cycle.
  let measuredFrom = 0
  let accepted = 0
  let refused = 0
  // Where a used-up window refuses for longer than a second: the rate's share with which we ask whether it is over.
  let slowed = 1
  let openedAt = 0
  let acceptedSinceOpened = 0
  // How much the count of the last second weighs against that of the whole cycle.
  let trust = mostTrust
  let raised = false
  // Whether the limit is in use, looked at in short slices.
  let sliceFrom = -1
  let sliceStarts = 0
  let sliceAccepted = 0
  const recent = makeRecent()

  // Of a pause, which counts as time that was not in use from when something starts again.
  let skipped = 0

  const rate = (now: number): number => {
    if (cycleStart < 0) return clamp(initial)
    const age = Math.max(0, now - cycleStart)
    if (believed === undefined) return clamp(initial * 2 ** ((searchDoublings * age) / 1000))
    if (slowed < 1) return clamp(Math.max(leastProbing, believed * slowed))
    if (age < cycleLength) return clamp(believed * (low + ((1 - low) * age) / cycleLength))
    return clamp(believed * (1 + rampStep * (2 ** ((age - cycleLength) / 1000) - 1)))
  }

  // Time in which the limit was not in use does not count: it cannot show that more would be allowed.
  const skip = (millis: number) => {
    cycleStart += millis
    if (refused === 0) measuredFrom += millis
  }

  const onStart = (now: number): void => {
    if (cycleStart < 0) {
      cycleStart = measuredFrom = cutAt = sliceFrom = openedAt = now
    }
    if (skipped > 0) {
      skip(skipped)
      sliceFrom += skipped
      skipped = 0
    }
    const current = rate(now)
    const slice = now - sliceFrom
    if (slice >= Math.max(250, 4000 / current)) {
      if (sliceStarts < (0.8 * (current * slice)) / 1000 - 1) {
        skip(slice)
        if (refused === 0) accepted -= Math.min(accepted, sliceAccepted)
      }
      sliceFrom = now
      sliceStarts = sliceAccepted = 0
    }
    sliceStarts++
  }

  const onAccepted = (now: number, started: number): void => {
    accepted++
    sliceAccepted++
    acceptedSinceOpened++
    recent.add(now)
    if (started < cutAt) return
    acceptedSinceCut = true
    if (slowed === 1) return
    // A long window has ended. From when the one before it ended, it allowed what was accepted.
    slowed = 1
    begin(now, ((acceptedSinceOpened - 1) * 1000) / (now - openedAt), 0)
    measureFrom(now)
    openedAt = now
    acceptedSinceOpened = 1
  }

  const begin = (now: number, limit: number, length: number) => {
    believed = clamp(limit)
    cycleStart = cutAt = now
    cycleLength = Math.max(length, firstCycle, (requestsInFirst * 1000) / believed)
    acceptedSinceCut = false
  }

  const measureFrom = (now: number) => {
    measuredFrom = now
    accepted = refused = 0
  }

  const onLimited = (now: number, started: number): boolean => {
    if (started < cutAt) return false
    refused++
    const current = rate(started)
    if (believed === undefined) {
      begin(now, Math.min(current, Math.max(1, recent.count(now))), 0)
      measureFrom(now)
      return true
    }
    if (!acceptedSinceCut) {
      // The rest of a used-up window refuses everything. When that lasts, windows are long: ask less and less often.
      if (now - cutAt < Math.max(1000, 3000 / current)) return false
      slowed /= 2
      cutAt = now
      return true
    }
    const elapsed = now - measuredFrom
    if (elapsed < Math.max(minMeasured, (minCounted * 1000) / current)) return false
    const lastSecond = Math.min(current, recent.count(now))
    // What was believed on the last second's account and is refused soon after was a bucket's saving.
    const cutShort = now - cycleStart < cycleLength / 2
    if (cutShort && raised) trust = Math.max(leastTrust, trust / 2)
    else if (current > believed * rising) trust = Math.min(mostTrust, trust * 1.5)
    const rose = current > believed * (risen + risenByRequests / believed + (savedPerSecond * cycleLength) / 1000)
    const average = Math.min(
      current,
      // One 429 at the end of a cycle is no evidence of a fall.
      Math.max(
        counted(elapsed, current),
        refused === 1 && now - cycleStart > cycleLength * late ? believed * leastAfterOne : 0
      )
    )
    const limit = rose
      ? Math.max(believed, lastSecond)
      : Math.max(
          average,
          Math.min(average + (lastSecond - average) * trust, current > believed * rising ? average * 1.1 : current)
        )
    raised = limit > average * 1.02
    const moved = rose || limit < believed * 0.9
    const longest = Math.min(longestLong, Math.max(shortestLong, (requestsInLong * 1000) / limit))
    begin(now, limit, moved ? 0 : Math.min(longest, cycleLength * cycleGrowth))
    measureFrom(now)
    return true
  }

  const counted = (elapsed: number, current: number): number => {
    // A cycle at the limit runs on average half of its dip below it.
    if (refused === 1) return (accepted * 1000) / elapsed / ((1 + low) / 2)
    // A log of n requests that is overrun by a hair refuses one in n + 1: of two, a third. So few say little.
    const few = refused * (1 + current) < 1.2 * (accepted + refused)
    return ((accepted + (few ? refused / 2 : 0)) * 1000) / elapsed
  }

  return {
    rate: (now) => rate(now - skipped),
    onStart,
    onAccepted,
    onLimited,
    onPaused: (now, until) => {
      if (cycleStart >= 0) skipped += until - now
    },
    limit: () => believed
  }
}

// How many were accepted during the last second, in slots of 10 ms; the oldest one counts in part.
const slots = 100
const slotMillis = 1000 / slots
const makeRecent = () => {
  const counts = new Array<number>(slots + 1).fill(0)
  let last = 0
  const forward = (now: number) => {
    const slot = Math.floor(now / slotMillis)
    if (slot - last > slots) counts.fill(0)
    else for (let i = last + 1; i <= slot; i++) counts[i % counts.length] = 0
    last = Math.max(last, slot)
  }
  return {
    add: (now: number) => {
      forward(now)
      const i = last % counts.length
      counts[i] = (counts[i] ?? 0) + 1
    },
    count: (now: number) => {
      forward(now)
      const gone = (now - last * slotMillis) / slotMillis
      const sum = counts.reduce((sum, count) => sum + count, 0)
      return sum - gone * (counts[(last + 1) % counts.length] ?? 0)
    }
  }
}
