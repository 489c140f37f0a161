/** The books of one run: what was read, what became of it, what is safely on disk, and why it stops. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Tag from "../../base/Tag.ts"
import type { RateFinding } from "../../policy/rate/RateFinding.ts"
import type * as Batch from "../batch/Batch.ts"
import type * as Checkpoint from "../checkpoint/Checkpoint.ts"
import * as CheckpointWriter from "../checkpoint/CheckpointWriter.ts"
import type * as PlacedCheckpoint from "../checkpoint/PlacedCheckpoint.ts"
import type { Row } from "../model/CustomerRecord.ts"
import type * as Fate from "../model/Fate.ts"
import type { Outcome } from "../model/Outcome.ts"
import type { Encoded, Withheld } from "../record/Encode.ts"
import type * as Places from "../record/Places.ts"
import type { RowAt, SourcePlaceInvalid } from "../record/Source.ts"
import type { SourceNote } from "../record/SourceNote.ts"
import type { DeadLettersUnwritable, OpenDeadLetters } from "./DeadLetters.ts"
import * as Done from "./Done.ts"
import * as Group from "./Group.ts"
import * as Ledger from "./Ledger.ts"
import type * as Letter from "./Letter.ts"
import type * as OffsetSet from "./OffsetSet.ts"
import * as RunEnds from "./RunEnds.ts"
import * as Stopping from "./Stopping.ts"
import { SyncReport } from "./SyncReport.ts"
import * as Tally from "./Tally.ts"
import * as Underway from "./Underway.ts"

export interface Options {
  readonly destination: string
  readonly letters: OpenDeadLetters | undefined
  /** Reads the rows of these records again, by their offsets, where the source can. */
  readonly rows?: ((records: ReadonlyArray<RowAt>) => Effect.Effect<ReadonlyMap<number, Row>>) | undefined
  readonly checkpoint: PlacedCheckpoint.PlacedCheckpoint | undefined
  /** Of the source. */
  readonly places: Places.Places
  /** How often the checkpoint is written while nothing presses. */
  readonly checkpointEvery: Duration.Duration
  /** When the run began, in milliseconds since 1970. */
  readonly startedAt: number
  /** How long a run that stops waits for what is in flight. */
  readonly grace: Duration.Duration
  /** Whether it waits for no batches to settle. */
  readonly isShort: boolean
  /** Whether somebody takes the outcome of each record; if not, none are made. */
  readonly wantsOutcomes: boolean
}

export interface Books<E> extends Stopping.Stopping<E> {
  readonly tally: Tally.Tally
  readonly ledger: Ledger.Ledger
  /** Whether there is a checkpoint. */
  readonly keeps: boolean
  /** What earlier runs left. */
  readonly before: PlacedCheckpoint.State | undefined
  /** Whether a record has its outcome for good. */
  readonly isDone: (offset: number) => boolean
  /** Whether an earlier run sent a record, and did not hear what became of it. */
  readonly isUnderway: (offset: number) => boolean
  /** Notes that the source has no records from one offset up to, and without, another, which is of a record. */
  readonly addGap: (from: number, to: number) => void
  /** Notes that no more is read, because no more was asked for. */
  readonly setLimited: () => void
  readonly isLimited: () => boolean
  /** Counts records as read. Each must end through one of the next two. */
  readonly addRead: (records: ReadonlyArray<Encoded<unknown>>) => void
  readonly withheld: (records: ReadonlyArray<Withheld>) => Effect.Effect<ReadonlyArray<Outcome>>
  /**
   * `apart` are the offsets of merged records that have no fate: they, and those in them, are to be sent one by one, and
   * are under way no more.
   */
  readonly ended: (
    batch: Pick<Batch.Batch<unknown>, "merged" | "number" | "records">,
    ended: Fate.Fates,
    apart?: ReadonlySet<number> | undefined
  ) => Effect.Effect<ReadonlyArray<Outcome>>
  /** Whether this run is sure to have its checkpoint; always, where it has none. */
  readonly isSure: () => boolean
  /** Makes sure of it, and stops the run where another has taken over, or where that cannot be known. */
  readonly makeSure: Effect.Effect<void>
  /** Notes a batch that was accepted, and waits until that is on disk. */
  readonly accepted: (batch: number, runs: ReadonlyArray<OffsetSet.Run>, batchId: string) => Effect.Effect<void>
  /** Notes a request that must not go out twice, and waits until that is on disk. */
  readonly sending: (batch: number, runs: ReadonlyArray<OffsetSet.Run>) => Effect.Effect<void>
  /** Writes the checkpoint a last time. */
  readonly close: (finished: boolean) => Effect.Effect<void>
  /** Given what the source has to tell, and what the sender found. */
  readonly report: (notes: ReadonlyArray<SourceNote>, found: RateFinding | undefined) => Effect.Effect<SyncReport>
}

