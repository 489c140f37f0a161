/**
 * What stands at the top of a CSV: lines above the table, a line that says the delimiter (`sep=;`, as Excel reads it), and the
 * header.
 */
import * as BadRows from "../read/BadRows.ts"
import { type HeaderIssue, InvalidHeader } from "../read/CustomerFileError.ts"
import { TextWindow } from "../read/TextWindow.ts"
import type { Resolved } from "./CsvHeader.ts"
import { CsvRows, type RowSettings } from "./CsvRows.ts"

/** How the top of one source is read. */
export interface Settings extends Omit<RowSettings, "delimiter"> {
  readonly badRows: BadRows.BadRows
  readonly source: string
  /** By default, the one under which the header has the most names that are known. */
  readonly delimiter: string | undefined
  /** Lines above the header. */
  readonly skipLines: number
  /** Names are taken to the letter, with the blanks around them. */
  readonly strictHeader: boolean
  /** Names that are mapped: they are taken to the letter, too. */
  readonly mappedNames: ReadonlySet<string>
  readonly resolve: (header: ReadonlyArray<string>) => Resolved
}

/** A header that has been understood. */
export interface Header extends Resolved {
  readonly delimiter: string
  /** How many cells each row has. */
  readonly width: number
  /** Its names, without the blanks around them. */
  readonly names: ReadonlyArray<string>
  /** Offset of the byte after it, and the line that starts there. */
  readonly end: number
  readonly endLine: number
}

// In their order where the header says as much for one as for the other.
const delimiters = [",", ";", "\t", "|"]

const sepLine = /^"?sep=([^"\r\n])"?(?:[\r\n]|$)/i
// With a break, or half of one.
const longestSepLine = '"sep=;"\r\n'.length

/** Reads the top of a window, again and again until the header has come: `undefined` until then. */
export const reader = (window: TextWindow, settings: Settings): (() => Header | undefined) => {
  const { source } = settings
  const invalid = (issues: ReadonlyArray<HeaderIssue>) => new InvalidHeader({ source, issues })
  let left = settings.skipLines
  let isFirstLine = true
  let said = settings.delimiter

  /** Passes a line that says the delimiter. `false`: more is needed to know whether it is one. */
  const passSepLine = (): boolean => {
    const start = window.text.slice(window.at, window.at + longestSepLine)
    if (start.length < longestSepLine && !window.last && !/[\r\n]/.test(start)) return false
    const sep = sepLine.exec(start)?.[1]
    if (sep !== undefined) {
      said ??= sep
      window.passLine()
      left = Math.max(0, left - 1)
    }
    return true
  }

  return () => {
    if (isFirstLine) {
      if (!passSepLine()) return undefined
      isFirstLine = false
    }
    for (; left > 0; left--) {
      if (window.at === window.text.length) return undefined
      window.passLine()
    }
    const headers = headersOf(window, said === undefined ? delimiters : [said], settings)
    if (headers === undefined) return undefined
    const { isCut, ...best } = headers.reduce((best, header) => (isBetter(header, best) ? header : best))
    // Its end is a place to go on from. What stands behind it must not have come: whoever goes on there reads it from here.
    if (isCut) return undefined
    // The window moves past the header that was chosen.
    const rows = new CsvRows(window, { ...settings, delimiter: best.delimiter })
    rows.refresh()
    const step = rows.next()
    if (step === "bad" && rows.escapeAt !== -1) {
      throw settings.badRows.header(BadRows.placeOf(rows.badLine, rows.escapeAt, rows.line))
    }
    if (step === "bad") throw invalid([{ kind: "Malformed", message: `Line ${rows.line}: ${rows.problem}.` }])
    if (best.issues.length > 0) throw invalid(best.issues)
    return { ...best, end: window.byteAt(), endLine: window.line }
  }
}

const isBetter = (one: Found, other: Found): boolean =>
  one.known > other.known || (one.known === other.known && one.width > other.width)

/** A header, and whether its line break may have come by half. */
interface Found extends Header {
  readonly isCut: boolean
}

/** The header under each delimiter; a row that is none under it has no names. `undefined` where more is needed. */
const headersOf = (
  window: TextWindow,
  delimiters: ReadonlyArray<string>,
  settings: Settings
): ReadonlyArray<Found> | undefined => {
  const headers: Array<Found> = []
  for (const delimiter of delimiters) {
    const copy = new TextWindow({ offset: 0, place: { byte: 1, line: window.line } }, settings.maxRecordSize, true)
    copy.push(window.text.slice(window.at), 1, window.last, window.escaped)
    const rows = new CsvRows(copy, { ...settings, delimiter })
    rows.refresh()
    const step = rows.next()
    // Of the end of the source, too: without a row it holds no records, as an NDJSON without a line.
    if (step === "more") return undefined
    const width = step === "row" ? rows.width : 0
    const names = rows.cells.slice(0, width).map((name) => nameOf(name, settings))
    const isCut = !window.last && copy.at === copy.text.length && copy.text.endsWith("\r")
    headers.push({ ...settings.resolve(names), delimiter, width, names, end: 0, endLine: 1, isCut })
  }
  return headers
}

const nameOf = (cell: string, { mappedNames, strictHeader }: Settings): string =>
  strictHeader || mappedNames.has(cell) ? cell : cell.trim()
