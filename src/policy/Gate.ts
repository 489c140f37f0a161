/**
 * The one gate through which every attempt goes: it lets a request start when the key is not paused, no
 * quota is used up, its turn under the rate limit has come, and there is a place in flight, all at the same
 * instant. So a turn is never taken by a request that then waits for a place, and a request that waits for
 * its turn holds no place.
 *
 * Those that wait stand in line. Only the first looks at the clock, and it takes its turn when it starts:
 * one that is cancelled has taken nothing.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Line, type Place } from "../base/Line.ts"
import * as Monotonic from "../base/Monotonic.ts"
import type { Waiting } from "./PolicyEvent.ts"
import type * as Pacer from "./rate/Pacer.ts"
import type * as SharedLimit from "./rate/SharedLimit.ts"

/** A wait that would end too late: it was not waited for. */
export interface TooLate {
  readonly _tag: "TooLate"
  /** When a start would have been possible, in milliseconds of the clock that only goes forward. */
  readonly until: number
}

/** The store of a limit that processes share has not answered for too long. */
export interface StoreGone {
  readonly _tag: "StoreGone"
  /** When it was asked in vain first, in milliseconds of the clock that only goes forward. */
  readonly since: number
}

/** Why a request did not start. */
export type NotStarted = TooLate | StoreGone

/** When a request started, and how many were in flight then, itself included. */
export interface Start {
  readonly at: number
  readonly inFlight: number
}

type OnWait = (reason: Exclude<Waiting["reason"], "breaker">, until: number, now: number) => void

/** Whose requests go through the gate, and are told of what they wait for. */
export interface Owner {
  /** The first in line waits, and so do all behind it. `until` is 0 where the time is not known. */
  readonly onWait: OnWait
  /** How many of them stand in line: for the gate to count. */
  waiting: number
}

/**
 * To be run where it cannot be interrupted: what waits is made interruptible again by `restore`, so that a
 * start is never lost between being taken and being known to its taker.
 */
