/** What all checkpoints have in common, wherever their text is kept. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { differences, type Fingerprint } from "../model/Fingerprint.ts"
import {
  type CheckpointInUse,
  CheckpointMismatch,
  CheckpointUnreadable,
  type CheckpointUnwritable
} from "./CheckpointError.ts"
import * as CheckpointLock from "./CheckpointLock.ts"
import type { State } from "./CheckpointState.ts"
import * as CheckpointText from "./CheckpointText.ts"
import type { Joint, Lease, OpenCheckpoint, OpenError, OpenOptions, WriteError } from "./OpenCheckpoint.ts"

/** Where one checkpoint is kept. */
export interface Store {
  /** As it is called in errors. */
  readonly name: string
  /** Makes it ready for claims. */
  readonly prepare: Effect.Effect<void, CheckpointUnwritable>
  readonly claims: CheckpointLock.Claims
  readonly read: Effect.Effect<Option.Option<string>, CheckpointUnreadable>
  /** Between two writes. */
  readonly rest?: Duration.Input | undefined
  /**
   * For the run that has the lock, before it reads: what a run that had it before still writes does not take the place
   * of what is written with this one.
   */
  readonly writer: (lock: CheckpointLock.Lock) => Effect.Effect<Writer, CheckpointUnwritable, Scope.Scope>
}

/**
 * What a run writes that was taken over fails. It may have been written all the same: then it stands until the run that
 * took over writes, never in the place of what that one or a later one has written.
 */
export interface Writer {
  /** Safe when it has ended, and seen by each run that takes over afterwards; never half. */
  readonly replace: (text: string) => Effect.Effect<void, WriteError>
  /** Where letters can be written together with a state. */
  readonly joint?: Joint | undefined
}

/** Takes the checkpoint for as long as the scope is open. */
export const open = Effect.fn("Checkpoint.open")(function* <E = never, R = never>(
  store: Store,
  fingerprint: Fingerprint,
  timing?: CheckpointLock.Timing | undefined,
  options?: OpenOptions<E, R> | undefined
): Effect.fn.Return<OpenCheckpoint, E | OpenError, R | Scope.Scope> {
  const outer = yield* Effect.scope
  const scope = yield* Scope.fork(outer)
  return yield* openIn(store, fingerprint, timing, options).pipe(
    Scope.provide(scope),
    // The claim of a run that failed to start is taken back at once, however long the outer scope stays open.
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
})

const openIn = Effect.fnUntraced(function* <E, R>(
  store: Store,
  fingerprint: Fingerprint,
  timing: CheckpointLock.Timing | undefined,
  options: OpenOptions<E, R> | undefined
): Effect.fn.Return<OpenCheckpoint, E | OpenError, R | Scope.Scope> {
  const { found, lease, writer } = yield* take(store, timing)
  const there = yield* Effect.fromResult(found)
  const state = Option.isSome(there) ? yield* takenUp(store.name, there.value, fingerprint, options) : there
  const turn = yield* Semaphore.make(1)
  return {
    state,
    rest: store.rest,
    lease,
    joint: writer.joint,
    // What was begun goes on at the platform whatever happens to the fiber, and must not meet the next write.
    write: (next) =>
      Effect.suspend(() => {
        const text = CheckpointText.encode({ ...next, fingerprint })
        return Effect.uninterruptible(turn.withPermit(writer.replace(text)))
      })
  }
})

/** A state that was found, if a run for this fingerprint goes on with it. */
const takenUp = Effect.fnUntraced(function* <E, R>(
  checkpoint: string,
  state: State,
  fingerprint: Fingerprint,
  { against, fresh = false }: OpenOptions<E, R> = {}
): Effect.fn.Return<Option.Option<State>, CheckpointMismatch | E, R> {
  const all = differences(state.fingerprint, fingerprint)
  if (all.length === 0) return Option.some(state)
  const different = against === undefined ? all : yield* against(all, state)
  if (different.length === 0) return Option.some({ ...state, finished: false })
  return fresh ? Option.none() : yield* new CheckpointMismatch({ checkpoint, differences: different })
})

// The writer, and what there was before it.
const take = Effect.fnUntraced(function* (
  store: Store,
  timing?: CheckpointLock.Timing | undefined
): Effect.fn.Return<
  {
    readonly writer: Writer
    readonly lease: Lease
    readonly found: Result.Result<Option.Option<State>, CheckpointUnreadable>
  },
  CheckpointInUse | WriteError,
  Scope.Scope
> {
  yield* store.prepare
  const lock = yield* CheckpointLock.acquire(store.name, store.claims, timing)
  const writer = yield* store.writer(lock)
  const found = yield* Effect.result(read(store))
  // Whoever was taken over until here has the writer or the state of a time that is over.
  yield* lock.check
  return { writer, lease: lock.lease, found }
})

/** The state, without taking the checkpoint. */
export const read = Effect.fn("Checkpoint.read")(function* (
  store: Pick<Store, "name" | "read">
): Effect.fn.Return<Option.Option<State>, CheckpointUnreadable> {
  const text = yield* store.read
  if (Option.isNone(text)) return Option.none()
  const state = CheckpointText.decode(text.value)
  if (Result.isFailure(state)) return yield* new CheckpointUnreadable({ checkpoint: store.name, reason: state.failure })
  return Option.fromNullOr(state.success)
})

/**
 * Forgets the state, readable or not. True where there was one. That there is none is written like a state, so that
 * nothing older comes to light.
 */
export const reset = Effect.fn("Checkpoint.reset")(function* (
  store: Store
): Effect.fn.Return<boolean, CheckpointInUse | WriteError> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { found, writer } = yield* take(store)
      if (Result.isSuccess(found) && Option.isNone(found.success)) return false
      yield* writer.replace(CheckpointText.encode(null))
      return true
    })
  )
})
