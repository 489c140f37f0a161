/**
 * The rows of a CSV, by RFC 4180: cells in quotes may hold delimiters, line breaks and doubled quotes;
 * lines end in LF, CRLF or CR; blank lines are no rows.
 *
 * Unless it is told to be strict, it reads what people write beside that: blanks around a cell in quotes, a row that lacks
 * cells at its end, and one that has empty ones too many; and a line of nothing but delimiters and blanks is a blank one. A row of one cell does not lack the others: it is a title or a
 * sum, or what a line break without quotes left of a row. Nor does the last one, if nothing ends it: it may be cut off.
 *
 * A row that breaks these rules is bad, and takes only the line on which it starts: reading goes on with
 * the next line, so that one quote that is never closed cannot swallow the rows after it.
 */

import type { TextWindow } from "../read/TextWindow.ts"
import { escapeIn } from "../read/Utf8.ts"

const QUOTE = 34
const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9

/** How rows are read. */
export interface RowSettings {
  readonly delimiter: string
  /** Characters. */
  readonly maxRecordSize: number
  /** Only what RFC 4180 allows, and as many cells in each row as the header has. */
  readonly strictRows: boolean
  /** The table ends at the first blank line below a row. */
  readonly untilBlankLine: boolean
  /** Line breaks inside of cells begin no line: a line is a row of a sheet. */
  readonly countsRows: boolean
}

/** What `next` found: a row, a line that is none, or only the beginning of a row. */
export type Step = "row" | "bad" | "more"

/**
 * Reads the rows of a window, one at a time, into the same array.
 *
 * The hot loop of every CSV: it looks for the next quote, line break and delimiter with `indexOf`, and
 * keeps what it found until it has passed it, so that each character is looked at a few times at most.
 */
export class CsvRows {
  /** The row's cells: of those behind the first `width`, as many as the header has are empty. */
  readonly cells: Array<string> = []
  /** How many it has itself. */
  width = 0
  /** How many cells a row must have; undefined until the header is known. */
  columns: number | undefined
  /** 1-based line on which the row starts. */
  line = 0
  /** What is wrong with a bad row. */
  problem = ""
  /** The line on which a bad row starts, without its break and cut at the largest size of a record. */
  badLine = ""
  /** Where in a bad row the first byte is that is not UTF-8, if it is bad for that; it is then the row that is in `badLine`. */
  escapeAt = -1
  /** A row of the table was read: by this reader, or before it. */
  begun = false
  /** The blank line at which the table ended. */
  endedAt: number | undefined
  private readonly window: TextWindow
  private readonly delimiter: string
  private readonly delimiterCode: number
  private readonly maxRecordSize: number
  private readonly isStrict: boolean
  private readonly untilBlankLine: boolean
  private readonly countsRows: boolean
  private text = ""
  private from = 0
  private to = 0
  // Where the next of each kind is, at or after the last place of interest; Infinity where there is none.
  private nextQuote = -1
  private nextLf = -1
  private nextCr = -1
  private nextDelimiter = -1

  constructor(window: TextWindow, settings: RowSettings) {
    const { countsRows, delimiter, maxRecordSize, strictRows, untilBlankLine } = settings

    this.window = window
    this.delimiter = delimiter
    this.delimiterCode = delimiter.charCodeAt(0)
    this.maxRecordSize = maxRecordSize
    this.isStrict = strictRows
    this.untilBlankLine = untilBlankLine
    this.countsRows = countsRows
  }

  /** To be called when the window has taken a block. */
  refresh(): void {
    this.text = this.window.text
    this.nextQuote = -1
    this.nextLf = -1
    this.nextCr = -1
    this.nextDelimiter = -1
  }

  /** The last row as it stands in the source, without its break. */
  rowText(): string {
    return this.text.slice(this.from, this.to)
  }

