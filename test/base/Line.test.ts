import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Line, type Place } from "../../src/base/Line.ts"

const Step = Schema.Union([Schema.Literal("add"), Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))])

describe("Line", () => {
  it.prop("holds what a plain list holds, after any steps", [Schema.Array(Step)], ([some]) => {
    const line = new Line<number>()
    let plain: Array<Place<number>> = []
    const gone: Array<Place<number>> = []
    // More of them than it has places at first.
    const steps = Array.from({ length: 4 }, () => some).flat()
    for (const [index, step] of steps.entries()) {
      if (step === "add" || plain.length === 0) {
        plain.push(line.add(index))
      } else {
        const place = plain[step % plain.length]
        if (place === undefined) throw new Error("no place")
        line.remove(place)
        plain = plain.filter((one) => one !== place)
        gone.push(place)
      }
      // Who has left may leave again.
      const left = gone[step === "add" ? 0 : step % gone.length]
      if (left !== undefined) line.remove(left)
      assert.strictEqual(line.size, plain.length)
      assert.strictEqual(line.first(), plain[0])
      assert.deepStrictEqual(
        line.values(),
        plain.map(({ value }) => value)
      )
    }
  })

  it("lets leave whom one chooses, and all the same as one by one", () => {
    const line = new Line<number>()
    const places = Array.from({ length: 20 }, (_, index) => line.add(index))
    line.remove(places[3] as Place<number>)
    line.removeWhere((value) => value % 2 === 1 || value === 0)
    assert.deepStrictEqual(line.values(), [2, 4, 6, 8, 10, 12, 14, 16, 18])
    assert.strictEqual(line.first(), places[2])
    line.remove(places[5] as Place<number>)
    assert.strictEqual(line.size, 9, "who has left may leave again")
    line.removeWhere(() => true)
    assert.strictEqual(line.size, 0)
    const next = line.add(20)
    assert.strictEqual(line.first(), next)
  })

  it("one that stays while many pass keeps its place", () => {
    const line = new Line<string>()
    const first = line.add("first")
    for (let passing = 0; passing < 10_000; passing++) {
      const place = line.add("passing")
      assert.strictEqual(line.first(), first)
      line.remove(place)
    }
    line.add("last")
    assert.deepStrictEqual(line.values(), ["first", "last"])
  })

  it("does not grow with how many passed", () => {
    const line = new Line<number>()
    const places: Array<Place<number>> = []
    for (let passing = 0; passing < 10_000; passing++) {
      places.push(line.add(passing))
      const oldest = places[passing - 8]
      if (oldest !== undefined) line.remove(oldest)
    }
    assert.isAtMost(JSON.stringify(line).length, 1000)
  })
})
