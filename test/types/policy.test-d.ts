import { Effect, Schedule, type Scope } from "effect"
import type { RateLimiter } from "effect/persistence"
import { expectTypeOf } from "vitest"
import type * as ApiError from "../../src/http/ApiError.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../../src/policy/SendPolicy.ts"

type Ended = RetryPolicy.RetriesExhausted | RetryPolicy.RetryAfterTooLong

// What each endpoint can fail with, as its client says.
type Call<Refusal> = ApiError.CommonError | ApiError.TokenExpired | Refusal
declare const createCustomer: Effect.Effect<1, Call<ApiError.BadRequest | ApiError.NotFound | ApiError.Conflict>>
declare const patchCustomer: Effect.Effect<2, Call<ApiError.BadRequest | ApiError.NotFound>>
declare const patchCustomers: Effect.Effect<3, Call<ApiError.BadRequest | ApiError.NotFound | ApiError.ContentTooLarge>>
declare const batchStatus: Effect.Effect<4, Call<ApiError.NotFound>>
declare const updateCustomers: Effect.Effect<5, ApiError.CommonError | ApiError.BadRequest>

// No policy retries these.
type Final = ApiError.InvalidRequest | ApiError.Unauthorized | ApiError.Forbidden | ApiError.UnexpectedAnswer

const policy = RetryPolicy.make()

/** The retryable errors go, and how retrying ended comes, at every endpoint. */
expectTypeOf(RetryPolicy.retry(createCustomer, policy)).toEqualTypeOf<
  Effect.Effect<1, Final | ApiError.BadRequest | ApiError.NotFound | ApiError.Conflict | Ended>
>()
expectTypeOf(RetryPolicy.retry(patchCustomer, policy)).toEqualTypeOf<
  Effect.Effect<2, Final | ApiError.BadRequest | ApiError.NotFound | Ended>
>()
expectTypeOf(RetryPolicy.retry(patchCustomers, policy)).toEqualTypeOf<
  Effect.Effect<3, Final | ApiError.BadRequest | ApiError.NotFound | ApiError.ContentTooLarge | Ended>
>()
expectTypeOf(RetryPolicy.retry(batchStatus, policy)).toEqualTypeOf<
  Effect.Effect<4, Final | ApiError.NotFound | Ended>
>()
expectTypeOf(RetryPolicy.retry(updateCustomers, policy)).toEqualTypeOf<
  Effect.Effect<5, Final | ApiError.BadRequest | Ended>
>()
expectTypeOf(batchStatus.pipe(RetryPolicy.retry(policy))).toEqualTypeOf<
  Effect.Effect<4, Final | ApiError.NotFound | Ended>
>()

/** A second refused token is `Unauthorized`, also where the endpoint's own errors do not name it. */
declare const renewing: Effect.Effect<1, ApiError.TokenExpired>
expectTypeOf(RetryPolicy.retry(renewing, policy)).toEqualTypeOf<Effect.Effect<1, ApiError.Unauthorized | Ended>>()

/** What is not safe to send twice can end in `OutcomeUnknown`; what is safe cannot. */
expectTypeOf(RetryPolicy.retry(createCustomer, policy, { resend: "unsafe" })).toEqualTypeOf<
  Effect.Effect<
    1,
    Final | ApiError.BadRequest | ApiError.NotFound | ApiError.Conflict | Ended | RetryPolicy.OutcomeUnknown
  >
>()
declare const resend: RetryPolicy.Resend
expectTypeOf<Effect.Error<ReturnType<typeof either>>>().extract<RetryPolicy.OutcomeUnknown>().not.toBeNever()
const either = () => RetryPolicy.retry(createCustomer, policy, { resend })

/** An effect that fails with nothing that is retried keeps its error type. */
declare const final: Effect.Effect<1, ApiError.BadRequest>
expectTypeOf(RetryPolicy.retry(final, policy)).toEqualTypeOf<Effect.Effect<1, ApiError.BadRequest>>()
expectTypeOf(RetryPolicy.retry(Effect.succeed(1), policy)).toEqualTypeOf<Effect.Effect<number>>()

