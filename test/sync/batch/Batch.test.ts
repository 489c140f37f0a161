import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Array as Arr, type Cause, Clock, Duration, Effect, Exit, Fiber, Queue, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BatchPolicy from "../../../src/policy/BatchPolicy.ts"
import * as ReachDestination from "../../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../../src/reach/ReachSchema.ts"
import * as Batch from "../../../src/sync/batch/Batch.ts"
import * as Batches from "../../../src/sync/batch/Batches.ts"
import * as EncodedRecord from "../../../src/sync/record/EncodedRecord.ts"
import { JsonBlocks } from "../../../src/sync/record/JsonBlocks.ts"

interface Patch {
  readonly id: string
  readonly name?: string | null
  readonly note?: string | null
}

const behaviour = {
  acceptance: "accepted",
  failureUnit: "batch",
  failures: "independent",
  writing: "merge",
  order: "within",
  resend: "safe"
} as const

const to = {
  behaviour,
  maxRecords: 1000,
  envelope: ['{"é":[', "]}"] as const,
  key: (patch: Patch) => patch.id,
  merge: (earlier: Patch, later: Patch): Patch => ({ ...earlier, ...later }),
  encode: (patch: Patch) => Result.succeed(JSON.stringify(patch))
}

const unordered = { ...to, behaviour: { ...behaviour, order: "none" } } as const
const replacing = { ...to, behaviour: { ...behaviour, writing: "replace" } } as const

const bytesOf = (text: string) => new TextEncoder().encode(text).length
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const encodeAt =
  <A>(destination: { key: (patch: A) => string; encode: (patch: A) => Result.Result<string, unknown> }) =>
  (patch: A, offset: number): EncodedRecord.EncodedRecord<A> =>
    encoded(offset, destination.key(patch), Result.getOrThrow(destination.encode(patch)), patch)

const blocks = new JsonBlocks({ envelope: to.envelope, maxRecords: 3, maxBytes: 1000 })

const encoded = <A>(offset: number, key: string, json: string, patch: A) => {
  blocks.keep(blocks.write(json))
  return EncodedRecord.written(blocks, { offset, line: offset + 2, position: undefined, key, patch })
}

/** Records `ids[i]` at offset i. */
const records = (...ids: ReadonlyArray<string>) => ids.map((id, offset) => encodeAt(to)({ id }, offset))

const chunksOf = <A>(values: ReadonlyArray<A>, size: number) => Stream.rechunk(Stream.fromArray(values), size)

const offsets = (batches: ReadonlyArray<Batch.Batch<unknown>>) =>
  batches.map((batch) => batch.records.map(({ offset }) => offset))

const ids = (batches: ReadonlyArray<Batch.Batch<Patch>>) =>
  batches.map((batch) => batch.records.map(({ key }) => key).join(""))

const never = Duration.infinity

