/**
 * Dead letters as a CSV, for who puts them right in a spreadsheet.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as JsonText from "../../json/JsonText.ts"
import type { DeadLetter } from "./DeadLetters.ts"

/** What is told of each letter, before the cells of its row; with `rare`, only where some letter has it. */
interface Told {
  readonly column: string
  readonly rare?: true
  readonly cell: (letter: DeadLetter) => string
}

const told: ReadonlyArray<Told> = [
  { column: "patchbay_offset", cell: ({ offset }) => String(offset) },
  { column: "patchbay_source", rare: true, cell: ({ source }) => source ?? "" },
  { column: "patchbay_place", rare: true, cell: ({ place }) => (place === undefined ? "" : JSON.stringify(place)) },
  { column: "patchbay_line", cell: ({ line }) => String(line ?? "") },
  { column: "patchbay_outcome", cell: ({ outcome }) => outcome },
  { column: "patchbay_reason", cell: ({ reason }) => reason.tag },
  { column: "patchbay_message", cell: ({ reason }) => reason.message },
  { column: "patchbay_answer", cell: ({ answer }) => answer ?? "" }
]

/** Of a row that could not be taken apart. */
const wholeRow = "patchbay_row"

const ours: ReadonlySet<string> = new Set([...told.map(({ column }) => column), wholeRow])

/**
 * Letters as text of a CSV in UTF-8, by RFC 4180: every cell in quotes, lines that end in CRLF, and a byte-order mark, without
 * which Excel takes it for another encoding.
 *
 * First come `patchbay_offset`, `patchbay_source` and `patchbay_place` (where some letter has one), `patchbay_line`,
 * `patchbay_outcome`, `patchbay_reason` (the tag), `patchbay_message` and `patchbay_answer` (what the vendor answered), then
 * all columns that the rows had, under their names in the source; of records without a row, the fields. Where a column comes
 * twice in a row, so it does here. A row that could not be taken apart is in `patchbay_row` as it stood. Columns of these
 * names that a row brings, because it came out of such a CSV, are left out. Every cell is `harmless`, the names of columns
 * too.
 *
 * The letters are read twice, and only the names of their columns are kept in memory.
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Console, Effect, Stream } from "effect"
 * import { DeadLetters, DeadLettersCsv } from "effect-patchbay"
 *
 * export const program = DeadLettersCsv.encode(DeadLetters.read("dead.ndjson")).pipe(
 *   Stream.runForEach((text) => Console.log(text)),
 *   Effect.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <E, R>(letters: Stream.Stream<DeadLetter, E, R>): Stream.Stream<string, E, R> =>
  Stream.unwrap(
    Effect.map(columnsOf(letters), ({ columns, shown }) => {
      const places = Map.groupBy(columns.keys(), (index) => columns[index] ?? "")
      const rowOf = (letter: DeadLetter): string => {
        const cells = new Array<string>(columns.length).fill("")
        const taken = new Map<string, number>()
        for (const [column, cell] of cellsOf(letter)) {
          const turn = taken.get(column) ?? 0
          taken.set(column, turn + 1)
          const index = places.get(column)?.[turn]
          if (index !== undefined) cells[index] = cell
        }
        return lineOf([...shown.map(({ cell }) => cell(letter)), ...cells])
      }
      const header = lineOf([...shown.map(({ column }) => column), ...columns])
      return Stream.concat(
        Stream.make(`\uFEFF${header}`),
        Stream.mapArray(letters, (chunk) => [chunk.map(rowOf).join("")])
      )
    })
  )

/**
 * The columns of all letters, in the order in which they come, one that is there twice in a letter, twice; and what is told
 * of each.
 */
const columnsOf = <E, R>(letters: Stream.Stream<DeadLetter, E, R>) =>
  Effect.map(
    Stream.runFold(
      letters,
      () => ({ counts: new Map<string, number>(), shown: new Set(told.filter(({ rare }) => rare === undefined)) }),
      (known, letter) => {
        const own = new Map<string, number>()
        for (const [column] of cellsOf(letter)) own.set(column, (own.get(column) ?? 0) + 1)
        for (const [column, times] of own) known.counts.set(column, Math.max(times, known.counts.get(column) ?? 0))
        for (const one of told) if (one.rare && one.cell(letter) !== "") known.shown.add(one)
        return known
      }
    ),
    ({ counts, shown }) => ({
      columns: [...counts].flatMap(([column, times]) => new Array<string>(times).fill(column)),
      shown: told.filter((one) => shown.has(one))
    })
  )

type Cell = readonly [column: string, cell: string]

const cellsOf = ({ record, row }: DeadLetter): ReadonlyArray<Cell> => {
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
