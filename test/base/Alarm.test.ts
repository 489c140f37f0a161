import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Abandonable from "../../src/base/Abandonable.ts"
import * as Alarm from "../../src/base/Alarm.ts"

describe("Alarm", () => {
  it.effect("rings at the first time that it was set to, and then at those that ringing asks for", () =>
    Effect.gen(function* () {
      const rung: Array<number> = []
      const next = [250, undefined, 900, undefined]
      const alarm = yield* Alarm.make(
        (now) => {
          rung.push(now)
          return next[rung.length - 1]
        },
        yield* Effect.scope
      )
      alarm.set(Number.POSITIVE_INFINITY)
      alarm.set(100)
      alarm.set(150)
      yield* TestClock.adjust(400)
      assert.deepStrictEqual(rung, [100, 250])
      alarm.set(500)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(rung, [100, 250, 500, 900])
    })
  )

  it.effect("that is set while it rings is not forgotten", () =>
    Effect.gen(function* () {
      const rung: Array<number> = []
      const alarm: Alarm.Alarm = yield* Alarm.make(
        (now) => {
          rung.push(now)
          if (now < 300) alarm.set(now + 100)
          return undefined
        },
        yield* Effect.scope
      )
      alarm.set(100)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(rung, [100, 200, 300])
    })
  )

  it.effect("rings no more when its scope is closed", () =>
    Effect.gen(function* () {
      let rung = 0
      yield* Effect.scoped(
        Effect.gen(function* () {
          const alarm = yield* Alarm.make(
            () => {
              rung++
              return undefined
            },
            yield* Effect.scope
          )
          alarm.set(100)
        })
      )
      yield* TestClock.adjust(1000)
      assert.strictEqual(rung, 0)
    })
  )
})

describe("Abandonable", () => {
  const instead = () => Effect.succeed("given up" as const)

  it.effect("an effect that is given up is interrupted first, and then something else goes on", () =>
    Effect.gen(function* () {
      const group = Abandonable.make()
      let interrupted = false
      const stuck = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        })
      )
      const early = yield* Effect.forkChild(group.run(stuck, { orElse: instead, until: 100 }))
      const late = yield* Effect.forkChild(group.run(Effect.never, { orElse: instead, until: 200 }))
      yield* Effect.yieldNow
      assert.strictEqual(group.abandonOverdue(99), 100)
      assert.isFalse(interrupted)
      assert.strictEqual(group.abandonOverdue(100), 200)
      assert.isTrue(interrupted)
      assert.strictEqual(yield* Fiber.join(early), "given up")
      group.close()
      assert.strictEqual(yield* Fiber.join(late), "given up")
      assert.strictEqual(yield* group.run(Effect.succeed("late"), { orElse: instead }), "given up")
    })
  )

  it.effect("an effect that ends is what it came to, and interrupting who waits for it interrupts it", () =>
    Effect.gen(function* () {
      const group = Abandonable.make()
      assert.strictEqual(yield* group.run(Effect.succeed(1), { orElse: instead }), 1)
      assert.strictEqual(yield* Effect.flip(group.run(Effect.fail("no"), { orElse: instead })), "no")
      const interrupted = yield* Deferred.make<void>()
      const stuck = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const waiting = yield* Effect.forkChild(group.run(stuck, { orElse: instead, until: 5 }))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(interrupted)
      assert.isUndefined(group.abandonOverdue(5))
    })
  )
})
