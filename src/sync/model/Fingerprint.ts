/**
 * What a run works on, told from other runs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * What a run works on, and the options that change what it means, each under a name: source, destination,
 * schema … A checkpoint is good for the same fingerprint only. It is stored and shown: no secrets in it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fingerprint = Schema.Record(Schema.String, Schema.String)

/**
 * @category models
 * @since 0.1.0
 */
export type Fingerprint = typeof Fingerprint.Type

/**
 * A part of the fingerprint that is another one now; `undefined` where there was, or is, no such part.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  readonly part: string
  readonly was: string | undefined
  readonly is: string | undefined
}

/**
 * What differs between two fingerprints, by name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const differences = (was: Fingerprint, is: Fingerprint): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .sort()
    .map((part) => ({ part, was: own(was, part), is: own(is, part) }))
    .filter((difference) => difference.was !== difference.is)

/**
 * The fingerprint of several sources that are read one after the other: that of the first one, and of each other one a part
 * that says what it is and in what it differs from the first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofSeveral =
  (names: ReadonlyArray<string>) =>
  (fingerprints: ReadonlyArray<Fingerprint>): Fingerprint => {
    const [first = {}, ...others] = fingerprints
    const parts = others.map((fingerprint, index) => {
      const name = names[index + 1]
      const own = differences(first, fingerprint).filter(({ is }) => is !== name)
      return [
        `source ${index + 2}`,
        [name, ...own.map(({ is, part }) => `${part}: ${is ?? "none"}`)].join("; ")
      ] as const
    })
    return { ...first, ...Object.fromEntries(parts) }
  }

/**
 * Without the sources that came behind those that there were.
 *
 * @category filtering
 * @since 0.1.0
 */
export const withoutAdded = (was: Fingerprint, all: ReadonlyArray<Difference>): ReadonlyArray<Difference> => {
  const added = (part: string): boolean => !Object.hasOwn(was, part) && /^source [2-9]\d*$|^source 1\d+$/.test(part)
  return all.filter(({ part }) => !added(part))
}

const own = (fingerprint: Fingerprint, part: string): string | undefined =>
  Object.hasOwn(fingerprint, part) ? fingerprint[part] : undefined
