import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Layer } from "effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { TestClock } from "effect/testing"
import * as ConcurrencyPolicy from "../../../src/policy/concurrency/ConcurrencyPolicy.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as SharedLimit from "../../../src/policy/rate/SharedLimit.ts"
import * as CircuitBreakerPolicy from "../../../src/policy/retry/CircuitBreakerPolicy.ts"
import * as RetryPolicy from "../../../src/policy/retry/RetryPolicy.ts"
import * as Senders from "../../../src/policy/Senders.ts"
import * as SendPolicy from "../../../src/policy/SendPolicy.ts"
import { fault, limited, transport } from "../Errors.ts"
import { mostInWindow } from "../Starts.ts"

const safe = { endpoint: "PATCH /api/resources/customers/batch", resend: "safe" } as const
const memory = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)

/** A store that can be away, or slow: it is asked, and the answer comes late or never. */
const unsteady = Effect.map(RateLimiter.RateLimiter, (store) => {
  const state = { isAway: false, takes: 0, asked: 0 }
  const limiter: RateLimiter.RateLimiter = {
    ...store,
    consume: (options) =>
      Effect.suspend(() => {
        state.asked++
        // As a client that waits until it is connected again, and cannot be interrupted.
        if (state.isAway) return Effect.uninterruptible(Effect.never)
        return Effect.delay(store.consume(options), state.takes)
      })
  }
  return { state, limiter }
})

/** In small steps: what the test's clock has woken must get to where it sleeps again, before the clock goes on. */
const pass = (millis: number) =>
  Effect.gen(function* () {
    for (let passed = 0; passed < millis; passed += step) {
      yield* TestClock.adjust(Math.min(step, millis - passed))
      for (let i = 0; i < 5; i++) yield* Effect.yieldNow
    }
  })
const step = 5

/** Senders as in so many processes, each with as many requests as it may send. */
const processes = Effect.fnUntraced(function* (options: {
  readonly count: number
  readonly rateLimit: RateLimitPolicy.Known<RateLimiter.RateLimiter>
  readonly concurrency?: number
  readonly send?: (starts: number) => Effect.Effect<void, ReturnType<typeof limited> | ReturnType<typeof fault>>
  readonly breaker?: CircuitBreakerPolicy.CircuitBreakerPolicy
}) {
  const { breaker, concurrency = 4, count, rateLimit, send } = options
  const starts: Array<readonly [at: number, by: number]> = []
  const errors: Array<string> = []
  const policies = yield* Effect.all(
    Array.from({ length: count }, () =>
      Effect.provide(
        SendPolicy.make({
          vendor: "Reach",
          rateLimit,
          breaker,
          concurrency: ConcurrencyPolicy.fixed(concurrency),
          retry: RetryPolicy.make({ maxAttempts: 1, budget: "none", maxElapsed: "1 hour" })
        }),
        Senders.layerApart
      )
    )
  )
  const fibers = yield* Effect.forEach(
    policies.flatMap((policy, by) => Array.from({ length: concurrency }, () => [policy, by] as const)),
    ([policy, by]) => {
      const one = Effect.flatMap(Clock.currentTimeMillis, (now) => {
        starts.push([now, by])
        return Effect.andThen(Effect.sleep(20), send?.(starts.length) ?? Effect.void)
      })
      const noted = Effect.catch(policy.run(one, safe), (error) =>
        Effect.sync(() => {
          errors.push("ran" in error ? error.ran : error._tag)
        })
      )
      return Effect.forkChild(Effect.forever(noted), { startImmediately: true })
    }
  )
  const startsIn = (from: number, to: number, by?: number) =>
    starts.filter(([at, own]) => at >= from && at < to && (by === undefined || own === by)).length
  // A question to the store is waited for, a second at most.
  const end = Effect.andThen(Effect.forkChild(Fiber.interruptAll(fibers), { startImmediately: true }), pass(1500))
  return { starts, startsIn, errors, policies, end }
})

const known = (options: Partial<RateLimitPolicy.Options<true>> = {}) =>
  RateLimitPolicy.make({ limit: 10, window: "1 second", shared: true, ...options })

const most = (starts: ReadonlyArray<readonly [number, number]>) =>
  mostInWindow(
    starts.map(([at]) => [at, 1] as const),
    1000
  )

