/** JSON that reaches the other side as it was meant, or is not sent. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as InputIssue from "./InputIssue.ts"
import * as JsonDepth from "./JsonDepth.ts"

/** The JSON of a value, or why it must not be sent. */
export type Encode<A> = (value: A) => Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>

/**
 * The same encoder, which never throws, whatever it is given, and gives no JSON that others may read otherwise: none that
 * is nested too deep, and none with half of a surrogate pair, which UTF-8 cannot hold (RFC 8259 §8.2).
 */
export const checked =
  <A>(encode: Encode<A>): Encode<A> =>
  (value) => {
    try {
      const encoded = encode(value)
      if (Result.isFailure(encoded)) return encoded
      const json = encoded.success
      if (isUsual(json)) return encoded
      if (JsonDepth.isTooDeep(json)) return refused(`The record is ${JsonDepth.tooDeep}`)
      return hasHalfPair(json) ? Result.fail(halfPairs(json)) : encoded
    } catch (error) {
      // Its message may repeat a value.
      return refused(
        `The record cannot be written as JSON (${thrown(error)}). It may be ${JsonDepth.tooDeep} or without an end, or hold what JSON has no form for`
      )
    }
  }

// Nothing is nested in it, and no character is escaped by its number: what of it is looked at costs next to nothing.
const isUsual = (json: string): boolean =>
  json.isWellFormed() && json.indexOf("{", 1) === -1 && json.indexOf("[", 1) === -1 && !json.includes("\\u")

/** What was thrown, without the words in which it was said: they may hold a customer's data. */
export const thrown = (error: unknown): string => (Predicate.isError(error) ? error.name : "no error was given")

const refused = (message: string): Result.Result<never, ReadonlyArray<InputIssue.InputIssue>> =>
  Result.fail([{ path: [], message }])

/** Whether a text cannot be sent: it holds half of a surrogate pair. */
export const isHalved = (text: string): boolean => !text.isWellFormed()

/** What is said of such a text. */
export const halved = "This text holds half of a surrogate pair (a broken character), which cannot be sent as it is"

// A backslash that stands for itself, a whole pair, or a half.
const escapes = /\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})/g

// `JSON.stringify` writes a half as an escape; other encoders may leave it as it is.
const hasHalfPair = (json: string): boolean => {
  if (isHalved(json)) return true
  if (!json.includes("\\u")) return false
  for (const [, half] of json.matchAll(escapes)) if (half !== undefined) return true
  return false
}

const halfPairs = (json: string): ReadonlyArray<InputIssue.InputIssue> => {
  const record: unknown = JSON.parse(json)
  const fields = Predicate.isObject(record) ? Object.entries(record) : []
  const issues = fields
    .filter(([name, value]) => isHalved(name) || hasHalfPair(JSON.stringify(value)))
    .map(([name]) => ({ path: [InputIssue.foreignName(name)], message: halved }))
  return issues.length === 0 ? [{ path: [], message: halved }] : issues
}
