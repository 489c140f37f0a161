/**
 * The rows of a CSV, by RFC 4180: cells in quotes may hold delimiters, line breaks and doubled quotes;
 * lines end in LF, CRLF or CR; blank lines are no rows.
 *
 * A row that breaks these rules is bad, and takes only the line on which it starts: reading goes on with
 * the next line, so that one quote that is never closed cannot swallow the rows after it.
 */

import type { TextWindow } from "../read/TextWindow.ts"
import { escapeIn } from "../read/Utf8.ts"

const QUOTE = 34
const LF = 10
const CR = 13

/** What `next` found: a row, a line that is none, or only the beginning of a row. */
export type Step = "row" | "bad" | "more"

/**
 * Reads the rows of a window, one at a time, into the same array.
 *
 * The hot loop of every CSV: it looks for the next quote, line break and delimiter with `indexOf`, and
 * keeps what it found until it has passed it, so that each character is looked at a few times at most.
 */
export class CsvRows {
  /** The row's cells; only the first `width` belong to it. */
  readonly cells: Array<string> = []
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
  private readonly window: TextWindow
  private readonly delimiter: string
  private readonly delimiterCode: number
  private readonly maxRecordSize: number
  private text = ""
  // Where the next of each kind is, at or after the last place of interest; Infinity where there is none.
  private nextQuote = -1
  private nextLf = -1
  private nextCr = -1
  private nextDelimiter = -1

  constructor(window: TextWindow, delimiter: string, maxRecordSize: number) {
    this.window = window
    this.delimiter = delimiter
    this.delimiterCode = delimiter.charCodeAt(0)
    this.maxRecordSize = maxRecordSize
  }

  /** To be called when the window has taken a block. */
  refresh(): void {
    this.text = this.window.text
    this.nextQuote = -1
    this.nextLf = -1
    this.nextCr = -1
    this.nextDelimiter = -1
  }

  /** Whether everything has been read. */
  get ended(): boolean {
    return this.window.last
  }

  /** Moves to the next row. */
  next(): Step {
    const { text, window } = this
    const length = text.length
    let start = window.at
    for (;;) {
      if (start >= length) return "more"
      const code = text.charCodeAt(start)
      if (code !== LF && code !== CR) break
      window.passBreak(start)
      start = window.at
    }
    this.line = window.line
    if (this.nextLf < start) this.nextLf = find(text, "\n", start)
    if (this.nextCr < start) this.nextCr = find(text, "\r", start)
    const lineEnd = Math.min(this.nextLf, this.nextCr, length)
    const tooLarge = this.tooLarge(start, lineEnd)
    if (tooLarge !== undefined) return this.bad(start, lineEnd, tooLarge)
    if (lineEnd === length && !window.last) return "more"
    if (this.nextQuote < start) this.nextQuote = find(text, '"', start)
    return this.nextQuote < lineEnd ? this.quoted(start, lineEnd) : this.plain(start, lineEnd)
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
    return this.end(start, lineEnd, lineEnd, width)
  }

  /** A row with a quote on its first line. */
  private quoted(start: number, lineEnd: number): Step {
    const { cells, delimiterCode, text, window } = this
    const length = text.length
    let width = 0
    let at = start
    for (;;) {
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
        return this.end(start, lineEnd, at, width)
      } else {
        const problem = "Text stands between a closing quote and the end of its cell"
        return this.bad(start, lineEnd, this.tooLarge(start, at) ?? problem)
      }
    }
  }

  /** A row that ends at the index `end`, which may be some lines below the one on which it starts. */
  private end(start: number, lineEnd: number, end: number, width: number): Step {
    const { columns, text, window } = this
    const tooLarge = this.tooLarge(start, end)
    if (tooLarge !== undefined) return this.bad(start, lineEnd, tooLarge)
    if (columns !== undefined && width !== columns) {
      return this.bad(start, lineEnd, `The row has ${plural(width, "cell")}, the header ${columns}`)
    }
    const escapeAt = window.escaped ? escapeIn(text.slice(start, end)) : -1
    this.width = width
    for (let inner = lineEnd; inner < end; inner = Math.min(this.nextLf, this.nextCr)) {
      window.passBreak(inner)
      if (this.nextLf < window.at) this.nextLf = find(text, "\n", window.at)
      if (this.nextCr < window.at) this.nextCr = find(text, "\r", window.at)
    }
    if (end < text.length) window.passBreak(end)
    else window.at = end
    if (escapeAt === -1) return "row"
    this.badLine = text.slice(start, end)
    this.escapeAt = escapeAt
    return "bad"
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

const plural = (count: number, word: string): string => `${count} ${count === 1 ? word : `${word}s`}`
