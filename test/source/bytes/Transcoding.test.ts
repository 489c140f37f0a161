import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Option, Schema } from "effect"
import * as Transcoding from "../../../src/source/bytes/Transcoding.ts"
import { bytesOf, oneOf, sizes } from "../support.ts"

/** What becomes of bytes in blocks of these sizes, over and over, that start at an odd address now and then. */
const inBlocks = (encoding: string, bytes: Uint8Array, sizes: ReadonlyArray<number>): ReadonlyArray<number> => {
  const transcode = Transcoding.make(encoding)
  if (transcode === undefined) throw new Error("It is UTF-8.")
  const out: Array<number> = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length
    out.push(...transcode(bytes.subarray(at, at + size), false))
    at += size
  }
  return [...out, ...transcode(new Uint8Array(0), true)]
}

const units = oneOf([
  0x41, 0x0a, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xffff, 0xd800, 0xdbff, 0xdc00, 0xdfff
])

/** The UTF-8 of code units, by which half of a pair is what it would be if it were a character. */
const expected = (text: string): ReadonlyArray<number> =>
  [...text].flatMap((character) => {
    const unit = character.charCodeAt(0)
    return character.isWellFormed()
      ? [...bytesOf(character)]
      : [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]
  })

describe("text in another encoding", () => {
  it.effect.prop(
    "of UTF-16 is the same text in UTF-8, and half of a pair is none, however it is cut",
    [Arbitrary.array(units, { maxLength: 40 }), oneOf([true, false]), sizes, oneOf([0, 1, 2, 3])],
    ([codes, isBig, sizes, skew]) =>
      Effect.sync(() => {
        const text = String.fromCharCode(...codes)
        const plain = Buffer.from(text, "utf16le")
        const bytes = new Uint8Array(plain.length + skew)
        bytes.set(isBig ? plain.swap16() : plain, skew)
        const encoding = isBig ? "utf-16be" : "utf-16le"
        for (const blocks of [sizes, []]) {
          assert.deepStrictEqual(inBlocks(encoding, bytes.subarray(skew), blocks), expected(text))
        }
      }),
    { arbitrary: { runs: 400 } }
  )

  it("of UTF-16 that ends in the middle of a unit is not UTF-8 there", () => {
    assert.deepStrictEqual(inBlocks("utf-16le", Uint8Array.of(0x41, 0, 0x42), []), [0x41, 0xff])
    assert.deepStrictEqual(inBlocks("utf-16be", Uint8Array.of(0xd8, 0), [1]), [0xed, 0xa0, 0x80])
  })

  it("of any name that the standard has is what that says, also where a block cuts a character", () => {
    for (const [encoding, bytes, text] of [
      ["windows-1252", [0x80, 0x92, 0x41, 0xfc, 0x9f, 0xff], "€’AüŸÿ"],
      ["LATIN1", [0xe9, 0x80], "é€"],
      ["iso-8859-2", [0xb1, 0xbb], "ąť"],
      ["shift_jis", [0x8e, 0x52, 0x83, 0x5c, 0x41], "山ソA"],
      ["gb18030", [0xc0, 0xee, 0x84, 0x31, 0x95, 0x33], "李\uFEFF"],
      ["euc-kr", [0xb1, 0xe8], "김"],
      ["koi8-r", [0xed, 0xc9, 0xd2], "Мир"]
    ] as const) {
      for (const blocks of [[], [1], [3, 1]]) {
        assert.deepStrictEqual(inBlocks(encoding, Uint8Array.from(bytes), blocks), [...bytesOf(text)], encoding)
      }
    }
  })

  it("has bytes that are not UTF-8 where bytes belong to no character", () => {
    const isUtf8 = Schema.is(Schema.String.check(Schema.isPattern(/^[^\uFFFD]*$/)))
    for (const [encoding, bytes] of [
      ["shift_jis", [0x41, 0x81, 0x0a]],
      ["windows-1253", [0x41, 0xff]],
      ["euc-jp", [0x8f, 0xff]],
      ["gbk", [0x81]]
    ] as const) {
      for (const blocks of [[], [1]]) {
        const out = Uint8Array.from(inBlocks(encoding, Uint8Array.from(bytes), blocks))
        assert.throws(() => new TextDecoder("utf-8", { fatal: true }).decode(out))
        assert.isTrue(isUtf8(Buffer.from(out).toString("latin1")))
      }
    }
  })

  it("is windows-1252 where Node takes that for ISO-8859-1", () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const taken = Buffer.from(all).toString("latin1")
    const decoded = new TextDecoder("windows-1252").decode(all)
    // A Node that does so gives `taken` for both.
    const mended = decoded === taken ? Transcoding.fromLatin1(decoded) : decoded
    assert.strictEqual(Transcoding.fromLatin1(taken), mended)
    assert.strictEqual(Transcoding.fromLatin1("\u0080\u0092\u009f\u00a0é"), "€’Ÿ\u00a0é")
  })

  it("is UTF-8 already, or has a name that nobody knows", () => {
    assert.isUndefined(Transcoding.make("utf8"))
    assert.deepStrictEqual(Transcoding.nameOf("UTF8"), Option.some("utf-8"))
    assert.isTrue(Option.isNone(Transcoding.nameOf("latin-99")))
    assert.isTrue(Option.isNone(Transcoding.nameOf("")))
  })
})
