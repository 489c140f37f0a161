/**
 * When to stop asking a vendor that fails, and when to try it again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SharedCircuits from "./SharedCircuits.ts"

/**
 * A plain value.
 *
 * @category models
 * @since 0.1.0
 */
export interface CircuitBreakerPolicy {
  readonly failures: number
  readonly openFor: Duration.Duration
  readonly maxOpenFor: Duration.Duration
}

/**
 * Makes a policy; what is left out has its default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: {
    /** Opens after so many requests in a row that failed for the vendor's sake, each with all its retries. Default: 5. */
    readonly failures?: number | undefined
    /** Stays open so long at first, twice as long after each probe that fails. Default: 10 seconds. */
    readonly openFor?: Duration.Input | undefined
    /** Never open for longer. Default: 2 minutes. */
    readonly maxOpenFor?: Duration.Input | undefined
  } = {}
): CircuitBreakerPolicy => ({
  failures: options.failures ?? 5,
  openFor: Duration.fromInputUnsafe(options.openFor ?? "10 seconds"),
  maxOpenFor: Duration.fromInputUnsafe(options.maxOpenFor ?? "2 minutes")
})

/**
 * The breaker of `effect/persistence` that the policy describes. Its state stays in this process; or under the name `shared` in the
 * `CircuitBreakerStore` of the context, where there is one, so that all processes stop together, and one tries again for all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toBreaker = (
  policy: CircuitBreakerPolicy,
  shared?: string | undefined
): Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const store = shared === undefined ? undefined : yield* Effect.serviceOption(CircuitBreaker.CircuitBreakerStore)
    const breaker = CircuitBreaker.make({
      tripPolicy: CircuitBreaker.consecutive(policy.failures),
      openDuration: Schedule.min([Schedule.exponential(policy.openFor), Schedule.spaced(policy.maxOpenFor)])
    })
    return yield* store === undefined || store._tag === "None" || shared === undefined
      ? Effect.provide(breaker, CircuitBreaker.layerStoreMemory())
      : Effect.provideServiceEffect(
          breaker,
          CircuitBreaker.CircuitBreakerStore,
          SharedCircuits.make(store.value, shared)
        )
  })

/**
 * How long nothing is to start because of a breaker, in milliseconds; without an end while a request tries whether the vendor is
 * back.
 *
 * @category combinators
 * @since 0.1.0
 */
export const openFor = (breaker: CircuitBreaker.CircuitBreaker, key: string): Effect.Effect<number> =>
  Effect.match(breaker.state(key), {
    onFailure: () => 0,
    onSuccess: (state) => {
      if (state._tag === "Open") return Duration.toMillis(state.retryAfter)
      return state._tag === "HalfOpen" && state.probing ? Number.POSITIVE_INFINITY : 0
    }
  })

/**
 * What a request's end says about the vendor: any answer but a 5xx shows that it is there.
 *
 * @category combinators
 * @since 0.1.0
 */
export const classify = (exit: Exit.Exit<unknown, unknown>): CircuitBreaker.Outcome => {
  if (Exit.isSuccess(exit)) return CircuitBreaker.success
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return CircuitBreaker.ignored
  const { _tag, fault, lastError } = error.value as { readonly [key in "_tag" | "fault" | "lastError"]?: unknown }
  if (fault === "vendor" || fault === "transport") return CircuitBreaker.failure()
  return lastError === undefined && _tag !== "InvalidRequest" ? CircuitBreaker.success : CircuitBreaker.ignored
}
