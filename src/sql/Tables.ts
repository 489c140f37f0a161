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

/** Makes what is not there yet. Of several processes that start together, one makes it and the others wait. */
export const make: Effect.Effect<void, Migrator.MigrationError | SqlError.SqlError, SqlClient.SqlClient> =
  Effect.asVoid(migrate)
