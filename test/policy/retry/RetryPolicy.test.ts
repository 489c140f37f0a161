import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Random, Redacted, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as ApiError from "../../../src/http/ApiError.ts"
import * as RetryDecision from "../../../src/policy/retry/RetryDecision.ts"
import * as RetryPolicy from "../../../src/policy/retry/RetryPolicy.ts"
import { answered, badRequest, fault, limited, timedOut, transport } from "../Errors.ts"

// What Random.next gives is not what matters here, so it is set.
const withRandom =
  (value: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, Random.Random, {
      nextDoubleUnsafe: () => value,
      nextIntUnsafe: () => 0
    })

/** Answers with each error in turn, then with success, and notes when. */
const scripted = <E>(errors: ReadonlyArray<E>) => {
  const times: Array<number> = []
  const send = Effect.gen(function* () {
    times.push(yield* Clock.currentTimeMillis)
    const error = errors[times.length - 1]
    if (error !== undefined) return yield* Effect.fail(error)
    return "ok" as const
  })
  return { times, send }
}

const always = <E>(error: () => E) => {
  const times: Array<number> = []
  const send = Effect.gen(function* () {
    times.push(yield* Clock.currentTimeMillis)
    return yield* Effect.fail(error())
  })
  return { times, send }
}

/** Runs in virtual time, for at most a day. */
const settle = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    yield* TestClock.adjust("1 day")
    return yield* Fiber.join(fiber)
  })

const errorOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  const error = Exit.findErrorOption(exit)
  if (error._tag === "None") throw new Error(`no error: ${exit}`)
  return error.value
}

