/**
 * How far a run is, as values; drawing them is the caller's.
 *
 * @since 0.1.0
 */
import type { Counts } from "./Ledger.ts"
import type { Settling } from "./Tally.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** Records read so far, those of earlier runs included. */
  readonly read: number
  /** Records that have an outcome. */
  readonly settled: number
  /** How many of them had their outcome before this run began. */
  readonly settledBefore: number
  /** All records of the source; `undefined` where the caller has not said how many there are. */
  readonly total: number | undefined
  readonly outcomes: Counts
  readonly requests: number
  readonly retries: number
  /** Requests on the wire now. */
  readonly inFlight: number
  /** Records a second that got an outcome, over the last five seconds. */
  readonly rate: number
  /** Milliseconds until the last record, at this rate; `undefined` where that cannot be said. */
  readonly eta: number | undefined
  /** Milliseconds since the run began. */
  readonly elapsed: number
  /** What some request waits for now: `rate`, `paused`, `backoff` …; `undefined` when nothing does. */
  readonly waiting: string | undefined
  /** Batches that were accepted and are waited for until they settle; `undefined` where there are none. */
  readonly settling: Settling | undefined
  /** Milliseconds of this run, so far, in which some request waited, by reason: waits that overlap count once. */
  readonly waits: { readonly [reason: string]: number }
}

const rateWindow = 5000

/**
 * Makes progress values that know their rate.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tracker = (
  total: number | (() => number | undefined) | undefined
): ((now: number, state: Omit<Progress, "eta" | "rate" | "settled" | "total">) => Progress) => {
  let samples: Array<{ readonly at: number; readonly settled: number }> = []
  return (now, state) => {
    const settled = Object.values(state.outcomes).reduce((sum, count) => sum + count, 0)
    samples.push({ at: now, settled })
    // One sample from before the window is kept, to measure from.
    const first = samples.findIndex(({ at }) => at > now - rateWindow)
    samples = samples.slice(Math.max(0, first - 1))
    const from = samples[0] ?? { at: now, settled }
    const rate = now > from.at ? ((settled - from.settled) * 1000) / (now - from.at) : 0
    const all = typeof total === "function" ? total() : total
    const left = all === undefined ? undefined : Math.max(0, all - settled)
    const eta = left === undefined || (rate === 0 && left > 0) ? undefined : left === 0 ? 0 : (left * 1000) / rate
    return { ...state, settled, total: all, rate, eta }
  }
}
