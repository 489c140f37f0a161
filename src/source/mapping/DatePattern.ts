/** Formats of dates, in the letters of Unicode's date fields (UTS 35). */
import * as Rfc3339 from "../../json/Rfc3339.ts"
import type { Tell } from "./Problem.ts"

/** What a text says, as if it were UTC: milliseconds since 1970; and its offset from UTC, where it has one. */
export interface Found {
  readonly millis: number
  readonly offset: number | undefined
}

export interface DatePattern {
  readonly hasTime: boolean
  readonly hasOffset: boolean
  /** `undefined` where the text is not of this form, or names a day or a time that there is not. */
  readonly read: (text: string) => Found | undefined
}

const months = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december"
]
const shortMonths = months.map((month) => month.slice(0, 3))

const minute = 60_000

type Parts = { -readonly [Name in Part]?: number }
type Part = "year" | "month" | "day" | "hour" | "hour12" | "afternoon" | "minute" | "second" | "fraction" | "offset"

/** Letters of a format: what they stand for, and how that is written. */
interface Field {
  readonly part: Part
  readonly pattern: string
  readonly read: (text: string) => number
}

const digits = (part: Part, pattern: string): Field => ({ part, pattern, read: Number })

const named = (part: Part, names: ReadonlyArray<string>): Field => ({
  part,
  pattern: names.join("|"),
  read: (text) => names.indexOf(text.toLowerCase())
})

const fields: { readonly [letters: string]: Field } = {
  yyyy: digits("year", "\\d{4}"),
  M: digits("month", "\\d{1,2}"),
  MM: digits("month", "\\d{2}"),
  MMM: { ...named("month", shortMonths), read: (text) => shortMonths.indexOf(text.toLowerCase()) + 1 },
  MMMM: { ...named("month", months), read: (text) => months.indexOf(text.toLowerCase()) + 1 },
  d: digits("day", "\\d{1,2}"),
  dd: digits("day", "\\d{2}"),
  H: digits("hour", "\\d{1,2}"),
  HH: digits("hour", "\\d{2}"),
  h: digits("hour12", "\\d{1,2}"),
  hh: digits("hour12", "\\d{2}"),
  a: named("afternoon", ["am", "pm"]),
  mm: digits("minute", "\\d{2}"),
  ss: digits("second", "\\d{2}"),
  XXX: {
    part: "offset",
    pattern: "[zZ]|[+-]\\d{2}:\\d{2}",
    read: (text) => {
      if (text.length === 1) return 0
      const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(4))]
      if (hours > 23 || minutes > 59) return Number.NaN
      return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * minute
    }
  }
}

const fieldOf = (letters: string): Field | undefined =>
  /^S{1,6}$/.test(letters)
    ? { part: "fraction", pattern: `\\d{${letters.length}}`, read: (text) => Number(text.slice(0, 3).padEnd(3, "0")) }
    : Object.hasOwn(fields, letters)
      ? fields[letters]
      : undefined

// A quoted text, a run of one letter, or anything else.
const tokens = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/** What a format says; `undefined` where it says too little, or what nobody knows, which is told. */
export const make = (format: string, tell: Tell): DatePattern | undefined => {
  const found: Array<Field> = []
  let pattern = ""
  let isGood = true
  const bad = (message: string): void => {
    isGood = false
    tell(message)
  }
  for (const [token, quoted, letter] of format.matchAll(tokens)) {
    if (letter === undefined) {
      if (token === "'") bad("has an apostrophe that is not closed")
      pattern += escaped(token === "''" ? "'" : (quoted?.replaceAll("''", "'") ?? token))
      continue
    }
    const field = fieldOf(token)
    if (field === undefined) {
      bad(unknown(token))
    } else if (found.some(({ part }) => part === field.part)) {
      bad(`says twice what the ${field.part} is, the second time by ${token}`)
    } else {
      found.push(field)
      pattern += `(${field.pattern})`
    }
  }
  const has = (part: Part): boolean => found.some((field) => field.part === part)
  if (isGood && !(has("year") && has("month") && has("day"))) {
    bad("names no whole day: it needs yyyy, MM (or M, MMM, MMMM) and dd (or d)")
  }
  if (isGood && has("hour12") !== has("afternoon")) bad("needs both h and a (am, pm), or H")
  if (isGood && has("hour12") && has("hour")) bad("says twice what the hour is")
  const hasTime = has("hour") || has("hour12")
  if (
    isGood &&
    ((has("minute") && !hasTime) || (has("second") && !has("minute")) || (has("fraction") && !has("second")))
  ) {
    bad("has a part of an hour, a minute or a second without the whole of it")
  }
  if (!isGood) return undefined

  const whole = new RegExp(`^${pattern}$`, "i")
  return {
    hasTime,
    hasOffset: has("offset"),
    read: (text) => {
      const match = whole.exec(text)
      if (match === null) return undefined
      const parts: Parts = {}
      for (const [index, { part, read }] of found.entries()) parts[part] = read(match[index + 1] ?? "")
      return toFound(parts)
    }
  }
}

const unknown = (letters: string): string =>
  letters === "yy"
    ? "has yy, a year without its century, which is not guessed"
    : letters.startsWith("D") || letters.startsWith("Y")
      ? `has ${letters}, which is not the day or the year of a date: write dd and yyyy`
      : `has ${letters}, which is no part of a date. Put letters that stand for themselves in apostrophes`

const millisOf400Years = 146_097 * 86_400_000

const toFound = (parts: Parts): Found | undefined => {
  const {
    afternoon = 0,
    day = 0,
    fraction = 0,
    hour12,
    minute: minutes = 0,
    month = 0,
    offset,
    second = 0,
    year = 0
  } = parts
  const hour = hour12 === undefined ? (parts.hour ?? 0) : (hour12 % 12) + 12 * afternoon
  if (month < 1 || month > 12 || !Rfc3339.isDay(year, month, day)) return undefined
  if (hour > 23 || minutes > 59 || second > 59 || Number.isNaN(offset)) return undefined
  if (hour12 !== undefined && (hour12 < 1 || hour12 > 12)) return undefined
  // Of 400 years later, which have the same days, because `Date.UTC` takes the year 99 for 1999.
  const later = Date.UTC(year + 400, month - 1, day, hour, minutes, second, fraction)
  return { millis: later - millisOf400Years, offset }
}