/** Opens the books. `failed` turns what cannot be written into what stops the run. */
export const make = Effect.fnUntraced(function* <E>(
  options: Options,
  failed: (error: DeadLettersUnwritable | Checkpoint.WriteError | SourcePlaceInvalid) => E
): Effect.fn.Return<Books<E>, never, Scope.Scope> {
  const { checkpoint, letters, places, startedAt, wantsOutcomes } = options
  const clock = yield* Clock.Clock
  const before = checkpoint?.state
  const tally = Tally.make(before?.totals)
  const ledger = Ledger.make(before?.counts.outcomes)
  const done = Done.make(before)
  const ends = places.moving ? RunEnds.make(before?.ends ?? []) : RunEnds.none
  const underway = Underway.make(before)
  const stopping = yield* Stopping.make<E>(options)
  let firstOffset: number | undefined
  let lastOffset: number | undefined
  let finished = false
  let limited = false

  const fail = (error: DeadLettersUnwritable | Checkpoint.WriteError | SourcePlaceInvalid) =>
    Effect.sync(() => stopping.stop({ _tag: "Failed", error: failed(error) }))

  const state = (): PlacedCheckpoint.State => {
    const { totals, ...known } = done.state()
    const unfinished = underway.state()
    const runs = [...unfinished.settling, ...unfinished.sending].flatMap(({ runs }) => runs)
    return {
      ...known,
      ...unfinished,
      ends: ends.of([...known.done, ...runs], done.has),
      totals: { ...tally.totals(), ...totals },
      startedAt: before?.startedAt ?? startedAt,
      finished
    }
  }

  const writer =
    checkpoint === undefined
      ? undefined
      : yield* CheckpointWriter.make(
          // Where it fails, the run stops before any of those who wait for it goes on.
          Effect.suspend(() => {
            const end = Math.max(done.end(), underway.end())
            return Effect.catch(checkpoint.write(state(), end, done.placeBehind(end)), fail)
          }),
          checkpoint.rest
        )

  /** The rows that are not at hand. */
  const rowsOf = (dead: ReadonlyArray<Letter.Letter>): Effect.Effect<ReadonlyMap<number, Row>> => {
    const wanted = dead.flatMap(({ offset, position }) => (position === undefined ? [] : [{ offset, position }]))
    return wanted.length === 0 || options.rows === undefined ? Effect.succeed(new Map()) : options.rows(wanted)
  }

  /** Whether they are safe. */
  const post = (dead: ReadonlyArray<Letter.Letter>): Effect.Effect<boolean> =>
    dead.length === 0 || letters === undefined
      ? Effect.succeed(true)
      : Effect.all([Clock.currentTimeMillis, rowsOf(dead)]).pipe(
          Effect.flatMap(([now, rows]) => {
            const time = new Date(now).toISOString()
            return letters.write(
              dead.map(({ position: _, ...letter }) => {
                const row = letter.row ?? rows.get(letter.offset)
                return { ...letter, time, ...(row === undefined ? {} : { row }) }
              })
            )
          }),
          Effect.as(true),
          Effect.catch((error) => Effect.as(fail(error), false))
        )

  // It comes to the outcomes, and while it waits for the disk it holds no records.
  const enter = (
    { groups, letters, outcomes }: Group.Entry,
    release: () => void
  ): Effect.Effect<ReadonlyArray<Outcome>> =>
    Effect.flatMap(post(letters), (safe) => {
      for (const group of groups) {
        const { reason, records, tag } = group
        ledger.addOutcome(tag, records.length)
        if (reason !== undefined) for (const { offset } of records) tally.addReason(reason.tag, offset)
        // Only what has its outcome for good counts as done; the rest is read again by the next run.
        if (safe && group.forGood && writer !== undefined) done.add(group)
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
    ...stopping,
    tally,
    ledger,
    keeps: checkpoint !== undefined,
    before,
    isDone: done.has,
    isUnderway: underway.wasSent,
    isSure: checkpoint?.lease?.isSure ?? (() => true),
    makeSure: Effect.catch(checkpoint?.lease?.renew ?? Effect.void, fail),
    addGap: done.addGap,
    setLimited: () => {
      limited = true
    },
    isLimited: () => limited,
    addRead: (records) => {
      ledger.addRead(records.length)
      firstOffset ??= records[0]?.offset
      lastOffset = records.at(-1)?.offset ?? lastOffset
      if (writer === undefined || !places.there) return
      done.addPlaces(records)
      ends.add(records)
    },
    withheld: (records) => enter(Group.ofWithheld(records, { places, wantsOutcomes }), () => undefined),
    ended: (batch, ended, apart) => {
      const entry = Group.ofBatch(batch, ended, { apart, places, resumes: writer !== undefined, wantsOutcomes })
      const { again } = entry
      return enter(entry, () => underway.release(batch, again))
    },
    accepted: (batch, runs, batchId) =>
      writer === undefined
        ? Effect.void
        : Effect.suspend(() => {
            underway.accepted({ batchId, batch, acceptedAt: clock.currentTimeMillisUnsafe(), runs })
            return writer.write
          }),
    sending: (batch, runs) =>
      writer === undefined
        ? Effect.void
        : Effect.suspend(() => (underway.sending(batch, runs) ? writer.writeAtOnce : Effect.void)),
    close: (isFinished) => {
      finished = isFinished
      // What an earlier run finished stays as it is.
      return writer === undefined || before?.finished === true ? Effect.void : writer.writeAtOnce
    },
    report: (notes, found) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const { unsettled, ...totals } = tally.totals()
        const stopped = stopping.stopped()
        return new SyncReport({
          destination: options.destination,
          read: ledger.read(),
          outcomes: ledger.counts(),
          ...totals,
          ...(unsettled.batches === 0 ? {} : { unsettled }),
          waits: tally.waits(now),
          ...(found === undefined ? {} : { found }),
          durations: tally.durations(),
          ...(firstOffset === undefined ? {} : { firstOffset }),
          ...(lastOffset === undefined ? {} : { lastOffset }),
          ...(checkpoint === undefined ? {} : { checkpoint: done.watermark() }),
          ...(before === undefined
            ? {}
            : before.finished
              ? { nothingNew: true as const }
              : { resumedFrom: done.start }),
          ...(notes.length === 0 ? {} : { notes }),
          elapsed: now - startedAt,
          ...(stopped === undefined
            ? limited
              ? { stopped: "Limit" }
              : {}
            : { stopped: stopped._tag === "Failed" ? Tag.of(stopped.error) : stopped._tag })
        })
      })
  }
})
