import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CheckpointState from "../../../src/sync/checkpoint/CheckpointState.ts"
import * as CheckpointText from "../../../src/sync/checkpoint/CheckpointText.ts"
import * as Fingerprint from "../../../src/sync/model/Fingerprint.ts"
import { state } from "../../support/CheckpointStates.ts"

const decode = (text: string) => {
  const result = CheckpointText.decode(text)
  return Result.isSuccess(result) ? "state" : result.failure
}

const text = CheckpointText.encode(state(7))

// Sound, so that only what is in it can be wrong.
const sealed = (json: string) => {
  const crc = (bytes: Uint8Array) => {
    let crc = 0xffffffff
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
    }
    return (~crc >>> 0).toString(16).padStart(8, "0")
  }
  const header = { format: "effect-patchbay checkpoint", version: 1 }
  return `${JSON.stringify({ ...header, checksum: `crc32:${crc(new TextEncoder().encode(json))}` })}\n${json}\n`
}

describe("CheckpointText", () => {
  it.prop("any state comes back as it was", [CheckpointState.State], ([state]) => {
    const read = CheckpointText.decode(CheckpointText.encode(state))
    assert.isTrue(Result.isSuccess(read))
    // A record without prototype is as good as one with, and the order of its names says nothing.
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
    if (Result.isSuccess(read)) assert.deepStrictEqual(plain(read.success), plain(state))
  })

  it("that there is no state any more is told from a text that has none", () => {
    const none = CheckpointText.encode(null)
    assert.deepStrictEqual(CheckpointText.decode(text + none), Result.succeed(null))
    for (let length = 1; length < none.length; length++) assert.strictEqual(decode(none.slice(0, length)), "Torn")
  })

  it("a text that is cut anywhere is torn, never a state", () => {
    for (let length = 1; length < text.length; length++) assert.strictEqual(decode(text.slice(0, length)), "Torn")
    assert.strictEqual(decode("\0".repeat(text.length)), "Torn")
  })

  it("of several states the last counts, or the one before where the last was cut off", () => {
    const texts = [1, 2, 3].map((n) => CheckpointText.encode(state(n)))
    const [one = "", two = "", three = ""] = texts
    const read = (text: string) => {
      const decoded = CheckpointText.decode(text)
      return Result.isSuccess(decoded) ? decoded.success?.counts.read : decoded.failure
    }
    assert.strictEqual(read(one + two + three), 3)
    for (let length = 0; length < three.length; length++) {
      assert.strictEqual(read(one + two + three.slice(0, length)), 2, `cut after ${length}`)
      // The length of a file may be safe before its bytes are, as a whole or in blocks.
      assert.strictEqual(read(one + two + three.slice(0, length) + "\0".repeat(three.length - length)), 2)
      assert.strictEqual(read(one + two + "\0".repeat(length + 1) + three.slice(length + 1)), 2)
    }
    assert.strictEqual(read(`${one}${two} `), 2)
  })

  it("of several states the last is not passed over when it was changed, or is of a newer version", () => {
    const [one = "", two = ""] = [state(1), state(2)].map(CheckpointText.encode)
    const read = (text: string) => Result.getOrThrow(Result.flip(CheckpointText.decode(one + text)))
    assert.strictEqual(read(two.replace("customers.csv", "customers.tsv")), "Torn")
    assert.strictEqual(read(two.replace('"version":1', '"version":9')), "NewerVersion")
    assert.strictEqual(read("my notes\n\n"), "Foreign")
  })

  it("a text with one character changed is never a state", () => {
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "7" ? "8" : "7"
      assert.notStrictEqual(decode(text.slice(0, at) + other + text.slice(at + 1)), "state", `at ${at}`)
    }
  })

  it("says what else it may be", () => {
    assert.strictEqual(decode(text), "state")
    assert.strictEqual(decode(""), "Empty")
    assert.strictEqual(decode('{"customers":[]}\n'), "Foreign")
    assert.strictEqual(decode("customerId,email\nc-1,a@example.com\n"), "Foreign")
    assert.strictEqual(decode(text.replace('"version":1', '"version":2')), "NewerVersion")
    assert.strictEqual(decode(sealed(JSON.stringify(state(7)))), "state")
    assert.strictEqual(decode(sealed(JSON.stringify({ ...state(7), position: "here" }))), "Invalid")
  })

  it("refuses to write what could not be read", () => {
    assert.throws(() => CheckpointText.encode({ ...state(7), startedAt: Number.NaN }))
    assert.throws(() => CheckpointText.encode({ ...state(7), position: -1 }))
  })
})

describe("Fingerprint.differences", () => {
  it("names each part that was changed, added or taken away", () => {
    assert.deepStrictEqual(Fingerprint.differences({ a: "1", b: "2", c: "3" }, { a: "1", b: "4", d: "5" }), [
      { part: "b", was: "2", is: "4" },
      { part: "c", was: "3", is: undefined },
      { part: "d", was: undefined, is: "5" }
    ])
    assert.deepStrictEqual(Fingerprint.differences({ toString: "1" }, {}), [
      { part: "toString", was: "1", is: undefined }
    ])
  })
})
