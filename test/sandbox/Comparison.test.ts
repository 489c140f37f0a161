import { assert, describe, it } from "@effect/vitest"
import { Comparison } from "../../src/sandbox/index.ts"

describe("Comparison", () => {
  it("counts what matches and names what is missing, unexpected or different, whatever the order", () => {
    const actual = new Map<string, unknown>([
      ["a", { email: "a", meta: { x: 1, y: [1, 2] } }],
      ["b", { email: "b" }],
      ["c", { email: "c" }]
    ])
    const comparison = Comparison.make(actual, [
      ["b", { email: "b", phone: "1" }],
      ["a", { meta: { y: [1, 2], x: 1 }, email: "a" }],
      ["d", { email: "d" }]
    ])
    assert.deepStrictEqual(comparison, { matching: 1, missing: ["d"], unexpected: ["c"], different: ["b"] })
    assert.isFalse(Comparison.isMatch(comparison))
    assert.isTrue(Comparison.isMatch(Comparison.make(actual, actual)))
  })
})
