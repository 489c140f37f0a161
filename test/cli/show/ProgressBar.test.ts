import { createInterface } from "node:readline"
import { PassThrough } from "node:stream"
import { stripVTControlCharacters } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as PlainProgress from "../../../src/cli/show/PlainProgress.ts"
import * as ProgressBar from "../../../src/cli/show/ProgressBar.ts"
import * as ProgressText from "../../../src/cli/show/ProgressText.ts"
import * as TextWidth from "../../../src/cli/show/TextWidth.ts"
import type { Progress } from "../../../src/sync/books/Progress.ts"
import { oneOf, textOf } from "../../source/support.ts"
import { progress } from "../fixtures/progress.ts"

const widths = [10, 40, 80, 200]
const lines = (value: Progress, look: Partial<ProgressBar.Look> = {}): ReadonlyArray<string> =>
  widths.map((columns) =>
    ProgressBar.line(value, { title: "customers.csv", color: false, unicode: true, columns, ...look })
  )

const outcomes = { ...progress().outcomes, Applied: 1_234_563, Rejected: 3, Unknown: 1 }

const readline = createInterface({ input: new PassThrough(), output: new PassThrough() })

/** The column in which Node itself takes a cursor to be behind a text, by the tables of ICU. */
const byIcu = (text: string): number => {
  readline.setPrompt(text)
  return readline.getCursorPos().cols
}

