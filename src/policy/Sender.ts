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
import * as Gate from "./Gate.ts"
import * as InForce from "./InForce.ts"
import type { LimitChanged } from "./PolicyEvent.ts"
import type { RateFinding } from "./rate/RateFinding.ts"
import * as RateLimitHeaders from "./rate/RateLimitHeaders.ts"
import * as CircuitBreakerPolicy from "./retry/CircuitBreakerPolicy.ts"
import type * as RetryDecision from "./retry/RetryDecision.ts"

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
  /** Where its turn would come too late, or never. */
  readonly notStarted: (reason: Gate.NotStarted) => Effect.Effect<never, E2>
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
  readonly join: (member: Member, policies: InForce.Policies, given: InForce.Given) => void
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
  /** One call with nothing but its turn: no retries, no timeout. `unavailable` is where nobody can say when that is. */
  readonly single: <A, E, R>(
    send: Effect.Effect<A, E, R>,
    vendor: string,
    records: number,
    unavailable: Effect.Effect<never, E>
  ) => Effect.Effect<A, E, R>
  readonly budget: RetryDecision.Budget
  readonly pausedUntil: () => number
  readonly concurrency: () => number
  /** As many requests in flight as the vendor was found to take at once; `undefined` while it refused none for that. */
  readonly inFlightLimit: () => number | undefined
  readonly rate: () => number | undefined
  /** What was found of a limit that nobody told. */
  readonly found: () => RateFinding | undefined
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
  const policies = InForce.make()

  const changed = (limit: LimitChanged["limit"], value: number) => {
    for (const member of members.keys()) member.onLimitChanged(limit, value)
  }

  const gate = Gate.make(policies)

  // Whom a wait that an answer asks for holds back: everyone, unless all who are there say otherwise.
  const held = new Set<Member>()
  const onRetryAfter = (now: number, millis: number) => {
    if (held.size > 0) pause(now, millis)
  }

  const pause = (now: number, millis: number) => {
    const before = Math.max(now, gate.pausedUntil())
    const until = now + millis
    if (until <= before) return
    gate.pause(now, until)
    policies.onPaused(before, until)
  }

  const onHeaders = ({ headers, status }: Answer) => {
    const told = policies.read(headers, clock.currentTimeMillisUnsafe())
    if (told.retryAfter === undefined && told.quotas.length === 0) return
    const now = monotonic()
    for (const { name, remaining, resetAfter } of told.quotas) {
      if (remaining !== undefined && resetAfter !== undefined) gate.quota(name, remaining, now + resetAfter)
    }
    if (status === 429 || status === 503) {
      if (told.retryAfter !== undefined) onRetryAfter(now, told.retryAfter)
      else if (status === 429) pause(now, RateLimitHeaders.exhaustedFor(told))
    }
    const rate = RateLimitHeaders.strictestRate(told, longestPacedWindow)
    if (rate !== undefined && policies.declare(rate)) changed("rate", rate)
  }

  // Returns whether another request has started in its place.
  const end = (member: Member, now: number, startedAt: number, ending: ConcurrencyFinder.Ending): boolean => {
    member.inFlight--
    if (policies.onEnd(now, startedAt, ending)) changed("concurrency", policies.concurrency())
    return gate.leave(now)
  }

  const onTaken = (now: number, start: Gate.Start) => {
    if (policies.onAccepted(now, start.at, start.inFlight)) changed("concurrency", policies.concurrency())
  }

  const onLimited = (now: number, start: Gate.Start) => {
    const { moved, rates } = policies.onLimited(now, start.at, start.inFlight)
    for (const rate of rates) changed("rate", rate)
    if (moved) changed("concurrency", policies.concurrency())
  }

  const accepted = (member: Member, now: number, start: Gate.Start): boolean => {
    onTaken(now, start)
    return end(member, now, start.at, "answered")
  }

  const settled = (member: Member, start: Gate.Start, exit: Exit.Exit<unknown, unknown>) => {
    const now = monotonic()
    const startedAt = start.at
    if (Exit.isSuccess(exit)) {
      accepted(member, now, start)
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
    if (isLimited) onLimited(now, start)
    if (isFault || ending === "answered") onTaken(now, start)
    if ((isFault || isLimited) && error.retryAfter !== undefined) {
      onRetryAfter(now, Duration.toMillis(error.retryAfter))
    }
    end(member, now, startedAt, ending)
  }

  const pass = <A, E, R, E2>(send: Effect.Effect<A, E, R>, turn: Turn<A, E, R, E2>): Effect.Effect<A, E | E2, R> => {
    const { around, deadline, longestPause, member, notStarted, onStart, records } = turn
    return Effect.uninterruptibleMask((restore) => {
      const started = (start: Gate.Start) => {
        const startedAt = start.at
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
              const another = accepted(member, monotonic(), start)
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
          if (!isAnswered) settled(member, start, exit)
          if (Exit.isSuccess(exit)) policies.budget.earn()
          return exit
        })
      }
      const now = monotonic()
      if (gate.tryEnter(now, records)) return started({ at: now, inFlight: gate.inFlight() })
      return Effect.matchEffect(gate.enter({ clock, owner: member, count: records, deadline, longestPause, restore }), {
        onSuccess: started,
        onFailure: notStarted
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
    for (const breaker of policies.breakers()) all = guardedBy(breaker, all, giveUp, undefined)
    return all
  }

  return {
    key,
    clock,
    join: (member, brought, given) => {
      const takeBack = policies.add(brought, given)
      if (brought.rateLimit.retryAfter === "everyone") held.add(member)
      members.set(member, () => {
        held.delete(member)
        takeBack(monotonic())
        gate.widened()
      })
    },
    leave: (member) => {
      members.get(member)?.()
      members.delete(member)
    },
    isEmpty: () => members.size === 0,
    isOver: (now) => members.size === 0 && Math.max(policies.lastsUntil(), gate.heldUntil()) <= now,
    pass,
    guarded,
    single: (send, vendor, records, unavailable) =>
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
            notStarted: ({ _tag }) => (_tag === "StoreGone" ? unavailable : Effect.never)
          })
        )
      ),
    budget: policies.budget,
    pausedUntil: gate.pausedUntil,
    concurrency: policies.concurrency,
    inFlightLimit: policies.inFlightLimit,
    rate: policies.rate,
    found: policies.found
  }
}

/** What an error says of how much the vendor can take. */
const endingOf = (error: unknown): ConcurrencyFinder.Ending => {
  if (
    error instanceof ApiError.TransportFault ||
    error instanceof ApiError.InvalidRequest ||
    error instanceof ApiError.RateLimited
  ) {
    return "none"
  }
  return error instanceof ApiError.TimedOut || (error instanceof ApiError.ServerFault && error.status === 503)
    ? "overloaded"
    : "answered"
}
