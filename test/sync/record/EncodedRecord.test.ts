import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as EncodedRecord from "../../../src/sync/record/EncodedRecord.ts"
import { JsonBlocks } from "../../../src/sync/record/JsonBlocks.ts"
import * as KeyHash from "../../../src/sync/record/KeyHash.ts"

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (text: string) => new TextEncoder().encode(text)

const envelope = ['{"é":[', "]}"] as const
const blocksOf = (options?: { readonly maxRecords?: number; readonly maxBytes?: number }) =>
  new JsonBlocks({ envelope, maxRecords: 150, maxBytes: Number.POSITIVE_INFINITY, ...options })

const record = (offset: number, json: string, blocks: JsonBlocks) => {
  blocks.keep(blocks.write(json))
  return EncodedRecord.written(blocks, { offset, line: undefined, position: undefined, key: `k${offset}`, patch: json })
}

const jsons = Schema.Array(
  Schema.Struct({
    pieces: Schema.Array(Schema.Literals(["a", "é", "€", "😀", "\ud83d", "\ude00", "\0", "\u2028", '"', ","])),
    units: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))),
    // Long enough to make a block grow.
    times: Schema.Literals([1, 1, 1, 1, 2000, 40_000])
  })
)

const limits = Schema.Struct({
  maxRecords: Schema.Literals([1, 2, 3, 150]),
  maxBytes: Schema.Literals([1, 50, 400, 1_000_000_000])
})

describe("JsonBlocks", () => {
  it.effect.prop(
    "keeps what TextEncoder makes, of any UTF-16 at all, short or long",
    [jsons, limits],
    ([jsons, limits]) =>
      Effect.sync(() => {
        const blocks = blocksOf(limits)
        const texts = jsons.map(({ pieces, times, units }) =>
          (pieces.join("") + String.fromCharCode(...units)).repeat(times)
        )
        const records = texts.map((text, offset) => record(offset, text, blocks))
        for (const [index, text] of texts.entries()) {
          assert.strictEqual(records[index]?.json, textOf(bytesOf(text)))
          assert.strictEqual(records[index]?.bytes, bytesOf(text).length)
        }
      })
  )

  it.effect.prop("a block ends where a batch of the same limits does", [jsons, limits], ([jsons, limits]) =>
    Effect.sync(() => {
      const blocks = blocksOf(limits)
      const records = jsons.map(({ pieces }, offset) => record(offset, pieces.join(""), blocks))
      let bytes = 0
      let size = 0
      const empty = bytesOf(envelope.join("")).length
      for (const [index, { block, bytes: more }] of records.entries()) {
        const before = records[index - 1]?.block
        const isNew = size === 0 || size === limits.maxRecords || empty + bytes + more + size > limits.maxBytes
        assert.strictEqual(block !== before, isNew)
        bytes = (isNew ? 0 : bytes) + more
        size = isNew ? 1 : size + 1
      }
    })
  )

  it("what was written and not kept is written over", () => {
    const blocks = blocksOf()
    blocks.write('"refused"')
    const one = record(0, "1", blocks)
    blocks.write('"refused"')
    const two = record(1, "2", blocks)
    assert.deepStrictEqual([one.json, two.json], ["1", "2"])
    assert.strictEqual(textOf(EncodedRecord.body([one, two], envelope)), '{"é":[1,2]}')
  })
})

describe("body", () => {
  it.effect.prop(
    "is the envelope around the records, with commas between them, whichever are taken and in whatever order",
    {
      count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
      taken: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))),
      runs: Schema.Boolean,
      size: Schema.Literals([1, 300]),
      limits
    },
    ({ count, limits, runs, size, taken }) =>
      Effect.sync(() => {
        const blocks = blocksOf(limits)
        const all = Array.from({ length: count }, (_, i) => record(i, `{"é":"${`${i}`.repeat(size)}"}`, blocks))
        // Single records, or each with those after it.
        const chosen = taken.flatMap((index) => all.slice(index, index + (runs ? 150 : 1)))
        for (const records of [chosen, all.slice(0, limits.maxRecords)]) {
          const jsons = records.map(({ json }) => json).join(",")
          assert.strictEqual(textOf(EncodedRecord.body(records, envelope)), `{"é":[${jsons}]}`)
          // Of another destination, whose envelope may be as long.
          assert.strictEqual(textOf(EncodedRecord.body(records, ['{"e":[[', "]]"])), `{"e":[[${jsons}]]`)
        }
      })
  )

  it("of all records of a block is the block itself, and of others is not", () => {
    const blocks = blocksOf({ maxRecords: 3 })
    const all = Array.from({ length: 7 }, (_, i) => record(i, `{"i":${i}}`, blocks))
    const bodyOf = (from: number, to: number) => EncodedRecord.body(all.slice(from, to), envelope)
    const isBlock = (from: number, to: number) => bodyOf(from, to).buffer === all[from]?.block.bytes.buffer
    assert.isTrue(isBlock(0, 3))
    assert.isTrue(isBlock(3, 6))
    assert.strictEqual(textOf(bodyOf(3, 6)), '{"é":[{"i":3},{"i":4},{"i":5}]}')
    assert.isFalse(isBlock(0, 2))
    assert.isFalse(isBlock(1, 3))
    assert.isFalse(isBlock(2, 5))
    // It may still grow.
    assert.isFalse(isBlock(6, 7))
    assert.strictEqual(textOf(bodyOf(6, 7)), '{"é":[{"i":6}]}')
    const reversed = [...all.slice(0, 3)].reverse()
    assert.strictEqual(textOf(EncodedRecord.body(reversed, envelope)), '{"é":[{"i":2},{"i":1},{"i":0}]}')
    const [first] = all
    if (first === undefined) throw new Error("There is no record.")
    const twice = [first, first, first]
    assert.strictEqual(textOf(EncodedRecord.body(twice, envelope)), '{"é":[{"i":0},{"i":0},{"i":0}]}')
  })
})

describe("EncodedRecord", () => {
  it("has what it was given, and the hash of its key", () => {
    const blocks = blocksOf()
    const patch = { a: 1 }
    const position = { offset: 6, place: { byte: 5, line: 7 } }
    blocks.keep(blocks.write('{"a":1}'))
    const one = EncodedRecord.written(blocks, { offset: 8, line: 9, position, key: "k", patch })
    assert.strictEqual(one.patch, patch)
    assert.strictEqual(one.position, position)
    assert.deepStrictEqual([one.offset, one.line, one.key, one.keyHash], [8, 9, "k", KeyHash.of("k")])
  })
})
