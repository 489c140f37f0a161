/** Which records have their outcome for good, over all runs, and where the next run goes on. */
import * as Checkpoint from "../checkpoint/PlacedCheckpoint.ts"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import type { Group } from "./Group.ts"
import * as Ledger from "./Ledger.ts"
import * as OffsetSet from "./OffsetSet.ts"
import * as Reasons from "./Reasons.ts"

/** The part of a checkpoint's state that it knows. */
export type State = Pick<Checkpoint.State, "counts" | "done" | "position"> & { readonly totals: Reasons.Totals }

// A source whose records each have a place of their own has as many as there are records between the first one without an
// outcome and the last one read, which nothing limits while one batch waits for its vendor.
const mostPlaces = 65_536

export interface Done {
  /** The offset at which this run began to read. */
  readonly start: number
  readonly has: (offset: number) => boolean
  /** Every record before this offset is done. */
  readonly watermark: () => number
  /** Records have their outcome for good. */
  readonly add: (group: Group) => void
  /** The source has no records from one offset up to, and without, another, which is of a record. */
  readonly addGap: (from: number, to: number) => void
  /** Records were read: reading may go on where they stand. */
  readonly addPlaces: (records: ReadonlyArray<{ readonly position: SourcePosition | undefined }>) => void
  readonly state: () => State
  /** The offset behind the last record that is done. */
  readonly end: () => number
  /** The first place that is known at an offset or behind it. */
  readonly placeBehind: (offset: number) => SourcePosition | undefined
}

/** Goes on from what earlier runs left. */
export const make = (before: Checkpoint.State | undefined): Done => {
  const position = before?.position ?? 0
  const start = before === undefined ? 0 : Checkpoint.offsetOf(before)
  const done = OffsetSet.make(start, before?.done)
  // What is missing before a record is done with it, so that no run is needed for each gap. By the record's offset:
  // where the gap begins.
  const gaps = new Map<number, number>()
  const outcomes: { -readonly [Tag in keyof Ledger.Counts]: number } = {
    ...(before?.counts.outcomes ?? Ledger.noCounts)
  }
  const reasons = Reasons.make(before?.totals)
  // Where blocks of records start, from the one that holds the first record without an outcome.
  let blocks: Array<SourcePosition> = typeof position === "number" ? [] : [position]

  // The last block that starts at or before the first record without an outcome is where reading goes on.
  const forgetBlocks = (): void => {
    let passed = 0
    while ((blocks[passed + 1]?.offset ?? Number.POSITIVE_INFINITY) <= done.watermark) passed++
    blocks.splice(0, passed)
  }

  return {
    start,
    has: done.has,
    watermark: () => done.watermark,
    add: ({ reason, records, tag }) => {
      outcomes[tag] += records.length
      if (reason !== undefined) for (const { offset } of records) reasons.add(reason.tag, offset)
      for (const [from, to] of OffsetSet.runsOfRecords(records)) done.add(from, to)
      if (gaps.size === 0) return
      for (const { offset } of records) {
        const gap = gaps.get(offset)
        if (gap === undefined) continue
        done.add(gap, offset)
        gaps.delete(offset)
      }
    },
    addGap: (from, to) => {
      if (done.has(to)) done.add(from, to)
      else gaps.set(to, from)
    },
    addPlaces: (records) => {
      let known: SourcePosition | undefined
      for (const { position } of records) {
        // Records that were read together share one.
        if (position === known) continue
        known = position
        if (position !== undefined && position.offset > (blocks.at(-1)?.offset ?? -1)) blocks.push(position)
      }
      forgetBlocks()
      // Going on from an earlier one costs reading a few records again.
      if (blocks.length > mostPlaces) blocks = blocks.filter((_, index) => index % 2 === 0)
    },
    end: () => done.runs().at(-1)?.[1] ?? done.watermark,
    placeBehind: (offset) => blocks.find((block) => block.offset >= offset),
    state: () => {
      const { watermark } = done
      forgetBlocks()
      const block = blocks[0]
      const position = block === undefined || block.offset > watermark ? watermark : block
      const from = typeof position === "number" ? position : position.offset
      const beyond = done.runs()
      return {
        position,
        done: from < watermark ? [[from, watermark], ...beyond] : beyond,
        counts: { read: Object.values(outcomes).reduce((sum, count) => sum + count, 0), outcomes: { ...outcomes } },
        totals: reasons.totals()
      }
    }
  }
}