describe("Batches.collect: size", () => {
  const jsons = ['{"a":"éa"}', '"\ud83d"', '{"b":"😀"}', '"\udc00\ud800"', "{}"]
  const raw = jsons.map((json, offset) => encoded(offset, String(offset), json, { id: String(offset) }))
  const exact = (count: number) => bytesOf(to.envelope[0] + jsons.slice(0, count).join(",") + to.envelope[1])

  it.effect("a batch closes at the exact byte of its body: one below, at, and one above the limit", () =>
    Effect.gen(function* () {
      for (const count of [2, 3, 4, 5]) {
        for (const [limit, first] of [
          [exact(count) - 1, count - 1],
          [exact(count), count],
          [exact(count) + 1, count]
        ] as const) {
          const policy = BatchPolicy.make({ maxBytes: limit })
          const batches = yield* Stream.runCollect(Batches.collect(policy, to)(Stream.fromArray(raw)))
          assert.strictEqual(batches[0]?.records.length, first, `${count} records, ${limit} bytes`)
          for (const batch of batches) {
            assert.strictEqual(batch.bytes, Batch.body(batch).length)
            assert.isAtMost(batch.bytes, limit)
          }
          assert.deepStrictEqual(offsets(batches).flat(), [0, 1, 2, 3, 4])
        }
      }
    })
  )

  it.effect("a batch closes at the exact record, of the policy or of the destination, whichever is less", () =>
    Effect.gen(function* () {
      for (const [asked, allowed] of [
        [3, 1000],
        [1000, 3]
      ] as const) {
        for (const length of [1, 2, 3, 4, 6, 7]) {
          const batches = yield* Stream.runCollect(
            Batches.collect(BatchPolicy.make({ maxRecords: asked }), { ...to, maxRecords: allowed })(
              Stream.fromArray(records(..."abcdefg".slice(0, length)))
            )
          )
          assert.deepStrictEqual(ids(batches), "abcdefg".slice(0, length).match(/.{1,3}/g))
          assert.deepStrictEqual(
            batches.map((batch) => batch.number),
            batches.map((_, index) => index + 1)
          )
        }
      }
    })
  )

  it.effect("a record that is too large even alone goes alone, and takes no other down", () =>
    Effect.gen(function* () {
      const wide = records("a", "b".repeat(500), "c", "d")
      const batches = yield* Stream.runCollect(
        Batches.collect(BatchPolicy.make({ maxBytes: 100 }), to)(Stream.fromArray(wide))
      )
      assert.deepStrictEqual(offsets(batches), [[0], [1], [2, 3]])
    })
  )

  it.effect("no record, no batch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Stream.runCollect(Batches.collect(BatchPolicy.make(), to)(Stream.empty)), [])
    })
  )
})

