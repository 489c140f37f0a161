/**
 * Finds a rate limit that nobody told: a state machine fed with starts and answers, each with its time,
 * that says at which rate requests may start. It knows no clock and no effect, so that hours can be
 * simulated in a second.
 *
 * How it works. It searches upwards, doubling twice a second, until the 429s come with the rate. From then on it lives in cycles,
 * each from one 429 to the next: it starts a little below the limit as it is believed to be, reaches it at the
 * end of the cycle's time, and then rises faster and faster. Where the limit has not moved, the next 429
 * comes at once and costs a request or two. Where it has risen, a few seconds are enough to find out by how much.
 * The requests accepted between two 429s, over the time between them, are the limit as the server counts it,
 * whether its windows are fixed, sliding or a token bucket; so that is what is believed next.
 *
 * Some 429s say nothing about the rate: a gateway sheds load, or others use the account. They are told from the rest by
 * what the rate does to their share of all answers ({@link Evidence}). A share that does not fall when the rate is
 * lowered, or that comes again and again below the limit that is believed, is taken for the background from then on, and
 * the search goes on upwards: only 429s beyond that share are a sign of a limit.
 */
import * as Evidence from "./Evidence.ts"

/** Where the search starts, and its bounds. */
export interface Options {
  /** Starts per second at first. Default: 10. */
  readonly initial?: number | undefined
  /** Never slower than so many starts per second. Default: 0.05, one in 20 seconds. */
  readonly min?: number | undefined
  /** Never faster than so many starts per second. Default: 10,000. */
  readonly max?: number | undefined
}

/** Times are in milliseconds of any clock that only goes forward. */
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
  /** The limit as it is believed to be, per second; `undefined` while no 429 was a sign of one. */
  readonly limit: () => number | undefined
  /** The share of the answers that are 429s whatever the rate. */
  readonly background: () => number
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
// The search ends when more than half of the requests seem to be refused beyond the background, with odds of e^14: it
// doubles away from a limit, so that the share of 429s does not stay small for long. It takes six to fourteen 429s.
const searchEvidence = 14
// Before much was seen, one 429 in twenty is taken for nothing special.
const priorAnswers = 20
const priorShare = 1 / priorAnswers
const mostBackground = 0.4
// What the background is known from: so many answers, or twice as many.
const remembered = 500
// In a search that does not rise any more because no more is asked for, 429s that come 2.5 times as often as is known,
// with odds of e^10, or that cost four pauses, put it on trial: the rate is lowered below what was accepted. Under a limit
// nothing is refused then, so that a share below a tenth of what it was means a limit.
const suspicious = 2.5
const leastBackground = 0.004
const trialSuspicion = 10
const pausesBeforeTrial = 4
const trialBelow = 0.95
const trialFall = 0.1
// To find no limit takes two 429s or so; to find one, about 5 / share answers without. Where neither is seen, the share
// fell by less than a limit would have made it fall.
const freeEvidence = 3.5
const limitEvidence = 5
const trialLength = 8
// Windows of a second have forgotten after a second what was before the trial.
const trialSettles = 1000
// A limit that is far below the trial's rate still refuses much there: the rate is lowered again, twice for this share of
// some answers, and for the larger one until it falls.
const muchSeen = 0.12
const mostSeen = 0.35
const rounds = 3
const answersForMost = 30
// 429s early in so many cycles, well below the believed limit, put it on trial, too. After a trial that finds a limit it
// takes twice as many. A share that is larger than this is rather a limit that has fallen.
const earlyCycles = 3
const mostEarlyCycles = 48
const earlyPart = 0.6
const earlyAnswers = 20
const mostEarlyShare = 0.3
const earlyBelow = 0.85
// Above a background, a limit is seen in 429s of a fifth more of the requests, with odds of e^8.
const excess = 0.2
const excessEvidence = 8
// Where the rate gets so far above the believed limit without that, there is none.
const gone = 1.3
// Over less time or fewer requests than these, a count of accepted requests says little.
const minMeasured = 700
const minCounted = 6

const none = { cycles: 0, refused: 0, answers: 0 }

