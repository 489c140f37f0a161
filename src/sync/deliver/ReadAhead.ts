/** How far a source is read ahead of what is sent: batches that only wait for their turn hold records in memory. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"

export interface ReadAhead {
  /** Asks for more only while there is room. */
  readonly limit: <A, E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>
  /** A batch waits for its turn, until what is returned is called. It may be called more than once. */
  readonly add: () => () => void
}

/** Lets so many batches wait. */
export const make = (most: number): ReadAhead => {
  let waiting = 0
  const room = Latch.makeUnsafe(true)
  const open = () => {
    if (waiting < most) Latch.openUnsafe(room)
  }
  // With a turn of the event loop between, so that what has come to its turn goes out before the next is read.
  const whenRoom: Effect.Effect<void> = Effect.suspend(() =>
    waiting < most ? Effect.void : room.await.pipe(Effect.andThen(Effect.yieldNow), Effect.andThen(whenRoom))
  )
  return {
    limit: (self) => Stream.transformPull(self, (pull) => Effect.succeed(Effect.andThen(whenRoom, pull))),
    add: () => {
      waiting++
      if (waiting >= most) Latch.closeUnsafe(room)
      let waits = true
      return () => {
        if (!waits) return
        waits = false
        waiting--
        // Not now: who calls is about to ask for a turn of the event loop, too, and comes first.
        if (waiting < most) queueMicrotask(open)
      }
    }
  }
}
