/** UTF-8 in blocks: bytes that may be cut anywhere become text, and a byte that does not belong is found. */

/** Text out of a block of bytes, and where it ended. */
export interface Decoded {
  readonly text: string
  /** Offset of the byte after the text. */
  readonly end: number
  /** Offset of the first byte that is not UTF-8; the text ends there. */
  readonly invalidAt: number | undefined
}

const none = new Uint8Array(0)

/**
 * A decoder that starts at the byte with the offset `start`. A character that is cut by the end of a block
 * is kept for the next one, so that each block is decoded in one go: far cheaper than a decoder that streams.
 */
export const make = (start: number): ((block: Uint8Array, last: boolean) => Decoded) => {
  // A byte order mark in the middle of a source is a character like others; the reader drops the first.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let at = start
  let held = none
  return (block, last) => {
    let bytes = block
    if (held.length > 0) {
      bytes = new Uint8Array(held.length + block.length)
      bytes.set(held)
      bytes.set(block, held.length)
    }
    const cut = last ? bytes.length : completeLength(bytes)
    held = cut === bytes.length ? none : bytes.slice(cut)
    const from = at
    at += cut
    const whole = cut === bytes.length ? bytes : bytes.subarray(0, cut)
    try {
      return { text: decoder.decode(whole), end: at, invalidAt: undefined }
    } catch {
      const valid = validLength(whole)
      return { text: decoder.decode(whole.subarray(0, valid)), end: from + valid, invalidAt: from + valid }
    }
  }
}

/** How many bytes a well-formed text takes. */
export const byteLength = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each half of a surrogate pair counts two of the pair's four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return bytes
}

/** Without a last character that the next block may complete. */
const completeLength = (bytes: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

/** The well-formed beginning. */
const validLength = (bytes: Uint8Array): number => {
  let i = 0
  while (i < bytes.length) {
    const length = (bytes[i] ?? 0) < 0x80 ? 1 : sequenceLength(bytes, i)
    if (length === 0) return i
    i += length
  }
  return i
}

/**
 * How many bytes the character of several bytes takes that starts at an index; 0 where none does, by table 3-7 of the
 * Unicode standard, or where it is cut.
 */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at] ?? 0
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  const second = bytes[at + 1] ?? 0
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let k = 2; k < length; k++) {
    if (((bytes[at + k] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}
