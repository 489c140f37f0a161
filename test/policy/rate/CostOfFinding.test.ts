import { assert, describe, it } from "@effect/vitest"
import * as LimitFinder from "../../../src/policy/rate/LimitFinder.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

const { fixedWindow, measure, seeded, slidingWindow } = LimitSimulation

const runs = (initial: number | undefined, limit: number) =>
  [fixedWindow, slidingWindow].flatMap((server) =>
    [1, 2].map((seed) =>
      LimitSimulation.simulate({
        finder: LimitFinder.make({ initial }),
        server: server(() => limit),
        seconds: 180,
        roundTrip: 20,
        jitter: 0.1,
        random: seeded(seed),
        inFlight: 8
      })
    )
  )

// As docs/rate-limits.md has it, where it says when to give a limit instead.
describe("to find a limit costs", () => {
  for (const limit of [5, 20, 100, 300]) {
    it(`a fifth of the first ten seconds and 180 refusals at most, then seven a minute: ${limit} a second`, () => {
      for (const answers of runs(undefined, limit)) {
        const first = measure(answers, 0, 10)
        assert.isAtLeast(first.allowed, 0.8 * limit)
        assert.isAtMost(first.refused, 180)
        assert.isAtMost(measure(answers, 60, 180).refused / 2, 7)
      }
    })

    it(`a twentieth of the first ten seconds where the search starts near it: ${limit} a second`, () => {
      for (const answers of runs(0.98 * limit, limit)) {
        assert.isAtLeast(measure(answers, 0, 10).allowed, 0.95 * limit)
      }
    })
  }
})
