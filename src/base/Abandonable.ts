/**
 * Effects that can be given up from outside. Each runs in a fiber of its own; where that is interrupted, whoever waits for
 * it goes on with something else. A race against a signal or a sleep takes two fibers and a timer.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Line } from "./Line.ts"

export interface Abandonable {
  /**
   * Runs an effect. Where it is given up, it is interrupted, and `orElse` is what it comes to when that is done.
   * `until` says when that is to be, in milliseconds of the clock that only goes forward; default: never. It is not given
   * up for its time once `isDone`: then it has what it waited for.
   */
  readonly run: <A, E, R, A2, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    options: Options<A2, E2, R2>
  ) => Effect.Effect<A | A2, E | E2, R | R2>
  /** Gives up those whose time has come, and returns when the next one's does. What began later must not end earlier. */
  readonly abandonOverdue: (now: number) => number | undefined
  /** Gives up all that run, and all that would run from now on. */
  readonly close: () => void
}

interface Options<A, E, R> {
  readonly orElse: () => Effect.Effect<A, E, R>
  readonly until?: number | undefined
  readonly isDone?: (() => boolean) | undefined
}

interface Running {
  readonly until: number
  readonly isDone: (() => boolean) | undefined
  readonly abandon: () => void
}

export const make = (): Abandonable => {
  // In the order in which they began.
  const running = new Line<Running>()
  let closed = false
  return {
    run: <A, E, R, A2, E2, R2>(effect: Effect.Effect<A, E, R>, options: Options<A2, E2, R2>) =>
      Effect.contextWith((context: Context.Context<R>) => {
        const { isDone, orElse, until = Number.POSITIVE_INFINITY } = options
        if (closed) return orElse()
        // The fiber begins where it is also known how to end it, so that an interruption finds both or none.
        return Effect.callback<A | A2, E | E2, R2>((resume) => {
          const fiber = Effect.runForkWith(context)(effect)
          let abandoned = false
          const place = running.add({
            until,
            isDone,
            abandon: () => {
              if (abandoned) return
              abandoned = true
              fiber.interruptUnsafe()
            }
          })
          fiber.addObserver((exit) => {
            running.remove(place)
            resume(abandoned ? orElse() : exit)
          })
          return Fiber.interrupt(fiber)
        })
      }),
    abandonOverdue: (now) => {
      for (const { abandon, isDone, until } of running.values()) {
        if (until > now) return Number.isFinite(until) ? until : undefined
        if (isDone?.() !== true) abandon()
      }
      return undefined
    },
    close: () => {
      closed = true
      for (const { abandon } of running.values()) abandon()
    }
  }
}
