import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { AnswerObserver } from "../../../src/http/AnswerObserver.ts"
import type { PolicyEvent } from "../../../src/policy/PolicyEvent.ts"
import * as Reasons from "../../../src/sync/books/Reasons.ts"
import * as Tally from "../../../src/sync/books/Tally.ts"

describe("Tally", () => {
  it.effect("tells how long requests took by percentile, within a twentieth", () =>
    Effect.gen(function* () {
      const tally = Tally.make()
      // 1 to 200 ms, in an order that is not theirs.
      for (let index = 0; index < 200; index++) {
        yield* Effect.forkChild(tally.counted()(Effect.sleep(((index * 77) % 200) + 1)), { startImmediately: true })
      }
      yield* TestClock.adjust("1 second")
      const { max, ...percentiles } = tally.durations()
      assert.strictEqual(max, 200)
      for (const [name, exact] of [
        ["p50", 100],
        ["p90", 180],
        ["p95", 190],
        ["p99", 198]
      ] as const) {
        assert.isAtLeast(percentiles[name], exact)
        assert.isAtMost(percentiles[name], exact * 1.05)
      }
    })
  )

  it.effect("times a request to the end of its answer, and one without an answer to its own", () =>
    Effect.gen(function* () {
      const answer = { vendor: "Reach", status: 202, headers: {} }
      for (const told of [true, false]) {
        const tally = Tally.make()
        const ends: Array<unknown> = []
        const observer = { onHeaders: () => {}, onEnd: (end: unknown) => Effect.sync(() => void ends.push(end)) }
        const end = Effect.flatMap(AnswerObserver, ({ onEnd }) => onEnd(answer))
        const send = Effect.sleep(100).pipe(Effect.andThen(told ? end : Effect.void), Effect.andThen(Effect.sleep(50)))
        const counted = Effect.provideService(tally.counted()(send), AnswerObserver, observer)
        yield* Effect.forkChild(counted, { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.strictEqual(tally.durations().max, told ? 100 : 150)
        assert.strictEqual(tally.durations().p50, told ? 100 : 150, "it is timed once")
        assert.deepStrictEqual(ends, told ? [answer] : [], "whoever asked is told, too")
      }
    })
  )

  it.effect("counts the time in which something waited: overlaps once, and never what is still ahead", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<PolicyEvent>()
      const tally = Tally.make()
      yield* tally.listen({ events: Stream.fromQueue(events) })
      const paused = (millis: number): PolicyEvent => ({
        _tag: "Waiting",
        reason: "paused",
        until: DateTime.makeUnsafe(millis),
        key: "Reach"
      })
      const retrying = (delay: number): PolicyEvent => ({
        ...{ _tag: "Retrying", error: "ServerFault", attempt: 1, endpoint: "PATCH /", key: "Reach" },
        delay: Duration.millis(delay)
      })
      yield* Queue.offerAll(events, [paused(1000), paused(1000), retrying(300), retrying(400)])
      yield* TestClock.adjust(250)
      assert.deepStrictEqual(tally.waits(250), { paused: 250, backoff: 250 })
      yield* Queue.offer(events, paused(1500))
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(tally.waits(750), { paused: 750, backoff: 400 })
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(tally.waits(10_750), { paused: 1500, backoff: 400 })
      yield* Queue.offer(events, paused(10_800))
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(tally.waits(11_750), { paused: 1550, backoff: 400 })
    })
  )
})

describe("batches that are waited for", () => {
  it.effect("are told by the one that is waited for longest, and no more once the wait ends in any way", () =>
    Effect.gen(function* () {
      const tally = Tally.make()
      assert.isUndefined(tally.settlingNow(0))
      const younger = yield* Effect.forkChild(tally.settling(200, 1200)(Effect.never), { startImmediately: true })
      const older = yield* Effect.forkChild(tally.settling(100, 5000)(Effect.never), { startImmediately: true })
      assert.deepStrictEqual(tally.settlingNow(1000), { batches: 2, waited: 900, left: 4000 })
      yield* Fiber.interrupt(older)
      assert.deepStrictEqual(tally.settlingNow(1500), { batches: 1, waited: 1300, left: 0 })
      yield* Fiber.interrupt(younger)
      assert.isUndefined(tally.settlingNow(1500))
    })
  )

  it("and did not settle are counted, over all runs, and the first five are named", () => {
    const before = Tally.make()
    for (const id of ["a", "b", "c", "d"]) before.addUnsettled(id)
    const after = Tally.make(before.totals())
    for (const id of ["e", "f"]) after.addUnsettled(id)
    assert.deepStrictEqual(after.totals().unsettled, { batches: 6, ids: ["a", "b", "c", "d", "e"] })
    assert.strictEqual(before.totals().unsettled.batches, 4)
  })
})

describe("Reasons", () => {
  it("keeps the five lowest offsets of each reason, in whatever order records end", () => {
    const reasons = Reasons.make()
    for (const offset of [700, 3, 900, 12, 5, 800, 1, 4]) reasons.add("BadRequest", offset)
    reasons.add("Malformed", 9)
    assert.deepStrictEqual(reasons.totals(), {
      reasons: { BadRequest: 8, Malformed: 1 },
      offsets: { BadRequest: [1, 3, 4, 5, 12], Malformed: [9] }
    })
  })

  it("goes on from an earlier run, and from a checkpoint that knows no offsets", () => {
    const before = Reasons.make()
    for (const offset of [1, 2, 3]) before.add("BadRequest", offset)
    const after = Reasons.make(before.totals())
    for (const offset of [30, 20, 10]) after.add("BadRequest", offset)
    assert.deepStrictEqual(after.totals(), { reasons: { BadRequest: 6 }, offsets: { BadRequest: [1, 2, 3, 10, 20] } })
    assert.deepStrictEqual(before.totals().offsets, { BadRequest: [1, 2, 3] }, "which stays as it was")

    const old = Reasons.make({ reasons: { BadRequest: 6 } })
    old.add("BadRequest", 100)
    assert.deepStrictEqual(old.totals(), { reasons: { BadRequest: 7 }, offsets: { BadRequest: [100] } })
  })
})