  /** Moves to the next row. */
  next(): Step {
    const { text, window } = this
    const length = text.length
    let start = window.at
    let lineEnd: number
    for (;;) {
      if (start >= length) return "more"
      const code = text.charCodeAt(start)
      if (code > SPACE && code !== this.delimiterCode) {
        lineEnd = this.endOfLine(start)
        break
      }
      if (code === LF || code === CR) lineEnd = start
      else {
        lineEnd = this.endOfLine(start)
        if (this.isStrict || !this.isBlank(start, lineEnd)) break
        // Only its end says that nothing else is in it.
        if (lineEnd === length && !window.last) return this.cut(start, lineEnd)
      }
      if (this.untilBlankLine && this.begun) return this.end(lineEnd)
      this.pass(lineEnd)
      start = window.at
    }
    this.line = window.line
    const tooLarge = this.tooLarge(start, lineEnd)
    if (tooLarge !== undefined) return this.bad(start, lineEnd, tooLarge)
    if (lineEnd === length && !window.last) return "more"
    if (this.nextQuote < start) this.nextQuote = find(text, '"', start)
    return this.nextQuote < lineEnd ? this.quoted(start, lineEnd) : this.plain(start, lineEnd)
  }

  /** Where the line ends on which an index is. */
  private endOfLine(at: number): number {
    const { text } = this
    if (this.nextLf < at) this.nextLf = find(text, "\n", at)
    if (this.nextCr < at) this.nextCr = find(text, "\r", at)
    return Math.min(this.nextLf, this.nextCr, text.length)
  }

