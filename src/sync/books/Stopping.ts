/** How a run stops: once, for a reason, and with time for what is in flight. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Abandonable from "../../base/Abandonable.ts"

/** Why a run stops before the end of its source. */
export type Stop<E> = { readonly _tag: "Failed"; readonly error: E } | { readonly _tag: "Interrupted" }

export interface Stopping<E> {
  /** Stops the run: nothing new is read or sent, and what is in flight has the grace period to end. */
  readonly stop: (why: Stop<E>) => void
  /** Ends the run for a reason once all that was read has its outcome, which `conclude` is told. */
  readonly endWith: (why: Stop<E>) => void
  readonly conclude: () => void
  /** Why the run stops, if it does. The first reason counts. */
  readonly stopped: () => Stop<E> | undefined
  /** Completes when the run stops. */
  readonly stopping: Deferred.Deferred<void>
  /** What is in flight; it is given up when the grace period is over. */
  readonly inFlight: Abandonable.Abandonable
  /** Batches that were accepted and are waited for; given up with it, or at once. */
  readonly settling: Abandonable.Abandonable
}

export const make = Effect.fnUntraced(function* <E>({
  grace,
  isShort
}: {
  readonly grace: Duration.Duration
  /** Only what is on the wire has that time. */
  readonly isShort: boolean
}): Effect.fn.Return<Stopping<E>, never, Scope.Scope> {
  const stopping = yield* Deferred.make<void>()
  const inFlight = Abandonable.make()
  const settling = Abandonable.make()
  let stopped: Stop<E> | undefined
  let end: Stop<E> | undefined
  const closeAfter = ({ close }: Abandonable.Abandonable, time: Duration.Duration) =>
    Deferred.await(stopping).pipe(
      Effect.andThen(Effect.sleep(time)),
      Effect.andThen(Effect.sync(close)),
      Effect.forkScoped
    )
  yield* closeAfter(inFlight, grace)
  yield* closeAfter(settling, isShort ? Duration.zero : grace)
  const stop = (why: Stop<E>) => {
    if (stopped !== undefined) return
    stopped = why
    Deferred.doneUnsafe(stopping, Effect.void)
  }
  return {
    stop,
    endWith: (why) => {
      end ??= why
    },
    conclude: () => {
      if (end !== undefined) stop(end)
    },
    stopped: () => stopped,
    stopping,
    inFlight,
    settling
  }
})
