import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Latch, Queue, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BatchPolicy from "../../../src/policy/BatchPolicy.ts"
import * as Batch from "../../../src/sync/batch/Batch.ts"
import * as Batches from "../../../src/sync/batch/Batches.ts"
import * as UnfinishedKeys from "../../../src/sync/batch/UnfinishedKeys.ts"
import * as Dispatch from "../../../src/sync/deliver/Dispatch.ts"
import * as EncodedRecord from "../../../src/sync/record/EncodedRecord.ts"
import { JsonBlocks } from "../../../src/sync/record/JsonBlocks.ts"

interface Patch {
  readonly id: string
  readonly seen: ReadonlyArray<number>
}

const to = {
  behaviour: {
    acceptance: "accepted",
    failureUnit: "batch",
    failures: "independent",
    writing: "merge",
    order: "within",
    resend: "safe"
  },
  maxRecords: 1000,
  envelope: ["[", "]"] as const,
  // What went into a record stands in it, in its order. Some go together with none before them.
  merge: (earlier: Patch, later: Patch): Patch | undefined =>
    later.seen[0] !== undefined && later.seen[0] % 7 === 4
      ? undefined
      : { id: later.id, seen: [...earlier.seen, ...later.seen] },
  encode: (patch: Patch) => Result.succeed(JSON.stringify(patch))
} as const

const blocks = new JsonBlocks({ envelope: to.envelope, maxRecords: 4, maxBytes: 1_000_000 })

const record = (id: string, offset: number): EncodedRecord.EncodedRecord<Patch> => {
  const patch = { id, seen: [offset] }
  blocks.keep(blocks.write(JSON.stringify(patch)))
  return EncodedRecord.written(blocks, { offset, line: offset + 2, position: undefined, key: id, patch })
}

const records = (ids: Iterable<string>) => Array.from(ids, record)

const shown = (batch: Batch.Batch<Patch>) => batch.records.map(({ key, offset }) => `${key}${offset}`).join(" ")

interface Options {
  readonly sameKey: "keep" | "merge" | "split"
  readonly maxRecords: number
  readonly maxAge?: number | undefined
  readonly aside?: number | undefined
  readonly window?: number | undefined
}

/** Collects records and works on the batches. */
const work = <E>(
  stream: Stream.Stream<EncodedRecord.EncodedRecord<Patch>, E>,
  { aside, maxAge, maxRecords, sameKey, window = 64 }: Options,
  f: (batch: Batch.Batch<Patch>) => Effect.Effect<void>
) => {
  const unfinished = UnfinishedKeys.make()
  const gauge = Dispatch.gauge()
  return stream.pipe(
    Batches.collect(BatchPolicy.make({ maxRecords, maxAge: maxAge ?? "5 seconds" }), to, {
      sameKey,
      unfinished,
      aside
    }),
    Dispatch.mapEffect(
      (batch) =>
        Effect.suspend(() => {
          assert.strictEqual(gauge.waiting, 0, "no batch waits for another")
          return f(batch)
        }),
      { keys: Batch.keys, window, unfinished, gauge }
    ),
    Stream.runDrain
  )
}

/** The batches by the time at which they begin, each of which lasts for so long. */
const timed = (
  ids: string,
  options: Options,
  duration: (batch: Batch.Batch<Patch>) => number = () => 100
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(
      work(Stream.fromArray(records(ids)), options, (batch) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          out.push(`${now - start}: ${shown(batch)}`)
          return Effect.sleep(duration(batch))
        })
      )
    )
    for (let time = 0; fiber.pollUnsafe() === undefined; time++) {
      assert.isBelow(time, 200, "it comes to an end")
      yield* TestClock.adjust(50)
    }
    yield* Fiber.join(fiber)
    return out
  })

