/** The options that `sync` and `retry` share. */

import * as Flag from "effect/cli/Flag"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { OwnFields, type ReachSchema, Suspicious } from "../../index.ts"
import * as Settings from "./Settings.ts"
import * as Values from "./Values.ts"

/** Every destination, by the name that reports give it. */
export const destinations = ["reach.batch-patch", "reach.patch", "reach.create", "pocketflows.batch-update"] as const

/** One of them. */
export type DestinationName = (typeof destinations)[number]

/** What was typed. */
export interface SyncOptions extends Settings.Settings {
  readonly to: DestinationName
  readonly empty: ReadonlyArray<Values.Empty>
  readonly encoding: Option.Option<string>
  readonly mapping: Option.Option<string>
  readonly deleteConsent: ReadonlyArray<ReachSchema.ConsentField>
  readonly tenant: Option.Option<string>
  readonly business: Option.Option<string>
  readonly onConflict: Option.Option<"upsert" | "reject">
  readonly ignoreUnknownFields: boolean
  readonly allowSuspicious: ReadonlyArray<Suspicious.Check>
  readonly field: ReadonlyArray<OwnFields.Declared>
  readonly batchRecords: Option.Option<number>
  readonly batchBytes: Option.Option<number>
  readonly sameKey: Option.Option<"merge" | "keep" | "split">
  readonly isolate: Option.Option<"halve" | "none">
  readonly settle: Option.Option<"accepted" | "applied">
  readonly settleFor: Option.Option<Duration.Duration>
  readonly concurrency: Option.Option<number | "adaptive">
  readonly rateLimit: Option.Option<Values.Rate>
  readonly retryFor: Option.Option<Duration.Duration>
  readonly timeout: Option.Option<Duration.Duration>
  readonly limit: Option.Option<number>
  readonly checkpoint: Option.Option<string>
  readonly fresh: boolean
  readonly deadLetters: Option.Option<string>
  readonly report: Option.Option<string>
  readonly progress: "auto" | "plain" | "none"
  readonly dryRun: boolean
}

const consentFields = ["emailOptOut", "smsOptOut"] as const satisfies ReadonlyArray<ReachSchema.ConsentField>

const text = (name: string, metavar: string, description: string): Flag.Flag<Option.Option<string>> =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const parsed = <A>(
  name: string,
  metavar: string,
  description: string,
  parse: (text: string) => Option.Option<A>,
  form: string
): Flag.Flag<Option.Option<A>> =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.filterMap(parse, () => form),
    Flag.optional
  )

const oneOf = <const Words extends ReadonlyArray<string>>(name: string, words: Words, description: string) =>
  Flag.Literals(name, words).pipe(Flag.withMetavar(words.join("|")), Flag.withDescription(description), Flag.optional)

const wholeNumber = "a whole number above 0"

const concurrency = (text: string): Option.Option<number | "adaptive"> =>
  text === "adaptive" ? Option.some(text) : Values.count(text)