describe("RetryPolicy", () => {
  it("has the defaults that its documentation states", () => {
    assert.deepStrictEqual(RetryPolicy.make(), {
      firstDelay: Duration.millis(500),
      factor: 2,
      maxDelay: Duration.seconds(30),
      maxAttempts: 10,
      maxElapsed: Duration.minutes(15),
      attemptTimeout: Duration.seconds(30),
      retryAfterCeiling: Duration.minutes(5),
      budget: { retries: 100, perSuccess: 0.1 },
      schedule: undefined,
      alsoRetry: [],
      neverRetry: []
    })
  })

  it.effect("waits up to firstDelay × factor^n, capped, and starts each attempt exactly then", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ firstDelay: "1 second", factor: 3, maxDelay: "10 seconds" })
      const { send, times } = scripted(Array.from({ length: 5 }, () => fault()))
      const exit = yield* settle(RetryPolicy.retry(send, policy).pipe(withRandom(0.5)))
      assert.deepStrictEqual(exit, Exit.succeed("ok"))
      // Half of 1, 3, 9, 10 and 10 seconds.
      assert.deepStrictEqual(times, [0, 500, 2000, 6500, 11_500, 16_500])
    })
  )

  it.effect("draws the wait evenly from zero to the whole backoff", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({
        firstDelay: 1000,
        factor: 1,
        maxAttempts: 20_001,
        maxElapsed: "1 day",
        budget: "none"
      })
      const { send, times } = always(fault)
      yield* settle(Random.withSeed(RetryPolicy.retry(send, policy), "jitter"))
      const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0))
      assert.strictEqual(waits.length, 20_000)
      // Pearson's test with 20 classes: above 43.8 by chance once in a thousand times.
      const classes = new Array<number>(20).fill(0)
      for (const wait of waits) {
        assert.isTrue(wait >= 0 && wait <= 1000)
        const i = Math.min(19, Math.floor(wait / 50))
        classes[i] = (classes[i] ?? 0) + 1
      }
      const expected = waits.length / 20
      const chiSquare = classes.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
      assert.isBelow(chiSquare, 43.8)
    })
  )

  it.effect("never waits less than Retry-After, and takes it as it is when the backoff is shorter", () =>
    Effect.gen(function* () {
      for (const random of [0, 0.2, 0.9]) {
        const policy = RetryPolicy.make({ firstDelay: "10 seconds", factor: 1 })
        const { send, times } = scripted([limited("4 seconds"), fault("3 seconds"), limited("4 seconds")])
        yield* TestClock.setTime(0)
        yield* settle(RetryPolicy.retry(send, policy).pipe(withRandom(random)))
        const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0))
        assert.deepStrictEqual(
          waits,
          [4000, 3000, 4000].map((floor) => Math.max(floor, random * 10_000))
        )
      }
    })
  )

  it.effect("gives up after maxAttempts, and says after how many, for how long, and because of what", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ firstDelay: "1 second", maxAttempts: 4 })
      const { send, times } = always(fault)
      const error = errorOf(yield* settle(RetryPolicy.retry(send, policy).pipe(withRandom(1))))
      assert.deepStrictEqual(times, [0, 1000, 3000, 7000])
      assert.instanceOf(error, RetryPolicy.RetriesExhausted)
      assert.strictEqual(error.lastError, "ServerFault")
      assert.strictEqual(error.attempts, 4)
      assert.deepStrictEqual(error.elapsed, Duration.seconds(7))
      assert.strictEqual(error.ran, "attempts")
      assert.strictEqual(error.applied, "maybe")
    })
  )

  it.effect("does not count 429 as an attempt, and bounds it by the total time", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ maxAttempts: 2, maxElapsed: "1 minute" })
      const { send, times } = always(() => limited("7 seconds"))
      const error = errorOf(yield* settle(RetryPolicy.retry(send, policy).pipe(withRandom(0))))
      // 0, 7, …, 56; the one at 63 would be too late.
      assert.strictEqual(times.length, 9)
      assert.instanceOf(error, RetryPolicy.RetryAfterTooLong)
      assert.strictEqual(error.bound, "maxElapsed")
      assert.deepStrictEqual(error.wait, Duration.seconds(7))
      assert.strictEqual(error.until.epochMilliseconds, 63_000)
      assert.strictEqual(error.applied, "no")
    })
  )

  it.effect("does not wait at all for longer than the ceiling, and names the time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { send, times } = always(() => limited("6 minutes"))
      const error = errorOf(yield* settle(RetryPolicy.retry(send, RetryPolicy.make())))
      assert.deepStrictEqual(times, [1_000_000])
      assert.instanceOf(error, RetryPolicy.RetryAfterTooLong)
      assert.strictEqual(error.bound, "retryAfterCeiling")
      assert.strictEqual(error.until.epochMilliseconds, 1_360_000)
      assert.include(error.message, "1970-01-01T00:22:40.000Z")
    })
  )

  it.effect(
    "an attempt that takes longer than maxElapsed ends in exhausted time, not in a wait that nobody asked for",
    () =>
      Effect.gen(function* () {
        const slow = Effect.delay(Effect.fail(timedOut()), "2 minutes")
        const error = errorOf(yield* settle(RetryPolicy.retry(slow, RetryPolicy.make({ maxElapsed: "1 minute" }))))
        assert.deepInclude(error, { _tag: "RetriesExhausted", ran: "elapsed", attempts: 1 })
      })
  )

  it.effect("starts no attempt after maxElapsed", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ firstDelay: "20 seconds", factor: 1, maxElapsed: "1 minute" })
      const { send, times } = always(fault)
      const error = errorOf(yield* settle(RetryPolicy.retry(send, policy).pipe(withRandom(0.99))))
      assert.deepStrictEqual(times, [0, 19_800, 39_600, 59_400])
      assert.instanceOf(error, RetryPolicy.RetriesExhausted)
      assert.strictEqual(error.ran, "elapsed")
    })
  )

  it.effect("lets an error that may not pass through at once", () =>
    Effect.gen(function* () {
      const { send, times } = always(badRequest)
      const error = errorOf(yield* settle(RetryPolicy.retry(send, RetryPolicy.make())))
      assert.strictEqual(error._tag, "BadRequest")
      assert.strictEqual(times.length, 1)
    })
  )

  it.effect("retries more, or less, when the caller says so", () =>
    Effect.gen(function* () {
      const wide = RetryPolicy.make({ alsoRetry: ["BadRequest"], maxAttempts: 3 })
      const more = always(badRequest)
      assert.strictEqual(errorOf(yield* settle(RetryPolicy.retry(more.send, wide)))._tag, "RetriesExhausted")
      assert.strictEqual(more.times.length, 3)
      const narrow = RetryPolicy.make({ neverRetry: ["ServerFault"] })
      const less = always(fault)
      assert.strictEqual(errorOf(yield* settle(RetryPolicy.retry(less.send, narrow)))._tag, "ServerFault")
      assert.strictEqual(less.times.length, 1)
    })
  )

  it.effect("does not send again what is not safe to send again, once it may have been applied", () =>
    Effect.gen(function* () {
      const table: ReadonlyArray<readonly [error: ApiError.ApiError, requests: number]> = [
        [timedOut(), 1],
        [transport("maybe"), 1],
        [fault(), 1],
        [transport("no"), 2],
        [limited("1 second"), 2],
        [limited(), 2]
      ]
      for (const [failure, requests] of table) {
        const { send, times } = scripted([failure])
        const exit = yield* settle(RetryPolicy.retry(send, RetryPolicy.make(), { resend: "unsafe" }))
        assert.strictEqual(times.length, requests, failure._tag)
        if (requests === 1) {
          const error = errorOf(exit)
          assert.instanceOf(error, RetryPolicy.OutcomeUnknown)
          assert.strictEqual(error.lastError, failure._tag)
        } else assert.isTrue(Exit.isSuccess(exit), failure._tag)
      }
    })
  )

  it.effect("uses a new token at once, once; a second one that is refused is Unauthorized", () =>
    Effect.gen(function* () {
      const expired = () => new ApiError.TokenExpired({ ...answered, status: 401 })
      const once = scripted([fault(), expired(), fault(), expired()])
      const policy = RetryPolicy.make({ firstDelay: "1 second", factor: 1, maxAttempts: 3 })
      const renewed = yield* settle(RetryPolicy.retry(once.send, policy).pipe(withRandom(1)))
      assert.isTrue(Exit.isSuccess(renewed))
      assert.deepStrictEqual(once.times, [0, 1000, 1000, 2000, 2000])
      const forever = always(expired)
      const error = errorOf(yield* settle(RetryPolicy.retry(forever.send, policy)))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.strictEqual(forever.times.length, 2)
    })
  )

  it.effect("takes a caller's schedule instead of the backoff, and keeps Retry-After and the total time", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({
        schedule: Schedule.upTo(Schedule.spaced("2 seconds"), { times: 4 }),
        maxAttempts: 1
      })
      const { send, times } = always(fault)
      const error = errorOf(yield* settle(RetryPolicy.retry(send, policy)))
      assert.deepStrictEqual(times, [0, 2000, 4000, 6000, 8000])
      assert.instanceOf(error, RetryPolicy.RetriesExhausted)
      assert.strictEqual(error.ran, "schedule")
      const slow = scripted([fault("5 seconds"), fault()])
      yield* TestClock.setTime(0)
      yield* settle(RetryPolicy.retry(slow.send, policy))
      assert.deepStrictEqual(slow.times, [0, 5000, 7000])
    })
  )

  it.effect("is the same as a schedule, in times and in what ends it", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ firstDelay: "1 second", maxAttempts: 4 })
      const { send, times } = always(fault)
      const exit = yield* settle(Effect.retry(send, RetryPolicy.toSchedule(policy)).pipe(withRandom(1)))
      assert.deepStrictEqual(times, [0, 1000, 3000, 7000])
      assert.strictEqual(errorOf(exit)._tag, "ServerFault")
      const asked = scripted([limited("9 seconds"), limited("9 seconds")])
      yield* TestClock.setTime(0)
      yield* settle(Effect.retry(asked.send, RetryPolicy.toSchedule(RetryPolicy.make({ maxAttempts: 1 }))))
      assert.deepStrictEqual(asked.times, [0, 9000, 18_000])
      const refused = always(badRequest)
      yield* settle(Effect.retry(refused.send, RetryPolicy.toSchedule(policy)))
      assert.strictEqual(refused.times.length, 1)
      const own = RetryPolicy.toSchedule(
        RetryPolicy.make({ schedule: Schedule.upTo(Schedule.spaced(10), { times: 2 }) })
      )
      const spaced = always(fault)
      yield* TestClock.setTime(0)
      yield* settle(Effect.retry(spaced.send, own))
      assert.deepStrictEqual(spaced.times, [0, 10, 20])
    })
  )

  describe("budget", () => {
    /** 10 requests a second for a minute, of which those that `fails` says do so. */
    const minute = (policy: RetryPolicy.RetryPolicy, fails: (now: number) => boolean) =>
      Effect.gen(function* () {
        const budget = RetryDecision.makeBudget(policy)
        let requests = 0
        const send = Effect.gen(function* () {
          requests++
          if (fails(yield* Clock.currentTimeMillis)) return yield* fault()
        })
        const all = Effect.forEach(
          Array.from({ length: 600 }, (_, i) => i),
          (i) => Effect.delay(Effect.exit(RetryPolicy.retry(send, policy, { budget })), i * 100),
          { concurrency: "unbounded", discard: true }
        )
        yield* settle(all)
        return { requests, left: budget.left() }
      })

    it.effect("bounds an outage of a minute: 600 requests, and the bucket once, instead of 3,000", () =>
      Effect.gen(function* () {
        const options = { firstDelay: 100, maxAttempts: 5 } as const
        const without = yield* minute(RetryPolicy.make({ ...options, budget: "none" }), () => true)
        assert.strictEqual(without.requests, 3000)
        const budgeted = yield* minute(RetryPolicy.make({ ...options, budget: { retries: 50 } }), () => true)
        assert.strictEqual(budgeted.requests, 650)
        // After the bucket is spent.
        const spent = yield* minute(RetryPolicy.make({ ...options, budget: { retries: 0 } }), () => true)
        assert.isAtMost(spent.requests, 1.1 * 600)
      })
    )

    it.effect("earns a tenth of a retry per success, up to where it began", () =>
      Effect.gen(function* () {
        const policy = RetryPolicy.make({ budget: { retries: 20 } })
        const budget = RetryDecision.makeBudget(policy)
        for (let i = 0; i < 20; i++) assert.isTrue(budget.spend())
        assert.isFalse(budget.spend())
        for (let i = 0; i < 9; i++) budget.earn()
        assert.isFalse(budget.spend())
        budget.earn()
        assert.isTrue(budget.spend())
        for (let i = 0; i < 1000; i++) budget.earn()
        assert.strictEqual(budget.left(), 20)
        const recovered = yield* minute(RetryPolicy.make({ budget: { retries: 20 } }), (now) => now < 30_000)
        assert.isAtMost(recovered.requests, 600 + 20 + 0.1 * 320)
        assert.strictEqual(recovered.left, 20)
      })
    )

    it.effect("says so when it is why there is no further attempt, and is not spent by 429", () =>
      Effect.gen(function* () {
        const policy = RetryPolicy.make({ budget: { retries: 1 } })
        const { send } = always(fault)
        const error = errorOf(yield* settle(RetryPolicy.retry(send, policy)))
        assert.instanceOf(error, RetryPolicy.RetriesExhausted)
        assert.strictEqual(error.ran, "budget")
        const many = scripted(Array.from({ length: 30 }, () => limited("1 second")))
        assert.isTrue(Exit.isSuccess(yield* settle(RetryPolicy.retry(many.send, policy))))
      })
    )
  })

  it("keeps what a vendor wrote out of its errors", () => {
    const told = new ApiError.VendorAnswer({ message: "ada@example.com", errors: [], body: "ada@example.com" })
    const failure = new ApiError.ServerFault({ ...answered, status: 500, answer: Redacted.make(told) })
    const decision = RetryDecision.decide(RetryPolicy.make({ maxAttempts: 1 }), RetryDecision.makeTries(0), failure, {
      now: 1,
      wall: 1,
      random: 0,
      resend: "safe",
      budget: RetryDecision.makeBudget(RetryPolicy.make())
    })
    assert.strictEqual(decision._tag, "Stop")
    if (decision._tag !== "Stop") return
    const { error } = decision
    assert.instanceOf(error, RetryPolicy.RetriesExhausted)
    const written = `${error.message} ${JSON.stringify(Schema.encodeSync(RetryPolicy.RetriesExhausted)(error))} ${error.stack}`
    assert.notInclude(written, "ada@")
  })
})
