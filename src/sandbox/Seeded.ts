/** Chance and ids that are the same in every run with the same seed. */

// cyrb128: four well-mixed 32-bit words from a text (public domain, github.com/bryc/code).
const words = (text: string): readonly [number, number, number, number] => {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762]
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    a = b ^ Math.imul(a ^ code, 597399067)
    b = c ^ Math.imul(b ^ code, 2869860233)
    c = d ^ Math.imul(c ^ code, 951274213)
    d = a ^ Math.imul(d ^ code, 2716044179)
  }
  a = Math.imul(c ^ (a >>> 18), 597399067)
  b = Math.imul(d ^ (b >>> 22), 2869860233)
  c = Math.imul(a ^ (c >>> 17), 951274213)
  d = Math.imul(b ^ (d >>> 19), 2716044179)
  return [a ^ b ^ c ^ d, b ^ a, c ^ a, d ^ a]
}

/** A generator of numbers from 0 up to, and without, 1. */
export const make = (seed: string): (() => number) => {
  // sfc32 (public domain, PractRand): small, fast, and far better than its size.
  let [a, b, c, d] = words(seed)
  return () => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4294967296
  }
}

/**
 * A UUID (RFC 9562, version 4 in form) that depends on nothing but the seed, so not on the order in which
 * ids are asked for.
 */
export const uuid = (seed: string): string => {
  const hex = words(seed)
    .map((word) => (word >>> 0).toString(16).padStart(8, "0"))
    .join("")
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0b11) | 0b1000).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** A new array with the same elements in an order that `next` chooses. */
export const shuffle = <A>(elements: ReadonlyArray<A>, next: () => number): ReadonlyArray<A> =>
  elements
    .map((element) => ({ element, place: next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ element }) => element)
