import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { DateTime, Effect, Result, Schema, Stream } from "effect"
import { ReachDestination, type ReachSchema } from "../../../src/index.ts"
import type { CustomerRecord, Invalid, Valid } from "../../../src/sync/model/CustomerRecord.ts"
import * as Encode from "../../../src/sync/record/Encode.ts"
import type { EncodedRecord } from "../../../src/sync/record/EncodedRecord.ts"

interface Patch {
  readonly id: string
  readonly name?: string | null
}

const envelope = ['{"é":[', "]}"] as const

/** A destination that refuses the name "no" and counts what it is asked to encode. */
const counting = () => {
  let encoded = 0
  return {
    envelope,
    maxRecords: 100,
    key: (patch: Patch) => patch.id,
    encode: (patch: Patch) => {
      encoded++
      return patch.name === "no"
        ? Result.fail([{ path: ["name"], message: "Expected a name" }])
        : Result.succeed(JSON.stringify(patch))
    },
    get encoded() {
      return encoded
    }
  }
}

const valid = (patch: Patch, offset = 0): Valid<Patch> => ({
  _tag: "Valid",
  offset,
  line: offset + 2,
  position: undefined,
  patch
})

const bytesOf = (text: string) => new TextEncoder().encode(text).length

const run = (records: ReadonlyArray<CustomerRecord<Patch>>, maxBytes = 1_000_000, to = counting()) =>
  Stream.runCollect(Encode.encode({ maxBytes, maxRecords: 100 }, to)(Stream.fromArray(records)))

