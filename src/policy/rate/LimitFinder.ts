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

import * as Evidence from "../../base/Evidence.ts"
import * as Background from "./Background.ts"
import * as EarlyCycles from "./EarlyCycles.ts"
import * as LongWindow from "./LongWindow.ts"
import * as Recent from "./Recent.ts"
import * as Spiral from "./Spiral.ts"
import * as Trial from "./Trial.ts"

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
  /** Something else than the rate was found to be the reason for the 429s until now. */
  readonly onExplained: (now: number) => void
  /** The limit as it is believed to be, per second; `undefined` while no 429 was a sign of one. */
  readonly limit: () => number | undefined
  /** The share of the answers that are 429s whatever the rate. */
  readonly background: () => number
}

// Where a cycle starts, as a share of the believed limit.
const low = 0.985
// Doublings a second of the search. Answers in flight let it overshoot by 2^(2 × round trip).
const searchDoublings = 2
// Where few requests are made, it rises no further than this before it is known whether it is in use.
const mostInSlice = 4
const second = 1000
// Of a quota, the first cycle has so many windows.
const unitsInCycle = 3
// The first step above the believed limit; the steps double each second, so twice the limit takes 6 seconds.
const rampStep = 0.01
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
// In a search that does not rise any more because no more is asked for, 429s that come 2.5 times as often as is known,
// with odds of e^10, or that cost four pauses, put it on trial.
const suspicious = 2.5
const leastBackground = 0.004
const trialSuspicion = 10
const pausesBeforeTrial = 4
// Above a background, a limit is seen in 429s of a fifth more of the requests, with odds of e^8.
const excess = 0.2
const excessEvidence = 8
// Where the rate gets so far above the believed limit without that, there is none.
const gone = 1.3
// Over less time or fewer requests than these, a count of accepted requests says little.
const minMeasured = 700
const minCounted = 6

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
  const longWindow = LongWindow.make()
  // How long windows are, as far as is known: the rise is as much slower.
  let unit = second
  // How much the count of the last second weighs against that of the whole cycle.
  let trust = mostTrust
  let raised = false
  // Whether the limit is in use, looked at in short slices.
  let sliceFrom = -1
  let sliceStarts = 0
  // The starts that were possible in it, and the last one, with the rate from there on.
  let sliceTurns = 0
  let sliceRate = Number.POSITIVE_INFINITY
  let lastStart = 0
  let lastRate = 0
  let sliceAccepted = 0
  const recent = Recent.make()

  // The rate at which the search began.
  let searchFrom = initial
  // For and against a limit, while 429s are also expected without one.
  let evidence = 0
  const background = Background.make()
  // The 429s that it was found by have another reason.
  let isDoubted = false
  // Whether as much was sent lately as was allowed.
  let inUse = true
  // What the 429s say is on trial.
  let trial: Trial.Trial | undefined
  // That 429s have become more, and what was answered since they did.
  let suspicion = 0
  let suspectFrom = 0
  let suspectAccepted = 0
  let suspectRefused = 0
  // Pauses since the search began.
  let pauses = 0
  let anyAccepted = false
  const early = EarlyCycles.make()
  const spiral = Spiral.make()

  // Of a pause, which counts as time that was not in use from when something starts again.
  let skipped = 0

  const rate = (now: number): number => {
    if (cycleStart < 0) return clamp(initial)
    const age = Math.max(0, now - cycleStart)
    if (trial !== undefined) return clamp(trial.rate)
    if (believed === undefined) return clamp(Math.min(sliceRate * mostInSlice, searched(age)))
    const asking = longWindow.asking(now)
    if (asking !== undefined) return clamp(Math.min(believed, asking))
    if (age < cycleLength) return clamp(believed * (low + ((1 - low) * age) / cycleLength))
    return clamp(believed * (1 + rampStep * (2 ** ((age - cycleLength) / unit) - 1)))
  }

  const searched = (age: number) => searchFrom * 2 ** ((searchDoublings * age) / 1000)

  // Time in which the limit was not in use does not count: it cannot show that more would be allowed.
  const skip = (millis: number) => {
    cycleStart += millis
    if (refused === 0) measuredFrom += millis
  }

  const onStart = (now: number): void => {
    if (cycleStart < 0) {
      cycleStart = measuredFrom = cutAt = sliceFrom = lastStart = now
      longWindow.start(now)
    }
    if (skipped > 0) {
      skip(skipped)
      sliceFrom += skipped
      lastStart += skipped
      skipped = 0
    }
    const current = rate(now)
    sliceTurns += ((now - lastStart) * lastRate) / 1000
    lastStart = now
    lastRate = current
    const slice = now - sliceFrom
    if (slice >= Math.max(250, 4000 / current)) {
      inUse = sliceStarts >= 0.8 * sliceTurns - 1
      if (!inUse) {
        skip(slice)
        if (refused === 0) accepted -= Math.min(accepted, sliceAccepted)
      }
      sliceFrom = now
      sliceRate = rate(now)
      sliceStarts = sliceTurns = sliceAccepted = 0
    }
    sliceStarts++
  }

  const onAccepted = (now: number, started: number): void => {
    accepted++
    sliceAccepted++
    const ended = longWindow.onAccepted(now)
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
      if (trial !== undefined) judge(now, started, trial, false)
      else weighSearch(false)
      return
    }
    const current = rate(started)
    const share = background.share()
    if (share > 0) {
      evidence = Math.max(0, evidence + Evidence.weigh(false, share, share + (1 - share) * excess))
      if (current <= believed) background.count(false)
    }
    if ((share > 0 || isDoubted) && current > believed * gone) {
      search(now, current)
      return
    }
    if (ended === undefined) return
    unit = ended.isQuota ? ended.length : second
    begin(now, ended.limit, ended.isQuota ? unitsInCycle * unit : 0)
    measureFrom(now)
  }

  const search = (now: number, from: number) => {
    believed = trial = undefined
    isDoubted = false
    sliceRate = Number.POSITIVE_INFINITY
    unit = second
    longWindow.forget()
    searchFrom = clamp(from)
    cycleStart = cutAt = now
    evidence = 0
    early.forget()
    suspect(now)
    measureFrom(now)
  }

  const suspect = (now: number) => {
    suspectFrom = now
    suspectAccepted = suspectRefused = suspicion = 0
  }

  // Whether the 429s of a search are a sign of a limit.
  const weighSearch = (limited: boolean): boolean => {
    const few = background.expected()
    evidence = Math.max(0, evidence + Evidence.weigh(limited, few, few + (1 - few) / 2))
    const known = Math.max(leastBackground, background.share())
    suspicion = Math.max(0, suspicion + Evidence.weigh(limited, known, Math.min(0.9, suspicious * known)))
    if (suspicion === 0) suspectRefused = 0
    background.count(limited)
    return evidence > searchEvidence
  }

  // Whether a trial has come to an end.
  const judge = (now: number, started: number, { former, rate, weigh }: Trial.Trial, limited: boolean): boolean => {
    const verdict = weigh(started - cutAt, limited)
    switch (verdict._tag) {
      case "Open":
        return false
      case "Lower":
        lower(now, verdict.rate, verdict.share, former, verdict.round)
        return true
      case "Background":
        background.shown(verdict.answers, verdict.limited)
        early.refuted()
        search(now, former)
        return true
      case "Limit":
        trial = undefined
        background.forgetExcess()
        early.confirmed()
        begin(now, rate / Trial.below, 0)
        measureFrom(now)
        return true
    }
  }

  const begin = (now: number, limit: number, length: number) => {
    evidence = 0
    believed = clamp(limit)
    cycleStart = cutAt = now
    cycleLength = Math.max(length, firstCycle, (requestsInFirst * 1000) / believed)
    acceptedSinceCut = isDoubted = false
  }

  const measureFrom = (now: number) => {
    measuredFrom = now
    accepted = refused = pauses = 0
  }

  const onLimited = (now: number, started: number): boolean => {
    if (started < cutAt) return false
    const current = rate(started)
    if (believed === undefined) {
      if (trial !== undefined) return judge(now, started, trial, true)
      if (suspectRefused === 0) suspect(now)
      suspectRefused++
      refused++
      if (weighSearch(true)) {
        const limit = Math.min(current, Math.max(1, recent.count(now)))
        background.forgetExcess()
        begin(now, limit, 0)
        measureFrom(now)
        return true
      }
      return tryLower(now, current)
    }
    const share = background.share()
    if (share > 0 && acceptedSinceCut) {
      evidence += Evidence.weigh(true, share, share + (1 - share) * excess)
      if (current <= believed) background.count(true)
      if (evidence < excessEvidence) return false
    }
    refused++
    if (!acceptedSinceCut) {
      // The rest of a used-up window refuses everything, as nothing at random does.
      if (!longWindow.onRefused(now, cutAt, current)) return false
      early.forget()
      return true
    }
    const elapsed = now - measuredFrom
    if (elapsed < Math.max(minMeasured, (minCounted * 1000) / current)) return false
    const doubted = unit > second ? undefined : early.end((now - cycleStart) / cycleLength, accepted + refused, refused)
    if (doubted !== undefined) {
      lower(now, Trial.wellBelow * ((accepted * 1000) / elapsed), doubted, believed, 1)
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
    const fallen = unit > second ? undefined : spiral.end(limit / believed, accepted + refused, refused)
    if (fallen !== undefined) {
      lower(now, Trial.wellBelow * average, fallen, believed, 1)
      return true
    }
    const moved = rose || limit < believed * 0.9
    const longest = Math.min(longestLong, Math.max(shortestLong, (requestsInLong * 1000) / limit))
    begin(now, limit, moved ? 0 : Math.min(longest, cycleLength * cycleGrowth))
    measureFrom(now)
    return true
  }

  // Puts the 429s of a search on trial, where they have become more or cost too much.
  const tryLower = (now: number, current: number): boolean => {
    const elapsed = now - suspectFrom
    const paused = pauses >= pausesBeforeTrial
    if (paused && background.share() === 0) {
      if (elapsed < Trial.settles) return false
      // The last one ended the count.
      lower(now, averageOfSearch(now) * Trial.below, (refused - 1) / (accepted + refused), current, Trial.lastRound)
      return true
    }
    if (inUse || suspicion < trialSuspicion || elapsed < 2 * Trial.settles) return false
    // A bucket that was full lets more through at first.
    const average = paused ? averageOfSearch(now) : Math.min(recent.count(now), (suspectAccepted * 1000) / elapsed)
    lower(
      now,
      average * Trial.below,
      (suspectRefused - 1) / (suspectAccepted + suspectRefused),
      current,
      Trial.lastRound
    )
    return true
  }

  // From a pause to a pause, there is one more window than there is time.
  const averageOfSearch = (now: number) => (accepted * 1000) / (now - measuredFrom + Trial.settles)

  const lower = (now: number, to: number, share: number, former: number, round: number) => {
    trial = Trial.make({ rate: clamp(to), share, former, round })
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
    onExplained: (now) => {
      if (cycleStart < 0) return
      background.forgetExcess()
      if (believed === undefined) {
        search(now, trial?.former ?? rate(now))
        return
      }
      // Should that be wrong, the steep rise costs a request or two.
      begin(now, believed, 0)
      measureFrom(now)
      cycleStart -= cycleLength
      isDoubted = true
    },
    limit: () => believed,
    background: background.share
  }
}
