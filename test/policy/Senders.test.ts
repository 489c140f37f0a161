import { assert, describe, it } from "@effect/vitest"
import { Clock, type Duration, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as Monotonic from "../../src/base/Monotonic.ts"
import * as ConcurrencyPolicy from "../../src/policy/concurrency/ConcurrencyPolicy.ts"
import type { PolicyEvent } from "../../src/policy/PolicyEvent.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as CircuitBreakerPolicy from "../../src/policy/retry/CircuitBreakerPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as Senders from "../../src/policy/Senders.ts"
import * as SendPolicy from "../../src/policy/SendPolicy.ts"
import { fault, limited } from "./Errors.ts"
import { mostInWindow } from "./Starts.ts"

const acme = { vendor: "Reach", tenant: "acme", place: "https://reach.test" }
const safe = { endpoint: "PATCH /api/resources/customers/batch", resend: "safe" } as const
const unlimited = RateLimitPolicy.unlimited()
const perSecond = (limit: number, options?: Partial<RateLimitPolicy.Options<false>>) =>
  RateLimitPolicy.make({ limit, window: "1 second", ...options })

const millis = Effect.clockWith((clock) => Effect.sync(() => Monotonic.millis(clock)))

/** What is sent, and when it started. */
const recorder = () => {
  const starts: Array<number> = []
  const send = Effect.map(millis, (now) => {
    starts.push(now)
  })
  const most = (window = 1000) =>
    mostInWindow(
      starts.map((at) => [at, 1] as const),
      window
    )
  return { starts, send, most }
}

const many = <A, E>(count: number, send: Effect.Effect<A, E>) =>
  Effect.forkChild(
    Effect.all(
      Array.from({ length: count }, () => send),
      { concurrency: "unbounded", discard: true }
    ),
    { startImmediately: true }
  )

/** Joins in a scope of its own, which `leave` closes. */
const joined = (options: SendPolicy.Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const policy = yield* Scope.provide(SendPolicy.make(options), scope)
    return { policy, leave: Scope.close(scope, Exit.void) }
  })

const events = (policy: SendPolicy.SendPolicy) =>
  Effect.gen(function* () {
    const told: Array<PolicyEvent> = []
    yield* Effect.forkChild(
      Stream.runForEach(policy.events, (event) => Effect.sync(() => void told.push(event))),
      { startImmediately: true }
    )
    return told
  })

const elapse = (time: Duration.Input) => TestClock.adjust(time)

