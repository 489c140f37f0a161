/**
 * The demo's progress: a bar that is drawn in place on a terminal, and a line each second elsewhere.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Progress } from "../index.ts"

/** `1,234,567`. */
export const grouped = new Intl.NumberFormat("en-US").format

const percent = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(1, whole)).toFixed(0).padStart(3)} %`

const barWidth = 30

/** Draws on standard error. */
export const make = (): ((progress: Progress.Progress) => Effect.Effect<void>) => {
  let lastLine = Number.NEGATIVE_INFINITY
  return ({ elapsed, eta, outcomes, rate, retries, settled, total = 0, waiting }) =>
    Effect.sync(() => {
      const line = [
        `${percent(settled, total)}  ${grouped(settled)} of ${grouped(total)} records`,
        `${grouped(Math.round(rate))}/s`,
        ...(eta === undefined ? [] : [`${Math.ceil(eta / 1000)} s left`]),
        `${grouped(outcomes.Rejected)} rejected`,
        `${grouped(retries)} retries`,
        ...(waiting === undefined ? [] : [`waits: ${waiting}`])
      ].join(", ")
      if (process.stderr.isTTY) {
        const filled = Math.round((barWidth * settled) / Math.max(1, total))
        const bar = "█".repeat(filled) + "░".repeat(barWidth - filled)
        process.stderr.write(`\r\x1b[2K${`${bar} ${line}`.slice(0, (process.stderr.columns ?? 80) - 1)}`)
      } else if (settled === total ? lastLine < Number.POSITIVE_INFINITY : elapsed - lastLine >= 1000) {
        lastLine = settled === total ? Number.POSITIVE_INFINITY : elapsed
        process.stderr.write(`${line}\n`)
      }
    })
}