describe("Batches.collect: same key", () => {
  const run = (sameKey: "keep" | "merge" | "split", patches: ReadonlyArray<Patch>, policy = BatchPolicy.make()) =>
    Stream.runCollect(Batches.collect(policy, to, { sameKey })(Stream.fromArray(patches.map(encodeAt(to)))))

  const patchesOf = (batches: ReadonlyArray<Batch.Batch<Patch>>) =>
    batches.map((batch) => batch.records.map(({ patch }) => patch))

  it.effect("keep: both are in the batch, in their order", () =>
    Effect.gen(function* () {
      const batches = yield* run("keep", [{ id: "a", name: "1" }, { id: "b" }, { id: "a", name: "2" }])
      assert.deepStrictEqual(offsets(batches), [[0, 1, 2]])
      assert.deepStrictEqual(batches[0]?.merged, [])
    })
  )

  it.effect("split: the later record closes the batch and opens the next", () =>
    Effect.gen(function* () {
      const batches = yield* run("split", [{ id: "a" }, { id: "b" }, { id: "b" }, { id: "a" }, { id: "c" }])
      assert.deepStrictEqual(ids(batches), ["ab", "bac"])
    })
  )

  it.effect("merge: the later field wins, null and absent stay distinct, and the later one's place is taken", () =>
    Effect.gen(function* () {
      const [batch, ...others] = yield* run("merge", [
        { id: "a", name: "x", note: "kept" },
        { id: "b", name: null },
        { id: "a", name: null },
        { id: "b", note: "n" }
      ])
      assert.isEmpty(others)
      assert.isDefined(batch)
      assert.deepStrictEqual(patchesOf([batch]), [
        [
          { id: "a", name: null, note: "kept" },
          { id: "b", name: null, note: "n" }
        ]
      ])
      assert.deepStrictEqual(offsets([batch]), [[2, 3]])
      assert.deepStrictEqual(
        batch.records.map(({ line }) => line),
        [4, 5]
      )
      assert.deepStrictEqual(batch.merged, [
        { _tag: "Merged", offset: 0, into: 2 },
        { _tag: "Merged", offset: 1, into: 3 }
      ])
      assert.strictEqual(batch.bytes, Batch.body(batch).length)
      assert.deepStrictEqual(
        batch.records.map(({ json }) => JSON.parse(json)),
        batch.records.map(({ patch }) => patch)
      )
    })
  )

  it.effect("merge: in a chain, each earlier record is merged into the last, which has an outcome of its own", () =>
    Effect.gen(function* () {
      const batches = yield* run("merge", [{ id: "a" }, { id: "a" }, { id: "b" }, { id: "a" }, { id: "a" }])
      assert.deepStrictEqual(offsets(batches), [[2, 4]])
      assert.deepStrictEqual(batches[0]?.merged, [
        { _tag: "Merged", offset: 0, into: 4 },
        { _tag: "Merged", offset: 1, into: 4 },
        { _tag: "Merged", offset: 3, into: 4 }
      ])
    })
  )

  it.effect("merge: a merged record that fits to the byte is merged; one byte more, and it is a split", () =>
    Effect.gen(function* () {
      const patches = [{ id: "b" }, { id: "a", name: "éé" }, { id: "a", note: "😀" }]
      const whole = bytesOf(`${to.envelope[0]}{"id":"b"},{"id":"a","name":"éé","note":"😀"}${to.envelope[1]}`)
      assert.deepStrictEqual(offsets(yield* run("merge", patches, BatchPolicy.make({ maxBytes: whole }))), [[0, 2]])
      const split = yield* run("merge", patches, BatchPolicy.make({ maxBytes: whole - 1 }))
      assert.deepStrictEqual(patchesOf(split), [patches.slice(0, 2), patches.slice(2)])
      assert.deepStrictEqual(
        split.map(({ merged }) => merged),
        [[], []]
      )
    })
  )

  it.effect(
    "merge: where the destination knows no patch that does what both do, or does not encode it, it is a split",
    () =>
      Effect.gen(function* () {
        for (const destination of [
          { ...to, merge: () => undefined },
          {
            ...to,
            encode: (patch: Patch) =>
              patch.note === undefined ? to.encode(patch) : Result.fail([{ path: ["note"], message: "No" }])
          }
        ]) {
          const patches = [
            { id: "a", name: "1" },
            { id: "a", note: "2" }
          ]
          const batches = yield* Stream.runCollect(
            Batches.collect(BatchPolicy.make(), destination, { sameKey: "merge" })(
              Stream.fromArray(patches.map(encodeAt(to)))
            )
          )
          assert.deepStrictEqual(
            patchesOf(batches),
            patches.map((patch) => [patch])
          )
        }
      })
  )

  it.effect("merge: one key that comes for ever does not keep a batch open for ever", () =>
    Effect.gen(function* () {
      const policy = BatchPolicy.make({ maxRecords: 4, maxAge: never })
      const endless = Stream.map(Stream.range(0, Number.MAX_SAFE_INTEGER), (offset) =>
        encodeAt(to)({ id: "a" }, offset)
      )
      const batches = yield* endless.pipe(
        Batches.collect(policy, to, { sameKey: "merge" }),
        Stream.take(2),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        batches.map(({ merged, records }) => [records.length, merged.length]),
        [
          [1, 39],
          [1, 39]
        ]
      )
    })
  )

  it.effect("by default, keep where the destination keeps order within a batch, otherwise split", () =>
    Effect.gen(function* () {
      const same = Stream.fromArray(records("a", "a"))
      const kept = yield* Stream.runCollect(Batches.collect(BatchPolicy.make(), to)(same))
      const split = yield* Stream.runCollect(Batches.collect(BatchPolicy.make(), unordered)(same))
      assert.deepStrictEqual([offsets(kept), offsets(split)], [[[0, 1]], [[0], [1]]])
    })
  )

  it("only lawful choices compile", () => {
    const policy = BatchPolicy.make()
    Batches.collect(policy, to, { sameKey: "merge" })
    Batches.collect(policy, to, { sameKey: "keep" })
    Batches.collect(policy, replacing, { sameKey: "split" })
    // @ts-expect-error a key must be unique in a batch
    Batches.collect(policy, unordered, { sameKey: "keep" })
    // @ts-expect-error an absent field would be erased
    Batches.collect(policy, replacing, { sameKey: "merge" })
    const collected = Batches.collect(policy, to)(Stream.fail("boom" as const))
    expectTypeOf(collected).toEqualTypeOf<Stream.Stream<Batch.Batch<Patch>, "boom">>()
  })
})

