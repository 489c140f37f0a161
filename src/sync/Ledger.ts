/**
 * The running sum of outcomes, which must equal the records read.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import type { Outcome } from "./Outcome.ts"

/**
 * The number of records of each outcome.
 *
 * @category models
 * @since 0.1.0
 */
export type Counts = { readonly [Tag in Outcome["_tag"]]: number }

/**
 * Records are missing, or have more than one outcome: a defect of this library, never of its input.
 *
 * @category errors
 * @since 0.1.0
 */
export class LedgerMismatch extends Data.TaggedError("LedgerMismatch")<{
  readonly read: number
  readonly counts: Counts
}> {
  override get message(): string {
    const sum = Object.values(this.counts).reduce((a, b) => a + b, 0)
    const each = Object.entries(this.counts).map(([tag, count]) => `${tag} ${count}`)
    return `The ledger does not balance: ${this.read} records read, ${sum} outcomes (${each.join(", ")}). Please report this.`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** The records read so far. */
  readonly read: number
  readonly counts: Counts
  /** The records that have no outcome yet. */
  readonly open: number
  readonly addRead: (records: number) => void
  readonly addOutcomes: (outcomes: ReadonlyArray<Outcome>) => void
  /** What is wrong with the sum at the end of a run, if anything. */
  readonly mismatch: () => LedgerMismatch | undefined
}

/**
 * A ledger at zero. `addOutcomes` throws a `LedgerMismatch` as soon as there are more outcomes than records.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Ledger => {
  const counts = { Applied: 0, Accepted: 0, Rejected: 0, Unknown: 0, Merged: 0, Unsent: 0 }
  let read = 0
  let settled = 0
  const error = () => new LedgerMismatch({ read, counts: { ...counts } })
  return {
    get read() {
      return read
    },
    get counts() {
      return { ...counts }
    },
    get open() {
      return read - settled
    },
    addRead: (records) => {
      read += records
    },
    addOutcomes: (outcomes) => {
      for (const outcome of outcomes) counts[outcome._tag]++
      settled += outcomes.length
      if (settled > read) throw error()
    },
    mismatch: () => (settled === read ? undefined : error())
  }
}
