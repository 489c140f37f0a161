/** What is known of runs from outside: one row for each part, in the table `patchbay_runs`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import * as Tables from "../sql/Tables.ts"
import type { Progress } from "../sync/books/Progress.ts"
import { SyncReport } from "../sync/books/SyncReport.ts"

export const Status = Schema.Literals(["waiting", "running", "done", "stopped", "failed"])

export type Status = typeof Status.Type

/** One part, as the table holds it. */
export const Row = Schema.Struct({
  run: Schema.String,
  /** 0-based. */
  part: Schema.Int,
  parts: Schema.Int,
  status: Status,
  /** Somebody has asked it to stop. */
  stopping: Schema.Boolean,
  /** Who runs it, or ran it last. */
  runner: Schema.NullOr(Schema.String),
  progress: Schema.NullOr(
    Schema.fromJsonString(
      Schema.Struct({
        read: Schema.Int,
        settled: Schema.Int,
        requests: Schema.Int,
        inFlight: Schema.Int,
        waiting: Schema.NullOr(Schema.String)
      })
    )
  ),
  report: Schema.NullOr(Schema.fromJsonString(SyncReport)),
  problem: Schema.NullOr(Schema.String),
  began: Schema.String,
  changed: Schema.String
})

export type Row = typeof Row.Type

const decode = Schema.decodeUnknownEffect(Schema.Array(Row))
const encodeReport = Schema.encodeSync(Schema.fromJsonString(SyncReport))

/** The part of a run that somebody executes. */
export interface Part {
  readonly run: string
  readonly index: number
  readonly of: number
}

/** The rows of a run. */
export const rows = Effect.fnUntraced(function* (
  run: string
): Effect.fn.Return<ReadonlyArray<Row>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  return yield* select(sql, sql`run = ${run}`)
})

/** Those of so many runs that began last, the newest first. */
export const newest = Effect.fnUntraced(function* (
  most: number
): Effect.fn.Return<ReadonlyArray<Row>, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  return yield* select(
    sql,
    sql`run IN (SELECT run FROM patchbay_runs GROUP BY run ORDER BY min(began_at) DESC LIMIT ${most})`
  )
})

const select = (sql: SqlClient.SqlClient, which: Statement.Fragment) =>
  sql`
    SELECT run, part, parts, status, stopping, runner, progress::text AS progress, report::text AS report, problem,
      to_char(began_at AT TIME ZONE 'UTC', ${timeFormat}) AS began, to_char(changed_at AT TIME ZONE 'UTC', ${timeFormat}) AS changed
    FROM patchbay_runs WHERE ${which} ORDER BY min(began_at) OVER (PARTITION BY run) DESC, run, part`.pipe(
    // What stands there was written by the next functions.
    Effect.flatMap((found) => Effect.orDie(decode(found)))
  )

const timeFormat = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

const client = Effect.map(SqlClient.SqlClient, (sql) => sql.withoutTransforms())

/** What a run is started with. */
export interface Begun {
  /** As many as it was cut in when it was started first. */
  readonly parts: number
  /** 1 for the first time. */
  readonly attempt: number
}

/**
 * Notes a run that begins. One that is known stays as it is while some part of it has not ended, or when all of it is
 * done; otherwise it is tried once more.
 */
export const begin = Effect.fnUntraced(function* (
  run: string,
  parts: number
): Effect.fn.Return<Begun, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  yield* Effect.orDie(Tables.make)
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`
        INSERT INTO patchbay_runs (run, part, parts, status)
        SELECT ${run}, part, ${parts}, 'waiting' FROM generate_series(0, ${parts} - 1) AS part
        WHERE NOT EXISTS (SELECT 1 FROM patchbay_runs WHERE run = ${run})
        ON CONFLICT (run, part) DO NOTHING`
      const known = yield* sql<Begun & { readonly status: Status }>`
        SELECT parts, attempt, status FROM patchbay_runs WHERE run = ${run} FOR UPDATE`
      const [first = { parts, attempt: 1 }] = known
      const isOpen = known.some(({ status }) => status === "waiting" || status === "running")
      const isDone = known.every(({ status }) => status === "done")
      if (isOpen || isDone) return { parts: first.parts, attempt: first.attempt }
      yield* sql`
        UPDATE patchbay_runs SET status = 'waiting', stopping = false, problem = NULL, attempt = attempt + 1
        WHERE run = ${run}`
      return { parts: first.parts, attempt: first.attempt + 1 }
    })
  )
})

/** Somebody executes a part now. */
export const running = Effect.fnUntraced(function* (
  { index, run }: Part,
  runner: string
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  yield* sql`
    UPDATE patchbay_runs SET status = 'running', runner = ${runner}, changed_at = clock_timestamp()
    WHERE run = ${run} AND part = ${index}`
})

/** Notes how far a part is, and whether it is to stop. */
export const progressed = Effect.fnUntraced(function* (
  { index, run }: Part,
  progress: Progress | undefined
): Effect.fn.Return<boolean, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  const text =
    progress === undefined
      ? null
      : JSON.stringify({
          read: progress.read,
          settled: progress.settled,
          requests: progress.requests,
          inFlight: progress.inFlight,
          waiting: progress.waiting ?? null
        })
  const [row] = yield* sql<{ readonly stopping: boolean }>`
    UPDATE patchbay_runs SET progress = coalesce(${text}::text::json, progress), changed_at = clock_timestamp()
    WHERE run = ${run} AND part = ${index} RETURNING stopping`
  return row?.stopping === true
})

/** A part has ended. */
export const ended = Effect.fnUntraced(function* (
  { index, run }: Part,
  status: Exclude<Status, "running" | "waiting">,
  report: SyncReport | undefined,
  problem: string | undefined
): Effect.fn.Return<void, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  const text = report === undefined ? null : encodeReport(report)
  yield* sql`
    UPDATE patchbay_runs SET status = ${status}, report = coalesce(${text}::text::json, report), problem = ${problem ?? null}::text,
      changed_at = clock_timestamp()
    WHERE run = ${run} AND part = ${index}`
})

/** Asks all parts that have not ended to stop. False where there are none. */
export const stop = Effect.fnUntraced(function* (
  run: string
): Effect.fn.Return<boolean, SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* client
  const asked = yield* sql`
    UPDATE patchbay_runs SET stopping = true WHERE run = ${run} AND status IN ('waiting', 'running') RETURNING part`
  return asked.length > 0
})
