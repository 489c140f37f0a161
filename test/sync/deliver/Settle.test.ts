import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as ApiError from "../../../src/http/ApiError.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../../src/policy/retry/RetryPolicy.ts"
import * as SendPolicy from "../../../src/policy/SendPolicy.ts"
import * as SettlePolicy from "../../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../../src/reach/ReachDestination.ts"
import type { CustomerPatch } from "../../../src/reach/ReachSchema.ts"
import * as Tally from "../../../src/sync/books/Tally.ts"
import type { DeliverError } from "../../../src/sync/deliver/SendFailure.ts"
import * as Settle from "../../../src/sync/deliver/Settle.ts"
import type { Destination, RecordFailure, Settlement } from "../../../src/sync/model/Destination.ts"
import type { Fates } from "../../../src/sync/model/Fate.ts"

const answered = {
  vendor: "Reach",
  endpoint: "GET /api/batches/{batchId}",
  answer: Redacted.make(new ApiError.VendorAnswer({ message: "", errors: [], body: "what came" }))
}
const unexpected = new ApiError.UnexpectedAnswer({ ...answered, status: 200, problem: "the status of another batch" })
const notFound = new ApiError.NotFound({ ...answered, status: 404 })
const down = new ApiError.ServerFault({ ...answered, status: 503 })

type Ask = ReturnType<Destination<CustomerPatch>["settle"]>

/** Settles one batch in virtual time, at most three hours of it; and when it was asked, and when it ended. */
const settle = (options: {
  readonly ask: Ask | ReadonlyArray<Ask>
  readonly settling?: Parameters<typeof SettlePolicy.make>[0]
  readonly keys?: ReadonlyArray<string>
  /** Milliseconds before the wait begins. */
  readonly accepted?: number
}) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("1 day")
    const start = yield* Clock.currentTimeMillis
    const since = Effect.map(Clock.currentTimeMillis, (now) => now - start)
    const asked: Array<number> = []
    const tally = Tally.make()
    const ask = "length" in options.ask ? options.ask : [options.ask]
    const to: Destination<CustomerPatch> = {
      ...ReachDestination.batchPatch(),
      address: undefined,
      send: () => Effect.die("nothing is sent"),
      settle: () =>
        Effect.flatMap(since, (at) => {
          asked.push(at)
          return ask[Math.min(asked.length, ask.length) - 1] ?? Effect.die("nothing to answer")
        })
    }
    const waiting = Effect.gen(function* () {
      const policy = yield* SendPolicy.make({
        vendor: "Reach",
        retry: RetryPolicy.make(),
        rateLimit: RateLimitPolicy.unlimited()
      })
      let stopped: DeliverError | undefined
      const fates = yield* Settle.settle(
        {
          to,
          policy,
          tally,
          settlePolicy: SettlePolicy.make(options.settling),
          onStop: (error) => {
            stopped = error
          }
        },
        "b-1",
        (options.keys ?? ["c-1", "c-2"]).map((key, index) => ({ key, offset: 10 + index })),
        options.accepted === undefined ? undefined : start - options.accepted
      )
      return { stopped, fates, at: yield* since }
    })
    const fiber = yield* Effect.forkChild(Effect.scoped(waiting))
    yield* TestClock.adjust("10 seconds")
    const meanwhile = tally.settlingNow(yield* Clock.currentTimeMillis)
    yield* TestClock.adjust("3 hours")
    const done = yield* Fiber.join(fiber)
    assert.isUndefined(tally.settlingNow(yield* Clock.currentTimeMillis), "it is waited for no longer")
    return { ...done, asked, meanwhile, unsettled: tally.totals().unsettled }
  })

const pending = Effect.succeed<Settlement>({ _tag: "Pending" })
const applied = Effect.succeed<Settlement>({ _tag: "Applied" })

/** What became of each record, by its position: its fate, and why. */
const tagsOf = (fates: Fates): ReadonlyArray<string> =>
  fates
    .flatMap(({ fate, indices }) =>
      indices.map((index): readonly [number, string] => [
        index,
        "reason" in fate ? `${fate._tag} ${fate.reason.tag}` : fate._tag
      ])
    )
    .sort(([a], [b]) => a - b)
    .map(([, told]) => told)