describe("two who send to one vendor and key", () => {
  for (const burst of [0, 5]) {
    it.effect(`keep one limit together, with a burst of ${burst}`, () =>
      Effect.gen(function* () {
        const { most, send, starts } = recorder()
        const rateLimit = perSecond(10, { burst })
        const one = yield* SendPolicy.make({ ...acme, rateLimit })
        const other = yield* SendPolicy.make({ ...acme, rateLimit })
        yield* many(30, one.run(send, safe))
        yield* many(30, other.run(send, safe))
        yield* elapse("1 minute")
        assert.strictEqual(starts.length, 60)
        assert.strictEqual(most(), 10 + burst)
        assert.closeTo((starts.at(-1) ?? 0) - (starts[0] ?? 0), (59 - burst) * 100, 1)
      })
    )
  }

  it.effect("do not share with another tenant, place, vendor or registry", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const rateLimit = perSecond(10)
      const begin = yield* millis
      for (const options of [
        acme,
        { ...acme, tenant: "other" },
        { ...acme, place: "https://staging.test" },
        { ...acme, vendor: "Pocketflows" }
      ]) {
        yield* many(1, (yield* SendPolicy.make({ ...options, rateLimit })).run(send, safe))
      }
      const apart = SendPolicy.make({ ...acme, rateLimit }).pipe(Effect.provide(Senders.layerApart))
      yield* many(1, (yield* apart).run(send, safe))
      yield* many(1, (yield* apart).run(send, safe))
      assert.deepStrictEqual(starts, [begin, begin, begin, begin, begin, begin])
    })
  )

  it.effect("share where a key of their own says so, whatever the tenant", () =>
    Effect.gen(function* () {
      const { most, send, starts } = recorder()
      const rateLimit = perSecond(10, { key: "partner" })
      const one = yield* SendPolicy.make({ ...acme, rateLimit })
      const other = yield* SendPolicy.make({ ...acme, tenant: "other", rateLimit })
      assert.deepStrictEqual([one.key, other.key], ["partner", "partner"])
      yield* many(10, one.run(send, safe))
      yield* many(10, other.run(send, safe))
      yield* many(10, Senders.turn({ ...acme, tenant: "other" }, send))
      yield* elapse("1 minute")
      assert.strictEqual(starts.length, 30)
      assert.strictEqual(most(), 10)
    })
  )

  it.effect("wait together when one is told to", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const one = yield* SendPolicy.make({ ...acme, rateLimit: unlimited })
      const other = yield* SendPolicy.make({ ...acme, rateLimit: unlimited })
      const begin = yield* millis
      let asked = false
      const once = Effect.suspend(() => {
        if (asked) return send
        asked = true
        return Effect.fail(limited("20 seconds"))
      })
      yield* many(1, one.run(once, safe))
      yield* many(3, other.run(send, safe))
      yield* many(1, Senders.turn(acme, send))
      yield* elapse("19 seconds")
      assert.deepStrictEqual(starts, [])
      yield* elapse("2 seconds")
      assert.deepStrictEqual(
        starts.map((at) => at - begin),
        [20_000, 20_000, 20_000, 20_000, 20_000]
      )
    })
  )

  it.effect("share the permits, and each knows its own requests", () =>
    Effect.gen(function* () {
      const concurrency = ConcurrencyPolicy.fixed(4)
      const one = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, concurrency })
      const other = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, concurrency })
      const sleep = Effect.sleep("1 second")
      const first = yield* many(3, one.run(sleep, safe))
      yield* many(6, other.run(sleep, safe))
      assert.deepInclude(one.state(), { inFlight: 3, waiting: 0, concurrency: 4 })
      assert.deepInclude(other.state(), { inFlight: 1, waiting: 5, concurrency: 4 })
      yield* Fiber.interrupt(first)
      assert.deepInclude(one.state(), { inFlight: 0, waiting: 0 })
      assert.deepInclude(other.state(), { inFlight: 4, waiting: 2 })
      yield* elapse("1 minute")
      assert.deepInclude(other.state(), { inFlight: 0, waiting: 0 })
    })
  )

  it.effect("share the store of retries", () =>
    Effect.gen(function* () {
      const retry = RetryPolicy.make({ firstDelay: 1, maxDelay: 1, maxAttempts: 100, budget: { retries: 10 } })
      const one = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, retry })
      const other = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, retry })
      const failing = yield* Effect.forkChild(Effect.flip(one.run(Effect.fail(fault()), safe)))
      yield* elapse("1 minute")
      assert.deepInclude(yield* Fiber.join(failing), { ran: "budget", attempts: 11 })
      assert.strictEqual(other.state().retriesLeft, 0)
      const refused = yield* Effect.forkChild(Effect.flip(other.run(Effect.fail(fault()), safe)))
      yield* elapse("1 minute")
      assert.deepInclude(yield* Fiber.join(refused), { ran: "budget", attempts: 1 })
    })
  )

  it.effect("share the breaker, also with single calls, and with who brings none", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const retry = RetryPolicy.make({ maxAttempts: 1 })
      const breaker = CircuitBreakerPolicy.make({ failures: 3, openFor: "10 seconds" })
      const one = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, retry, breaker })
      const other = yield* SendPolicy.make({ ...acme, rateLimit: unlimited, retry })
      const begin = yield* millis
      for (let i = 0; i < 3; i++) yield* Effect.exit(one.run(Effect.fail(fault()), safe))
      yield* many(1, other.run(send, safe))
      yield* many(1, Senders.turn(acme, send))
      yield* elapse("9 seconds")
      assert.deepStrictEqual(starts, [])
      yield* elapse("2 seconds")
      assert.strictEqual(starts.length, 2)
      assert.isAtLeast((starts[0] ?? 0) - begin, 10_000)
    })
  )

  it.effect("are told what they wait for, and of their own retries only", () =>
    Effect.gen(function* () {
      const rateLimit = perSecond(1)
      const retry = RetryPolicy.make({ firstDelay: 10, maxDelay: 10 })
      const one = yield* SendPolicy.make({ ...acme, rateLimit, retry })
      const other = yield* SendPolicy.make({ ...acme, rateLimit, retry })
      const idle = yield* SendPolicy.make({ ...acme, rateLimit, retry })
      const told = { one: yield* events(one), other: yield* events(other), idle: yield* events(idle) }
      let failed = false
      const once = Effect.suspend(() => {
        if (failed) return Effect.void
        failed = true
        return Effect.fail(fault())
      })
      yield* many(2, one.run(once, safe))
      yield* many(1, other.run(Effect.void, safe))
      yield* elapse("1 millis")
      const tags = (all: ReadonlyArray<PolicyEvent>) =>
        all.map((event) => (event._tag === "Waiting" ? event.reason : event._tag))
      assert.include(tags(told.one), "Retrying")
      assert.notInclude(tags(told.other), "Retrying")
      assert.include(tags(told.other), "rate", "it came to stand behind one who waits")
      yield* elapse("1 minute")
      assert.deepStrictEqual(told.idle, [], "it waits for nothing")
    })
  )
})

