/**
 * What is sent again, after how long, and until when.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Monotonic from "../../base/Monotonic.ts"
import * as ApiError from "../../http/ApiError.ts"
import * as RetryDecision from "./RetryDecision.ts"
import type { OutcomeUnknown, RetriesExhausted, RetryAfterTooLong } from "./RetryErrors.ts"
import type { Resend, RetryPolicy } from "./RetryRules.ts"

export { OutcomeUnknown, RetriesExhausted, RetryAfterTooLong } from "./RetryErrors.ts"
export type { Resend, RetryPolicy } from "./RetryRules.ts"

/**
 * What a retry policy can be told.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<Also extends string = never, Never extends string = never> {
  /** The backoff before the second attempt is at most this long. Default: 500 milliseconds. */
  readonly firstDelay?: Duration.Input | undefined
  /** Each later backoff may be longer by so much. Default: 2. */
  readonly factor?: number | undefined
  /** No backoff is longer. Default: 30 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** Attempts of one request, the first one included; those answered 429 do not count. Default: 10. */
  readonly maxAttempts?: number | undefined
  /** No attempt starts later than this after the first one. Default: 15 minutes. */
  readonly maxElapsed?: Duration.Input | undefined
  /** One attempt takes no longer, from when the request goes out. Default: 30 seconds. */
  readonly attemptTimeout?: Duration.Input | undefined
  /** A vendor that asks for a longer wait than this is not waited for. Default: 5 minutes. */
  readonly retryAfterCeiling?: Duration.Input | undefined
  /**
   * A store of `retries`, shared by all requests: each retry takes one, each success gives `perSuccess` back.
   * An outage is met with so many retries and then with none. Retries after a 429 are free. `"none"`: no
   * such bound. Default: 100 retries, a tenth per success.
   */
  readonly budget?:
    | { readonly retries?: number | undefined; readonly perSuccess?: number | undefined }
    | "none"
    | undefined
  /**
   * The delays, instead of the backoff and `maxAttempts`; it sees each error, and 429 counts as it likes.
   * `Retry-After`, `maxElapsed` and the budget hold all the same.
   */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /** Tags of errors that are retried too. */
  readonly alsoRetry?: ReadonlyArray<Also> | undefined
  /** Tags of errors that are not retried after all. */
  readonly neverRetry?: ReadonlyArray<Never> | undefined
}

/**
 * Full jitter: each backoff is drawn evenly from 0 to `min(maxDelay, firstDelay × factor^(retry - 1))`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Also extends string = never, const Never extends string = never>(
  options: Options<Also, Never> = {}
): RetryPolicy<Also, Never> => {
  const { alsoRetry = [], budget, factor = 2, maxAttempts = 10, neverRetry = [], schedule } = options
  return {
    firstDelay: Duration.fromInputUnsafe(options.firstDelay ?? "500 millis"),
    factor,
    maxDelay: Duration.fromInputUnsafe(options.maxDelay ?? "30 seconds"),
    maxAttempts,
    maxElapsed: Duration.fromInputUnsafe(options.maxElapsed ?? "15 minutes"),
    attemptTimeout: Duration.fromInputUnsafe(options.attemptTimeout ?? "30 seconds"),
    retryAfterCeiling: Duration.fromInputUnsafe(options.retryAfterCeiling ?? "5 minutes"),
    budget: budget === "none" ? undefined : { retries: budget?.retries ?? 100, perSuccess: budget?.perSuccess ?? 0.1 },
    schedule,
    alsoRetry,
    neverRetry
  }
}

/**
 * The errors of `E` that a policy retries.
 *
 * @category models
 * @since 0.1.0
 */
export type Retryable<E, Also extends string = never, Never extends string = never> = E extends {
  readonly _tag: infer Tag
}
  ? [Tag] extends [Never]
    ? never
    : [Tag] extends [Also]
      ? E
      : E extends { readonly isRetryable: true }
        ? E
        : never
  : never

/**
 * What is left of `E` when a policy has been applied.
 *
 * @category models
 * @since 0.1.0
 */
export type Remaining<
  E,
  Also extends string = never,
  Never extends string = never,
  R extends Resend = "safe",
  Retried = Retryable<E, Also, Never>
> =
  | Exclude<E, Retried>
  | ([Retried] extends [never]
      ? never
      :
          | RetriesExhausted
          | RetryAfterTooLong
          | ("unsafe" extends R ? OutcomeUnknown : never)
          | (ApiError.TokenExpired extends Retried ? ApiError.Unauthorized : never))

