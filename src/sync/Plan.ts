/**
 * A sync without the sending: what would be read, refused, batched and requested.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Format from "../base/Format.ts"
import type { ApiError } from "../http/ApiError.ts"
import * as BatchPolicy from "../policy/BatchPolicy.ts"
import type { RateLimitPolicy } from "../policy/rate/RateLimitPolicy.ts"
import * as Batches from "./batch/Batches.ts"
import * as UnfinishedKeys from "./batch/UnfinishedKeys.ts"
import type { Options as SyncOptions } from "./CustomerSync.ts"
import * as KeyCounts from "./KeyCounts.ts"
import { choices } from "./model/BehaviourOptions.ts"
import type { CustomerRecord } from "./model/CustomerRecord.ts"
import type { Behaviour } from "./model/Destination.ts"
import * as Encode from "./record/Encode.ts"
import * as Source from "./record/Source.ts"
import * as SourceNote from "./record/SourceNote.ts"

const count = Schema.Int

/**
 * What a run would do, without customer data.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Plan extends Schema.Class<Plan>("effect-patchbay/sync/Plan")({
  /** The destination's name. */
  destination: Schema.String,
  /** Records in the source, or as many of the first as `limit` takes up. */
  read: count,
  /** Records that would be sent, those that are merged into one counted each. */
  sendable: count,
  /** Records that would be merged into a later one of the same key. */
  merged: count,
  /** Records that would be left out, as their mapping says. */
  skipped: count,
  /** Records that would be rejected before sending, by reason, with the first five of each. */
  rejected: Schema.Record(
    Schema.String,
    Schema.Struct({
      records: count,
      first: Schema.Array(
        Schema.Struct({
          /** 0-based. */
          offset: count,
          /** Which of several sources it is in, by name. */
          source: Schema.optionalKey(Schema.String),
          /** 1-based, where the source has lines. */
          line: Schema.optionalKey(count),
          message: Schema.String
        })
      )
    })
  ),
  batches: count,
  /** Bytes of all request bodies. */
  bytes: count,
  /**
   * The fewest requests that can do: one a batch, and one more to ask how it went where that is waited for. Retries,
   * further questions, and taking refused batches apart come on top.
   */
  requests: count,
  keys: Schema.Struct({
    distinct: count,
    /** Keys of two or more records. */
    repeated: count,
    /** Records whose key came before. */
    records: count
  }),
  /** What the source has to tell of itself; absent where that is nothing. */
  notes: Schema.optionalKey(Schema.Array(SourceNote.SourceNote)),
  /** What the mapping does, by field; absent where it does no more than name columns. */
  mapped: Schema.optionalKey(Schema.Record(Schema.String, Source.MappedField)),
  /** Milliseconds that the rate limit alone makes these requests take; absent where the limit is to be found. */
  leastTime: Schema.optionalKey(Schema.Finite)
}) {}

// Enough to see what is wrong.
const firstOffsets = 5

