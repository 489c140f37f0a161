import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Arbitrary, Effect } from "effect"
import * as SheetText from "../../../src/source/bytes/SheetText.ts"
import type { Cell } from "../../../src/source/bytes/Workbooks.ts"
import { oneOf } from "../support.ts"

const dayZero = new Date(Date.UTC(1899, 11, 31))

const textOf = (rows: ReadonlyArray<ReadonlyArray<Cell>>, skipRows = 0): string =>
  new TextDecoder().decode(SheetText.of({ rows, dayZero }, skipRows))

describe("the text of a sheet", () => {
  it("has a line for each row, as wide as the widest, and blank ones for those that are empty or passed over", () => {
    assert.strictEqual(textOf([]), "")
    const rows = [["Title\nof two lines", 1, 2, 3, 4], [], ["a", null, "b", null, ""], [null, "", null], [1, 2]]
    assert.strictEqual(textOf(rows, 1), "\n\na,,b\n\n1,2,\n")
    assert.strictEqual(textOf(rows.slice(1)), "\na,,b\n\n1,2,\n")
  })

  it("has all rows of a sheet that is written in several pieces", () => {
    const rows = Array.from({ length: 2501 }, (_, index) => [index, `é${index}`])
    assert.strictEqual(textOf(rows), rows.map(([id, name]) => `${id},${name}\n`).join(""))
  })

  it.effect.prop(
    "is what another parser reads as the cells",
    [Arbitrary.array(Arbitrary.array(oneOf(["", "a", '"', ",", "\n", "\r\n", " b ", 'x"y', "é", "'", "=1"])))],
    ([rows]) =>
      Effect.sync(() => {
        const width = Math.max(0, ...rows.map((row) => row.findLastIndex((cell) => cell !== "") + 1))
        const read = parse(textOf(rows), { skip_empty_lines: true, record_delimiter: "\n" })
        const filled = rows.filter((row) => row.some((cell) => cell !== ""))
        assert.deepStrictEqual(
          read,
          filled.map((row) => Array.from({ length: width }, (_, index) => row[index] ?? ""))
        )
      })
  )
})