/** The options, to be spread into a command. */
export const flags = {
  to: Flag.Literals("to", destinations).pipe(
    Flag.withMetavar("DESTINATION"),
    Flag.withDescription(`Where the records go: ${destinations.join(", ")}`)
  ),
  empty: Flag.String("empty").pipe(
    Flag.withMetavar("[field=]MEANING"),
    Flag.withDescription(
      "What an empty CSV cell, or NULL in a query, means: keep what is there (absent), delete it (null), or the empty text (default: absent); may be given again, by field of a CSV"
    ),
    Flag.filterMap(Values.empty, () => Values.emptyForm),
    Flag.atLeast(0)
  ),
  encoding: text(
    "encoding",
    "NAME",
    "What the source is encoded in, such as windows-1252 (default: UTF-8, or UTF-16 by its mark); for retry, what rows that were not UTF-8 are encoded in"
  ),
  mapping: text(
    "mapping",
    "FILE",
    "A JSON file that says for each field where it comes from and how it is read, in place of --map and --empty"
  ),
  deleteConsent: Flag.Literals("delete-consent", consentFields).pipe(
    Flag.withMetavar("FIELD"),
    Flag.withDescription(
      "Reach: let a null delete an opt-out, emailOptOut or smsOptOut, which may opt people back in; may be given again (default: such records are rejected)"
    ),
    Flag.atLeast(0)
  ),
  tenant: text("tenant", "ID", "Reach: the tenant to act for (default: the one of the token)"),
  business: text("business", "ID", "Pocketflows: the business whose customers these are"),
  onConflict: oneOf(
    "on-conflict",
    ["upsert", "reject"],
    "reach.create: merge into a customer who exists, or refuse the record (default: upsert)"
  ),
  ignoreUnknownFields: Flag.Boolean("ignore-unknown-fields").pipe(
    Flag.withDescription("Leave out columns and fields that the destination does not have, instead of refusing them"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  allowSuspicious: Flag.Literals("allow-suspicious", Suspicious.checks).pipe(
    Flag.withMetavar("CHECK"),
    Flag.withDescription(
      `Let ids and phone numbers pass that look spoiled, by check: ${Suspicious.checks.join(", ")}; may be given again (default: such records are rejected)`
    ),
    Flag.atLeast(0)
  ),
  field: Flag.String("field").pipe(
    Flag.withMetavar("NAME:TYPE[!]"),
    Flag.withDescription(
      "A field of your own: string, boolean, number or date-time, and ! where no customer is without it, which can be said of a documented field too; at Pocketflows a key of metadata, as in metadata.plan:string; may be given again"
    ),
    Flag.filterMap(OwnFields.parse, () => Values.fieldForm),
    Flag.atLeast(0)
  ),
  batchRecords: parsed(
    "batch-records",
    "N",
    "Records in one request, at most (default: 500)",
    Values.count,
    wholeNumber
  ),
  batchBytes: parsed(
    "batch-bytes",
    "N",
    "Bytes of one request's body, at most (default: 1000000)",
    Values.count,
    wholeNumber
  ),
  sameKey: oneOf(
    "same-key",
    ["merge", "keep", "split"],
    "Records of one customer in one batch: merge into one, keep both in their order, or split into two batches"
  ),
  isolate: oneOf(
    "isolate",
    ["halve", "none"],
    "Take a refused batch apart to find the records at fault, or reject it whole (default: halve)"
  ),
  settle: oneOf(
    "settle",
    ["accepted", "applied"],
    "reach.batch-patch: when a batch is done, once it is accepted or once it is applied (default: applied)"
  ),
  settleFor: parsed(
    "settle-for",
    "TIME",
    "reach.batch-patch: how long an accepted batch is waited for: 2h (default: 30m)",
    Values.duration,
    Values.durationForm
  ),
  concurrency: parsed(
    "concurrency",
    "N|adaptive",
    "Requests in flight at once, or as many as serve (default: 8)",
    concurrency,
    `${wholeNumber}, or adaptive`
  ),
  rateLimit: parsed(
    "rate-limit",
    "N/TIME",
    "At most N requests in a time, retries included: 10/1s (default: the limit is found)",
    Values.rate,
    Values.rateForm
  ),
  retryFor: parsed(
    "retry-for",
    "TIME",
    "How long one request is tried again: 15m (default: 15m)",
    Values.duration,
    Values.durationForm
  ),
  timeout: parsed(
    "timeout",
    "TIME",
    "How long one attempt may take: 30s (default: 30s)",
    Values.duration,
    Values.durationForm
  ),
  limit: parsed(
    "limit",
    "N",
    "Send the first N records, and stop; with --checkpoint, the next run goes on behind them (default: all)",
    Values.count,
    wholeNumber
  ),
  checkpoint: text("checkpoint", "DIR", "Keep the position in DIR, so that the same command goes on where it stopped"),
  fresh: Flag.Boolean("fresh").pipe(
    Flag.withDescription("With --checkpoint: start anew where it was made for another file, or another version of it"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  deadLetters: text(
    "dead-letters",
    "FILE",
    "Write refused records to FILE, with the reason, to be sent again with patchbay retry"
  ),
  report: text(
    "report",
    "FILE",
    "Write the report to FILE, as JSON (.json) or HTML (.html); - for JSON on standard output"
  ),
  progress: Flag.Literals("progress", ["auto", "plain", "none"]).pipe(
    Flag.withMetavar("auto|plain|none"),
    Flag.withDescription("A bar on a terminal and lines elsewhere, always lines, or nothing (default: auto)"),
    Flag.withDefault("auto")
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Say what would be sent, and send nothing; needs no credentials"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  ...Settings.flags
} as const
