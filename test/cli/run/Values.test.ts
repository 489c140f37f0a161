import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Option } from "effect"
import * as Values from "../../../src/cli/run/Values.ts"

const millis = (text: string) => Option.getOrUndefined(Option.map(Values.duration(text), Duration.toMillis))

describe("values of options", () => {
  it("times are read with their unit, and nothing else is", () => {
    assert.deepStrictEqual(
      ["500ms", "30s", "1.5m", "2h", "1d", "10 s"].map(millis),
      [500, 30_000, 90_000, 7_200_000, 86_400_000, 10_000]
    )
    for (const text of ["", "15", "0s", "-1s", "1 second", "1e3s", "s", "1sm", ".5s", "∞"]) {
      assert.isUndefined(millis(text), text)
    }
  })

  it("rates are requests in a time", () => {
    const rate = (text: string) =>
      Option.getOrUndefined(Option.map(Values.rate(text), ({ limit, window }) => [limit, Duration.toMillis(window)]))
    assert.deepStrictEqual(["10/1s", "600/m", "1/500ms"].map(rate), [
      [10, 1000],
      [600, 60_000],
      [1, 500]
    ])
    for (const text of ["10", "0/1s", "/1s", "10/", "1.5/s", "10/0s", "-1/s", "10/1s/2"]) {
      assert.isUndefined(rate(text), text)
    }
  })

  it("counts are whole numbers above 0", () => {
    assert.deepStrictEqual(["1", "0010", "500000"].map(Values.count), [1, 10, 500_000].map(Option.some))
    for (const text of ["0", "-1", "1.5", "1e3", "", " 1", "9".repeat(16)]) {
      assert.isTrue(Option.isNone(Values.count(text)), text)
    }
  })

  it("delimiters are characters, or their names", () => {
    const delimiters = ["comma", "semicolon", "tab", "pipe", "\\t", "\t", ";", "^"].map(Values.delimiter)
    assert.deepStrictEqual(delimiters, [",", ";", "\t", "|", "\t", "\t", ";", "^"].map(Option.some))
    for (const text of ["", '"', "\n", "||", "colon", "toString"]) {
      assert.isTrue(Option.isNone(Values.delimiter(text)), text)
    }
  })

  it("a word that is printed to be typed is that word again in a shell", () => {
    const words = [
      "plain-1.csv",
      "two words",
      "it's",
      "$HOME",
      "`ls`",
      "a\nb",
      "Zoë",
      "",
      "*",
      "~",
      "--x=y z",
      "a;b",
      "!!"
    ]
    const line = `printf '%s\\0' ${words.map(Values.shellWord).join(" ")}`
    assert.deepStrictEqual(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1), words)
    assert.strictEqual(Values.shellWord("plain-1.csv"), "plain-1.csv")
  })
})
