/** What the first bytes of a source say of it. */
import type { UnmarkedEncoding, UnsupportedCompression } from "../read/CustomerFileError.ts"

/** So many bytes are looked at, at most. */
export const length = 64

// A byte order mark is no longer.
const least = 4

type Signature = readonly [UnsupportedCompression["compression"], ReadonlyArray<number>]

const signatures: ReadonlyArray<Signature> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["zip", [0x50, 0x4b, 0x03, 0x04]],
  ["zip", [0x50, 0x4b, 0x05, 0x06]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  // Behind the size of the blocks, the digits of pi.
  ...Array.from({ length: 9 }, (_, size): Signature => {
    return ["bzip2", [0x42, 0x5a, 0x68, 0x31 + size, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]]
  }),
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]]
]

/** Whether more bytes could say something else. A stream that gives a record now and then is not waited for in vain. */
export const isUndecided = (head: Uint8Array): boolean =>
  head.length < least ||
  (head.length < length && head.includes(0)) ||
  signatures.some(([, start]) => head.length < start.length && head.every((byte, index) => byte === start[index]))

const startsWith = (bytes: Uint8Array, start: ReadonlyArray<number>, from = 0): boolean =>
  start.every((byte, index) => bytes[from + index] === byte)

/** How the source is compressed. Brotli has no signature: it is known by the end of a name. */
export const compression = (head: Uint8Array, source: string): UnsupportedCompression["compression"] | undefined => {
  // A zstd file may begin with a frame that is to be skipped, of one of sixteen kinds.
  if (((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head, [0x2a, 0x4d, 0x18], 1)) return "zstd"
  const [found] = signatures.find(([, start]) => startsWith(head, start)) ?? []
  return found ?? (/\.br$/i.test(source) ? "brotli" : undefined)
}

const zip = [0x50, 0x4b]
const ole2 = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]

// In a ZIP, where the name of the first part starts.
const nameAt = 30

/**
 * Which kind of spreadsheet the source may be: `open` is a ZIP of Office's parts, `other` one of OpenDocument, `sealed` the
 * container of Excel's old format, and of what has a password.
 */
export const spreadsheet = (head: Uint8Array): "open" | "other" | "sealed" | undefined => {
  if (startsWith(head, ole2)) return "sealed"
  if (!startsWith(head, zip)) return undefined
  const name = String.fromCharCode(...head.subarray(nameAt))
  if (name.startsWith("mimetype")) return "other"
  return /^(?:\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/)/.test(name) ? "open" : undefined
}

/** Whether the source is a ZIP, of whatever it is. */
export const isZip = (head: Uint8Array): boolean => startsWith(head, zip)

/** The encoding that a byte order mark says. */
export const marked = (head: Uint8Array): UnmarkedEncoding["encoding"] | "utf-8" | undefined => {
  if (startsWith(head, [0xff, 0xfe, 0, 0]) || startsWith(head, [0, 0, 0xfe, 0xff])) return "utf-32"
  if (startsWith(head, [0xff, 0xfe])) return "utf-16le"
  if (startsWith(head, [0xfe, 0xff])) return "utf-16be"
  return startsWith(head, [0xef, 0xbb, 0xbf]) ? "utf-8" : undefined
}

/** What bytes without a mark seem to be, where most of every second one, or of three in four, are zero. */
export const unmarked = (head: Uint8Array): UnmarkedEncoding["encoding"] | undefined => {
  const zeros = [0, 0, 0, 0]
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 4] = (zeros[index % 4] ?? 0) + 1
  const quarter = Math.floor(head.length / 4)
  const isEmpty = zeros.map((count) => count > quarter / 2)
  switch (isEmpty.map(Number).join("")) {
    case "0101":
      return "utf-16le"
    case "1010":
      return "utf-16be"
    case "0111":
    case "1110":
      return "utf-32"
    default:
      return undefined
  }
}