/** Makes a finder that knows nothing yet. */
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

  // The rate at which the search began.
  let searchFrom = initial
  // For and against a limit, while 429s are also expected without one.
  let evidence = 0
  // The answers that the background is known from, and the share of 429s that does not depend on the rate.
  let answers = 0
  let limitedAnswers = 0
  let background = 0
  // Whether as much was sent lately as was allowed.
  let inUse = true
  // The rate is lowered from `former`, to see whether the share of 429s falls.
  let trial:
    | {
        readonly rate: number
        readonly share: number
        readonly former: number
        readonly round: number
        answers: number
        limited: number
      }
    | undefined
  // That 429s have become more, and what was answered since they did.
  let suspicion = 0
  let suspectFrom = 0
  let suspectAccepted = 0
  let suspectRefused = 0
  // Pauses since the search began.
  let pauses = 0
  let anyAccepted = false
  // The cycles that ended early, what was answered in them, and how many of them are needed.
  let early = none
  let patience = earlyCycles

  // Of a pause, which counts as time that was not in use from when something starts again.
  let skipped = 0

  const rate = (now: number): number => {
    if (cycleStart < 0) return clamp(initial)
    const age = Math.max(0, now - cycleStart)
    if (trial !== undefined) return clamp(trial.rate)
    if (believed === undefined) return clamp(searchFrom * 2 ** ((searchDoublings * age) / 1000))
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
      inUse = sliceStarts >= (0.8 * (current * slice)) / 1000 - 1
      if (!inUse) {
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
    suspectAccepted++
    if (started < cutAt) return
    acceptedSinceCut = true
    if (believed !== undefined && !anyAccepted) {
      // All before was refused, so that what is believed was a guess.
      anyAccepted = true
      search(now, initial)
      return
    }
    anyAccepted = true
    if (believed === undefined) {
      if (trial !== undefined) weighTrial(now, started, false)
      else weighSearch(false)
      return
    }
    if (background > 0) {
      evidence = Math.max(0, evidence + Evidence.weigh(false, background, background + (1 - background) * excess))
      const current = rate(started)
      if (current <= believed) count(false)
      else if (current > believed * gone) {
        search(now, current)
        return
      }
    }
    if (slowed === 1) return
    // A long window has ended. From when the one before it ended, it allowed what was accepted.
    slowed = 1
    begin(now, ((acceptedSinceOpened - 1) * 1000) / (now - openedAt), 0)
    measureFrom(now)
    openedAt = now
    acceptedSinceOpened = 1
  }

  const search = (now: number, from: number) => {
    believed = trial = undefined
    slowed = 1
    searchFrom = clamp(from)
    cycleStart = cutAt = now
    evidence = 0
    early = none
    suspect(now)
    measureFrom(now)
  }

  const suspect = (now: number) => {
    suspectFrom = now
    suspectAccepted = suspectRefused = suspicion = 0
  }

  const count = (limited: boolean) => {
    answers++
    if (limited) limitedAnswers++
    // A background that has become less is less.
    background = Math.min(background, (limitedAnswers + 1) / answers)
    if (answers < 2 * remembered) return
    answers /= 2
    limitedAnswers /= 2
    if (background < 1 / remembered) background = 0
  }

  // What a limit refused is not of the background.
  const forgetExcess = () => {
    limitedAnswers = background * answers
  }

  // Whether the 429s of a search are a sign of a limit.
  const weighSearch = (limited: boolean): boolean => {
    const few = Math.min(
      mostBackground,
      Math.max(priorShare, background, (limitedAnswers + 1) / (answers + priorAnswers))
    )
    evidence = Math.max(0, evidence + Evidence.weigh(limited, few, few + (1 - few) / 2))
    const known = Math.max(leastBackground, background)
    suspicion = Math.max(0, suspicion + Evidence.weigh(limited, known, Math.min(0.9, suspicious * known)))
    if (suspicion === 0) suspectRefused = 0
    count(limited)
    return evidence > searchEvidence
  }

  // Whether a trial has come to an end.
  const weighTrial = (now: number, started: number, limited: boolean): boolean => {
    if (trial === undefined || started < cutAt + trialSettles) return false
    trial.answers++
    if (limited) trial.limited++
    const { former, rate: tried, round, share } = trial
    const seen = trial.limited / trial.answers
    evidence += Evidence.weigh(limited, share * trialFall, share)
    if (evidence > freeEvidence || trial.answers * share > trialLength) {
      if (seen > mostSeen || (seen > muchSeen && round < rounds)) {
        if (trial.answers < answersForMost) return false
        lower(now, tried * (1 - seen) * earlyBelow, seen, former, round + 1)
        return true
      }
      background = seen
      answers = trial.answers
      limitedAnswers = trial.limited
      patience = earlyCycles
      search(now, former)
      return true
    }
    if (evidence > -limitEvidence) return false
    trial = undefined
    forgetExcess()
    patience = Math.min(mostEarlyCycles, patience * 2)
    early = none
    begin(now, tried / trialBelow, 0)
    measureFrom(now)
    return true
  }

  const begin = (now: number, limit: number, length: number) => {
    evidence = 0
    believed = clamp(limit)
    cycleStart = cutAt = now
    cycleLength = Math.max(length, firstCycle, (requestsInFirst * 1000) / believed)
    acceptedSinceCut = false
  }

  const measureFrom = (now: number) => {
    measuredFrom = now
    accepted = refused = pauses = 0
  }

  const onLimited = (now: number, started: number): boolean => {
    if (started < cutAt) return false
    const current = rate(started)
    if (believed === undefined) {
      if (trial !== undefined) return weighTrial(now, started, true)
      if (suspectRefused === 0) suspect(now)
      suspectRefused++
      refused++
      if (weighSearch(true)) {
        const limit = Math.min(current, Math.max(1, recent.count(now)))
        forgetExcess()
        begin(now, limit, 0)
        measureFrom(now)
        return true
      }
      return tryLower(now, current)
    }
    if (background > 0 && acceptedSinceCut) {
      evidence += Evidence.weigh(true, background, background + (1 - background) * excess)
      if (current <= believed) count(true)
      if (evidence < excessEvidence) return false
    }
    refused++
    if (!acceptedSinceCut) {
      // The rest of a used-up window refuses everything. When that lasts, windows are long: ask less and less often.
      if (now - cutAt < Math.max(1000, 3000 / current)) return false
      slowed /= 2
      cutAt = now
      return true
    }
    const elapsed = now - measuredFrom
    if (elapsed < Math.max(minMeasured, (minCounted * 1000) / current)) return false
    if (isEarly(now)) {
      lower(now, earlyBelow * ((accepted * 1000) / elapsed), early.refused / early.answers, believed, 1)
      return true
    }
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

  // Whether a cycle that ends now is one too many that ended early.
  const isEarly = (now: number): boolean => {
    const age = now - cycleStart
    if (age > cycleLength * earlyPart) {
      if (age > cycleLength)
        early = { cycles: early.cycles / 2, refused: early.refused / 2, answers: early.answers / 2 }
      return false
    }
    early = {
      cycles: early.cycles + 1,
      refused: early.refused + refused,
      answers: early.answers + accepted + refused
    }
    if (early.cycles < patience || early.answers < earlyAnswers) return false
    if (early.refused < mostEarlyShare * early.answers) return true
    early = none
    return false
  }

  // Puts the 429s of a search on trial, where they have become more or cost too much.
  const tryLower = (now: number, current: number): boolean => {
    const elapsed = now - suspectFrom
    const paused = pauses >= pausesBeforeTrial
    if (paused && background === 0) {
      if (elapsed < trialSettles) return false
      // The last one ended the count.
      lower(now, averageOfSearch(now) * trialBelow, (refused - 1) / (accepted + refused), current, rounds)
      return true
    }
    if (inUse || suspicion < trialSuspicion || elapsed < 2 * trialSettles) return false
    // A bucket that was full lets more through at first.
    const average = paused ? averageOfSearch(now) : Math.min(recent.count(now), (suspectAccepted * 1000) / elapsed)
    lower(now, average * trialBelow, (suspectRefused - 1) / (suspectAccepted + suspectRefused), current, rounds)
    return true
  }

  // From a pause to a pause, there is one more window than there is time.
  const averageOfSearch = (now: number) => (accepted * 1000) / (now - measuredFrom + trialSettles)

  const lower = (now: number, to: number, share: number, former: number, round: number) => {
    trial = { rate: clamp(to), share, former, round, answers: 0, limited: 0 }
    believed = undefined
    cutAt = cycleStart = now
    evidence = 0
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
      if (cycleStart < 0) return
      skipped += until - now
      pauses++
    },
    limit: () => believed,
    background: () => background
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
