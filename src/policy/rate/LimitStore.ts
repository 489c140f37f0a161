/** What is asked of a store that processes share: turns, and until when all of them pause. Each question has an end. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as RateLimiter from "effect/persistence/RateLimiter"
import * as Question from "../../base/Question.ts"

/** Nothing where the store failed, or gave no answer in time. Times are in milliseconds. */
export interface LimitStore {
  /** Takes so many turns: how long until all of them have come. */
  readonly take: (turns: number) => Effect.Effect<Option.Option<number>>
  /** How long all processes pause from now on. */
  readonly pauseLeft: Effect.Effect<Option.Option<number>>
  /** Makes all processes pause for so long, if they don't for longer. */
  readonly pause: (millis: number) => Effect.Effect<void>
}

const longestAnswer = "1 second"

// Pauses that end within so long are one.
const samePause = 50

// Another process may write at the same time, and then again.
const mostTries = 5

/**
 * On Effect's `RateLimiter`: a bucket for the turns, and beside it a fixed window that is used as a register of the pause. It is
 * counted in milliseconds, so that what is left of the window is what is left of the pause. `interval` is between two turns.
 */
export const make = (options: {
  readonly limiter: RateLimiter.RateLimiter
  readonly key: string
  readonly interval: number
  /** So many may come at once. */
  readonly size: number
}): LimitStore => {
  const { interval, key, limiter, size: limit } = options
  const bucket = {
    algorithm: "token-bucket",
    onExceeded: "delay",
    key,
    limit,
    window: Duration.millis(interval * limit)
  } as const
  const register = { algorithm: "fixed-window", key: `${key}/pause` } as const

  const read = Effect.map(
    limiter.consume({ ...register, onExceeded: "delay", tokens: 0, limit: 1, window: 1 }),
    ({ remaining, resetAfter }) => ({ told: 1 - remaining, left: remaining < 1 ? Duration.toMillis(resetAfter) : 0 })
  )

  // Adds to what was told, unless another has in between.
  const add = (told: number, millis: number) =>
    Effect.catch(
      Effect.as(
        limiter.consume({
          ...register,
          onExceeded: "fail",
          tokens: millis,
          limit: told + millis,
          window: told + millis
        }),
        true
      ),
      (error) => (error.reason._tag === "RateLimitExceeded" ? Effect.succeed(false) : Effect.fail(error))
    )

  const lengthen = (millis: number, tries: number): Effect.Effect<void, RateLimiter.RateLimiterError> =>
    Effect.flatMap(read, ({ left, told }) => {
      const missing = Math.ceil(millis - left)
      if (missing <= samePause && told > 0) return Effect.void
      return Effect.flatMap(add(told, missing), (isAdded) =>
        isAdded || tries >= mostTries ? Effect.void : lengthen(millis, tries + 1)
      )
    })

  return {
    take: (tokens) =>
      bounded(Effect.map(limiter.consume({ ...bucket, tokens }), ({ delay }) => Duration.toMillis(delay))),
    pauseLeft: bounded(Effect.map(read, ({ left }) => left)),
    pause: (millis) => Effect.asVoid(bounded(lengthen(millis, 1)))
  }
}

const bounded = <A, E>(question: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>> =>
  Effect.map(Question.ask(question, longestAnswer), Option.flatMap(Exit.getSuccess))
