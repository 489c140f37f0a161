/**
 * The policies in force at a sender: those of all who are there. What several bring alike exists once; where they differ,
 * all of it holds for all of them.
 */
import * as Duration from "effect/Duration"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as ConcurrencyFinder from "./concurrency/ConcurrencyFinder.ts"
import * as ConcurrencyPolicy from "./concurrency/ConcurrencyPolicy.ts"
import * as InFlightLimit from "./concurrency/InFlightLimit.ts"
import { Declared } from "./Declared.ts"
import * as Limiter from "./rate/Limiter.ts"
import type * as Pacer from "./rate/Pacer.ts"
import type { RateFinding } from "./rate/RateFinding.ts"
import * as RateLimitHeaders from "./rate/RateLimitHeaders.ts"
import type * as RateLimitPolicy from "./rate/RateLimitPolicy.ts"
import type * as SharedLimit from "./rate/SharedLimit.ts"
import type * as CircuitBreakerPolicy from "./retry/CircuitBreakerPolicy.ts"
import * as RetryDecision from "./retry/RetryDecision.ts"
import type * as RetryPolicy from "./retry/RetryPolicy.ts"

/** The policies that belong to a sender. How a request is tried again does not, but for the store of retries. */
export interface Policies {
  readonly rateLimit: RateLimitPolicy.RateLimitPolicy<unknown>
  readonly concurrency: ConcurrencyPolicy.ConcurrencyPolicy
  readonly breaker: CircuitBreakerPolicy.CircuitBreakerPolicy | undefined
  readonly budget: RetryPolicy.RetryPolicy["budget"]
}

/** What of the policies had to be made with effects. */
export interface Given {
  readonly breaker: CircuitBreaker.CircuitBreaker | undefined
  readonly shared: SharedLimit.SharedLimit | undefined
}

/** All times are in milliseconds of the clock that only goes forward. */
export interface InForce {
  /** Puts policies in force; what is returned takes them back. Starts count for as long as their window is. */
  readonly add: (policies: Policies, given: Given) => (now: number) => void
  /** When the last of what nobody brings any more ceases to hold. */
  readonly lastsUntil: () => number
  readonly pacer: Pacer.Pacer
  /** Requests that may be in flight. */
  readonly concurrency: () => number
  /** As many as the vendor was found to take at once; `undefined` while it refused none for that reason. */
  readonly inFlightLimit: () => number | undefined
  /** The turns of a limit that processes share. */
  readonly shared: () => SharedLimit.SharedLimit | undefined
  readonly budget: RetryDecision.Budget
  readonly breakers: () => ReadonlyArray<CircuitBreaker.CircuitBreaker>
  /** Requests per second, as known, declared or found; `undefined` where there is no limit, or none found yet. */
  readonly rate: () => number | undefined
  /** What was found of a limit that nobody told; of several searches, by the one that found the strictest. */
  readonly found: () => RateFinding | undefined
  /** What the headers of an answer say. */
  readonly read: ReturnType<typeof RateLimitHeaders.makeParser>
  /** The headers declare a rate. Returns whether it is another one than before. */
  readonly declare: (rate: number) => boolean
  readonly onStart: (now: number, inFlight: number) => void
  readonly onPaused: (from: number, until: number) => void
  /** A request that started as one of so many in flight was not refused. Returns whether another number may be in flight. */
  readonly onAccepted: (now: number, startedAt: number, inFlight: number) => boolean
  /** It was answered with a 429. Returns the rates that were found to be others, and whether another number may be in flight. */
  readonly onLimited: (
    now: number,
    startedAt: number,
    inFlight: number
  ) => { readonly rates: ReadonlyArray<number>; readonly moved: boolean }
  /** Returns whether the requests that may be in flight are others. */
  readonly onEnd: (now: number, startedAt: number, ending: ConcurrencyFinder.Ending) => boolean
}

