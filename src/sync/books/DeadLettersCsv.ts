/**
 * Dead letters as a CSV, for who puts them right in a spreadsheet.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as JsonText from "../../json/JsonText.ts"
import * as DeadLetters from "./DeadLetters.ts"

/** What is told of each letter, before the cells of its row. */
const told: ReadonlyArray<readonly [column: string, cell: (letter: DeadLetters.DeadLetter) => string]> = [
  ["patchbay_offset", ({ offset }) => String(offset)],
  ["patchbay_line", ({ line }) => String(line ?? "")],
  ["patchbay_outcome", ({ outcome }) => outcome],
  ["patchbay_reason", ({ reason }) => reason.tag],
  ["patchbay_message", ({ reason }) => reason.message],
  ["patchbay_answer", ({ answer }) => answer ?? ""]
]

/** Of a row that could not be taken apart. */
const wholeRow = "patchbay_row"

const ours: ReadonlySet<string> = new Set([...told.map(([column]) => column), wholeRow])

/**
 * The letters of a file as text of a CSV in UTF-8, by RFC 4180: every cell in quotes, lines that end in CRLF, and a
 * byte-order mark, without which Excel takes it for another encoding.
 *
 * First come `patchbay_offset`, `patchbay_line`, `patchbay_outcome`, `patchbay_reason` (the tag), `patchbay_message` and
 * `patchbay_answer` (what the vendor answered), then all columns that the rows had, under their names in the source; of
 * records without a row, the fields. Where a column comes twice in a row, so it does here. A row that could not be taken
 * apart is in `patchbay_row` as it stood. Columns of these names that a row brings, because it came out of such a CSV, are
 * left out. Every cell is `harmless`, the names of columns too.
 *
 * The file is read twice, and only the names of its columns are kept in memory.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (path: string): Stream.Stream<string, DeadLetters.DeadLettersUnreadable, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(columnsOf(path), (columns) => {
      const places = Map.groupBy(columns.keys(), (index) => columns[index] ?? "")
      const header = lineOf([...told.map(([column]) => column), ...columns])
      return Stream.concat(
        Stream.make(`\uFEFF${header}`),
        Stream.mapArray(DeadLetters.read(path), (letters) => [
          letters.map((letter) => rowOf(letter, places, columns.length)).join("")
        ])
      )
    })
  )

/** The columns of all letters, in the order in which they come; one that is there twice in a letter, twice. */
const columnsOf = (path: string) =>
  Effect.map(
    Stream.runFold(
      DeadLetters.read(path),
      () => new Map<string, number>(),
      (columns, letter) => {
        const own = new Map<string, number>()
        for (const [column] of cellsOf(letter)) own.set(column, (own.get(column) ?? 0) + 1)
        for (const [column, times] of own) columns.set(column, Math.max(times, columns.get(column) ?? 0))
        return columns
      }
    ),
    (columns) => [...columns].flatMap(([column, times]) => new Array<string>(times).fill(column))
  )

const rowOf = (
  letter: DeadLetters.DeadLetter,
  places: ReadonlyMap<string, ReadonlyArray<number>>,
  width: number
): string => {
  const cells = new Array<string>(width).fill("")
  const taken = new Map<string, number>()
  for (const [column, cell] of cellsOf(letter)) {
    const turn = taken.get(column) ?? 0
    taken.set(column, turn + 1)
    const index = places.get(column)?.[turn]
    if (index !== undefined) cells[index] = cell
  }
  return lineOf([...told.map(([, cell]) => cell(letter)), ...cells])
}

type Cell = readonly [column: string, cell: string]

const cellsOf = ({ record, row }: DeadLetters.DeadLetter): ReadonlyArray<Cell> => {
  if (row !== undefined) return ("cells" in row ? row.cells : cellsOfLine(row.line)).filter(isTheirs)
  switch (record.format) {
    case "cells":
      return Object.entries(record.value)
    case "json":
      return cellsOfValue(record.value) ?? [[wholeRow, textOf(record.value)]]
    case "csv":
      return [[wholeRow, record.value]]
    case "ndjson":
      return cellsOfLine(record.value)
  }
}

const isTheirs = ([column]: Cell): boolean => column === wholeRow || !ours.has(column)

const cellsOfLine = (line: string): ReadonlyArray<Cell> => {
  try {
    const { issues, value } = JsonText.parse(line)
    // What JavaScript cannot hold to the digit stays as it stood.
    return (issues.length === 0 ? cellsOfValue(value) : undefined) ?? [[wholeRow, line]]
  } catch {
    return [[wholeRow, line]]
  }
}

const cellsOfValue = (value: unknown): ReadonlyArray<Cell> | undefined =>
  Predicate.isObject(value) && !Array.isArray(value)
    ? Object.entries(value).map(([name, inner]) => [name, textOf(inner)])
    : undefined

const textOf = (value: unknown): string => (Predicate.isString(value) ? value : JSON.stringify(value))

const lineOf = (cells: ReadonlyArray<string>): string =>
  `${cells.map((cell) => `"${harmless(cell).replaceAll('"', '""')}"`).join(",")}\r\n`

// Where a cell begins: for a spreadsheet that takes another delimiter, inside of one as well.
const start = String.raw`(^|[,;\t\r\n])([\s"]*)`
const formula = String.raw`(?=['=+\-@＝＋－＠])`
const before = new RegExp(start + formula, "g")
const added = new RegExp(`${start}'${formula}`, "g")

/**
 * A cell that no spreadsheet takes for a formula: an apostrophe stands before `=`, `+`, `-` or `@`, full-width ones too,
 * where they begin the cell, or would begin one under another delimiter (behind a comma, a semicolon, a tab or a line break,
 * with white space and quotes between); likewise before an apostrophe there, so that it can be told, and before a cell that
 * begins with a tab, a line break or NUL. `original` takes it away.
 * Source: OWASP, CSV Injection.
 *
 * @category encoding
 * @since 0.1.0
 */
export const harmless = (cell: string): string => {
  const text = cell.replaceAll(before, "$1$2'")
  return /^[\t\r\n\0]/.test(text) ? `'${text}` : text
}

/**
 * The cell that `harmless` was given.
 *
 * @category decoding
 * @since 0.1.0
 */
export const original = (cell: string): string =>
  (/^'[\t\r\n\0]/.test(cell) ? cell.slice(1) : cell).replaceAll(added, "$1$2")