describe("Batches.collect: any records", () => {
  const field = Schema.optionalKey(Schema.NullOr(Schema.Literals(["", "a", "é😀", "\u0000", '"\\', "x".repeat(40)])))
  const generated = {
    patches: Schema.Array(
      Schema.Struct({ id: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })), name: field, note: field })
    ).check(Schema.isMaxLength(60)),
    keys: Schema.Literals([1, 3, 60]),
    maxRecords: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
    maxBytes: Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 400 })),
    chunk: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
    sameKey: Schema.Literals(["keep", "merge", "split"]),
    ages: Schema.Boolean
  }

  interface Kept {
    readonly patch: Patch
    readonly offsets: ReadonlyArray<number>
  }
  const bodyBytes = (kept: ReadonlyArray<Kept>) =>
    bytesOf(to.envelope[0] + kept.map(({ patch }) => JSON.stringify(patch)).join(",") + to.envelope[1])

  /** The batches, made the slow way: each candidate's body is made and encoded. */
  const oracle = (patches: ReadonlyArray<Patch>, limits: { maxRecords: number; maxBytes: number; sameKey: string }) => {
    const batches: Array<ReadonlyArray<Kept>> = []
    let open: ReadonlyArray<Kept> = []
    patches.forEach((patch, offset) => {
      const alone = { patch, offsets: [offset] }
      const same = limits.sameKey === "keep" ? undefined : open.find((kept) => kept.patch.id === patch.id)
      let candidate: ReadonlyArray<Kept> | undefined = [...open, alone]
      if (same !== undefined && limits.sameKey === "merge") {
        const merged = { patch: { ...same.patch, ...patch }, offsets: [...same.offsets, offset] }
        candidate = [...open.filter((kept) => kept !== same), merged]
        if (candidate.flatMap((kept) => kept.offsets).length > limits.maxRecords * 10) candidate = undefined
      } else if (same !== undefined) candidate = undefined
      if (open.length > 0 && (candidate === undefined || bodyBytes(candidate) > limits.maxBytes)) {
        batches.push(open)
        candidate = [alone]
      }
      open = candidate ?? [alone]
      if (open.length >= limits.maxRecords) {
        batches.push(open)
        open = []
      }
    })
    return open.length === 0 ? batches : [...batches, open]
  }

  it.effect.prop(
    "every record is in one batch, in order, or merged into one that is; no batch is over a limit, nor smaller than it must be",
    generated,
    ({ ages, chunk, keys, patches: any, ...limits }) =>
      Effect.gen(function* () {
        const patches = any.map((patch): Patch => ({ ...patch, id: `c${patch.id % keys}` }))
        const policy = BatchPolicy.make({ ...limits, maxAge: ages ? "1 second" : never })
        const batches = yield* chunksOf(patches.map(encodeAt(to)), chunk).pipe(
          Batches.collect(policy, to, limits),
          Stream.runCollect
        )
        const found = batches.map((batch) =>
          batch.records.map(
            ({ offset: into, patch }): Kept => ({
              patch,
              offsets: [...batch.merged.filter((merged) => merged.into === into).map(({ offset }) => offset), into]
            })
          )
        )
        assert.deepStrictEqual(found, oracle(patches, limits))

        const all = batches.flatMap((batch) => [
          ...batch.records.map(({ offset }) => offset),
          ...batch.merged.map(({ offset }) => offset)
        ])
        assert.deepStrictEqual(
          all.sort((a, b) => a - b),
          Arr.range(0, patches.length - 1).slice(0, patches.length)
        )
        batches.forEach((batch, index) => {
          assert.strictEqual(batch.number, index + 1)
          assert.strictEqual(batch.bytes, Batch.body(batch).length)
          assert.isAtMost(batch.records.length, limits.maxRecords)
          if (batch.records.length > 1) assert.isAtMost(batch.bytes, limits.maxBytes)
          const own = batch.records.map(({ offset }) => offset)
          assert.deepStrictEqual(
            own,
            [...own].sort((a, b) => a - b),
            "offsets ascend"
          )
          assert.isTrue(batch.merged.every(({ into, offset }) => offset < into && own.includes(into)))
          if (limits.sameKey !== "keep") {
            assert.strictEqual(new Set(batch.records.map(({ key }) => key)).size, batch.records.length)
          }
        })
      }),
    { arbitrary: { runs: 300 } }
  )

  /** What a vendor that merges does with patches, one after the other: null deletes, absent keeps. */
  const apply = (patches: ReadonlyArray<ReachSchema.CustomerPatch>) => {
    const store = new Map<string, Map<string, unknown>>()
    for (const patch of patches) {
      const customer = store.get(patch.customerId) ?? new Map<string, unknown>()
      store.set(patch.customerId, customer)
      for (const [name, value] of Object.entries(patch)) {
        if (value === null) customer.delete(name)
        else customer.set(name, value)
      }
    }
    return store
  }
  const reach = ReachDestination.batchPatch()
  const text = Schema.Literals(["", "a", "é"])
  const reachPatch = Schema.Struct({
    customerId: Schema.Literals(["a", "b", "c"]),
    firstName: Schema.optionalKey(text),
    email: Schema.optionalKey(Schema.NullOr(text)),
    phone: Schema.optionalKey(Schema.NullOr(text)),
    emailOptOut: Schema.optionalKey(Schema.Boolean)
  })

  it.effect.prop(
    "batches of merged patches leave the customers as the patches do one after the other",
    { patches: Schema.Array(reachPatch), maxRecords: generated.maxRecords, maxBytes: generated.maxBytes },
    ({ patches, ...limits }) =>
      Effect.gen(function* () {
        const batches = yield* Stream.fromArray(patches.map(encodeAt(reach))).pipe(
          Batches.collect(BatchPolicy.make(limits), reach, { sameKey: "merge" }),
          Stream.runCollect
        )
        const sent = batches.flatMap(
          (batch): ReadonlyArray<ReachSchema.CustomerPatch> => JSON.parse(textOf(Batch.body(batch))).resources
        )
        assert.deepStrictEqual(apply(sent), apply(patches))
      })
  )

  it.effect.prop("merging is associative", [reachPatch, reachPatch, reachPatch], (patches) =>
    Effect.sync(() => {
      const [a, b, c] = patches.map((patch) => ({ ...patch, customerId: "a" }))
      assert(a !== undefined && b !== undefined && c !== undefined)
      const merge = (earlier: ReachSchema.CustomerPatch, later: ReachSchema.CustomerPatch) => {
        const merged = reach.merge(earlier, later)
        assert.isDefined(merged)
        return merged
      }
      const left = merge(merge(a, b), c)
      assert.deepStrictEqual(left, merge(a, merge(b, c)))
      assert.deepStrictEqual(apply([left]), apply([merge(a, b), c]))
    })
  )
})

