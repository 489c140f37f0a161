import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as CheckpointWriter from "../../../src/sync/checkpoint/CheckpointWriter.ts"

describe("CheckpointWriter", () => {
  it.effect("those who ask while a write is under way share the next one, which is of all that was noted", () =>
    Effect.gen(function* () {
      let noted = 0
      const written: Array<number> = []
      let gate = yield* Deferred.make<void>()
      const writer = yield* CheckpointWriter.make(
        Effect.suspend(() => {
          const now = noted
          return Effect.map(Deferred.await(gate), () => {
            written.push(now)
          })
        }),
        undefined
      )
      const ask = Effect.suspend(() => {
        noted++
        return writer.write
      })
      const first = yield* Effect.forkChild(ask, { startImmediately: true })
      const others = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(ask, { startImmediately: true }))
      const before = gate
      gate = yield* Deferred.make<void>()
      yield* Deferred.succeed(before, undefined)
      yield* Fiber.join(first)
      assert.deepStrictEqual(written, [1])
      assert.isTrue(others.every((fiber) => fiber.pollUnsafe() === undefined))
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(others, Fiber.join)
      assert.deepStrictEqual(written, [1, 4])
      yield* ask
      assert.deepStrictEqual(written, [1, 4, 5])
    })
  )

  it.effect("writes again after one that ended at once, or died, of which those hear who waited for it", () =>
    Effect.gen(function* () {
      let writes = 0
      const writer = yield* CheckpointWriter.make(
        Effect.suspend(() => (++writes === 2 ? Effect.die("no state") : Effect.void)),
        undefined
      )
      yield* writer.write
      assert.isTrue(Exit.hasDies(yield* Effect.exit(writer.write)))
      yield* writer.write
      assert.strictEqual(writes, 3)
    })
  )

  it.live("rests after a write, unless somebody presses", () =>
    Effect.gen(function* () {
      const started = performance.now()
      const at: Array<number> = []
      const writer = yield* CheckpointWriter.make(
        Effect.sync(() => {
          at.push(performance.now() - started)
        }),
        "800 millis"
      )
      yield* writer.write
      yield* writer.write
      assert.isBelow(at[0] ?? 0, 500)
      assert.isAtLeast(at[1] ?? 0, 798)
      const waiting = yield* Effect.forkChild(writer.write, { startImmediately: true })
      yield* writer.writeAtOnce
      yield* Fiber.join(waiting)
      assert.lengthOf(at, 3)
      assert.isBelow((at[2] ?? 0) - (at[1] ?? 0), 500)
      yield* Effect.sleep(900)
      const late = performance.now() - started
      yield* writer.write
      assert.isBelow((at[3] ?? 0) - late, 500)
    })
  )

  it.effect("writes every so often by the clock of the run", () =>
    Effect.gen(function* () {
      let writes = 0
      const writer = yield* CheckpointWriter.make(
        Effect.sync(() => {
          writes++
        }),
        undefined
      )
      const sometimes = writer.writeEvery(Duration.seconds(1))
      yield* sometimes
      assert.strictEqual(writes, 0)
      yield* TestClock.adjust("1 second")
      yield* sometimes
      yield* sometimes
      assert.strictEqual(writes, 1)
    })
  )

  it.effect("a write under way is waited for when the scope closes, and none begins after it", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let writes = 0
      const scope = yield* Scope.make()
      const writer = yield* CheckpointWriter.make(
        Effect.uninterruptible(
          Effect.andThen(
            Deferred.await(gate),
            Effect.sync(() => {
              writes++
            })
          )
        ),
        undefined
      ).pipe(Scope.provide(scope))
      yield* Effect.forkChild(writer.write, { startImmediately: true })
      yield* Effect.forkChild(writer.write, { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.isUndefined(closing.pollUnsafe())
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(closing)
      assert.strictEqual(writes, 1)
    })
  )
})
