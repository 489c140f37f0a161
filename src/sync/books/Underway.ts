/** The batches that the vendor may have and that have no outcome yet, as a checkpoint must know them. */
import { Line } from "../../base/Line.ts"
import * as Batch from "../batch/Batch.ts"
import type { SettlingBatch } from "../checkpoint/CheckpointState.ts"
import type * as Checkpoint from "../checkpoint/PlacedCheckpoint.ts"
import * as OffsetSet from "./OffsetSet.ts"

export interface Underway {
  /** Whether an earlier run sent a record, and did not hear what became of it. */
  readonly wasSent: (offset: number) => boolean
  readonly accepted: (batch: SettlingBatch) => void
  /** Whether the request had to be noted: it was not yet. */
  readonly sending: (batch: number, runs: ReadonlyArray<OffsetSet.Run>) => boolean
  /** A batch has ended, without the offsets that go on. */
  readonly release: (
    batch: Pick<Batch.Batch<unknown>, "merged" | "number" | "records">,
    again: ReadonlySet<number>
  ) => void
  /** The offset behind the last record that is under way. */
  readonly end: () => number
  readonly state: () => Pick<Checkpoint.State, "sending" | "settling">
}

/** Goes on from what earlier runs left. */
export const make = (before: Checkpoint.State | undefined): Underway => {
  const settling = new Line<SettlingBatch>()
  for (const batch of before?.settling ?? []) settling.add(batch)
  const sending = new Map<number, ReadonlyArray<OffsetSet.Run>>(before?.sending.map(({ batch, runs }) => [batch, runs]))
  const sent = OffsetSet.make(
    0,
    [...(before?.settling ?? []), ...(before?.sending ?? [])].flatMap(({ runs }) => runs)
  )
  return {
    wasSent: sent.has,
    accepted: (batch) => {
      settling.add(batch)
    },
    sending: (batch, runs) => {
      const noted = sending.get(batch) ?? []
      // A part of a batch that is noted as a whole: what became of the other parts is on no disk yet.
      if (runs.every(([from, to]) => noted.some(([start, end]) => start <= from && to <= end))) return false
      sending.set(batch, runs)
      return true
    },
    release: (batch, again) => {
      const isOver = ([from]: OffsetSet.Run) => !again.has(from) && Batch.holds(batch, from)
      settling.removeWhere(({ runs }) => runs.every(isOver))
      sending.delete(batch.number)
    },
    end: () =>
      [...settling.values().map(({ runs }) => runs), ...sending.values()].reduce(
        (end, runs) => Math.max(end, runs.at(-1)?.[1] ?? 0),
        0
      ),
    state: () => ({ settling: settling.values(), sending: [...sending].map(([batch, runs]) => ({ batch, runs })) })
  }
}