describe("different policies for one sender", () => {
  it.effect("all hold: the strictest limit governs while who asked for it is there, and until its starts are old", () =>
    Effect.gen(function* () {
      const { most, send, starts } = recorder()
      const loose = yield* joined({ ...acme, rateLimit: perSecond(100) })
      const strict = yield* joined({ ...acme, rateLimit: perSecond(10) })
      assert.strictEqual(loose.policy.state().rate, 10)
      yield* many(200, loose.policy.run(send, safe))
      yield* elapse("5 seconds")
      assert.closeTo(starts.length, 50, 1)
      assert.strictEqual(most(), 10)
      yield* strict.leave
      yield* elapse("999 millis")
      assert.closeTo(starts.length, 60, 1)
      yield* elapse("1 second")
      assert.isAtLeast(starts.length, 150)
      assert.strictEqual(loose.policy.state().rate, 100)
      assert.isAtMost(most(), 100)
    })
  )

  it.effect("a stricter limit counts what started before it came", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const loose = yield* joined({ ...acme, rateLimit: perSecond(100, { burst: 20 }) })
      yield* many(21, loose.policy.run(send, safe))
      yield* loose.leave
      const strict = yield* joined({ ...acme, rateLimit: perSecond(10) })
      const begin = yield* millis
      yield* many(5, strict.policy.run(send, safe))
      yield* elapse("999 millis")
      assert.strictEqual(starts.length, 21)
      yield* elapse("1 second")
      assert.strictEqual(starts.length, 26)
      assert.strictEqual((starts[21] ?? 0) - begin, 1000)
    })
  )

  it.effect("requests and records are counted side by side", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const begin = yield* millis
      const requests = yield* SendPolicy.make({ ...acme, rateLimit: perSecond(10) })
      yield* SendPolicy.make({ ...acme, rateLimit: perSecond(100, { unit: "records" }) })
      yield* many(3, requests.run(send, { ...safe, records: 50 }))
      yield* many(3, requests.run(send, { ...safe, records: 1 }))
      yield* elapse("1 minute")
      assert.deepStrictEqual(
        starts.map((at) => Math.round(at - begin)),
        [0, 500, 1000, 1500, 1600, 1700]
      )
    })
  )

  it.effect("whoever leaves lets those go on who waited for its sake", () =>
    Effect.gen(function* () {
      const narrow = yield* joined({ ...acme, rateLimit: unlimited, concurrency: ConcurrencyPolicy.fixed(1) })
      const wide = yield* joined({ ...acme, rateLimit: unlimited, concurrency: ConcurrencyPolicy.fixed(3) })
      yield* many(5, wide.policy.run(Effect.sleep("1 hour"), safe))
      assert.deepInclude(wide.policy.state(), { inFlight: 1, waiting: 4, concurrency: 1 })
      yield* narrow.leave
      yield* Effect.yieldNow
      assert.deepInclude(wide.policy.state(), { inFlight: 3, waiting: 2, concurrency: 3 })
    })
  )
})

describe("one after the other", () => {
  it.effect("the starts of the last window count, and nothing else is kept", () =>
    Effect.gen(function* () {
      const { most, send, starts } = recorder()
      const retry = RetryPolicy.make({ firstDelay: 1, maxDelay: 1, maxAttempts: 4 })
      for (let i = 0; i < 5; i++) {
        const run = yield* joined({ ...acme, rateLimit: perSecond(10, { burst: 5 }), retry })
        assert.strictEqual(run.policy.state().retriesLeft, 100)
        const sending = [
          yield* many(1, Effect.exit(run.policy.run(Effect.andThen(send, Effect.fail(fault())), safe))),
          yield* many(7, run.policy.run(send, safe))
        ]
        while (sending.some((fiber) => fiber.pollUnsafe() === undefined)) yield* elapse("10 millis")
        yield* run.leave
      }
      assert.strictEqual(starts.length, 5 * 11)
      assert.isAtMost(most(), 15)
    })
  )

  it.effect("what a vendor asked for holds for the next", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const begin = yield* millis
      const first = yield* joined({ ...acme, rateLimit: unlimited, retry: RetryPolicy.make({ maxElapsed: 0 }) })
      yield* Effect.exit(first.policy.run(Effect.fail(limited("30 seconds")), safe))
      yield* first.leave
      const next = yield* joined({ ...acme, rateLimit: unlimited })
      yield* many(1, next.policy.run(send, safe))
      yield* elapse("1 minute")
      assert.deepStrictEqual(
        starts.map((at) => at - begin),
        [30_000]
      )
    })
  )

  it.effect("a sender is forgotten when nothing of it is to be kept", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const registry = yield* Senders.Senders
      for (const [rateLimit, window] of [
        [unlimited, 0],
        [RateLimitPolicy.find(), 0],
        [perSecond(1), 1000]
      ] as const) {
        const run = yield* joined({ ...acme, rateLimit })
        yield* run.policy.run(Effect.void, safe)
        assert.isDefined(registry.find(clock, acme))
        yield* run.leave
        if (window > 0) {
          assert.isDefined(registry.find(clock, acme))
          yield* elapse(window)
        }
        assert.isUndefined(registry.find(clock, acme))
      }
    })
  )
})

