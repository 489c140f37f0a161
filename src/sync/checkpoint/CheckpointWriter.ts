/** Writes one run's checkpoint for all who ask for it. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

/** Each ends when what was noted before it began is written, or could not be. */
export interface CheckpointWriter {
  /** Where nothing waits but books. */
  readonly write: Effect.Effect<void>
  /** Where something cannot go on before. */
  readonly writeAtOnce: Effect.Effect<void>
  /** Does nothing where the last write is not so long ago. */
  readonly writeEvery: (interval: Duration.Duration) => Effect.Effect<void>
}

/**
 * A writer that has ended when the scope has. `write` is of all that was noted until it begins; `rest` is how long none
 * is begun after one that nobody presses for.
 */
export const make = Effect.fnUntraced(function* (
  write: Effect.Effect<void>,
  rest: Duration.Input | undefined
): Effect.fn.Return<CheckpointWriter, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  // Whoever asks while a write is under way, or right after one, waits for the next one.
  let asked: Deferred.Deferred<void> | undefined
  let isWriting = false
  let fiber: Fiber.Fiber<void> | undefined
  let last = clock.currentTimeMillisUnsafe()
  // Open while somebody presses.
  const pressing = Latch.makeUnsafe()

  const resting =
    rest === undefined
      ? Effect.void
      : Effect.sleep(rest).pipe(
          // A disk takes its time whatever the clock of a test says.
          Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
          Effect.raceFirst(pressing.await)
        )

  const writeAll: Effect.Effect<void> = Effect.suspend(() => {
    const waiting = asked
    asked = undefined
    isWriting = waiting !== undefined
    if (waiting === undefined) return Effect.void
    Latch.closeUnsafe(pressing)
    last = clock.currentTimeMillisUnsafe()
    return write.pipe(
      Effect.onExit((exit) => Effect.sync(() => Deferred.doneUnsafe(waiting, exit))),
      Effect.exit,
      Effect.andThen(resting),
      Effect.andThen(writeAll)
    )
  })

  yield* Effect.addFinalizer(() => Effect.suspend(() => (fiber === undefined ? Effect.void : Fiber.interrupt(fiber))))

  const ask = Effect.suspend(() => {
    asked ??= Deferred.makeUnsafe<void>()
    const mine = asked
    if (!isWriting) {
      isWriting = true
      fiber = runFork(writeAll)
    }
    return Deferred.await(mine)
  })

  return {
    write: ask,
    writeAtOnce: Effect.suspend(() => {
      Latch.openUnsafe(pressing)
      return ask
    }),
    writeEvery: (interval) =>
      Effect.suspend(() => (clock.currentTimeMillisUnsafe() - last >= Duration.toMillis(interval) ? ask : Effect.void))
  }
})
