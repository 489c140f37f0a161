/**
 * A checkpoint that every machine can reach: in a table of PostgreSQL.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type { StoredCheckpoint } from "../sync/checkpoint/Checkpoint.ts"
import { CheckpointUnreadable, CheckpointUnwritable } from "../sync/checkpoint/CheckpointError.ts"
import type { Claim, Claims, Lock } from "../sync/checkpoint/CheckpointLock.ts"
import * as CheckpointStore from "../sync/checkpoint/CheckpointStore.ts"
import type { WriteError } from "../sync/checkpoint/OpenCheckpoint.ts"
import * as SqlReason from "./SqlReason.ts"
import * as Tables from "./Tables.ts"

/**
 * How long a run may be silent.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /**
   * A run that gave no sign of life for so long is gone, or stopped, and may be taken over. It gives one in a fifth
   * of this time, and begins no request when four fifths are over without one. At least a second. Default: 10 seconds.
   */
  readonly lease?: Duration.Input | undefined
}

/**
 * One run's state under a key, in tables that are made where they are missing (`patchbay_checkpoints` and
 * `patchbay_claims`, by Effect's `Migrator`).
 *
 * Opening it takes a new epoch, and a state is written only where the epoch is still the run's own. A run that was taken
 * over writes nothing any more, and ends with `CheckpointTakenOver`. It begins no request either, also when its process
 * was only stopped: before each one it must be sure, by a clock that goes on, to have given a sign of life within four
 * fifths of the `lease`, or give one and be told by the database that nobody has taken over.
 *
 * A run whose process has ended on this machine is replaced at once, any other when it was silent for the `lease`.
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Config, Effect } from "effect"
 * import { CustomerFile, CustomerSync, ReachClient, ReachDestination, ReachSchema } from "effect-patchbay"
 * import { NodeHttp } from "effect-patchbay/node"
 * import { SqlCheckpoint, SqlDeadLetters } from "effect-patchbay/sql"
 *
 * export const program = CustomerFile.read("customers.csv", ReachSchema.CustomerPatch).pipe(
 *   CustomerSync.run({
 *     to: ReachDestination.batchPatch({ tenant: "acme" }),
 *     checkpoint: SqlCheckpoint.make("nightly/acme"),
 *     deadLetters: SqlDeadLetters.make("nightly/acme")
 *   }),
 *   Effect.provide(ReachClient.layerConfig()),
 *   Effect.provide([NodeHttp.layer, NodeServices.layer, PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })])
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (key: string, options?: Options): StoredCheckpoint<SqlClient.SqlClient, "safe"> => {
  const patience = Math.max(1000, Duration.toMillis(Duration.fromInputUnsafe(options?.lease ?? "10 seconds")))
  const store = Effect.map(SqlClient.SqlClient, (sql) => makeStore(sql.withoutTransforms(), key, patience))
  return {
    takeover: "safe",
    open: (fingerprint, options) =>
      Effect.flatMap(store, (store) =>
        CheckpointStore.open(store, fingerprint, { patience, beat: patience / 5 }, options)
      ),
    read: Effect.flatMap(store, CheckpointStore.read),
    reset: Effect.flatMap(store, CheckpointStore.reset)
  }
}

const makeStore = (sql: SqlClient.SqlClient, key: string, patience: number): CheckpointStore.Store => {
  const unwritable = (error: SqlError.SqlError | Migrator.MigrationError) =>
    new CheckpointUnwritable({ checkpoint: key, reason: SqlReason.of(error) })
  const unreadable = (error: SqlError.SqlError | Migrator.MigrationError) =>
    new CheckpointUnreadable({ checkpoint: key, reason: SqlReason.of(error) })
  const prepare = Effect.provideService(Tables.make, SqlClient.SqlClient, sql)
  return {
    name: key,
    prepare: Effect.mapError(prepare, unwritable),
    claims: claims(sql, key, unwritable),
    read: Effect.andThen(
      prepare,
      sql<{ readonly state: string | null }>`SELECT state FROM patchbay_checkpoints WHERE checkpoint = ${key}`
    ).pipe(
      Effect.mapError(unreadable),
      Effect.map(([row]) => Option.fromNullishOr(row?.state))
    ),
    // A transaction is flushed to the disk, as a write to a file is.
    rest: 20,
    writer: (lock) => makeWriter(sql, key, unwritable, lock, patience)
  }
}

const makeWriter = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  key: string,
  unwritable: (error: SqlError.SqlError) => CheckpointUnwritable,
  lock: Lock,
  patience: number
): Effect.fn.Return<CheckpointStore.Writer, CheckpointUnwritable> {
  const [taken] = yield* sql<{ readonly epoch: string }>`
    INSERT INTO patchbay_checkpoints AS own (checkpoint, epoch) VALUES (${key}, 1)
    ON CONFLICT (checkpoint) DO UPDATE SET epoch = own.epoch + 1
    RETURNING epoch::text`.pipe(Effect.mapError(unwritable))
  const epoch = taken?.epoch ?? "0"
  const together: Array<{
    readonly isWaiting: () => boolean
    readonly effect: Effect.Effect<void, CheckpointUnwritable>
  }> = []

  const own = (rows: ReadonlyArray<unknown>): Effect.Effect<void, WriteError> =>
    rows.length > 0 ? Effect.void : lock.lost
  // Whoever is stopped in the middle of one would keep the row from the run that takes over.
  const limited = sql`SELECT set_config('idle_in_transaction_session_timeout', ${String(patience)}, true)`
  const transaction = (effect: Effect.Effect<void, WriteError>): Effect.Effect<void, WriteError> =>
    sql
      .withTransaction(Effect.andThen(Effect.mapError(limited, unwritable), effect))
      .pipe(Effect.catchTag("SqlError", (error) => Effect.fail(unwritable(error))))

  return {
    replace: (text) => {
      const update = sql`
        UPDATE patchbay_checkpoints SET state = ${text}, written_at = clock_timestamp()
        WHERE checkpoint = ${key} AND epoch = ${epoch}::bigint RETURNING epoch`.pipe(
        Effect.mapError(unwritable),
        Effect.flatMap(own)
      )
      return Effect.suspend(() => {
        const waiting = together.filter(({ isWaiting }) => isWaiting()).map(({ effect }) => effect)
        // One statement is a transaction by itself, and takes a fourth of the round trips.
        return waiting.length === 0
          ? update
          : transaction(Effect.andThen(update, Effect.all(waiting)).pipe(Effect.asVoid))
      })
    },
    joint: {
      client: sql.transactionService,
      each: (isWaiting, effect) => {
        together.push({ isWaiting, effect })
      },
      transaction: (effect) =>
        transaction(
          sql`SELECT epoch FROM patchbay_checkpoints WHERE checkpoint = ${key} AND epoch = ${epoch}::bigint FOR UPDATE`.pipe(
            Effect.mapError(unwritable),
            Effect.flatMap(own),
            Effect.andThen(effect)
          )
        )
    }
  }
})

// All times are the database's.
const claims = (
  sql: SqlClient.SqlClient,
  key: string,
  unwritable: (error: SqlError.SqlError) => CheckpointUnwritable
): Claims => ({
  put: (token, text) =>
    sql`INSERT INTO patchbay_claims (checkpoint, token, holder) VALUES (${key}, ${token}, ${text})`.pipe(
      Effect.mapError(unwritable),
      Effect.asVoid
    ),
  list: Effect.mapError(
    sql<Claim>`
      SELECT token, holder AS text, beat_at::text AS beat,
        (extract(epoch FROM clock_timestamp() - beat_at) * 1000)::float8 AS "silentFor"
      FROM patchbay_claims WHERE checkpoint = ${key}`,
    unwritable
  ),
  has: (token) =>
    sql`SELECT token FROM patchbay_claims WHERE checkpoint = ${key} AND token = ${token}`.pipe(
      Effect.mapError(unwritable),
      Effect.map((rows) => rows.length > 0)
    ),
  beat: (token) =>
    Effect.ignore(
      sql`UPDATE patchbay_claims SET beat_at = clock_timestamp() WHERE checkpoint = ${key} AND token = ${token}`
    ),
  remove: (token) =>
    sql`DELETE FROM patchbay_claims WHERE checkpoint = ${key} AND token = ${token}`.pipe(
      Effect.mapError(unwritable),
      Effect.asVoid
    ),
  replacesStopped: true,
  // In one statement: a run that gives a sign of life in between keeps its claim.
  evict: ({ beat, token }) =>
    sql`DELETE FROM patchbay_claims WHERE checkpoint = ${key} AND token = ${token} AND beat_at::text = ${beat}
      RETURNING token`.pipe(
      Effect.mapError(unwritable),
      Effect.map((rows) => rows.length > 0)
    )
})
