import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { identity } from "effect/Function"
import * as Gate from "../../src/policy/Gate.ts"
import * as Pacer from "../../src/policy/rate/Pacer.ts"

/** A gate with one place, which is taken; two stand in line, and say when they start. */
const made = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const steps: Array<string> = []
  const gate = Gate.make({
    pacer: Pacer.varying(() => Number.POSITIVE_INFINITY),
    concurrency: () => 1,
    shared: () => undefined,
    onStart: () => {}
  })
  const owner: Gate.Owner = { waiting: 0, onWait: (reason) => steps.push(`waits for ${reason}`) }
  const deadline = Number.POSITIVE_INFINITY
  const enter = gate.enter({ clock, owner, count: 1, deadline, longestPause: 60_000, restore: identity })
  assert.isTrue(gate.tryEnter(0, 1))
  const line = yield* Effect.forEach(["a", "b"], (name) =>
    Effect.forkChild(
      Effect.map(enter, () => steps.push(`${name} starts`)),
      { startImmediately: true }
    )
  )
  assert.deepStrictEqual(steps.splice(0), ["waits for concurrency"])
  return { gate, line, steps }
})

describe("Gate", () => {
  it.effect("whoever leaves lets the first in line start before anything is said of the next", () =>
    Effect.gen(function* () {
      const { gate, line, steps } = yield* made
      assert.isTrue(gate.leave(0))
      assert.deepStrictEqual(steps.splice(0), ["a starts", "waits for concurrency"])
      assert.strictEqual(gate.waiting(), 1)
      assert.isTrue(gate.leave(0))
      assert.isFalse(gate.leave(0), "nobody is there")
      yield* Effect.forEach(line, Fiber.join)
      assert.deepStrictEqual(steps, ["b starts"])
      assert.strictEqual(gate.inFlight(), 0)
    })
  )

  it.effect("says of the next what it really waits for", () =>
    Effect.gen(function* () {
      const { gate, line, steps } = yield* made
      gate.quota("daily", 1, 1000)
      gate.leave(0)
      assert.deepStrictEqual(steps, ["a starts", "waits for quota"])
      yield* Effect.forEach(line, Fiber.interrupt)
    })
  )
})
