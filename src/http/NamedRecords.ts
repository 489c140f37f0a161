/**
 * Which records of a batch a refusal names.
 *
 * @since 0.1.0
 */
import type { VendorAnswer } from "./ApiError.ts"

/**
 * The 0-based positions of the records that a refusal names, in order; none where it names none. It is a hint where
 * to look first, never a verdict: what a vendor writes in its errors is free text.
 *
 * An error names records by position, `field[3]`, `field.3.email` or `/field/3/email`, where every position is one
 * that the batch has; `record 3` may count from 0 or from 1, and names none. Where it holds no position, it names
 * records by key: as a whole between quotes, or as a whole word where the key has a digit and something else, so
 * that no English word and no number is taken for one. An error with more than `maxKeys` keys names none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const named = (
  answer: VendorAnswer,
  keys: ReadonlyArray<string>,
  options: {
    /** The field of the body that holds the records: `resources`. */
    readonly field: string
    /** How many different keys one error may name. Default: 1. */
    readonly maxKeys?: number | undefined
  }
): ReadonlyArray<number> => {
  const { field, maxKeys = 1 } = options
  const texts = [...answer.errors, answer.message]
  const position = new RegExp(
    `(?<![\\w.\\]])${field}(?:\\[(\\d{1,9})\\]|\\.(\\d{1,9})(?=\\.[A-Za-z_]))|(?<!\\w)/${field}/(\\d{1,9})(?=/[A-Za-z_])`,
    "g"
  )
  const positions = texts.map((text) =>
    Array.from(text.matchAll(position), ([, bracket, dot, slash]) => Number(bracket ?? dot ?? slash))
  )
  // One position that the batch does not have, and they are counted in a way that is not known.
  const trusted = positions.flat().every((index) => index < keys.length)
  const byKey = Map.groupBy(keys.keys(), (index) => keys[index])
  const found = new Set<number>()
  texts.forEach((text, place) => {
    const here = positions[place] ?? []
    if (here.length > 0) {
      if (trusted) for (const index of here) found.add(index)
      return
    }
    const mentioned = new Set(words(text.slice(0, maxText)).filter((word) => byKey.has(word)))
    if (mentioned.size > maxKeys) return
    for (const key of mentioned) for (const index of byKey.get(key) ?? []) found.add(index)
  })
  return [...found].sort((a, b) => a - b)
}

// An error is a sentence or two. What is longer is looked through for positions only, which takes linear time.
const maxText = 1000

// What stands between quotes, and the words around it that can only be an id.
const words = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  const rest = text.replaceAll(/"(?:[^"\\]|\\.)*"|(?<!\w)'[^']*'(?!\w)|`[^`]*`/g, (quoted) => {
    found.push(quoted.startsWith('"') ? unescaped(quoted) : quoted.slice(1, -1))
    return " "
  })
  for (const word of rest.split(/[\s,;()[\]{}=]+/)) {
    const bare = word.replace(/[.:!?]+$/, "")
    if (/\d/.test(bare) && /\D/.test(bare)) found.push(bare)
  }
  return found
}

const unescaped = (quoted: string): string => {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted.slice(1, -1)
  }
}
