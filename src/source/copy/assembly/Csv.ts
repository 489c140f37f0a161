/**
 * Rows of CSV to JSON.
 */
import { mayHaveWideSpace, trimmedEnd, trimmedStart, writeWord } from "./Mapped"

import {
  ANY_NUMBER,
  booleanLength,
  copiedNumber,
  copyText,
  copyWords,
  isCopied,
  isSame,
  NO_TEXT,
  takeKey,
  wordOf,
  wrote
} from "./Rows"

const QUOTE: u32 = 34
const OPEN_BRACE: u32 = 123
const CLOSE_BRACE: u32 = 125

/** The cells of a row. */
@unmanaged
export class Table {
  columns: u32
  width: u32
  delimiter: u32
  /** What stands in the header over the keys, in UTF-8: a row whose key is that is the header once more. */
  keyName: u32
  keyNameSize: u32
}

/** What becomes of a cell. */
@unmanaged
export class Column {
  /** What stands before the value: a comma, the name, a colon, and the quote of a text. */
  before: u32
  /** Its bytes; 0 where the cell is passed over. */
  size: u32
  /** Which texts are copied, or which numbers; a boolean, if there is none. */
  text: u32
  /** The field is left out where its cell is empty. Of a cell that is passed over: it is one for the schema where not. */
  absent: u32
  isKey: u32
  /** Whether spaces around it are taken off: 1, where there is more than spaces; 2, always. */
  trims: u32
  /** The words that it may be, and what is written for each; 0 for none. */
  words: u32
}

export function writeRow(pointer: usize, row: usize, out: usize): usize {
  const table = changetype<Table>(pointer)
  const delimiter = table.delimiter
  const width = table.width
  const quotes = wordOf(QUOTE)
  const delimiters = wordOf(delimiter)
  let at = row
  let to = out
  for (let cell: u32 = 0; cell < width; cell++) {
    const column = changetype<Column>(<usize>table.columns + <usize>cell * offsetof<Column>())
    const begin = to
    copyWords(column.before, to, column.size)
    to += column.size
    const isQuoted = <u32>load<u8>(at) === QUOTE
    if (isQuoted) at++
    const start = at
    const value = to
    at = copyText(at, to, isQuoted ? quotes : delimiters)
    if (at === 0) return 0
    const end = at
    to += end - start
    // Doubled quotes are for the schema's reader, as is what follows a quote that is closed.
    if (isQuoted && <u32>load<u8>(at++) !== QUOTE) return 0
    let from = start
    let until = end
    if (column.trims && column.size !== 0) {
      from = trimmedStart(start, end)
      until = trimmedEnd(from, end)
      if (from === until ? start !== end && column.trims === 1 : mayHaveWideSpace(from, until)) return 0
      if (from !== start) copyWords(from, value, until - from)
      to = value + (until - from)
    }
    if (column.size === 0) {
      if (column.absent && start !== end) return 0
      to = begin
    } else if (from === until) {
      if (!column.absent) return 0
      to = begin
    } else if (column.words !== 0) {
      const size = writeWord(column.words, from, until, value)
      if (size === 0) return 0
      to = value + size
    } else if (column.text === NO_TEXT) {
      if (booleanLength(from) !== until - from) return 0
    } else if (column.text >= ANY_NUMBER) {
      if (copiedNumber(column.text, cell, from) !== until - from) return 0
    } else {
      if (!isCopied(column.text, cell, from, until)) return 0
      if (column.isKey) {
        if (until - from === <usize>table.keyNameSize && isSame(from, table.keyName, until - from)) return 0
        if (!takeKey(value, to)) return 0
      }
      store<u8>(to++, <u8>QUOTE)
    }
    if (cell + 1 < width && <u32>load<u8>(at++) !== delimiter) return 0
  }
  store<u8>(out, <u8>OPEN_BRACE) // in the place of the first comma
  store<u8>(to++, <u8>CLOSE_BRACE)
  wrote(to)
  return at
}
