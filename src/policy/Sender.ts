/**
 * What sends requests to one vendor and key: one gate, and one set of limits, permits, pauses, retries and breakers for
 * all that send there, whoever they are.
 *
 * Each who joins brings policies of its own. What all bring alike exists once; where they differ, all of it holds for
 * all of them, so that the strictest governs while who asked for it is there.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Monotonic from "../base/Monotonic.ts"
import { type Answer, AnswerObserver, type Observer } from "../http/AnswerObserver.ts"
import * as ApiError from "../http/ApiError.ts"
import type * as ConcurrencyFinder from "./concurrency/ConcurrencyFinder.ts"
import * as ConcurrencyPolicy from "./concurrency/ConcurrencyPolicy.ts"
import { Declared } from "./Declared.ts"
import * as Gate from "./Gate.ts"
import type { LimitChanged } from "./PolicyEvent.ts"
import * as Limiter from "./rate/Limiter.ts"
import type * as Pacer from "./rate/Pacer.ts"
import * as RateLimitHeaders from "./rate/RateLimitHeaders.ts"
import type * as RateLimitPolicy from "./rate/RateLimitPolicy.ts"
import * as CircuitBreakerPolicy from "./retry/CircuitBreakerPolicy.ts"
import * as RetryDecision from "./retry/RetryDecision.ts"
import type * as RetryPolicy from "./retry/RetryPolicy.ts"

/**
 * For whom a vendor counts requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  /** Whose API it is, as its errors name it: `Reach`. */
  readonly vendor: string
  /** The tenant or business, where limits are counted for each. Default: none. */
  readonly tenant?: string | undefined
  /** Where the API is served, as its client says: another base URL is another place. Default: not told. */
  readonly place?: string | undefined
}

/**
 * The policies that belong to a sender. How a request is tried again does not, but for the store of retries.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Policies {
  readonly rateLimit: RateLimitPolicy.RateLimitPolicy<unknown>
  readonly concurrency: ConcurrencyPolicy.ConcurrencyPolicy
  readonly breaker: CircuitBreakerPolicy.CircuitBreakerPolicy | undefined
  readonly budget: RetryPolicy.RetryPolicy["budget"]
}

/**
 * One of those who share a sender, as the sender sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member extends Gate.Owner {
  /** Whose API it calls. */
  readonly vendor: string
  readonly onLimitChanged: (limit: LimitChanged["limit"], value: number) => void
  /** Its requests in flight: for the sender to count. */
  inFlight: number
}

/**
 * One who wants to be told nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const silent = (vendor: string): Member => ({
  vendor,
  onWait: nothing,
  onLimitChanged: nothing,
  waiting: 0,
  inFlight: 0
})

const nothing = () => undefined

/**
 * Whose turn a request is being sent in: its vendor's name. A call of that vendor's API in there takes no turn of its own.
 *
 * @category configuration
 * @since 0.1.0
 */
export const InTurn = Context.Reference<string | undefined>("effect-patchbay/policy/Sender/InTurn", {
  defaultValue: () => undefined
})

/**
 * One request's turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn<A, E, R, E2> {
  readonly member: Member
  /** The records that it holds. */
  readonly records: number
  readonly deadline: number
  readonly longestPause: number
  readonly onStart: (startedAt: number) => void
  /** Put around the request once it goes out. */
  readonly around: (send: Effect.Effect<A, E, R>, now: number, isDone: () => boolean) => Effect.Effect<A, E | E2, R>
  /** Where its turn would come too late. */
  readonly tooLate: (until: number) => Effect.Effect<never, E2>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Sender {
  /** What shares the limit, as events and errors name it. */
  readonly key: string
  readonly clock: Clock.Clock
  /** The policies of `member` hold until it leaves. */
  readonly join: (
    member: Member,
    policies: Policies,
    given: {
      readonly breaker: CircuitBreaker.CircuitBreaker | undefined
      readonly reserve: Limiter.Reserve | undefined
    }
  ) => void
  readonly leave: (member: Member) => void
  /** Whether nobody is there. */
  readonly isEmpty: () => boolean
  /** Whether nobody is there, and nothing of what was is to be kept: starts that still count, pauses and quotas. */
  readonly isOver: (now: number) => boolean
  /** Sends one request when its turn has come: `limiter(permit(around(send)))`. */
  readonly pass: <A, E, R, E2>(send: Effect.Effect<A, E, R>, turn: Turn<A, E, R, E2>) => Effect.Effect<A, E | E2, R>
  /** What the breakers refuse waits until it may be tried again, unless `giveUp` says with what to end. */
  readonly guarded: <A, E, R, E2 = never>(
    effect: Effect.Effect<A, E, R>,
    giveUp?: (refused: Refused) => E2 | undefined
  ) => Effect.Effect<A, E | E2, R>
  /** One call with nothing but its turn: no retries, no timeout. */
  readonly single: <A, E, R>(send: Effect.Effect<A, E, R>, vendor: string, records: number) => Effect.Effect<A, E, R>
  readonly budget: RetryDecision.Budget
  readonly pausedUntil: () => number
  readonly concurrency: () => number
  readonly rate: () => number | undefined
}

