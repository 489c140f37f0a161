import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { CustomerFile, ReachSchema } from "../../../src/index.ts"
import * as Signature from "../../../src/source/bytes/Signature.ts"
import { bytesOf, inBlocks, readCsv, told } from "../support.ts"

const refusal = (bytes: Uint8Array, encoding?: string, blocks: ReadonlyArray<number> = []) =>
  CustomerFile.csv(inBlocks(bytes, blocks), ReachSchema.CustomerPatch, { source: "a.csv", encoding }).pipe(
    Stream.runDrain,
    Effect.flip
  )

const utf16 = (text: string) => new Uint8Array(Buffer.from(text, "utf16le"))
const utf16be = (text: string) => new Uint8Array(Buffer.from(text, "utf16le").swap16())
const utf32 = (text: string) => Uint8Array.from([...bytesOf(text)].flatMap((byte) => [byte, 0, 0, 0]))

describe("the bytes of a source", () => {
  const text = "customerId,firstName\nc-1,Zoë\n"

  it.effect("of UTF-16 without a mark are told to be that, and read once it is said", () =>
    Effect.gen(function* () {
      for (const [bytes, encoding] of [
        [utf16(text), "utf-16le"],
        [utf16be(text), "utf-16be"]
      ] as const) {
        for (const blocks of [[], [1], [3]]) {
          assert.strictEqual(
            (yield* refusal(bytes, undefined, blocks)).message,
            `a.csv seems to be UTF-16 without the mark that says so. Say it with encoding: "${encoding}".`
          )
        }
        assert.deepStrictEqual(told(yield* readCsv(bytes, ReachSchema.CustomerPatch, { encoding })), [
          { customerId: "c-1", firstName: "Zoë" }
        ])
      }
    })
  )

  it.effect("of UTF-32 are refused as that, with and without a mark", () =>
    Effect.gen(function* () {
      for (const bytes of [utf32(text), new Uint8Array([0xff, 0xfe, 0, 0, ...utf32("a")])]) {
        const error = yield* refusal(bytes)
        assert.strictEqual(error.message, "a.csv is UTF-32, which is not read. Convert it to UTF-8 first.")
      }
    })
  )

  it.effect("are what their mark says, whatever was said", () =>
    Effect.gen(function* () {
      for (const bytes of [utf16(`\uFEFF${text}`), bytesOf(`\uFEFF${text}`)]) {
        const records = yield* readCsv(bytes, ReachSchema.CustomerPatch, { encoding: "windows-1252" })
        assert.deepStrictEqual(told(records), [{ customerId: "c-1", firstName: "Zoë" }])
      }
    })
  )

  it.effect("in an encoding that nobody knows are not read", () =>
    Effect.gen(function* () {
      const error = yield* refusal(bytesOf(text), "latin-99")
      assert.strictEqual(error._tag, "InvalidConfiguration")
      assert.match(error.message, /encoding: is not known\. Use a name of the Encoding Standard, such as windows-1252/)
      yield* CustomerFile.checkEncoding("windows-1252")
      assert.strictEqual((yield* Effect.flip(CustomerFile.checkEncoding("x")))._tag, "InvalidConfiguration")
    })
  )

  it.effect("of half a pair cost their row, and are kept", () =>
    Effect.gen(function* () {
      const records = yield* readCsv(utf16("\uFEFFcustomerId\nc-1\nc\ud83d2\nc-3\n"), ReachSchema.CustomerPatch)
      assert.deepStrictEqual(told(records), [{ customerId: "c-1" }, "Malformed", { customerId: "c-3" }])
      const [, bad] = records
      // The three bytes that it would be in UTF-8, if it were a character.
      assert.isTrue(bad?._tag === "Invalid" && bad.input.value === "c\udced\udca0\udcbd2")
    })
  )

  it.effect("that the encoding which was named does not have cost their row, and are told by its name", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array([...bytesOf("customerId\nc-"), 0x81, 0x0a, ...bytesOf("c-2\n")])
      const [bad, good] = yield* readCsv(bytes, ReachSchema.CustomerPatch, { encoding: "shift_jis" })
      assert.strictEqual(good?._tag, "Valid")
      assert.isTrue(bad?._tag === "Invalid" && bad.input.value === "c-\udcff\udcff\udcff")
      assert.include(
        bad?._tag === "Invalid" ? bad.reason.issues[0]?.message : "",
        "Line 2 is not shift_jis at character 3."
      )
      const header = yield* refusal(Uint8Array.of(0x63, 0x81, 0x0a), "shift_jis")
      assert.match(header.message, /^The header of a\.csv is not shift_jis, first at line 1, character 2\./)
    })
  )

  it("of a text are not waited for longer than it takes to tell them from others", () => {
    for (const plain of ["cust", "PK\n1", "BZ12", "7zip", "(a;b", "Zoë"]) {
      assert.isFalse(Signature.isUndecided(bytesOf(plain)), plain)
      assert.isUndefined(Signature.compression(bytesOf(plain), "a.csv"))
    }
    assert.isFalse(Signature.isUndecided(bytesOf("BZh9;name;id")))
    assert.isUndefined(Signature.compression(bytesOf("BZh9;name;id"), "a.csv"))
    for (const part of [
      [0x42, 0x5a, 0x68, 0x39, 0x31],
      [0xfd, 0x37, 0x7a, 0x58, 0x5a],
      [0x63, 0, 0x75, 0]
    ]) {
      assert.isTrue(Signature.isUndecided(Uint8Array.from(part)))
    }
  })
})
