/**
 * What all checkpoints have in common, wherever their text is kept.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { OpenCheckpoint, OpenError, WriteError } from "./Checkpoint.ts"
import { CheckpointMismatch, CheckpointUnreadable, type CheckpointUnwritable } from "./CheckpointError.ts"
import * as CheckpointLock from "./CheckpointLock.ts"
import { differences, type Fingerprint, type State } from "./CheckpointState.ts"
import * as CheckpointText from "./CheckpointText.ts"

/**
 * Where one checkpoint is kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Store {
  /** As it is called in errors. */
  readonly name: string
  /** Makes it ready for claims. */
  readonly prepare: Effect.Effect<void, CheckpointUnwritable>
  readonly claims: CheckpointLock.Claims
  readonly read: Effect.Effect<Option.Option<string>, CheckpointUnreadable>
  /** Between two writes. */
  readonly rest?: Duration.Input | undefined
  /** For the run that has the checkpoint. */
  readonly writer: (lock: CheckpointLock.Lock) => Effect.Effect<Writer, CheckpointUnwritable, Scope.Scope>
}

/**
 * What a run that was taken over writes fails, or reaches nobody: it never takes the place of another run's state.
 *
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  /** Safe when it has ended; never half. */
  readonly replace: (text: string) => Effect.Effect<void, WriteError>
  /** True where there was something. */
  readonly remove: Effect.Effect<boolean, WriteError>
}

/**
 * Takes the checkpoint for as long as the scope is open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn("Checkpoint.open")(function* (
  store: Store,
  fingerprint: Fingerprint,
  timing?: CheckpointLock.Timing | undefined
): Effect.fn.Return<OpenCheckpoint, OpenError, Scope.Scope> {
  const outer = yield* Effect.scope
  const scope = yield* Scope.fork(outer)
  return yield* openIn(store, fingerprint, timing).pipe(
    Scope.provide(scope),
    // The claim of a run that failed to start is taken back at once, however long the outer scope stays open.
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
})

const openIn = Effect.fnUntraced(function* (
  store: Store,
  fingerprint: Fingerprint,
  timing: CheckpointLock.Timing | undefined
): Effect.fn.Return<OpenCheckpoint, OpenError, Scope.Scope> {
  yield* store.prepare
  const lock = yield* CheckpointLock.acquire(store.name, store.claims, timing)
  const state = yield* read(store)
  if (Option.isSome(state)) {
    const different = differences(state.value.fingerprint, fingerprint)
    if (different.length > 0) return yield* new CheckpointMismatch({ checkpoint: store.name, differences: different })
  }
  const writer = yield* store.writer(lock)
  const turn = yield* Semaphore.make(1)
  // What was begun goes on at the platform whatever happens to the fiber, and must not meet the next write.
  const inTurn = (effect: Effect.Effect<unknown, WriteError>): Effect.Effect<void, WriteError> =>
    Effect.asVoid(Effect.uninterruptible(turn.withPermit(effect)))
  return {
    state,
    rest: store.rest,
    write: (next) => Effect.suspend(() => inTurn(writer.replace(CheckpointText.encode({ ...next, fingerprint })))),
    done: inTurn(writer.remove)
  }
})

/**
 * The state, without taking the checkpoint.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  store: Pick<Store, "name" | "read">
): Effect.fn.Return<Option.Option<State>, CheckpointUnreadable> {
  const text = yield* store.read
  if (Option.isNone(text)) return Option.none()
  const state = CheckpointText.decode(text.value)
  if (Result.isFailure(state)) return yield* new CheckpointUnreadable({ checkpoint: store.name, reason: state.failure })
  return Option.some(state.success)
})

/**
 * Forgets the state, readable or not. True where there was one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reset = (store: Store): Effect.Effect<boolean, WriteError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const lock = yield* CheckpointLock.acquire(store.name, store.claims)
      const { remove } = yield* store.writer(lock)
      return yield* remove
    })
  )
