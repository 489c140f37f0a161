import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as EncodedRecord from "../../src/sync/EncodedRecord.ts"

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (text: string) => new TextEncoder().encode(text)

const record = (offset: number, json: string, blocks: EncodedRecord.JsonBlocks) =>
  blocks.write(
    json,
    (block, from, to) => new EncodedRecord.EncodedRecord(offset, undefined, undefined, "k", block, from, to, json)
  )

const jsons = Schema.Array(
  Schema.Struct({
    pieces: Schema.Array(Schema.Literals(["a", "é", "€", "😀", "\ud83d", "\ude00", "\0", "\u2028", '"', ","])),
    units: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))),
    // Long enough to need a block, or two, of its own.
    times: Schema.Literals([1, 1, 1, 1, 2000, 40_000])
  })
)

describe("JsonBlocks", () => {
  it.effect.prop("keeps what TextEncoder makes, of any UTF-16 at all, short or long", [jsons], ([jsons]) =>
    Effect.sync(() => {
      const blocks = new EncodedRecord.JsonBlocks()
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
})

describe("body", () => {
  it.effect.prop(
    "is the envelope around the records, with commas between them, whichever are taken and in whatever order",
    {
      count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
      taken: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))),
      runs: Schema.Boolean,
      size: Schema.Literals([1, 300])
    },
    ({ count, runs, size, taken }) =>
      Effect.sync(() => {
        const blocks = new EncodedRecord.JsonBlocks()
        const all = Array.from({ length: count }, (_, i) => record(i, `{"é":"${`${i}`.repeat(size)}"}`, blocks))
        // Single records, or each with those after it.
        const chosen = taken.flatMap((index) => all.slice(index, index + (runs ? 150 : 1)))
        const body = EncodedRecord.body(chosen, ['{"é":[', "]}"])
        assert.strictEqual(textOf(body), `{"é":[${chosen.map(({ json }) => json).join(",")}]}`)
      })
  )

  it("records that stand next to each other without a comma between them are not taken for neighbours", () => {
    const block = bytesOf("{1}x{2}")
    const records = [0, 4].map(
      (from) => new EncodedRecord.EncodedRecord(from, undefined, undefined, "k", block, from, from + 3, from)
    )
    assert.strictEqual(textOf(EncodedRecord.body(records, ["[", "]"])), "[{1},{2}]")
  })
})

describe("EncodedRecord", () => {
  it("has the patch that it was given, or makes one of its JSON when it is asked", () => {
    const block = bytesOf('{"a":1}')
    const at = [0, undefined, undefined, "k", block, 0, block.length] as const
    const patch = { a: 1 }
    assert.strictEqual(new EncodedRecord.EncodedRecord(...at, patch).patch, patch)
    const decoded = new EncodedRecord.EncodedRecord(...at, undefined, (json) => ({ json }))
    assert.deepStrictEqual(decoded.patch, { json: { a: 1 } })
  })
})
