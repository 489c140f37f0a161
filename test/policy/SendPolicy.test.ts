import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Random, Schedule, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as Monotonic from "../../src/base/Monotonic.ts"
import { AnswerObserver } from "../../src/http/AnswerObserver.ts"
import * as ConcurrencyPolicy from "../../src/policy/concurrency/ConcurrencyPolicy.ts"
import type { PolicyEvent } from "../../src/policy/PolicyEvent.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as SharedLimit from "../../src/policy/rate/SharedLimit.ts"
import * as CircuitBreakerPolicy from "../../src/policy/retry/CircuitBreakerPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as Senders from "../../src/policy/Senders.ts"
import * as SendPolicy from "../../src/policy/SendPolicy.ts"
import { badRequest, fault, limited, timedOut, transport } from "./Errors.ts"
import { fixedWindow, slidingWindow, tokenBucket } from "./LimitSimulation.ts"
import { mostInWindow } from "./Starts.ts"

const endpoint = "PATCH /api/resources/customers/batch"
const safe = { endpoint, resend: "safe" } as const
const unlimited = RateLimitPolicy.unlimited()

const millis = Effect.clockWith((clock) => Effect.sync(() => Monotonic.millis(clock)))

const scheduleOf = (delay: Duration.Input) => Schedule.spaced(delay)

/** Runs `count` requests, as many at once as the policy allows, and lets virtual time pass. */
const runAll = <A, E, E2>(
  count: number,
  run: (i: number) => Effect.Effect<A, E>,
  during: Effect.Effect<void, E2> = Effect.void,
  time: Duration.Input = "1 hour"
) =>
  Effect.gen(function* () {
    const all = Effect.forEach(
      Array.from({ length: count }, (_, i) => i),
      (i) => Effect.exit(run(i)),
      { concurrency: "unbounded" }
    )
    const fiber = yield* Effect.forkChild(all, { startImmediately: true })
    yield* during
    yield* TestClock.adjust(time)
    return yield* Fiber.join(fiber)
  })

