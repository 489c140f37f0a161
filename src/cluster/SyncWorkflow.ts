/**
 * A sync as a durable workflow: any runner of a cluster can execute it, and goes on where another one was when it died.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as Activity from "effect/workflow/Activity"
import * as Workflow from "effect/workflow/Workflow"
import type * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import * as Tag from "../base/Tag.ts"
import type { ApiError } from "../http/ApiError.ts"
import * as SqlCheckpoint from "../sql/SqlCheckpoint.ts"
import * as SqlDeadLetters from "../sql/SqlDeadLetters.ts"
import * as SqlReason from "../sql/SqlReason.ts"
import * as Ledger from "../sync/books/Ledger.ts"
import type { Progress } from "../sync/books/Progress.ts"
import * as SyncReports from "../sync/books/SyncReport.ts"
import * as CustomerSync from "../sync/CustomerSync.ts"
import * as ProcessIdentity from "../sync/checkpoint/ProcessIdentity.ts"
import type { Behaviour } from "../sync/model/Destination.ts"
import type * as Source from "../sync/record/Source.ts"
import * as RunTable from "./RunTable.ts"

const { SyncReport } = SyncReports

type SyncReport = SyncReports.SyncReport

/**
 * A run ended before the end of its source. Started again, it goes on from there.
 *
 * @category errors
 * @since 0.1.0
 */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  /** The run's id. */
  run: Schema.String,
  /** The tag of what stopped it; `Stopped` where somebody asked for it, `SourceNotShared` for a source of one machine. */
  reason: Schema.String,
  /** What happened, and what to do next. */
  problem: Schema.String,
  /** What was done until then, of all parts. */
  report: Schema.optionalKey(SyncReport)
}) {
  override get message(): string {
    return `The run ${this.run} ended before its source did (${this.reason}). ${this.problem}`
  }
}

/**
 * One part of a run, as the runner sees it that executes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  /** 0-based. */
  readonly index: number
  /** How many there are. */
  readonly of: number
  /**
   * `CustomerSync.run` with the part's checkpoint and dead letters in PostgreSQL. The source must be one that every runner can
   * read: a query, or what `Source.shared` says of.
   */
  readonly run: <A, B extends Behaviour, E extends ApiError, R, RL = never>(
    options: CustomerSync.Options<A, B, E, R, RL> & {
      readonly checkpoint?: never
      readonly deadLetters?: never
      // A workflow ends with its source.
      readonly limit?: never
      readonly onProgress?: never
      readonly onReport?: never
    }
  ) => <ES, RS>(
    source: Source.Source<A, ES, RS>
  ) => Effect.Effect<SyncReport, SyncFailed, Exclude<R | RL | RS, Scope.Scope> | SqlClient.SqlClient>
}

/**
 * What a sync is called, what it is given, and what it does.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<P, R> {
  /** Its name in the cluster. */
  readonly name: string
  /** What a run is given: JSON goes to the runners. */
  readonly payload: Schema.Codec<P, unknown>
  /** What tells one run from another. A key that is started a second time is the same run. */
  readonly key: (payload: P) => string
  /** In how many parts the source is cut. `run` reads the part that it is given, and no customer is in two of them. Default: 1. */
  readonly parts?: ((payload: P) => number) | undefined
  /** Delivers one part. */
  readonly run: (payload: P, part: Part) => Effect.Effect<SyncReport, SyncFailed, R>
  /** How long a runner may be silent before another takes its part over. Default: 10 seconds. */
  readonly lease?: Duration.Input | undefined
}

/**
 * A named sync.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncWorkflow<P, R> {
  readonly name: string
  /** The id of the run that a payload starts. */
  readonly id: (payload: P) => string
  /** What a runner needs to execute it. */
  readonly layer: Layer.Layer<never, never, R | SqlClient.SqlClient | WorkflowEngine.WorkflowEngine>
  /** Starts a run, unless it was started before, and gives its id at once. A run that failed or was stopped goes on. */
  readonly start: (payload: P) => Effect.Effect<string, never, SqlClient.SqlClient | WorkflowEngine.WorkflowEngine>
  /** The same, and waits for its end. */
  readonly execute: (
    payload: P
  ) => Effect.Effect<SyncReport, SyncFailed, SqlClient.SqlClient | WorkflowEngine.WorkflowEngine>
}

