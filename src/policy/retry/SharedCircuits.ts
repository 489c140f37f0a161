/** Circuits that processes share, as one of them sees them: while their store gives no answer, each has its own. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Monotonic from "../../base/Monotonic.ts"
import * as Question from "../../base/Question.ts"

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

const longestAnswer = "1 second"

// What did not answer is asked again after so long.
const rest = 5000

/**
 * The store of the context, under the name `shared`, or else that of the process. What the process's own store admitted is known by
 * its stamp, which is below 0. A state is said to be probed only where another process does it.
 */
export const make = (store: Store, shared: string): Effect.Effect<Store> =>
  Effect.gen(function* () {
    const own = yield* CircuitBreaker.CircuitBreakerStore.pipe(
      Effect.provide(Layer.fresh(CircuitBreaker.layerStoreMemory()))
    )
    const clock = yield* Clock.Clock
    const now = () => Monotonic.millis(clock)
    let restsUntil = Number.NEGATIVE_INFINITY
    // Whose request tries for all whether the vendor is back.
    let probe: number | undefined

    const asked = <A, R>(
      question: Effect.Effect<A, CircuitBreaker.CircuitBreakerError, R>,
      otherwise: Effect.Effect<A, CircuitBreaker.CircuitBreakerError, R>
    ): Effect.Effect<A, CircuitBreaker.CircuitBreakerError, R> =>
      Effect.suspend(() => {
        if (now() < restsUntil) return otherwise
        return Effect.flatMap(Question.ask(question, longestAnswer), (answer) => {
          if (Option.isSome(answer) && isAnswer(answer.value)) return answer.value
          restsUntil = now() + rest
          return otherwise
        })
      })

    const ownAdmission = (key: string) =>
      Effect.map(own.admit(key), (admission) => ({ ...admission, generation: -1 - admission.generation }))

    return {
      admit: (key) =>
        Effect.tap(asked(store.admit(shared), ownAdmission(key)), (admission) =>
          Effect.sync(() => {
            if (admission.probe) probe = admission.generation
          })
        ),
      record: (options) => {
        const { generation } = options
        if (probe === generation) probe = undefined
        return generation < 0
          ? own.record({ ...options, generation: -1 - generation })
          : asked(store.record({ ...options, key: shared }), Effect.as(Effect.void, undefined))
      },
      state: (key) =>
        Effect.map(asked(store.state(shared), own.state(key)), (state) =>
          state._tag === "HalfOpen" && probe !== undefined ? { ...state, probing: false } : state
        )
    }
  })

// That a circuit is open is an answer, too.
const isAnswer = (exit: Exit.Exit<unknown, CircuitBreaker.CircuitBreakerError>): boolean =>
  Option.match(Exit.findErrorOption(exit), {
    onNone: () => Exit.isSuccess(exit),
    onSome: ({ reason }) => reason._tag !== "CircuitBreakerStoreError"
  })
