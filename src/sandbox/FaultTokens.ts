/**
 * The words and marks of a fault rule's text, each with its place.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The text is no fault rule. It says at which place, and what may stand there.
 *
 * @category errors
 * @since 0.1.0
 */
export class FaultTextError extends Schema.TaggedError<FaultTextError>()("FaultTextError", {
  /** The whole rule, as it was given. */
  text: Schema.String,
  /** 0-based place in the text, in UTF-16 code units; its length where something is missing at the end. */
  at: Schema.Int,
  /** What is wrong there, and what is allowed. */
  problem: Schema.String
}) {
  override get message(): string {
    // A line break or a tab would move the mark away from its place.
    const line = this.text.replaceAll(/\p{Cc}/gu, " ")
    return `The fault rule is not understood at character ${this.at + 1}: ${this.problem}.\n  ${line}\n  ${" ".repeat(this.at)}^`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export type Token =
  | { readonly _tag: "Word"; readonly at: number; readonly end: number; readonly value: string }
  | { readonly _tag: "Mark"; readonly at: number; readonly end: number; readonly value: ":" | "," | "@" }
  | { readonly _tag: "Text"; readonly at: number; readonly end: number; readonly value: string }
  | { readonly _tag: "Json"; readonly at: number; readonly end: number; readonly value: unknown }
  | { readonly _tag: "Pattern"; readonly at: number; readonly end: number; readonly value: RegExp }

const space = /\s+/y
const mark = /[:,@]/y
const word = /[^\s:,@"]+/y
const text = /"(?:[^"\\]|\\.)*"/sy
// As a literal of the language: a slash ends it unless it is escaped or in a class.
const pattern = /~\/((?:[^/\\[\r\n]|\\[^\r\n]|\[(?:[^\]\\\r\n]|\\[^\r\n])*\])+)\/([a-z]*)/y

/**
 * Takes a rule apart.
 *
 * @category decoding
 * @since 0.1.0
 */
export const tokens = (rule: string): Result.Result<ReadonlyArray<Token>, FaultTextError> => {
  const found: Array<Token> = []
  const fail = (at: number, problem: string) => Result.fail(new FaultTextError({ text: rule, at, problem }))
  let at = 0
  const match = (sticky: RegExp): RegExpExecArray | null => {
    sticky.lastIndex = at
    return sticky.exec(rule)
  }
  const take = (length: number): { readonly at: number; readonly end: number } => {
    const place = { at, end: at + length }
    at += length
    return place
  }

  while (at < rule.length) {
    const blank = match(space)
    if (blank !== null) {
      at += blank[0].length
      continue
    }
    const first = rule.charAt(at)
    if (first === '"') {
      const quoted = match(text)
      if (quoted === null) return fail(at, 'the text that begins here is not closed; end it with "')
      const value = parseJson(quoted[0])
      if (typeof value !== "string") {
        return fail(at, 'the text must be written as in JSON, with \\" for a quote and \\n for a line break')
      }
      found.push({ _tag: "Text", ...take(quoted[0].length), value })
    } else if (rule.startsWith("~/", at)) {
      const literal = match(pattern)
      const value = literal === null ? undefined : regExp(literal[1] ?? "", literal[2] ?? "")
      if (literal === null || value === undefined) {
        return fail(at, "a pattern must be written as in JavaScript, such as ~/customers\\/c-\\d+$/")
      }
      found.push({ _tag: "Pattern", ...take(literal[0].length), value })
    } else if (first === "{" || first === "[") {
      const length = jsonLength(rule.slice(at))
      const value = length === undefined ? undefined : parseJson(rule.slice(at, at + length))
      if (length === undefined || value === undefined) return fail(at, "the JSON that begins here is not complete")
      found.push({ _tag: "Json", ...take(length), value })
    } else {
      const one = match(mark)
      if (one !== null) {
        // The expression knows no others.
        found.push({ _tag: "Mark", ...take(1), value: one[0] as ":" | "," | "@" })
        continue
      }
      // Whatever is none of the above begins a word.
      const value = match(word)?.[0] ?? first
      found.push({ _tag: "Word", ...take(value.length), value })
    }
  }
  return Result.succeed(found)
}

// `undefined` is no JSON value, so that it can stand for a failure.
const parseJson = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const regExp = (source: string, flags: string): RegExp | undefined => {
  try {
    return new RegExp(source, flags)
  } catch {
    return undefined
  }
}

/** The length of the object or array at the beginning of a text, by its brackets. */
const jsonLength = (from: string): number | undefined => {
  let depth = 0
  for (const { 0: part, index } of from.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (part === "{" || part === "[") depth++
    else if (part === "}" || part === "]") depth--
    if (depth === 0) return index + part.length
  }
  return undefined
}
