import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { vi } from "vitest"
import * as NodeMemory from "../../src/node/NodeMemory.ts"

const flags = vi.hoisted(() => [] as Array<string>)
vi.mock("node:v8", () => ({ setFlagsFromString: (flag: string) => flags.push(flag) }))

describe("NodeMemory", () => {
  it.effect("is put back by the last of those who want it", () =>
    Effect.gen(function* () {
      const want = Layer.build(Layer.fresh(NodeMemory.layer))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* want
          yield* Effect.scoped(want)
          assert.deepStrictEqual(flags, ["--semi-space-growth-factor=1"])
        })
      )
      assert.deepStrictEqual(flags, ["--semi-space-growth-factor=1", "--semi-space-growth-factor=2"])
      yield* Effect.scoped(want)
      assert.lengthOf(flags, 4)
    })
  )
})
