/**
 * One of several processes that share a limit: it sends as much as it may until it is ended, and says with each request when
 * it started. Arguments: the kind of the store, its address, the server's, and how long the breaker stays open.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer, Redacted } from "effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as ConcurrencyPolicy from "../../../src/policy/concurrency/ConcurrencyPolicy.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as CircuitBreakerPolicy from "../../../src/policy/retry/CircuitBreakerPolicy.ts"
import * as RetryPolicy from "../../../src/policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../../../src/policy/SendPolicy.ts"
import * as SqlCircuitBreakerStore from "../../../src/sql/SqlCircuitBreakerStore.ts"
import * as SqlRateLimiterStore from "../../../src/sql/SqlRateLimiterStore.ts"
import { fault, limited, transport } from "../Errors.ts"

const [kind = "", store = "", server = "", openFor = ""] = process.argv.slice(2)

const stores: Layer.Layer<RateLimiter.RateLimiterStore | CircuitBreaker.CircuitBreakerStore, unknown> =
  kind === "redis"
    ? Layer.merge(RateLimiter.layerStoreRedis(), CircuitBreaker.layerStoreRedis()).pipe(
        Layer.provide(NodeRedis.layer({ url: store }))
      )
    : Layer.merge(SqlRateLimiterStore.layer, SqlCircuitBreakerStore.layer()).pipe(
        Layer.provide(PgClient.layer({ url: Redacted.make(store) }))
      )

const endpoint = "GET /"

const send = Effect.gen(function* () {
  const response = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(server, {
        headers: { from: String(process.pid), started: String(Number(process.hrtime.bigint()) / 1e6) },
        signal
      }),
    catch: () => transport("maybe")
  })
  yield* Effect.promise(() => response.arrayBuffer())
  if (response.ok) return
  return yield* response.status === 429 ? limited(`${Number(response.headers.get("retry-after"))} seconds`) : fault()
})

const program = Effect.gen(function* () {
  const policy = yield* SendPolicy.make({
    vendor: "Server",
    rateLimit: RateLimitPolicy.make({ limit: 50, window: "1 second", shared: true, withoutStore: { share: 0.1 } }),
    concurrency: ConcurrencyPolicy.fixed(4),
    retry: RetryPolicy.make({ maxAttempts: 1, budget: "none", maxElapsed: "1 hour" }),
    breaker: CircuitBreakerPolicy.make({ failures: 5, openFor: Number(openFor) })
  })
  const loop = Effect.forever(Effect.ignore(policy.run(send, { endpoint, resend: "safe" })))
  yield* Effect.all([loop, loop, loop, loop], { concurrency: "unbounded" })
})

await Effect.runPromise(Effect.scoped(Effect.provide(program, Layer.provideMerge(RateLimiter.layer, stores))))