const reasonOf = (fates: Fates, position: number): string => {
  const fate = fates.find(({ indices }) => indices.includes(position))?.fate
  return fate !== undefined && "reason" in fate ? fate.reason.message : assert.fail("it has no reason")
}

describe("a batch that does not settle", () => {
  it.effect("is waited for until the deadline and asked for a last time then, and counted by its id", () =>
    Effect.gen(function* () {
      const { asked, at, fates, meanwhile, unsettled } = yield* settle({
        ask: pending,
        settling: { deadline: "12 seconds" }
      })
      assert.deepStrictEqual(tagsOf(fates), ["Unknown SettleDeadline", "Unknown SettleDeadline"])
      assert.include(reasonOf(fates, 0), "Batch b-1 was not finished after 12 s.")
      assert.deepStrictEqual([asked.at(-1), at], [12_000, 12_000])
      assert.deepStrictEqual(meanwhile, { batches: 1, waited: 10_000, left: 2000 })
      assert.deepStrictEqual(unsettled, { batches: 1, ids: ["b-1"] })
    })
  )

  it.effect(
    "ends soon after the deadline too where questions are not answered, however long they are tried again",
    () =>
      Effect.gen(function* () {
        for (const ask of [Effect.never, Effect.fail(down), [pending, Effect.never]]) {
          const { at, stopped, fates } = yield* settle({ ask, settling: { deadline: "12 seconds" } })
          assert.deepStrictEqual(tagsOf(fates), ["Unknown SettleDeadline", "Unknown SettleDeadline"])
          assert.include(reasonOf(fates, 0), "How batch b-1 went was not learnt in")
          assert.isUndefined(stopped)
          assert.isAtMost(at, 22_000)
        }
      })
  )

  it.effect("is asked for once by a later run, also where its deadline has passed", () =>
    Effect.gen(function* () {
      const soon = yield* settle({ ask: applied, accepted: 3_600_000 })
      assert.deepStrictEqual(tagsOf(soon.fates), ["Applied", "Applied"])
      assert.deepStrictEqual(soon.unsettled, { batches: 0, ids: [] })
      const { asked, fates } = yield* settle({ ask: pending, accepted: 3_600_000 })
      assert.lengthOf(asked, 1)
      assert.include(reasonOf(fates, 0), "was not finished after 1 h")
    })
  )

  it.effect("is Unknown after five unexpected answers in a row, with what came, and not after four", () =>
    Effect.gen(function* () {
      const four = Array.from({ length: 4 }, () => Effect.fail(unexpected))
      const { asked, at, fates, unsettled } = yield* settle({ ask: [...four, Effect.fail(unexpected), applied] })
      assert.lengthOf(asked, 5)
      assert.isBelow(at, 10_000)
      assert.deepStrictEqual(tagsOf(fates), ["Unknown UnexpectedAnswer", "Unknown UnexpectedAnswer"])
      assert.include(reasonOf(fates, 0), "with 200 and the status of another batch.")
      assert.deepInclude(fates[0]?.fate, { answer: "what came", again: false })
      assert.deepStrictEqual(unsettled.ids, ["b-1"])
      const enough = yield* settle({ ask: [...four, pending, ...four, applied] })
      assert.deepStrictEqual(tagsOf(enough.fates), ["Applied", "Applied"])
    })
  )

  it.effect("is Unknown where it is not known for longer than the policy says", () =>
    Effect.gen(function* () {
      const { fates, unsettled } = yield* settle({
        ask: Effect.fail(notFound),
        settling: { notFoundGrace: "5 seconds" }
      })
      assert.deepStrictEqual(tagsOf(fates), ["Unknown BatchNotFound", "Unknown BatchNotFound"])
      assert.strictEqual(unsettled.batches, 1)
    })
  )

  it.effect("stops the run where the vendor stays down, and is asked for again by the next one", () =>
    Effect.gen(function* () {
      const { stopped, fates, unsettled } = yield* settle({ ask: Effect.fail(down), settling: { deadline: "2 hours" } })
      assert.strictEqual(stopped?._tag, "RetriesExhausted")
      assert.deepInclude(fates[0]?.fate, { _tag: "Unknown", again: true })
      assert.strictEqual(unsettled.batches, 0)
    })
  )
})

