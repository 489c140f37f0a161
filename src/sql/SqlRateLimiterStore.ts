/**
 * A store of Effect's `RateLimiter` in PostgreSQL, for processes that share a limit and have no Redis.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as SqlReason from "./SqlReason.ts"
import * as Tables from "./Tables.ts"

const failed = (message: string) =>
  new RateLimiter.RateLimiterError({
    reason: new RateLimiter.RateLimitStoreError({ message })
  })

const unavailable = (error: SqlError.SqlError | Migrator.MigrationError) =>
  failed(`The limit's table in the database could not be used (${SqlReason.of(error)}).`)

const notAdaptive = Effect.fail(
  failed("The limits in PostgreSQL are token buckets and fixed windows; for an adaptive one, use the store in Redis.")
)

/**
 * The store: one row a key in `patchbay_limits`, which is made where it is missing. Each turn is one statement, by the
 * database's clock, and waits for no disk. After a crash of the server all limits begin anew, after a restart they go on.
 *
 * `RateLimiter.layer` on it is what a `RateLimitPolicy` with `shared: true` wants, as on `RateLimiter.layerStoreRedis`.
 * `tokenBucket` and `fixedWindow` are as the service has them; `adaptiveConsume` and `adaptiveFeedback`, which nothing here
 * uses, fail with a `RateLimitStoreError`.
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import { Config, Layer } from "effect"
 * import { RateLimiter } from "effect/persistence"
 * import { SqlRateLimiterStore } from "effect-patchbay/sql"
 *
 * export const limiter = RateLimiter.layer.pipe(
 *   Layer.provide(SqlRateLimiterStore.layer),
 *   Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RateLimiter.RateLimiterStore, RateLimiter.RateLimiterError, SqlClient.SqlClient> =
  Layer.effect(
    RateLimiter.RateLimiterStore,
    Effect.gen(function* () {
      const sql = (yield* SqlClient.SqlClient).withoutTransforms()
      yield* Effect.mapError(Effect.provideService(Tables.make, SqlClient.SqlClient, sql), unavailable)
      return RateLimiter.RateLimiterStore.of({
        tokenBucket: ({ allowOverflow, key, limit, refillRate, tokens }) =>
          sql<{ readonly remaining: number; readonly elapsed: number }>`
            SELECT remaining, elapsed FROM patchbay_token_bucket(${key}, ${tokens}::float8, ${limit}::float8,
              ${Duration.toMillis(refillRate)}::float8, ${allowOverflow}::boolean)`.pipe(
            Effect.mapError(unavailable),
            Effect.flatMap(([row]) =>
              row === undefined ? failed("no row") : Effect.succeed([row.remaining, row.elapsed] as const)
            )
          ),
        fixedWindow: ({ key, limit, refillRate, tokens }) =>
          sql<{ readonly counted: number; readonly ttl: number }>`
            SELECT counted, ttl FROM patchbay_fixed_window(${key}, ${tokens}::float8,
              ${Duration.toMillis(refillRate)}::float8, ${limit ?? null}::float8)`.pipe(
            Effect.mapError(unavailable),
            Effect.flatMap(([row]) =>
              row === undefined ? failed("no row") : Effect.succeed([row.counted, row.ttl] as const)
            )
          ),
        adaptiveConsume: () => notAdaptive,
        adaptiveFeedback: () => notAdaptive
      })
    })
  )
