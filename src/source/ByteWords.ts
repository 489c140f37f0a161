/**
 * Bytes of text, four at a time: a word is what `DataView` reads as a little-endian integer of 32 bits.
 *
 * @since 0.1.0
 */

/**
 * @category configuration
 * @since 0.1.0
 */
export const wordSize = 4

// In each byte of a word:
const ones = 0x01010101
// A quote becomes 0x20 by these bits, and a control character stays one: both are below these.
const lowBits = 0x02020202
const leastText = 0x21212121
const highBits = 0x80808080 | 0
const backslashes = 0x5c5c5c5c

/**
 * A word of nothing but this byte of ASCII.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (byte: number): number => byte * ones

/**
 * Four bytes a word, the last one filled up with zeros.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from = (bytes: Uint8Array): Int32Array => {
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / wordSize) * wordSize))
  for (const [index, byte] of bytes.entries()) padded.setUint8(index, byte)
  return Int32Array.from({ length: padded.byteLength / wordSize }, (_, i) => padded.getInt32(i * wordSize, true))
}

/**
 * 0 where none of the four bytes is a control character, part of a longer one, a quote or a backslash. Otherwise the
 * lowest bit that is set is the highest of the first that is one: subtracting borrows into the high bit of a byte that is
 * less, or that the exclusive or made zero, and from nothing before it.
 *
 * @category guards
 * @since 0.1.0
 */
export const special = (word: number): number =>
  (word | ((word ^ lowBits) - leastText) | ((word ^ backslashes) - ones)) & highBits

/**
 * Does so for a byte of `stop` too, which is four times the same of ASCII.
 *
 * @category guards
 * @since 0.1.0
 */
export const specialOr = (word: number, stop: number): number => special(word) | (((word ^ stop) - ones) & highBits)

/**
 * Whether the bytes from one index up to another are `true` or `false`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBoolean = (bytes: Uint8Array, from: number, to: number): boolean => {
  const size = to - from
  // In ASCII.
  return (
    (size === 4 &&
      bytes[from] === 116 &&
      bytes[from + 1] === 114 &&
      bytes[from + 2] === 117 &&
      bytes[from + 3] === 101) ||
    (size === 5 &&
      bytes[from] === 102 &&
      bytes[from + 1] === 97 &&
      bytes[from + 2] === 108 &&
      bytes[from + 3] === 115 &&
      bytes[from + 4] === 101)
  )
}
