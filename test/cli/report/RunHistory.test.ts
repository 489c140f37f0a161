import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as RunHistory from "../../../src/cli/report/RunHistory.ts"
import { Ledger, type Progress } from "../../../src/index.ts"

const second = 1000
const day = 24 * 3600 * second

const progress = (elapsed: number, settled: number, more?: Partial<Progress.Progress>): Progress.Progress => ({
  read: settled,
  settled,
  settledBefore: 0,
  total: undefined,
  outcomes: { ...Ledger.noCounts, Applied: settled },
  requests: 0,
  retries: 0,
  inFlight: 0,
  rate: 0,
  eta: undefined,
  elapsed,
  waiting: undefined,
  settling: undefined,
  waits: {},
  ...more
})

const fed = (values: Iterable<Progress.Progress>): RunHistory.History => {
  const history = RunHistory.make()
  for (const value of values) Effect.runSync(history.onProgress(value))
  return history.history()
}

const sum = (history: RunHistory.History, value: (bucket: RunHistory.Bucket) => number): number =>
  history.buckets.reduce((total, bucket) => total + value(bucket), 0)

const assertContiguous = ({ buckets, elapsed }: RunHistory.History): void => {
  assert.strictEqual(buckets[0]?.from, 0)
  assert.strictEqual(buckets.at(-1)?.to, elapsed)
  for (const [index, { from, to }] of buckets.entries()) {
    assert.isAbove(to, from)
    if (index > 0) assert.strictEqual(from, buckets[index - 1]?.to)
  }
}

describe("RunHistory", () => {
  it("holds no more after three days than after thirty seconds, and loses nothing", () => {
    const sizes = [30 * second, 3 * day].map((length) => {
      const history = RunHistory.make()
      const step = Math.max(100, length / 200_000)
      let settled = 0
      let at = 0
      for (; at < length; settled += 7) {
        at = Math.min(length, at + step)
        Effect.runSync(
          history.onProgress(progress(at, settled, { inFlight: 4, waits: { rate: at / 2, paused: at / 10 } }))
        )
      }
      const made = history.history()
      assertContiguous(made)
      assert.strictEqual(made.elapsed, length)
      assert.closeTo(
        sum(made, ({ records }) => records),
        settled - 7,
        1e-3
      )
      assert.closeTo(
        sum(made, ({ waits }) => waits.rate ?? 0),
        length / 2,
        1
      )
      assert.closeTo(
        sum(made, ({ waits }) => waits.paused ?? 0),
        length / 10,
        1
      )
      for (const { inFlight, inFlightMax } of made.buckets) {
        assert.closeTo(inFlight, 4, 1e-6)
        assert.strictEqual(inFlightMax, 4)
      }
      return made.buckets.length
    })
    assert.isAtMost(Math.max(...sizes), 120)
    assert.isAtLeast(Math.min(...sizes), 60, "a chart of a long run is as fine as one of a short run")
  })

  it("shows each rate at its time", () => {
    // 1,000 a second, then nothing for ten seconds, then 100 a second.
    const rateAt = (at: number) => (at <= 10_000 ? at : at <= 20_000 ? 10_000 : 10_000 + (at - 20_000) / 10)
    const history = fed(
      Array.from({ length: 300 }, (_, index) => progress((index + 1) * 100, rateAt((index + 1) * 100)))
    )
    for (const { from, records, to } of history.buckets) {
      const expected = to <= 10_000 ? 1000 : to <= 20_000 ? 0 : 100
      assert.closeTo((records * 1000) / (to - from), expected, 1e-6, `from ${from}`)
    }
  })

  it("keeps the highest number of requests in flight when buckets are put together", () => {
    const history = fed(
      Array.from({ length: 2000 }, (_, index) => progress((index + 1) * 100, 0, { inFlight: index === 777 ? 32 : 2 }))
    )
    assert.deepStrictEqual(
      history.buckets
        .filter(({ inFlightMax }) => inFlightMax === 32)
        .map(({ from, to }) => from < 77_800 && to >= 77_800),
      [true]
    )
  })

  it("counts neither what earlier runs settled, nor what was not sent", () => {
    const history = fed([
      progress(100, 5010, { settledBefore: 5000 }),
      progress(200, 5030, { settledBefore: 5000 }),
      progress(300, 9030, { settledBefore: 5000, outcomes: { ...Ledger.noCounts, Applied: 5030, Unsent: 4000 } })
    ])
    assert.strictEqual(
      sum(history, ({ records }) => records),
      30
    )
  })

  it("has nothing to show of a run that took no time, and one bucket of a short one", () => {
    assert.deepStrictEqual(fed([]), { buckets: [], elapsed: 0 })
    assert.deepStrictEqual(fed([progress(0, 3)]), { buckets: [], elapsed: 0 })
    assert.deepStrictEqual(fed([progress(80, 3)]).buckets, [
      { from: 0, to: 80, records: 3, inFlight: 0, inFlightMax: 0, waits: {} }
    ])
  })

  it("shows no rate of a last moment that is chance", () => {
    const last = fed([progress(1000, 1000), progress(1001, 1100)]).buckets.at(-1)
    assert.deepInclude(last, { from: 750, to: 1001 })
  })

  const steps = Schema.Array(
    Schema.Struct({
      millis: Schema.Int.check(Schema.isBetween({ minimum: -50, maximum: 5_000_000 })),
      records: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })),
      inFlight: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 64 }))
    })
  )

  it.prop("adds up whatever comes, also when the clock is set back", [steps], ([steps]) => {
    let elapsed = 0
    let settled = 0
    const values = steps.map(({ inFlight, millis, records }) => {
      elapsed = Math.max(0, elapsed + millis)
      settled += records
      return progress(elapsed, settled, { inFlight })
    })
    const history = fed(values)
    if (history.elapsed === 0) return
    assertContiguous(history)
    assert.isAtMost(history.buckets.length, 120)
    assert.closeTo(
      sum(history, ({ records }) => records),
      settled,
      1e-6 * Math.max(1, settled)
    )
    for (const { inFlight, inFlightMax } of history.buckets) assert.isAtMost(inFlight, inFlightMax + 1e-9)
  })
})
