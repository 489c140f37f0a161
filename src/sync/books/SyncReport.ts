/**
 * What a run did, in numbers and without customer data. A run that goes on from a checkpoint counts what the
 * runs before it did as well.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Format from "../../base/Format.ts"
import * as RateFinding from "../../policy/rate/RateFinding.ts"
import * as SourceNote from "../record/SourceNote.ts"

const count = Schema.Int
const millis = Schema.Finite

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
    Skipped: count,
    Unsent: count
  }),
  /** Rejected and unknown records by reason: the tag of the error. */
  reasons: Schema.Record(Schema.String, count),
  /** The lowest offsets of each reason, ascending and at most five: where to look first. */
  offsets: Schema.Record(Schema.String, Schema.Array(count)),
  /** Batches that were sent at least once. */
  batches: count,
  /**
   * Batches that were accepted, and of which it was not learnt in time how they went: how many, and the ids of the first
   * five, to ask for. Absent where there are none.
   */
  unsettled: Schema.optionalKey(Schema.Struct({ batches: count, ids: Schema.Array(Schema.String) })),
  /** Requests on the wire, retries and questions for a batch's status included. */
  requests: count,
  retries: count,
  /** Milliseconds of this run in which some request waited, by reason: waits that overlap count once. */
  waits: Schema.Record(Schema.String, millis),
  /**
   * What is believed, at the end, of a rate limit that nobody told. It is the sender's, so that other runs of the process
   * that send there add to it. Absent where a limit was given or declared, and where too little was refused to say anything.
   */
  found: Schema.optionalKey(RateFinding.RateFinding),
  /** Bytes of all request bodies, each counted once. */
  bytes: count,
  /** Milliseconds that a request of this run took, from when it went out to the end of its answer, by percentile. */
  durations: Schema.Struct({ p50: millis, p90: millis, p95: millis, p99: millis, max: millis }),
  /** 0-based offsets of the first and the last record that this run read; absent where it read none. */
  firstOffset: Schema.optionalKey(count),
  lastOffset: Schema.optionalKey(count),
  /** Every record before this offset is done for good; absent where there is no checkpoint. */
  checkpoint: Schema.optionalKey(count),
  /** The offset that this run went on from; absent where it began at the start, and where there was nothing new. */
  resumedFrom: Schema.optionalKey(count),
  /** An earlier run came to the end of the source, so that this one read and sent nothing. */
  nothingNew: Schema.optionalKey(Schema.Literal(true)),
  /** What the source had to tell of itself; absent where that is nothing. */
  notes: Schema.optionalKey(Schema.Array(SourceNote.SourceNote)),
  /** Milliseconds from the start of this run to its end. */
  elapsed: millis,
  /**
   * Why the run stopped before the end of the source: the tag of an error, `Interrupted`, or `Limit`, where it took up no more
   * than it was asked to, so that nobody knows whether there is more.
   */
  stopped: Schema.optionalKey(Schema.String)
}) {}

