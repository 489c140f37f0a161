import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import * as RateFinding from "../../../src/policy/rate/RateFinding.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

const { seeded } = LimitSimulation

const limitOf = (perSecond: number) => ({ perSecond, margin: 0.01, counts: 3 })

describe("RateFinding", () => {
  it("says what was found", () => {
    assert.deepStrictEqual(RateFinding.format({ limit: limitOf(98.2), background: { share: 0.0488, margin: 0.002 } }), [
      "found a limit of about 98 requests a second",
      "4.9 % of the requests were refused whatever the rate"
    ])
    for (const [share, margin, percent] of [
      [0.2004, 0.02, "20"],
      [0.04, 0.001, "4"],
      [0.0041, 0.0009, "0.41"],
      [0.034, 0.027, "about 3"],
      [0.34, 0.2, "about 30"],
      [1, 0, "100"],
      [0.0041, 0.004, "about 0.4"]
    ] as const) {
      assert.deepStrictEqual(RateFinding.format({ background: { share, margin } }), [
        `${percent} % of the requests were refused whatever the rate`
      ])
    }
    assert.deepStrictEqual(RateFinding.format({}), [])
  })

  it("says a limit in the window in which it is a whole number", () => {
    for (const [perSecond, text] of [
      [2000.3, "about 2,000 requests a second"],
      [10.5, "about 10 requests a second"],
      [2.04, "about 2 requests a second"],
      [2.4, "about 144 requests a minute"],
      [1, "about 1 request a second"],
      [0.5, "about 30 requests a minute"],
      [1 / 3600, "about 1 request an hour"],
      [1e-6, "about 1 request an hour"]
    ] as const) {
      assert.strictEqual(RateFinding.limitText(limitOf(perSecond)), text)
    }
  })

  it("rounds to what refuses hardly more and leaves hardly anything unused", () => {
    const random = seeded(3)
    for (let i = 0; i < 2000; i++) {
      const perSecond = 10 ** (7 * random() - 2)
      const { limit, window } = RateFinding.rounded(limitOf(perSecond))
      assert.isTrue(Number.isInteger(limit) && limit >= 1)
      const rounded = limit / Duration.toSeconds(window)
      assert.isAtMost(rounded, 1.015 * perSecond, String(perSecond))
      assert.isAtLeast(rounded, 0.95 * perSecond, String(perSecond))
    }
  })

  it("goes through JSON and comes back the same", () => {
    const json = Schema.fromJsonString(RateFinding.RateFinding)
    for (const finding of [{}, { limit: limitOf(98.2) }, { background: { share: 0.05, margin: 0.01 } }]) {
      assert.deepStrictEqual(Schema.decodeSync(json)(JSON.stringify(finding)), finding)
    }
  })
})