/**
 * Whether a policy retries an error.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRetryable = (policy: RetryPolicy<string, string>, error: unknown): boolean => {
  if (!Predicate.isObject(error)) return false
  const tag = error._tag
  if (Predicate.isString(tag)) {
    if (policy.neverRetry.includes(tag)) return false
    if (policy.alsoRetry.includes(tag)) return true
  }
  return error.isRetryable === true
}

/**
 * The policy as a schedule for `Effect.retry` and the like: its outputs are the delays. It ends at an error
 * that the policy does not retry, after `maxAttempts`, and where a wait would be too long. It has no budget,
 * because that is shared between requests.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toSchedule = (policy: RetryPolicy<string, string>): Schedule.Schedule<Duration.Duration> =>
  Schedule.fromStep(
    Effect.map(policy.schedule === undefined ? Effect.undefined : Schedule.toStep(policy.schedule), (step) => {
      const budget = RetryDecision.makeBudget(make({ budget: "none" }))
      let tries: RetryDecision.Tries | undefined
      return (now: number, error: unknown) =>
        Effect.gen(function* () {
          tries ??= RetryDecision.makeTries(now)
          if (!isRetryable(policy, error)) return yield* Cause.done(Duration.zero)
          const delay = step === undefined ? undefined : yield* stepDelay(step, now, error)
          const random = yield* Random.next
          const given = { now, wall: now, random, resend: "safe", budget, delay } as const
          const decision = RetryDecision.decide(policy, tries, error, given)
          if (decision._tag === "Stop") return yield* Cause.done(Duration.zero)
          const duration = Duration.millis(decision.delay)
          const next: [Duration.Duration, Duration.Duration] = [duration, duration]
          return next
        })
    })
  )

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

const stepDelay = (step: Step, now: number, error: unknown): Effect.Effect<number | "done"> =>
  Pull.matchEffect(step(now, error), {
    onSuccess: ([, delay]): Effect.Effect<number | "done"> => Effect.succeed(Duration.toMillis(delay)),
    onFailure: (cause) => Effect.failCause(cause),
    onDone: () => Effect.succeed("done" as const)
  })

/**
 * Runs attempts until one succeeds, fails for good, or the policy ends it. For the one place that builds all
 * layers; others use {@link retry}.
 *
 * @category combinators
 * @since 0.1.0
 */
export const loop = <A, E, R, Also extends string, Never extends string, R1 extends Resend>(
  policy: RetryPolicy<Also, Never>,
  attempt: Effect.Effect<A, E, R>,
  options: {
    readonly tries: RetryDecision.Tries
    readonly resend: R1
    readonly budget: RetryDecision.Budget
    readonly onRetry?: ((error: string, attempt: number, delay: number) => void) | undefined
  }
): Effect.Effect<A, Remaining<E, Also, Never, R1>, R> => {
  const { budget, onRetry, resend, tries } = options
  let step: Step | undefined
  const recover = (error: E): Effect.Effect<A, unknown, R> =>
    isRetryable(policy, error)
      ? Effect.gen(function* () {
          const clock = yield* Clock.Clock
          const now = Monotonic.millis(clock)
          const wall = clock.currentTimeMillisUnsafe()
          if (policy.schedule !== undefined && step === undefined) step = yield* Schedule.toStep(policy.schedule)
          const renewal = error instanceof ApiError.TokenExpired
          const delay = step === undefined || renewal ? undefined : yield* stepDelay(step, wall, error)
          const random = yield* Random.next
          const decision = RetryDecision.decide(policy, tries, error, { now, wall, random, resend, budget, delay })
          if (decision._tag === "Stop") return yield* Effect.fail(decision.error)
          onRetry?.(tries.lastError, tries.attempts, decision.delay)
          if (decision.delay > 0) yield* Effect.sleep(decision.delay)
          return yield* run
        })
      : Effect.fail(error)
  const run: Effect.Effect<A, unknown, R> = Effect.catch(attempt, recover)
  // `recover` fails with nothing but what `Remaining` says; the compiler cannot see that `isRetryable` at run
  // time is `Retryable` at compile time.
  return run as Effect.Effect<A, Remaining<E, Also, Never, R1>, R>
}

/**
 * Applies the policy to an effect: the errors that it retries leave the error type, and `RetriesExhausted`
 * and `RetryAfterTooLong` enter it. With `resend: "unsafe"`, an attempt that may have been applied is not
 * repeated and ends in `OutcomeUnknown`. A `budget` can be shared by several effects; by default each has its
 * own. The attempt's timeout is not applied here, because only the sender knows when a request goes out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retry: {
  <Also extends string, Never extends string, const R1 extends Resend = "safe">(
    policy: RetryPolicy<Also, Never>,
    options?: { readonly resend?: R1 | undefined; readonly budget?: RetryDecision.Budget | undefined }
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, Remaining<E, Also, Never, R1>, R>
  <A, E, R, Also extends string, Never extends string, const R1 extends Resend = "safe">(
    self: Effect.Effect<A, E, R>,
    policy: RetryPolicy<Also, Never>,
    options?: { readonly resend?: R1 | undefined; readonly budget?: RetryDecision.Budget | undefined }
  ): Effect.Effect<A, Remaining<E, Also, Never, R1>, R>
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R, Also extends string, Never extends string>(
    self: Effect.Effect<A, E, R>,
    policy: RetryPolicy<Also, Never>,
    options: { readonly resend?: Resend | undefined; readonly budget?: RetryDecision.Budget | undefined } = {}
  ) =>
    Effect.clockWith((clock) => {
      const { budget = RetryDecision.makeBudget(policy), resend = "safe" } = options
      const earning = Effect.tap(self, () => Effect.sync(budget.earn))
      return loop(policy, earning, {
        tries: RetryDecision.makeTries(Monotonic.millis(clock)),
        resend,
        budget
      })
    })
)
