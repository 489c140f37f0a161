/**
 * Date-times as RFC 3339 writes them.
 *
 * @since 0.1.0
 */
import { DateTime, Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"

// `date-time` of RFC 3339 §5.6, with its lower-case letters.
const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const firstInstant = new Date(0).setUTCFullYear(0, 0, 1)

/**
 * The instant that an RFC 3339 date-time names, in milliseconds since 1970, or `undefined` where the text
 * names none. Digits beyond milliseconds are dropped. A leap second, which is only accepted where one can
 * be (23:59:60 UTC), reads as the second after it. Days that no calendar has are refused.
 *
 * @category decoding
 * @since 0.1.0
 */
export const toEpochMillis = (text: string): number | undefined => {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  // Not `Date.UTC`, which reads the years 0 to 99 as 1900 to 1999.
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  const local =
    date.getTime() +
    ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 +
    Number(fraction.slice(0, 3).padEnd(3, "0"))
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  const instant = sign === "-" ? local + offset : local - offset
  if (second === "60") {
    const after = new Date(instant)
    if (after.getUTCHours() !== 0 || after.getUTCMinutes() !== 0) return undefined
  }
  return instant < firstInstant || instant > lastInstant ? undefined : instant
}

/**
 * An instant as an RFC 3339 date-time in UTC, with a fraction only where there is one:
 * `2024-01-15T10:30:00Z`, the form of Reach's guides.
 *
 * @category encoding
 * @since 0.1.0
 */
export const fromEpochMillis = (millis: number): string => new Date(millis).toISOString().replace(".000Z", "Z")

/**
 * An instant, read from any RFC 3339 date-time (with `Z` or any offset) and written in UTC.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DateTimeUtc = Schema.String.annotate({ format: "date-time" }).pipe(
  Schema.decodeTo(
    Schema.DateTimeUtc,
    SchemaTransformation.transformEffect({
      decode: (text: string) => {
        const millis = toEpochMillis(text)
        return millis === undefined
          ? Effect.fail(
              new SchemaIssue.InvalidValue({
                message: "Expected an RFC 3339 date-time with an offset, such as 2024-01-15T10:30:00Z"
              })
            )
          : Effect.succeed(DateTime.makeUnsafe(millis))
      },
      encode: (instant: DateTime.Utc) => Effect.succeed(fromEpochMillis(DateTime.toEpochMillis(instant)))
    })
  )
)
