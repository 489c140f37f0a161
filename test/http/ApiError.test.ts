import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Exit } from "effect"
import { CircuitBreaker } from "effect/persistence"
import * as ApiError from "../../src/http/ApiError.ts"
import * as CircuitBreakerPolicy from "../../src/policy/retry/CircuitBreakerPolicy.ts"
import * as RetryDecision from "../../src/policy/retry/RetryDecision.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import { stopsRun } from "../../src/sync/deliver/SendFailure.ts"
import { answered, called, timedOut, transport } from "../policy/Errors.ts"

const status = (status: number) => ({ ...answered, status })

const meanings: ReadonlyArray<readonly [ApiError.ApiError, ...ReadonlyArray<unknown>]> = [
  [new ApiError.InvalidRequest({ ...called, issues: [] }), "no", "record", false],
  [new ApiError.BadRequest(status(400)), "no", "record", false],
  [new ApiError.NotFound(status(404)), "no", "record", false],
  [new ApiError.Conflict(status(409)), "no", "record", false],
  [new ApiError.ContentTooLarge(status(413)), "no", "record", false],
  [new ApiError.UnprocessableContent(status(422)), "no", "record", false],
  [new ApiError.Unauthorized(status(401)), "no", "caller", false],
  [new ApiError.Forbidden(status(403)), "no", "caller", false],
  [new ApiError.TokenExpired(status(401)), "no", "caller", true],
  [new ApiError.RateLimited(status(429)), "no", "caller", true],
  [new ApiError.ServerFault(status(500)), "maybe", "vendor", true],
  [timedOut(), "maybe", "vendor", true],
  [transport("no"), "no", "transport", true],
  [transport("maybe"), "maybe", "transport", true],
  [new ApiError.UnexpectedAnswer({ ...status(200), problem: "success false" }), "maybe", "contract", false]
]

const decide = (error: unknown, resend: RetryPolicy.Resend) =>
  RetryDecision.decide(RetryPolicy.make({ maxAttempts: 1 }), RetryDecision.makeTries(0), error, {
    now: 0,
    wall: 0,
    random: 0,
    resend,
    budget: RetryDecision.makeBudget(RetryPolicy.make())
  })

describe("what an error means", () => {
  for (const [error, applied, fault, isRetryable] of meanings) {
    it(`${error._tag} (${applied} ${fault}) says itself, and whoever decides goes by it`, () => {
      const meaning: ApiError.Meaning = error
      assert.deepStrictEqual([meaning.applied, meaning.fault, meaning.isRetryable], [applied, fault, isRetryable])

      const unsafe = decide(error, "unsafe")
      const isUnknown = unsafe._tag === "Stop" && unsafe.error._tag === "OutcomeUnknown"
      assert.strictEqual(isUnknown, applied === "maybe", "what may have been applied is not sent twice")

      const isDown = fault === "vendor" || fault === "transport"
      assert.strictEqual(CircuitBreakerPolicy.classify(Exit.fail(error))._tag === "Failure", isDown, "the breaker")
      const safe = decide(error, "safe")
      if (safe._tag === "Stop" && safe.error._tag === "RetriesExhausted") {
        assert.strictEqual(safe.error.fault, fault)
        assert.strictEqual(
          CircuitBreakerPolicy.classify(Exit.fail(safe.error))._tag === "Failure",
          isDown,
          "with retries"
        )
      }
      assert.strictEqual(stopsRun(error), fault === "caller", "the run")
    })
  }

  it("an error of another's, which does not say, may have been applied, and is nobody's fault", () => {
    const error = { _tag: "Theirs", isRetryable: true }
    const stopped = decide(error, "unsafe")
    assert.strictEqual(stopped._tag === "Stop" && stopped.error._tag, "OutcomeUnknown")
    assert.deepStrictEqual(CircuitBreakerPolicy.classify(Exit.fail(error)), CircuitBreaker.success)
  })

  it("is a literal of the class, which types can use", () => {
    type MaybeApplied = Extract<ApiError.ApiError, { readonly applied: "maybe" }>["_tag"]
    expectTypeOf<MaybeApplied>().toEqualTypeOf<"ServerFault" | "TimedOut" | "UnexpectedAnswer">()
    type Callers = Extract<ApiError.ApiError, { readonly fault: "caller" }>["_tag"]
    expectTypeOf<Callers>().toEqualTypeOf<"Unauthorized" | "Forbidden" | "TokenExpired" | "RateLimited">()
  })
})
