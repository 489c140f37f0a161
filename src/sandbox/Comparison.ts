/**
 * What a vendor holds, held against what it should hold.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"

/**
 * @category models
 * @since 0.1.0
 */
export interface Comparison {
  /** How many keys hold what they should. */
  readonly matching: number
  /** Keys that should be there and are not. */
  readonly missing: ReadonlyArray<string>
  /** Keys that are there and should not be. */
  readonly unexpected: ReadonlyArray<string>
  /** Keys that hold something else. */
  readonly different: ReadonlyArray<string>
}

/**
 * Compares key by key, by value; the order of keys and of fields does not count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  actual: ReadonlyMap<string, unknown>,
  expected: Iterable<readonly [key: string, value: unknown]>
): Comparison => {
  const seen = new Set<string>()
  const missing: Array<string> = []
  const different: Array<string> = []
  for (const [key, value] of expected) {
    seen.add(key)
    if (!actual.has(key)) missing.push(key)
    else if (!Equal.equals(actual.get(key), value)) different.push(key)
  }
  return {
    matching: seen.size - missing.length - different.length,
    missing,
    unexpected: [...actual.keys()].filter((key) => !seen.has(key)),
    different
  }
}

/**
 * Whether everything matches.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMatch = ({ different, missing, unexpected }: Comparison): boolean =>
  missing.length === 0 && unexpected.length === 0 && different.length === 0