/**
 * What a breaker refused, and when it may be tried again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused {
  readonly reason: string
  readonly now: number
  readonly wait: number
  /** When it was refused first. */
  readonly since: number
}

// A quota with a longer window is not meant to be paced evenly; what is left of it is kept all the same.
const longestPacedWindow = 60_000

// While a probe is under way, others look again after so long.
const probeWait = 250

/**
 * Makes a sender with nobody in it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (key: string, clock: Clock.Clock): Sender => {
  const monotonic = () => Monotonic.millis(clock)
  const members = new Map<Member, () => void>()
  const limiters = new Declared<Limiter.Limiter | undefined>()
  const reserves = new Map<Member, readonly [rate: number, reserve: Limiter.Reserve]>()
  const finders = new Declared<ConcurrencyFinder.ConcurrencyFinder>()
  const budgets = new Declared<RetryDecision.Budget>()
  const breakers = new Declared<CircuitBreaker.CircuitBreaker>()

  // What the headers declare, in requests per second.
  let declared: number | undefined
  const byHeaders = Limiter.byHeaders(() => declared)
  let names: RateLimitHeaders.Names = {}
  let parse = RateLimitHeaders.makeParser(names)

  const changed = (limit: LimitChanged["limit"], value: number) => {
    for (const member of members.keys()) member.onLimitChanged(limit, value)
  }

  const pacer: Pacer.Pacer = {
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
  }

  const concurrency = (): number => {
    let least = Number.POSITIVE_INFINITY
    for (const finder of finders.values) least = Math.min(least, finder.limit())
    return least
  }

  // Of several stores, or limits in one, the strictest: the turns of all are not to be had at one time.
  let reserve: Limiter.Reserve | undefined
  const chooseReserve = () => {
    let least = Number.POSITIVE_INFINITY
    reserve = undefined
    for (const [rate, one] of reserves.values()) {
      // Of equal ones the latest: its store is open for longest, as a rule.
      if (rate > least) continue
      least = rate
      reserve = one
    }
  }

  const gate = Gate.make({
    pacer,
    concurrency,
    reserve: () => reserve,
    onStart: (now, inFlight) => {
      for (const limiter of limiters.values) limiter?.finder?.onStart(now)
      for (const finder of finders.values) finder.onStart(now, inFlight)
    }
  })

  const pause = (now: number, millis: number) => {
    const before = Math.max(now, gate.pausedUntil())
    const until = now + millis
    if (until <= before) return
    gate.pause(until)
    for (const limiter of limiters.values) limiter?.finder?.onPaused(before, until)
  }

  const onHeaders = ({ headers, status }: Answer) => {
    const told = parse(headers, clock.currentTimeMillisUnsafe())
    if (told.retryAfter === undefined && told.quotas.length === 0) return
    const now = monotonic()
    for (const { name, remaining, resetAfter } of told.quotas) {
      if (remaining !== undefined && resetAfter !== undefined) gate.quota(name, remaining, now + resetAfter)
    }
    if (status === 429 || status === 503) {
      const wait = told.retryAfter ?? (status === 429 ? RateLimitHeaders.exhaustedFor(told) : 0)
      if (wait > 0) pause(now, wait)
    }
    const rate = RateLimitHeaders.strictestRate(told, longestPacedWindow)
    if (rate !== undefined && rate !== declared) {
      declared = rate
      changed("rate", rate)
    }
  }

  // Returns whether another request has started in its place.
  const end = (member: Member, now: number, startedAt: number, ending: ConcurrencyFinder.Ending): boolean => {
    member.inFlight--
    let moved = false
    for (const finder of finders.values) if (finder.onEnd(now, startedAt, ending)) moved = true
    if (moved) changed("concurrency", concurrency())
    return gate.leave(now)
  }

  const onAccepted = (now: number, startedAt: number) => {
    for (const limiter of limiters.values) limiter?.finder?.onAccepted(now, startedAt)
  }

  const accepted = (member: Member, now: number, startedAt: number): boolean => {
    onAccepted(now, startedAt)
    return end(member, now, startedAt, "answered")
  }

  const onLimited = (now: number, startedAt: number) => {
    for (const limiter of limiters.values) {
      if (limiter?.finder?.onLimited(now, startedAt) === true) changed("rate", limiter.finder.rate(now))
    }
  }

  const settled = (member: Member, startedAt: number, exit: Exit.Exit<unknown, unknown>) => {
    const now = monotonic()
    if (Exit.isSuccess(exit)) {
      accepted(member, now, startedAt)
      return
    }
    const failed = Cause.findErrorOption(exit.cause)
    if (failed._tag === "None") {
      end(member, now, startedAt, "none")
      return
    }
    const error = failed.value
    const ending = endingOf(error)
    const isFault = error instanceof ApiError.ServerFault
    const isLimited = error instanceof ApiError.RateLimited
    if (isLimited) onLimited(now, startedAt)
    if (isFault || ending === "answered") onAccepted(now, startedAt)
    if ((isFault || isLimited) && error.retryAfter !== undefined) pause(now, Duration.toMillis(error.retryAfter))
    end(member, now, startedAt, ending)
  }

  const budget: RetryDecision.Budget = {
    spend: () => budgets.values.every((one) => one.spend()),
    earn: () => {
      for (const one of budgets.values) one.earn()
    },
    left: () => budgets.values.reduce((least, one) => Math.min(least, one.left()), Number.POSITIVE_INFINITY)
  }

  const pass = <A, E, R, E2>(send: Effect.Effect<A, E, R>, turn: Turn<A, E, R, E2>): Effect.Effect<A, E | E2, R> => {
    const { around, deadline, longestPause, member, onStart, records, tooLate } = turn
    return Effect.uninterruptibleMask((restore) => {
      const started = (startedAt: number) => {
        member.inFlight++
        onStart(startedAt)
        let isAnswered = false
        const isDone = () => isAnswered
        const observed = Effect.updateContext(send, (context: Context.Context<R>) => {
          const outer = Context.get(context, AnswerObserver)
          const observer: Observer = {
            onHeaders: (answer) => {
              onHeaders(answer)
              outer.onHeaders(answer)
            },
            onEnd: (answer) => {
              const { status } = answer
              if (isAnswered || status < 200 || status >= 300) return outer.onEnd(answer)
              isAnswered = true
              const another = accepted(member, monotonic(), startedAt)
              // What has started in its place goes out before anything is made of the answer.
              return another ? Effect.andThen(Effect.yieldNow, outer.onEnd(answer)) : outer.onEnd(answer)
            }
          }
          return context.pipe(Context.add(AnswerObserver, observer), Context.add(InTurn, member.vendor))
        })
        const timed = Effect.suspend(() => {
          const now = monotonic()
          gate.onSent(startedAt, now)
          return around(observed, now, isDone)
        })
        return Effect.flatMap(Effect.exit(restore(timed)), (exit) => {
          if (!isAnswered) settled(member, startedAt, exit)
          if (Exit.isSuccess(exit)) budget.earn()
          return exit
        })
      }
      const now = monotonic()
      if (gate.tryEnter(now, records)) return started(now)
      return Effect.matchEffect(gate.enter({ clock, owner: member, count: records, deadline, longestPause, restore }), {
        onSuccess: started,
        onFailure: ({ until }) => tooLate(until)
      })
    })
  }

  const guardedBy = <A, E, R, E2>(
    breaker: CircuitBreaker.CircuitBreaker,
    effect: Effect.Effect<A, E, R>,
    giveUp: (refused: Refused) => E2 | undefined,
    from: number | undefined
  ): Effect.Effect<A, E | E2, R> =>
    Effect.catch(breaker.execute(effect, { key, classify: CircuitBreakerPolicy.classify }), (error) => {
      if (!(error instanceof CircuitBreaker.CircuitBreakerError)) {
        // `instanceof` does not narrow a type parameter.
        return Effect.fail(error as E)
      }
      const { reason } = error
      const now = monotonic()
      const wait = reason._tag === "CircuitOpen" ? Math.max(1, Duration.toMillis(reason.retryAfter)) : probeWait
      const since = from ?? now
      const gaveUp = giveUp({ reason: reason._tag, now, wait, since })
      if (gaveUp !== undefined) return Effect.fail(gaveUp)
      return Effect.flatMap(Effect.sleep(wait), () => guardedBy(breaker, effect, giveUp, since))
    })

  const guarded: Sender["guarded"] = <A, E, R, E2 = never>(
    effect: Effect.Effect<A, E, R>,
    giveUp: (refused: Refused) => E2 | undefined = nothing
  ) => {
    let all: Effect.Effect<A, E | E2, R> = effect
    for (const breaker of breakers.values) all = guardedBy(breaker, all, giveUp, undefined)
    return all
  }

  return {
    key,
    clock,
    join: (member, { breaker, budget, concurrency, rateLimit }, given) => {
      const limit = nameOf(rateLimit)
      const limiter = limiters.add(limit, () => Limiter.make(rateLimit, () => declared, limiters.values))
      const finder = JSON.stringify(concurrency)
      finders.add(finder, () => ConcurrencyPolicy.toFinder(concurrency))
      if (budget !== undefined) budgets.add(JSON.stringify(budget), () => RetryDecision.makeBudget({ budget }))
      const circuit = given.breaker
      if (circuit !== undefined) breakers.add(JSON.stringify(breaker), () => circuit)
      if (given.reserve !== undefined) {
        reserves.set(member, [limiter?.rate() ?? Number.POSITIVE_INFINITY, given.reserve])
        chooseReserve()
      }
      if (Object.keys(rateLimit.headers).length > 0) {
        names = { ...names, ...rateLimit.headers }
        parse = RateLimitHeaders.makeParser(names)
      }
      members.set(member, () => {
        const now = monotonic()
        // Starts count for as long as the window is, whoever made them.
        limiters.remove(limit, now + (limiter?.window ?? 0))
        finders.remove(finder, now)
        if (budget !== undefined) budgets.remove(JSON.stringify(budget), now)
        if (circuit !== undefined) breakers.remove(JSON.stringify(breaker), now)
        for (const one of [limiters, finders, budgets, breakers]) one.expire(now)
        if (reserves.delete(member)) chooseReserve()
        gate.widened()
      })
    },
    leave: (member) => {
      members.get(member)?.()
      members.delete(member)
    },
    isEmpty: () => members.size === 0,
    isOver: (now) => members.size === 0 && Math.max(limiters.lastsUntil, gate.heldUntil()) <= now,
    pass,
    guarded,
    single: (send, vendor, records) =>
      Effect.suspend(() =>
        guarded(
          pass(send, {
            member: silent(vendor),
            records,
            deadline: Number.POSITIVE_INFINITY,
            longestPause: Number.POSITIVE_INFINITY,
            onStart: nothing,
            around: (observed) => observed,
            // Nothing is later than never.
            tooLate: () => Effect.never
          })
        )
      ),
    budget,
    pausedUntil: gate.pausedUntil,
    concurrency,
    rate: () => {
      let least = declared
      for (const limiter of limiters.values) {
        const rate = limiter?.rate()
        if (rate !== undefined && (least === undefined || rate < least)) least = rate
      }
      return least
    }
  }
}

/** What an error says of how much the vendor can take. */
const endingOf = (error: unknown): ConcurrencyFinder.Ending => {
  if (error instanceof ApiError.TransportFault || error instanceof ApiError.InvalidRequest) return "none"
  return error instanceof ApiError.RateLimited ||
    error instanceof ApiError.TimedOut ||
    (error instanceof ApiError.ServerFault && error.status === 503)
    ? "overloaded"
    : "answered"
}

const nameOf = (policy: RateLimitPolicy.RateLimitPolicy<unknown>): string => {
  switch (policy._tag) {
    case "Known":
      return JSON.stringify([policy.limit, Duration.toMillis(policy.window), policy.burst, policy.unit])
    case "Found":
      return JSON.stringify(policy.search)
    case "Unlimited":
      return "unlimited"
  }
}
