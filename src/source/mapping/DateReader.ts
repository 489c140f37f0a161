/** Dates as sources write them, to RFC 3339. Nothing is guessed: what can be read in two ways is not read. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Rfc3339 from "../../json/Rfc3339.ts"
import * as DatePattern from "./DatePattern.ts"
import type { DateReading } from "./Model.ts"
import { Refused, type Tell, within } from "./Problem.ts"

/** Reads a text, or a number of JSON. */
export type DateReader = (value: string | number) => string | Refused

const refusals = {
  rfc3339: new Refused("is no RFC 3339 date-time with an offset, such as 2024-01-15T10:30:00Z"),
  "epoch-seconds": new Refused("is no number of seconds since 1970, or is beyond the year 9999"),
  "epoch-millis": new Refused("is no number of milliseconds since 1970, or is beyond the year 9999"),
  excel: new Refused("is no day as Excel counts them, from 1 to 2958465"),
  leapDay: new Refused("is the 29th of February 1900, which Excel counts and no calendar has"),
  unclear: new Refused("is a local time that comes twice, or not at all, because clocks are changed: say clockChange"),
  several: new Refused("can be read in more than one of the formats, and they do not say the same")
}

/** How dates are read. */
export const make = (reading: DateReading, tell: Tell): DateReader => {
  if (reading === "rfc3339") {
    return (value) =>
      typeof value === "string" && Rfc3339.toEpochMillis(value) !== undefined ? value : refusals.rfc3339
  }
  if (reading === "epoch-seconds") return epoch(1000, refusals[reading])
  if (reading === "epoch-millis") return epoch(1, refusals[reading])
  if ("as" in reading && reading.as === "excel") return excel(local(reading, tell))
  const formats = "as" in reading ? "yyyy-MM-dd" : reading.format
  return inFormats(typeof formats === "string" ? [formats] : formats, reading, tell)
}

const written = (millis: number, refused: Refused): string | Refused =>
  Number.isFinite(millis) && Rfc3339.isWritable(millis) ? Rfc3339.fromEpochMillis(millis) : refused

const decimal = /^-?\d+(?:\.\d+)?$/

const epoch =
  (unit: number, refused: Refused): DateReader =>
  (value) => {
    const number = typeof value === "number" ? value : decimal.test(value) ? Number(value) : Number.NaN
    // Seconds with a fraction are told to the millisecond, as date-times are.
    return written(Math.round(number * unit), refused)
  }

/** From a local time, as if it were UTC, to the instant. */
type Local = (millis: number) => number | Refused

const local = (
  reading: {
    readonly zone?: string | undefined
    readonly clockChange?: "reject" | "earlier" | "later" | undefined
  },
  tell: Tell
): Local => {
  const name = reading.zone ?? "UTC"
  if (name === "UTC") return (millis) => millis
  const zone = Option.getOrUndefined(DateTime.zoneMakeNamed(name))
  if (zone === undefined) {
    tell('is no time zone that is known here. Write one as the IANA does: "Europe/Berlin", "UTC"', "zone")
    return (millis) => millis
  }
  const options = { timeZone: zone, adjustForTimeZone: true, disambiguation: reading.clockChange ?? "reject" }
  return (millis) =>
    Option.match(DateTime.makeZoned(millis, options), {
      onNone: () => refusals.unclear,
      onSome: DateTime.toEpochMillis
    })
}

const millisPerDay = 86_400_000

// Day 1 is the 1st of January 1900; from day 61 on, Excel is one too many, for a day that did not exist.
const beforeDay1 = Date.UTC(1899, 11, 31)
const leapDay = 60
const lastDay = 2_958_465

const excel =
  (toInstant: Local): DateReader =>
  (value) => {
    const number = typeof value === "number" ? value : decimal.test(value) ? Number(value) : Number.NaN
    if (!(number >= 1 && number < lastDay + 1)) return refusals.excel
    if (Math.floor(number) === leapDay) return refusals.leapDay
    // A fraction has the digits of a double: more than a millisecond is in none of them.
    const millis = Math.round((number - (number > leapDay ? 1 : 0)) * millisPerDay)
    const instant = toInstant(beforeDay1 + millis)
    return instant instanceof Refused ? instant : written(instant, refusals.excel)
  }

const inFormats = (
  formats: ReadonlyArray<string>,
  reading: {
    readonly zone?: string | undefined
    readonly time?: string | undefined
    readonly clockChange?: "reject" | "earlier" | "later" | undefined
  },
  tell: Tell
): DateReader => {
  const patterns = formats.map((format) => DatePattern.make(format, within(tell, "format")))
  const withoutOffset = patterns.find((pattern) => pattern !== undefined && !pattern.hasOffset)
  const withoutTime = patterns.find((pattern) => pattern !== undefined && !pattern.hasTime)
  if (withoutOffset !== undefined && reading.zone === undefined) {
    tell('has no offset from UTC, so that it needs a zone: { "zone": "Europe/Berlin" }', "format")
  }
  if (withoutOffset === undefined && reading.zone !== undefined) tell("is not used, as each text has an offset", "zone")
  if (withoutTime !== undefined && reading.time === undefined) {
    tell('has no time of day, so that it needs one: { "time": "00:00" }', "format")
  }
  if (withoutTime === undefined && reading.time !== undefined) tell("is not used, as each text has a time", "time")
  const toInstant = local(reading, tell)
  const timeOfDay = millisOf(reading.time ?? "00:00")
  const refused = new Refused(`is no date in the form ${formats.join(" or ")}`)

  const instantOf = (text: string, pattern: DatePattern.DatePattern): number | Refused | undefined => {
    const found = pattern.read(text)
    if (found === undefined) return undefined
    const millis = found.millis + (pattern.hasTime ? 0 : timeOfDay)
    return found.offset === undefined ? toInstant(millis) : millis - found.offset
  }

  return (value) => {
    if (typeof value !== "string") return refused
    let instant: number | undefined
    for (const pattern of patterns) {
      const found = pattern && instantOf(value, pattern)
      if (found === undefined) continue
      if (found instanceof Refused) return found
      if (instant !== undefined && instant !== found) return refusals.several
      instant = found
    }
    return instant === undefined ? refused : written(instant, refused)
  }
}

const millisOf = (time: string): number => {
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number)
  return ((hour * 60 + minute) * 60 + second) * 1000
}