  /** Whether a line has nothing but delimiters and blanks. */
  private isBlank(start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const code = this.text.charCodeAt(at)
      if (code !== SPACE && code !== TAB && code !== this.delimiterCode) return false
    }
    return true
  }

  /** The index after the blanks that start there. */
  private afterBlanks(start: number): number {
    let at = start
    for (;;) {
      const code = this.text.charCodeAt(at)
      if ((code !== SPACE && code !== TAB) || code === this.delimiterCode) return at
      at++
    }
  }

  /** Leaves the line that ends there behind. */
  private pass(lineEnd: number): void {
    if (lineEnd < this.text.length) this.window.passBreak(lineEnd)
    else this.window.at = lineEnd
  }

  /** The blank line that ends there ends the table. */
  private end(lineEnd: number): Step {
    const { window } = this
    this.endedAt = window.line
    this.pass(lineEnd)
    window.stop()
    return "more"
  }

  /** A row without quotes: one line, cut at each delimiter. */
  private plain(start: number, lineEnd: number): Step {
    const { cells, delimiter, text } = this
    let width = 0
    let from = start
    let to = this.nextDelimiter
    if (to < from) to = find(text, delimiter, from)
    while (to < lineEnd) {
      cells[width++] = text.slice(from, to)
      from = to + 1
      to = find(text, delimiter, from)
    }
    cells[width++] = text.slice(from, lineEnd)
    this.nextDelimiter = to
    return this.row(start, lineEnd, lineEnd, width)
  }

  /** A row with a quote on its first line. */
  private quoted(start: number, lineEnd: number): Step {
    const { cells, delimiterCode, text, window } = this
    const length = text.length
    let width = 0
    let at = start
    for (;;) {
      if (!this.isStrict) {
        const opened = this.afterBlanks(at)
        if (text.charCodeAt(opened) === QUOTE) at = opened
      }
      if (text.charCodeAt(at) === QUOTE) {
        let cell = ""
        let from = at + 1
        for (;;) {
          const quote = text.indexOf('"', from)
          // A quote at the very end may be the first half of a doubled one.
          if (quote === -1 || (quote + 1 === length && !window.last)) return this.cut(start, lineEnd)
          at = quote + 1
          if (text.charCodeAt(at) !== QUOTE) {
            cell += text.slice(from, quote)
            break
          }
          cell += text.slice(from, at)
          from = at + 1
        }
        cells[width++] = cell
        if (!this.isStrict) {
          at = this.afterBlanks(at)
          if (at === length && !window.last) return this.cut(start, lineEnd)
        }
      } else {
        const from = at
        for (; at < length; at++) {
          const code = text.charCodeAt(at)
          if (code === delimiterCode || code === LF || code === CR) break
          if (code === QUOTE) {
            const problem = "A quote stands in a cell that does not start with one"
            return this.bad(start, lineEnd, this.tooLarge(start, at) ?? problem)
          }
        }
        if (at === length && !window.last) return this.cut(start, lineEnd)
        cells[width++] = text.slice(from, at)
      }
      const code = at < length ? text.charCodeAt(at) : LF
      if (code === delimiterCode) {
        at++
      } else if (code === LF || code === CR) {
        return this.row(start, lineEnd, at, width)
      } else {
        const problem = "Text stands between a closing quote and the end of its cell"
        return this.bad(start, lineEnd, this.tooLarge(start, at) ?? problem)
      }
    }
  }

  /** A row that ends at the index `end`, which may be some lines below the one on which it starts. */
  private row(start: number, lineEnd: number, end: number, width: number): Step {
    const { columns, text, window } = this
    const tooLarge = this.tooLarge(start, end)
    if (tooLarge !== undefined) return this.bad(start, lineEnd, tooLarge)
    if (columns !== undefined && width !== columns) {
      const isCut = width > 1 && width < columns && end === text.length
      if (isCut || !this.fits(width, columns)) return this.bad(start, lineEnd, otherWidth(width, columns, isCut))
    }
    const escapeAt = window.escaped ? escapeIn(text.slice(start, end)) : -1
    this.width = width
    this.begun = true
    this.from = start
    this.to = end
    for (let inner = lineEnd; inner < end; inner = Math.min(this.nextLf, this.nextCr)) {
      window.passBreak(inner)
      if (this.nextLf < window.at) this.nextLf = find(text, "\n", window.at)
      if (this.nextCr < window.at) this.nextCr = find(text, "\r", window.at)
    }
    if (this.countsRows) window.line = this.line
    if (end < text.length) window.passBreak(end)
    else window.at = end
    if (escapeAt === -1) return "row"
    this.badLine = text.slice(start, end)
    this.escapeAt = escapeAt
    return "bad"
  }

  /** Whether a row of another width is read as people mean it; the cells that it lacks are empty then. */
  private fits(width: number, columns: number): boolean {
    if (this.isStrict || width === 1) return false
    const { cells } = this
    for (let index = columns; index < width; index++) if (cells[index]?.trim() !== "") return false
    for (let index = width; index < columns; index++) cells[index] = ""
    return true
  }

  /** A row that goes on beyond the text. */
  private cut(start: number, lineEnd: number): Step {
    const tooLarge = this.tooLarge(start, this.text.length)
    if (tooLarge !== undefined) return this.bad(start, lineEnd, tooLarge)
    return this.window.last ? this.bad(start, lineEnd, "A quote is opened and never closed") : "more"
  }

  private bad(start: number, lineEnd: number, problem: string): Step {
    const { text, window } = this
    this.problem = problem
    this.escapeAt = -1
    this.begun = true
    this.badLine = text.slice(start, Math.min(lineEnd, start + this.maxRecordSize))
    if (lineEnd < text.length) window.passBreak(lineEnd)
    else window.dropLine()
    return "bad"
  }

  private tooLarge(start: number, end: number): string | undefined {
    return end - start > this.maxRecordSize
      ? `The row, or a quote that is opened in it and not closed, is longer than ${this.maxRecordSize} characters`
      : undefined
  }
}

const find = (text: string, what: string, from: number): number => {
  const index = text.indexOf(what, from)
  return index === -1 ? Number.POSITIVE_INFINITY : index
}

const otherWidth = (width: number, columns: number, isCut: boolean): string =>
  `The row has ${plural(width, "cell")}, the header ${columns}${isCut ? ", and the source ends in it, as if it were cut off" : ""}`

const plural = (count: number, word: string): string => `${count} ${count === 1 ? word : `${word}s`}`