describe("Batches.collect: age", () => {
  const policy = BatchPolicy.make({ maxRecords: 3, maxAge: "1 second" })

  /** A source that the test feeds, and what came out of it: the time and the ids of each batch. */
  const fed = Effect.gen(function* () {
    const queue = yield* Queue.unbounded<EncodedRecord.EncodedRecord<Patch>, Cause.Done | "boom">()
    const out: Array<readonly [at: number, ids: string]> = []
    let offset = 0
    const fiber = yield* Stream.fromQueue(queue).pipe(
      Batches.collect(policy, to),
      Stream.runForEach((batch) =>
        Effect.map(Clock.currentTimeMillis, (at) => {
          out.push([at, batch.records.map(({ key }) => key).join("")])
        })
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    return {
      queue,
      out,
      fiber,
      offer: (ids: string) =>
        Queue.offerAll(
          queue,
          [...ids].map((id) => encodeAt(to)({ id }, offset++))
        )
    }
  })

  it.effect("a batch is flushed when its first record is as old as allowed, though no other record comes", () =>
    Effect.gen(function* () {
      const { offer, out } = yield* fed
      yield* offer("a")
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(out, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(out, [[1000, "a"]])
    })
  )

  it.effect("a slow trickle is flushed by the age of its first record, not of its last", () =>
    Effect.gen(function* () {
      const { offer, out } = yield* fed
      for (const id of "abcdefg") {
        yield* offer(id)
        yield* TestClock.adjust("800 millis")
      }
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(out, [
        [1000, "ab"],
        [2600, "cd"],
        [4200, "ef"],
        [5800, "g"]
      ])
    })
  )

  it.effect("a burst goes out at once as far as it fills batches, and the rest by its age", () =>
    Effect.gen(function* () {
      const { offer, out } = yield* fed
      yield* offer("abcdefgh")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(out, [
        [0, "abc"],
        [0, "def"]
      ])
      yield* TestClock.adjust("400 millis")
      yield* offer("i")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(out.slice(2), [[400, "ghi"]])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(out.length, 3)
    })
  )

  it.effect("no record, no batch: age counts from a first record only", () =>
    Effect.gen(function* () {
      const { offer, out } = yield* fed
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(out, [])
      yield* offer("a")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(out, [[3_601_000, "a"]])
    })
  )

  it.effect("an infinite age waits for as long as the batch is not full", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<EncodedRecord.EncodedRecord<Patch>>()
      const fiber = yield* Stream.fromQueue(queue).pipe(
        Batches.collect(BatchPolicy.make({ maxRecords: 3, maxAge: never }), to),
        Stream.runHead,
        Effect.forkScoped
      )
      yield* Queue.offerAll(queue, records("a", "b"))
      yield* TestClock.adjust("1000 days")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Queue.offerAll(queue, records("c"))
      yield* TestClock.adjust(0)
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("a batch that closes by its age interrupts no read, and what the read brings is in the next batch", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const [first, second] = records("a", "b")
      assert(first !== undefined && second !== undefined)
      const slow = Effect.onInterrupt(Effect.delay(Effect.succeed(second), "5 seconds"), () =>
        Effect.sync(() => interrupted++)
      )
      const fiber = yield* Stream.concat(Stream.succeed(first), Stream.fromEffect(slow)).pipe(
        Batches.collect(policy, to),
        Stream.mapEffect((batch) => Effect.map(Clock.currentTimeMillis, (at) => [at, batch.records.length] as const)),
        Stream.runCollect,
        Effect.forkScoped
      )
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [
        [1000, 1],
        [5000, 1]
      ])
      assert.strictEqual(interrupted, 0)
    })
  )

  it.effect("the time in which no batch is asked for makes none older: a slow consumer gets full batches", () =>
    Effect.gen(function* () {
      const fiber = yield* chunksOf(records(..."abcdefghijkl"), 4).pipe(
        Stream.mapArrayEffect((chunk) => Effect.delay(Effect.succeed(chunk), "10 millis")),
        Batches.collect(policy, to),
        Stream.mapEffect((batch) => Effect.delay(Effect.succeed(batch), "1 minute")),
        Stream.runCollect,
        Effect.forkScoped
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(ids(yield* Fiber.join(fiber)), ["abc", "def", "ghi", "jkl"])
    })
  )

  it.effect("a source that is ready at once costs no timer", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let sleeps = 0
      const counting: Clock.Clock = {
        ...clock,
        sleep: (duration) => {
          sleeps++
          return clock.sleep(duration)
        }
      }
      const batches = yield* chunksOf(records(..."abcdefghij"), 1).pipe(
        Batches.collect(policy, to),
        Stream.runCollect,
        Effect.provideService(Clock.Clock, counting)
      )
      assert.deepStrictEqual(ids(batches), ["abc", "def", "ghi", "j"])
      assert.strictEqual(sleeps, 0)
    })
  )

  it.effect("a source that is ready at once, but works for long, makes a batch older with every chunk", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let millis = 0
      const sleeps: Array<number> = []
      const working: Clock.Clock = {
        ...clock,
        monotonicTimeNanosUnsafe: () => BigInt(millis) * 1_000_000n,
        sleep: (duration) => {
          sleeps.push(Duration.toMillis(duration))
          return Effect.sync(() => {
            millis += Duration.toMillis(duration)
          })
        }
      }
      const collected = (source: Stream.Stream<EncodedRecord.EncodedRecord<Patch>>) =>
        source.pipe(
          Stream.map((record) => {
            millis += 400
            return record
          }),
          Batches.collect(BatchPolicy.make({ maxAge: "1 second" }), to)
        )
      const ready = yield* Stream.runCollect(collected(chunksOf(records(..."abcdefghi"), 1))).pipe(
        Effect.provideService(Clock.Clock, working)
      )
      assert.deepStrictEqual(ids(ready), ["abcd", "efgh", "i"])
      assert.deepStrictEqual(sleeps, [])

      const stuck = Stream.concat(chunksOf(records("a", "b"), 1), Stream.fromEffect(Effect.never))
      const [first] = yield* Stream.runCollect(Stream.take(collected(stuck), 1)).pipe(
        Effect.provideService(Clock.Clock, working)
      )
      assert.strictEqual(first?.records.length, 2)
      assert.deepStrictEqual(sleeps, [600], "the second record has taken 400 of the first one's 1,000")
    })
  )
})