const PartPayload = {
  run: Schema.String,
  /** How often the run was started. */
  attempt: Schema.Int,
  payload: Schema.String,
  index: Schema.Int,
  of: Schema.Int
}

/**
 * Makes a named sync.
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { BatchPolicy, ReachDestination, ReachSchema } from "effect-patchbay"
 * import { SyncWorkflow } from "effect-patchbay/cluster"
 * import { CustomerQuery } from "effect-patchbay/sql"
 *
 * export const nightly = SyncWorkflow.make({
 *   name: "nightly",
 *   payload: Schema.Struct({ tenant: Schema.String, day: Schema.String }),
 *   key: ({ day, tenant }) => `${tenant}/${day}`,
 *   parts: () => 8,
 *   run: ({ tenant }, part) =>
 *     CustomerQuery.read(
 *       (sql) => sql`SELECT id::text AS "customerId", email FROM customers WHERE tenant = ${tenant}`,
 *       ReachSchema.CustomerPatch,
 *       { key: "customerId", part: { by: "customerId", ...part } }
 *     ).pipe(part.run({ to: ReachDestination.batchPatch({ tenant }), batch: BatchPolicy.make({ maxRecords: 500 }) }))
 * })
 *
 * export const program = Effect.flatMap(nightly.start({ tenant: "acme", day: "2026-01-31" }), Effect.log)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <P, R>(options: Options<P, R>): SyncWorkflow<P, R> => {
  const { key, lease, name, parts = () => 1 } = options
  const json = Schema.fromJsonString(Schema.toCodecJson(options.payload))
  const encode = Schema.encodeSync(json)
  const decode = Schema.decodeUnknownEffect(json)
  const id = (payload: P) => `${name}/${key(payload)}`

  const PartWorkflow = Workflow.make(`Patchbay/${name}/Part`, {
    payload: PartPayload,
    success: SyncReport,
    error: SyncFailed,
    idempotencyKey: ({ attempt, index, of, run }) => `${run}/${attempt}/${index}/${of}`
  })
  const layer = PartWorkflow.toLayer(
    Effect.fnUntraced(function* ({ index, of, payload, run }) {
      const part = { run, index, of }
      return yield* Activity.make({
        name: "deliver",
        success: SyncReport,
        error: SyncFailed,
        execute: Effect.gen(function* () {
          const given = yield* Effect.orDie(decode(payload))
          return yield* noted(part, options.run(given, { index, of, run: partRun(part, lease) }))
        })
      })
    })
  )
  const start = Effect.fnUntraced(function* (payload: P) {
    const run = id(payload)
    const { attempt, parts: of } = yield* persistently(RunTable.begin(run, parts(payload)))
    const encoded = encode(payload)
    // What an earlier start did not come to is started now.
    yield* Effect.forEach(
      Array.from({ length: of }, (_, index) => index),
      (index) => PartWorkflow.execute({ run, attempt, payload: encoded, index, of }, { discard: true }),
      { discard: true }
    )
    return run
  })
  return { name, id, layer, start, execute: (payload) => Effect.flatMap(start(payload), end) }
}

// How often is looked whether a run has ended.
const lookEvery = Duration.seconds(1)

/**
 * Waits until a run has ended, and gives the report of all its parts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (run: string): Effect.Effect<SyncReport, SyncFailed, SqlClient.SqlClient> =>
  Effect.suspend(() => persistently(RunTable.rows(run))).pipe(
    Effect.delay(lookEvery),
    Effect.repeat({ until: (rows) => rows.every(({ status }) => status !== "running" && status !== "waiting") }),
    Effect.flatMap((rows) => {
      const report = SyncReports.combine(rows.flatMap((row) => (row.report === null ? [] : [row.report])))
      const mismatch = Ledger.mismatchOf(report.read, report.outcomes)
      if (mismatch !== undefined) return Effect.die(mismatch)
      const failed = rows.find(({ status }) => status !== "done")
      if (failed === undefined) return Effect.succeed(report)
      const [reason = "", problem = ""] = (failed.problem ?? "").split(": ", 2)
      return Effect.fail(new SyncFailed({ run, reason, problem, report }))
    })
  )

// How often a part is noted in the table, and asks whether it is to stop.
const noteEvery = Duration.seconds(1)

/** Delivers a part, whose checkpoint and letters are named after it. */
const partRun =
  (part: RunTable.Part, lease: Duration.Input | undefined): Part["run"] =>
  (options) =>
  (source) => {
    const { index, of, run } = part
    const name = `${run} ${index + 1}/${of}`
    const failed = (reason: string, problem: string, report?: SyncReport) =>
      new SyncFailed({ run, reason, problem, ...(report === undefined ? {} : { report }) })
    if (source.shared !== true) {
      return Effect.fail(
        failed(
          "SourceNotShared",
          "Another runner could not read its source, as far as is known. Read from a query, or say Source.shared of a file that all of them have."
        )
      )
    }
    let progress: Progress | undefined
    let report: SyncReport | undefined
    const sync = CustomerSync.run({
      ...options,
      checkpoint: SqlCheckpoint.make(name, { lease }),
      deadLetters: SqlDeadLetters.make(run),
      onProgress: (next) =>
        Effect.sync(() => {
          progress = next
        }),
      onReport: (made) =>
        Effect.sync(() => {
          report = made
        })
    })(source)
    const again = Effect.delay(
      Effect.suspend((): typeof delivered => delivered),
      "1 second"
    )
    const delivered: Effect.Effect<SyncReport, SyncFailed, Effect.Services<typeof sync>> = Effect.catch(
      sync,
      (stop) => {
        const reason: unknown = stop.reason
        switch (Tag.of(reason)) {
          // Another runner has it, and one of the two is about to be told by the cluster.
          case "CheckpointTakenOver":
          case "CheckpointInUse":
            return again
          default:
            return isAway(reason)
              ? again
              : Effect.fail(failed(Tag.of(reason), reason instanceof Error ? reason.message : "", stop.report))
        }
      }
    )
    // It is interrupted then, and what is in flight ends first.
    return Effect.raceFirst(
      Effect.asSome(delivered),
      Effect.as(
        askedToStop(part, () => progress),
        Option.none<SyncReport>()
      )
    ).pipe(
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.fail(failed("Stopped", "Somebody asked for it. Start it again to go on.", report)),
          onSome: Effect.succeed
        })
      )
    )
  }

