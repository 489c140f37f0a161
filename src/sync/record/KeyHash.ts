/**
 * Keys as numbers: 32 bits of a hash. Two keys that share one are taken for the same where only order is at stake, so that
 * one of them waits in vain; where more is at stake, the keys themselves are compared.
 *
 * @since 0.1.0
 */

const prime = 0x01000193

/**
 * The hash of no units; `add` and `finish` make the rest.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty = 0x811c9dc5 | 0

/**
 * Adds one UTF-16 code unit.
 *
 * @category combinators
 * @since 0.1.0
 */
export const add = (hash: number, unit: number): number => Math.imul(hash ^ unit, prime)

/**
 * The hash that was added up, with its last units in all of its bits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = (hash: number): number => {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/**
 * The hash of a key: a signed integer of 32 bits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (key: string): number => {
  let hash = empty
  for (let i = 0; i < key.length; i++) hash = add(hash, key.charCodeAt(i))
  return finish(hash)
}
