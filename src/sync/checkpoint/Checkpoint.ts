import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type * as Scope from "effect/Scope"
import * as PlatformReason from "../../base/PlatformReason.ts"
import type { Fingerprint } from "../model/Fingerprint.ts"
import { type CheckpointInUse, type CheckpointUnreadable, CheckpointUnwritable } from "./CheckpointError.ts"
import * as CheckpointFile from "./CheckpointFile.ts"
import * as CheckpointKeyValue from "./CheckpointKeyValue.ts"
import type { State } from "./CheckpointState.ts"
import * as CheckpointStore from "./CheckpointStore.ts"
import type { OpenCheckpoint, OpenError, OpenOptions, WriteError } from "./OpenCheckpoint.ts"

export * from "../model/Fingerprint.ts"
export * from "./CheckpointError.ts"
export * from "./CheckpointState.ts"
export type * from "./OpenCheckpoint.ts"

/**
 * Whether a run that was taken over while it was stopped, and wakes, is sure to find it out before it sends anything new
 * (`safe`), or only as far as the store of the checkpoint does what it cannot be asked for (`unsafe`). Only `safe` will
 * do for destinations whose `resend` is `unsafe`.
 *
 * @category models
 * @since 0.1.0
 */
export type Takeover = "safe" | "unsafe"

/**
 * A place for the state of one run. `R` is what it needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checkpoint<R = never, T extends Takeover = Takeover> {
  readonly takeover: T
  /**
   * Takes the checkpoint for as long as the scope is open, and reads what the last run left.
   */
  readonly open: <E = never, R2 = never>(
    fingerprint: Fingerprint,
    options?: OpenOptions<E, R2> | undefined
  ) => Effect.Effect<OpenCheckpoint, OpenError | E, R | R2 | Scope.Scope>
}

/**
 * A checkpoint that can be looked at and reset from outside of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredCheckpoint<R, T extends Takeover> extends Checkpoint<R, T> {
  /** What is in it, without taking it: a run may be writing it. None where no run wrote yet, or it was reset. */
  readonly read: Effect.Effect<Option.Option<State>, CheckpointUnreadable, R>
  /**
   * Forgets what is in it, readable or not; the next run starts afresh. True where there was something. Refused while a
   * run uses it.
   */
  readonly reset: Effect.Effect<boolean, CheckpointInUse | WriteError, R>
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
 * A run that was only stopped (a machine that slept) and wakes after it was taken over cannot put its state over the new
 * one, at whichever step it was stopped. It ends with `CheckpointInUse` at its next write. What it was about to send when
 * it was stopped, it may still send.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (dir: string): StoredCheckpoint<FileSystem.FileSystem, "safe"> => {
  const store = Effect.map(FileSystem.FileSystem, (fs) => CheckpointFile.make(fs, dir))
  const exists = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(dir)).pipe(
    Effect.mapError((error) => new CheckpointUnwritable({ checkpoint: dir, reason: PlatformReason.of(error) }))
  )
  return {
    takeover: "safe",
    ...operations(store),
    // Without making a folder for it.
    reset: Effect.flatMap(exists, (there) => (there ? operations(store).reset : Effect.succeed(false)))
  }
}

/**
 * A key in any store of keys and values: a database, Redis, memory.
 *
 * A second run is refused as with `file`, and a run that was taken over is told of it and cannot put its state over the
 * new one, given that the store is as safe and as quick to show as it must be: when a `set` has ended it lasts, and
 * every later `get`, `has` and `keys` of all processes shows it (no replica that is behind, no cache, no part of the keys).
 * No store can be asked whether it does, and a `KeyValueStore` cannot write on a condition. So it is not allowed for
 * destinations whose `resend` is `unsafe`, where one state that is lost is a customer who is created twice; elsewhere it
 * means that records are sent again.
 *
 * The names begin with the key, a point and `lock`, `beat`, `epoch` or `state`. Each run leaves up to two behind, which the next one
 * sweeps. All names of the store are listed a few times when a run begins, and not while it writes; a store that many others
 * use wants a prefix of its own (`KeyValueStore.prefix`), and where that lists slowly too, a store of its own. Without a
 * `FileSystem` beside it, it may take up to 15 seconds to tell whether another run is gone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const keyValueStore = (key: string): StoredCheckpoint<KeyValueStore.KeyValueStore, "unsafe"> => ({
  takeover: "unsafe",
  ...operations(Effect.map(KeyValueStore.KeyValueStore, (store) => CheckpointKeyValue.make(store, key)))
})

/**
 * The same checkpoint, which starts anew where it was made for something else: for a job that finds a new file under the old
 * name each night. With the same file it goes on, or is finished, as without it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fresh = <R, T extends Takeover>({ open, takeover }: Checkpoint<R, T>): Checkpoint<R, T> => ({
  takeover,
  open: (fingerprint, options) => open(fingerprint, { ...options, fresh: true })
})

const operations = <R>(store: Effect.Effect<CheckpointStore.Store, never, R>) => ({
  open: <E = never, R2 = never>(fingerprint: Fingerprint, options?: OpenOptions<E, R2> | undefined) =>
    Effect.flatMap(store, (store) => CheckpointStore.open(store, fingerprint, undefined, options)),
  read: Effect.flatMap(store, CheckpointStore.read),
  reset: Effect.flatMap(store, CheckpointStore.reset)
})
