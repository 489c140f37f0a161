/** How values are written as options: `15m`, `10/1s`. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const units: { readonly [unit: string]: (amount: number) => Duration.Duration } = {
  ms: Duration.millis,
  s: Duration.seconds,
  m: Duration.minutes,
  h: Duration.hours,
  d: Duration.days
}

/** What a duration may look like, for messages. */
export const durationForm = "a time above 0 such as 500ms, 30s, 15m or 2h"

/** `500ms`, `30s`, `1.5m`, `2h`, `1d`; above 0. */
export const duration = (text: string): Option.Option<Duration.Duration> => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text) ?? []
  const make = units[unit]
  return make !== undefined && Number(amount) > 0 ? Option.some(make(Number(amount))) : Option.none()
}

/** At most so many requests in a time. */
export interface Rate {
  readonly limit: number
  readonly window: Duration.Duration
}

/** What a rate may look like, for messages. */
export const rateForm = "requests and a time, such as 10/1s or 600/m"

/** `10/1s`, `600/m`: requests, and the time in which they may start. */
export const rate = (text: string): Option.Option<Rate> => {
  const [, limit = "", window = ""] = /^(\d+)\/(\S+)$/.exec(text) ?? []
  if (Number(limit) < 1) return Option.none()
  return Option.map(duration(/^\d/.test(window) ? window : `1${window}`), (window) => ({
    limit: Number(limit),
    window
  }))
}

/** `N`, a whole number above 0. */
export const count = (text: string): Option.Option<number> =>
  /^\d{1,15}$/.test(text) && Number(text) > 0 ? Option.some(Number(text)) : Option.none()

const delimiters: { readonly [name: string]: string } = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  "\\t": "\t",
  pipe: "|"
}

/** What a delimiter may look like, for messages. */
export const delimiterForm = "one character that is neither a quote nor a line break, or comma, semicolon, tab or pipe"

/** `;`, `semicolon`, `tab`, `\t`. */
export const delimiter = (text: string): Option.Option<string> => {
  const character = Object.hasOwn(delimiters, text) ? (delimiters[text] ?? text) : text
  return character.length === 1 && !'"\r\n'.includes(character) ? Option.some(character) : Option.none()
}

/** What an empty cell means, of one field or of all that are not named. */
export interface Empty {
  readonly field: string | undefined
  readonly meaning: "absent" | "null" | "text"
}

/** What that may look like, for messages. */
export const emptyForm = "absent, null or text, for one field as in phone=null"

/** `null`, `phone=null`. */
export const empty = (text: string): Option.Option<Empty> => {
  const [, field, meaning] = /^(?:(.+)=)?(absent|null|text)$/.exec(text) ?? []
  return meaning === "absent" || meaning === "null" || meaning === "text"
    ? Option.some({ field, meaning })
    : Option.none()
}

/** As it is typed. */
export const emptyText = ({ field, meaning }: Empty): string => (field === undefined ? meaning : `${field}=${meaning}`)

/** What a field of one's own may look like, for messages. */
export const fieldForm =
  "a name and its type, string, boolean, number or date-time, such as loyaltyTier:string, or visits:number! where no customer is without it"

/** A word as it must be typed in a shell: as it is where that is safe, otherwise in single quotes. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
