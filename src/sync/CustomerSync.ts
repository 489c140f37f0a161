/**
 * The pipeline: records in, every one accounted for.
 *
 * @since 0.1.0
 */
import { Array as Arr, Clock, Data, Duration, Effect, Predicate, Redacted, Result, type Scope, Stream } from "effect"
import type { ApiError, VendorAnswer } from "../http/ApiError.ts"
import * as InputIssue from "../http/InputIssue.ts"
import * as BatchPolicy from "../policy/BatchPolicy.ts"
import type { RateLimitPolicy } from "../policy/RateLimitPolicy.ts"
import * as RetryPolicy from "../policy/RetryPolicy.ts"
import * as SendPolicy from "../policy/SendPolicy.ts"
import * as Batch from "./Batch.ts"
import type { CustomerRecord, RecordInput } from "./CustomerRecord.ts"
import type { DeadLetter, DeadLetters, DeadLettersUnwritable } from "./DeadLetters.ts"
import type { Behaviour, Destination } from "./Destination.ts"
import * as Ledger from "./Ledger.ts"
import type { Outcome, Reason } from "./Outcome.ts"
import type { Progress } from "./Progress.ts"
import { SyncReport } from "./SyncReport.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A, B extends Behaviour, R, RL> {
  readonly to: Destination<A, B, R>
  /** Default: `BatchPolicy.make()`. */
  readonly batch?: BatchPolicy.BatchPolicy | undefined
  /** Default: `RetryPolicy.make()`. */
  readonly retry?: RetryPolicy.RetryPolicy | undefined
  /** Default: no limit but what the vendor asks for. */
  readonly rateLimit?: RateLimitPolicy | undefined
  /** Batches in flight at once. Default: 4. */
  readonly concurrency?: number | undefined
  /** Where refused records go. Default: they are only counted. */
  readonly deadLetters?: DeadLetters<RL> | undefined
  /** Called at most every 100 milliseconds, and once at the end. */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

/**
 * What dooms a whole run: the credentials are refused, the vendor stays down beyond the retry policy, or the
 * dead letters cannot be written. The source adds its own errors.
 *
 * @category errors
 * @since 0.1.0
 */
export type StopReason =
  | Extract<ApiError, { readonly _tag: "Unauthorized" | "Forbidden" | "NotFound" }>
  | RetryPolicy.RetriesExhausted
  | DeadLettersUnwritable

