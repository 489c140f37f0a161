/**
 * UTF-8 in blocks: bytes that may be cut anywhere become text. A byte that does not belong becomes the lone surrogate that
 * stands for it, U+DC80 to U+DCFF, which no UTF-8 yields: the `surrogateescape` of Python's PEP 383. So nothing is lost, and
 * the row that it is in can be told from others.
 */

/** Text out of a block of bytes, and where it ended. */
export interface Decoded {
  readonly text: string
  /** Offset of the byte after the text. */
  readonly end: number
  /** Whether bytes that are not UTF-8 were escaped. */
  readonly escaped: boolean
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
    at += cut
    const whole = cut === bytes.length ? bytes : bytes.subarray(0, cut)
    try {
      return { text: decoder.decode(whole), end: at, escaped: false }
    } catch {
      return { text: escape(decoder, whole), end: at, escaped: true }
    }
  }
}

const escapes = 0xdc00

const escape = (decoder: TextDecoder, bytes: Uint8Array): string => {
  let text = ""
  let from = 0
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at] ?? 0) < 0x80 ? 1 : sequenceLength(bytes, at)
    if (length === 0) {
      text += decoder.decode(bytes.subarray(from, at)) + String.fromCharCode(escapes + (bytes[at] ?? 0))
      from = at + 1
    }
    at += length === 0 ? 1 : length
  }
  return text + decoder.decode(bytes.subarray(from))
}

const isEscape = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc80 && unit <= 0xdcff && !isHigh(text.charCodeAt(at - 1))
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** Where the first byte of a text is that was not UTF-8; -1 where there is none. */
export const escapeIn = (text: string): number => {
  if (text.isWellFormed()) return -1
  for (let at = 0; at < text.length; at++) if (isEscape(text, at)) return at
  return -1
}

/** The bytes that a text was decoded from. */
export const encode = (text: string): Uint8Array => {
  const bytes = new Uint8Array(byteLength(text))
  const encoder = new TextEncoder()
  let to = 0
  let from = 0
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && !isEscape(text, at)) continue
    to += encoder.encodeInto(text.slice(from, at), bytes.subarray(to)).written
    if (at < text.length) bytes[to++] = text.charCodeAt(at) - escapes
    from = at + 1
  }
  return bytes
}

/** How many bytes a text was decoded from. */
export const byteLength = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Each half of a surrogate pair counts two of the pair's four bytes, and a byte that was escaped is one.
    if (unit < 0x800) bytes++
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 2
    else if (!isEscape(text, i)) bytes++
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
