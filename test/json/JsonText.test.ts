import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import * as JsonText from "../../src/json/JsonText.ts"
import { oneOf, textOf } from "../source/support.ts"

/** The value of a decimal number, as a fraction of whole numbers: nothing is rounded. */
const fraction = (text: string): readonly [numerator: bigint, denominator: bigint] => {
  const [mantissa = "", power = "0"] = text.toLowerCase().split("e")
  const [whole = "", decimals = ""] = mantissa.replace("+", "").split(".")
  const exponent = Number(power) - decimals.length
  const digits = BigInt(whole + decimals)
  return exponent >= 0 ? [digits * 10n ** BigInt(exponent), 1n] : [digits, 10n ** BigInt(-exponent)]
}

const isSame = (one: string, other: string): boolean => {
  const [a, b] = fraction(one)
  const [c, d] = fraction(other)
  return a * d === c * b
}

describe("a number in a JSON text", () => {
  it.each([
    ["0", true],
    ["-0", true],
    ["1.0", true],
    ["1e3", true],
    ["0.1", true],
    ["100000000000000000000000", true],
    ["9007199254740991", true],
    ["9007199254740992", true],
    ["9007199254740993", false],
    ["12345678901234567890", false],
    ["0.12345678901234567890", false],
    ["1.7976931348623157e308", true],
    ["1.7976931348623157e309", false],
    ["5e-324", true],
    ["1e-400", false],
    ["1e99999999999999999999", false],
    ["-4.35", true],
    ["1.00000000000000000000", true],
    ["1.00000000000000000001", false]
  ] as const)("%s is held to the digit: %s", (text, isHeld) => {
    assert.strictEqual(JsonText.isExact(text), isHeld)
    const { issues, value } = JsonText.parse(`{"a":[{"b":${text}}]}`)
    assert.deepStrictEqual(issues, isHeld ? [] : [{ path: ["a", 0, "b"], message: JsonText.inexact }])
    assert.deepStrictEqual(value, { a: [{ b: Number(text) }] })
  })

  const digits = (length: number) =>
    textOf(["0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "00000", "99999"], length)
  it.prop(
    "is held where writing it gives the same number, and only there",
    [
      oneOf(["", "-"]),
      oneOf(["0", "1", "7", "9007199254740"]),
      digits(12),
      oneOf([true, false]),
      digits(12),
      oneOf(["", "e0", "e-7", "E+15", "e-30"])
    ],
    ([sign, first, more, hasPoint, decimals, power]) => {
      const text = `${sign}${first === "0" ? first : first + more}${hasPoint ? `.${decimals}5` : ""}${power}`
      assert.strictEqual(JsonText.isExact(text), isSame(text, JSON.stringify(JSON.parse(text))), text)
    },
    { arbitrary: { runs: 2000, size: 60 } }
  )
})

describe("a JSON text", () => {
  const choices = Arbitrary.array(oneOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), { minLength: 1, maxLength: 40 })
  const names = ["a", "b", "a:", 'q"', "\\", "__proto__", "é", " "]
  const plain = [
    "null",
    "true",
    '"12345678901234567890"',
    '"a\\":1,\\"a"',
    '"\\\\"',
    "17",
    "-0.5",
    '"10:30 :00"',
    "[]",
    "{}"
  ]

  /** A text, and where in it something would be changed. */
  const build = (next: () => number, path: ReadonlyArray<string | number>, found: Array<unknown>): string => {
    const space = next() === 3 ? " \n\t" : ""
    const kind = next()
    if (kind > 7 || path.length > 4) return plain[next() % plain.length] ?? "null"
    if (kind > 6) {
      found.push(path)
      return "12345678901234567890"
    }
    const size = next() % 4
    if (kind < 2) {
      const items = Array.from({ length: size }, (_, i) => space + build(next, [...path, i], found) + space)
      return `[${items.join(",")}]`
    }
    const seen = new Set<string>()
    const members = Array.from({ length: size }, () => {
      const name = names[next() % names.length] ?? ""
      if (seen.has(name)) found.push([...path, name])
      seen.add(name)
      const written = next() === 5 && name === "a" ? '"\\u0061"' : JSON.stringify(name)
      return `${space}${written}${space}:${space}${build(next, [...path, name], found)}`
    })
    return `{${members.join(",")}${space}}`
  }

  it.prop(
    "is told of each name that comes twice and each number that is not held, with its place, and of nothing else",
    [choices],
    ([choices]) => {
      let at = 0
      const found: Array<unknown> = []
      const text = build(() => choices[at++ % choices.length] ?? 0, [], found)
      if (text.length > 100_000) return
      const { issues, value } = JsonText.parse(text)
      assert.deepStrictEqual(
        issues.map(({ path }) => path),
        found.slice(0, 8)
      )
      // As text: a name may be `__proto__`, which is not compared well as a property.
      assert.strictEqual(JSON.stringify(value), JSON.stringify(JSON.parse(text)))
    },
    { arbitrary: { runs: 1500, size: 60 } }
  )

  it("of any depth and length is looked through in time that grows with its length", () => {
    const deep = `${'{"a":['.repeat(20_000)}1${"]}".repeat(20_000)}`
    assert.deepStrictEqual(JsonText.parse(deep).issues, [])
    const zeros = `[1${"0".repeat(200_000)}1]`
    assert.lengthOf(JsonText.parse(zeros).issues, 1)
  })

  it("that is none throws", () => {
    assert.throws(() => JsonText.parse('{"a":'))
  })
})
