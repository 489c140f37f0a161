/**
 * Keys as numbers: 32 bits of a hash. Two keys that share one are taken for the same where only order is at stake, so that
 * one of them waits in vain; where more is at stake, the keys themselves are compared.
 */

const prime = 0x01000193

/** The hash of a key: a signed integer of 32 bits. */
export const of = (key: string): number => {
  let hash = 0x811c9dc5 | 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), prime)
  // So that its last units are in all of its bits.
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}
