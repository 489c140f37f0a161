/**
 * How far a source is read ahead of what is sent: batches that only wait for their turn hold records in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"

/**
 * @category models
 * @since 0.1.0
 */
export interface ReadAhead {
  /** Asks for more only while there is room. */
  readonly limit: <A, E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>
  /** The batch of this number waits for its turn. */
  readonly add: (batch: number) => void
  /** It waits no more. It may be said more than once. */
  readonly delete: (batch: number) => void
}

/**
 * Lets so many batches wait.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (most: number): ReadAhead => {
  const waiting = new Set<number>()
  const room = Latch.makeUnsafe(true)
  const open = () => {
    if (waiting.size < most) Latch.openUnsafe(room)
  }
  const whenRoom: Effect.Effect<void> = Effect.suspend(() =>
    waiting.size < most ? Effect.void : room.await.pipe(Effect.andThen(Effect.yieldNow), Effect.andThen(whenRoom))
  )
  return {
    limit: (self) => Stream.transformPull(self, (pull) => Effect.succeed(Effect.andThen(whenRoom, pull))),
    add: (batch) => {
      waiting.add(batch)
      if (waiting.size >= most) Latch.closeUnsafe(room)
    },
    delete: (batch) => {
      waiting.delete(batch)
      // What has come to its turn goes out before the next is read.
      if (waiting.size < most) queueMicrotask(open)
    }
  }
}
