/**
 * What a run did, in numbers and without customer data.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

const count = Schema.Int

/**
 * @category schemas
 * @since 0.1.0
 */
export class SyncReport extends Schema.Class<SyncReport>("effect-patchbay/sync/SyncReport")({
  /** The destination's name. */
  destination: Schema.String,
  /** Records read. The outcomes add up to it. */
  read: count,
  outcomes: Schema.Struct({
    Applied: count,
    Accepted: count,
    Rejected: count,
    Unknown: count,
    Merged: count,
    Unsent: count
  }),
  /** Rejected and unknown records by reason: the tag of the error. */
  reasons: Schema.Record(Schema.String, count),
  /** Batches that were sent at least once. */
  batches: count,
  /** Requests on the wire, retries included. */
  requests: count,
  retries: count,
  /** Milliseconds waited, summed over all that waited at once, by reason. */
  waits: Schema.Record(Schema.String, Schema.Number),
  /** Bytes of all request bodies, each counted once. */
  bytes: count,
  /** Milliseconds from the start of the run to its end. */
  elapsed: Schema.Number,
  /** Why the run stopped before the end of the source: the tag of an error. */
  stopped: Schema.optionalKey(Schema.String)
}) {}

const number = new Intl.NumberFormat("en-US")

/**
 * The report as a short table for people.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (report: SyncReport): string => {
  const seconds = report.elapsed / 1000
  const rows: Array<readonly [string, string]> = [["records read", number.format(report.read)]]
  for (const [outcome, records] of Object.entries(report.outcomes)) {
    if (records > 0) rows.push([`  ${outcome.toLowerCase()}`, number.format(records)])
  }
  for (const [reason, records] of Object.entries(report.reasons)) {
    rows.push([`    ${reason}`, number.format(records)])
  }
  rows.push(["batches", number.format(report.batches)])
  rows.push(["requests", `${number.format(report.requests)} (${number.format(report.retries)} retries)`])
  rows.push(["bytes sent", number.format(report.bytes)])
  for (const [reason, millis] of Object.entries(report.waits)) {
    rows.push([`waited: ${reason}`, `${(millis / 1000).toFixed(1)} s`])
  }
  const rate = seconds > 0 ? `, ${number.format(Math.round(report.read / seconds))} records/s` : ""
  rows.push(["time", `${seconds.toFixed(1)} s${rate}`])
  if (report.stopped !== undefined) rows.push(["stopped by", report.stopped])
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n")
}