/**
 * The run stopped before the end of the source. The report accounts for every record that was read; those
 * that were not sent are `Unsent`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SyncStopped<E> extends Data.TaggedError("SyncStopped")<{
  readonly reason: E
  readonly report: SyncReport
}> {
  override get message(): string {
    const { outcomes, read } = this.report
    const why = this.reason instanceof Error ? this.reason.message : String(this.reason)
    return `The sync stopped after ${read} records, ${outcomes.Applied + outcomes.Accepted} of them delivered. ${why}`
  }
}

// A rejected record's place in the stream of batches: it needs no request.
interface NotSendable {
  readonly outcome: Extract<Outcome, { readonly _tag: "Rejected" }>
  readonly letter: Omit<DeadLetter, "time">
}

const progressInterval = Duration.millis(100)

/**
 * Sends every record of a source to a destination and ends with a report of what became of each: records are
 * encoded once, collected into batches, and sent under the policies. Fails with `SyncStopped`, which carries
 * the report so far, when going on makes no sense.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run =
  <A, B extends Behaviour, R, RL = never>(options: Options<A, B, R, RL>) =>
  <E, RS>(
    source: Stream.Stream<CustomerRecord<A>, E, RS>
  ): Effect.Effect<SyncReport, SyncStopped<E | StopReason>, Exclude<R | RL | RS, Scope.Scope>> =>
    Effect.scoped(
      Effect.gen(function* () {
        const { to } = options
        const started = yield* Clock.currentTimeMillis
        const batchPolicy = options.batch ?? BatchPolicy.make()
        const ledger = Ledger.make()
        const reasons = new Map<string, number>()
        const waits = new Map<string, number>()
        const sent = { batches: 0, bytes: 0, requests: 0, retries: 0 }
        const waiting = new Map<string, number>()
        let stop: { readonly reason: E | StopReason } | undefined
        const now = Clock.currentTimeMillis

        const policy = yield* SendPolicy.make({
          retry: options.retry ?? RetryPolicy.make(),
          rateLimit: options.rateLimit,
          key: to.rateKey,
          observer: {
            onAttempt: () => {
              sent.requests++
            },
            onWaitStart: (reason, wait) => {
              if (reason === "backoff") sent.retries++
              add(waits, reason, Duration.toMillis(wait))
              add(waiting, reason, 1)
            },
            onWaitEnd: (reason) => add(waiting, reason, -1)
          }
        })

        const report = Effect.map(
          now,
          (ended) =>
            new SyncReport({
              destination: to.name,
              read: ledger.read,
              outcomes: ledger.counts,
              reasons: Object.fromEntries(reasons),
              ...sent,
              waits: Object.fromEntries(waits),
              elapsed: ended - started,
              ...(stop === undefined ? {} : { stopped: tagOf(stop.reason) })
            })
        )

        const letters = options.deadLetters === undefined ? undefined : yield* Effect.result(options.deadLetters.open)
        if (letters !== undefined && Result.isFailure(letters)) {
          stop = { reason: letters.failure }
          return yield* new SyncStopped<E | StopReason>({ reason: letters.failure, report: yield* report })
        }

        // Outcomes are counted only when their dead letters are safe.
        const settle = (outcomes: ReadonlyArray<Outcome>, dead: ReadonlyArray<Omit<DeadLetter, "time">>) =>
          Effect.gen(function* () {
            if (dead.length > 0 && letters !== undefined) {
              const time = new Date(yield* now).toISOString()
              yield* letters.success.write(dead.map((letter) => ({ ...letter, time })))
            }
            for (const outcome of outcomes) {
              if (outcome._tag !== "Rejected" && outcome._tag !== "Unknown") continue
              add(reasons, outcome.reason.tag, 1)
            }
            ledger.addOutcomes(outcomes)
          }).pipe(
            Effect.catch((reason: DeadLettersUnwritable) =>
              Effect.sync(() => {
                stop ??= { reason }
                ledger.addOutcomes(outcomes)
              })
            )
          )

        const deliver = (batch: Batch.Batch<A>) =>
          Effect.gen(function* () {
            if (stop !== undefined) return yield* settle(batch.records.map(unsent), [])
            sent.batches++
            sent.bytes += batch.bytes
            const called = { vendor: to.name, endpoint: to.name }
            const size = batch.records.length
            const result = yield* Effect.result(
              policy.run(called, to.send(Batch.body(batch.records, to.envelope), size))
            )
            if (Result.isSuccess(result)) {
              const { batchId, recordCount } = result.success
              if (recordCount !== size) {
                const reason = {
                  tag: "CountMismatch",
                  message: `The answer counts ${recordCount} records; ${size} were sent.`,
                  issues: []
                }
                return yield* settleAll(batch, "Unknown", reason, undefined)
              }
              return yield* settle(
                batch.records.map(({ record: { offset } }) =>
                  batchId === undefined ? { _tag: "Applied", offset } : { _tag: "Accepted", offset, batchId }
                ),
                []
              )
            }
            const error = result.failure
            const reason = { tag: error._tag, message: error.message, issues: [] }
            if (isDoom(error)) {
              stop ??= { reason: error }
              // Nothing of a batch is applied for credentials that are refused: it can go out in the next run.
              if (error._tag !== "RetriesExhausted") return yield* settle(batch.records.map(unsent), [])
            }
            const outcome = isRefusal(error) ? "Rejected" : "Unknown"
            return yield* settleAll(batch, outcome, reason, "answer" in error ? error.answer : undefined)
          })

        const settleAll = (
          batch: Batch.Batch<A>,
          outcome: "Rejected" | "Unknown",
          reason: Reason,
          answer: Redacted.Redacted<VendorAnswer> | undefined
        ) =>
          settle(
            batch.records.map(({ record }) => ({ _tag: outcome, offset: record.offset, reason })),
            batch.records.map(({ json, key, record }) => ({
              offset: record.offset,
              ...(record.line === undefined ? {} : { line: record.line }),
              key,
              outcome,
              reason,
              ...(answer === undefined ? {} : { answer: Redacted.value(answer).body }),
              batch: batch.number,
              record: { format: "json", value: JSON.parse(json) }
            }))
          )

        const { onProgress } = options
        const progress =
          onProgress === undefined
            ? Effect.void
            : Effect.flatMap(now, (at) =>
                onProgress({
                  read: ledger.read,
                  outcomes: ledger.counts,
                  requests: sent.requests,
                  retries: sent.retries,
                  elapsed: at - started,
                  waiting: [...waiting].find(([, waiters]) => waiters > 0)?.[0]
                })
              )
        if (onProgress !== undefined) yield* Effect.forkScoped(Effect.forever(Effect.delay(progress, progressInterval)))

        yield* source.pipe(
          // A failure of the source must not interrupt the batches in flight, so it becomes a value here.
          Stream.catch((reason) => {
            stop ??= { reason }
            return Stream.empty
          }),
          // Before they are counted: what is counted must have an outcome.
          Stream.takeWhile(() => stop === undefined),
          Stream.mapArray((records) => {
            ledger.addRead(records.length)
            return Arr.map(records, prepare(to, batchPolicy.maxBytes))
          }),
          Stream.mapArrayEffect((prepared) => {
            const rejected = prepared.filter(isNotSendable)
            return Effect.as(
              settle(
                rejected.map(({ outcome }) => outcome),
                rejected.map(({ letter }) => letter)
              ),
              prepared
            )
          }),
          Stream.filter(isSendable),
          Batch.collect(batchPolicy, to),
          Stream.mapEffect(deliver, { concurrency: options.concurrency ?? 4, unordered: true }),
          Stream.runDrain
        )

        yield* progress
        const mismatch = ledger.mismatch()
        if (mismatch !== undefined) return yield* Effect.die(mismatch)
        const final = yield* report
        return stop === undefined
          ? final
          : yield* new SyncStopped<E | StopReason>({ reason: stop.reason, report: final })
      })
    )

const add = (counts: Map<string, number>, name: string, more: number) =>
  counts.set(name, (counts.get(name) ?? 0) + more)

const tagOf = (reason: unknown): string =>
  Predicate.hasProperty(reason, "_tag") && Predicate.isString(reason._tag) ? reason._tag : "Unknown"

const unsent = ({ record }: { readonly record: { readonly offset: number } }): Outcome => ({
  _tag: "Unsent",
  offset: record.offset
})

const isNotSendable = <A>(prepared: Batch.EncodedRecord<A> | NotSendable): prepared is NotSendable =>
  "outcome" in prepared

const isSendable = <A>(prepared: Batch.EncodedRecord<A> | NotSendable): prepared is Batch.EncodedRecord<A> =>
  !isNotSendable(prepared)

type SendError = Exclude<ApiError, RetryPolicy.Retryable> | RetryPolicy.RetriesExhausted

// These say nothing of the batch that met them, and the next batch would meet them too.
const isDoom = (error: SendError): error is Extract<StopReason, SendError> =>
  error._tag === "Unauthorized" ||
  error._tag === "Forbidden" ||
  error._tag === "NotFound" ||
  error._tag === "RetriesExhausted"

// After these, nothing of the batch was applied.
const isRefusal = (error: SendError): boolean => error._tag !== "RetriesExhausted" && error._tag !== "UnexpectedAnswer"

const prepare =
  <A>(to: Pick<Destination<A>, "encode" | "envelope" | "key">, maxBytes: number) =>
  (record: CustomerRecord<A>): Batch.EncodedRecord<A> | NotSendable => {
    if (record._tag === "Invalid") {
      return notSendable(record, undefined, record.reason._tag, record.reason.issues, record.input)
    }
    const key = to.key(record.patch)
    const encoded = to.encode(record.patch)
    if (Result.isFailure(encoded)) {
      return notSendable(record, key, "InvalidRequest", encoded.failure, { format: "json", value: record.patch })
    }
    const json = encoded.success
    const bytes = Batch.utf8Bytes(json)
    const bodyBytes = bytes + Batch.envelopeBytes(to)
    return bodyBytes > maxBytes
      ? notSendable(
          record,
          key,
          "TooLarge",
          [{ path: [], message: `The record alone needs a body of ${bodyBytes} bytes; ${maxBytes} are allowed` }],
          { format: "json", value: JSON.parse(json) }
        )
      : { record, key, json, bytes }
  }

const notSendable = (
  { line, offset }: { readonly line: number | undefined; readonly offset: number },
  key: string | undefined,
  tag: string,
  issues: ReadonlyArray<InputIssue.InputIssue>,
  record: RecordInput
): NotSendable => {
  const reason = { tag, message: InputIssue.format(issues), issues }
  return {
    outcome: { _tag: "Rejected", offset, reason },
    letter: {
      offset,
      ...(line === undefined ? {} : { line }),
      ...(key === undefined ? {} : { key }),
      outcome: "Rejected",
      reason,
      record
    }
  }
}
