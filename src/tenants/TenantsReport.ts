/**
 * What a run for many tenants did, in numbers and without customer data.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Format from "../base/Format.ts"
import type { Progress } from "../sync/books/Progress.ts"
import * as SyncReports from "../sync/books/SyncReport.ts"

const { SyncReport } = SyncReports

type SyncReport = SyncReports.SyncReport

const count = Schema.Int

/**
 * How a tenant stands: `Waiting` for its turn, `Running`, `Aside` for a while because its vendor takes nothing, `Done`,
 * `Failed`, or `Stopped` with the whole run, to go on in the next one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const State = Schema.Literals(["Waiting", "Running", "Aside", "Done", "Failed", "Stopped"])

/**
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * One tenant in short.
 *
 * @category schemas
 * @since 0.1.0
 */
export class TenantLine extends Schema.Class<TenantLine>("effect-patchbay/tenants/TenantLine")({
  /** Its key. */
  tenant: Schema.String,
  state: State,
  /** How often it had a place. */
  turns: count,
  /** Records read. */
  read: count,
  outcomes: SyncReport.fields.outcomes,
  /** Why it failed: the tag of the error. */
  reason: Schema.optionalKey(Schema.String)
}) {}

/**
 * @category schemas
 * @since 0.1.0
 */
export class TenantsReport extends Schema.Class<TenantsReport>("effect-patchbay/tenants/TenantsReport")({
  /** How many tenants came, by how they stand. */
  tenants: Schema.Struct({
    Waiting: count,
    Running: count,
    Aside: count,
    Done: count,
    Failed: count,
    Stopped: count
  }),
  /** The reports of all of them as one: numbers add up, and the slowest tenant's percentiles count. */
  report: SyncReport,
  /** Those that failed, then the others, each by name: the first 1,000. */
  each: Schema.Array(TenantLine),
  /** How many more there are; absent where none. */
  more: Schema.optionalKey(count),
  /** Tenants that came again while they were not done, and were not started a second time. */
  repeated: count,
  /** Milliseconds from the start of this run. */
  elapsed: Schema.Finite
}) {}

const most = 1000

// Those whom somebody must look after come first.
const order = (a: TenantLine, b: TenantLine): number =>
  Number(b.state === "Failed") - Number(a.state === "Failed") ||
  (a.tenant < b.tenant ? -1 : a.tenant > b.tenant ? 1 : 0)

/** What is known of one tenant. */
export interface Known {
  readonly key: string
  readonly state: State
  readonly turns: number
  readonly reason: string | undefined
  readonly report: SyncReport | undefined
}

const none = SyncReports.combine([])

const lineOf = ({ reason, report = none, state, key, turns }: Known): TenantLine =>
  new TenantLine({
    tenant: key,
    state,
    turns,
    read: report.read,
    outcomes: report.outcomes,
    ...(reason === undefined ? {} : { reason })
  })

/** The report over these. */
export const make = (
  known: Iterable<Known>,
  { elapsed, repeated }: { readonly repeated: number; readonly elapsed: number }
): TenantsReport => {
  const tenants = { Waiting: 0, Running: 0, Aside: 0, Done: 0, Failed: 0, Stopped: 0 }
  const lines: Array<TenantLine> = []
  const reports: Array<SyncReport> = []
  for (const one of known) {
    tenants[one.state]++
    lines.push(lineOf(one))
    if (one.report !== undefined) reports.push(one.report)
  }
  const { nothingNew, notes, ...all } = SyncReports.combine(reports)
  return new TenantsReport({
    tenants,
    // What a source tells of itself stands in its tenant's own report.
    report: new SyncReport({ ...all, elapsed, ...(nothingNew === undefined ? {} : { nothingNew }) }),
    each: lines.sort(order).slice(0, most),
    ...(lines.length > most ? { more: lines.length - most } : {}),
    repeated,
    elapsed
  })
}

/** The report of a tenant that has a turn now: what is counted already, of all its turns. */
export const soFar = (
  destination: string,
  { progress, report }: { readonly report: SyncReport | undefined; readonly progress: Progress | undefined }
): SyncReport | undefined =>
  progress === undefined
    ? report
    : new SyncReport({
        ...(report ?? none),
        destination,
        read: progress.read,
        outcomes: progress.outcomes,
        requests: progress.requests,
        retries: progress.retries,
        waits: added(report?.waits ?? {}, progress.waits),
        elapsed: (report?.elapsed ?? 0) + progress.elapsed
      })

const added = (a: SyncReport["waits"], b: SyncReport["waits"]): SyncReport["waits"] => {
  const all: Record<string, number> = { ...a }
  for (const [reason, millis] of Object.entries(b)) all[reason] = (all[reason] ?? 0) + millis
  return all
}

/**
 * The report of a tenant's turns so far: the last one counts what those before it did, but for the time that they took.
 */
export const overTurns = (earlier: SyncReport | undefined, last: SyncReport): SyncReport => {
  if (earlier === undefined) return last
  const longest = (of: keyof SyncReport["durations"]) => Math.max(earlier.durations[of], last.durations[of])
  return new SyncReport({
    ...last,
    waits: added(earlier.waits, last.waits),
    durations: {
      p50: longest("p50"),
      p90: longest("p90"),
      p95: longest("p95"),
      p99: longest("p99"),
      max: longest("max")
    },
    elapsed: earlier.elapsed + last.elapsed
  })
}

/**
 * The report as a short table for people: over all, then the tenants that failed.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (report: TenantsReport): string => {
  const states = Object.entries(report.tenants).filter(([, tenants]) => tenants > 0)
  const heading = `tenants: ${states.map(([state, tenants]) => `${Format.count(tenants)} ${state.toLowerCase()}`).join(", ") || "none"}`
  const failed = report.each
    .filter(({ state }) => state === "Failed")
    .map(({ reason, tenant }) => `  ${tenant.replaceAll(/\p{C}/gu, "?")}: ${reason ?? "Error"}`)
  return [heading, ...failed, SyncReports.format(report.report)].join("\n")
}
