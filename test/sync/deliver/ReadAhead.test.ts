import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as ReadAhead from "../../../src/sync/deliver/ReadAhead.ts"

const aWhile = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))

describe("ReadAhead", () => {
  it.live("asks for no more while as many wait as may, and for more once what has come to its turn is under way", () =>
    Effect.gen(function* () {
      const ahead = ReadAhead.make(2)
      const steps: Array<string> = []
      const goAhead: Array<() => void> = []
      const source = Stream.range(1, 5).pipe(
        Stream.rechunk(1),
        Stream.tap((batch) => Effect.sync(() => steps.push(`read ${batch}`)))
      )
      const reading = yield* Effect.forkChild(
        Stream.runForEach(ahead.limit(source), () => Effect.sync(() => goAhead.push(ahead.add()))),
        { startImmediately: true }
      )
      yield* aWhile
      assert.deepStrictEqual(steps, ["read 1", "read 2"])
      goAhead[0]?.()
      goAhead[0]?.()
      // Whatever the sender asks for after that, in the same turn of the event loop.
      setImmediate(() => steps.push("sent 1"))
      yield* aWhile
      assert.deepStrictEqual(steps, ["read 1", "read 2", "sent 1", "read 3"])
      goAhead[1]?.()
      yield* Effect.promise(() => Promise.resolve())
      const other = ahead.add()
      yield* aWhile
      assert.lengthOf(steps, 4, "there was room, and there is none any more")
      other()
      goAhead[2]?.()
      yield* aWhile
      assert.deepStrictEqual(steps.slice(4), ["read 4", "read 5"])
      goAhead[3]?.()
      yield* Fiber.join(reading)
    })
  )
})
