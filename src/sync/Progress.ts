/**
 * How far a run is, as values; drawing them is the caller's.
 *
 * @since 0.1.0
 */
import type { Counts } from "./Ledger.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** Records read so far. */
  readonly read: number
  readonly outcomes: Counts
  readonly requests: number
  readonly retries: number
  /** Milliseconds since the run began. */
  readonly elapsed: number
  /** What some request waits for now: `rate-limit`, `pause`, `backoff`; `undefined` when nothing does. */
  readonly waiting: string | undefined
}
