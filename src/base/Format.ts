/**
 * Counts and durations as people write them.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/**
 * `0.4 ms`, `840 ms`, `3.9 s`, `5 min 3 s`, `2 h`, `2 d 3 h`: two units at most, and never more than can be told apart.
 * A number is milliseconds.
 *
 * @category formatting
 * @since 0.1.0
 */
export const duration = (time: Duration.Duration | number): string => {
  const millis = Duration.toMillis(time)
  if (millis === 0) return "0 s"
  if (!Number.isFinite(millis)) return "for ever"
  if (millis < 9.95) return `${decimal(millis)} ms`
  if (millis < second - 0.5) return `${millis.toFixed(0)} ms`
  if (millis < minute - 50) return `${decimal(millis / second)} s`
  const [large, small, largeName, smallName] =
    millis < hour - second / 2
      ? [minute, second, "min", "s"]
      : millis < day - minute / 2
        ? [hour, minute, "h", "min"]
        : [day, hour, "d", "h"]
  const rounded = Math.round(millis / small) * small
  const rest = Math.round((rounded % large) / small)
  return `${Math.floor(rounded / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`
}

// Of something, never nothing.
const decimal = (value: number): string => String(Number(Math.max(value, 0.1).toFixed(1)))

/**
 * A count with its thousands grouped: `1,234,567`. Not by a formatter of the module's own, because making one takes as long
 * as loading some thirty modules.
 *
 * @category formatting
 * @since 0.1.0
 */
export const count = (number: number): string => number.toLocaleString("en-US", { maximumFractionDigits: 0 })
