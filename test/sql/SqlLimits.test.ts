import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Redacted } from "effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as SqlCircuitBreakerStore from "../../src/sql/SqlCircuitBreakerStore.ts"
import * as SqlRateLimiterStore from "../../src/sql/SqlRateLimiterStore.ts"
import * as Postgres from "../support/Postgres.ts"

const stores = Layer.merge(SqlRateLimiterStore.layer, SqlCircuitBreakerStore.layer({ probeLease: "1500 millis" })).pipe(
  Layer.provide(Layer.unwrap(Effect.map(Postgres.make, ({ url }) => PgClient.layer({ url: Redacted.make(url) }))))
)
const inMemory = Layer.merge(RateLimiter.layerStoreMemory, CircuitBreaker.layerStoreMemory())

/** The same, in the store of the test and in the one that Effect keeps in memory. */
const both = <A, E>(effect: Effect.Effect<A, E, RateLimiter.RateLimiterStore | CircuitBreaker.CircuitBreakerStore>) =>
  Effect.all([effect, Effect.provide(effect, inMemory)])

layer(stores, { timeout: 60_000, excludeTestServices: true })("limits and circuits in PostgreSQL", (it) => {
  it.effect("a bucket is as Effect's in memory", () =>
    Effect.gen(function* () {
      const take = (tokens: number, allowOverflow = true) =>
        RateLimiter.RateLimiterStore.use((store) =>
          store.tokenBucket({ key: "bucket", tokens, limit: 3, refillRate: Duration.hours(1), allowOverflow })
        )
      const takes = [take(1), take(3, false), take(0.5), take(0), take(1.5), take(4), take(1, false), take(-2)]
      const [ours, theirs] = yield* both(Effect.all(takes))
      assert.deepStrictEqual(
        ours.map(([remaining]) => remaining),
        theirs.map(([remaining]) => remaining)
      )
      assert.deepStrictEqual(
        ours.map(([remaining]) => remaining),
        [2, -1, 1.5, 1.5, 0, -4, -5, -2]
      )
      for (const [, elapsed] of ours) assert.isTrue(elapsed >= 0 && elapsed < 60_000)
    })
  )

  it.effect("a bucket refills by whole turns, and never above its size", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiter.RateLimiterStore
      const take = (tokens: number) =>
        store.tokenBucket({ key: "refills", tokens, limit: 4, refillRate: Duration.millis(100), allowOverflow: true })
      yield* take(4)
      yield* Effect.sleep(250)
      const [remaining, elapsed] = yield* take(0)
      assert.isTrue(Number.isInteger(remaining) && remaining >= 2 && remaining <= 4)
      assert.isTrue(elapsed >= 0 && elapsed < 100)
      yield* Effect.sleep(600)
      assert.deepStrictEqual(yield* take(0), [4, 0])
    })
  )

  it.effect("turns that many ask for at once are each given once", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const ask = limiter.consume({
        algorithm: "token-bucket",
        onExceeded: "delay",
        key: "many",
        limit: 1,
        window: "1 minute"
      })
      const told = yield* Effect.all(
        Array.from({ length: 40 }, () => ask),
        { concurrency: 10 }
      )
      const remaining = told.map((one) => one.remaining).sort((a, b) => b - a)
      assert.deepStrictEqual(
        remaining,
        Array.from({ length: 40 }, (_, i) => 0 - i)
      )
    })
  )

  it.effect("a window is as Effect's in memory", () =>
    Effect.gen(function* () {
      const take = (tokens: number, limit?: number) =>
        RateLimiter.RateLimiterStore.use((store) =>
          store.fixedWindow({ key: "window", tokens, refillRate: Duration.hours(1), limit })
        )
      const [ours, theirs] = yield* both(Effect.all([take(0), take(2), take(2, 3), take(1, 3), take(0), take(5)]))
      assert.deepStrictEqual(
        ours.map(([count]) => count),
        [0, 2, 4, 3, 3, 8]
      )
      const hours = (told: typeof ours) => told.map(([count, ttl]) => [count, Math.round(ttl / 3_600_000)])
      assert.deepStrictEqual(hours(ours), hours(theirs))
    })
  )

  it.effect("an adaptive limit fails with what to do instead", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const error = yield* Effect.flip(
        limiter.adaptiveFeedback({ key: "a", epoch: 0, tokens: 1, status: 429, retryAfter: undefined })
      )
      assert.strictEqual(error.reason._tag, "RateLimitStoreError")
      assert.match(error.message, /use the store in Redis/)
    })
  )

  for (const tripPolicy of [
    CircuitBreaker.consecutive(2),
    CircuitBreaker.rate({ threshold: 0.5, size: 4, minimumCalls: 3 })
  ]) {
    it.effect(`a circuit is as Effect's in memory: ${tripPolicy._tag}`, () =>
      Effect.gen(function* () {
        const key = tripPolicy._tag
        const steps = CircuitBreaker.CircuitBreakerStore.use((store) =>
          Effect.gen(function* () {
            const seen: Array<unknown> = []
            const see = Effect.gen(function* () {
              const { _tag, ...state } = yield* store.state(key)
              seen.push([_tag, "consecutiveOpenings" in state ? state.consecutiveOpenings : 0])
            })
            const call = (outcome: "Success" | "Failure" | "Ignored", openFor: number) =>
              Effect.scoped(
                Effect.gen(function* () {
                  const { consecutiveOpenings, generation, probe, transition } = yield* store.admit(key)
                  seen.push([consecutiveOpenings, probe, transition])
                  // While it runs, nobody else may try.
                  if (probe) seen.push((yield* Effect.flip(store.admit(key))).reason._tag)
                  seen.push(
                    yield* store.record({ key, generation, outcome, tripPolicy, openFor: Duration.millis(openFor) })
                  )
                  // A second time, it is too late.
                  if (probe)
                    seen.push(yield* store.record({ key, generation, outcome, tripPolicy, openFor: Duration.hours(1) }))
                  yield* see
                })
              )
            yield* see
            for (const outcome of ["Success", "Failure", "Ignored", "Success", "Failure", "Failure"] as const) {
              const done = yield* Effect.exit(call(outcome, 300))
              if (Exit.isFailure(done)) seen.push("refused")
            }
            yield* Effect.sleep(400)
            yield* call("Ignored", 300)
            yield* call("Failure", 300)
            yield* Effect.sleep(400)
            yield* call("Success", 300)
            yield* call("Success", 300)
            return seen
          })
        )
        const [ours, theirs] = yield* both(steps)
        assert.deepStrictEqual(ours, theirs)
        assert.isAbove(ours.length, 20)
      })
    )
  }

  it.effect("a probe keeps its lease while it runs, and another takes over when it is lost", () =>
    Effect.gen(function* () {
      const store = yield* CircuitBreaker.CircuitBreakerStore
      const open = { key: "probe", tripPolicy: CircuitBreaker.consecutive(1), openFor: Duration.millis(1) } as const
      yield* Effect.scoped(
        Effect.flatMap(store.admit("probe"), ({ generation }) =>
          store.record({ ...open, generation, outcome: "Failure" })
        )
      )
      yield* Effect.sleep(50)
      yield* Effect.scoped(
        Effect.gen(function* () {
          assert.isTrue((yield* store.admit("probe")).probe)
          yield* Effect.sleep(2500)
          assert.strictEqual((yield* Effect.flip(Effect.scoped(store.admit("probe")))).reason._tag, "CircuitHalfOpen")
        })
      )
      // Nobody renews it any more, and its end was not told.
      yield* Effect.sleep(1700)
      assert.isTrue((yield* Effect.scoped(store.admit("probe"))).probe)
    })
  )
})