describe("a single call", () => {
  it.effect("takes its turn where there is a sender, and none where there is not", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const begin = yield* millis
      yield* many(3, Senders.turn(acme, send))
      assert.deepStrictEqual(starts.splice(0), [begin, begin, begin])
      yield* SendPolicy.make({ ...acme, rateLimit: perSecond(2) })
      yield* many(3, Senders.turn(acme, send))
      yield* many(1, Senders.turn({ ...acme, tenant: "other" }, send))
      yield* elapse("1 minute")
      assert.deepStrictEqual(
        starts.map((at) => at - begin),
        [0, 0, 500, 1000]
      )
    })
  )

  it.effect("is sent once, fails as it would, and teaches the sender what it learned", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const policy = yield* SendPolicy.make({ ...acme, rateLimit: unlimited })
      const begin = yield* millis
      const exit = yield* Effect.exit(Senders.turn(acme, Effect.andThen(send, Effect.fail(limited("5 seconds")))))
      assert.deepStrictEqual(exit, Exit.fail(limited("5 seconds")))
      yield* many(1, policy.run(send, safe))
      yield* elapse("1 minute")
      assert.deepStrictEqual(
        starts.map((at) => at - begin),
        [0, 5000]
      )
    })
  )

  it.effect("in the turn of a run takes none of its own", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const begin = yield* millis
      const policy = yield* SendPolicy.make({
        ...acme,
        rateLimit: perSecond(10),
        concurrency: ConcurrencyPolicy.fixed(1)
      })
      yield* many(3, policy.run(Senders.turn(acme, send), safe))
      yield* elapse("1 minute")
      assert.deepStrictEqual(
        starts.map((at) => Math.round(at - begin)),
        [0, 100, 200]
      )
    })
  )

  it.effect("that is given up leaves the line, and frees its place", () =>
    Effect.gen(function* () {
      const { send, starts } = recorder()
      const policy = yield* SendPolicy.make({
        ...acme,
        rateLimit: unlimited,
        concurrency: ConcurrencyPolicy.fixed(1)
      })
      const inFlight = yield* many(1, Senders.turn(acme, Effect.never))
      const waiting = yield* many(1, Senders.turn(acme, Effect.never))
      yield* many(1, policy.run(send, safe))
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(starts, [])
      yield* Fiber.interrupt(inFlight)
      yield* elapse("1 millis")
      assert.strictEqual(starts.length, 1)
    })
  )
})

it.effect("a limit over processes is kept through the store of whoever is still there", () =>
  Effect.gen(function* () {
    const { most, send, starts } = recorder()
    const rateLimit = RateLimitPolicy.make({ limit: 10, window: "1 second", shared: true })
    const store = yield* RateLimiter.RateLimiter
    let isOpen = true
    // As one whose connection is closed with the run that made it.
    const closing: typeof store = {
      ...store,
      consume: (options) => (isOpen ? store.consume(options) : Effect.die("the store is closed"))
    }
    const mine = SendPolicy.make({ ...acme, rateLimit })
    const scope = yield* Scope.make()
    const first = yield* Scope.provide(Effect.provideService(mine, RateLimiter.RateLimiter, closing), scope)
    const second = yield* mine
    const elsewhere = yield* Effect.provide(mine, Senders.layerApart)
    yield* many(10, first.run(send, safe))
    yield* elapse("10 seconds")
    yield* Scope.close(scope, Exit.void)
    isOpen = false
    yield* many(20, second.run(send, safe))
    yield* many(20, elsewhere.run(send, safe))
    yield* elapse("1 minute")
    assert.strictEqual(starts.length, 50)
    assert.strictEqual(most(), 10)
  }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)))
)