describe("a limit that processes share", () => {
  it.effect("is kept by all together, whatever the store takes to answer, and used", () =>
    Effect.gen(function* () {
      for (const takes of [0, 15, 60]) {
        const { limiter, state } = yield* unsteady
        state.takes = takes
        const { end, starts, startsIn } = yield* Effect.provideService(
          processes({ count: 10, rateLimit: known({ limit: 50, key: `takes ${takes}` }) }),
          RateLimiter.RateLimiter,
          limiter
        )
        const begin = yield* Clock.currentTimeMillis
        yield* pass(10_000)
        assert.isAtMost(most(starts), 50)
        assert.isAtLeast(startsIn(begin + 5000, begin + 10_000), 5 * 50 * 0.95)
        for (let by = 0; by < 10; by++) assert.isAtLeast(startsIn(begin, begin + 10_000, by), 25)
        yield* end
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("of which turns come late is asked again, and no window is too full", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      const begin = yield* Clock.currentTimeMillis
      const { end, starts, startsIn } = yield* Effect.provideService(
        processes({ count: 10, rateLimit: known({ limit: 50 }) }),
        RateLimiter.RateLimiter,
        limiter
      )
      for (let second = 0; second < 10; second++) {
        // All answers of a tenth of a second are late, and then none.
        state.takes = 300
        yield* pass(100)
        state.takes = 2
        yield* pass(900)
      }
      yield* end
      assert.isAtMost(most(starts), 50)
      assert.isAtLeast(startsIn(begin, begin + 10_000), 300)
    }).pipe(Effect.provide(memory))
  )

  it.effect("of many requests a second costs a process one question for several", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      state.takes = 5
      const { end, starts, startsIn } = yield* Effect.provideService(
        processes({ count: 1, concurrency: 64, rateLimit: known({ limit: 1000 }) }),
        RateLimiter.RateLimiter,
        limiter
      )
      const begin = yield* Clock.currentTimeMillis
      yield* pass(5_000)
      yield* end
      assert.isAtMost(most(starts), 1000)
      assert.isAtLeast(startsIn(begin + 1000, begin + 5000), 4000 * 0.95)
      assert.isAtMost(state.asked, 5000 / 5)
    }).pipe(Effect.provide(memory))
  )
})

describe("a pause", () => {
  for (const [limit, window] of [
    [50, "1 second"],
    [1, "2 seconds"]
  ] as const) {
    it.effect(`reaches all within a second, at ${limit} in ${window}`, () =>
      Effect.gen(function* () {
        const pauses: Array<number> = []
        const { end, starts, startsIn } = yield* processes({
          count: 5,
          rateLimit: known({ limit, window }),
          send: (n) =>
            n !== 4 && n !== 5
              ? Effect.void
              : Effect.flatMap(Clock.currentTimeMillis, (now) => {
                  pauses.push(now)
                  return Effect.fail(limited(n === 4 ? "4 seconds" : "20 seconds"))
                })
        })
        yield* pass(40_000)
        yield* end
        const [first = 0, second = 0] = pauses
        if (second > first + 1000) assert.strictEqual(startsIn(first + 1000, Math.min(first + 4000, second)), 0)
        // The longer one, from when it was told; they don't add up.
        assert.strictEqual(startsIn(second + 1000, second + 20_000), 0)
        assert.isAtLeast(startsIn(second + 20_000, second + 25_000), 2)
        assert.isAtLeast(starts.length, 7)
      }).pipe(Effect.provide(memory))
    )
  }

  it.effect("holds for one that begins meanwhile", () =>
    Effect.gen(function* () {
      const one = yield* processes({
        count: 1,
        rateLimit: known(),
        send: (n) => (n === 1 ? Effect.fail(limited("30 seconds")) : Effect.void)
      })
      yield* pass(5_000)
      const from = one.starts[0]?.[0] ?? 0
      const other = yield* processes({ count: 1, rateLimit: known() })
      yield* pass(40_000)
      yield* one.end
      yield* other.end
      assert.strictEqual(other.startsIn(0, from + 30_000), 0)
      assert.isAtLeast(other.starts.length, 50)
    }).pipe(Effect.provide(memory))
  )
})