describe("failures that only the status tells", () => {
  const failure = (index: number | undefined, key: string | undefined, answer?: string): RecordFailure => ({
    index,
    key,
    reason: { tag: "NotApplied", message: "It was not applied.", issues: [] },
    answer
  })
  const failed = (keys: ReadonlyArray<string>, first: RecordFailure, ...more: ReadonlyArray<RecordFailure>) =>
    Effect.map(
      settle({ keys, ask: Effect.succeed<Settlement>({ _tag: "Failed", failures: [first, ...more] }) }),
      ({ fates }) => fates
    )

  it.effect("by position are about those records alone", () =>
    Effect.gen(function* () {
      const fates = yield* failed(["a", "b", "a"], failure(2, undefined), failure(1, "b"))
      assert.deepStrictEqual(tagsOf(fates), ["Applied", "Rejected NotApplied", "Rejected NotApplied"])
    })
  )

  it.effect("as many as the batch has records of their key reject them all", () =>
    Effect.gen(function* () {
      const fates = yield* failed(["a", "b", "a"], failure(undefined, "a", "no"), failure(undefined, "a", "never"))
      assert.deepStrictEqual(tagsOf(fates), ["Rejected NotApplied", "Applied", "Rejected NotApplied"])
      for (const { fate } of fates.slice(1)) assert.deepInclude(fate, { answer: "no; never" })
    })
  )

  it.effect("fewer than that leave open which: none of them is Rejected, none Applied, and the others are", () =>
    Effect.gen(function* () {
      const fates = yield* failed(["b", "a", "a", "c", "a"], failure(undefined, "a", "no"), failure(undefined, "c"))
      assert.deepStrictEqual(tagsOf(fates), [
        "Applied",
        "Unknown FailureAmbiguous",
        "Unknown FailureAmbiguous",
        "Rejected NotApplied",
        "Unknown FailureAmbiguous"
      ])
      const message = reasonOf(fates, 4)
      assert.include(message, "1 of 3 records of this customer in batch b-1 failed")
      assert.include(message, "those at offsets 11, 12, 14.")
      assert.include(message, "The earliest that can have failed is the one at offset 11;")
      assert.deepInclude(fates.find(({ indices }) => indices.includes(4))?.fate, { answer: "no", again: false })
    })
  )

  it.effect("of which one names its position leave the others of its key to the ones that name the key", () =>
    Effect.gen(function* () {
      const certain = yield* failed(["a", "a"], failure(undefined, "a"), failure(0, "a"))
      assert.deepStrictEqual(tagsOf(certain), ["Rejected NotApplied", "Rejected NotApplied"])
      const fates = yield* failed(["a", "a", "a"], failure(0, undefined), failure(undefined, "a"))
      assert.deepStrictEqual(tagsOf(fates), [
        "Rejected NotApplied",
        "Unknown FailureAmbiguous",
        "Unknown FailureAmbiguous"
      ])
      assert.include(reasonOf(fates, 1), "The earliest that can have failed is the one at offset 11;")
    })
  )

  it.effect("that fit no record, or are more than there are of their key, are not believed at all", () =>
    Effect.gen(function* () {
      for (const wrong of [
        [failure(undefined, "d")],
        [failure(9, undefined)],
        [failure(0, "b")],
        [failure(undefined, undefined)],
        [failure(undefined, "b"), failure(undefined, "b")]
      ] as const) {
        const [first, ...more] = wrong
        const fates = yield* failed(["a", "b", "a"], first, ...more)
        assert.deepStrictEqual(new Set(tagsOf(fates)), new Set(["Unknown FailureMismatch"]))
      }
    })
  )

  it.effect("tell ten offsets at most, since the letter of each of them does", () =>
    Effect.gen(function* () {
      const fates = yield* failed(
        Array.from({ length: 13 }, () => "a"),
        failure(undefined, "a")
      )
      assert.include(reasonOf(fates, 12), "at offsets 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 3 more.")
    })
  )
})