/**
 * The plan of a run with these options: the same reading, encoding and batching as `CustomerSync.run`, with nothing
 * sent, no credentials, no dead letters and no checkpoint. Batches are taken to be full before their age closes them, and
 * finished before the next one is collected: a run sets records aside whose customer is not, so that its batches hold others,
 * and may be a few more.
 *
 * Memory grows by about 20 bytes for each different key, because keys that appear twice are counted: 200 MB for ten
 * million. Keys are told apart by 53 bits of a hash, so that the counts of keys may be off by one in a source of more
 * than a hundred million.
 *
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { CustomerRecord, Plan, ReachDestination } from "effect-patchbay"
 *
 * const patches = Stream.make({ customerId: "c-1" }, { customerId: "c-2" }, { customerId: "c-1" })
 *
 * const program = CustomerRecord.fromPatches(patches).pipe(
 *   Plan.make({ to: ReachDestination.batchPatch() }),
 *   Effect.flatMap((plan) => Console.log(Plan.format(plan)))
 * )
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make =
  <A, B extends Behaviour, E extends ApiError, R, RL = never, RD = never, RC = never>(
    options: SyncOptions<A, B, E, R, RL, RD, RC>
  ) =>
  <ES, RS>(records: Stream.Stream<CustomerRecord<A>, ES, RS>): Effect.Effect<Plan, ES, RS> =>
    Effect.suspend(() => {
      const { to } = options
      const policy = { ...(options.batch ?? BatchPolicy.make()), maxAge: Duration.infinity }
      const settles = choices(to.behaviour, options).settle === "applied"
      const keys = KeyCounts.make()
      const rejected = new Map<string, { records: number; readonly first: Array<First> }>()
      let read = 0
      let sendable = 0
      let merged = 0
      let skipped = 0
      let batches = 0
      let bytes = 0

      const reject = ({ line, outcome: { reason, ...of } }: Encode.Unsendable): void => {
        const { offset, source } = of
        const same = rejected.get(reason.tag) ?? { records: 0, first: [] }
        rejected.set(reason.tag, same)
        same.records++
        if (same.first.length < firstOffsets) {
          same.first.push({
            offset,
            ...(source === undefined ? {} : { source }),
            ...(line === undefined ? {} : { line }),
            message: reason.message
          })
        }
      }

      const isMapped = Source.isSource(records) && records.mapped !== undefined
      const encoded = Source.encoded(
        // What a mapping does is counted where each record is read by itself.
        Source.isSource(records) && !isMapped ? records : { from: () => records },
        Encode.encoder(policy, to)
      )(undefined)
      return (options.limit === undefined ? encoded : Stream.take(encoded, options.limit)).pipe(
        Stream.mapArray((encoded) => {
          read += encoded.length
          for (const one of encoded) {
            if (one._tag === "Skipped") {
              skipped++
            } else if (Encode.isUnsendable(one)) {
              reject(one)
            } else {
              sendable++
              keys.add(one.key)
            }
          }
          return encoded
        }),
        Stream.filter(Encode.isSendable),
        // No key is ever unfinished: only what has no place beside its own is set aside.
        Batches.collect(policy, to, {
          sameKey: options.sameKey,
          aside: options.aside,
          unfinished: UnfinishedKeys.make()
        }),
        Stream.runForEachArray((closed) =>
          Effect.sync(() => {
            for (const batch of closed) {
              batches++
              bytes += batch.bytes
              merged += batch.merged.length
            }
          })
        ),
        Effect.map(() => {
          const requests = batches * (settles ? 2 : 1)
          // Where not all was read, a name may come yet.
          const notes = Source.notes(records, { ended: read !== options.limit })
          const mapped = Source.isSource(records) ? records.mapped?.() : undefined
          const leastTime = timeOf(options.rateLimit, requests, sendable - merged)
          return new Plan({
            destination: to.name,
            read,
            sendable,
            merged,
            skipped,
            rejected: Object.fromEntries(rejected),
            batches,
            bytes,
            requests,
            keys: keys.counts(),
            ...(notes.length === 0 ? {} : { notes }),
            ...(mapped === undefined ? {} : { mapped }),
            ...(leastTime === undefined ? {} : { leastTime })
          })
        })
      )
    })

interface First {
  readonly offset: number
  readonly source?: string
  readonly line?: number
  readonly message: string
}

// The first request, and the burst, need not wait.
const timeOf = (
  policy: RateLimitPolicy<unknown> | undefined,
  requests: number,
  records: number
): number | undefined => {
  if (policy === undefined || policy._tag === "Found") return undefined
  if (policy._tag === "Unlimited") return 0
  const { burst, limit, unit, window } = policy
  const turns = unit === "records" ? records : requests
  return (Math.max(0, turns - 1 - burst) / limit) * Duration.toMillis(window)
}

/**
 * The plan as a short table for people, with the first records that would be rejected below it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (plan: Plan): string => {
  const { keys, leastTime } = plan
  const rejected = Object.entries(plan.rejected)
  const rows: Array<readonly [string, string]> = [
    ["destination", plan.destination],
    ["records read", Format.count(plan.read)],
    ["  to be sent", Format.count(plan.sendable)]
  ]
  if (plan.merged > 0) rows.push(["    merged into others", Format.count(plan.merged)])
  if (plan.skipped > 0) rows.push(["  left out", Format.count(plan.skipped)])
  if (rejected.length > 0) rows.push(["  rejected", Format.count(plan.read - plan.sendable - plan.skipped)])
  for (const [reason, { records }] of rejected) rows.push([`    ${reason}`, Format.count(records)])
  rows.push(
    ["customers", Format.count(keys.distinct)],
    ["  more than once", `${Format.count(keys.repeated)} (${Format.count(keys.records)} records too many)`],
    ["batches", Format.count(plan.batches)],
    ["requests", `${Format.count(plan.requests)} or more`],
    ["bytes", Format.count(plan.bytes)],
    ["time", leastTime === undefined ? "not known: no rate limit is given" : timeText(leastTime)]
  )
  for (const note of plan.notes ?? []) rows.push(SourceNote.format(note))
  for (const [field, counts] of Object.entries(plan.mapped ?? {})) rows.push([`mapped: ${field}`, mappedText(counts)])
  const width = Math.max(...rows.map(([name]) => name.length))
  const table = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  const first = rejected.flatMap(([reason, { first, records }]) => [
    "",
    `${reason}${records > first.length ? `, the first ${first.length} of ${Format.count(records)}` : ""}:`,
    ...first.map(
      ({ line, message, offset, source }) =>
        `  ${line === undefined ? `record ${offset}` : `line ${line}`}${source === undefined ? "" : ` of ${source}`}: ${message}`
    )
  ])
  return [...table, ...first].join("\n")
}

const mappedText = ({ changed, empty, refused }: Source.MappedField): string =>
  [
    ...(changed > 0 ? [`${Format.count(changed)} changed`] : []),
    ...(empty > 0 ? [`${Format.count(empty)} empty`] : []),
    ...(refused > 0 ? [`${Format.count(refused)} refused`] : [])
  ].join(", ") || "all as they are"

const timeText = (millis: number): string =>
  millis === 0 ? "no wait for the rate limit" : `${Format.duration(millis)} or more, by the rate limit`
