/**
 * A limit that processes share, as one of them sees it: turns and pauses come from a store, and without it each goes on by
 * itself, or stops. All times are in milliseconds of the clock that only goes forward.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Monotonic from "../../base/Monotonic.ts"
import * as LimitStore from "./LimitStore.ts"
import * as Pacer from "./Pacer.ts"
import type * as RateLimitPolicy from "./RateLimitPolicy.ts"

/**
 * What asking for turns comes to. `Turns` are ours, to be used in that time; later they are lost. Where the store gave no
 * answer, it is to be asked again `at` a time, or it is `Gone` for as long as it is waited for.
 */
export type Answer =
  | { readonly _tag: "Turns"; readonly from: number; readonly until: number }
  | { readonly _tag: "AskAgain"; readonly at: number }
  | { readonly _tag: "Gone"; readonly since: number }

export interface SharedLimit {
  /** What a request of so many records takes. */
  readonly turns: (records: number) => number
  /** So many may be asked for at once, where as many wait. */
  readonly most: number
  readonly take: (turns: number) => Effect.Effect<Answer>
  /** Turns came too late to be used. */
  readonly onLost: () => void
  readonly onUsed: () => void
  /** From when on it is to be asked about pauses before anything starts. */
  readonly looksAt: () => number
  /** Until when all processes pause. */
  readonly look: Effect.Effect<number>
  /** All processes are to pause for so long. Nothing waits for it. */
  readonly pause: (millis: number) => void
}

/** The share of the limit that is left unused, so that starts may be late and no window is too full. */
export const margin = 0.025

/**
 * How late a start may be: of turns that are an `n`th of this and the window apart, no window of its length has more than `n`,
 * wherever each start is in the time that it may take.
 */
export const latenessOf = (window: number): number => (window * margin) / (1 - margin)

// A process that is late so often in a row is always late, and so as evenly as all others.
const mostLost = 3

// What others are told is known here so soon, where the store answers at once.
const lookEach = 250

// Between two questions to a store that does not answer.
const rest = 250

// Whether a store that nobody asked for so long had gone all the time is not known.
const forgetsAfter = 5000

// Who starts anew after so long asks the vendor, whatever it said.
const longestPause = 3_600_000

/** By the `RateLimiter` of the context. `openFor` says how long a breaker that they share stays open, in milliseconds. */
export const make = <R>(
  policy: RateLimitPolicy.Known<R>,
  key: string,
  openFor: Effect.Effect<number> = Effect.succeed(0)
): Effect.Effect<SharedLimit, never, R> =>
  Effect.gen(function* () {
    // `R` is `RateLimiter` where `shared` is true; `make` of the policy is the only one who says so.
    const limiter = yield* RateLimiter.RateLimiter as unknown as Effect.Effect<RateLimiter.RateLimiter, never, R>
    const clock = yield* Clock.Clock
    const run = Effect.runForkWith(yield* Effect.context())
    const { burst, limit, unit, window, withoutStore } = policy
    const millis = Duration.toMillis(window)
    const interval = millis / (limit * (1 - margin))
    // Where there are many turns a second, some come together, and are asked for together: a third of what may be late for
    // each, and a third for the rest.
    const more = unit === "records" ? 0 : Math.floor(latenessOf(millis) / 3 / interval)
    return fromStore({
      store: LimitStore.make({ limiter, key, interval, size: burst + 1 + more }),
      openFor,
      now: () => Monotonic.millis(clock),
      inBackground: (effect) => {
        run(effect)
      },
      unit,
      most: 1 + more,
      interval,
      lateness: latenessOf(millis) - more * interval,
      alone:
        withoutStore === "stop"
          ? undefined
          : Pacer.make({ limit: limit * withoutStore.share, window: millis, burst: 0 }),
      patience: Duration.toMillis(policy.storePatience)
    })
  })

