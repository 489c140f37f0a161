/** The parts of a progress value, in words. */
import { Format, type Progress } from "../../index.ts"
import * as TextWidth from "./TextWidth.ts"

/** `1.2M`, at most five characters below ten thousand billion. */
export const compact = (count: number): string => count.toLocaleString("en-US", { notation: "compact" })

/** Whole percent, 100 only when nothing is left; `undefined` where the total is not known. */
export const percent = ({ settled, total }: Progress.Progress): number | undefined =>
  total === undefined
    ? undefined
    : total <= 0
      ? 100
      : Math.max(0, Math.min(Math.floor((100 * settled) / total), settled < total ? 99 : 100))

const isShown = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && value >= 0

/** `12,345/s`; slow ones with a decimal. */
export const rate = ({ rate }: Progress.Progress): string =>
  isShown(rate) ? `${rate > 0 && rate < 9.95 ? rate.toFixed(1) : Format.count(rate)}/s` : "0/s"

/** `12K/s`. */
export const shortRate = (progress: Progress.Progress): string =>
  isShown(progress.rate) && progress.rate >= 1000 ? `${compact(progress.rate)}/s` : rate(progress)

const two = (value: number): string => String(value).padStart(2, "0")

/** `0:07`, `2:05`, `1:02:05`, and `3 d 4 h` where seconds say nothing any more. */
export const time = (millis: number): string => {
  const seconds = Math.ceil(millis / 1000)
  const hours = Math.floor(seconds / 3600)
  if (hours >= 48) return `${Format.count(Math.floor(hours / 24))} d ${hours % 24} h`
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "")
}

/** `2:05`, `1h02`, `3d`. */
export const shortTime = (millis: number): string => {
  const minutes = Math.ceil(millis / 60_000)
  return millis <= 3_599_000
    ? time(millis)
    : minutes < 48 * 60
      ? `${Math.floor(minutes / 60)}h${two(minutes % 60)}`
      : `${compact(Math.floor(minutes / 60 / 24))}d`
}

/** Milliseconds until the end, where that can be said. */
export const eta = ({ eta }: Progress.Progress): number | undefined => (isShown(eta) ? eta : undefined)

/** Milliseconds since the start. */
export const elapsed = ({ elapsed }: Progress.Progress): number => (isShown(elapsed) ? elapsed : 0)

const reasons: { readonly [reason: string]: readonly [short: string, long: string] } = {
  backoff: ["retrying", "before it tries again"],
  breaker: ["API down", "the API keeps failing"],
  concurrency: ["in flight", "for a request in flight"],
  paused: ["paused", "the API asked to pause"],
  quota: ["no quota", "the API's quota is used up"],
  rate: ["rate limit", "for its turn under the rate limit"]
}

/** The longest short reason. */
export const reasonWidth = 10

/** Why requests wait, shortly and in a sentence; a reason that is not known here is told as it is. */
export const waiting = (reason: string | undefined): readonly [short: string, long: string] | undefined => {
  if (reason === undefined) return undefined
  const known = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined
  if (known !== undefined) return [known[0], `waits: ${known[1]}`]
  const told = TextWidth.clean(reason)
  return [TextWidth.fit(told, reasonWidth, "."), `waits: ${TextWidth.fit(told, 40, ".")}`]
}

// Most batches settle sooner: it would only flicker.
const settlingIsLong = 3000

/**
 * Accepted batches that are waited for longer than usual, shortly and in a sentence:
 * `3 batches settling, the oldest for 0:42, waited for 29:18 more`.
 */
export const settling = ({ settling }: Progress.Progress): readonly [short: string, long: string] | undefined => {
  if (settling === undefined || !isShown(settling.waited) || settling.waited < settlingIsLong) return undefined
  const { batches, left, waited } = settling
  const which = batches === 1 ? "1 batch settling, for" : `${Format.count(batches)} batches settling, the oldest for`
  return ["settling", `${which} ${time(waited)}${isShown(left) ? `, waited for ${time(left)} more` : ""}`]
}

/** `3 rejected`, `1 unknown`: what a person should know about before the end. */
export const trouble = ({ outcomes, retries }: Progress.Progress): ReadonlyArray<string> => [
  ...(outcomes.Rejected > 0 ? [`${Format.count(outcomes.Rejected)} rejected`] : []),
  ...(outcomes.Unknown > 0 ? [`${Format.count(outcomes.Unknown)} unknown`] : []),
  ...(retries > 0 ? [`${Format.count(retries)} ${retries === 1 ? "retry" : "retries"}`] : [])
]
