import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, FileSystem, Schema, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import type { CustomerRecord } from "../../src/sync/model/CustomerRecord.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as CrashWorld from "../support/CrashWorld.ts"
import { destination, type Row } from "../support/TakesAll.ts"

const count = 100

// A key of two columns, neither of which is JSON by itself.
const Key = Schema.Struct({ changedAt: Schema.DateTimeUtc, id: Schema.BigInt })

// Larger than a number can hold to the digit.
const keyOf = (offset: number): typeof Key.Type => ({
  changedAt: DateTime.makeUnsafe(Date.UTC(2026, 0, 1) + offset * 60_000),
  id: 9_007_199_254_740_993n + BigInt(offset)
})

/** A table that is read from any key on, with the keys from which it was read. */
const table = (place: (offset: number) => unknown = keyOf) => {
  const keys: Array<typeof Key.Type | undefined> = []
  const source = Source.make({
    fingerprint: Effect.succeed({ source: "table" }),
    place: Key,
    from: (position) => {
      keys.push(position?.place)
      const first = position === undefined ? 0 : Number(position.place.id - 9_007_199_254_740_993n)
      assert.strictEqual(first, position?.offset ?? 0)
      return Stream.range(first, count - 1).pipe(
        Stream.map(
          (offset): CustomerRecord<Row> => ({
            _tag: "Valid",
            offset,
            line: undefined,
            position: { offset, place: place(offset) },
            patch: { id: `c-${offset}` }
          })
        ),
        Stream.rechunk(10)
      )
    }
  })
  return { keys, source }
}

const base = {
  batch: BatchPolicy.make({ maxRecords: 10 }),
  rateLimit: RateLimitPolicy.unlimited(),
  checkpointEvery: 0,
  concurrency: 1
}

describe("a place of the source's own", () => {
  it.live("comes back to the source as it was, through a file, and only what was not sent is sent", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = `${yield* fs.makeTempDirectoryScoped()}/kept`
      const sent: Array<string> = []
      const { keys, source } = table()
      let batches = 0
      const to = destination(sent, ["c-15"])
      const cut: typeof to = {
        ...to,
        send: (outgoing) => (++batches > 4 ? Effect.interrupt : to.send(outgoing))
      }
      const letters = DeadLetters.memory()
      const options = { ...base, checkpoint: Checkpoint.file(dir), deadLetters: letters }
      yield* Effect.exit(CustomerSync.run({ ...options, to: cut, grace: 0 })(source))
      const saved = yield* Effect.flatMap(Checkpoint.file(dir).read, Effect.fromOption)
      if (typeof saved.position === "number") return assert.fail("it has no place")
      const { offset } = saved.position
      assert.isAbove(offset, 20)
      assert.deepStrictEqual(saved.position.place, {
        changedAt: DateTime.formatIso(keyOf(offset).changedAt),
        id: String(keyOf(offset).id)
      })
      const report = yield* CustomerSync.run({ ...options, to })(source)
      assert.deepStrictEqual(keys, [undefined, keyOf(offset)])
      assert.deepInclude(report, { read: count, resumedFrom: offset })
      const all = Array.from({ length: count }, (_, index) => `c-${index}`).filter((id) => id !== "c-15")
      assert.deepStrictEqual(sent, all)
      const [letter] = letters.letters
      assert.deepInclude(letter, {
        offset: 15,
        place: { changedAt: DateTime.formatIso(keyOf(15).changedAt), id: String(keyOf(15).id) }
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("that does not fit the source's own schema stops the run, and is never written", () =>
    Effect.gen(function* () {
      const world = CrashWorld.make()
      const sent: Array<string> = []
      const { source } = table((offset) => ({ id: offset }))
      const run = CustomerSync.run({ ...base, checkpoint: world.checkpoint, to: destination(sent, ["c-15"]) })
      const { reason } = yield* Effect.flip(run(source))
      if (!(reason instanceof Source.SourcePlaceInvalid)) return assert.fail("it stopped for another reason")
      assert.strictEqual(reason.from, "source")
      assert.isBelow(sent.length, count)
      for (const { position } of world.history) assert.strictEqual(position, 0)
    })
  )

  it.effect("is refused where an app starts from a position of another source", () =>
    Effect.gen(function* () {
      const { source } = table()
      const elsewhere = source.from({ offset: 3, place: { byte: 100, line: 4 } })
      const exit = yield* Effect.exit(Stream.runDrain(elsewhere))
      assert.strictEqual(exit._tag, "Failure")
      const [first] = yield* Stream.runCollect(source.from({ offset: 3, place: keyOf(3) }))
      assert.strictEqual(first?.offset, 3)
    })
  )
})
