/**
 * Text in other encodings as UTF-8, block by block. What belongs to no character becomes bytes that are not UTF-8 either, so
 * that it costs its row and is never replaced without a word.
 */
import * as Option from "effect/Option"

/** Takes block after block, which may be cut anywhere; what comes out is good until the next one. */
export type Transcode = (block: Uint8Array, last: boolean) => Uint8Array

const utf8 = "utf-8"

/** The standard's name of an encoding; none where it is not known. */
export const nameOf = (label: string): Option.Option<string> =>
  Option.map(Option.liftThrowable(() => new TextDecoder(label))(), ({ encoding }) => encoding)

/** To be made for each reading of a source; `undefined` for UTF-8. Throws for what `nameOf` does not know. */
export const make = (label: string): Transcode | undefined => {
  const { encoding } = new TextDecoder(label)
  if (encoding === utf8) return undefined
  return encoding === "utf-16le" || encoding === "utf-16be" ? utf16(encoding === "utf-16be") : named(encoding)
}

/** A whole text; none where some of its bytes belong to no character. */
export const text = (encoding: string, bytes: Uint8Array): Option.Option<string> => {
  const transcode = make(encoding)
  const plain = transcode === undefined ? bytes : transcode(bytes, true)
  return Option.liftThrowable(() => new TextDecoder(utf8, { fatal: true }).decode(plain))()
}

// A code unit becomes at most three bytes.
const mostOfUnit = 3

const wordSize = 4
const isLittleHere = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

const utf16 = (isBig: boolean): Transcode => {
  let out = new Uint8Array(0)
  // The first byte of a unit, and the first unit of a pair, that the end of a block cut off; -1 where it cut none.
  let cut = -1
  let high = -1

  // Half of a pair too, of which the bytes are no UTF-8.
  const putThree = (unit: number, to: number): number => {
    out[to] = 0xe0 | (unit >> 12)
    out[to + 1] = 0x80 | ((unit >> 6) & 0x3f)
    out[to + 2] = 0x80 | (unit & 0x3f)
    return to + 3
  }

  const put = (unit: number, from: number): number => {
    let to = from
    if (high !== -1) {
      const first = high
      high = -1
      if (unit >= 0xdc00 && unit <= 0xdfff) {
        const point = 0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00)
        out[to] = 0xf0 | (point >> 18)
        out[to + 1] = 0x80 | ((point >> 12) & 0x3f)
        out[to + 2] = 0x80 | ((point >> 6) & 0x3f)
        out[to + 3] = 0x80 | (point & 0x3f)
        return to + 4
      }
      to = putThree(first, to)
    }
    if (unit < 0x80) {
      out[to] = unit
      return to + 1
    }
    if (unit < 0x800) {
      out[to] = 0xc0 | (unit >> 6)
      out[to + 1] = 0x80 | (unit & 0x3f)
      return to + 2
    }
    if (unit < 0xd800 || unit > 0xdbff) return putThree(unit, to)
    high = unit
    return to
  }

  const unitOf = (first: number, second: number): number => (isBig ? (first << 8) | second : (second << 8) | first)
  // Bits that no two units of ASCII have, and where the bytes of these are in a word.
  const more = (isBig ? 0x80ff80ff : 0xff80ff80) | 0
  const one = isBig ? 8 : 0
  const other = isBig ? 24 : 16

  return (block, last) => {
    const most = mostOfUnit * (Math.ceil(block.length / 2) + 2)
    if (out.length < most) out = new Uint8Array(most)
    let to = 0
    let at = 0
    if (cut !== -1 && block.length > 0) {
      to = put(unitOf(cut, block[at++] ?? 0), to)
      cut = -1
    }
    const end = block.length - 1
    if (isLittleHere && (block.byteOffset + at) % wordSize === 0) {
      // Most are ASCII, and are taken two at a time.
      const words = new Int32Array(block.buffer, block.byteOffset + at, Math.floor((block.length - at) / wordSize))
      const bytes = out
      for (let index = 0; index < words.length; index++) {
        const word = words[index] ?? 0
        if ((word & more) === 0 && high === -1) {
          // A byte keeps the lowest eight bits.
          bytes[to] = word >> one
          bytes[to + 1] = word >> other
          to += 2
        } else {
          const first = word & 0xffff
          const second = word >>> 16
          to = put(isBig ? (first >> 8) | ((first & 0xff) << 8) : first, to)
          to = put(isBig ? (second >> 8) | ((second & 0xff) << 8) : second, to)
        }
      }
      at += words.length * wordSize
    }
    for (; at < end; at += 2) to = put(unitOf(block[at] ?? 0, block[at + 1] ?? 0), to)
    if (at === end) cut = block[at] ?? 0
    if (last) {
      if (high !== -1) to = putThree(high, to)
      if (cut !== -1) out[to++] = 0xff
      high = -1
      cut = -1
    }
    return out.subarray(0, to)
  }
}

const replacement = "\uFFFD"

const named = (encoding: string): Transcode => {
  const decoder = new TextDecoder(encoding)
  const encoder = new TextEncoder()
  const isMended = encoding === "windows-1252" && decoder.decode(Uint8Array.of(0x80)) !== "€"
  let out = new Uint8Array(0)
  return (block, last) => {
    const decoded = decoder.decode(block, { stream: !last })
    const text = isMended ? fromLatin1(decoded) : decoded
    const most = mostOfUnit * text.length
    if (out.length < most) out = new Uint8Array(most)
    const { written } = encoder.encodeInto(text, out)
    const bytes = out.subarray(0, written)
    if (text.includes(replacement)) spoil(bytes)
    return bytes
  }
}

/** What is told of bytes that belong to no character, as bytes that are not UTF-8. */
const spoil = (bytes: Uint8Array): void => {
  for (let at = bytes.indexOf(0xef); at !== -1; at = bytes.indexOf(0xef, at + 1)) {
    if (bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd) bytes.fill(0xff, at, at + 3)
  }
}

// By the Encoding Standard, 0x80 to 0x9f.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// What it is taken for.
const latin1 = /[\u0080-\u009f]/g

/** Some releases of Node take windows-1252 for ISO-8859-1: https://github.com/nodejs/node/issues/56542 */
export const fromLatin1 = (text: string): string =>
  text.replaceAll(latin1, (control) => windows1252[control.charCodeAt(0) - 0x80] ?? control)
