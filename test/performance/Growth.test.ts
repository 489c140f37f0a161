/**
 * That what grows leaves nothing behind: V8's old generation keeps what an array pointed to that was given up for a larger
 * one, until everything is collected.
 */
import { setTimeout } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Stream } from "effect"
import { Line } from "../../src/base/Line.ts"
import * as Dispatch from "../../src/sync/deliver/Dispatch.ts"

setFlagsFromString("--expose-gc")
const collect: (options?: { readonly type: "minor" }) => void = runInNewContext("gc")

const size = 2 ** 17
// More than there is room for at first.
const many = 24

const makeBuffers = () => Array.from({ length: many }, () => new Uint8Array(size))

// What was collected is given back by another thread.
const buffersAfterYoungCollections = async () => {
  for (let time = 0; time < 3; time++) collect({ type: "minor" })
  await setTimeout(100)
  return process.memoryUsage().arrayBuffers / size
}

describe("what young collections leave", () => {
  it("of a line that grew: nothing", async () => {
    const line = new Line<Uint8Array>()
    // From here on the line is in the old generation.
    collect()
    const before = await buffersAfterYoungCollections()
    for (const place of makeBuffers().map((buffer) => line.add(buffer))) line.remove(place)
    assert.isBelow((await buffersAfterYoungCollections()) - before, many / 2)
    assert.strictEqual(line.size, 0)
  })

  it.live("of more elements at once than a dispatch had before: nothing", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      let before = 0
      let after = 0
      yield* Stream.range(0, many + 1).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((index) =>
          Effect.promise(async () => {
            if (index === 0) {
              collect()
              before = await buffersAfterYoungCollections()
            }
            if (index === many + 1) {
              latch.openUnsafe()
              await setTimeout(10)
              after = await buffersAfterYoungCollections()
            }
            return { index, buffer: new Uint8Array(size) }
          })
        ),
        Dispatch.mapEffect(() => latch.await, { keys: ({ index }) => [`${index}`], window: 64 }),
        Stream.runDrain
      )
      assert.isBelow(after - before, many / 2)
    })
  )
})
