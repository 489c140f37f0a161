/** Date-times as RFC 3339 writes them. */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as CopiedText from "./CopiedText.ts"
import * as WrittenText from "./WrittenText.ts"

const HYPHEN = 45
const COLON = 58
const UPPER_T = 84
const UPPER_Z = 90

const firstInstant = Date.parse("0000-01-01T00:00:00Z")
const lastInstant = Date.parse("9999-12-31T23:59:59.999Z")
const millisPerDay = 86_400_000
const millisOf400Years = 146_097 * millisPerDay

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether a calendar has the day: `Date` takes the 30th of February for the 1st of March. */
export const isDay = (year: number, month: number, day: number): boolean => {
  const leaps = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return year >= 0 && day >= 1 && day <= (leaps ? 29 : (daysOfMonth[month - 1] ?? 0))
}

const dateTime =
  /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

const twoDigits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48

/**
 * The instant that an RFC 3339 date-time names (`date-time` of §5.6, with its lower-case letters), in
 * milliseconds since 1970, or `undefined` where the text names none. Digits beyond milliseconds are
 * dropped. A leap second, which is only accepted where one can be (23:59:60 UTC), reads as the second
 * after it. Days that no calendar has are refused.
 */
export const toEpochMillis = (text: string): number | undefined => {
  if (!dateTime.test(text)) return undefined
  // By their places: groups, or `Date.parse`, take half as long again to read a record.
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2)
  const [month, day, second] = [twoDigits(text, 5), twoDigits(text, 8), twoDigits(text, 17)]
  if (!isDay(year, month, day)) return undefined
  const zone = text.length - (text.endsWith("Z") || text.endsWith("z") ? 1 : 6)
  const offset = zone === text.length - 1 ? 0 : twoDigits(text, zone + 1) * 60 + twoDigits(text, zone + 4)
  const minute = twoDigits(text, 14) + (text.charAt(zone) === "-" ? offset : -offset)
  const fraction = zone === 19 ? 0 : Number(text.slice(20, Math.min(zone, 23)).padEnd(3, "0"))
  // Of 400 years later, which have the same days, because `Date.UTC` takes the year 99 for 1999.
  const later = Date.UTC(year + 400, month - 1, day, twoDigits(text, 11), minute, second, fraction)
  const instant = later - millisOf400Years
  if (second === 60 && Math.floor(instant / 60_000) % 1440 !== 0) return undefined
  return instant < firstInstant || instant > lastInstant ? undefined : instant
}

/** Whether RFC 3339, whose years have four digits, can say an instant. */
export const isWritable = (millis: number): boolean => millis >= firstInstant && millis <= lastInstant

/**
 * An instant as an RFC 3339 date-time in UTC, with a fraction only where there is one:
 * `2024-01-15T10:30:00Z`, the form of Reach's guides.
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

/** The two digits at an index of UTF-8; NaN, with which every comparison is false, where there are none. */
const twoDigitBytes = (bytes: Uint8Array, at: number): number => {
  const tens = (bytes[at] ?? 0) - 48
  const ones = (bytes[at + 1] ?? 0) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/**
 * Whether a text is a whole second as `fromEpochMillis` writes it. By its bytes, because every record of a file that is
 * copied passes here.
 */
const isWholeSecond: CopiedText.CopiedText = (bytes, from, to) => {
  if (to - from !== 20 || bytes[from + 10] !== UPPER_T || bytes[from + 19] !== UPPER_Z) return false
  if (bytes[from + 4] !== HYPHEN || bytes[from + 7] !== HYPHEN) return false
  if (bytes[from + 13] !== COLON || bytes[from + 16] !== COLON) return false
  const year = 100 * twoDigitBytes(bytes, from) + twoDigitBytes(bytes, from + 2)
  const isTime =
    twoDigitBytes(bytes, from + 11) < 24 && twoDigitBytes(bytes, from + 14) < 60 && twoDigitBytes(bytes, from + 17) < 60
  return isTime && isDay(year, twoDigitBytes(bytes, from + 5), twoDigitBytes(bytes, from + 8))
}

const written: WrittenText.WrittenText = (value) => {
  if (!DateTime.isDateTime(value) || !DateTime.isUtc(value)) return undefined
  const millis = DateTime.toEpochMillis(value)
  return Number.isInteger(millis) && millis >= firstInstant && millis <= lastInstant
    ? fromEpochMillis(millis)
    : undefined
}

/** An instant, read from any RFC 3339 date-time (with `Z` or any offset) and written in UTC. */
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
      WrittenText.through(
        CopiedText.through(
          SchemaTransformation.transform({
            decode: (text: string) => DateTime.fromDateUnsafe(new Date(toEpochMillis(text) ?? Number.NaN)),
            encode: (instant: DateTime.Utc) => fromEpochMillis(DateTime.toEpochMillis(instant))
          }),
          isWholeSecond
        ),
        written
      )
    )
  )
