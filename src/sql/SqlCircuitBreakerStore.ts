/**
 * A store of Effect's `CircuitBreaker` in PostgreSQL, for processes that leave a vendor alone together.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as SqlReason from "./SqlReason.ts"
import * as Tables from "./Tables.ts"

/**
 * How the store keeps circuits.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /**
   * The one request that tries whether the vendor is back has so long before another may. It is kept while the request
   * runs. Default: 10 seconds.
   */
  readonly probeLease?: Duration.Input | undefined
}

const failed = (message: string) =>
  new CircuitBreaker.CircuitBreakerError({ reason: new CircuitBreaker.CircuitBreakerStoreError({ message }) })

const unavailable = (error: SqlError.SqlError | Migrator.MigrationError) =>
  failed(`The circuits' table in the database could not be used (${SqlReason.of(error)}).`)

const noRow = Effect.fail(failed("The circuits' table in the database gave no answer."))

interface Admitted {
  readonly seen: "Closed" | "Open" | "HalfOpen"
  /** Where it is not admitted: until when, in milliseconds from now; 0 while another tries. */
  readonly wait: number | null
  readonly stamp: string
  readonly opened: number
}

/**
 * The store: one row a circuit in `patchbay_circuits`, which is made where it is missing. Each operation is one statement, by the
 * database's clock, and waits for no disk. After a crash of the server all circuits are closed.
 *
 * A breaker of a sender whose limit is shared keeps its state here, where this layer, or `CircuitBreaker.layerStoreRedis`, is in
 * the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<CircuitBreaker.CircuitBreakerStore, CircuitBreaker.CircuitBreakerError, SqlClient.SqlClient> =>
  Layer.effect(
    CircuitBreaker.CircuitBreakerStore,
    Effect.gen(function* () {
      const sql = (yield* SqlClient.SqlClient).withoutTransforms()
      yield* Effect.mapError(Effect.provideService(Tables.make, SqlClient.SqlClient, sql), unavailable)
      return make(sql, Duration.toMillis(Duration.fromInputUnsafe(options.probeLease ?? "10 seconds")))
    })
  )

const make = (sql: SqlClient.SqlClient, lease: number): CircuitBreaker.CircuitBreakerStore["Service"] => {
  // While the probe runs, so that a slow one is not joined by a second.
  const renew = (key: string, stamp: string) =>
    sql`UPDATE patchbay_circuits SET lease_until = extract(epoch FROM clock_timestamp()) * 1000 + ${lease}::float8
      WHERE circuit = ${key} AND generation = ${stamp}::bigint AND state = 'HalfOpen'`.pipe(
      Effect.ignore,
      Effect.delay(lease / 3),
      Effect.forever
    )

  return CircuitBreaker.CircuitBreakerStore.of({
    admit: Effect.fnUntraced(function* (key: string) {
      const [row] = yield* sql<Admitted>`
        SELECT seen, wait, stamp::text, opened FROM patchbay_circuit_admit(${key}, ${lease}::float8)`.pipe(
        Effect.mapError(unavailable)
      )
      if (row === undefined) return yield* noRow
      const { seen, opened, stamp, wait } = row
      if (wait !== null) {
        const reason =
          seen === "Open"
            ? new CircuitBreaker.CircuitOpen({ key, retryAfter: Duration.millis(wait) })
            : new CircuitBreaker.CircuitHalfOpen({ key })
        return yield* new CircuitBreaker.CircuitBreakerError({ reason })
      }
      const probe = seen !== "Closed"
      if (probe) yield* Effect.forkScoped(renew(key, stamp))
      const transition =
        seen === "Open" ? ({ key, from: "Open", to: "HalfOpen" } satisfies CircuitBreaker.Transition) : undefined
      return { generation: Number(stamp), probe, consecutiveOpenings: opened, transition }
    }),
    record: ({ generation, key, openFor, outcome, tripPolicy }) => {
      const consecutive = tripPolicy._tag === "Consecutive" ? tripPolicy.failures : null
      const { minimumCalls = 0, size = 0, threshold = 0 } = tripPolicy._tag === "Rate" ? tripPolicy : {}
      return sql<{ readonly became: "Closed" | "Open" | null; readonly opened: number; readonly was: string | null }>`
        SELECT became, opened, was FROM patchbay_circuit_record(${key}, ${generation}::bigint, ${outcome},
          ${Duration.toMillis(openFor)}::float8, ${consecutive}::integer, ${size}::integer, ${minimumCalls}::integer,
          ${threshold}::float8)`.pipe(
        Effect.mapError(unavailable),
        Effect.map(([row]): CircuitBreaker.Transition | undefined => {
          if (row?.became == null) return undefined
          if (row.became === "Closed") return { key, from: "HalfOpen", to: "Closed" }
          const from = row.was === "HalfOpen" ? "HalfOpen" : "Closed"
          return { key, from, to: "Open", retryAfter: openFor, consecutiveOpenings: row.opened }
        })
      )
    },
    state: (key) =>
      sql<{ readonly state: string; readonly left: number; readonly probing: boolean; readonly openings: number }>`
        SELECT state, openings,
          greatest(0, open_until - extract(epoch FROM clock_timestamp()) * 1000)::float8 AS left,
          lease_until > extract(epoch FROM clock_timestamp()) * 1000 AS probing
        FROM patchbay_circuits WHERE circuit = ${key}`.pipe(
        Effect.mapError(unavailable),
        Effect.map(([row]): CircuitBreaker.State => {
          switch (row?.state) {
            case "Open":
              return { _tag: "Open", key, retryAfter: Duration.millis(row.left), consecutiveOpenings: row.openings }
            case "HalfOpen":
              return { _tag: "HalfOpen", key, probing: row.probing, consecutiveOpenings: row.openings }
            default:
              return { _tag: "Closed", key }
          }
        })
      )
  })
}
