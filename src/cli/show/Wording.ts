/** The library's messages name its options as they are written in code; here they are named as they are typed. */
import * as Effect from "effect/Effect"
import type { DeadLetters } from "../../index.ts"

const words: ReadonlyArray<readonly [RegExp, string]> = [
  [/map (it|one) with columns: \{ (\w+): ("[^"]*"|"…") \}/g, "map $1 with --map $2=$3"],
  [/Map it with columns\b/g, "Map it with --map field=Column"],
  [/encoding: "([^"]+)"/g, "--encoding $1"],
  [/^columns\.(\w+):(.*) Write a mapping:/g, "--map $1:$2 Write a mapping, in a file for --mapping:"],
  [/Say which, such as sheet: ("[^"]*")/g, "Say which, such as --sheet $1"],
  [/(Read it with|such as) format: "(csv|xlsx)"/g, "$1 --format $2"],
  [/otherColumns: "ignore"/g, "--ignore-unknown-fields"],
  [/allowSuspicious: \["([\w-]+)"\]/g, "--allow-suspicious $1"],
  [/\bwith records: ("[^"]*")/g, "with --records $1"],
  [/array of records is with records\./g, "array of records is with --records."],
  [/strictHeader: true/g, "--strict-header"],
  [/Read it with format: "json"/g, "Read it with --format json"],
  [
    /longer than maxElapsed allows\. Run again after that, or raise maxElapsed\./g,
    "longer than --retry-for allows. Run again after that, or give --retry-for a longer time."
  ],
  [
    /longer than retryAfterCeiling allows\. Run again after that, or raise retryAfterCeiling\./g,
    "longer than is waited for. Run again after that."
  ],
  [/name the field in deleteConsent to do so/g, "to do so, name the field with --delete-consent"],
  [/, or reset (it|this one) to start afresh/g, ", or reset $1 with patchbay checkpoint reset to start afresh"],
  [/, or reset the checkpoint to start afresh/g, ", or reset it with patchbay checkpoint reset to start afresh"]
]

// In code, an answer is read out of the error.
const answer = " What it answered may hold customer data: Redacted.value(error.answer)."

/** A message with the command's options in the place of the library's. Where an answer is to be found, `answerAt` says. */
export const asOptions = (message: string, answerAt = ""): string =>
  words
    .reduce((text, [pattern, replacement]) => text.replaceAll(pattern, replacement), message)
    .replaceAll(answer, answerAt)

/** A dead letter in the same words. */
const ofLetter = (letter: DeadLetters.DeadLetter): DeadLetters.DeadLetter => ({
  ...letter,
  reason: {
    ...letter.reason,
    message: asOptions(letter.reason.message, letter.answer === undefined ? "" : " What it answered is under answer."),
    issues: letter.reason.issues.map((issue) => ({ ...issue, message: asOptions(issue.message) }))
  }
})

/** Dead letters whose reasons are told in the same words. */
export const inLetters = <R>({ open }: DeadLetters.DeadLetters<R>): DeadLetters.DeadLetters<R> => ({
  open: (options) => Effect.map(open(options), ({ write }) => ({ write: (letters) => write(letters.map(ofLetter)) }))
})
