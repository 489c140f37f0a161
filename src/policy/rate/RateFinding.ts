/**
 * What was learnt of a rate limit that nobody told: for a report, and to be given as a limit next time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Format from "../../base/Format.ts"

/**
 * A limit that 429s have shown more than once.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Limit = Schema.Struct({
  /** Requests that the vendor accepts in a second. */
  perSecond: Schema.Finite,
  /** By which share of it the counts that it comes from differ: 0.02 means 2 % more or less. At most 0.1. */
  margin: Schema.Finite,
  /** How many counts in a row agree on it: at least 2. */
  counts: Schema.Int
})

/**
 * A share of 429s that stayed when the rate was lowered: other clients, a gateway that sheds load.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Background = Schema.Struct({
  /** From 0 to 1, of the answers. */
  share: Schema.Finite,
  /** 19 of 20 times the share is off by no more than this, which is a share, too. More, beside a limit. */
  margin: Schema.Finite
})

/**
 * What is believed of a sender's limit, and how sure it is. A finding has at least one of the two.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RateFinding = Schema.Struct({
  /** Absent where none was found. */
  limit: Schema.optionalKey(Limit),
  /** Absent where no 429 was shown to have nothing to do with the rate. */
  background: Schema.optionalKey(Background)
})

/**
 * @category models
 * @since 0.1.0
 */
export type RateFinding = typeof RateFinding.Type

/**
 * A found limit in numbers that can be said, as `RateLimitPolicy.make` takes them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rounded {
  readonly limit: number
  readonly window: Duration.Duration
}

// Rounded so that not many more are refused, and not much is left unused.
const mostAbove = 1.015
const leastBelow = 0.95

const windows = [
  { name: "second", seconds: 1 },
  { name: "minute", seconds: 60 },
  { name: "hour", seconds: 3600 }
] as const

const inWindow = (perSecond: number) => {
  for (const { name, seconds } of windows) {
    const exact = perSecond * seconds
    for (const limit of [Math.round(exact), Math.floor(exact)]) {
      if (limit >= 1 && limit >= leastBelow * exact && limit <= mostAbove * exact) return { limit, name, seconds }
    }
  }
  return { limit: Math.max(1, Math.floor(perSecond * 3600)), name: "hour", seconds: 3600 } as const
}

/**
 * A rate as a whole number in a second, a minute or an hour, whichever comes to it within 1.5 % above and 5 % below:
 * 100.3 is 100 in a second, 0.5 is 30 in a minute.
 *
 * @category conversions
 * @since 0.1.0
 */
export const rounded = ({ perSecond }: Pick<typeof Limit.Type, "perSecond">): Rounded => {
  const { limit, seconds } = inWindow(perSecond)
  return { limit, window: Duration.seconds(seconds) }
}

/**
 * A found limit for people: `about 98 requests a second`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const limitText = ({ perSecond }: Pick<typeof Limit.Type, "perSecond">): string => {
  const { limit, name } = inWindow(perSecond)
  return `about ${Format.count(limit)} ${limit === 1 ? "request" : "requests"} ${name === "hour" ? "an" : "a"} ${name}`
}

// A margin from which on a second digit says nothing.
const rough = 0.25

/**
 * For people: `found a limit of about 98 requests a second`, `4.9 % of the requests were refused whatever the rate`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ background, limit }: RateFinding): ReadonlyArray<string> => {
  const lines: Array<string> = []
  if (limit !== undefined) lines.push(`found a limit of ${limitText(limit)}`)
  if (background !== undefined) {
    const { margin, share } = background
    const isRough = margin >= rough * share
    const percent = Number((100 * share).toPrecision(isRough ? 1 : 2))
    lines.push(`${isRough ? "about " : ""}${percent} % of the requests were refused whatever the rate`)
  }
  return lines
}
