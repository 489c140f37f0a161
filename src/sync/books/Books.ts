/**
 * The books of one run: what was read, what became of it, what is safely on disk, and why it stops.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Abandonable from "../../base/Abandonable.ts"
import { Line } from "../../base/Line.ts"
import * as Batch from "../batch/Batch.ts"
import type * as Checkpoint from "../checkpoint/Checkpoint.ts"
import * as CheckpointWriter from "../checkpoint/CheckpointWriter.ts"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import * as Fate from "../model/Fate.ts"
import type { Outcome, Reason } from "../model/Outcome.ts"
import type { Encoded, Unsendable } from "../record/Encode.ts"
import type { MissingName } from "../record/Source.ts"
import type { DeadLettersUnwritable, OpenDeadLetters } from "./DeadLetters.ts"
import * as Ledger from "./Ledger.ts"
import * as Letter from "./Letter.ts"
import * as OffsetSet from "./OffsetSet.ts"
import * as Reasons from "./Reasons.ts"
import { SyncReport } from "./SyncReport.ts"
import * as Tally from "./Tally.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly destination: string
  readonly letters: OpenDeadLetters | undefined
  readonly checkpoint: Checkpoint.OpenCheckpoint | undefined
  /** How often the checkpoint is written while nothing presses. */
  readonly checkpointEvery: Duration.Duration
  /** How long a run that stops waits for what is in flight. */
  readonly grace: Duration.Duration
  /** Whether somebody takes the outcome of each record; if not, none are made. */
  readonly wantsOutcomes: boolean
}

/**
 * Why a run stops before the end of its source.
 *
 * @category models
 * @since 0.1.0
 */
export type Stop<E> = { readonly _tag: "Failed"; readonly error: E } | { readonly _tag: "Interrupted" }

/**
 * @category models
 * @since 0.1.0
 */
export interface Books<E> {
  readonly tally: Tally.Tally
  readonly ledger: Ledger.Ledger
  /** Whether there is a checkpoint. */
  readonly keeps: boolean
  /** What earlier runs left. */
  readonly before: Checkpoint.State | undefined
  /** Whether a record has its outcome for good. */
  readonly isDone: (offset: number) => boolean
  /** Whether an earlier run sent a record, and did not hear what became of it. */
  readonly isUnderway: (offset: number) => boolean
  /** Notes that the source has no records from one offset up to, and without, another, which is of a record. */
  readonly addGap: (from: number, to: number) => void
  /** Counts records as read. Each must end through one of the next two. */
  readonly addRead: (records: ReadonlyArray<Encoded<unknown>>) => void
  readonly rejected: (records: ReadonlyArray<Unsendable>) => Effect.Effect<ReadonlyArray<Outcome>>
  /**
   * `apart` are the offsets of merged records that have no fate: they, and those in them, are to be sent one by one, and
   * are under way no more.
   */
  readonly ended: (
    batch: Pick<Batch.Batch<unknown>, "merged" | "number" | "records">,
    ended: ReadonlyArray<Fate.Ended>,
    apart?: ReadonlySet<number> | undefined
  ) => Effect.Effect<ReadonlyArray<Outcome>>
  /** Notes a batch that was accepted, and waits until that is on disk. */
  readonly accepted: (batch: number, runs: ReadonlyArray<OffsetSet.Run>, batchId: string) => Effect.Effect<void>
  /** Notes a request that must not go out twice, and waits until that is on disk. */
  readonly sending: (batch: number, runs: ReadonlyArray<OffsetSet.Run>) => Effect.Effect<void>
  /** Stops the run: nothing new is read or sent, and what is in flight has the grace period to end. */
  readonly stop: (why: Stop<E>) => void
  /** Why the run stops, if it does. */
  readonly stopped: () => Stop<E> | undefined
  /** Completes when the run stops. */
  readonly stopping: Deferred.Deferred<void>
  /** What is in flight; it is given up when the grace period is over. */
  readonly inFlight: Abandonable.Abandonable
  /** Writes the checkpoint a last time. */
  readonly close: (finished: boolean) => Effect.Effect<void>
  /** Given the names that no record of the source had. */
  readonly report: (missing: ReadonlyArray<MissingName>) => Effect.Effect<SyncReport>
}

