import { assert, describe, it } from "@effect/vitest"
import { noCounts } from "../../../src/sync/books/Ledger.ts"
import * as Progress from "../../../src/sync/books/Progress.ts"

const state = (settled: number) => ({
  read: settled,
  settledBefore: 0,
  outcomes: { ...noCounts, Applied: settled },
  requests: 0,
  retries: 0,
  inFlight: 0,
  elapsed: 0,
  waiting: undefined,
  settling: undefined,
  waits: {}
})

describe("Progress.tracker", () => {
  it("measures the rate over the last five seconds, and says how long the rest takes", () => {
    const track = Progress.tracker(10_000)
    assert.deepInclude(track(0, state(0)), { rate: 0, eta: undefined, settled: 0, total: 10_000 })
    assert.deepInclude(track(1000, state(100)), { rate: 100, eta: 99_000 })
    for (let second = 2; second <= 20; second++) track(second * 1000, state(100 + (second - 1) * 300))
    const later = track(21_000, state(6100))
    assert.closeTo(later.rate, 300, 1, "what was long ago does not count")
    assert.closeTo(later.eta ?? 0, 13_000, 50)
  })
  it("says nothing of the end where the total is not known, and 0 at the end", () => {
    assert.isUndefined(Progress.tracker(undefined)(1000, state(5)).eta)
    assert.strictEqual(Progress.tracker(5)(1000, state(5)).eta, 0)
  })
})
