import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as ApiError from "../../src/http/ApiError.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../../src/policy/SendPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachBatch from "../../src/reach/ReachBatch.ts"
import { ReachClient } from "../../src/reach/ReachClient.ts"
import type { BatchStatus } from "../../src/reach/ReachSchema.ts"

const pending: BatchStatus = { batchId: "b-1", status: "pending" }
const applied: BatchStatus = {
  batchId: "b-1",
  status: "success",
  progress: { totalRecords: 2, successfulRecords: 2, failedRecords: 0 }
}
const answered = {
  vendor: "Reach",
  endpoint: "GET /api/batches/:batchId",
  answer: Redacted.make(new ApiError.VendorAnswer({ message: "", errors: [], body: "" }))
}
const notFound = new ApiError.NotFound({ ...answered, status: 404 })
const unexpected = new ApiError.UnexpectedAnswer({ ...answered, status: 200, problem: "a body that is no status" })
const forbidden = new ApiError.Forbidden({ ...answered, status: 403 })

type Answer = BatchStatus | ApiError.NotFound | ApiError.UnexpectedAnswer | ApiError.Forbidden

/** Waits in virtual time with a Reach that gives these answers, the last one again and again; and when it was asked. */
const wait = (answers: ReadonlyArray<Answer>, options?: Omit<ReachBatch.WaitOptions, "send">) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const start = yield* Clock.currentTimeMillis
    const poll = Effect.gen(function* () {
      times.push((yield* Clock.currentTimeMillis) - start)
      const answer = answers[Math.min(times.length, answers.length) - 1] ?? pending
      return yield* "_tag" in answer ? Effect.fail(answer) : Effect.succeed(answer)
    })
    const unused = () => Effect.die("only the status is asked for")
    const client = ReachClient.of({
      address: () => ({ vendor: "Reach" }),
      createCustomer: unused,
      patchCustomer: unused,
      patchCustomers: unused,
      withSchema: () => ({ createCustomer: unused, patchCustomer: unused, patchCustomers: unused }),
      sendPatches: unused,
      sendCustomer: unused,
      sendPatch: unused,
      batchStatus: unused,
      pollBatchStatus: () => poll
    })
    const waiting = Effect.gen(function* () {
      const send = yield* SendPolicy.make({ vendor: "Reach", retry: RetryPolicy.make() })
      return yield* ReachBatch.wait("b-1", { ...options, send })
    }).pipe(Effect.scoped, Effect.provideService(ReachClient, client), Effect.result)
    const fiber = yield* Effect.forkChild(waiting)
    yield* TestClock.adjust("1 hour")
    return { result: yield* Fiber.join(fiber), times }
  })

describe("ReachBatch.wait", () => {
  it.effect("asks at once, and then less and less often, until the batch has ended", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const { result, times } = yield* wait([pending, pending, pending, applied], {
        onPending: ({ status }) => Effect.sync(() => void seen.push(status ?? "none"))
      })
      assert.deepInclude(result, { success: { status: applied, settlement: { _tag: "Applied" } } })
      assert.deepStrictEqual(times, [0, 500, 1250, 2375])
      assert.deepStrictEqual(seen, ["pending", "pending", "pending"])
    })
  )

  it.effect("gives the last status at the deadline, and asks no later", () =>
    Effect.gen(function* () {
      const { result, times } = yield* wait([pending], { settle: SettlePolicy.make({ deadline: "2 seconds" }) })
      assert.deepInclude(result, { success: { status: pending, settlement: { _tag: "Pending" } } })
      assert.deepStrictEqual(times, [0, 500, 1250, 2000])
      const once = yield* wait([pending], { settle: SettlePolicy.make({ deadline: 0 }) })
      assert.deepStrictEqual(once.times, [0])
    })
  )

  it.effect("a batch that is not known yet is asked for again, for as long as the policy says", () =>
    Effect.gen(function* () {
      const soon = yield* wait([notFound, notFound, applied])
      assert.deepInclude(soon.result, { success: { status: applied, settlement: { _tag: "Applied" } } })
      const never = yield* wait([notFound], { settle: SettlePolicy.make({ notFoundGrace: "1 second" }) })
      assert.deepInclude(never.result, { failure: notFound })
      assert.deepStrictEqual(never.times, [0, 500, 1250])
    })
  )

  it.effect("an answer that cannot be read says nothing of the batch; one that forbids to ask ends the wait", () =>
    Effect.gen(function* () {
      const readable = yield* wait([unexpected, applied])
      assert.lengthOf(readable.times, 2)
      assert.deepInclude((yield* wait([pending, forbidden])).result, { failure: forbidden })
    })
  )

  it.effect(
    "five answers in a row that cannot be read end the wait, and four with another one between them do not",
    () =>
      Effect.gen(function* () {
        const four = [unexpected, unexpected, unexpected, unexpected]
        const five = yield* wait([...four, unexpected, applied])
        assert.deepInclude(five.result, { failure: unexpected })
        assert.lengthOf(five.times, 5)
        const between = yield* wait([...four, pending, ...four, notFound, ...four, applied])
        assert.deepInclude(between.result, { success: { status: applied, settlement: { _tag: "Applied" } } })
      })
  )
})

describe("ReachBatch.judge", () => {
  it("believes Reach's own count only where Reach says that the batch has ended", () => {
    const counts = { totalRecords: 2, processedRecords: 2, successfulRecords: 2, failedRecords: 0 }
    const tag = (status: Partial<BatchStatus>, recordCount?: number) =>
      ReachBatch.judge({ batchId: "b-1", status: "processing", ...status }, { recordCount })._tag
    assert.strictEqual(tag({ progress: counts }), "Pending")
    assert.strictEqual(tag({ progress: counts }, 2), "Applied")
    assert.strictEqual(tag({ status: "success", progress: counts }), "Applied")
    assert.strictEqual(tag({ completedAt: "2026-01-01T00:00:00Z", progress: counts }), "Applied")
    assert.strictEqual(tag({ status: "success", progress: counts }, 3), "Unclear")
    assert.strictEqual(tag({ status: "success" }), "Unclear")
    const failed = { ...counts, successfulRecords: 1, failedRecords: 1 }
    const errors = { details: { "resources[1]": ["no"] } }
    assert.strictEqual(
      tag({ status: "failed", completedAt: "2026-01-01T00:00:00Z", progress: failed, errors }),
      "Failed"
    )
  })
})
