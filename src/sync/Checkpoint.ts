/**
 * How far a run has come, kept where a crash cannot reach it, so that the next run goes on from there.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type * as Scope from "effect/Scope"
import {
  type CheckpointInUse,
  type CheckpointMismatch,
  type CheckpointUnreadable,
  CheckpointUnwritable
} from "./CheckpointError.ts"
import * as CheckpointFile from "./CheckpointFile.ts"
import * as CheckpointKeyValue from "./CheckpointKeyValue.ts"
import type { Fingerprint, State } from "./CheckpointState.ts"
import * as CheckpointStore from "./CheckpointStore.ts"
import { platformReason } from "./PlatformReason.ts"

export * from "./CheckpointError.ts"
export * from "./CheckpointState.ts"

/**
 * A place for the state of one run. `R` is what it needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checkpoint<R = never> {
  /**
   * Takes the checkpoint for as long as the scope is open, and reads what the last run left.
   */
  readonly open: (fingerprint: Fingerprint) => Effect.Effect<OpenCheckpoint, OpenError, R | Scope.Scope>
}

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
   * Replaces the state: when it has ended, a crash cannot bring back the one before. When it fails, or the
   * process dies in it, the state is the old one or the new one. It is not interrupted in the middle.
   */
  readonly write: (state: Omit<State, "fingerprint">) => Effect.Effect<void, WriteError>
  /**
   * For so long after a write none is begun that nobody waits for, so that what happens meanwhile shares the next one.
   * Default: none. With `file`: 20 milliseconds.
   */
  readonly rest?: Duration.Input | undefined
  /** Forgets the state, so that the next run starts afresh. */
  readonly done: Effect.Effect<void, WriteError>
}

/**
 * A folder for one run's state. It is made where it is missing, and only its owner may read what is in it.
 *
 * A run's first state is written beside the old one, flushed to the disk and put in its place at once; its next ones are
 * added at the end of that file, and the last whole one counts. A second run on this machine is refused, or takes over at
 * once where the first one is gone. Where runs cannot see each other (other machines or containers that share the
 * folder), a run that gave no sign of life for 15 seconds is taken over; this holds as far as the shared file system
 * shows each side the other's files.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (dir: string): Checkpoint<FileSystem.FileSystem> => ({
  open: (fingerprint) =>
    Effect.flatMap(FileSystem.FileSystem, (fs) => CheckpointStore.open(CheckpointFile.make(fs, dir), fingerprint))
})

/**
 * A key in any store of keys and values: a database, Redis, memory.
 *
 * It is as durable and as atomic as the store's `set`. A second run is refused as with `file`, given that the
 * store shows each write to all that read after it. `keys` is listed for each run, so a store that many others
 * use wants a prefix of its own (`KeyValueStore.prefix`). Without a `FileSystem` beside it, it may take up to 15
 * seconds to tell whether another run is gone. A run that was taken over by mistake and comes back to life in
 * the middle of a sign of life may not notice it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const keyValueStore = (key: string): Checkpoint<KeyValueStore.KeyValueStore> => ({
  open: (fingerprint) =>
    Effect.flatMap(KeyValueStore.KeyValueStore, (store) =>
      CheckpointStore.open(CheckpointKeyValue.make(store, key), fingerprint)
    )
})

/**
 * What is in a folder's checkpoint, without taking it: a run may be writing it. None where there is no folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fn("Checkpoint.read")(function* (
  dir: string
): Effect.fn.Return<Option.Option<State>, CheckpointUnreadable, FileSystem.FileSystem> {
  return yield* CheckpointStore.read(CheckpointFile.make(yield* FileSystem.FileSystem, dir))
})

/**
 * Forgets what is in a folder's checkpoint, readable or not; the next run starts afresh. True where there was
 * one. Refused while a run uses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reset = Effect.fn("Checkpoint.reset")(function* (
  dir: string
): Effect.fn.Return<boolean, WriteError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const there = yield* fs
    .exists(dir)
    .pipe(Effect.mapError((error) => new CheckpointUnwritable({ checkpoint: dir, reason: platformReason(error) })))
  return there ? yield* CheckpointStore.reset(CheckpointFile.make(fs, dir)) : false
})
