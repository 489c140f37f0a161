/** How a run ended, in one line. */
import type { SyncReport } from "../../index.ts"
import * as Figures from "./Figures.ts"

export interface Verdict {
  readonly tone: "good" | "warn" | "bad" | "idle"
  /** In a word or two. */
  readonly badge: string
  readonly headline: string
  /** What else must be said. */
  readonly more: ReadonlyArray<string>
}

export const of = (report: SyncReport.SyncReport): Verdict => {
  const { outcomes, read, stopped } = report
  const { count, counted } = Figures
  const settled = read - outcomes.Unsent
  const delivered = outcomes.Applied + outcomes.Accepted + outcomes.Merged
  const undelivered = [
    ...(outcomes.Rejected > 0 ? [`${count(outcomes.Rejected)} refused.`] : []),
    ...(outcomes.Unknown > 0 ? [`${count(outcomes.Unknown)} of unknown outcome.`] : [])
  ]
  const asked = read - outcomes.Skipped
  const deliveredOf = `${count(delivered)} of ${counted(asked, "record")} delivered`
  const skipped = outcomes.Skipped > 0 ? [`${count(outcomes.Skipped)} left out, as the mapping says.`] : []
  if (stopped === "Interrupted") {
    return {
      tone: "warn",
      badge: "Interrupted",
      headline: `Interrupted after ${counted(settled, "record")}`,
      more: [delivered === 0 ? "None delivered." : `${count(delivered)} delivered.`, ...undelivered, ...skipped]
    }
  }
  if (stopped === "Limit") {
    return {
      tone: undelivered.length > 0 ? "warn" : "good",
      badge: undelivered.length > 0 ? "Stopped as asked, not all delivered" : "Stopped as asked",
      headline: deliveredOf,
      more: [...undelivered, "No more was asked for."]
    }
  }
  if (stopped !== undefined) {
    return {
      tone: "bad",
      badge: "Stopped",
      headline: `Stopped after ${counted(settled, "record")}`,
      more: [delivered === 0 ? "None delivered." : `${count(delivered)} delivered.`, ...undelivered, ...skipped]
    }
  }
  if (report.nothingNew === true) {
    return {
      tone: "idle",
      badge: "Nothing new",
      headline: "An earlier run had come to the end",
      more: [`This one read and sent nothing. In all, ${deliveredOf}.`]
    }
  }
  if (read === 0) {
    return { tone: "idle", badge: "Nothing to do", headline: "There were no records", more: ["Nothing was sent."] }
  }
  return undelivered.length > 0
    ? { tone: "warn", badge: "Finished, not all delivered", headline: deliveredOf, more: [...undelivered, ...skipped] }
    : {
        tone: "good",
        badge: "Finished",
        headline:
          asked === 0
            ? "No record was to be sent"
            : asked === 1
              ? "The one record was delivered"
              : `All ${counted(asked, "record")} delivered`,
        more: skipped
      }
}