describe("the bar", () => {
  it("tells records, rate and time left, the more the wider the terminal is", () => {
    assert.deepStrictEqual(lines(progress()), [
      "44% 1.2M",
      "███░░░░░ 44% 1.2M 12K/s 2:03",
      "███████░░░░░░░░░   44 %  1,234,567  12,345/s  2:03 left",
      "customers.csv  █████████████████░░░░░░░░░░░░░░░░░░░░░░░   44 %  1,234,567 of 2,750,000 records  12,345/s  2:03 left"
    ])
  })

  it("says what is waited for, and moves nothing else for it", () => {
    const waiting = lines(progress({ waiting: "rate" }))
    assert.deepStrictEqual(waiting, [
      "44% 1.2M",
      "███░░░░░ 44% 1.2M 12K/s 2:03 rate limit",
      "███████░░░░░░░░░   44 %  1,234,567  12,345/s  2:03 left  rate limit",
      "customers.csv  █████████████████░░░░░░░░░░░░░░░░░░░░░░░   44 %  1,234,567 of 2,750,000 records  12,345/s  2:03 left  waits: for its turn under the rate limit"
    ])
    for (const [index, line] of lines(progress()).entries()) assert.isTrue(waiting[index]?.startsWith(line), line)
  })

  it("says how long accepted batches are waited for, once it is longer than usual", () => {
    const settling = { batches: 3, waited: 42_000, left: 1_758_000 }
    const told = "3 batches settling, the oldest for 0:42, waited for 29:18 more"
    assert.deepStrictEqual(lines(progress({ settling })).slice(1), [
      "███░░░░░ 44% 1.2M 12K/s 2:03 settling",
      "███████░░░░░░░░░   44 %  1,234,567  12,345/s  2:03 left  settling",
      `customers.csv  █████████████████░░░░░░░░░░░░░░░░░░░░░░░   44 %  1,234,567 of 2,750,000 records  12,345/s  2:03 left  ${told}`
    ])
    assert.deepStrictEqual(lines(progress({ settling: { ...settling, waited: 2999 } })), lines(progress()))
    const one = PlainProgress.line(progress({ settling: { ...settling, batches: 1 }, waiting: "rate" }), { title: "" })
    assert.match(
      one,
      /left, 1 batch settling, for 0:42, waited for 29:18 more, waits: for its turn under the rate limit$/
    )
  })

  it("tells what went wrong so far where there is room", () => {
    assert.deepStrictEqual(lines(progress({ waiting: "paused", outcomes, retries: 12 })), [
      "44% 1.2M",
      "███░░░░░ 44% 1.2M 12K/s 2:03 paused",
      "███████░░░░░░░░░   44 %  1,234,567  12,345/s  2:03 left  paused",
      "customers.csv  █████████████████░░░░░░░░░░░░░░░░░░░░░░░   44 %  1,234,567 of 2,750,000 records  12,345/s  2:03 left  3 rejected, 1 unknown, 12 retries  waits: the API asked to pause"
    ])
  })

  it("goes to and fro, without percent and time left, where nobody knows how much there is", () => {
    const unknown = progress({ total: undefined, eta: undefined })
    assert.deepStrictEqual(lines(unknown), [
      "░░█░ 1.2M",
      "░░░░██░░ 1.2M 12,345/s 1:40",
      "customers.csv  ░░░░░░░░████░░░░  1,234,567  12,345/s  1:40 so far",
      "customers.csv  ░░░░░░░░░░░░░░░░░░░░██████████░░░░░░░░░░  1,234,567 records  12,345/s  1:40 so far"
    ])
    const positions = Array.from({ length: 13 }, (_, step) =>
      lines({ ...unknown, elapsed: 100 * step })[1]
        ?.slice(0, 8)
        .indexOf("█")
    )
    assert.deepStrictEqual(positions, [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0])
  })

  it("is full and 100 % when nothing is left, and not before", () => {
    assert.deepStrictEqual(lines(progress({ settled: 2_750_000, eta: 0 })).slice(1, 3), [
      "████████ 100 % 2.8M 12,345/s",
      "customers.csv  ████████████████  100 %  2,750,000  12,345/s"
    ])
    assert.include(lines(progress({ settled: 2_749_999 }))[2], "███████████████░   99 %")
    // Somebody counted wrong, or there was nothing to begin with.
    assert.include(lines(progress({ settled: 3, total: 2 }))[2], "████████████████  100 %  3")
    assert.include(lines(progress({ settled: 0, total: 0, rate: 0 }))[2], "████████████████  100 %  0")
  })

  it("is ASCII where the terminal shows nothing else", () => {
    const ascii = lines(progress({ waiting: "quota" }), { unicode: false, title: "Käufe-日本.csv" })
    assert.deepStrictEqual(ascii.slice(1), [
      "###----- 44% 1.2M 12K/s 2:03 no quota",
      "#######---------   44 %  1,234,567  12,345/s  2:03 left  no quota",
      "K?ufe-??.csv  #################-----------------------   44 %  1,234,567 of 2,750,000 records  12,345/s  2:03 left  waits: the API's quota is used up"
    ])
    for (const line of ascii) assert.match(line, /^[ -~]*$/)
  })

  it("ends every colour that it begins, and says the same without", () => {
    const value = progress({ waiting: "backoff" })
    const colored = lines(value, { color: true })
    assert.strictEqual(colored[1], "\x1b[32m███\x1b[0m\x1b[2m░░░░░\x1b[0m 44% 1.2M 12K/s 2:03 \x1b[33mretrying\x1b[0m")
    assert.deepStrictEqual(colored.map(stripVTControlCharacters), lines(value))
  })

  it("has words for every reason that a policy gives, and tells another one as it is", () => {
    const words = ["backoff", "breaker", "concurrency", "paused", "quota", "rate", "the moon\x07 and more"].map(
      (reason) => ProgressText.waiting(reason)
    )
    assert.deepStrictEqual(words, [
      ["retrying", "waits: before it tries again"],
      ["API down", "waits: the API keeps failing"],
      ["in flight", "waits: for a request in flight"],
      ["paused", "waits: the API asked to pause"],
      ["no quota", "waits: the API's quota is used up"],
      ["rate limit", "waits: for its turn under the rate limit"],
      ["the . more", "waits: the moon? and more"]
    ])
    for (const told of words) assert.isAtMost(told?.[0].length ?? 0, ProgressText.reasonWidth)
  })

  const amount = oneOf([0, 1, 9, 999, 12_345, 1_234_567, 99_999_999, 1e12, Number.NaN, Number.POSITIVE_INFINITY, -1])
  const maybe = oneOf([undefined, 0, 1, 2_750_000, 1e10, Number.NaN])
  const anyProgress = Arbitrary.map(
    Arbitrary.all({
      settled: amount,
      total: maybe,
      rate: amount,
      eta: maybe,
      elapsed: amount,
      retries: amount,
      rejected: amount,
      settling: Arbitrary.map(Arbitrary.all({ batches: amount, waited: amount, left: amount }), (one) => one),
      waiting: oneOf([
        undefined,
        "rate",
        "paused",
        "quota",
        "concurrency",
        "breaker",
        "backoff",
        "\x1b[A",
        "日本語日本語日本語"
      ])
    }),
    ({ rejected, ...rest }) => progress({ ...rest, outcomes: { ...outcomes, Rejected: rejected } })
  )
  const anyTitle = textOf(
    ["a", "é", "漢", "𝄞", "🎉", "👨\u200d👩", "🇩🇪", "e\u0301", "\n", "\r", "\t", "\x1b[2J", "\u202e"],
    40
  )
  const columns = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 }))

  it.effect.prop(
    "leaves the last column free whatever it is told, and commands the terminal in nothing but colour",
    [anyProgress, anyTitle, columns, oneOf([true, false]), oneOf([true, false])],
    ([value, title, columns, color, unicode]) =>
      Effect.sync(() => {
        const line = ProgressBar.line(value, { title, columns, color, unicode })
        const text = stripVTControlCharacters(line)
        assert.notMatch(text, /\p{C}/u)
        const codes = line
          .split("\x1b[")
          .slice(1)
          .map((after) => after.slice(0, after.indexOf("m")))
        for (const [index, code] of codes.entries()) assert.include(index % 2 === 0 ? ["2", "32", "33"] : ["0"], code)
        assert.strictEqual(codes.length % 2, 0)
        assert.isAtMost(byIcu(text), columns - 1)
        assert.isAtMost(TextWidth.width(text), columns - 1)
        if (columns >= 10) assert.notStrictEqual(text, "")
      }),
    { arbitrary: { runs: 2000 } }
  )
})