describe("Batches.collect: customers that come again", () => {
  it.effect("a record waits for its own key, and others fill the batch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* timed("abacadefg", { sameKey: "keep", maxRecords: 2 }), [
        "0: a0 b1",
        "0: c3 d5",
        "0: e6 f7",
        "0: g8",
        "100: a2 a4"
      ])
    })
  )

  it.effect(
    "what waited goes first, at once when its key is free, in the order of its offsets with what came later",
    () =>
      Effect.gen(function* () {
        // A window of two, so that the third batch is collected when the first has ended.
        const batches = yield* timed("axbcadey", { sameKey: "keep", maxRecords: 2, window: 2 }, (batch) =>
          batch.number === 1 ? 50 : 100
        )
        assert.deepStrictEqual(batches, ["0: a0 x1", "0: b2 c3", "50: a4 d5", "100: e6 y7"])
        const one = yield* timed("abaab", { sameKey: "keep", maxRecords: 2 }, (batch) =>
          batch.number === 1 ? 50 : 100
        )
        assert.deepStrictEqual(one, ["0: a0 b1", "50: a2 a3", "50: b4"])
      })
  )

  it.effect("split: one of a key to a batch, and a key that comes again closes none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* timed("aabaca", { sameKey: "split", maxRecords: 3 }), [
        "0: a0 b2 c4",
        "100: a1",
        "200: a3",
        "300: a5"
      ])
    })
  )

  it.effect("merge: what waits becomes one, and all of it is accounted for", () =>
    Effect.gen(function* () {
      const merged: Array<unknown> = []
      const seen: Array<unknown> = []
      const batches = yield* timed("abaabaca", { sameKey: "merge", maxRecords: 2 }, (batch) => {
        merged.push(batch.merged)
        seen.push(batch.records.map(({ patch }) => patch.seen))
        return 100
      })
      assert.deepStrictEqual(batches, ["0: a0 b1", "0: c6", "100: b4 a7"])
      assert.deepStrictEqual(merged, [[], [], [2, 3, 5].map((offset) => ({ _tag: "Merged", offset, into: 7 }))])
      assert.deepStrictEqual(seen, [[[0], [1]], [[6]], [[4], [2, 3, 5, 7]]])
    })
  )

  it.effect("sets no more aside than it may, reads no further until a key is free, and then goes on", () =>
    Effect.gen(function* () {
      for (const sameKey of ["keep", "split", "merge"] as const) {
        const latch = yield* Latch.make()
        let read = 0
        let done = 0
        const source = Stream.fromIterable(records("a".repeat(3) + "ab".repeat(100))).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sync(() => void read++))
        )
        const fiber = yield* Effect.forkChild(
          work(source, { sameKey, maxRecords: 3, aside: 20, maxAge: 1000 }, (batch) =>
            Effect.andThen(
              latch.await,
              Effect.sync(() => {
                done += batch.records.length + batch.merged.length
              })
            )
          )
        )
        yield* TestClock.adjust("1 minute")
        // Beside what is set aside, two batches and the one record that finds no room.
        assert.isAtMost(read, 20 + 2 * 3 + 1 + (sameKey === "merge" ? 30 : 0), sameKey)
        assert.isAtLeast(read, 20, sameKey)
        yield* latch.open
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        assert.strictEqual(done, 203, sameKey)
      }
    })
  )

  it.effect("a key that is free wakes a collector whose source is silent, and an open batch closes by its age", () =>
    Effect.gen(function* () {
      const out: Array<string> = []
      const queue = yield* Queue.unbounded<EncodedRecord.EncodedRecord<Patch>>()
      const fiber = yield* Effect.forkChild(
        work(Stream.fromQueue(queue), { sameKey: "keep", maxRecords: 2, maxAge: 1000 }, (batch) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            out.push(`${now}: ${shown(batch)}`)
            return Effect.sleep(300)
          })
        )
      )
      yield* Queue.offerAll(queue, records("aba"))
      yield* TestClock.adjust(1299)
      assert.deepStrictEqual(out, ["0: a0 b1"], "it is free at 300, and its batch may be 1000 old")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(out.slice(1), ["1300: a2"])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("where nobody keeps the keys, what is set aside for the open batch is in the next", () =>
    Effect.gen(function* () {
      const unfinished = UnfinishedKeys.make()
      const batches = yield* Stream.runCollect(
        Batches.collect(BatchPolicy.make({ maxRecords: 2 }), to, { sameKey: "split", unfinished })(
          Stream.fromArray(records("aabac"))
        )
      )
      assert.deepStrictEqual(batches.map(shown), ["a0 b2", "a1 c4", "a3"])
    })
  )

  it.effect("what is set aside keeps no block in memory but its own", () =>
    Effect.gen(function* () {
      const held: Array<string> = []
      yield* timed("abcdaefgh", { sameKey: "keep", maxRecords: 4 }, (batch) => {
        for (const { block, bytes, key, offset } of batch.records) {
          if (block.bytes.length === bytes) held.push(`${key}${offset}`)
        }
        return 100
      })
      assert.deepStrictEqual(held, ["a4"])
    })
  )

  const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

  it.effect.prop(
    "each record once, those of a key in their order, never in two unfinished batches, offsets ascend, and it ends",
    {
      keys: Schema.Array(upTo(12)).check(Schema.isMaxLength(60)),
      few: upTo(12),
      chunk: upTo(9),
      sameKey: Schema.Literals(["keep", "split", "merge"]),
      maxRecords: upTo(6),
      aside: upTo(15),
      window: upTo(6),
      durations: Schema.Array(upTo(60)).check(Schema.isMinLength(1)),
      maxAge: Schema.Literals([1, 30, 0])
    },
    ({ chunk, durations, few, keys, maxAge, ...limits }) =>
      Effect.gen(function* () {
        // 0: however old.
        const options = { ...limits, maxAge: maxAge === 0 ? Number.POSITIVE_INFINITY : maxAge }
        const given = records(keys.map((key) => `k${key % few}`))
        const open = new Set<string>()
        const seen = new Map<string, Array<number>>()
        let read = 0
        let handed = 0
        let over = 0
        const source = Stream.rechunk(Stream.fromArray(given), chunk).pipe(
          Stream.mapArray((some) => {
            read += some.length
            over = Math.max(over, read - handed - some.length)
            return some
          })
        )
        const fiber = yield* Effect.forkChild(
          work(source, options, (batch) =>
            Effect.gen(function* () {
              handed += batch.records.length + batch.merged.length
              const own = new Set(batch.records.map(({ key }) => key))
              for (const key of own) {
                assert.isFalse(open.has(key), `${key} is in two unfinished batches`)
                open.add(key)
              }
              assert.isAtMost(batch.records.length, options.maxRecords)
              if (options.sameKey !== "keep") assert.strictEqual(own.size, batch.records.length)
              const offsets = batch.records.map(({ offset }) => offset)
              assert.deepStrictEqual(
                offsets,
                offsets.toSorted((a, b) => a - b)
              )
              assert.deepStrictEqual(
                JSON.parse(new TextDecoder().decode(Batch.body(batch))),
                batch.records.map(({ patch }) => patch)
              )
              assert.strictEqual(batch.bytes, Batch.body(batch).length)
              for (const { key, offset, patch } of batch.records) {
                const into = batch.merged.filter((merged) => merged.into === offset).map((merged) => merged.offset)
                assert.deepStrictEqual([...into, offset], [...patch.seen])
                seen.set(key, [...(seen.get(key) ?? []), ...patch.seen])
              }
              yield* Effect.sleep(durations[batch.number % durations.length] ?? 1)
              for (const key of own) open.delete(key)
            })
          )
        )
        for (let time = 0; fiber.pollUnsafe() === undefined; time++) {
          assert.isBelow(time, 2000, "it comes to an end")
          yield* TestClock.adjust(10)
        }
        yield* Fiber.join(fiber)
        const expected = new Map<string, Array<number>>()
        for (const { key, offset } of given) expected.set(key, [...(expected.get(key) ?? []), offset])
        for (const [key, offsets] of expected) assert.deepStrictEqual(seen.get(key), offsets, key)
        // When it reads, nothing is left of the chunk: what was read and not handed over is set aside, or in the open batch.
        const most = options.maxRecords * (options.sameKey === "merge" ? 10 : 1)
        assert.isAtMost(over, options.aside + most)
      }),
    { arbitrary: { runs: 200 } }
  )
})
