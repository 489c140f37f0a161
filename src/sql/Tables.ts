/** The tables that checkpoints, dead letters, runs and shared limits are kept in. */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as LimitTables from "./LimitTables.ts"

// A name, once it was given, keeps its number and what it does.
const migrations = Migrator.fromRecord({
  "0001_checkpoints": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE patchbay_checkpoints (
      checkpoint text PRIMARY KEY,
      epoch bigint NOT NULL,
      state text,
      written_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`
    yield* sql`CREATE TABLE patchbay_claims (
      checkpoint text NOT NULL,
      token text NOT NULL,
      holder text NOT NULL,
      beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (checkpoint, token)
    )`
    yield* sql`CREATE TABLE patchbay_dead_letters (
      letters text NOT NULL,
      run_started_at bigint NOT NULL,
      record_offset bigint NOT NULL,
      letter json NOT NULL,
      PRIMARY KEY (letters, run_started_at, record_offset)
    )`
  }),
  "0002_runs": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE patchbay_runs (
      run text NOT NULL,
      part integer NOT NULL,
      parts integer NOT NULL,
      attempt integer NOT NULL DEFAULT 1,
      status text NOT NULL,
      stopping boolean NOT NULL DEFAULT false,
      runner text,
      progress json,
      report json,
      problem text,
      began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (run, part)
    )`
  }),
  "0003_limits": LimitTables.make
})

const migrate = Migrator.make({})({ loader: migrations, table: "patchbay_migrations" })

// The number of the last one.
const newest = 2

/** Whether all is there: the migrator locks its table each time, and whoever is stopped meanwhile would hold up all others. */
const isMade = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [there] = yield* sql<{ readonly made: boolean }>`
    SELECT to_regclass('patchbay_migrations') IS NOT NULL AS made`
  if (there?.made !== true) return false
  const found = yield* sql`SELECT 1 AS found FROM patchbay_migrations WHERE migration_id >= ${newest}`
  return found.length > 0
})

/** Makes what is not there yet. Of several processes that start together, one makes it and the others wait. */
export const make: Effect.Effect<void, Migrator.MigrationError | SqlError.SqlError, SqlClient.SqlClient> =
  Effect.flatMap(isMade, (made) => (made ? Effect.void : Effect.asVoid(migrate)))
