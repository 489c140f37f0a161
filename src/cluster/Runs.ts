/**
 * What runs of `SyncWorkflow` do, seen from outside: from any process that reaches their database, whichever runner has
 * them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as SqlReason from "../sql/SqlReason.ts"
import * as Tables from "../sql/Tables.ts"
import * as SyncReports from "../sync/books/SyncReport.ts"
import * as RunTable from "./RunTable.ts"

/**
 * How a run, or a part of it, stands. `waiting`: no runner has it yet. `stopped`: somebody asked for it. `failed`: it ended
 * before its source did. What is stopped or failed goes on from there when it is started again.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = RunTable.Status

/**
 * One part of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  /** 0-based. */
  readonly index: number
  readonly status: Status
  /** Who runs it, or ran it last: host and process. */
  readonly runner: string | undefined
  /** Records read, as of the last second. */
  readonly read: number
  /** Records with an outcome. */
  readonly settled: number
  readonly requests: number
  /** Requests that are being sent. */
  readonly inFlight: number
  /** What some request of it waits for, where one does: `rate`, `paused`, `backoff` … */
  readonly waiting: string | undefined
  /** Why it failed or was stopped. */
  readonly problem: string | undefined
  /** When it was heard of last: RFC 3339, UTC. */
  readonly changedAt: string
}

/**
 * A run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  /** Its workflow's name and its key: `nightly/acme`. */
  readonly id: string
  /** `running` until the last part has ended; then `failed` or `stopped` where some part is. */
  readonly status: Status
  /** Somebody has asked it to stop, and some part has not yet. */
  readonly stopping: boolean
  readonly parts: ReadonlyArray<Part>
  /** RFC 3339, UTC. */
  readonly beganAt: string
  /** When some part was heard of last: RFC 3339, UTC. */
  readonly changedAt: string
  /** What its ended parts did, together; none before the first of them has ended. */
  readonly report: SyncReports.SyncReport | undefined
}

/**
 * The database of the runs did not answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunsUnreadable extends Schema.TaggedError<RunsUnreadable>()("RunsUnreadable", {
  /** The kind of failure: `ConnectionError`, `AuthorizationError` … */
  reason: Schema.String
}) {
  override get message(): string {
    return `The runs in the database cannot be read (${this.reason}). Check that it runs, and the rights of its user.`
  }
}

// Whoever looks first finds no run, not that there is no table.
const asked = <A>(question: Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>) =>
  Effect.mapError(Effect.andThen(Tables.make, question), (error) => new RunsUnreadable({ reason: SqlReason.of(error) }))

/**
 * The runs that were started last, the newest first.
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Runs } from "effect-patchbay/cluster"
 *
 * export const program = Effect.flatMap(Runs.list(), (runs) =>
 *   Effect.forEach(runs, ({ id, parts, status }) =>
 *     Console.log(`${id} is ${status}: ${parts.reduce((sum, { settled }) => sum + settled, 0)} records`)
 *   )
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = (options?: {
  /** How many, at most. Default: 100. */
  readonly limit?: number | undefined
}): Effect.Effect<ReadonlyArray<Run>, RunsUnreadable, SqlClient.SqlClient> =>
  asked(Effect.map(RunTable.newest(options?.limit ?? 100), byRun))

/**
 * One run; none where no run has this id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const show = (id: string): Effect.Effect<Option.Option<Run>, RunsUnreadable, SqlClient.SqlClient> =>
  asked(Effect.map(RunTable.rows(id), (rows) => Option.fromUndefinedOr(byRun(rows)[0])))

/**
 * Asks a run to stop: its runners send nothing new from the next second on, and end what is in flight. False where no
 * part of it waits or runs. Started again, it goes on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stop = (id: string): Effect.Effect<boolean, RunsUnreadable, SqlClient.SqlClient> =>
  asked(RunTable.stop(id))

const byRun = (rows: ReadonlyArray<RunTable.Row>): ReadonlyArray<Run> =>
  [...Map.groupBy(rows, ({ run }) => run)].map(([id, of]) => {
    const reports = of.flatMap(({ report, status }) => (report === null || isOpen(status) ? [] : [report]))
    const times = of.map(({ changed }) => changed).sort()
    const status = together(of.map(({ status }) => status))
    return {
      id,
      status,
      stopping: isOpen(status) && of.some(({ stopping }) => stopping),
      parts: of.map(part),
      beganAt: of.map(({ began }) => began).sort()[0] ?? "",
      changedAt: times.at(-1) ?? "",
      report: reports.length === 0 ? undefined : SyncReports.combine(reports)
    }
  })

const isOpen = (status: Status): boolean => status === "waiting" || status === "running"

const together = (all: ReadonlyArray<Status>): Status => {
  const [first = "waiting"] = all
  if (all.every((status) => status === first)) return first
  if (all.some(isOpen)) return "running"
  return all.includes("failed") ? "failed" : "stopped"
}

const part = ({ changed, part, problem, progress, report, runner, status }: RunTable.Row): Part => {
  const ended = isOpen(status) ? null : report
  return {
    index: part,
    status,
    runner: runner ?? undefined,
    read: ended?.read ?? progress?.read ?? 0,
    settled: ended === null ? (progress?.settled ?? 0) : ended.read - ended.outcomes.Unsent,
    requests: ended?.requests ?? progress?.requests ?? 0,
    inFlight: status === "running" ? (progress?.inFlight ?? 0) : 0,
    waiting: status === "running" ? (progress?.waiting ?? undefined) : undefined,
    problem: problem ?? undefined,
    changedAt: changed
  }
}
