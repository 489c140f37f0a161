import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { Csv } from "effect/encoding"
import { oneOf, readCsv, sizes, textOf, told, withoutPosition } from "../support.ts"

const Row = Schema.Record(Schema.String, Schema.String)
const empty = "text" as const

const rows = (text: string, options: object = {}, blocks: ReadonlyArray<number> = []) =>
  readCsv(text, Row, { empty, strictRows: true, ...options }, blocks)

describe("rows by RFC 4180", () => {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`
  const document = Arbitrary.all({
    width: oneOf([1, 2, 3]),
    cells: Arbitrary.array(
      textOf(["a", "é", "漢", "𝄞", ",", ";", '"', "\n", "\r", "\r\n", " ", "\uFEFF", "null", "longer than a slice"], 5),
      { maxLength: 24 }
    ),
    quoteAll: oneOf([true, false]),
    newline: oneOf(["\n", "\r\n", "\r"]),
    delimiter: oneOf([",", ";", "\t"]),
    mark: oneOf(["", "\uFEFF"]),
    blank: oneOf([0, 1, 2]),
    lastNewline: oneOf([true, false])
  })

  it.effect.prop(
    "are the rows that Effect's own decoder finds, however the bytes are cut",
    [document, sizes],
    ([{ blank, cells, delimiter, lastNewline, mark, newline, quoteAll, width }, blocks]) =>
      Effect.gen(function* () {
        const lines = [Array.from({ length: width }, (_, i) => `c${i}`)]
        for (let i = 0; i + width <= cells.length; i += width) lines.push(cells.slice(i, i + width))
        const mustQuote = (cell: string) =>
          cell.includes(delimiter) || /["\r\n]/.test(cell) || (cell === "" && width === 1)
        const text =
          mark +
          newline.repeat(blank) +
          lines
            .map((line) => line.map((cell) => (quoteAll || mustQuote(cell) ? quoted(cell) : cell)).join(delimiter))
            .join(newline.repeat(1 + blank)) +
          (lastNewline ? newline : "")
        const expected = yield* Stream.make(text).pipe(
          Stream.pipeThroughChannel(Csv.decodeString({ headers: true, ignoreEmptyLines: true, delimiter })),
          Stream.runCollect
        )
        const records = yield* rows(text, { delimiter }, blocks)
        assert.deepStrictEqual(told(records), expected)
        assert.deepStrictEqual(
          records.map(({ offset }) => offset),
          records.map((_, i) => i)
        )
      }),
    { arbitrary: { runs: 250, size: 60 } }
  )

  it.effect("end in LF, CRLF or CR, the last one in nothing, and blank lines are none", () =>
    Effect.gen(function* () {
      const records = yield* rows('\uFEFF\n\r\nc0,c1\r\n1,2\r3,4\n\n\r\n5,"6"\r\r7,8')
      assert.deepStrictEqual(told(records), [
        { c0: "1", c1: "2" },
        { c0: "3", c1: "4" },
        { c0: "5", c1: "6" },
        { c0: "7", c1: "8" }
      ])
      assert.deepStrictEqual(
        records.map(({ line }) => line),
        [4, 5, 8, 10]
      )
    })
  )

  it.effect("start on the line that their record names, also below cells of several lines", () =>
    Effect.gen(function* () {
      const records = yield* rows('c0,c1\n"a\nb\r\nc\rd",1\nx,2\n')
      assert.deepStrictEqual(
        records.map(({ line, offset }) => [offset, line]),
        [
          [0, 2],
          [1, 6]
        ]
      )
    })
  )
})

describe("rows as people write them", () => {
  const Loose = Schema.Struct({
    c0: Schema.String,
    c1: Schema.optionalKey(Schema.String),
    c2: Schema.optionalKey(Schema.String)
  })
  const loose = (text: string, options: object = {}, blocks: ReadonlyArray<number> = []) =>
    Effect.map(readCsv(text, Loose, { ...options }, blocks), (records): ReadonlyArray<object | string> => told(records))

  const documents = Arbitrary.all({
    width: oneOf([1, 2, 3, 4]),
    cells: Arbitrary.array(
      textOf(["a", "é", "漢", "𝄞", ",", ";", "|", '"', "\n", "\r", "\r\n", "x y", "0", "1e3", "=", "+", "'"], 4),
      { maxLength: 24 }
    ),
    // What stands around a cell in quotes, how many cells a row has too many, and whether it lacks those that are empty.
    around: Arbitrary.array(oneOf(["", "", " ", "  ", " \t"]), { minLength: 2, maxLength: 6 }),
    more: Arbitrary.array(oneOf([0, 0, 1, 3, -1]), { minLength: 1, maxLength: 4 }),
    quoteAll: oneOf([true, false]),
    newline: oneOf(["\n", "\r\n", "\r"]),
    delimiter: oneOf([",", ";", "\t", "|"]),
    mark: oneOf(["", "\uFEFF"]),
    sep: oneOf([true, false, false]),
    blank: oneOf([0, 1, 2])
  })

  it.effect.prop(
    "are those that csv-parse finds under the delimiter that it is told, however the bytes are cut",
    [documents, sizes],
    ([{ around, blank, cells, delimiter, mark, more, newline, quoteAll, sep, width }, blocks]) =>
      Effect.gen(function* () {
        const names = Array.from({ length: width }, (_, i) => `c${i}`)
        const isTab = delimiter === "\t"
        const quoted = (cell: string, at: number) => {
          const pad = (i: number) => (isTab ? "" : (around[(at + i) % around.length] ?? ""))
          return `${pad(0)}"${cell.replaceAll('"', '""')}"${pad(1)}`
        }
        const written = (cell: string, at: number) =>
          quoteAll || cell === "" || /["\r\n,;|\t]/.test(cell) ? quoted(cell, at) : cell
        const lines = [names.join(delimiter)]
        for (let i = 0; i + width <= cells.length; i += width) {
          // The first cell says that it is a row.
          const row = cells.slice(i, i + width).map((cell, at) => (at === 0 ? `k${cell}` : cell))
          const turn = more[(i / width) % more.length] ?? 0
          const isShort = turn < 0 && row.at(-1) === "" && width > 2
          const line = (isShort ? row.slice(0, -1) : row).map(written).join(delimiter)
          lines.push(line + delimiter.repeat(Math.max(0, turn)) + (blank > 1 ? newline + delimiter.repeat(width) : ""))
        }
        const text = lines.join(newline.repeat(1 + blank)) + newline
        const expected = parse(text, {
          delimiter,
          relax_column_count: true,
          skip_empty_lines: true,
          skip_records_with_empty_values: true,
          ltrim: !isTab,
          rtrim: !isTab,
          record_delimiter: [newline]
        })
          .slice(1)
          .map((row) => names.map((_, i) => row[i] ?? ""))
        const first = sep ? `sep=${delimiter}${newline}` : ""
        // A header of one name says nothing.
        const options = width === 1 ? { delimiter } : {}
        const records = yield* readCsv(mark + first + text, Row, options, blocks)
        assert.deepStrictEqual(
          told(records).map((patch) => (typeof patch === "string" ? patch : names.map((name) => patch[name] ?? ""))),
          expected
        )
      }),
    { arbitrary: { runs: 300, size: 60 } }
  )

  it.effect("lack cells at their end, or have empty ones too many", () =>
    Effect.gen(function* () {
      const text = "c0,c1,c2\na,b\na,b,c,,  ,\na,b,c,d\nalone\n"
      const read = [{ c0: "a", c1: "b" }, { c0: "a", c1: "b", c2: "c" }, "Malformed", "Malformed"]
      for (const blocks of [[], [1], [3]]) assert.deepStrictEqual(yield* loose(text, {}, blocks), read)
      assert.deepStrictEqual(
        yield* loose(text, { strictRows: true }),
        Array.from({ length: 4 }, () => "Malformed")
      )
    })
  )

  it.effect("lack no cells where the source ends in them: it may be cut off", () =>
    Effect.gen(function* () {
      for (const blocks of [[], [1], [3]]) {
        assert.deepStrictEqual(yield* loose("c0,c1,c2\na,b", {}, blocks), ["Malformed"])
        assert.deepStrictEqual(yield* loose('c0,c1,c2\na,"b"', {}, blocks), ["Malformed"])
        assert.deepStrictEqual(yield* loose("c0,c1,c2\na,b,", {}, blocks), [{ c0: "a", c1: "b" }])
        assert.deepStrictEqual(yield* loose("c0,c1,c2\na,b\r", {}, blocks), [{ c0: "a", c1: "b" }])
      }
      const [record] = yield* readCsv("c0,c1,c2\na,b", Loose)
      assert.deepStrictEqual(
        record?._tag === "Invalid" && record.reason.issues[0]?.message,
        "The row has 2 cells, the header 3, and the source ends in it, as if it were cut off"
      )
    })
  )

  it.effect("lack no cell that would delete something, or write an empty text", () =>
    Effect.gen(function* () {
      for (const meaning of ["null", "text"]) {
        const records = yield* readCsv("c0,c1,c2\na,b\n", Loose, {
          empty: { c2: meaning === "null" ? "null" : "text" }
        })
        const [record] = records
        assert.deepStrictEqual(
          record?._tag === "Invalid" ? [record.reason._tag, record.reason.issues[0]?.message, record.input] : record,
          [
            "Malformed",
            "The row has 2 cells, the header 3, and an empty c2 means something here",
            { format: "csv", value: "a,b", header: ["c0", "c1", "c2"], delimiter: "," }
          ]
        )
        // Of the column that it has, nothing lacks.
        assert.deepStrictEqual(yield* loose("c0,c1,c2\na,b\n", { empty: { c1: meaning } }), [{ c0: "a", c1: "b" }])
      }
    })
  )

  it.effect("have blanks beside cells in quotes, and keep those in them and in other cells", () =>
    Effect.gen(function* () {
      const text = '"c0", "c1" ,\t"c2"\n"1", " a ""b"", " ,"c\n"\t \n x , y ,"z"\n"1", "a" b,c\n "1,2,3\n'
      const read = [{ c0: "1", c1: ' a "b", ', c2: "c\n" }, { c0: " x ", c1: " y ", c2: "z" }, "Malformed", "Malformed"]
      for (const blocks of [[], [1], [2], [7]]) assert.deepStrictEqual(yield* loose(text, {}, blocks), read)
      // A tab between cells is a delimiter.
      assert.deepStrictEqual(yield* loose('c0\tc1\tc2\n"1"\t"2"\t\t\n \t"2"\t3\n'), [
        { c0: "1", c1: "2" },
        { c0: " ", c1: "2", c2: "3" }
      ])
      assert.deepStrictEqual(yield* loose('c0,c1,c2\n"1", "2",3\n', { strictRows: true }), ["Malformed"])
    })
  )

  it.effect("of nothing but delimiters and blanks are blank lines", () =>
    Effect.gen(function* () {
      const text = "c0,c1,c2\n,,\na,,\n , ,\t\n   \nb,,\n,,,,,\n,,"
      for (const blocks of [[], [1], [3]])
        assert.deepStrictEqual(yield* loose(text, {}, blocks), [{ c0: "a" }, { c0: "b" }])
      const lines = (yield* readCsv(text, Loose)).map(({ line, offset }) => [offset, line])
      assert.deepStrictEqual(lines, [
        [0, 3],
        [1, 6]
      ])
    })
  )

  it.effect("are read up to a blank line, if that is where the table ends", () =>
    Effect.gen(function* () {
      const option = { untilBlankLine: true }
      const rest = '\nTotal,2,\n"open,\n(2 rows)\n'
      for (const end of ["\n", "\r\n", ",,\n", "  \n"]) {
        for (const blocks of [[], [1], [3], [20]]) {
          assert.deepStrictEqual(yield* loose(`c0,c1,c2\n\na,1,\nb,1,\n${end}${rest}`, option, blocks), [
            { c0: "a", c1: "1" },
            { c0: "b", c1: "1" }
          ])
        }
      }
      // Never guessed.
      assert.deepStrictEqual(yield* loose("c0,c1\na,1\n\nTotal,1\n(2 rows)\n"), [
        { c0: "a", c1: "1" },
        { c0: "Total", c1: "1" },
        "Malformed"
      ])
    })
  )
})