/** Nothing is in force yet. */
export const make = (): InForce => {
  const limiters = new Declared<Limiter.Limiter | undefined>()
  const finders = new Declared<ConcurrencyFinder.ConcurrencyFinder>()
  const budgets = new Declared<RetryDecision.Budget>()
  const breakers = new Declared<CircuitBreaker.CircuitBreaker>()
  const inFlightLimit = InFlightLimit.make()
  const sharedLimits = new Map<object, readonly [rate: number, shared: SharedLimit.SharedLimit]>()
  // What the headers declare, in requests per second.
  let declared: number | undefined
  const byHeaders = Limiter.byHeaders(() => declared)
  let names: RateLimitHeaders.Names = {}
  let parse = RateLimitHeaders.makeParser(names)

  // Of several stores, or limits in one, the strictest: the turns of all are not to be had at one time.
  let shared: SharedLimit.SharedLimit | undefined
  const chooseShared = () => {
    let least = Number.POSITIVE_INFINITY
    shared = undefined
    for (const [rate, one] of sharedLimits.values()) {
      // Of equal ones the latest: its store is open for longest, as a rule.
      if (rate > least) continue
      least = rate
      shared = one
    }
  }

  const onAnswered = (now: number, inFlight: number, refused: boolean): boolean => {
    const change = inFlightLimit.onAnswered(inFlight, refused)
    if (change === "found") for (const limiter of limiters.values) limiter?.finder?.onExplained(now)
    return change !== "none"
  }

  const refusedByRate = (now: number, startedAt: number): ReadonlyArray<number> =>
    limiters.values.flatMap((limiter) => {
      const finder = limiter?.finder
      if (finder === undefined) return []
      const isKnown = finder.limit() !== undefined
      if (!finder.onLimited(now, startedAt)) return []
      if (!isKnown && finder.limit() !== undefined) inFlightLimit.onRateFound()
      return [finder.rate(now)]
    })

  return {
    add: ({ breaker, budget, concurrency, rateLimit }, given) => {
      const id = {}
      const limit = nameOf(rateLimit)
      const limiter = limiters.add(limit, () => Limiter.make(rateLimit, () => declared, limiters.values))
      const finder = JSON.stringify(concurrency)
      finders.add(finder, () => ConcurrencyPolicy.toFinder(concurrency))
      if (budget !== undefined) budgets.add(JSON.stringify(budget), () => RetryDecision.makeBudget({ budget }))
      const circuit = given.breaker
      if (circuit !== undefined) breakers.add(JSON.stringify(breaker), () => circuit)
      if (given.shared !== undefined) {
        sharedLimits.set(id, [limiter?.rate() ?? Number.POSITIVE_INFINITY, given.shared])
        chooseShared()
      }
      if (Object.keys(rateLimit.headers).length > 0) {
        names = { ...names, ...rateLimit.headers }
        parse = RateLimitHeaders.makeParser(names)
      }
      return (now) => {
        limiters.remove(limit, now + (limiter?.window ?? 0))
        finders.remove(finder, now)
        if (budget !== undefined) budgets.remove(JSON.stringify(budget), now)
        if (circuit !== undefined) breakers.remove(JSON.stringify(breaker), now)
        for (const one of [limiters, finders, budgets, breakers]) one.expire(now)
        if (sharedLimits.delete(id)) chooseShared()
      }
    },
    lastsUntil: () => limiters.lastsUntil,
    pacer: {
      next: (now, count) => {
        if (now >= limiters.endsAt) limiters.expire(now)
        let at = byHeaders.next(now, count)
        for (const limiter of limiters.values) {
          if (limiter !== undefined) at = Math.max(at, limiter.pacer.next(now, count))
        }
        return at
      },
      onStart: (now, count) => {
        byHeaders.onStart(now, count)
        for (const limiter of limiters.values) limiter?.pacer.onStart(now, count)
      },
      onSent: (started, now) => {
        for (const limiter of limiters.values) limiter?.pacer.onSent?.(started, now)
      }
    },
    concurrency: () => {
      let least = inFlightLimit.limit()
      for (const finder of finders.values) least = Math.min(least, finder.limit())
      return least
    },
    inFlightLimit: () => (Number.isFinite(inFlightLimit.limit()) ? inFlightLimit.limit() : undefined),
    shared: () => shared,
    budget: {
      spend: () => budgets.values.every((one) => one.spend()),
      earn: () => {
        for (const one of budgets.values) one.earn()
      },
      left: () => budgets.values.reduce((least, one) => Math.min(least, one.left()), Number.POSITIVE_INFINITY)
    },
    breakers: () => breakers.values,
    rate: () => {
      let least = declared
      for (const limiter of limiters.values) {
        const rate = limiter?.rate()
        if (rate !== undefined && (least === undefined || rate < least)) least = rate
      }
      return least
    },
    found: () => {
      // Where the headers tell it, nothing is sent at the rate that a search would have it.
      if (declared !== undefined) return undefined
      let strictest: RateFinding | undefined
      for (const limiter of limiters.values) {
        const finding = limiter?.finder?.finding()
        if (finding === undefined) continue
        if (strictest === undefined || perSecond(finding) < perSecond(strictest)) strictest = finding
      }
      return strictest
    },
    read: (headers, wall) => parse(headers, wall),
    declare: (rate) => {
      const isOther = rate !== declared
      declared = rate
      return isOther
    },
    onStart: (now, inFlight) => {
      for (const limiter of limiters.values) limiter?.finder?.onStart(now)
      for (const finder of finders.values) finder.onStart(now, inFlight)
    },
    onPaused: (from, until) => {
      for (const limiter of limiters.values) limiter?.finder?.onPaused(from, until)
    },
    onAccepted: (now, startedAt, inFlight) => {
      for (const limiter of limiters.values) limiter?.finder?.onAccepted(now, startedAt)
      return onAnswered(now, inFlight, false)
    },
    onLimited: (now, startedAt, inFlight) => {
      const rates = inFlightLimit.explains(inFlight) ? [] : refusedByRate(now, startedAt)
      return { rates, moved: onAnswered(now, inFlight, true) }
    },
    onEnd: (now, startedAt, ending) => {
      let moved = false
      for (const finder of finders.values) if (finder.onEnd(now, startedAt, ending)) moved = true
      return moved
    }
  }
}

const perSecond = ({ limit }: RateFinding): number => limit?.perSecond ?? Number.POSITIVE_INFINITY

const nameOf = (policy: RateLimitPolicy.RateLimitPolicy<unknown>): string => {
  switch (policy._tag) {
    case "Known":
      return JSON.stringify([policy.limit, Duration.toMillis(policy.window), policy.burst, policy.unit, policy.shared])
    case "Found":
      return JSON.stringify([policy.search, policy.unit])
    case "Unlimited":
      return "unlimited"
  }
}