describe("Encode.encode", () => {
  it.effect("a record is encoded once, with its key, its place and its exact bytes, in the order of the source", () =>
    Effect.gen(function* () {
      const to = counting()
      const records = [
        valid({ id: "a", name: "é😀" }, 7),
        valid({ id: "b", name: null }, 8),
        valid({ id: "a" }, 9)
      ] as const
      const encoded = yield* run(records, 1_000_000, to)
      assert.isTrue(encoded.every(Encode.isSendable))
      assert.deepStrictEqual(
        encoded
          .filter(Encode.isSendable)
          .map(({ bytes, json, key, line, offset, patch }) => [offset, line, key, json, bytes, patch]),
        [
          [7, 9, "a", '{"id":"a","name":"é😀"}', 26, records[0].patch],
          [8, 10, "b", '{"id":"b","name":null}', 22, records[1].patch],
          [9, 11, "a", '{"id":"a"}', 10, records[2].patch]
        ]
      )
      assert.strictEqual(to.encoded, 3)
    })
  )

  it.effect("a record that did not fit its schema is rejected for the source's reason, as read", () =>
    Effect.gen(function* () {
      const issues = [
        { path: ["email"], message: "Expected string" },
        { path: [], message: "Too many cells" }
      ]
      const record: Invalid = {
        _tag: "Invalid",
        offset: 3,
        line: 5,
        position: undefined,
        reason: { _tag: "SchemaMismatch", issues },
        input: { format: "cells", value: { id: "a" } }
      }
      const [only] = yield* run([record])
      assert.deepStrictEqual(only, {
        _tag: "Unsendable",
        offset: 3,
        line: 5,
        position: undefined,
        outcome: {
          _tag: "Rejected",
          offset: 3,
          reason: { tag: "SchemaMismatch", message: "email: Expected string; Too many cells", issues }
        },
        key: undefined,
        input: record.input
      })
    })
  )

  it.effect("a record that the destination does not encode is rejected with its issues, and the others go on", () =>
    Effect.gen(function* () {
      const encoded = yield* run([valid({ id: "a" }), valid({ id: "b", name: "no" }, 1), valid({ id: "c" }, 2)])
      assert.deepStrictEqual(
        encoded.filter(Encode.isSendable).map(({ key }) => key),
        ["a", "c"]
      )
      const [rejected] = encoded.filter(Encode.isUnsendable)
      assert.deepStrictEqual(rejected?.outcome, {
        _tag: "Rejected",
        offset: 1,
        reason: {
          tag: "InvalidRequest",
          message: "name: Expected a name",
          issues: [{ path: ["name"], message: "Expected a name" }]
        }
      })
      assert.strictEqual(rejected?.key, "b")
      assert.deepStrictEqual(rejected?.input, { format: "json", value: { id: "b", name: "no" } })
    })
  )

  it.effect("a record that is too large alone by one byte is rejected with its size; at the limit it is sent", () =>
    Effect.gen(function* () {
      for (const name of ["x", "é😀".repeat(30), "\\ud800", "x".repeat(6000)]) {
        const patch = { id: "a", name }
        const bytes = bytesOf(envelope[0] + JSON.stringify(patch) + envelope[1])
        for (const limit of [bytes, bytes + 1])
          assert.isTrue((yield* run([valid(patch)], limit)).every(Encode.isSendable))
        const [rejected] = (yield* run([valid(patch)], bytes - 1)).filter(Encode.isUnsendable)
        const message = `The record alone needs a body of ${bytes} bytes; ${bytes - 1} are allowed`
        assert.deepStrictEqual(rejected?.outcome.reason, {
          tag: "TooLarge",
          message,
          issues: [{ path: [], message }]
        })
        assert.deepStrictEqual(rejected?.input, { format: "json", value: patch })
      }
    })
  )

  it.effect.prop(
    "any text is sent to the byte, or rejected where UTF-8 cannot hold it",
    [Schema.String, Schema.String],
    ([id, name]) =>
      Effect.gen(function* () {
        const [only] = yield* run([valid({ id, name })])
        const isWhole = id.isWellFormed() && name.isWellFormed()
        assert.strictEqual(only?._tag, isWhole ? "Encoded" : "Unsendable")
        if (only !== undefined && Encode.isSendable(only)) {
          assert.strictEqual(only.json, JSON.stringify({ id, name }))
          assert.strictEqual(only.bytes, bytesOf(JSON.stringify({ id, name })))
        }
      })
  )

  it.effect("chunks stay chunks, and a failing source fails", () =>
    Effect.gen(function* () {
      const records = Array.from({ length: 10 }, (_, offset) => valid({ id: `${offset}` }, offset))
      const sizes: Array<number> = []
      const error = yield* Stream.concat(
        Stream.rechunk(Stream.fromArray(records), 4),
        Stream.fail("boom" as const)
      ).pipe(
        Encode.encode({ maxBytes: 100, maxRecords: 100 }, counting()),
        Stream.runForEachArray((chunk) => Effect.sync(() => sizes.push(chunk.length))),
        Effect.flip
      )
      assert.strictEqual(error, "boom")
      assert.deepStrictEqual(sizes, [4, 4, 2])
    })
  )

  it("what is left after the rejected are taken out is what batches are collected from", () => {
    const stream = Encode.encode({ maxBytes: 100, maxRecords: 100 }, counting())(Stream.succeed(valid({ id: "a" })))
    const sendable = Stream.filter(stream, Encode.isSendable)
    expectTypeOf(sendable).toEqualTypeOf<Stream.Stream<EncodedRecord<Patch>>>()
  })
})

describe("Encode.sendable", () => {
  it.effect("hands over what cannot be sent before what comes after it, and copies no chunk without such", () =>
    Effect.gen(function* () {
      const to = counting()
      const names = [["a", "b"], ["no", "c"], ["no", "no"], ["d"]]
      let offset = 0
      const chunks = names.map((some) => some.map((name) => valid({ id: name, name }, offset++)))
      const given: Array<ReadonlyArray<unknown>> = []
      const seen: Array<string | ReadonlyArray<number>> = []
      yield* Stream.fromIterable(chunks).pipe(
        Stream.flattenIterable,
        Encode.encode({ maxBytes: 1000, maxRecords: 100 }, to),
        Stream.rechunk(2),
        Stream.mapArray((chunk) => {
          given.push(chunk)
          return chunk
        }),
        Encode.sendable((unsendable) => Effect.sync(() => seen.push(unsendable.map(({ offset }) => offset)))),
        Stream.runForEachArray((chunk) =>
          Effect.sync(() => {
            for (const { key } of chunk) seen.push(key)
            if (chunk.length === 2) assert.strictEqual(given[0], chunk)
          })
        )
      )
      assert.deepStrictEqual(seen, ["a", "b", [2], "c", [4, 5], "d"])
      assert.strictEqual(given.length, 4)
    })
  )
})

