/**
 * What a mapping does to cells: spaces around them are taken off, and words stand for values.
 */
import { copyWords } from "./Rows"

const SPACE: u32 = 32
const UPPER_A: u32 = 65

/** Words, each with what is written for it. */
@unmanaged
class Words {
  size: u32
}

@unmanaged
class Word {
  /** In lower case. */
  text: u32
  textSize: u32
  json: u32
  jsonSize: u32
}

/** Where a text starts behind the spaces at its beginning. */
export function trimmedStart(from: usize, to: usize): usize {
  let at = from
  while (at < to && <u32>load<u8>(at) === SPACE) at++
  return at
}

/** Where a text ends before the spaces at its end. */
export function trimmedEnd(from: usize, to: usize): usize {
  let at = to
  while (at > from && <u32>load<u8>(at - 1) === SPACE) at--
  return at
}

/** Whether a text that is not empty may start or end with a white space beyond ASCII. */
export function mayHaveWideSpace(from: usize, to: usize): bool {
  if (isLeadOfSpaces(load<u8>(from))) return true
  if (load<u8>(to - 1) < 128) return false
  let lead = to - 1
  while (lead > from && (<u32>load<u8>(lead) & 0xc0) === 0x80) lead--
  return isLeadOfSpaces(load<u8>(lead))
}

/** Whether a byte begins a white space beyond ASCII, or a character that shares it. */
function isLeadOfSpaces(byte: u32): bool {
  return byte === 0xc2 || (byte >= 0xe1 && byte <= 0xe3) || byte === 0xef
}

/** Writes what the word there stands for, and returns its bytes; 0 where it is none of the words. */
export function writeWord(words: usize, from: usize, to: usize, out: usize): usize {
  const count = changetype<Words>(words).size
  const size = <u32>(to - from)
  let at = words + offsetof<Words>()
  for (let index: u32 = 0; index < count; index++) {
    const word = changetype<Word>(at)
    if (word.textSize === size && isSameWord(from, word.text, size)) {
      copyWords(word.json, out, word.jsonSize)
      return word.jsonSize
    }
    at += offsetof<Word>()
  }
  return 0
}

/** Whether a text is a word, in whatever case. */
function isSameWord(at: usize, word: usize, size: u32): bool {
  for (let i: u32 = 0; i < size; i++) {
    const byte: u32 = load<u8>(at + i)
    const lower = byte - UPPER_A < 26 ? byte | 32 : byte
    if (lower !== <u32>load<u8>(word + i)) return false
  }
  return true
}
