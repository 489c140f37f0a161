import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import * as NodeMemory from "../../src/node/NodeMemory.ts"

const { flags, young } = vi.hoisted(() => ({ flags: [] as Array<string>, young: { megabytes: 16 } }))
vi.mock("node:v8", () => ({
  setFlagsFromString: (flag: string) => flags.push(flag),
  getHeapSpaceStatistics: () => [
    { space_name: "old_space", space_size: 100 * 1024 * 1024 },
    { space_name: "new_space", space_size: young.megabytes * 1024 * 1024 }
  ]
}))

const want = Layer.build(Layer.fresh(NodeMemory.layer))
const held = "--semi-space-growth-factor=1"
const usual = "--semi-space-growth-factor=2"

describe("NodeMemory", () => {
  it.effect("is put back by the last of those who want it", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* want
          yield* Effect.scoped(want)
          assert.deepStrictEqual(flags, [held])
        })
      )
      assert.deepStrictEqual(flags.splice(0), [held, usual])
      yield* Effect.scoped(want)
      assert.deepStrictEqual(flags.splice(0), [held, usual])
    })
  )

  it.effect("lets a young generation grow that is smaller than 16 MB, and no further", () =>
    Effect.gen(function* () {
      young.megabytes = 2
      yield* Effect.scoped(want)
      assert.deepStrictEqual(flags, [], "what was not held is not put back")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* want
          yield* want
          for (const megabytes of [2, 4, 8]) {
            young.megabytes = megabytes
            yield* TestClock.adjust("1 second")
            assert.deepStrictEqual(flags, [])
          }
          young.megabytes = 16
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(flags, [held])
        })
      )
      assert.deepStrictEqual(flags.splice(0), [held, usual])
    })
  )
})
