/**
 * What formats share: text eight bytes at a time, keys, and what is noted of a row.
 */

const LF: u32 = 10
const CR: u32 = 13
const SPACE: u32 = 32
const COMMA: u32 = 44
const NINE: u32 = 57

// A bit for each byte below 64 with which a text starts that may be spoiled: a space, #, ', and =.
const spoiledStarts: u64 = ((<u64>1) << 32) | ((<u64>1) << 35) | ((<u64>1) << 39) | ((<u64>1) << 61)

// In each byte of a word:
const ones: u64 = u64.MAX_VALUE / 0xff
// A quote becomes 0x20 by these bits, and a control character stays one: both are below these.
const lowBits: u64 = 0x02 * ones
const leastText: u64 = 0x21 * ones
const highBits: u64 = 0x80 * ones
const backslashes: u64 = 0x5c * ones
const pluses: u64 = 0x2b * ones

/** One run: what may be done, and what came of it. Addresses are of the memory, sizes in bytes. */
@unmanaged
export class Run {
  /** Where the next row starts, and after the run, the first row that was not taken. */
  next: u32
  /** Where the last line feed is. Behind it there are eight bytes or more that can be read. */
  last: u32
  /** Where the JSON is written. Behind `most` bytes of it there is room for whatever a row may take. */
  out: u32
  /** Bytes of all the JSON, with commas between the rows. */
  most: u32
  mostRows: u32
  /** Bytes of the longest row. */
  longest: u32
  /** Where is noted what is known of each row. */
  marks: u32
  /** Where the keys go; there is room for all of the input. */
  keys: u32
  /** How many rows were written. */
  rows: u32
  /** How many lines were read. */
  lines: u32
  outEnd: u32
  keysEnd: u32
  /** A line that has nothing in it is one for the schema. */
  stopsAtBlank: u32
}

/** What is known of a row that was written. */
@unmanaged
export class Mark {
  /** Where its JSON starts, from the first row's. */
  from: u32
  to: u32
  /** Where its key ends, after those of the rows before it. */
  keyEnd: u32
  keyHash: u32
  /** Lines after the first one of the run. */
  lines: u32
}

// Which texts are copied.
export const NO_TEXT: u32 = 0
export const ANY_TEXT: u32 = 1
export const SOME_TEXT: u32 = 2

// Which numbers are, in the same place or, where texts are copied too, in another.
export const NO_NUMBER: u32 = 0
export const ANY_NUMBER: u32 = 3
export const SOME_NUMBER: u32 = 4

/** Whether the host says that such a text or number, of so many bytes, is copied as the value of this column. */
declare function copied(column: u32, from: usize, size: usize): bool

/** Whether a text that is not empty may be copied. */
export function isCopied(text: u32, column: u32, from: usize, to: usize): bool {
  return text === ANY_TEXT ? !maySpoil(from, to) : text === SOME_TEXT && copied(column, from, to - from)
}

/**
 * Whether a text may be one that a spreadsheet spoiled, for `read/Suspicious.ts` to say: by its first character, its last
 * one, and a plus sign in what may be a number.
 */
function maySpoil(from: usize, to: usize): bool {
  const first: u32 = load<u8>(from)
  const last: u32 = load<u8>(to - 1)
  if (first < 64 && ((spoiledStarts >> first) & 1) !== 0) return true
  if (last === SPACE || (first >= 128 && isWide(load<u8>(from), load<u8>(from + 1)))) return true
  if (last >= 128 && isWideEnd(from, to)) return true
  return first <= NINE && last <= NINE && hasPlus(from + 1, to)
}

/** Whether these are the first two bytes of a white space beyond ASCII, or of a character beside it. */
function isWide(first: u32, second: u32): bool {
  if (first === 0xc2) return second === 0xa0
  if (first === 0xe1) return second === 0x9a
  if (first === 0xe2) return second === 0x80 || second === 0x81
  return (first === 0xe3 && second === 0x80) || (first === 0xef && second === 0xbb)
}