const fromStore = (options: {
  readonly store: LimitStore.LimitStore
  readonly openFor: Effect.Effect<number>
  readonly now: () => number
  readonly inBackground: (effect: Effect.Effect<void>) => void
  readonly unit: RateLimitPolicy.Known["unit"]
  readonly most: number
  readonly interval: number
  readonly lateness: number
  /** The pace of this process without the store. */
  readonly alone: Pacer.Pacer | undefined
  readonly patience: number
}): SharedLimit => {
  const { alone, inBackground, interval, lateness, most, now, openFor, patience, store, unit } = options
  const absence = makeAbsence(now)
  // How long it takes to be told, at best: by that, all that this process starts is late.
  let quickest = Number.POSITIVE_INFINITY
  let lost = 0
  let looksAt = Number.NEGATIVE_INFINITY

  const turnsOf = (turns: number, asked: number, delay: number): Answer => {
    const told = now()
    quickest = Math.min(told - asked, quickest * 1.05 + 0.05)
    const always = Math.max(0, quickest - lateness / 2)
    const from = told + delay
    // The first of several comes earlier than the last, and must not be too late with it.
    const until = asked + delay + always + lateness - (turns > 1 && unit === "requests" ? (turns - 1) * interval : 0)
    return { _tag: "Turns", from, until: lost < mostLost ? until : Number.POSITIVE_INFINITY }
  }

  const withoutStore = (turns: number): Answer => {
    if (alone !== undefined) {
      const from = Math.max(now(), alone.next(now(), turns))
      alone.onStart(from, turns)
      return { _tag: "Turns", from, until: Number.POSITIVE_INFINITY }
    }
    const since = absence.since() ?? now()
    return now() - since >= patience ? { _tag: "Gone", since } : { _tag: "AskAgain", at: now() + rest }
  }

  // What is asked without being used tells whether the store is there.
  const ask = (turns: number): Effect.Effect<Option.Option<readonly [asked: number, delay: number]>> =>
    Effect.suspend(() => {
      const asked = now()
      return Effect.map(store.take(turns), (delay) => {
        absence.onAnswer(asked, Option.isSome(delay))
        return Option.map(delay, (millis) => [asked, millis] as const)
      })
    })

  return {
    turns: (records) => (unit === "records" ? records : 1),
    most,
    take: (turns) =>
      Effect.suspend(() => {
        const mayAsk = absence.mayAsk()
        if (absence.since() !== undefined && (alone !== undefined || !mayAsk)) {
          if (mayAsk) inBackground(Effect.asVoid(ask(0)))
          return Effect.succeed(withoutStore(turns))
        }
        return Effect.map(ask(turns), (told) =>
          Option.isNone(told) ? withoutStore(turns) : turnsOf(turns, told.value[0], told.value[1])
        )
      }),
    onLost: () => {
      lost++
    },
    onUsed: () => {
      lost = 0
    },
    looksAt: () => (absence.since() === undefined ? looksAt : Number.POSITIVE_INFINITY),
    look: Effect.suspend(() => {
      const asked = now()
      return Effect.map(Effect.all([store.pauseLeft, openFor], { concurrency: 2 }), ([left, open]) => {
        absence.onAnswer(asked, Option.isSome(left))
        looksAt = now() + lookEach
        // What is in line was let through by the breaker before it opened. It may close again at any time.
        const millis = Math.max(
          Option.getOrElse(left, () => 0),
          Math.min(open, lookEach)
        )
        return millis > 0 ? now() + millis : Number.NEGATIVE_INFINITY
      })
    }),
    pause: (millis) => inBackground(store.pause(Math.min(millis, longestPause)))
  }
}

// Since when a store has not answered, as far as it was asked.
const makeAbsence = (now: () => number) => {
  let since: number | undefined
  let asked = Number.NEGATIVE_INFINITY
  return {
    since: () => since,
    mayAsk: () => {
      if (since === undefined) return true
      if (now() - asked < rest) return false
      if (now() - asked > forgetsAfter) since = now()
      asked = now()
      return true
    },
    onAnswer: (from: number, isThere: boolean) => {
      asked = now()
      if (isThere) since = undefined
      else since ??= from
    }
  }
}
