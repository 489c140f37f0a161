import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import * as FirstPoll from "../../src/policy/FirstPoll.ts"
import * as Polling from "../../src/policy/Polling.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import { inVirtualTime } from "../support/SyncRun.ts"

/** Waits for one after the other, each of which ends after so many milliseconds: how long, and the questions. */
const waits = (settlePolicy: SettlePolicy.SettlePolicy, ends: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const first = FirstPoll.make(settlePolicy)
    const all: Array<{ readonly waited: number; readonly asked: number }> = []
    for (const end of ends) {
      const start = yield* Clock.currentTimeMillis
      let asked = 0
      const isPending = Effect.map(Clock.currentTimeMillis, (now) => {
        asked++
        return now - start < end
      })
      const { waited } = yield* Polling.poll({ settlePolicy, first, ask: () => isPending, isPending: (is) => is })
      all.push({ waited, asked })
    }
    return all
  }).pipe(inVirtualTime)

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((all, one) => all + one, 0)

describe("the first question", () => {
  it.effect("comes as soon as others have ended lately, and one in eight in vain, at most", () =>
    Effect.gen(function* () {
      const all = yield* waits(SettlePolicy.make(), new Array(140).fill(50))
      assert.strictEqual(all[0]?.waited, 500)
      const learnt = all.slice(40)
      assert.isAtMost(sum(learnt.map(({ waited }) => waited)) / learnt.length, 100)
      assert.isAtMost(sum(learnt.map(({ asked }) => asked - 1)) / learnt.length, 1 / 7)
    })
  )

  it.effect("comes later again when it comes too early, and never later than the policy says", () =>
    Effect.gen(function* () {
      const all = yield* waits(SettlePolicy.make(), [...new Array(40).fill(50), ...new Array(10).fill(5000)])
      // 500, 750, 1125, 1687.5, 2531.25: as nothing learnt has it.
      assert.strictEqual(all.at(-1)?.asked, 5)
      assert.isAtMost(sum(all.slice(40).map(({ asked }) => asked - 5)), 12)
    })
  )

  it("is no sooner than 20 ms, and no later than the policy's, where that is sooner", () => {
    for (const [firstPoll, least] of [
      [500, 20],
      [5, 5]
    ] as const) {
      const first = FirstPoll.make(SettlePolicy.make({ firstPoll }))
      for (let time = 0; time < 100; time++) first.answered(false)
      assert.strictEqual(first.wait(), least)
      for (let time = 0; time < 100; time++) first.answered(true)
      assert.strictEqual(first.wait(), firstPoll)
    }
  })
})