/** The same, of the last character. */
function isWideEnd(from: usize, to: usize): bool {
  if (to - from >= 2 && isWide(load<u8>(to - 2), load<u8>(to - 1))) return true
  return to - from >= 3 && isWide(load<u8>(to - 3), load<u8>(to - 2))
}

function hasPlus(from: usize, to: usize): bool {
  for (let at = from; at < to; at += 8) {
    const same = load<u64>(at) ^ pluses
    const found = (same - ones) & ~same & highBits
    if (found !== 0) return at + <usize>(ctz(found) >> 3) < to
  }
  return false
}

/** Whether the bytes at two places are the same; behind both there are seven more that can be read. */
export function isSame(at: usize, name: usize, size: usize): bool {
  let i: usize = 0
  for (; i + 8 <= size; i += 8) {
    if (load<u64>(at + i) !== load<u64>(name + i)) return false
  }
  const left = size - i
  // Bits of the word that are of the name.
  return left === 0 || (load<u64>(at + i) ^ load<u64>(name + i)) << ((8 - left) << 3) === 0
}

/** A word of nothing but this byte. */
export function wordOf(byte: u32): u64 {
  return <u64>byte * ones
}

/**
 * Copies text up to a control character, a quote, a backslash, or a byte of `stop`, and returns where that is; 0 where
 * the text is no UTF-8. What is written too much is to be written over.
 */
export function copyText(from: usize, out: usize, stop: u64): usize {
  let at = from
  let to = out
  while (true) {
    const word = load<u64>(at)
    store<u64>(to, word)
    // The lowest bit that is set is the highest of the first byte that is one of them: subtracting borrows into the high
    // bit of a byte that is less, or that the exclusive or made zero, and from nothing before it.
    const special =
      (word | ((word ^ lowBits) - leastText) | ((word ^ backslashes) - ones) | ((word ^ stop) - ones)) & highBits
    if (special === 0) {
      at += 8
      to += 8
      continue
    }
    const plain = <usize>(ctz(special) >> 3)
    at += plain
    to += plain
    if (load<u8>(at) < 128) return at
    const size = sequenceLength(at)
    if (size === 0) return 0
    store<u32>(to, load<u32>(at))
    at += size
    to += size
  }
}

/** Copies bytes, eight at a time: what is written too much is to be written over. */
export function copyWords(from: usize, out: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 8) store<u64>(out + i, load<u64>(from + i))
}

/** How many bytes the character of several bytes takes; 0 where there is none. By table 3-7 of the Unicode standard. */
function sequenceLength(at: usize): usize {
  const lead: u32 = load<u8>(at)
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length: usize = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  const second: u32 = load<u8>(at + 1)
  const least: u32 = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most: u32 = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let i: usize = 2; i < length; i++) {
    if ((<u32>load<u8>(at + i) & 0xc0) !== 0x80) return 0
  }
  return length
}

/** Bytes of the `true` or `false` that starts there; 0 where neither does. */
export function booleanLength(at: usize): usize {
  const word = load<u32>(at)
  if (word === 0x65757274) return 4 // true
  return word === 0x736c6166 && load<u8>(at + 4) === 0x65 ? 5 : 0 // fals, e
}

const MINUS: u32 = 45
const POINT: u32 = 46
const ZERO: u32 = 48

// A double holds any number of so many digits, and none of fewer digits is the same double.
const digitsHeld: usize = 15
// A number with more zeros than these behind its point is written with an exponent.
const mostZeros: usize = 5

function isDigit(byte: u32): bool {
  return byte - ZERO < 10
}

/**
 * Bytes of the number that starts there, if it is written as `JSON.stringify` writes it once it was read: no plus sign, no
 * zero that says nothing, no exponent. 0 for any other, and for some with many digits.
 */