describe("Batches.collect: the source", () => {
  it.effect("a slow consumer has no more than one batch and one chunk read ahead of what it took", () =>
    Effect.gen(function* () {
      for (const [chunk, maxRecords, every] of [
        [7, 5, "0 millis"],
        [2, 5, "0 millis"],
        [2, 5, "300 millis"],
        [1, 1, "0 millis"]
      ] as const) {
        let read = 0
        let taken = 0
        let most = 0
        const fiber = yield* chunksOf(records(..."abcdefghijklmnopqrstuvwxyz"), chunk).pipe(
          Stream.mapArrayEffect((chunk) => Effect.delay(Effect.succeed(chunk), every)),
          Stream.mapArray((chunk) => {
            read += chunk.length
            most = Math.max(most, read - taken)
            return chunk
          }),
          Batches.collect(BatchPolicy.make({ maxRecords, maxAge: "1 second" }), to),
          Stream.runForEach((batch) =>
            Effect.andThen(
              Effect.sleep("10 seconds"),
              Effect.sync(() => {
                taken += batch.records.length
              })
            )
          ),
          Effect.forkScoped
        )
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(fiber)
        assert.strictEqual(taken, 26)
        assert.isAtMost(most, maxRecords + chunk, `chunks of ${chunk}`)
      }
    })
  )

  it.effect("a source that fails or dies first yields what is open, whether or not a batch waits by its age", () =>
    Effect.gen(function* () {
      for (const maxAge of [never, Duration.seconds(1)]) {
        for (const [end, tag] of [
          [Effect.fail("boom"), "Fail"],
          [Effect.die("boom"), "Die"]
        ] as const) {
          const got: Array<string> = []
          const fiber = yield* Stream.concat(
            Stream.fromArray(records("a", "b", "c")),
            Stream.fromEffect(Effect.delay(end, "500 millis"))
          ).pipe(
            Batches.collect(BatchPolicy.make({ maxRecords: 2, maxAge }), to),
            Stream.runForEach((batch) => Effect.sync(() => got.push(batch.records.map(({ key }) => key).join("")))),
            Effect.exit,
            Effect.forkScoped
          )
          yield* TestClock.adjust("2 seconds")
          const exit = yield* Fiber.join(fiber)
          assert.deepStrictEqual(got, ["ab", "c"])
          assert(Exit.isFailure(exit))
          assert.strictEqual(exit.cause.reasons[0]?._tag, tag)
        }
      }
    })
  )

  it.effect("a failure that comes after a batch closed by its age is not lost", () =>
    Effect.gen(function* () {
      const fiber = yield* Stream.concat(
        Stream.fromArray(records("a")),
        Stream.fromEffect(Effect.delay(Effect.fail("boom" as const), "5 seconds"))
      ).pipe(
        Batches.collect(BatchPolicy.make({ maxAge: "1 second" }), to),
        Stream.runForEach(() => Effect.sleep("30 seconds")),
        Effect.flip,
        Effect.forkScoped
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "boom")
    })
  )

  it.effect("interrupting the stream interrupts the read that a batch waits for, and closes the source", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const source = Stream.concat(
        Stream.fromArray(records("a")),
        Stream.fromEffect(Effect.onInterrupt(Effect.never, () => Effect.sync(() => events.push("interrupted"))))
      ).pipe(Stream.ensuring(Effect.sync(() => events.push("closed"))))
      const fiber = yield* source.pipe(
        Batches.collect(BatchPolicy.make({ maxAge: "1 second" }), to),
        Stream.runForEach(() => Effect.sync(() => events.push("batch"))),
        Effect.forkScoped
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(events, ["batch", "interrupted", "closed"])
    })
  )

  it.effect("the same stage may run twice at once: nothing is shared", () =>
    Effect.gen(function* () {
      const stream = Stream.fromArray(records("a", "b", "c")).pipe(
        Batches.collect(BatchPolicy.make({ maxRecords: 2 }), to),
        Stream.map((batch) => `${batch.number}:${batch.records.length}`),
        Stream.runCollect
      )
      assert.deepStrictEqual(yield* Effect.all([stream, stream], { concurrency: 2 }), [
        ["1:2", "2:1"],
        ["1:2", "2:1"]
      ])
    })
  )
})

