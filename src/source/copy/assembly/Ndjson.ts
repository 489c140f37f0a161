/**
 * Lines of NDJSON to JSON without the spaces that Python's `json.dumps` writes behind colons and commas.
 */
import { booleanLength, copiedNumber, copyText, copyWords, isCopied, isSame, takeKey, wordOf, wrote } from "./Rows"

const SPACE: u32 = 32
const QUOTE: u32 = 34
const COMMA: u32 = 44
const OPEN_BRACE: u32 = 123
const CLOSE_BRACE: u32 = 125

/** The fields of a line. */
@unmanaged
export class Table {
  fields: u32
  size: u32
  /** A bit for each field that no line may be without. */
  required: u64
  /** By field, the one that came next on an earlier line; the last of these is the first of a line. */
  following: u32
}

/** A field whose values are copied, or some of them. */
@unmanaged
export class Field {
  /** Its name in quotes, and a colon. */
  name: u32
  /** Bytes of that. */
  size: u32
  text: u32
  takesEmpty: u32
  takesBoolean: u32
  /** Which numbers are copied. */
  number: u32
  isKey: u32
}

export function writeRow(pointer: usize, row: usize, out: usize): usize {
  const table = changetype<Table>(pointer)
  const quotes = wordOf(QUOTE)
  let seen: u64 = 0
  let index = table.size
  let at = row
  let to = out
  let separator: u32 = load<u8>(at++)
  if (separator !== OPEN_BRACE) return 0
  store<u8>(to++, <u8>OPEN_BRACE)
  do {
    index = fieldAt(table, at, index)
    // Of two values the last one counts, which the schema's reader knows.
    if (index === table.size || ((seen >> index) & 1) !== 0) return 0
    seen |= (<u64>1) << index
    const field = fieldOf(table, index)
    copyWords(field.name, to, field.size)
    at += field.size
    to += field.size
    if (<u32>load<u8>(at) === SPACE) at++
    if (<u32>load<u8>(at) === QUOTE) {
      store<u8>(to++, <u8>QUOTE)
      const start = ++at
      at = copyText(at, to, quotes)
      if (at === 0 || <u32>load<u8>(at) !== QUOTE) return 0
      if (at === start ? !field.takesEmpty : !isCopied(field.text, index, start, at)) return 0
      if (field.isKey && !takeKey(start, at)) return 0
      to += at - start
      store<u8>(to++, <u8>QUOTE)
      at++
    } else {
      const size = field.takesBoolean ? booleanLength(at) : 0
      const copied = size === 0 ? copiedNumber(field.number, index, at) : size
      if (copied === 0) return 0
      copyWords(at, to, copied)
      at += copied
      to += copied
    }
    separator = load<u8>(at++)
    store<u8>(to++, <u8>separator)
    if (separator === COMMA && <u32>load<u8>(at) === SPACE) at++
  } while (separator === COMMA)
  if (separator !== CLOSE_BRACE || (seen & table.required) !== table.required) return 0
  wrote(to)
  return at
}

function fieldOf(table: Table, index: u32): Field {
  return changetype<Field>(<usize>table.fields + <usize>index * offsetof<Field>())
}

/** The field whose name is there; behind the last one for none. */
function fieldAt(table: Table, at: usize, before: u32): u32 {
  const size = table.size
  const guess = <usize>table.following + ((<usize>before) << 2)
  let index = load<u32>(guess)
  for (let i: u32 = 0; i < size; i++) {
    const field = fieldOf(table, index)
    if (isSame(at, field.name, field.size)) {
      store<u32>(guess, index)
      return index
    }
    index = index + 1 < size ? index + 1 : 0
  }
  return size
}