export interface Enter {
  readonly clock: Clock.Clock
  readonly owner: Owner
  /** The records of the request. */
  readonly count: number
  readonly deadline: number
  /** No pause is waited for that ends later than this after now. */
  readonly longestPause: number
  readonly restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** All times are in milliseconds of the clock that only goes forward. */
export interface Gate {
  /** Starts now, if nothing is in the way: whether it did. */
  readonly tryEnter: (now: number, count: number) => boolean
  /** Stands in line and starts when it may. Fails where that would be after `deadline`, or nobody can say when it is. */
  readonly enter: (options: Enter) => Effect.Effect<Start, NotStarted>
  /** A request that was let start then really starts now; `undefined` where that makes no difference. */
  readonly onSent: (started: number, now: number) => void
  /** A request that had started has ended. Returns whether another has started in its place. */
  readonly leave: (now: number) => boolean
  /** Nothing starts before `until`, here and in all processes that share the limit. */
  readonly pause: (now: number, until: number) => void
  /** What the headers said: so many may start before `until`. `remaining` is what the server counted. */
  readonly quota: (name: string, remaining: number, until: number) => void
  readonly pausedUntil: () => number
  /** Until when what answers asked for matters: pauses and quotas. */
  readonly heldUntil: () => number
  /** More may start than before: whoever is first in line looks again. */
  readonly widened: () => void
  readonly inFlight: () => number
  readonly waiting: () => number
}

// Clocks count nanoseconds: a shorter sleep could end at the time at which it began.
const leastSleep = 0.001

// What comes so soon is not worth another question before it.
const soon = 50

interface Waiter {
  readonly count: number
  called: boolean
  wake: (() => void) | undefined
}

interface Quota {
  remaining: number
  until: number
}

/** Makes a gate that is open. */
export const make = (options: {
  readonly pacer: Pacer.Pacer
  /** How many may be in flight now. */
  readonly concurrency: () => number
  /** Where turns must be had from a store, too. */
  readonly shared: () => SharedLimit.SharedLimit | undefined
  readonly onStart: (now: number, inFlight: number) => void
}): Gate => {
  const { concurrency, onStart, pacer, shared } = options
  // The front leaves, and seldom another.
  const line = new Line<Waiter>()
  const quotas = new Map<string, Quota>()
  let inFlight = 0
  let paused = Number.NEGATIVE_INFINITY
  // Turns that a store gave us. Whoever is first when they come may use them.
  let reserved = 0
  let reservedAt = Number.NEGATIVE_INFINITY
  let reservedUntil = Number.POSITIVE_INFINITY
  let isCalling = false
  let blockedBy: Parameters<OnWait>[0] = "rate"
  const owners = new Set<Owner>()
  // What the first in line was last seen to wait for, for those who come to stand behind it.
  let waitsFor: Parameters<OnWait>[0] | undefined
  let waitsUntil = 0

  const onWait: OnWait = (reason, until, now) => {
    waitsFor = reason
    waitsUntil = until
    for (const owner of owners) owner.onWait(reason, until, now)
  }

  const turns = (count: number): number => shared()?.turns(count) ?? 0

  const quotaUntil = (now: number): number => {
    let until = Number.NEGATIVE_INFINITY
    for (const [name, quota] of quotas) {
      if (quota.until <= now) quotas.delete(name)
      else if (quota.remaining < 1) until = Math.max(until, quota.until)
    }
    return until
  }

  // From when a start is possible, as far as time is concerned.
  const next = (now: number, count: number): number => {
    let at = pacer.next(now, count)
    blockedBy = "rate"
    if (reserved > 0 && reservedAt > at && reserved >= turns(count)) at = reservedAt
    if (quotas.size > 0) {
      const until = quotaUntil(now)
      if (until > at) {
        at = until
        blockedBy = "quota"
      }
    }
    if (paused > at) {
      at = paused
      blockedBy = "paused"
    }
    return at
  }

  const take = (now: number, count: number) => {
    inFlight++
    pacer.onStart(now, count)
    if (reserved > 0) {
      reserved = Math.max(0, reserved - turns(count))
      shared()?.onUsed()
    }
    if (quotas.size > 0) for (const quota of quotas.values()) quota.remaining--
    onStart(now, inFlight)
  }

  const callFirst = () => {
    const first = line.first()?.value
    if (first === undefined || first.called) return
    first.called = true
    first.wake?.()
  }

  const called = (waiter: Waiter): Effect.Effect<void> =>
    Effect.callback((resume) => {
      if (waiter.called) {
        waiter.called = false
        resume(Effect.void)
        return
      }
      // V8 makes a function that is assigned to a property as it is written in its old generation, where it would keep
      // what it holds, at last a request's body, until everything is collected.
      const wake = () => {
        waiter.wake = undefined
        waiter.called = false
        resume(Effect.void)
      }
      waiter.wake = wake
    })

  const leaveLine = (place: Place<Waiter>, owner: Owner) => {
    if (place.at < 0) return
    const wasFirst = line.first() === place
    line.remove(place)
    if (--owner.waiting === 0) owners.delete(owner)
    if (wasFirst && !isCalling) callFirst()
  }

  const pauseHere = (until: number) => {
    if (until <= paused) return
    paused = until
    // They would come too late, and by nobody's fault. Were they kept, those of all processes would be used at its end at once.
    if (until > reservedAt) reserved = 0
  }

  const giveUp = (place: Place<Waiter>, owner: Owner, reason: NotStarted): Effect.Effect<never, NotStarted> =>
    Effect.suspend(() => {
      leaveLine(place, owner)
      return Effect.fail(reason)
    })

  // Once turns were asked for, they are ours: they are kept for the next in line, should this one be cancelled.
  const ask = (
    store: SharedLimit.SharedLimit,
    place: Place<Waiter>,
    options: Enter
  ): Effect.Effect<Start, NotStarted> => {
    const { clock, count, deadline, owner, restore } = options
    const needed = Math.max(store.turns(count), Math.min(store.most, line.size))
    return Effect.flatMap(store.take(needed), (answer) => {
      switch (answer._tag) {
        case "Turns":
          reserved = needed
          reservedAt = answer.from
          reservedUntil = answer.until
          return wait(place, options)
        case "AskAgain": {
          const now = Monotonic.millis(clock)
          if (answer.at > deadline) return giveUp(place, owner, { _tag: "TooLate", until: answer.at })
          onWait("rate", answer.at, now)
          return Effect.flatMap(restore(Effect.sleep(Math.max(answer.at - now, leastSleep))), () =>
            wait(place, options)
          )
        }
        case "Gone":
          return giveUp(place, owner, { _tag: "StoreGone", since: answer.since })
      }
    })
  }

  const look = (store: SharedLimit.SharedLimit, place: Place<Waiter>, options: Enter) =>
    Effect.flatMap(store.look, (until) => {
      pauseHere(until)
      return wait(place, options)
    })

  const wait = (place: Place<Waiter>, options: Enter): Effect.Effect<Start, NotStarted> =>
    Effect.suspend(() => {
      const { clock, deadline, longestPause, owner, restore } = options
      const waiter = place.value
      if (line.first() !== place) return Effect.flatMap(restore(called(waiter)), () => wait(place, options))
      const { count } = waiter
      const now = Monotonic.millis(clock)
      const store = shared()
      if (reserved > 0 && now > reservedUntil) {
        reserved = 0
        store?.onLost()
      }
      const at = next(now, count)
      // A pause that is too long is known to be so at once; any other wait, when it is its turn.
      if (at > deadline || (paused > now + longestPause && paused >= at)) {
        return giveUp(place, owner, { _tag: "TooLate", until: at })
      }
      if (at > now) {
        onWait(blockedBy, at, now)
        const looksAt = store === undefined || at <= now + soon ? at : Math.max(paused, store.looksAt())
        if (store !== undefined && looksAt <= now) return look(store, place, options)
        return Effect.flatMap(restore(Effect.sleep(Math.max(Math.min(at, looksAt) - now, leastSleep))), () =>
          wait(place, options)
        )
      }
      if (inFlight >= concurrency()) {
        onWait("concurrency", 0, now)
        return Effect.flatMap(restore(called(waiter)), () => wait(place, options))
      }
      if (store !== undefined && reserved < store.turns(count)) {
        return store.looksAt() <= now ? look(store, place, options) : ask(store, place, options)
      }
      take(now, count)
      leaveLine(place, owner)
      return Effect.succeed({ at: now, inFlight })
    })

  return {
    tryEnter: (now, count) => {
      if (line.first() !== undefined || shared() !== undefined) return false
      if (inFlight >= concurrency() || next(now, count) > now) return false
      take(now, count)
      return true
    },
    enter: (options) =>
      Effect.suspend(() => {
        const { clock, count, owner } = options
        const isBehind = line.first() !== undefined
        const place = line.add({ count, called: false, wake: undefined })
        if (owner.waiting++ === 0) {
          owners.add(owner)
          if (isBehind && waitsFor !== undefined) owner.onWait(waitsFor, waitsUntil, Monotonic.millis(clock))
        }
        return Effect.onInterrupt(wait(place, options), () => Effect.sync(() => leaveLine(place, owner)))
      }),
    onSent: (started, now) => pacer.onSent?.(started, now),
    leave: (now) => {
      const left = --inFlight
      const first = line.first()
      // Whoever is called goes as far as it can before the next is.
      isCalling = true
      callFirst()
      isCalling = false
      const second = line.first()
      if (second !== undefined && second !== first) {
        // What it would find, if it was called.
        if (inFlight >= concurrency() && next(now, second.value.count) <= now) onWait("concurrency", 0, now)
        else callFirst()
      }
      return inFlight > left
    },
    pause: (now, until) => {
      pauseHere(until)
      shared()?.pause(until - now)
    },
    quota: (name, remaining, until) => {
      // Requests in flight may not be counted yet at the server.
      const left = Math.max(0, remaining - Math.max(0, inFlight - 1))
      const known = quotas.get(name)
      // Answers come in any order: within one window, what is left only shrinks. Resets are told in seconds.
      if (known !== undefined && Math.abs(known.until - until) < 1500) {
        known.remaining = Math.min(known.remaining, left)
      } else if (known === undefined || until > known.until) {
        quotas.set(name, { remaining: left, until })
      }
    },
    pausedUntil: () => paused,
    heldUntil: () => {
      let until = paused
      for (const quota of quotas.values()) until = Math.max(until, quota.until)
      return until
    },
    widened: callFirst,
    inFlight: () => inFlight,
    waiting: () => line.size
  }
}