describe("without the store", () => {
  it.effect("a process stops, typed, after its patience, and sends nothing", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      state.isAway = true
      const policy = yield* Effect.provideService(
        SendPolicy.make({ vendor: "Reach", rateLimit: known({ storePatience: "5 seconds" }) }),
        RateLimiter.RateLimiter,
        limiter
      )
      let isSent = false
      const send = Effect.sync(() => {
        isSent = true
      })
      const fiber = yield* Effect.forkChild(policy.run(send, safe), { startImmediately: true })
      yield* pass(4_900)
      assert.isUndefined(fiber.pollUnsafe())
      yield* pass(2_000)
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.isTrue(error._tag === "RetriesExhausted" && error.ran === "store" && error.applied === "no")
      assert.match(error.message, /^The store that processes share the limit of Reach through gives no answer\./)
      assert.isFalse(isSent)
      // Whoever asks next is told at once.
      const next = yield* Effect.forkChild(policy.run(send, safe), { startImmediately: true })
      yield* pass(1_500)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(next)))
      state.isAway = false
      yield* pass(1_000)
      yield* policy.run(send, safe)
      assert.isTrue(isSent)
    }).pipe(Effect.provide(memory))
  )

  it.effect("a process waits for one that comes back in time", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      const { end, errors, starts, startsIn } = yield* Effect.provideService(
        processes({ count: 4, rateLimit: known() }),
        RateLimiter.RateLimiter,
        limiter
      )
      yield* pass(5_000)
      const away = yield* Clock.currentTimeMillis
      state.isAway = true
      yield* pass(20_000)
      state.isAway = false
      yield* pass(10_000)
      yield* end
      assert.deepStrictEqual(errors, [])
      assert.strictEqual(startsIn(away + 1000, away + 20_000), 0)
      assert.isAtLeast(startsIn(away + 22_000, away + 30_000), 70)
      assert.isAtMost(most(starts), 10)
    }).pipe(Effect.provide(memory))
  )

  it.effect("a process goes on with its share of the limit, and asks again", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      const { end, errors, starts, startsIn } = yield* Effect.provideService(
        processes({ count: 4, rateLimit: known({ limit: 40, withoutStore: { share: 0.25 } }) }),
        RateLimiter.RateLimiter,
        limiter
      )
      yield* pass(5_000)
      const away = yield* Clock.currentTimeMillis
      state.isAway = true
      yield* pass(20_000)
      const alone = starts.filter(([at]) => at >= away + 2000)
      assert.isAtMost(most(alone), 40)
      for (let by = 0; by < 4; by++) {
        assert.isAtMost(startsIn(away + 2000, away + 20_000, by), 181)
        assert.isAtLeast(startsIn(away + 2000, away + 20_000, by), 175)
      }
      state.isAway = false
      yield* pass(2_000)
      const back = yield* Clock.currentTimeMillis
      yield* pass(5_000)
      yield* end
      assert.deepStrictEqual(errors, [])
      assert.isAtMost(most(starts.filter(([at]) => at >= back)), 40)
      assert.isAtLeast(startsIn(back, back + 5000), 5 * 38)
    }).pipe(Effect.provide(memory))
  )

  it.effect("a client's single call ends as it is told to", () =>
    Effect.gen(function* () {
      const { limiter, state } = yield* unsteady
      state.isAway = true
      yield* Effect.provideService(
        Senders.join({ vendor: "Reach", rateLimit: known({ storePatience: "5 seconds" }) }),
        RateLimiter.RateLimiter,
        limiter
      )
      const call = (unavailable?: Effect.Effect<never, ReturnType<typeof transport>>) =>
        Effect.forkChild(
          Effect.exit(Senders.turn({ vendor: "Reach" }, Effect.fail(transport("maybe")), 1, unavailable)),
          {
            startImmediately: true
          }
        )
      const told = yield* call(Effect.fail(transport("no")))
      const untold = yield* call()
      yield* pass(10_000)
      assert.deepStrictEqual(yield* Fiber.join(told), Exit.fail(transport("no")))
      const exit = yield* Fiber.join(untold)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.provide(Layer.merge(memory, Senders.layerApart)))
  )

  it("a share is more than nothing and at most all", () => {
    for (const share of [0, -1, 1.1, Number.NaN]) assert.throws(() => known({ withoutStore: { share } }), RangeError)
  })
})

describe("a breaker", () => {
  const policy = CircuitBreakerPolicy.make({ failures: 3, openFor: "10 seconds" })
  const failing = Effect.fnUntraced(function* (context: "shared" | "away" | "none") {
    const store = yield* CircuitBreaker.CircuitBreakerStore
    const broken: typeof store = {
      ...store,
      admit: () => Effect.never,
      record: () => Effect.never,
      state: () => Effect.never
    }
    let isDown = false
    const made = processes({
      count: 4,
      rateLimit: known({ limit: 40 }),
      breaker: policy,
      send: () => (isDown ? Effect.fail(fault()) : Effect.void)
    })
    const all = yield* context === "none"
      ? made
      : Effect.provideService(made, CircuitBreaker.CircuitBreakerStore, context === "away" ? broken : store)
    yield* pass(5_000)
    const from = yield* Clock.currentTimeMillis
    isDown = true
    yield* pass(20_000)
    isDown = false
    yield* pass(20_000)
    yield* all.end
    return { ...all, from }
  })
  const provided = Effect.provide(Layer.merge(memory, CircuitBreaker.layerStoreMemory()))

  it.effect("opens for all processes within a second, and one tries again for all", () =>
    Effect.gen(function* () {
      const { from, startsIn } = yield* failing("shared")
      assert.strictEqual(startsIn(from + 1000, from + 10_000), 0)
      assert.isAtMost(startsIn(from + 10_000, from + 20_000), 8)
      assert.isAtLeast(startsIn(from + 30_500, from + 40_000), 300)
    }).pipe(provided)
  )

  it.effect("of each process is its own while the store gives no answer", () =>
    Effect.gen(function* () {
      const { from, startsIn } = yield* failing("away")
      for (let by = 0; by < 4; by++) assert.isAtMost(startsIn(from + 3000, from + 9000, by), 1)
      assert.isAtLeast(startsIn(from + 30_500, from + 40_000), 150)
    }).pipe(provided)
  )
})

it("a start may be late by as much as the margin leaves", () => {
  // 50 turns that are a second and the lateness apart: the last of them is never in the window of the first.
  const interval = 1000 / (50 * (1 - SharedLimit.margin))
  assert.isAtLeast(50 * interval + 1e-9, 1000 + SharedLimit.latenessOf(1000))
})
