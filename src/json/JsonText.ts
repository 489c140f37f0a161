/**
 * JSON read without a change that nobody would be told of: a number that JavaScript cannot hold to the digit, and a name
 * that comes twice in one object, of which only the last value would be kept.
 */
import * as JsonPointer from "effect/JsonPointer"
import type { InputIssue } from "./InputIssue.ts"

/** What a JSON text holds, and what of it the value does not hold as it was written. */
export interface JsonText {
  readonly value: unknown
  readonly issues: ReadonlyArray<InputIssue>
  /** The numbers that were asked for as text, as they are written, by the JSON pointer to them. */
  readonly numbers?: ReadonlyMap<string, string> | undefined
}

const none: ReadonlyArray<InputIssue> = []

/**
 * Reads a JSON text. Throws where it is none, as `JSON.parse` does. Numbers at the JSON pointers `asText` are wanted as they
 * are written.
 */
export const parse = (text: string, asText?: ReadonlySet<string> | undefined): JsonText => {
  const value: unknown = JSON.parse(text)
  if (isPlain(text, value)) return { value, issues: none }
  if (asText === undefined) return { value, issues: issuesOf(text) }
  const numbers = new Map<string, string>()
  return { value, issues: issuesOf(text, { asText, numbers }), numbers }
}

/** What is said of a number that a value cannot hold. */
export const inexact = "This number has more digits than are kept, and would be changed. Write it as text, in quotes"

const exponent =
  "This number is written with an exponent, so that its digits are not known. Write it as text, in quotes"

const QUOTE = 34
const COMMA = 44
const MINUS = 45
const ZERO = 48
const NINE = 57
const COLON = 58
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const SPACE = 32

// Most records are objects of texts and booleans, with as many colons behind a quote as they have names: nothing in them
// can have changed, and they are not looked through. A colon in a text seldom stands behind a quote or a space.
const isPlain = (text: string, value: unknown): boolean => {
  if (typeof value === "number" || Array.isArray(value)) return false
  if (typeof value !== "object" || value === null) return true
  let names = 0
  for (const name in value) {
    // What is looped over has string names.
    const inner = (value as { readonly [name: string]: unknown })[name]
    if (typeof inner === "number" || (typeof inner === "object" && inner !== null)) return false
    names++
  }
  for (let at = text.indexOf(":"); at !== -1; at = text.indexOf(":", at + 1)) {
    const before = text.charCodeAt(at - 1)
    if ((before === QUOTE || before <= SPACE) && --names < 0) return false
  }
  return true
}

// So many are told one by one.
const mostIssues = 8

/** An object or an array that is open, and where in it the text is. */
interface Open {
  /** Of an object; `undefined` for an array. */
  readonly names: Set<string> | undefined
  expectsName: boolean
  at: string | number
}

/** Looks through a text that is JSON, and notes the numbers that are wanted as they are written. */
const issuesOf = (
  text: string,
  wanted?: { readonly asText: ReadonlySet<string>; readonly numbers: Map<string, string> } | undefined
): ReadonlyArray<InputIssue> => {
  const issues: Array<InputIssue> = []
  const open: Array<Open> = []
  const tell = (message: string): void => {
    if (issues.length < mostIssues) issues.push({ path: open.map(({ at }) => at), message })
  }
  // What is wanted is looked for up to the end.
  for (let at = 0; at < text.length && (issues.length < mostIssues || wanted !== undefined); ) {
    const code = text.charCodeAt(at)
    const inner = open[open.length - 1]
    if (code === QUOTE) {
      const end = stringEnd(text, at)
      if (inner?.names !== undefined && inner.expectsName) {
        // A name is a string.
        const name = JSON.parse(text.slice(at, end)) as string
        inner.at = name
        inner.expectsName = false
        if (inner.names.has(name)) tell("This name comes twice. Leave one of them out")
        inner.names.add(name)
      }
      at = end
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = numberEnd(text, at)
      const number = text.slice(at, end)
      const pointer = wanted === undefined ? "" : pointerTo(open)
      if (wanted?.asText.has(pointer)) {
        if (/[eE]/.test(number)) tell(exponent)
        else wanted.numbers.set(pointer, number)
      } else if (!isExact(number)) tell(inexact)
      at = end
    } else {
      if (code === OPEN_BRACE) open.push({ names: new Set(), expectsName: true, at: "" })
      else if (code === OPEN_BRACKET) open.push({ names: undefined, expectsName: false, at: 0 })
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) open.pop()
      else if (code === COMMA && inner !== undefined) {
        if (typeof inner.at === "number") inner.at++
        else inner.expectsName = true
      }
      at++
    }
  }
  return issues
}

const pointerTo = (open: ReadonlyArray<Open>): string =>
  open.map(({ at }) => `/${JsonPointer.escapeToken(String(at))}`).join("")

const stringEnd = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return end + 1
  }
}

const numberEnd = (text: string, start: number): number => {
  let end = start + 1
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    // Digits, a point, a sign or an e: what ends a number in JSON is none of them.
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || code <= SPACE || code === COLON) break
  }
  return end
}

// A double holds any number of so many digits.
const digitsHeld = 15

/** Whether a number is the same when it has been read and written: to the digit, but for zeros that say nothing. */
export const isExact = (text: string): boolean => {
  if (text.length <= digitsHeld && !/[eE]/.test(text)) return true
  const written = decimal(String(Number(text)))
  return written !== undefined && written === decimal(text)
}

/** One way to write a number: its digits without zeros around them, and a power of ten. */
const decimal = (text: string): string | undefined => {
  const [found, sign, whole = "", fraction = "", power = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  if (found === undefined) return undefined
  const digits = whole + fraction
  let from = 0
  while (digits.charCodeAt(from) === ZERO) from++
  if (from === digits.length) return "0"
  let to = digits.length
  while (digits.charCodeAt(to - 1) === ZERO) to--
  const exponent = BigInt(power) + BigInt(digits.length - to - fraction.length)
  return `${sign === "-" ? "-" : ""}${digits.slice(from, to)}e${exponent}`
}