describe("Batch.limit", () => {
  const make = (maxRecords = 500, maxBytes = 1_000_000) => Batch.limit({ maxRecords, maxBytes }, to)
  const size = ({ bytes, records }: Batch.BatchLimit) => [records, bytes]

  it("starts at what policy and destination allow", () => {
    assert.deepStrictEqual(size(make(5000)), [1000, 1_000_000])
  })

  it("is half of what was refused, however many batches of that size are refused", () => {
    const limit = make()
    limit.tooLarge(500, 400_000)
    limit.tooLarge(500, 400_000)
    limit.tooLarge(480, 390_000)
    assert.deepStrictEqual(size(limit), [240, 195_000])
    limit.tooLarge(240, 150_000)
    assert.deepStrictEqual(size(limit), [120, 75_000])
    for (let records = 120; records > 0; records = Math.floor(records / 2)) limit.tooLarge(records, 75_000)
    assert.strictEqual(limit.records, 1)
  })

  it("a record that is refused alone says nothing of how many fit", () => {
    const limit = make()
    limit.tooLarge(1, 600_000)
    assert.deepStrictEqual(size(limit), [500, 300_000])
  })

  it("recovers by a tenth after every 20 successes of about that size, up to the policy and no further", () => {
    const limit = make()
    limit.tooLarge(500, 1_000_000)
    for (let i = 0; i < 19; i++) limit.succeeded(250, 100_000)
    for (let i = 0; i < 100; i++) limit.succeeded(124, 249_999)
    assert.deepStrictEqual(size(limit), [250, 500_000])
    limit.succeeded(250, 100_000)
    assert.deepStrictEqual(size(limit), [275, 550_000])
    let successes = 20
    for (; limit.records < 500; successes++) limit.succeeded(limit.records, limit.bytes)
    assert.strictEqual(successes, 160)
    for (let i = 0; i < 200; i++) limit.succeeded(limit.records, limit.bytes)
    assert.deepStrictEqual(size(limit), [500, 1_000_000])
  })

  it("a refusal begins the count of successes again", () => {
    const limit = make()
    limit.tooLarge(400, 800_000)
    for (let i = 0; i < 19; i++) limit.succeeded(200, 400_000)
    limit.tooLarge(400, 800_000)
    limit.succeeded(200, 400_000)
    assert.strictEqual(limit.records, 200)
  })

  it.effect("batches that are opened after a refusal keep to it, and grow again", () =>
    Effect.gen(function* () {
      const policy = BatchPolicy.make({ maxRecords: 8 })
      const limit = Batch.limit(policy, to)
      const sizes: Array<number> = []
      yield* chunksOf(records(...Arr.makeBy(300, String)), 300).pipe(
        Batches.collect(policy, to, { limit }),
        Stream.runForEach((batch) =>
          Effect.sync(() => {
            const { length } = batch.records
            sizes.push(length)
            if (length > 4) limit.tooLarge(length, 2_000_000)
            else limit.succeeded(length, batch.bytes)
          })
        )
      )
      assert.deepStrictEqual(sizes.slice(0, 22), [8, ...Arr.replicate(4, 20), 5])
      assert.strictEqual(sizes[22], 2)
      assert.strictEqual(
        sizes.reduce((sum, size) => sum + size, 0),
        300
      )
    })
  )
})
