/** What is asked of another system, and does not have to wait for it. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"

/**
 * How it ended, or nothing where that took longer. It ends in time whatever the other does, also where it cannot be interrupted:
 * some clients wait until they are connected again. What is given up is left to end by itself.
 */
export const ask = <A, E, R>(
  question: Effect.Effect<A, E, R>,
  longest: Duration.Input
): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
  Effect.flatMap(Effect.forkDetach(question, { startImmediately: true }), (fiber) =>
    Effect.onExit(Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), longest), () =>
      Effect.sync(() => {
        if (fiber.pollUnsafe() === undefined) fiber.interruptUnsafe()
      })
    )
  )