function numberLength(from: usize): usize {
  let at = from + usize(<u32>load<u8>(from) === MINUS)
  const whole = at
  while (isDigit(load<u8>(at))) at++
  let digits = at - whole
  const isBelowOne = <u32>load<u8>(whole) === ZERO
  if (digits === 0 || (isBelowOne && digits > 1)) return 0
  if (<u32>load<u8>(at) !== POINT) return digits > digitsHeld || (isBelowOne && whole !== from) ? 0 : at - from
  const fraction = ++at
  while (<u32>load<u8>(at) === ZERO) at++
  if (isBelowOne && at - fraction > mostZeros) return 0
  while (isDigit(load<u8>(at))) at++
  digits += at - fraction
  return at === fraction || <u32>load<u8>(at - 1) === ZERO || digits > digitsHeld ? 0 : at - from
}

/** Bytes of the number that starts there and is copied as the value of this column; 0 where none is. */
export function copiedNumber(numbers: u32, column: u32, at: usize): usize {
  const size = numbers < ANY_NUMBER ? 0 : numberLength(at)
  return size === 0 || numbers === ANY_NUMBER || copied(column, at, size) ? size : 0
}

let keysAt: usize = 0
let keyHash: u32 = 0

/** Notes the key of a row: `false` where it is not ASCII, of which each byte is one unit of text. */
export function takeKey(from: usize, to: usize): bool {
  let hash: u32 = 0x811c9dc5
  for (let at = from; at < to; at++) {
    const byte: u32 = load<u8>(at)
    if (byte >= 128) return false
    store<u8>(keysAt + (at - from), <u8>byte)
    hash = (hash ^ byte) * 0x01000193
  }
  keysAt += to - from
  const mixed = (hash ^ (hash >> 16)) * 0x85ebca6b
  keyHash = mixed ^ (mixed >> 13)
  return true
}

// How a run ends.
const READ: u32 = 0 // at the last line feed
const FULL: u32 = 1 // before a row that has no room
const STUCK: u32 = 2 // before a row that is one for the schema

/**
 * Writes the JSON of the row that starts at `row`, takes its key, and returns where it ends, at its line break; 0 where it
 * is one for the schema. Where the JSON ends is then in `jsonEnd`.
 */
export type WriteRow = (table: usize, row: usize, out: usize) => usize

let jsonEnd: usize = 0

export function wrote(end: usize): void {
  jsonEnd = end
}

/** Takes rows one after the other; those that have nothing in them are passed over. */
export function take(run: Run, table: usize, write: WriteRow): u32 {
  let row: usize = run.next
  let to: usize = run.out
  let mark = changetype<Mark>(<usize>run.marks)
  let rows: u32 = 0
  let lines: u32 = 0
  let ending = READ
  let keys: usize = run.keys
  while (row <= run.last) {
    const first: u32 = load<u8>(row)
    if (first === LF || (first === CR && load<u8>(row + 1) === LF)) {
      if (run.stopsAtBlank) {
        ending = STUCK
        break
      }
      row += first === LF ? 1 : 2
      lines++
      continue
    }
    if (rows === run.mostRows) {
      ending = FULL
      break
    }
    const from = rows === 0 ? to : to + 1
    keysAt = keys
    const rowEnd = write(table, row, from)
    // A carriage return alone ends a row too, which is rare enough to be left out here.
    const lineFeed = rowEnd + usize(load<u8>(rowEnd) === CR)
    if (rowEnd === 0 || load<u8>(lineFeed) !== LF || lineFeed - row > run.longest) {
      ending = STUCK
      break
    }
    if (jsonEnd - run.out > run.most) {
      ending = FULL
      break
    }
    if (rows > 0) store<u8>(to, <u8>COMMA)
    mark.from = <u32>(from - run.out)
    mark.to = <u32>(jsonEnd - run.out)
    mark.keyEnd = <u32>(keysAt - run.keys)
    mark.keyHash = keyHash
    mark.lines = lines
    mark = changetype<Mark>(changetype<usize>(mark) + offsetof<Mark>())
    keys = keysAt
    to = jsonEnd
    row = lineFeed + 1
    rows++
    lines++
  }
  run.next = <u32>row
  run.rows = rows
  run.lines = lines
  run.outEnd = <u32>to
  run.keysEnd = <u32>keys
  return ending
}
