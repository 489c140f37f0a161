/**
 * What a batch's status says of its records.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import type { RecordFailure, Settlement } from "../sync/model/Destination.ts"
import type { BatchStatus } from "./ReachSchema.ts"

/**
 * Reads the records that failed out of `errors.details`, whose shape is documented nowhere; `undefined` where it is
 * not understood. Give every failure its position, or every failure its key.
 *
 * @category models
 * @since 0.1.0
 */
export type DecodeFailures = (details: unknown) => ReadonlyArray<RecordFailure> | undefined

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** The records that were sent in the batch. */
  readonly recordCount: number
  /** Default: `decodeFailures`. */
  readonly decodeFailures?: DecodeFailures | undefined
}

/**
 * How a batch stands, from its status and the number of records that were sent.
 *
 * Only `success` is a documented `status`. Any other counts as not finished, unless `completedAt` is set, or
 * `progress` says that all records that were sent are processed. The same holds for `success` while records are
 * pending: they wait for others. A batch that counts more records than were sent is not waited for: that is a
 * `CountMismatch` at once.
 *
 * A finished batch is judged by its counts alone, which must add up to what was sent: `Applied` where all were
 * successful, `Failed` where `errors.details` names exactly as many records as failed. Anything else is `Unclear`:
 * `CountsMissing` (a `success` that counts nothing is not believed), `CountMismatch` (the reason names the numbers)
 * or `FailuresUnnamed` (records failed, and the details do not say which).
 *
 * Reasons hold no customer data. What Reach wrote is in `answer`, cut at 4,096 characters.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromStatus = (status: BatchStatus, options: Options): Settlement => {
  const { recordCount } = options
  const counts = countsOf(status)
  const { failed = 0, pending = 0, successful, total = recordCount } = counts
  const numbers = `Of ${recordCount} records sent, Reach counts ${describe(counts)}.`
  if (!isFinished(status, counts, recordCount)) {
    // Fewer than were sent may be those of a batch that is still being read; more are of something else.
    return Object.values(counts).some((count) => count !== undefined && count > recordCount)
      ? unclear("CountMismatch", numbers, status)
      : { _tag: "Pending" }
  }
  if (successful === undefined) return unclear("CountsMissing", numbers, status)
  const addsUp = pending === 0 && successful + failed === recordCount
  if (!addsUp || total !== recordCount) {
    return unclear("CountMismatch", numbers, status)
  }
  if (failed === 0) return { _tag: "Applied" }
  const failures = (options.decodeFailures ?? decodeFailures)(status.errors?.details)
  const named = failures === undefined ? [] : oneEach(failures, { recordCount, failed })
  return named.length === failed && Arr.isReadonlyArrayNonEmpty(named)
    ? { _tag: "Failed", failures: named }
    : unclear("FailuresUnnamed", `${numbers} Its details do not say which ${failed} failed.`, status)
}

interface Counts {
  readonly total: number | undefined
  readonly processed: number | undefined
  readonly successful: number | undefined
  readonly pending: number | undefined
  readonly failed: number | undefined
}

const countsOf = ({ progress }: BatchStatus): Counts => ({
  total: progress?.totalRecords ?? undefined,
  processed: progress?.processedRecords ?? undefined,
  successful: progress?.successfulRecords ?? undefined,
  pending: progress?.pendingRecords ?? undefined,
  failed: progress?.failedRecords ?? undefined
})

const isFinished = ({ completedAt, status }: BatchStatus, counts: Counts, recordCount: number): boolean => {
  if (Predicate.isString(completedAt) && completedAt !== "") return true
  const { pending = 0, processed, total } = counts
  // Equal counts of fewer records than were sent may be those of a batch that is still being read.
  return pending === 0 && (status === "success" || (total === recordCount && processed === recordCount))
}

const describe = ({ failed, pending, successful, total }: Counts): string => {
  const parts = Object.entries({ successful, failed, pending }).flatMap(([name, count]) =>
    count === undefined || (name === "pending" && count === 0) ? [] : [`${count} ${name}`]
  )
  const rest = parts.length === 0 ? "no successful or failed ones" : parts.join(", ")
  return total === undefined ? rest : `${rest}, ${total} in all`
}

// A vendor's details may repeat whole records, and each record's dead letter holds them.
const maxAnswer = 4096

const unclear = (tag: string, message: string, { errors }: BatchStatus): Settlement => ({
  _tag: "Unclear",
  reason: { tag, message, issues: [] },
  answer: errors === null || errors === undefined ? undefined : JSON.stringify(errors).slice(0, maxAnswer)
})

// One failure a record: a record may have several errors. None where a position is not in the batch, or where some
// failures have a position and others a key only, so that two of them may be one record. By key, as many failures as
// records failed are one each: a batch may hold a key more than once.
const oneEach = (
  failures: ReadonlyArray<RecordFailure>,
  { failed, recordCount }: { readonly failed: number; readonly recordCount: number }
): ReadonlyArray<RecordFailure> => {
  const byIndex = failures.every(({ index }) => index !== undefined)
  if (!byIndex && !failures.every(({ index, key }) => index === undefined && key !== undefined)) return []
  if (!byIndex && failures.length === failed) return failures
  const found = new Map<number | string | undefined, RecordFailure>()
  for (const failure of failures) {
    const { index, key } = failure
    if (index !== undefined && !(Number.isInteger(index) && index >= 0 && index < recordCount)) return []
    const id = byIndex ? index : key
    const before = found.get(id)
    const answers = [before?.answer, failure.answer].filter(Predicate.isNotUndefined)
    found.set(id, {
      ...failure,
      key: before?.key ?? key,
      answer: answers.length === 0 ? undefined : answers.join("; ").slice(0, maxAnswer)
    })
  }
  return [...found.values()]
}

/**
 * Understands the plausible shapes of `errors.details`: a list of objects that have an `index` (0-based) or a
 * `customerId`, `externalId` or `resourceExternalId` or several of them, also as the only list in an object; or an
 * object from `resources[3]` or from an id to what was wrong. Everything or nothing: one entry that is not
 * understood, and it is `undefined`. So is a `row`, which may count from 0 or from 1, and an object whose names are
 * digits, which may be positions or ids.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeFailures: DecodeFailures = (details) => {
  if (Array.isArray(details)) return every(details, fromEntry)
  if (!Predicate.isObject(details)) return undefined
  const entries = Object.entries(details)
  const [only] = entries
  if (entries.length === 1 && Array.isArray(only?.[1]) && only[1].length > 0 && only[1].every(isRecord)) {
    const place = fromName(only[0])
    if (place?.index === undefined) return every(only[1], fromEntry)
  }
  return every(entries, ([name, value]) => {
    const place = fromName(name)
    const inside = isRecord(value) ? fromEntry(value) : undefined
    const index = place?.index ?? inside?.index
    const key = inside?.key ?? place?.key
    if (index === undefined && key === undefined) return undefined
    return isRecord(value) ||
      isText(value) ||
      (Array.isArray(value) && value.every((one) => isText(one) || isRecord(one)))
      ? failure(index, key, isRecord(value) ? told(value) : value)
      : undefined
  })
}

const isText = Predicate.isString
const isRecord = (value: unknown): value is { readonly [field: string]: unknown } =>
  Predicate.isObject(value) && !Array.isArray(value)

const every = <A>(
  values: ReadonlyArray<A>,
  decode: (value: A) => RecordFailure | undefined
): ReadonlyArray<RecordFailure> | undefined => {
  const decoded = values.map(decode)
  return decoded.every(Predicate.isNotUndefined) ? decoded : undefined
}

const fromName = (name: string): { readonly index?: number; readonly key?: string } | undefined => {
  const position = /^\/?resources(?:\[(\d{1,9})\]|[./](\d{1,9}))$/.exec(name)
  if (position !== null) return { index: Number(position[1] ?? position[2]) }
  return name === "" || /^\d+$/.test(name) ? undefined : { key: name }
}

const fromEntry = (entry: unknown): RecordFailure | undefined => {
  if (!isRecord(entry)) return undefined
  const index = Predicate.isNumber(entry.index) ? entry.index : undefined
  const key = [entry.customerId, entry.externalId, entry.resourceExternalId].find((id) => isText(id) && id !== "")
  return index === undefined && key === undefined
    ? undefined
    : failure(index, isText(key) ? key : undefined, told(entry))
}

const told = (entry: { readonly [field: string]: unknown }): unknown => entry.message ?? entry.error ?? entry.errors

const failure = (index: number | undefined, key: string | undefined, what: unknown): RecordFailure => ({
  index,
  key,
  reason: { tag: "NotApplied", message: "Reach did not apply the record.", issues: [] },
  answer: (Array.isArray(what) && what.every(isText)
    ? what.join("; ")
    : isText(what)
      ? what
      : JSON.stringify(what)
  )?.slice(0, maxAnswer)
})