describe("SendPolicy", () => {
  describe("a known limit", () => {
    for (const limit of [1, 2, 7, 30, 100, 333, 1000]) {
      it.effect(`starts at most ${limit} in any window, retries included, with 1 to 64 in flight`, () =>
        Effect.gen(function* () {
          for (const concurrency of [1, 8, 64]) {
            const policy = yield* Effect.provide(
              SendPolicy.make({
                vendor: "Reach",
                rateLimit: RateLimitPolicy.make({ limit, window: "1 second" }),
                concurrency: ConcurrencyPolicy.fixed(concurrency),
                retry: RetryPolicy.make({ firstDelay: 100, maxDelay: 300, budget: "none", maxAttempts: 50 })
              }),
              Senders.layerApart
            )
            const starts: Array<readonly [number, number]> = []
            const send = Effect.gen(function* () {
              starts.push([yield* millis, 1])
              yield* Effect.sleep((yield* Random.next) * 40)
              const random = yield* Random.next
              if (random < 0.2) return yield* fault()
              if (random < 0.25) return yield* limited("2 seconds")
              if (random < 0.3) return yield* transport("maybe")
            })
            const count = Math.min(3 * limit + 5, 1500)
            const exits = yield* runAll(count, () => policy.run(send, safe)).pipe(Random.withSeed(limit))
            assert.isTrue(exits.every(Exit.isSuccess))
            assert.isAbove(starts.length, count)
            assert.isAtMost(mostInWindow(starts, 1000), limit)
          }
        })
      )
    }

    it.effect("is paced evenly, and used to the full", () =>
      Effect.gen(function* () {
        const rateLimit = RateLimitPolicy.make({ limit: 10, window: "1 second" })
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit })
        const starts: Array<number> = []
        const send = Effect.map(millis, (now) => {
          starts.push(now)
        })
        yield* runAll(21, () => policy.run(send, safe))
        const first = starts[0] ?? 0
        assert.deepStrictEqual(
          starts.map((at) => Math.round(at - first)),
          Array.from({ length: 21 }, (_, i) => i * 100)
        )
      })
    )

    it.effect("with a burst, starts at most limit + burst in any window, and all of the burst after an idle time", () =>
      Effect.gen(function* () {
        const rateLimit = RateLimitPolicy.make({ limit: 10, window: "1 second", burst: 5 })
        const concurrency = ConcurrencyPolicy.fixed(64)
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit, concurrency })
        const starts: Array<readonly [number, number]> = []
        const send = Effect.map(millis, (now) => {
          starts.push([now, 1])
        })
        yield* runAll(40, () => policy.run(send, safe))
        const first = starts[0]?.[0] ?? 0
        assert.strictEqual(starts.filter(([at]) => at === first).length, 6)
        assert.strictEqual(mostInWindow(starts, 1000), 15)
        // 40 take as long as 40 - 6 at the limit's rate.
        assert.closeTo((starts.at(-1)?.[0] ?? 0) - first, 3400, 1)
      })
    )

    it.effect("counts records where it says so, and lets a batch above the limit go alone", () =>
      Effect.gen(function* () {
        const rateLimit = RateLimitPolicy.make({ limit: 100, window: "1 second", unit: "records" })
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit })
        const starts: Array<readonly [number, number]> = []
        const send = (records: number) =>
          Effect.map(millis, (now) => {
            starts.push([now, records])
          })
        const sizes = [60, 30, 50, 10, 100, 1, 99, 40, 70, 20]
        yield* runAll(sizes.length, (i) => policy.run(send(sizes[i] ?? 0), { ...safe, records: sizes[i] }))
        assert.strictEqual(starts.length, sizes.length)
        assert.isAtMost(mostInWindow(starts, 1000), 100)
        starts.length = 0
        yield* runAll(3, (i) => policy.run(send(250), { ...safe, records: i === 1 ? 250 : 50 }))
        assert.isAtLeast((starts[1]?.[0] ?? 0) - (starts[0]?.[0] ?? 0), 1000)
        assert.isAtLeast((starts[2]?.[0] ?? 0) - (starts[1]?.[0] ?? 0), 2500)
      })
    )

    it.effect("is shared by all who share the store", () =>
      Effect.gen(function* () {
        const rateLimit = RateLimitPolicy.make({ limit: 10, window: "1 second", shared: true, key: "one" })
        const starts: Array<readonly [number, number]> = []
        const send = Effect.map(millis, (now) => {
          starts.push([now, 1])
        })
        // As in two processes.
        const apart = Effect.provide(SendPolicy.make({ vendor: "Reach", rateLimit }), Senders.layerApart)
        const one = yield* apart
        const other = yield* apart
        yield* runAll(60, (i) => (i % 2 === 0 ? one : other).run(send, safe))
        assert.isAtMost(mostInWindow(starts, 1000), 10)
        // A little less than the limit is used, so that starts may be late.
        assert.isAtMost((starts.at(-1)?.[0] ?? 0) - (starts[0]?.[0] ?? 0), 6000 / (1 - SharedLimit.margin))
      }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)))
    )

    it.effect("a turn of the store that is cancelled is used by the next in line", () =>
      Effect.gen(function* () {
        const rateLimit = RateLimitPolicy.make({ limit: 1, window: "10 seconds", shared: true })
        // As in two processes.
        const apart = Effect.provide(SendPolicy.make({ vendor: "Reach", rateLimit }), Senders.layerApart)
        const policy = yield* apart
        const other = yield* apart
        const starts: Array<number> = []
        const send = Effect.map(millis, (now) => {
          starts.push(now)
        })
        const begin = yield* millis
        yield* policy.run(send, safe)
        yield* other.run(send, safe).pipe(Effect.forkChild({ startImmediately: true }))
        const waiting = yield* Effect.forkChild(other.run(send, safe), { startImmediately: true })
        yield* TestClock.adjust("12 seconds")
        yield* Fiber.interrupt(waiting)
        const next = yield* Effect.forkChild(other.run(send, safe), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(next)
        assert.deepStrictEqual(
          starts.map((at) => Math.round((at - begin) * (1 - SharedLimit.margin))),
          [0, 10_000, 20_000]
        )
      }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)))
    )

    it("refuses numbers that make no sense", () => {
      assert.throws(() => RateLimitPolicy.make({ limit: 0, window: "1 second" }), RangeError)
      assert.throws(() => RateLimitPolicy.make({ limit: Number.NaN, window: "1 second" }), RangeError)
      assert.throws(() => RateLimitPolicy.make({ limit: 1, window: 0 }), RangeError)
      assert.throws(() => RateLimitPolicy.make({ limit: 1, window: "1 second", burst: -1 }), RangeError)
    })
  })

  describe("a pause", () => {
    for (const concurrency of [1, 4, 64]) {
      it.effect(`lets nothing start that shares the key, with ${concurrency} in flight`, () =>
        Effect.gen(function* () {
          const policy = yield* SendPolicy.make({
            vendor: "Reach",
            rateLimit: RateLimitPolicy.make({ limit: 200, window: "1 second" }),
            concurrency: ConcurrencyPolicy.fixed(concurrency),
            retry: RetryPolicy.make({ firstDelay: 10, budget: "none", maxElapsed: "1 hour" })
          })
          const starts: Array<number> = []
          const pauses: Array<readonly [from: number, to: number]> = []
          const send = Effect.gen(function* () {
            const n = starts.push(yield* millis)
            yield* Effect.sleep((yield* Random.next) * 100)
            if (n % 17 !== 0) return
            const now = yield* millis
            pauses.push([now, now + 5000])
            // As a 429 and as a 503.
            return yield* n % 2 === 0 ? limited("5 seconds") : fault("5 seconds")
          })
          const exits = yield* runAll(200, () => policy.run(send, safe)).pipe(Random.withSeed("pause"))
          assert.isTrue(exits.every(Exit.isSuccess))
          assert.isAtLeast(pauses.length, 10)
          for (const [from, to] of pauses) {
            assert.deepStrictEqual(
              starts.filter((at) => at > from && at < to),
              []
            )
          }
        })
      )
    }

    it.effect("that is too long ends every request that would have to wait for it, at once", () =>
      Effect.gen(function* () {
        const concurrency = ConcurrencyPolicy.fixed(2)
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, concurrency })
        let requests = 0
        const send = Effect.suspend(() => {
          requests++
          return Effect.delay(Effect.fail(limited("1 hour")), 10)
        })
        const before = yield* millis
        const exits = yield* runAll(10, () => policy.run(send, safe), Effect.void, "1 second")
        assert.strictEqual(requests, 2)
        for (const exit of exits) {
          const error = Exit.findErrorOption(exit)
          assert.strictEqual(error._tag === "Some" && error.value._tag, "RetryAfterTooLong")
        }
        assert.isAtMost((yield* millis) - before, 1001)
      })
    )

    it.effect("is learned from a success that says nothing is left, until the reset, and from other names", () =>
      Effect.gen(function* () {
        for (const [names, headers] of [
          [{}, { "x-ratelimit-remaining": "3", "x-ratelimit-reset": "10" }],
          [{}, { ratelimit: '"a";r=3;t=10, "b";r=900;t=60' }],
          [
            { remaining: ["left"], reset: ["again"] },
            { left: "3", again: "10" }
          ]
        ] as const) {
          const policy = yield* Effect.provide(
            SendPolicy.make({
              vendor: "Reach",
              rateLimit: RateLimitPolicy.unlimited({ headers: names }),
              concurrency: ConcurrencyPolicy.fixed(1)
            }),
            Senders.layerApart
          )
          const starts: Array<number> = []
          const send = Effect.gen(function* () {
            const n = starts.push(yield* millis)
            const { onHeaders } = yield* AnswerObserver
            if (n === 1) onHeaders({ vendor: "Reach", status: 200, headers })
          })
          yield* runAll(6, () => policy.run(send, safe))
          const begin = starts[0] ?? 0
          assert.deepStrictEqual(
            starts.map((at) => at - begin),
            [0, 0, 0, 0, 10_000, 10_000],
            JSON.stringify(headers)
          )
        }
      })
    )

    it.effect("is as long as a 429's reset where there is no Retry-After", () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited })
        const starts: Array<number> = []
        const send = Effect.gen(function* () {
          if (starts.push(yield* millis) > 1) return
          const { onHeaders } = yield* AnswerObserver
          onHeaders({ vendor: "Reach", status: 429, headers: { ratelimit: '"a";r=0;t=20, "b";r=0;t=7' } })
          return yield* limited()
        })
        yield* runAll(1, () => policy.run(send, safe))
        assert.strictEqual((starts[1] ?? 0) - (starts[0] ?? 0), 20_000)
      })
    )
  })

  describe("a Retry-After", () => {
    const refusedOnce = (retryAfter: RateLimitPolicy.RetryAfter, others: RateLimitPolicy.RetryAfter = retryAfter) =>
      Effect.gen(function* () {
        const make = (retryAfter: RateLimitPolicy.RetryAfter) =>
          SendPolicy.make({ vendor: "Reach", rateLimit: RateLimitPolicy.unlimited({ retryAfter }) })
        const policy = yield* make(retryAfter)
        yield* make(others)
        const begin = yield* millis
        const starts: Array<readonly [i: number, at: number]> = []
        const send = (i: number) =>
          Effect.gen(function* () {
            const isFirst = starts.length === 0
            starts.push([i, (yield* millis) - begin])
            yield* Effect.sleep(100)
            if (!isFirst) return
            const { onHeaders } = yield* AnswerObserver
            onHeaders({ vendor: "Reach", status: 429, headers: { "retry-after": "7" } })
            return yield* limited("7 seconds")
          })
        // 8 in flight: the second 8 start when the first have ended.
        yield* runAll(16, (i) => policy.run(send(i), safe))
        return starts
      }).pipe(Effect.scoped, Effect.provide(Senders.layerApart))

    it.effect("holds everyone back, or only the request that got it", () =>
      Effect.gen(function* () {
        const everyone = yield* refusedOnce("everyone")
        assert.strictEqual(everyone.filter(([, at]) => at >= 7100).length, 9)
        const request = yield* refusedOnce("request")
        assert.deepStrictEqual(
          request.filter(([, at]) => at > 100),
          [[0, 7100]]
        )
      })
    )

    it.effect("holds everyone back where one of those who share the sender has not said otherwise", () =>
      Effect.gen(function* () {
        const starts = yield* refusedOnce("request", "everyone")
        assert.strictEqual(starts.filter(([, at]) => at >= 7100).length, 9)
      })
    )
  })

  it.effect("is at its full rate within 5 s after five 429s at the start, whatever their Retry-After says", () =>
    Effect.gen(function* () {
      for (const value of [undefined, "soon", "-3", "0", "Mon, 01 Jan 1990 00:00:00 GMT"]) {
        const policy = yield* Effect.provide(SendPolicy.make({ vendor: "Reach" }), Senders.layerApart)
        const begin = yield* millis
        const accepted: Array<number> = []
        let sent = 0
        const send = Effect.gen(function* () {
          const isRefused = ++sent <= 5
          yield* Effect.sleep(20)
          if (!isRefused) return accepted.push((yield* millis) - begin)
          const { onHeaders } = yield* AnswerObserver
          onHeaders({ vendor: "Reach", status: 429, headers: value === undefined ? {} : { "retry-after": value } })
          return yield* value === "0" ? limited(0) : limited()
        })
        yield* runAll(2500, () => policy.run(send, safe))
        // 8 in flight of 20 ms each.
        const inSecond = accepted.filter((at) => at >= 5000 && at < 6000).length
        assert.isAtLeast(inSecond, 0.95 * 400, `Retry-After: ${value}`)
      }
    })
  )

  it.effect("keeps a limit that headers declare, when it is stricter than the known one", () =>
    Effect.gen(function* () {
      for (const rateLimit of [RateLimitPolicy.find(), RateLimitPolicy.make({ limit: 50, window: "1 second" })]) {
        const policy = yield* Effect.provide(SendPolicy.make({ vendor: "Reach", rateLimit }), Senders.layerApart)
        const starts: Array<number> = []
        const send = Effect.gen(function* () {
          starts.push(yield* millis)
          const { onHeaders } = yield* AnswerObserver
          onHeaders({ vendor: "Reach", status: 200, headers: { "ratelimit-policy": '"a";q=5;w=1, "b";q=1000;w=1' } })
        })
        yield* runAll(20, () => policy.run(send, safe))
        assert.strictEqual(policy.state().rate, 5)
        const waits = starts.slice(3).map((at, i) => Math.round(at - (starts[i + 2] ?? 0)))
        assert.isTrue(
          waits.every((wait) => wait === 200),
          waits.join()
        )
      }
    })
  )

  for (const [name, server] of Object.entries({
    "fixed-window": fixedWindow,
    "sliding-window": slidingWindow,
    "token-bucket": tokenBucket((limit) => limit)
  })) {
    it.effect(`finds a limit of 20 a second that nobody told, end to end (${name})`, () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({
          vendor: "Reach",
          concurrency: ConcurrencyPolicy.fixed(16),
          retry: RetryPolicy.make({ firstDelay: 100, maxDelay: 1000, maxElapsed: "1 hour" })
        })
        const allows = server(() => 20)
        const begin = yield* millis
        const answers: Array<readonly [at: number, allowed: boolean]> = []
        const send = Effect.gen(function* () {
          yield* Effect.sleep(25)
          const at = (yield* millis) - begin
          const allowed = allows(at)
          answers.push([at, allowed])
          yield* Effect.sleep(25)
          if (!allowed) return yield* limited()
        })
        yield* Effect.forEach(Array.from({ length: 32 }), () => Effect.forever(policy.run(send, safe)), {
          concurrency: "unbounded",
          discard: true
        }).pipe(Effect.forkChild)
        yield* TestClock.adjust("75 seconds")
        const later = answers.filter(([at]) => at >= 15_000)
        const allowed = later.filter(([, allowed]) => allowed).length
        assert.isAtLeast(allowed, 0.95 * 20 * 60)
        assert.isAtMost(later.length - allowed, 0.01 * later.length)
      })
    )
  }

  it.effect("loses little more than the pauses where each 429 asks for a second, in its error and its headers", () =>
    Effect.gen(function* () {
      const policy = yield* SendPolicy.make({
        vendor: "Reach",
        concurrency: ConcurrencyPolicy.fixed(16),
        retry: RetryPolicy.make({ maxElapsed: "1 hour" })
      })
      const allows = slidingWindow(() => 20)
      const begin = yield* millis
      const answers: Array<readonly [at: number, allowed: boolean]> = []
      const send = Effect.gen(function* () {
        yield* Effect.sleep(50)
        const at = (yield* millis) - begin
        const allowed = allows(at)
        answers.push([at, allowed])
        if (allowed) return
        const { onHeaders } = yield* AnswerObserver
        onHeaders({ vendor: "Reach", status: 429, headers: { "retry-after": "1" } })
        return yield* limited("1 second")
      })
      yield* Effect.forEach(Array.from({ length: 32 }), () => Effect.forever(policy.run(send, safe)), {
        concurrency: "unbounded",
        discard: true
      }).pipe(Effect.forkChild)
      yield* TestClock.adjust("75 seconds")
      const later = answers.filter(([at]) => at >= 15_000)
      const allowed = later.filter(([, allowed]) => allowed).length
      assert.isAtLeast(allowed, 0.88 * 20 * 60)
      assert.isAtMost(later.length - allowed, 0.01 * later.length)
    })
  )

  it.effect("adapts the concurrency to a server with ten workers, end to end", () =>
    Effect.gen(function* () {
      const policy = yield* SendPolicy.make({
        vendor: "Reach",
        rateLimit: unlimited,
        concurrency: ConcurrencyPolicy.adaptive({ max: 100 })
      })
      // A worker takes 50 ms; what finds none waits in line.
      const free = Array.from({ length: 10 }, () => 0)
      let done = 0
      const send = Effect.gen(function* () {
        const now = yield* millis
        free.sort((a, b) => a - b)
        const ends = Math.max(now, free[0] ?? 0) + 50
        free[0] = ends
        yield* Effect.sleep(ends - now)
        done++
      })
      yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forever(policy.run(send, safe)), {
        concurrency: "unbounded",
        discard: true
      }).pipe(Effect.forkChild)
      yield* TestClock.adjust("3 seconds")
      done = 0
      yield* TestClock.adjust("10 seconds")
      assert.isAtLeast(done, 0.9 * 2000)
      assert.isAtMost(policy.state().concurrency, 20)
    })
  )

  it.effect("a success gives the budget of retries back what it is worth, and an answer alone does not", () =>
    Effect.gen(function* () {
      const retry = RetryPolicy.make({ budget: { retries: 2, perSuccess: 0.5 }, maxAttempts: 2 })
      const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, retry })
      yield* runAll(2, () => policy.run(Effect.fail(fault()), safe))
      assert.strictEqual(policy.state().retriesLeft, 0)
      yield* policy.run(Effect.void, safe)
      assert.strictEqual(policy.state().retriesLeft, 0.5)
      const answered = Effect.flatMap(AnswerObserver, ({ onEnd }) =>
        onEnd({ vendor: "Reach", status: 200, headers: {} })
      )
      yield* policy.run(answered, safe)
      assert.strictEqual(policy.state().retriesLeft, 1)
      yield* Effect.exit(policy.run(Effect.andThen(answered, Effect.fail(badRequest())), safe))
      assert.strictEqual(policy.state().retriesLeft, 1)
    })
  )

  it.effect("a request that waits to be sent again holds no permit", () =>
    Effect.gen(function* () {
      const concurrency = ConcurrencyPolicy.fixed(1)
      const retry = RetryPolicy.make({ schedule: scheduleOf("1 minute") })
      const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, concurrency, retry })
      let failed = false
      const flaky = Effect.suspend(() => {
        if (failed) return Effect.void
        failed = true
        return Effect.fail(fault())
      })
      const slow = yield* Effect.forkChild(policy.run(flaky, safe), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(policy.state().inFlight, 0)
      for (let i = 0; i < 10; i++) yield* policy.run(Effect.void, safe)
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(slow)
    })
  )

  describe("a place in flight", () => {
    const answered = (status: number) => Effect.flatMap(AnswerObserver, ({ onEnd }) => onEnd({ ...answer, status }))
    const answer = { vendor: "Reach", headers: {} }

    it.effect("is free when an answer has been read, and what waits for it goes out before that is decoded", () =>
      Effect.gen(function* () {
        const concurrency = ConcurrencyPolicy.fixed(2)
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, concurrency })
        const steps: Array<string> = []
        let most = 0
        const send = (i: number) =>
          Effect.gen(function* () {
            // As a request goes out over a connection that was used before.
            setImmediate(() => steps.push(`sent ${i}`))
            most = Math.max(most, policy.state().inFlight)
            yield* Effect.sleep(1000 + i)
            yield* answered(202)
            steps.push(`decoded ${i}`)
            // Whatever it says once more, there is one place to give back.
            yield* answered(202)
          })
        const exits = yield* runAll(4, (i) => policy.run(send(i), safe))
        assert.isTrue(exits.every(Exit.isSuccess))
        const before = ["sent 0", "sent 1", "sent 2", "decoded 0", "sent 3", "decoded 1"]
        assert.deepStrictEqual(steps, [...before, "decoded 2", "decoded 3"])
        assert.strictEqual(most, 2)
        assert.strictEqual(policy.state().inFlight, 0)
      })
    )

    it.effect("is not taken for one whose time is up while its answer is decoded", () =>
      Effect.gen(function* () {
        const retry = RetryPolicy.make({ attemptTimeout: "1 second" })
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, retry })
        const send = (status: number) => Effect.andThen(answered(status), Effect.as(Effect.sleep("2 seconds"), status))
        const fiber = yield* Effect.forkChild(policy.run(send(202), safe), { startImmediately: true })
        const other = yield* Effect.forkChild(policy.run(send(500), { ...safe, resend: "unsafe" }), {
          startImmediately: true
        })
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* Fiber.join(fiber), 202)
        assert.strictEqual((yield* Effect.flip(Fiber.join(other)))._tag, "OutcomeUnknown")
      })
    )

    it.effect("is kept until it is known what to do about an answer that is no success", () =>
      Effect.gen(function* () {
        for (const status of [199, 300, 404, 429, 503]) {
          const policy = yield* Effect.provide(
            SendPolicy.make({
              vendor: "Reach",
              rateLimit: unlimited,
              concurrency: ConcurrencyPolicy.fixed(1)
            }),
            Senders.layerApart
          )
          const steps: Array<string> = []
          const send = (i: number) =>
            Effect.gen(function* () {
              steps.push(`sent ${i}`)
              yield* answered(status)
              yield* Effect.sleep("1 second")
              steps.push(`decoded ${i}`)
            })
          yield* runAll(2, (i) => policy.run(send(i), safe))
          assert.deepStrictEqual(steps, ["sent 0", "decoded 0", "sent 1", "decoded 1"], `${status}`)
        }
      })
    )
  })

  it.effect("the attempt's timeout starts when the request goes out, not while it waits for its turn", () =>
    Effect.gen(function* () {
      const policy = yield* SendPolicy.make({
        vendor: "Reach",
        rateLimit: unlimited,
        concurrency: ConcurrencyPolicy.fixed(1),
        retry: RetryPolicy.make({ attemptTimeout: "10 seconds", neverRetry: ["TimedOut"] })
      })
      const exits = yield* runAll(5, () => policy.run(Effect.sleep("9 seconds"), safe))
      assert.isTrue(exits.every(Exit.isSuccess))
      const [exit] = yield* runAll(1, () => policy.run(Effect.sleep("11 seconds"), safe))
      assert.deepStrictEqual(exit, Exit.fail(timedOut()))
    })
  )

  it.effect("ends in OutcomeUnknown what must not be sent twice and timed out", () =>
    Effect.gen(function* () {
      const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited })
      let requests = 0
      const send = Effect.suspend(() => {
        requests++
        return Effect.never
      })
      const [exit] = yield* runAll(1, () => policy.run(send, { endpoint, resend: "unsafe" }))
      assert.strictEqual(requests, 1)
      const error = exit === undefined ? undefined : Exit.findErrorOption(exit)
      assert.strictEqual(error?._tag === "Some" && error.value._tag, "OutcomeUnknown")
    })
  )

  it.effect("cancelling at any point leaks no permit, no turn, no fiber", () =>
    Effect.gen(function* () {
      const policy = yield* SendPolicy.make({
        vendor: "Reach",
        rateLimit: RateLimitPolicy.make({ limit: 50, window: "1 second" }),
        concurrency: ConcurrencyPolicy.fixed(3),
        retry: RetryPolicy.make({ firstDelay: 50, attemptTimeout: "200 millis", budget: "none" })
      })
      let sending = 0
      const send = Effect.gen(function* () {
        const random = yield* Random.next
        yield* Effect.sleep(random * 250)
        if (random < 0.3) return yield* fault()
        if (random < 0.4) return yield* limited("300 millis")
        if (random < 0.5) return yield* Effect.die("defect")
      }).pipe(
        (effect) =>
          Effect.suspend(() => {
            sending++
            return effect
          }),
        Effect.ensuring(Effect.sync(() => sending--))
      )
      for (let round = 0; round < 300; round++) {
        const fibers = yield* Effect.forEach(Array.from({ length: 8 }), () =>
          Effect.forkChild(policy.run(send, safe), { startImmediately: round % 2 === 0 })
        )
        for (const fiber of fibers) {
          yield* TestClock.adjust((yield* Random.next) * 60)
          yield* Fiber.interrupt(fiber)
        }
        const { inFlight, waiting } = policy.state()
        assert.deepStrictEqual({ inFlight, waiting, sending }, { inFlight: 0, waiting: 0, sending: 0 })
      }
      // What is left of permits and turns is everything: 3 at once, 50 a second.
      const before = yield* millis
      let most = 0
      const last: Array<number> = []
      yield* TestClock.adjust("1 minute")
      yield* runAll(50, () =>
        policy.run(
          Effect.gen(function* () {
            last.push((yield* millis) - before)
            most = Math.max(most, policy.state().inFlight)
            yield* Effect.sleep(50)
          }),
          safe
        )
      )
      assert.strictEqual(most, 3)
      assert.closeTo((last.at(-1) ?? 0) - (last[0] ?? 0), 980, 1)
    }).pipe(Random.withSeed("cancel"))
  )

  describe("the circuit breaker", () => {
    const broken = (downUntil: number) => {
      const starts: Array<number> = []
      const send = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        starts.push(now)
        if (now < downUntil) return yield* fault()
      })
      return { starts, send }
    }

    it.effect("opens on a run of faults, waits instead of failing, probes, and closes", () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({
          vendor: "Reach",
          rateLimit: unlimited,
          concurrency: ConcurrencyPolicy.fixed(1),
          retry: RetryPolicy.make({ maxAttempts: 1 }),
          breaker: CircuitBreakerPolicy.make({ failures: 3, openFor: "10 seconds" })
        })
        const { send, starts } = broken(15_000)
        for (let i = 0; i < 3; i++) yield* Effect.exit(policy.run(send, safe))
        assert.deepStrictEqual(starts, [0, 0, 0])
        const exits = yield* runAll(20, () => policy.run(send, safe))
        // The probe at 10 s fails, and is the only one that does; the next one at 30 s does not.
        assert.strictEqual(exits.filter(Exit.isFailure).length, 1)
        assert.deepStrictEqual(starts.slice(3, 5), [10_000, 30_000])
        assert.isTrue(starts.slice(5).every((at) => at >= 30_000 && at <= 30_500))
      })
    )

    it.effect("gives up waiting after maxElapsed", () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({
          vendor: "Reach",
          rateLimit: unlimited,
          retry: RetryPolicy.make({ maxAttempts: 1, maxElapsed: "30 seconds" }),
          breaker: CircuitBreakerPolicy.make({ failures: 1, openFor: "1 minute" })
        })
        const { send, starts } = broken(Number.POSITIVE_INFINITY)
        yield* Effect.exit(policy.run(send, safe))
        const [exit] = yield* runAll(1, () => policy.run(send, safe))
        const error = exit === undefined ? undefined : Exit.findErrorOption(exit)
        assert.strictEqual(error?._tag === "Some" && error.value._tag, "RetriesExhausted")
        assert.strictEqual(starts.length, 1)
      })
    )

    it.effect("does not open because requests are refused for what they hold", () =>
      Effect.gen(function* () {
        const breaker = CircuitBreakerPolicy.make({ failures: 2 })
        const policy = yield* SendPolicy.make({ vendor: "Reach", rateLimit: unlimited, breaker })
        const exits = yield* runAll(10, () => policy.run(Effect.fail(badRequest()), safe))
        for (const exit of exits) assert.deepStrictEqual(exit, Exit.fail(badRequest()))
      })
    )
  })

  describe("events", () => {
    it.effect("say why requests wait, until when and for which key, what is sent again, and what was learned", () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({
          vendor: "Reach",
          tenant: "acme",
          rateLimit: RateLimitPolicy.find({ initial: 5 }),
          concurrency: ConcurrencyPolicy.fixed(1),
          retry: RetryPolicy.make({ schedule: scheduleOf("1 second") })
        })
        const events: Array<PolicyEvent> = []
        yield* Stream.runForEach(policy.events, (event) => Effect.sync(() => events.push(event))).pipe(
          Effect.forkChild({ startImmediately: true })
        )
        yield* Effect.yieldNow
        let n = 0
        const send = Effect.gen(function* () {
          yield* Effect.sleep(300)
          n++
          if (n === 1) return yield* fault(undefined, 500)
          if (n === 3) return yield* limited("30 seconds")
          // One 429 says little of the rate, ten in a row do.
          if (n > 4 && n <= 14) return yield* limited()
        })
        yield* runAll(4, () => policy.run(send, safe))
        const key = "Reach/acme"
        assert.isTrue(events.every((event) => event.key === key))
        const retrying = events.filter((event) => event._tag === "Retrying")
        assert.deepInclude(retrying[0], { error: "ServerFault", attempt: 1, endpoint, delay: Duration.seconds(1) })
        assert.deepInclude(retrying[1], { error: "RateLimited", delay: Duration.seconds(30) })
        const waiting = events.filter((event) => event._tag === "Waiting")
        assert.deepStrictEqual(new Set(waiting.map(({ reason }) => reason)), new Set(["rate", "concurrency", "paused"]))
        const paused = waiting.find(({ reason }) => reason === "paused")
        assert.closeTo(paused?.until?.epochMilliseconds ?? 0, 30_000, 1500)
        assert.isTrue(events.some((event) => event._tag === "LimitChanged" && event.limit === "rate"))
      })
    )

    it.effect("name the breaker, and a concurrency that adapts", () =>
      Effect.gen(function* () {
        const policy = yield* SendPolicy.make({
          vendor: "Reach",
          rateLimit: unlimited,
          concurrency: ConcurrencyPolicy.adaptive({ min: 1, max: 8 }),
          retry: RetryPolicy.make({ maxAttempts: 1 }),
          breaker: CircuitBreakerPolicy.make({ failures: 1, openFor: "5 seconds" })
        })
        const events: Array<PolicyEvent> = []
        const listening = yield* Stream.runForEach(policy.events, (event) =>
          Effect.sync(() => events.push(event))
        ).pipe(Effect.forkChild({ startImmediately: true }))
        yield* Effect.yieldNow
        yield* runAll(200, () => policy.run(Effect.sleep(10), safe))
        assert.isTrue(events.some((event) => event._tag === "LimitChanged" && event.limit === "concurrency"))
        yield* Effect.exit(policy.run(Effect.fail(fault()), safe))
        yield* runAll(1, () => policy.run(Effect.void, safe))
        assert.isTrue(events.some((event) => event._tag === "Waiting" && event.reason === "breaker"))
        yield* Fiber.interrupt(listening)
        events.length = 0
        yield* runAll(200, () => policy.run(Effect.sleep(10), safe))
        assert.strictEqual(events.length, 0)
      })
    )
  })
})