/** Widened and narrowed by tag, and the types follow. */
const wide = RetryPolicy.make({ alsoRetry: ["UnexpectedAnswer"] })
expectTypeOf(RetryPolicy.retry(batchStatus, wide)).toEqualTypeOf<
  Effect.Effect<4, Exclude<Final, ApiError.UnexpectedAnswer> | ApiError.NotFound | Ended>
>()
const narrow = RetryPolicy.make({ neverRetry: ["ServerFault", "TokenExpired"] })
expectTypeOf(RetryPolicy.retry(batchStatus, narrow)).toEqualTypeOf<
  Effect.Effect<4, Final | ApiError.NotFound | ApiError.ServerFault | ApiError.TokenExpired | Ended>
>()

/** An error of the caller's own is retried by its literal `isRetryable`, and stays where that is not known. */
interface Flaky {
  readonly _tag: "Flaky"
  readonly isRetryable: true
}
interface Perhaps {
  readonly _tag: "Perhaps"
  readonly isRetryable: boolean
}
declare const own: Effect.Effect<1, Flaky | Perhaps | Error>
expectTypeOf(RetryPolicy.retry(own, policy)).toEqualTypeOf<Effect.Effect<1, Perhaps | Error | Ended>>()

/** A schedule that can fail, or needs a service, is not a retry policy. */
declare const failing: Schedule.Schedule<number, unknown, "error">
// @ts-expect-error
RetryPolicy.make({ schedule: failing })
RetryPolicy.make({ schedule: Schedule.spaced("1 second") })

/** The sender says the same of each endpoint. */
declare const sender: SendPolicy.SendPolicy
const endpoint = "PATCH /api/resources/customers/batch"
expectTypeOf(sender.run(patchCustomers, { endpoint, resend: "safe" })).toEqualTypeOf<
  Effect.Effect<3, Final | ApiError.BadRequest | ApiError.NotFound | ApiError.ContentTooLarge | Ended>
>()
expectTypeOf(sender.run(updateCustomers, { endpoint, resend: "safe" })).toEqualTypeOf<
  Effect.Effect<5, Final | ApiError.BadRequest | Ended>
>()
expectTypeOf(sender.run(createCustomer, { endpoint, resend: "unsafe" })).toEqualTypeOf<
  Effect.Effect<
    1,
    Final | ApiError.BadRequest | ApiError.NotFound | ApiError.Conflict | Ended | RetryPolicy.OutcomeUnknown
  >
>()

/** Whether a request may be sent again is never left open. */
// @ts-expect-error
sender.run(createCustomer, { endpoint })

/** A limit that is shared needs the limiter that shares it; one that is not needs nothing. */
const shared = RateLimitPolicy.make({ limit: 10, window: "1 second", shared: true })
expectTypeOf(SendPolicy.make({ vendor: "Reach", rateLimit: shared })).toEqualTypeOf<
  Effect.Effect<SendPolicy.SendPolicy, never, RateLimiter.RateLimiter | Scope.Scope>
>()
const alone = RateLimitPolicy.make({ limit: 10, window: "1 second" })
expectTypeOf(SendPolicy.make({ vendor: "Reach", rateLimit: alone })).toEqualTypeOf<
  Effect.Effect<SendPolicy.SendPolicy, never, Scope.Scope>
>()
expectTypeOf(SendPolicy.make({ vendor: "Reach", rateLimit: RateLimitPolicy.find() })).toEqualTypeOf<
  Effect.Effect<SendPolicy.SendPolicy, never, Scope.Scope>
>()
expectTypeOf(SendPolicy.make({ vendor: "Reach" })).toEqualTypeOf<
  Effect.Effect<SendPolicy.SendPolicy, never, Scope.Scope>
>()

/** A sender's errors follow its retry policy. */
declare const narrowed: SendPolicy.SendPolicy<never, "TimedOut">
expectTypeOf(narrowed.run(updateCustomers, { endpoint, resend: "safe" })).toEqualTypeOf<
  Effect.Effect<5, Final | ApiError.BadRequest | ApiError.TimedOut | Ended>
>()
expectTypeOf(SendPolicy.make({ vendor: "Reach", retry: narrow })).toEqualTypeOf<
  Effect.Effect<SendPolicy.SendPolicy<never, "ServerFault" | "TokenExpired">, never, Scope.Scope>
>()
