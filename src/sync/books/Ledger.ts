/**
 * The running sum of outcomes, which must equal the records read.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Outcome } from "../model/Outcome.ts"

/**
 * The number of records of each outcome.
 *
 * @category models
 * @since 0.1.0
 */
export type Counts = { readonly [Tag in Outcome["_tag"]]: number }

/**
 * No record of any outcome.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noCounts: Counts = { Applied: 0, Accepted: 0, Rejected: 0, Unknown: 0, Merged: 0, Skipped: 0, Unsent: 0 }

const sum = (counts: Counts): number => Object.values(counts).reduce((a, b) => a + b, 0)

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
    const each = Object.entries(this.counts).map(([tag, count]) => `${tag} ${count}`)
    return `The ledger does not balance: ${this.read} records read, ${sum(this.counts)} outcomes (${each.join(", ")}). Please report this.`
  }
}

/**
 * What is wrong with a sum, if anything.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mismatchOf = (read: number, counts: Counts): LedgerMismatch | undefined =>
  sum(counts) === read ? undefined : new LedgerMismatch({ read, counts })

/**
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** The records read so far. */
  readonly read: () => number
  readonly counts: () => Counts
  readonly addRead: (records: number) => void
  /** Throws a `LedgerMismatch` as soon as there are more outcomes than records. */
  readonly addOutcome: (tag: Outcome["_tag"], records: number) => void
  /** What is wrong with the sum at the end of a run, if anything. */
  readonly mismatch: () => LedgerMismatch | undefined
}

/**
 * A ledger at what earlier runs have settled; by default at zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (before: Counts = noCounts): Ledger => {
  const counts = { ...before }
  let settled = sum(before)
  let read = settled
  const error = () => new LedgerMismatch({ read, counts: { ...counts } })
  return {
    read: () => read,
    counts: () => ({ ...counts }),
    addRead: (records) => {
      read += records
    },
    addOutcome: (tag, records) => {
      counts[tag] += records
      settled += records
      if (settled > read) throw error()
    },
    mismatch: () => mismatchOf(read, { ...counts })
  }
}
