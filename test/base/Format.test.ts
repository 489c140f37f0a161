import { assert, describe, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
import * as Format from "../../src/base/Format.ts"
import * as ApiError from "../../src/http/ApiError.ts"
import * as RetryErrors from "../../src/policy/retry/RetryErrors.ts"

describe("durations as people write them", () => {
  it("two units at most, rounded so that no unit overflows", () => {
    for (const [millis, text] of [
      [0, "0 s"],
      [0.01, "0.1 ms"],
      [0.44, "0.4 ms"],
      [7, "7 ms"],
      [9.96, "10 ms"],
      [840.4, "840 ms"],
      [999.4, "999 ms"],
      [999.6, "1 s"],
      [3936.430658, "3.9 s"],
      [7000, "7 s"],
      [59_940, "59.9 s"],
      [59_960, "1 min"],
      [125_000, "2 min 5 s"],
      [3_599_600, "1 h"],
      [7_500_000, "2 h 5 min"],
      [86_399_000, "1 d"],
      [183_600_000, "2 d 3 h"],
      [Number.POSITIVE_INFINITY, "for ever"]
    ] as const) {
      assert.strictEqual(Format.duration(millis), text)
    }
  })

  it("a clock's nanoseconds reach no message", () => {
    const elapsed = Duration.nanos(3_936_430_658n)
    const tries = { lastError: "TimedOut", lastMessage: "no answer", attempts: 3, elapsed }
    const errors = [
      new RetryErrors.RetriesExhausted({ ...tries, ran: "elapsed", applied: "no" }),
      new ApiError.ServerFault({
        vendor: "Reach",
        endpoint: "PATCH /x",
        status: 503,
        retryAfter: elapsed,
        answer: Redacted.make(new ApiError.VendorAnswer({ message: "", errors: [], body: "" }))
      })
    ]
    for (const { message } of errors) assert.match(message, /\b3\.9 s\b/)
  })
})
