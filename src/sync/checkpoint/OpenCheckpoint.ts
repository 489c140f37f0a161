/**
 * A checkpoint while a run has it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Difference } from "../model/Fingerprint.ts"
import type {
  CheckpointInUse,
  CheckpointMismatch,
  CheckpointTakenOver,
  CheckpointUnreadable,
  CheckpointUnwritable
} from "./CheckpointError.ts"
import type { State } from "./CheckpointState.ts"

/**
 * @category errors
 * @since 0.1.0
 */
export type OpenError = CheckpointMismatch | CheckpointUnreadable | CheckpointInUse | WriteError

/**
 * @category errors
 * @since 0.1.0
 */
export type WriteError = CheckpointTakenOver | CheckpointUnwritable

/**
 * What is done where a checkpoint was made for something else than what it is opened for. By default it is refused, with
 * `CheckpointMismatch`.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface OpenOptions<E = never, R = never> {
  /** What of the differences stands in the way; where nothing does, the run goes on, also if the checkpoint is finished. */
  readonly against?:
    | ((differences: ReadonlyArray<Difference>, state: State) => Effect.Effect<ReadonlyArray<Difference>, E, R>)
    | undefined
  /** It starts anew where something does. Default: false. */
  readonly fresh?: boolean | undefined
}

/**
 * A checkpoint that this run has for itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenCheckpoint {
  /** What the last run left; none at the first run. */
  readonly state: Option.Option<State>
  /**
   * Replaces the state: when it has ended, a crash cannot bring back the one before, and a run that takes over finds it.
   * When it fails, or the process dies in it, the state is the old one or the new one. It is not interrupted in the
   * middle. Where another run has taken over it fails, and never takes the place of what that one has written.
   */
  readonly write: (state: Omit<State, "fingerprint">) => Effect.Effect<void, WriteError>
  /**
   * For so long after a write none is begun that nobody waits for, so that what happens meanwhile shares the next one.
   * Default: none. With `file`: 20 milliseconds.
   */
  readonly rest?: Duration.Input | undefined
  /** No request begins unless this run is sure that it still has the checkpoint. Default: it always has. */
  readonly lease?: Lease | undefined
  /** Where dead letters can be written together with the state that passes them. Default: they cannot. */
  readonly joint?: Joint | undefined
}

/**
 * What a run knows of whether it still has its checkpoint. Signs of life prolong it while the process runs; a process that
 * was stopped finds it expired when it wakes, since the time by which it is measured went on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /** Whether nobody can have taken over so far, as far as this process knows without asking. */
  readonly isSure: () => boolean
  /** Asks, and prolongs it. Fails with `CheckpointTakenOver` where another run has the checkpoint. */
  readonly renew: Effect.Effect<void, WriteError>
}

/**
 * Writes in the transaction of the next state.
 *
 * @category models
 * @since 0.1.0
 */
export interface Joint {
  /** Whose transaction it is: `transactionService` of an `SqlClient`. */
  readonly client: unknown
  /** Run in the transaction of each state that is written while something waits for it. */
  readonly each: (isWaiting: () => boolean, effect: Effect.Effect<void, CheckpointUnwritable>) => void
  /** Runs an effect in a transaction of its own, which comes to nothing where another run has taken over. */
  readonly transaction: (effect: Effect.Effect<void, CheckpointUnwritable>) => Effect.Effect<void, WriteError>
}