describe("a bad row", () => {
  const messageOf = (text: string, options: object = {}) =>
    Effect.map(rows(text, options), (records) =>
      records.map((record): unknown =>
        record._tag !== "Invalid"
          ? record._tag === "Valid" && record.patch.c0
          : [record.offset, record.line, record.reason._tag, record.reason.issues[0]?.message, record.input]
      )
    )

  it.effect("is rejected with its line and reason, and reading goes on with the next line", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* messageOf('c0,c1\nok,1\nst"ray,2\n"after" x,3\none\n1,2,3\n"open,4\nok,"5"\nopen,"\n', {
          maxRecordSize: 60
        }),
        [
          "ok",
          [1, 3, "Malformed", "A quote stands in a cell that does not start with one", text('st"ray,2')],
          [2, 4, "Malformed", "Text stands between a closing quote and the end of its cell", text('"after" x,3')],
          [3, 5, "Malformed", "The row has 1 cell, the header 2", text("one")],
          [4, 6, "Malformed", "The row has 3 cells, the header 2", text("1,2,3")],
          [5, 7, "Malformed", "Text stands between a closing quote and the end of its cell", text('"open,4')],
          "ok",
          [7, 9, "Malformed", "A quote is opened and never closed", text('open,"')]
        ]
      )
    })
  )

  const text = (value: string) => ({ format: "csv", value, header: ["c0", "c1"], delimiter: "," })

  it.effect("larger than maxRecordSize is rejected, whether it is one line or a quote that is not closed", () =>
    Effect.gen(function* () {
      const long = "The row, or a quote that is opened in it and not closed, is longer than 10 characters"
      assert.deepStrictEqual(
        yield* messageOf(`c0,c1\n12345678,9\n123456789,9\n"open,1\nokay,2\nokay,""\nokay,4\nokay,5`, {
          maxRecordSize: 10
        }),
        [
          "12345678",
          [1, 3, "Malformed", long, text("123456789,")],
          [2, 4, "Malformed", long, text('"open,1')],
          "okay",
          "okay",
          "okay",
          "okay"
        ]
      )
    })
  )

  // Every mark, cut everywhere: what a reader by RFC 4180 makes of it, written in the plainest way.
  const reference = (text: string, maxRecordSize: number) => {
    const found: Array<readonly [line: number, cells: ReadonlyArray<string> | "bad"]> = []
    const breakAt = (i: number) => (text.startsWith("\r\n", i) ? 2 : text[i] === "\n" || text[i] === "\r" ? 1 : 0)
    const row = (start: number): { readonly end: number; readonly cells: ReadonlyArray<string> } | undefined => {
      const cells: Array<string> = []
      let i = start
      for (;;) {
        let cell = ""
        if (text[i] === '"') {
          i++
          while (text[i] !== '"' || text[i + 1] === '"') {
            if (i >= text.length) return undefined
            if (text[i] === '"') i++
            cell += text[i++]
          }
          i++
        } else {
          while (i < text.length && text[i] !== "," && breakAt(i) === 0) {
            if (text[i] === '"') return undefined
            cell += text[i++]
          }
        }
        cells.push(cell)
        if (i === text.length || breakAt(i) > 0) return { end: i, cells }
        if (text[i] !== ",") return undefined
        i++
      }
    }
    let line = 1
    let i = text.startsWith("\uFEFF") ? 1 : 0
    while (i < text.length) {
      if (breakAt(i) > 0) {
        i += breakAt(i)
        line++
        continue
      }
      let lineEnd = i
      while (lineEnd < text.length && breakAt(lineEnd) === 0) lineEnd++
      const read = row(i)
      const good = read !== undefined && read.end - i <= maxRecordSize && lineEnd - i <= maxRecordSize
      const fits = good && (found.length === 0 || read.cells.length === found[0]?.[1].length)
      found.push([line, fits ? read.cells : "bad"])
      const end = fits ? read.end : lineEnd
      while (i < end) {
        const width = breakAt(i)
        if (width > 0) line++
        i += Math.max(width, 1)
      }
      i += breakAt(end)
      line++
    }
    return found.slice(1)
  }

  it.effect.prop(
    "and all others are told apart in any text, however it is cut",
    [
      textOf(
        ["a", "bc", ",", ",", '"', '"', '""', "\n", "\n", "\r", "\r\n", "é", "𝄞", '"x\ny"', "1,2\n", '"",""\n'],
        40
      ),
      sizes,
      oneOf([3, 7, 12, 1000])
    ],
    ([body, blocks, extra]) =>
      Effect.gen(function* () {
        const text = `c0,c1\n${body}`
        const maxRecordSize = 5 + extra
        const records = yield* rows(text, { maxRecordSize }, blocks)
        assert.deepStrictEqual(
          records.map((record): unknown => [
            record.line,
            record._tag === "Valid" ? Object.values(record.patch) : "bad"
          ]),
          reference(text, maxRecordSize)
        )
        const whole = yield* rows(text, { maxRecordSize })
        assert.deepStrictEqual(withoutPosition(records), withoutPosition(whole))
      }),
    { arbitrary: { runs: 700, size: 60 } }
  )

  it.effect("that never closes its quote costs one record of megabytes, and no time to speak of", () =>
    Effect.gen(function* () {
      const good = 'c-1,"x ""y"" z"\n'.repeat(200_000)
      const started = performance.now()
      const records = yield* rows(`c0,c1\n"open,\n${good}`, {}, [65_536])
      assert.strictEqual(records.length, 200_001)
      assert.deepStrictEqual(
        records.filter(({ _tag }) => _tag === "Invalid").map(({ line }) => line),
        [2]
      )
      assert.isBelow(performance.now() - started, 5000)
    })
  )

  it.effect("of one endless line is cut, and the next line is read", () =>
    Effect.gen(function* () {
      const records = yield* rows(`c0,c1\n${"é".repeat(4_000_000)}\nok,1\n`, { maxRecordSize: 1000 }, [65_537])
      assert.strictEqual(records.length, 2)
      const [bad, good] = records
      assert.isTrue(bad?._tag === "Invalid" && bad.input.format === "csv" && bad.input.value.length === 1000)
      assert.strictEqual(good?.line, 3)
      assert.strictEqual(good?._tag, "Valid")
    })
  )
})
