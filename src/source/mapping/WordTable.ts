/** Words, and what they mean. Upper and lower case are the same. */
import type { Tell } from "./Problem.ts"

/** What a word means, given the word. */
export type WordTable = ReadonlyMap<string, string | number | boolean | null>

/** The form in which a word is looked up. */
export const normal = (word: string): string => word.trim().toLowerCase()

const yes = ["yes", "y", "true", "t", "on", "1"]
const no = ["no", "n", "false", "f", "off", "0"]

/** The words for true and false of most languages that machines write. */
export const yesNo: WordTable = new Map([
  ...yes.map((word) => [word, true] as const),
  ...no.map((word) => [word, false] as const)
])

/** A table of words. Two that differ only in what makes no difference must mean the same. */
export const make = (words: { readonly [word: string]: string | number | boolean | null }, tell: Tell): WordTable => {
  const table = new Map<string, string | number | boolean | null>()
  for (const [word, meaning] of Object.entries(words)) {
    const key = normal(word)
    if (key === "") tell("is no word: what an empty one means is said with empty", word)
    if (table.has(key) && table.get(key) !== meaning) tell("is there twice, and means two things", word)
    table.set(key, meaning)
  }
  if (table.size === 0) tell("has no words")
  return table
}

/** The same words with other meanings. */
export const map = <A extends string | number | boolean | null>(
  table: WordTable,
  f: (meaning: string | number | boolean | null) => A
): WordTable => new Map([...table].map(([word, meaning]) => [word, f(meaning)]))

// More are not read.
const mostTold = 12

/** The words, as a message lists them. */
export const format = (table: WordTable): string => {
  const words = [...table.keys()]
  const more = words.length - mostTold
  return more > 0 ? `${words.slice(0, mostTold).join(", ")} and ${more} more` : words.join(", ")
}
