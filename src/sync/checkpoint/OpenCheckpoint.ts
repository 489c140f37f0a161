/**
 * A checkpoint while a run has it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type {
  CheckpointInUse,
  CheckpointMismatch,
  CheckpointUnreadable,
  CheckpointUnwritable
} from "./CheckpointError.ts"
import type { State } from "./CheckpointState.ts"

/**
 * @category errors
 * @since 0.1.0
 */
export type OpenError = CheckpointMismatch | CheckpointUnreadable | CheckpointInUse | CheckpointUnwritable

/**
 * @category errors
 * @since 0.1.0
 */
export type WriteError = CheckpointInUse | CheckpointUnwritable

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
}
