/**
 * Date-times as RFC 3339 writes them.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as CopiedText from "../json/CopiedText.ts"

const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const firstInstant = new Date(0).setUTCFullYear(0, 0, 1)

const millisPerDay = 86_400_000

const HYPHEN = 45
const COLON = 58
const POINT = 46
const PLUS = 43
const UPPER_T = 84
const UPPER_Z = 90
const TO_LOWER = 32

// Far enough below zero to stay there whatever is added to it.
const notDigits = -1_000_000

/** The two digits at an index; where there are none, a number that makes every sum with it negative. */
const twoDigits = (text: string, at: number): number => {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : notDigits
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
// From 0000-01-01 to 1970-01-01.
const daysBefore1970 = 719_528

/** Days since 1970, or `undefined` where no calendar has the day. Not `Date.UTC`, which reads years below 100 as 19xx. */
const daysSince1970 = (year: number, month: number, day: number): number | undefined => {
  const inMonth = daysOfMonth[month - 1]
  const beforeMonth = daysBeforeMonth[month - 1]
  if (year < 0 || inMonth === undefined || beforeMonth === undefined) return undefined
  const leaps = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day < 1 || day > (leaps && month === 2 ? 29 : inMonth)) return undefined
  // The year 0 leaps, and counts among the years before every other one.
  const before = year - 1
  const leapDays = year === 0 ? 0 : 1 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
  return year * 365 + leapDays + beforeMonth + (leaps && month > 2 ? 1 : 0) + day - 1 - daysBefore1970
}

/**
 * The instant that an RFC 3339 date-time names (`date-time` of §5.6, with its lower-case letters), in
 * milliseconds since 1970, or `undefined` where the text names none. Digits beyond milliseconds are
 * dropped. A leap second, which is only accepted where one can be (23:59:60 UTC), reads as the second
 * after it. Days that no calendar has are refused.
 *
 * @category decoding
 * @since 0.1.0
 */
export const toEpochMillis = (text: string): number | undefined => {
  // Character by character, because every record of a file passes here; a regular expression takes ten times as long.
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const days = daysSince1970(year, twoDigits(text, 5), twoDigits(text, 8))
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  if (days === undefined || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
    return undefined
  }
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(7) !== HYPHEN) return undefined
  if ((text.charCodeAt(10) & ~TO_LOWER) !== UPPER_T) return undefined
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined
  let at = 19
  let fraction = 0
  if (text.charCodeAt(at) === POINT) {
    let unit = 100
    for (at++; ; at++) {
      const digit = text.charCodeAt(at) - 48
      if (!(digit >= 0 && digit <= 9)) break
      fraction += digit * unit
      unit = unit > 1 ? unit / 10 : 0
    }
    if (at === 20) return undefined
  }
  let offset = 0
  const zone = text.charCodeAt(at++)
  if (zone === PLUS || zone === HYPHEN) {
    const offsetHour = twoDigits(text, at)
    const offsetMinute = twoDigits(text, at + 3)
    if (
      offsetHour < 0 ||
      offsetHour > 23 ||
      text.charCodeAt(at + 2) !== COLON ||
      offsetMinute < 0 ||
      offsetMinute > 59
    ) {
      return undefined
    }
    offset = (zone === PLUS ? 1 : -1) * (offsetHour * 60 + offsetMinute) * 60_000
    at += 5
  } else if ((zone & ~TO_LOWER) !== UPPER_Z) {
    return undefined
  }
  if (at !== text.length) return undefined
  const instant = days * millisPerDay + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset
  if (second === 60 && Math.floor(instant / 60_000) % 1440 !== 0) return undefined
  return instant < firstInstant || instant > lastInstant ? undefined : instant
}

/**
 * An instant as an RFC 3339 date-time in UTC, with a fraction only where there is one:
 * `2024-01-15T10:30:00Z`, the form of Reach's guides.
 *
 * @category encoding
 * @since 0.1.0
 */
export const fromEpochMillis = (millis: number): string => {
  const day = Math.floor(millis / millisPerDay)
  if (day !== lastDay) {
    lastDayText = new Date(day * millisPerDay).toISOString().slice(0, -13)
    lastDay = day
  }
  const inDay = millis - day * millisPerDay
  const fraction = inDay % 1000
  const seconds = (inDay - fraction) / 1000
  const time = `${lastDayText}${pairs[(seconds / 3600) | 0]}:${pairs[((seconds / 60) | 0) % 60]}:${pairs[seconds % 60]}`
  return fraction === 0 ? `${time}Z` : `${time}.${String(fraction).padStart(3, "0")}Z`
}

const pairs = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"))

// Customers come by the day more often than not, and writing a day costs ten times as much as looking it up.
let lastDay = Number.NaN
let lastDayText = ""

/** The two digits at an index of UTF-8; where there are none, a number that makes every sum with it negative. */
const twoDigitBytes = (bytes: Uint8Array, at: number): number => {
  const tens = (bytes[at] ?? 0) - 48
  const ones = (bytes[at + 1] ?? 0) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : notDigits
}

/** Whether a text is a whole second as `fromEpochMillis` writes it. */
const isWholeSecond: CopiedText.CopiedText = (bytes, from, to) => {
  if (to - from !== 20 || bytes[from + 10] !== UPPER_T || bytes[from + 19] !== UPPER_Z) return false
  if (bytes[from + 4] !== HYPHEN || bytes[from + 7] !== HYPHEN) return false
  if (bytes[from + 13] !== COLON || bytes[from + 16] !== COLON) return false
  const hour = twoDigitBytes(bytes, from + 11)
  const minute = twoDigitBytes(bytes, from + 14)
  const second = twoDigitBytes(bytes, from + 17)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false
  const year = twoDigitBytes(bytes, from) * 100 + twoDigitBytes(bytes, from + 2)
  return daysSince1970(year, twoDigitBytes(bytes, from + 5), twoDigitBytes(bytes, from + 8)) !== undefined
}

/**
 * An instant, read from any RFC 3339 date-time (with `Z` or any offset) and written in UTC.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DateTimeUtc = Schema.String.annotate({ format: "date-time" })
  .check(
    Schema.makeFilter((text: string) => toEpochMillis(text) !== undefined, {
      expected: "an RFC 3339 date-time with an offset, such as 2024-01-15T10:30:00Z"
    })
  )
  .pipe(
    Schema.decodeTo(
      Schema.DateTimeUtc,
      // A check and a pure transformation, because compiled decoders keep their pace with these.
      CopiedText.through(
        SchemaTransformation.transform({
          decode: (text: string) => DateTime.fromDateUnsafe(new Date(toEpochMillis(text) ?? Number.NaN)),
          encode: (instant: DateTime.Utc) => fromEpochMillis(DateTime.toEpochMillis(instant))
        }),
        isWholeSecond
      )
    )
  )