/**
 * How many batches did not settle in time, and which: `7, first b-1, b-2, b-3, b-4, b-5`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const unsettled = ({ batches, ids }: NonNullable<SyncReport["unsettled"]>): string =>
  // The vendor has chosen them.
  `${Format.count(batches)}${batches > ids.length ? ", first" : ":"} ${ids.join(", ").replaceAll(/\p{C}/gu, "?")}`

/**
 * The report as a short table for people.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (report: SyncReport): string => {
  const { durations, elapsed } = report
  const rows: Array<readonly [string, string]> = [["records read", Format.count(report.read)]]
  for (const [outcome, records] of Object.entries(report.outcomes)) {
    if (records > 0) rows.push([`  ${outcome.toLowerCase()}`, Format.count(records)])
  }
  for (const [reason, records] of Object.entries(report.reasons)) {
    rows.push([`    ${reason}`, Format.count(records)])
  }
  rows.push(["batches", Format.count(report.batches)])
  if (report.unsettled !== undefined) rows.push(["  not settled", unsettled(report.unsettled)])
  rows.push(["requests", `${Format.count(report.requests)} (${Format.count(report.retries)} retries)`])
  // What earlier runs sent was not timed by this one.
  if (durations.max > 0) {
    rows.push([
      "  one took",
      `${Format.duration(durations.p50)} (95 %: ${Format.duration(durations.p95)}, longest: ${Format.duration(durations.max)})`
    ])
  }
  rows.push(["bytes sent", Format.count(report.bytes)])
  for (const [reason, wait] of Object.entries(report.waits)) {
    if (wait >= 1) rows.push([`waited: ${reason}`, Format.duration(wait)])
  }
  if (report.found !== undefined) {
    for (const line of RateFinding.format(report.found)) rows.push(["rate limit", line])
  }
  if (report.resumedFrom !== undefined) rows.push(["went on from", `offset ${Format.count(report.resumedFrom)}`])
  if (report.nothingNew) rows.push(["nothing new", "an earlier run came to the end"])
  if (report.checkpoint !== undefined) rows.push(["checkpoint", `offset ${Format.count(report.checkpoint)}`])
  const mine =
    report.firstOffset === undefined || report.lastOffset === undefined ? 0 : report.lastOffset - report.firstOffset + 1
  // Parts have offsets of their own, so that of all together no rate is known.
  const rate =
    elapsed > 0 && (mine > 0 || report.requests === 0)
      ? `, ${Format.count(Math.round((mine * 1000) / elapsed))} records/s`
      : ""
  rows.push(["time", `${Format.duration(elapsed)}${rate}`])
  for (const note of report.notes ?? []) rows.push(SourceNote.format(note))
  if (report.stopped !== undefined) rows.push(["stopped by", report.stopped])
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n")
}

/**
 * The reports of the parts of one run as one: numbers add up, the longest part tells how long it took, and percentiles are
 * those of the slowest part. Offsets are each part's own, and are left out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (reports: ReadonlyArray<SyncReport>): SyncReport => {
  const sum = (of: (report: SyncReport) => number) => reports.reduce((all, report) => all + of(report), 0)
  const most = (of: (report: SyncReport) => number) => Math.max(0, ...reports.map(of))
  const byName = (of: (report: SyncReport) => { readonly [name: string]: number }) => {
    const all: Record<string, number> = {}
    for (const report of reports)
      for (const [name, count] of Object.entries(of(report))) all[name] = (all[name] ?? 0) + count
    return all
  }
  const unsettled = reports.flatMap((report) => (report.unsettled === undefined ? [] : [report.unsettled]))
  // Parts of one source tell the same of it.
  const told = new Map(reports.flatMap(({ notes = [] }) => notes.map((note) => [JSON.stringify(note), note])))
  const notes = [...told.values()]
  const stopped = reports.find((report) => report.stopped !== undefined)?.stopped
  const [first] = reports
  return new SyncReport({
    destination: first?.destination ?? "",
    read: sum(({ read }) => read),
    outcomes: {
      Applied: sum(({ outcomes }) => outcomes.Applied),
      Accepted: sum(({ outcomes }) => outcomes.Accepted),
      Rejected: sum(({ outcomes }) => outcomes.Rejected),
      Unknown: sum(({ outcomes }) => outcomes.Unknown),
      Merged: sum(({ outcomes }) => outcomes.Merged),
      Skipped: sum(({ outcomes }) => outcomes.Skipped),
      Unsent: sum(({ outcomes }) => outcomes.Unsent)
    },
    reasons: byName(({ reasons }) => reasons),
    offsets: {},
    batches: sum(({ batches }) => batches),
    requests: sum(({ requests }) => requests),
    retries: sum(({ retries }) => retries),
    bytes: sum(({ bytes }) => bytes),
    waits: byName(({ waits }) => waits),
    durations: {
      p50: most(({ durations }) => durations.p50),
      p90: most(({ durations }) => durations.p90),
      p95: most(({ durations }) => durations.p95),
      p99: most(({ durations }) => durations.p99),
      max: most(({ durations }) => durations.max)
    },
    elapsed: most(({ elapsed }) => elapsed),
    ...(unsettled.length === 0
      ? {}
      : {
          unsettled: {
            batches: unsettled.reduce((all, { batches }) => all + batches, 0),
            ids: unsettled.flatMap(({ ids }) => ids).slice(0, 5)
          }
        }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(reports.length > 0 && reports.every((report) => report.nothingNew) ? { nothingNew: true as const } : {}),
    ...(stopped === undefined ? {} : { stopped })
  })
}