describe("times and rates", () => {
  it("are as short as they can be read", () => {
    const seconds = [0, 0.2, 59, 60, 125, 3599, 3600, 3723, 86_400, 48 * 3600 - 1, 48 * 3600, 1e7]
    assert.deepStrictEqual(
      seconds.map((time) => [ProgressText.time(time * 1000), ProgressText.shortTime(time * 1000)]),
      [
        ["0:00", "0:00"],
        ["0:01", "0:01"],
        ["0:59", "0:59"],
        ["1:00", "1:00"],
        ["2:05", "2:05"],
        ["59:59", "59:59"],
        ["1:00:00", "1h00"],
        ["1:02:03", "1h03"],
        ["24:00:00", "24h00"],
        ["47:59:59", "2d"],
        ["2 d 0 h", "2d"],
        ["115 d 17 h", "115d"]
      ]
    )
    const rates = [0, 0.04, 3.14, 9.96, 12.4, 999, 12_345, Number.NaN]
    assert.deepStrictEqual(
      rates.map((rate) => [ProgressText.rate(progress({ rate })), ProgressText.shortRate(progress({ rate }))]),
      [
        ["0/s", "0/s"],
        ["0.0/s", "0.0/s"],
        ["3.1/s", "3.1/s"],
        ["10/s", "10/s"],
        ["12/s", "12/s"],
        ["999/s", "999/s"],
        ["12,345/s", "12K/s"],
        ["0/s", "0/s"]
      ]
    )
  })
})

describe("the width of a text", () => {
  it.effect("is at least what ICU says, for every character there is", () =>
    Effect.sync(() => {
      const wrong: Array<string> = []
      for (let code = 0x20; code < 0x40000; code++) {
        const text = String.fromCodePoint(code)
        if (TextWidth.clean(text) === text && TextWidth.width(text) < byIcu(text)) wrong.push(code.toString(16))
      }
      assert.deepStrictEqual(wrong, [])
      for (const text of ["customers.csv", "Käufe", "日本の顧客.csv", "한국", "🎉 party", "ไทย", "e\u0301t\u00e9"]) {
        assert.strictEqual(TextWidth.width(text), byIcu(text), text)
      }
    })
  )

  it("is known for a title that plays tricks", () => {
    const family = TextWidth.clean("👨\u200d👩\u200d👧 \u202etxt.exe\u2069 ❤\ufe0f \x1b[2J\x9b1A\r\n\t\u2028\ud800.csv")
    assert.strictEqual(family, "👨👩👧 txt.exe ❤ ?[2J?1A?????.csv")
    assert.strictEqual(TextWidth.width(family), 33)
  })

  it("keeps both ends of what is cut", () => {
    assert.strictEqual(TextWidth.fit("customers-of-2026-exported.csv", 16, "…"), "custome…rted.csv")
    assert.strictEqual(TextWidth.fit("日本の顧客の一覧.csv", 12, "…"), "日本…覧.csv")
    assert.strictEqual(TextWidth.fit("short.csv", 9, "…"), "short.csv")
    assert.strictEqual(TextWidth.fit("日本の", 2, "…"), "")
  })
})

describe("a plain line", () => {
  const plain = (value: Progress, title = "customers.csv") => PlainProgress.line(value, { title })

  it("tells the same in full", () => {
    assert.strictEqual(plain(progress()), "customers.csv: 44 %, 1,234,567 of 2,750,000 records, 12,345/s, 2:03 left")
    assert.strictEqual(
      plain(progress({ waiting: "breaker", outcomes, retries: 1 })),
      "customers.csv: 44 %, 1,234,567 of 2,750,000 records, 12,345/s, 2:03 left, 3 rejected, 1 unknown, 1 retry, waits: the API keeps failing"
    )
    assert.strictEqual(
      plain(progress({ total: undefined, eta: undefined }), "-"),
      "-: 1,234,567 records, 12,345/s, 1:40 so far"
    )
    assert.strictEqual(
      plain(progress({ settled: 2_750_000, eta: 0, waiting: "rate" }), "a\nb\x1b[31m.csv"),
      "a?b?[31m.csv: 100 %, 2,750,000 of 2,750,000 records, 12,345/s"
    )
  })
})