/** Whether the database could not be asked: it is waited for, and the part goes on from its checkpoint. */
const isAway = (error: unknown): boolean =>
  Predicate.hasProperty(error, "reason") && Predicate.isString(error.reason) && away.has(error.reason)

const away: ReadonlySet<string> = new Set(["ConnectionError", "StatementTimeoutError", "LockTimeoutError"])

/** Notes how far a part is, and ends when it is to stop. The table going away for a while stops nothing. */
const askedToStop = (
  part: RunTable.Part,
  progress: () => Progress | undefined
): Effect.Effect<void, never, SqlClient.SqlClient> =>
  Effect.suspend(() => RunTable.progressed(part, progress())).pipe(
    Effect.catch(() => Effect.succeed(false)),
    Effect.delay(noteEvery),
    Effect.repeat({ until: (isStopping) => isStopping }),
    Effect.asVoid
  )

/** Notes who executes a part, and how it ends. */
const noted = <R>(
  part: RunTable.Part,
  run: Effect.Effect<SyncReport, SyncFailed, R>
): Effect.Effect<SyncReport, SyncFailed, R | SqlClient.SqlClient> =>
  Effect.gen(function* () {
    yield* persistently(RunTable.running(part, yield* runner))
    const end = yield* Effect.result(run)
    if (Result.isSuccess(end)) yield* persistently(RunTable.ended(part, "done", end.success, undefined))
    else {
      const { problem, reason, report } = end.failure
      const status = reason === "Stopped" ? "stopped" : "failed"
      yield* persistently(RunTable.ended(part, status, report, `${reason}: ${problem}`))
    }
    return yield* Effect.fromResult(end)
  })

// What a part did is in its checkpoint, so that it is never too late to note it.
const persistently = <A, R>(note: Effect.Effect<A, SqlError.SqlError, R>): Effect.Effect<A, never, R> =>
  Effect.orDie(Effect.retry(note, { schedule: Schedule.spaced("1 second"), while: SqlReason.isAway }))

const runner = Effect.map(
  ProcessIdentity.self,
  ({ host, pid }) => `${host ?? "unknown host"}, process ${pid ?? "unknown"}`
)
