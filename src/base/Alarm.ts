/** One timer for what becomes due again and again, as a rule to be put off before it is. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Monotonic from "./Monotonic.ts"

export interface Alarm {
  /** Sees to it that the alarm rings at this time. It costs nothing where it is to ring before that anyway. */
  readonly set: (at: number) => void
}

/**
 * An alarm that is stopped with the scope. `ring` does what is due, and returns when the alarm is to ring again:
 * `undefined` where nothing is left to wait for. Times are in milliseconds of the clock that only goes forward, and the
 * alarm is never set to one that is before the last.
 */
export const make = Effect.fnUntraced(function* (
  ring: (now: number) => number | undefined,
  scope: Scope.Scope
): Effect.fn.Return<Alarm> {
  const clock = yield* Clock.Clock
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  let fiber: Fiber.Fiber<void> | undefined
  let isSet = false
  // The first time that was asked for since it rang last: what rings may set it again.
  let asked: number | undefined
  // Timers count whole milliseconds, and end before a fraction of one.
  const wait = (at: number): Effect.Effect<void> =>
    Effect.flatMap(Effect.sleep(Math.ceil(at - Monotonic.millis(clock))), () => {
      asked = undefined
      const next = ring(Monotonic.millis(clock)) ?? asked
      if (next !== undefined) return wait(next)
      isSet = false
      return Effect.void
    })
  yield* Scope.addFinalizer(
    scope,
    Effect.suspend(() => {
      isSet = true
      return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
    })
  )
  return {
    set: (at) => {
      if (at === Number.POSITIVE_INFINITY) return
      asked ??= at
      if (isSet) return
      isSet = true
      fiber = runFork(wait(at))
    }
  }
})