describe("a destination that says what its JSON is", () => {
  const to = ReachDestination.batchPatch()
  const by = (from: Pick<typeof to, "encode" | "envelope" | "json" | "key" | "maxRecords">, maxBytes = 1_000_000) => {
    let asked = 0
    const encode: typeof to.encode = (patch) => {
      asked++
      return from.encode(patch)
    }
    const json = from.json && { ...from.json, encode }
    const { encode: one } = Encode.encoder({ maxRecords: 500, maxBytes }, { ...from, encode, json })
    return {
      of: (patch: ReachSchema.CustomerPatch, offset = 0) =>
        one({ _tag: "Valid", offset, line: undefined, position: undefined, patch }),
      asked: () => asked
    }
  }
  const createdAt = DateTime.makeUnsafe("2024-01-15T10:30:00Z")
  const usual = (index: number): ReachSchema.CustomerPatch => ({
    customerId: `c-${index}`,
    firstName: "Zoë 李娜",
    createdAt,
    email: index % 2 === 0 ? null : `${"x".repeat(index % 50)}@example.com`
  })
  const textOf = (encoded: Encode.Encoded<ReachSchema.CustomerPatch>) =>
    Encode.isSendable(encoded)
      ? [encoded.key, encoded.json, encoded.bytes]
      : encoded._tag === "Skipped" || encoded.outcome.reason

  it("is not asked for usual records, but while the first block grows, and gets what it would give", () => {
    const quick = by(to)
    const asked = by({ ...to, json: undefined })
    // Read once all are written, so that none is on top of another.
    const records = Array.from(
      { length: 2000 },
      (_, index) => [quick.of(usual(index)), asked.of(usual(index))] as const
    )
    for (const [one, other] of records) assert.deepStrictEqual(textOf(one), textOf(other))
    assert.strictEqual(asked.asked(), 2000)
    assert.isBelow(quick.asked(), 20)
  })

  it("is asked for every other record, which is sent or refused as it says", () => {
    const quick = by(to)
    for (let index = 0; index < 1000; index++) quick.of(usual(index))
    const before = quick.asked()
    const others: ReadonlyArray<ReachSchema.CustomerPatch> = [
      { customerId: "c-1", firstName: 'Zoë "Z"' },
      { customerId: "c-1", firstName: "half \ud83d" },
      { customerId: "c-1", smsOptOut: null },
      { customerId: "c-1", createdAt: DateTime.makeUnsafe(8.64e15) },
      { customerId: "" },
      // What an app without types may bring.
      Object.assign({ customerId: "c-1" }, { nickname: "Zoë" }),
      Object.defineProperty({ customerId: "c-1" }, "email", {
        enumerable: true,
        get: () => {
          throw new Error("Zoë")
        }
      })
    ]
    const asked = by({ ...to, json: undefined })
    for (const other of others) assert.deepStrictEqual(textOf(quick.of(other)), textOf(asked.of(other)))
    assert.strictEqual(quick.asked() - before, others.length)
  })

  it("still has its limit: a record that is a byte too large alone is refused with its size", () => {
    const record = usual(1)
    const fits = by(to).of(record)
    assert.isTrue(Encode.isSendable(fits))
    const bytes = (Encode.isSendable(fits) ? fits.bytes : 0) + bytesOf(to.envelope.join(""))
    assert.isTrue(Encode.isSendable(by(to, bytes).of(record)))
    const tooLarge = by(to, bytes - 1).of(record)
    assert.isTrue(Encode.isUnsendable(tooLarge) && tooLarge.outcome.reason.tag === "TooLarge")
  })
})
