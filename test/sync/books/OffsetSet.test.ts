import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as OffsetSet from "../../../src/sync/books/OffsetSet.ts"

const offset = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))
const length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
const Runs = Schema.Array(Schema.Tuple([offset, length])).check(Schema.isMaxLength(40))

const runsOfSet = (set: ReadonlySet<number>, from: number) => {
  const runs: Array<[number, number]> = []
  for (let offset = from; offset < 80; offset++) {
    if (!set.has(offset)) continue
    const last = runs.at(-1)
    if (last?.[1] === offset) last[1]++
    else runs.push([offset, offset + 1])
  }
  return runs
}

describe("OffsetSet", () => {
  it.prop("holds what a plain set holds, with the shortest runs and the highest watermark", [Runs], ([added]) => {
    const plain = new Set<number>()
    const set = OffsetSet.make()
    for (const [from, length] of added) {
      set.add(from, from + length)
      for (let offset = from; offset < from + length; offset++) plain.add(offset)
      let watermark = 0
      while (plain.has(watermark)) watermark++
      assert.strictEqual(set.watermark, watermark)
      assert.deepStrictEqual(set.runs(), runsOfSet(plain, watermark))
      for (let offset = 0; offset < 80; offset++) assert.strictEqual(set.has(offset), plain.has(offset), `${offset}`)
    }
    const again = OffsetSet.make(set.watermark, set.runs())
    assert.strictEqual(again.watermark, set.watermark)
    assert.deepStrictEqual(again.runs(), set.runs())
  })

  it.prop("offsets in any order become the same runs", [Schema.Array(offset)], ([offsets]) => {
    assert.deepStrictEqual(OffsetSet.runsOf(offsets), runsOfSet(new Set(offsets), 0))
  })

  it("starts at a watermark, below which everything is done", () => {
    const set = OffsetSet.make(100, [
      [100, 110],
      [120, 130]
    ])
    assert.strictEqual(set.watermark, 110)
    set.add(0, 50)
    assert.strictEqual(set.watermark, 110)
    assert.isTrue(set.has(3))
    assert.isFalse(set.has(110))
    set.add(105, 120)
    assert.strictEqual(set.watermark, 130)
    assert.deepStrictEqual(set.runs(), [])
  })

  it("keeps up with ten million records that finish out of order", () => {
    const set = OffsetSet.make()
    const batch = 500
    const started = performance.now()
    // Sixty-four batches in flight, of which the last one ends first.
    for (let from = 0; from < 10_000_000; from += 64 * batch) {
      for (let place = 63; place >= 0; place--) set.add(from + place * batch, from + (place + 1) * batch)
      assert.deepStrictEqual(set.runs(), [])
    }
    assert.isAtLeast(set.watermark, 10_000_000)
    assert.isBelow(performance.now() - started, 5000)
  })
})
