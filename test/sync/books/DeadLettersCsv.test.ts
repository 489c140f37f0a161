import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect, FileSystem, Schema, Stream } from "effect"
import * as DeadLetters from "../../../src/sync/books/DeadLetters.ts"
import * as DeadLettersCsv from "../../../src/sync/books/DeadLettersCsv.ts"

type Letter = Pick<DeadLetters.DeadLetter, "record"> & Partial<DeadLetters.DeadLetter>

/** The rows of the CSV of these letters, as a parser that is not ours reads them. */
const csvOf = Effect.fnUntraced(
  function* (letters: ReadonlyArray<Letter>) {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/dead.ndjson`
    const lines = letters.map((letter, offset) => ({
      offset,
      outcome: "Rejected",
      reason: { tag: "BadRequest", message: "email is not valid", issues: [] },
      time: "2026-05-01T10:00:00.000Z",
      ...letter
    }))
    yield* fs.writeFileString(file, lines.map((letter) => `${JSON.stringify(letter)}\n`).join(""))
    const text = yield* Stream.mkString(DeadLettersCsv.encode(DeadLetters.read(file)))
    const rows: ReadonlyArray<ReadonlyArray<string>> = parse(text, { bom: true })
    return { text, rows, header: rows[0]?.slice(6), cells: rows.slice(1).map((row) => row.slice(6)) }
  },
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)

const json = (value: unknown) => ({ format: "json", value }) as const

// What a spreadsheet may take for a formula. White space before it is passed over by some.
const isFormula = (cell: string) => /^[\t\r\n\0]|^\s*[=+\-@＝＋－＠]/.test(cell)

describe("dead letters as a CSV", () => {
  it.effect("tell the reason of each, then its row, under all columns that there are", () =>
    Effect.gen(function* () {
      const { rows, text } = yield* csvOf([
        {
          line: 7,
          answer: '{"errors":["a, b"]}',
          record: json({ customerId: "c-1" }),
          row: {
            cells: [
              ["ID", "c-1"],
              ["Notes", 'said "no",\nthen'],
              ["Notes", "again"],
              ["", ""]
            ]
          }
        },
        {
          record: json({ customerId: "c-2" }),
          row: { line: '{"customerId":"c-2", "Notes":[1,{"a":null}],"visits":3,"email":null}' }
        },
        { outcome: "Unknown", record: { format: "cells", value: { customerId: "c-3", Notes: "three" } } },
        { record: { format: "csv", value: 'c-4,"open', header: ["ID"], delimiter: "," } },
        { record: { format: "ndjson", value: '{"customerId":12345678901234567890}' } },
        { record: json("no object") }
      ])
      assert.isTrue(text.startsWith("\uFEFF"))
      const [header, first, ...others] = rows
      assert.deepStrictEqual(header, [
        ...[
          "patchbay_offset",
          "patchbay_line",
          "patchbay_outcome",
          "patchbay_reason",
          "patchbay_message",
          "patchbay_answer"
        ],
        ...["ID", "Notes", "Notes", "", "customerId", "visits", "email", "patchbay_row"]
      ])
      assert.deepStrictEqual(first, [
        ...["0", "7", "Rejected", "BadRequest", "email is not valid", '{"errors":["a, b"]}'],
        ...["c-1", 'said "no",\nthen', "again", "", "", "", "", ""]
      ])
      assert.deepStrictEqual(
        others.map((row) => row.slice(6)),
        [
          ["", '[1,{"a":null}]', "", "", "c-2", "3", "null", ""],
          ["", "three", "", "", "c-3", "", "", ""],
          ["", "", "", "", "", "", "", 'c-4,"open'],
          ["", "", "", "", "", "", "", '{"customerId":12345678901234567890}'],
          ["", "", "", "", "", "", "", "no object"]
        ]
      )
      assert.strictEqual(others[1]?.[2], "Unknown")
    })
  )

  it.effect("of such a CSV that was sent again have its columns once", () =>
    Effect.gen(function* () {
      const row = {
        cells: [
          ["patchbay_line", "9"],
          ["patchbay_reason", "Old"],
          ["ID", "c-1"]
        ]
      } as const
      const { header, rows } = yield* csvOf([{ line: 2, record: json({}), row }])
      assert.deepStrictEqual(header, ["ID"])
      assert.deepStrictEqual(rows[1]?.slice(1, 4), ["2", "Rejected", "BadRequest"])
    })
  )

  it.effect("say in which source, and at which place, where letters say it", () =>
    Effect.gen(function* () {
      const { rows } = yield* csvOf([
        { source: "b.csv", line: 3, record: json({ a: "x" }) },
        { place: ["7", "1"], record: json({ a: "y" }) }
      ])
      assert.deepStrictEqual(
        rows.map((row) => [...row.slice(1, 4), row.at(-1)]),
        [
          ["patchbay_source", "patchbay_place", "patchbay_line", "a"],
          ["b.csv", "", "3", "x"],
          ["", '["7","1"]', "", "y"]
        ]
      )
    })
  )

  it.effect("of an empty file are a header alone; what is no letter ends them", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* csvOf([])).rows.length, 1)
      const error = yield* Effect.flip(csvOf([{ record: { format: "ndjson", value: "" }, time: undefined } as never]))
      assert.strictEqual(error._tag, "DeadLettersUnreadable")
    })
  )

  const hostile = [
    ...[
      "=1+1",
      "+14155550101",
      "-5",
      "@SUM(A1)",
      "＝1",
      "＋1",
      "－1",
      "＠x",
      "\t=1",
      "\r=1",
      "\n=1",
      "\0=1",
      " =1",
      '"=1'
    ],
    ...["a;=1", "a, =1", 'a";"=1', "a\n=1", "a\t@x", "=cmd|' /C calc'!A0", "'=1", "''", "a;'=1", "\u00A0=1"]
  ]

  it.effect(
    "hold no formula, in cells, names, and what the vendor wrote, whatever the delimiter that they are opened with",
    () =>
      Effect.gen(function* () {
        const letters = hostile.map((cell, index) => ({
          answer: cell,
          reason: { tag: "BadRequest", message: cell, issues: [] },
          record: json({}),
          row: {
            cells: [
              ["ID", cell],
              [`${cell}${index}`, "x"]
            ]
          }
        })) satisfies ReadonlyArray<Letter>
        const { cells, rows, text } = yield* csvOf(letters)
        for (const cell of rows.flat()) assert.isFalse(isFormula(cell), JSON.stringify(cell))
        // Whatever is taken for the end of a cell.
        for (const part of text.split(/[,;\t\r\n]/)) {
          assert.isFalse(isFormula(part.replace(/^[\uFEFF\s"]*/, "")), JSON.stringify(part))
        }
        assert.deepStrictEqual(
          cells.map(([id = ""]) => DeadLettersCsv.original(id)),
          hostile
        )
      })
  )

  it("leave what is no formula as it is", () => {
    for (const cell of ["", "c-1", "a@example.com", "1-2", "O'Neill", "3 + 4", "a,b", "2024-01-15", "名前"]) {
      assert.strictEqual(DeadLettersCsv.harmless(cell), cell)
    }
    assert.strictEqual(DeadLettersCsv.harmless("+14155550101"), "'+14155550101")
  })

  const pieces = Schema.Array(
    Schema.Literals(["=", "+", "-", "@", "'", '"', ",", ";", "\t", "\r", "\n", "\0", " ", "a", "＝"])
  )

  it.effect.prop(
    "give each cell back",
    [pieces],
    ([parts]) =>
      Effect.sync(() => {
        const cell = parts.join("")
        const harmless = DeadLettersCsv.harmless(cell)
        assert.strictEqual(DeadLettersCsv.original(harmless), cell)
        for (const part of [harmless, ...harmless.split(/[,;\t\r\n]/)]) {
          assert.isFalse(/^[\s"]*[=+\-@＝]/.test(part), JSON.stringify(harmless))
        }
      }),
    { arbitrary: { runs: 2000 } }
  )
})
