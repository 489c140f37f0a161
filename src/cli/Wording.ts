/**
 * The library's messages name its options as they are written in code; here they are named as they are typed.
 */

const words: ReadonlyArray<readonly [RegExp, string]> = [
  [/map (it|one) with columns: \{ (\w+): ("[^"]*"|"…") \}/g, "map $1 with --map $2=$3"],
  [/Map it with columns\b/g, "Map it with --map field=Column"],
  [/otherColumns: "ignore"/g, "--ignore-unknown-fields"],
  [/Correct columns\./g, "Correct --map."],
  [
    /longer than maxElapsed allows\. Run again after that, or raise maxElapsed\./g,
    "longer than --retry-for allows. Run again after that, or give --retry-for a longer time."
  ],
  [
    /longer than retryAfterCeiling allows\. Run again after that, or raise retryAfterCeiling\./g,
    "longer than is waited for. Run again after that."
  ],
  [/, or reset (it|this one) to start afresh/g, ", or reset $1 with patchbay checkpoint reset to start afresh"],
  [/, or reset the checkpoint to start afresh/g, ", or reset it with patchbay checkpoint reset to start afresh"]
]

/** A message with the command's options in the place of the library's. */
export const asOptions = (message: string): string =>
  words.reduce((text, [pattern, replacement]) => text.replaceAll(pattern, replacement), message)