/** Records that ended in the same way. */
interface Group {
  readonly tag: Outcome["_tag"]
  readonly reason: Reason | undefined
  readonly records: ReadonlyArray<{ readonly offset: number }>
  /** The next run does not take them up again. */
  readonly forGood: boolean
}

/**
 * Opens the books. `failed` turns what cannot be written into what stops the run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E>(
  options: Options,
  failed: (error: DeadLettersUnwritable | Checkpoint.WriteError) => E
): Effect.fn.Return<Books<E>, never, Scope.Scope> {
  const { checkpoint, letters, wantsOutcomes } = options
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  const before = checkpoint === undefined ? undefined : Option.getOrUndefined(checkpoint.state)
  const tally = Tally.make(before?.totals)
  const ledger = Ledger.make(before?.counts.outcomes)
  const firstPosition =
    before === undefined ? 0 : typeof before.position === "number" ? before.position : before.position.offset
  const done = OffsetSet.make(firstPosition, before?.done)
  // What is missing before a record is done with it, so that no run is needed for each gap. By the record's offset:
  // where the gap begins.
  const gaps = new Map<number, number>()
  const doneCounts: { -readonly [Tag in keyof Ledger.Counts]: number } = {
    ...(before?.counts.outcomes ?? Ledger.noCounts)
  }
  const doneReasons = Reasons.make(before?.totals)
  const settling = new Line<Checkpoint.SettlingBatch>()
  for (const batch of before?.settling ?? []) settling.add(batch)
  const sending = new Map<number, ReadonlyArray<OffsetSet.Run>>(before?.sending.map(({ batch, runs }) => [batch, runs]))
  const underway = OffsetSet.make(
    0,
    [...(before?.settling ?? []), ...(before?.sending ?? [])].flatMap(({ runs }) => runs)
  )
  // Where blocks of records start, from the one that holds the first record without an outcome.
  const blocks: Array<SourcePosition> =
    before === undefined || typeof before.position === "number" ? [] : [before.position]
  let firstOffset: number | undefined
  let lastOffset: number | undefined

  const stopping = yield* Deferred.make<void>()
  const inFlight = Abandonable.make()
  let stopped: Stop<E> | undefined
  const stop = (why: Stop<E>): void => {
    if (stopped !== undefined) return
    stopped = why
    Deferred.doneUnsafe(stopping, Effect.void)
  }
  const fail = (error: DeadLettersUnwritable | Checkpoint.WriteError): void =>
    stop({ _tag: "Failed", error: failed(error) })
  yield* Deferred.await(stopping).pipe(
    Effect.andThen(Effect.sleep(options.grace)),
    Effect.andThen(Effect.sync(inFlight.close)),
    Effect.forkIn(scope)
  )

  // The last block that starts at or before the first record without an outcome is where reading goes on.
  const forgetBlocks = (): void => {
    let passed = 0
    while ((blocks[passed + 1]?.offset ?? Number.POSITIVE_INFINITY) <= done.watermark) passed++
    blocks.splice(0, passed)
  }

  const state = (): Omit<Checkpoint.State, "fingerprint"> => {
    const { watermark } = done
    forgetBlocks()
    const block = blocks[0]
    const position = block === undefined || block.offset > watermark ? watermark : block
    const from = typeof position === "number" ? position : position.offset
    const beyond = done.runs()
    return {
      position,
      done: from < watermark ? [[from, watermark], ...beyond] : beyond,
      settling: settling.values(),
      sending: [...sending].map(([batch, runs]) => ({ batch, runs })),
      counts: { read: Object.values(doneCounts).reduce((sum, count) => sum + count, 0), outcomes: { ...doneCounts } },
      totals: { ...tally.totals(), ...doneReasons.totals() },
      startedAt: before?.startedAt ?? startedAt,
      finished
    }
  }

  let finished = false
  const writer =
    checkpoint === undefined
      ? undefined
      : yield* CheckpointWriter.make(
          // Where it fails, the run stops before any of those who wait for it goes on.
          Effect.suspend(() => Effect.catch(checkpoint.write(state()), (error) => Effect.sync(() => fail(error)))),
          checkpoint.rest
        )

  const send = (dead: ReadonlyArray<Letter.Letter>): Effect.Effect<boolean> =>
    dead.length === 0 || letters === undefined
      ? Effect.succeed(true)
      : Clock.currentTimeMillis.pipe(
          Effect.flatMap((now) => {
            const time = new Date(now).toISOString()
            return letters.write(dead.map((letter) => ({ ...letter, time })))
          }),
          Effect.as(true),
          Effect.catch((error) =>
            Effect.sync(() => {
              fail(error)
              return false
            })
          )
        )

  const count = ({ reason, records, tag }: Group): void => {
    ledger.addOutcome(tag, records.length)
    if (reason !== undefined) for (const { offset } of records) tally.addReason(reason.tag, offset)
  }

  // Only what has its outcome for good counts as done; the rest is read again by the next run.
  const settle = ({ reason, records, tag }: Group): void => {
    if (checkpoint === undefined) return
    doneCounts[tag] += records.length
    if (reason !== undefined) for (const { offset } of records) doneReasons.add(reason.tag, offset)
    for (const [from, to] of OffsetSet.runsOfRecords(records)) done.add(from, to)
    if (gaps.size === 0) return
    for (const { offset } of records) {
      const gap = gaps.get(offset)
      if (gap === undefined) continue
      done.add(gap, offset)
      gaps.delete(offset)
    }
  }

  // It comes to `outcomes`, and while it waits for the disk it holds no records.
  const finish = (
    groups: ReadonlyArray<Group>,
    dead: ReadonlyArray<Letter.Letter>,
    outcomes: ReadonlyArray<Outcome>,
    release: () => void
  ): Effect.Effect<ReadonlyArray<Outcome>> =>
    Effect.flatMap(send(dead), (safe) => {
      for (const group of groups) {
        count(group)
        if (safe && group.forGood) settle(group)
      }
      // In the same step, so that no checkpoint says of a record both that it is done and that it is under way.
      if (safe) release()
      if (writer === undefined) return Effect.succeed(outcomes)
      // Nobody may send again what is accepted.
      const isAccepted = groups.some(({ tag }) => tag === "Accepted")
      return Effect.as(isAccepted ? writer.write : writer.writeEvery(options.checkpointEvery), outcomes)
    })

  // From the first dead letter on, the next run must know that this one has begun. And what cannot be written is
  // known before anything is read.
  if (before === undefined && writer !== undefined) yield* writer.write

  return {
    tally,
    ledger,
    keeps: checkpoint !== undefined,
    before,
    isDone: done.has,
    isUnderway: underway.has,
    addGap: (from, to) => {
      if (done.has(to)) done.add(from, to)
      else gaps.set(to, from)
    },
    addRead: (records) => {
      ledger.addRead(records.length)
      firstOffset ??= records[0]?.offset
      lastOffset = records.at(-1)?.offset ?? lastOffset
      if (checkpoint === undefined) return
      let known: SourcePosition | undefined
      for (const { position } of records) {
        // Records that were read together share one.
        if (position === known) continue
        known = position
        if (position !== undefined && position.offset > (blocks.at(-1)?.offset ?? -1)) blocks.push(position)
      }
      forgetBlocks()
    },
    rejected: (records) =>
      finish(
        records.map((record) => ({
          tag: record.outcome._tag,
          reason: record.outcome.reason,
          records: [record],
          forGood: true
        })),
        records.map(Letter.unsendable),
        wantsOutcomes ? records.map(({ outcome }) => outcome) : [],
        () => undefined
      ),
    ended: (batch, ended, apart) => {
      const groups: Array<Group> = []
      const outcomes: Array<Outcome> = []
      const dead: Array<Letter.Letter> = []
      const again = new Set<number>()
      for (const { fate, indices } of ended) {
        const goesOn = fate._tag === "Unsent" || (fate._tag === "Unknown" && fate.again)
        const reason = fate._tag === "Rejected" || fate._tag === "Unknown" ? fate.reason : undefined
        // Where there is no next run that takes it up, a person must.
        const isDead =
          fate._tag === "Rejected" || (fate._tag === "Unknown" && !(fate.again && checkpoint !== undefined))
        // As a rule all of them, and in order.
        const records =
          indices.length === batch.records.length
            ? batch.records
            : indices.flatMap((index) => batch.records[index] ?? [])
        if (wantsOutcomes) for (const { offset } of records) outcomes.push(Fate.outcome(fate, offset))
        if (goesOn) for (const { offset } of records) again.add(offset)
        if (isDead) for (const record of records) dead.push(Letter.sent(record, fate, batch.number))
        groups.push({ tag: fate._tag, reason, records, forGood: !goesOn })
      }
      // A record that was folded into one that must go out again goes out again with it.
      for (const merged of batch.merged) {
        if (apart?.has(merged.into)) continue
        const goesOn = again.has(merged.into)
        if (goesOn) again.add(merged.offset)
        groups.push({ tag: "Merged", reason: undefined, records: [merged], forGood: !goesOn })
        if (wantsOutcomes) outcomes.push(merged)
      }
      const isOver = ([from]: OffsetSet.Run) => !again.has(from) && Batch.holds(batch, from)
      return finish(groups, dead, outcomes, () => {
        settling.removeWhere(({ runs }) => runs.every(isOver))
        sending.delete(batch.number)
      })
    },
    accepted: (batch, runs, batchId) =>
      writer === undefined
        ? Effect.void
        : Effect.suspend(() => {
            const acceptedAt = clock.currentTimeMillisUnsafe()
            settling.add({ batchId, batch, acceptedAt, runs })
            return writer.write
          }),
    sending: (batch, runs) =>
      writer === undefined
        ? Effect.void
        : Effect.suspend(() => {
            const noted = sending.get(batch) ?? []
            // A part of a batch that is noted as a whole: what became of the other parts is on no disk yet.
            if (runs.every(([from, to]) => noted.some(([start, end]) => start <= from && to <= end))) return Effect.void
            sending.set(batch, runs)
            return writer.writeAtOnce
          }),
    stop,
    stopped: () => stopped,
    stopping,
    inFlight,
    close: (isFinished) => {
      finished = isFinished
      // What an earlier run finished stays as it is.
      return writer === undefined || before?.finished === true ? Effect.void : writer.writeAtOnce
    },
    report: (missing) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const { unsettled, ...totals } = tally.totals()
        return new SyncReport({
          destination: options.destination,
          read: ledger.read(),
          outcomes: ledger.counts(),
          ...totals,
          ...(unsettled.batches === 0 ? {} : { unsettled }),
          waits: tally.waits(now),
          durations: tally.durations(),
          ...(firstOffset === undefined ? {} : { firstOffset }),
          ...(lastOffset === undefined ? {} : { lastOffset }),
          ...(checkpoint === undefined ? {} : { checkpoint: done.watermark }),
          ...(before === undefined
            ? {}
            : before.finished
              ? { nothingNew: true as const }
              : { resumedFrom: firstPosition }),
          ...(missing.length === 0 ? {} : { missing }),
          elapsed: now - startedAt,
          ...(stopped === undefined ? {} : { stopped: stopped._tag === "Failed" ? tagOf(stopped.error) : stopped._tag })
        })
      })
  }
})

const tagOf = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag) ? error._tag : "UnknownError"
