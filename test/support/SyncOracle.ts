/** Knows every record that was put in, and asks where each one ended. */
import { assert } from "@effect/vitest"
import type { RecordInput } from "../../src/sync/model/CustomerRecord.ts"
import type { Outcome } from "../../src/sync/model/Outcome.ts"
import { keyOf, type Observed, type Sent, type WireRecord } from "./SyncRun.ts"

/** One record that was put in. Its position in the list is its offset. */
export interface Given {
  readonly key: string
  /** The record as it goes out. */
  readonly record: WireRecord
  /** Why it is rejected before sending, if it is. */
  readonly unsendable: string | undefined
  /** The record as read. */
  readonly input: RecordInput
  /** Whether the vendor refuses it, whatever else is in the batch. */
  readonly isBad: boolean
}

/** What the options of a run promise. */
export interface Rules {
  readonly maxRecords: number
  readonly maxBytes: number
  /** Whether a batch is unfinished until it is applied. */
  readonly settles: boolean
  readonly isolates: boolean
  /** Whether records may be refused only because of each other. */
  readonly dependent: boolean
  /** Whether a request that may have been applied is sent again. */
  readonly resends: boolean
  readonly mayBeUnknown: boolean
  readonly mayStop: boolean
  /** Whether the vendor refuses a record for its values, those that were merged into it included. */
  readonly isRefused: (record: WireRecord) => boolean
  /** Whether a record that is written twice is there only once, the first one. */
  readonly inserts: boolean
  /** The offset of the record that a wire record is, or is the last part of. */
  readonly offsetOf: (record: WireRecord) => number
  readonly before: ReadonlyMap<string, WireRecord>
  readonly after: ReadonlyMap<string, unknown>
  readonly apply: (stored: WireRecord | undefined, record: WireRecord) => WireRecord
}

/** How much a run could show, so that a test can tell that its runs showed anything. */
export interface Shown {
  readonly keys: number
  readonly repeatedKeys: number
  readonly culprits: number
  readonly bystanders: number
  readonly merged: number
  readonly unknown: number
  readonly unsent: number
  readonly retries: number
}

const isRefusal = ({ status }: Sent): boolean =>
  status === 400 || status === 404 || status === 409 || status === 413 || status === 422

const wasAnswered = ({ end, status }: Sent): boolean => end === "Answered" && status !== undefined && status < 300

// What the client may take as passing.
const mayPass = ({ end, status }: Sent): boolean =>
  end === "Reset" || end === "CutShort" || end === "NoAnswer" || status === 503 || status === 429

export const check = (given: ReadonlyArray<Given>, run: Observed, rules: Rules): Shown => {
  const { batches, letters, outcomes, overlaps, report, sent, writes } = run
  const { offsetOf } = rules
  const name = (offset: number): string => `record ${offset} (key ${given[offset]?.key})`

  // Conservation.
  const byOffset = new Map<number, Outcome>()
  const counts: Record<string, number> = {
    Applied: 0,
    Accepted: 0,
    Rejected: 0,
    Unknown: 0,
    Merged: 0,
    Skipped: 0,
    Unsent: 0
  }
  for (const outcome of outcomes) {
    assert.isFalse(byOffset.has(outcome.offset), `${name(outcome.offset)} has two outcomes`)
    byOffset.set(outcome.offset, outcome)
    counts[outcome._tag] = (counts[outcome._tag] ?? 0) + 1
  }
  assert.deepStrictEqual(
    [...byOffset.keys()].sort((a, b) => a - b),
    Array.from({ length: report.read }, (_, offset) => offset),
    "every record that was read has an outcome"
  )
  assert.deepStrictEqual({ ...report.outcomes }, counts, "the report counts the outcomes")
  if (run.stopped === undefined) assert.strictEqual(report.read, given.length, "every record is read")
  else assert.isTrue(rules.mayStop, `the run stopped: ${run.stopped}`)

  // Merged.
  const into = (offset: number): number => {
    const outcome = byOffset.get(offset)
    return outcome?._tag === "Merged" ? into(outcome.into) : offset
  }
  for (const outcome of outcomes) {
    if (outcome._tag !== "Merged") continue
    const target = byOffset.get(outcome.into)
    assert.isDefined(target, `${name(outcome.offset)} is in a record without an outcome`)
    assert.notStrictEqual(target?._tag, "Merged", `${name(outcome.offset)} is in one that is merged itself`)
    assert.isAbove(outcome.into, outcome.offset)
    assert.strictEqual(given[outcome.into]?.key, given[outcome.offset]?.key)
  }
  const parts = new Map<number, Array<number>>()
  for (const offset of [...byOffset.keys()].sort((a, b) => a - b)) {
    const last = into(offset)
    parts.set(last, [...(parts.get(last) ?? []), offset])
  }

  // Limits.
  for (const { bytes, number, records } of sent) {
    assert.isAtMost(records.length, rules.maxRecords, `records in request ${number}`)
    assert.isAtMost(bytes, rules.maxBytes, `bytes of request ${number}`)
  }

  // Batches that the client could never know of, because their answer did not come through.
  const bySent = new Map(sent.map((one) => [one.number, one]))
  const isGhost = (request: number): boolean => {
    const one = bySent.get(request)
    return one === undefined || !wasAnswered(one)
  }
  const timesGiven = new Map<string, number>()
  for (const { key } of given) timesGiven.set(key, (timesGiven.get(key) ?? 0) + 1)
  const blurred = new Set<string>()
  for (const batch of batches) {
    if (!isGhost(batch.request)) continue
    for (const record of batch.records) {
      const key = keyOf(record)
      if ((timesGiven.get(key) ?? 0) > 1) blurred.add(key)
    }
  }
  for (const outcome of outcomes) {
    if (outcome._tag === "Unknown") blurred.add(given[outcome.offset]?.key ?? "")
  }

  // Never two unfinished batches with one key.
  for (const { key, kind, other, request } of overlaps) {
    if (blurred.has(key) || (kind === "batch" && (!rules.settles || isGhost(other)))) continue
    assert.fail(`key ${key} went out in request ${request} while ${kind} ${other} was not finished`)
  }

  // Order.
  const writesOf = Map.groupBy(writes, ({ key }) => key)
  for (const [key, all] of writesOf) {
    if (blurred.has(key) || !(rules.settles || (timesGiven.get(key) ?? 0) < 2)) continue
    let before: ReadonlyArray<number> = []
    for (const group of Map.groupBy(all, ({ batchId, request }) => batchId ?? request).values()) {
      const offsets = group.map(({ patch }) => offsetOf(patch))
      const isSame = offsets.join() === before.join()
      offsets.forEach((offset, index) => {
        assert.strictEqual(given[offset]?.key, key, `${name(offset)} was written under the key ${key}`)
        const last = index === 0 ? (isSame ? -1 : (before.at(-1) ?? -1)) : (offsets[index - 1] ?? -1)
        assert.isAbove(offset, last, `key ${key} is written in source order`)
      })
      before = offsets
    }
  }

  // Numbers.
  const identity = ({ body, method, path }: Sent): string => `${method} ${path} ${body}`
  const later = new Set<string>()
  let retries = 0
  const bodies = new Map<string, number>()
  for (const one of sent.toReversed()) {
    const id = identity(one)
    if (mayPass(one) && later.has(id)) {
      retries++
      const again = one.body !== "" && one.status !== 429 && !rules.resends
      assert.isFalse(again, `request ${one.number} may have been applied, and was sent again`)
    } else if (one.body !== "") bodies.set(`${id} ${bodies.size}`, one.bytes)
    later.add(id)
  }
  assert.strictEqual(report.requests, sent.length, "requests")
  assert.strictEqual(report.retries, retries, "retries")
  assert.strictEqual(
    report.bytes,
    [...bodies.values()].reduce((sum, bytes) => sum + bytes, 0),
    "bytes"
  )
  const refused = sent.filter((one) => one.records.length > 1 && isRefusal(one))
  if (refused.length === 0) assert.strictEqual(report.batches, bodies.size, "batches")
  else assert.isAtMost(report.batches, bodies.size, "batches")

  // Each record by itself.
  const onWire = Map.groupBy(
    sent.flatMap((one) => one.records.map((record) => ({ one, offset: offsetOf(record) }))),
    ({ offset }) => offset
  )
  const written = new Set(writes.map(({ patch }) => offsetOf(patch)))
  const failedLater = new Set(
    batches.flatMap(({ failures, records }) =>
      failures.flatMap(({ index }) => {
        const record = records[index]
        return record === undefined ? [] : [offsetOf(record)]
      })
    )
  )
  let culprits = 0
  let bystanders = 0
  given.forEach(({ isBad, unsendable }, offset) => {
    const outcome = byOffset.get(offset)
    if (outcome === undefined) return
    const own = (onWire.get(offset) ?? []).map(({ one }) => one)
    // What was merged, was refused with others, and must not be tried alone went out in a later record of its customer.
    const requests =
      own.length > 0 || rules.isolates || outcome._tag !== "Rejected"
        ? own
        : sent.filter(({ records }) =>
            records.some((record) => keyOf(record) === given[offset]?.key && offsetOf(record) > offset)
          )
    const refusals = requests.filter(isRefusal)
    if (unsendable !== undefined) {
      assert.strictEqual(outcome._tag, "Rejected", name(offset))
      if (outcome._tag === "Rejected") assert.strictEqual(outcome.reason.tag, unsendable, name(offset))
      assert.strictEqual(own.length, 0, `${name(offset)} is not sent`)
      return
    }
    switch (outcome._tag) {
      case "Applied":
      case "Accepted":
        assert.isFalse(isBad, `${name(offset)} is bad, and ${outcome._tag}`)
        assert.isTrue(written.has(offset), `${name(offset)} is ${outcome._tag}, and was not written`)
        if (refusals.length > 0) bystanders++
        break
      case "Merged":
        assert.strictEqual(requests.length, 0, `${name(offset)} was merged, and sent on its own`)
        break
      case "Rejected": {
        culprits++
        assert.isFalse(written.has(offset), `${name(offset)} is Rejected, and was written`)
        const blamed =
          isBad ||
          failedLater.has(offset) ||
          (rules.dependent && refusals.some(({ records }) => records.length === 1)) ||
          (!rules.isolates &&
            refusals.some(
              ({ records }) =>
                rules.dependent || records.some((record) => rules.isRefused(record) || given[offsetOf(record)]?.isBad)
            )) ||
          refusals.some(({ records, status }) => records.length === 1 && status === 413) ||
          (rules.inserts && refusals.some(({ status }) => status === 409))
        assert.isTrue(blamed, `${name(offset)} is good, and Rejected: ${JSON.stringify(outcome.reason)}`)
        break
      }
      case "Unknown":
        assert.isTrue(rules.mayBeUnknown, `${name(offset)} is Unknown: ${JSON.stringify(outcome.reason)}`)
        assert.isAbove(requests.length, 0, `${name(offset)} is Unknown, and was never sent`)
        break
      case "Unsent":
        assert.isDefined(run.stopped, `${name(offset)} is Unsent, and the run did not stop`)
        assert.isFalse(written.has(offset), `${name(offset)} is Unsent, and was written`)
        break
    }
  })

  // Dead letters.
  const dead = outcomes.filter(({ _tag }) => _tag === "Rejected" || _tag === "Unknown").map(({ offset }) => offset)
  assert.deepStrictEqual(
    letters.map(({ offset }) => offset).sort((a, b) => a - b),
    dead.sort((a, b) => a - b),
    "dead letters are exactly the culprits and the unknown"
  )
  for (const { answer, batch, offset, outcome, reason, record } of letters) {
    const one = given[offset]
    const mine = byOffset.get(offset)
    assert.strictEqual(mine?._tag, outcome)
    if (mine?._tag === "Rejected" || mine?._tag === "Unknown") assert.deepStrictEqual(mine.reason, reason)
    if (one?.unsendable !== undefined) {
      assert.deepStrictEqual(record, one.input, `${name(offset)} as read`)
      continue
    }
    assert.isDefined(batch, `${name(offset)} has a batch`)
    const folded = (parts.get(offset) ?? []).map((part) => given[part]?.record)
    assert.deepStrictEqual(
      record,
      { format: "json", value: Object.assign({}, ...folded) },
      `${name(offset)} as read, with what was folded into it`
    )
    if (outcome === "Rejected") {
      assert.isAbove(answer?.length ?? 0, 0, `${name(offset)} has the vendor's answer`)
    }
  }

  // End state.
  const expected = new Map(rules.before)
  given.forEach(({ key, record }, offset) => {
    const tag = byOffset.get(into(offset))?._tag
    if (tag === "Applied" || tag === "Accepted") expected.set(key, rules.apply(expected.get(key), record))
  })
  for (const key of new Set([...expected.keys(), ...rules.after.keys()])) {
    if (blurred.has(key)) continue
    assert.deepStrictEqual(rules.after.get(key), expected.get(key), `the customer ${key} at the end`)
  }

  return {
    keys: timesGiven.size - blurred.size,
    repeatedKeys: [...timesGiven].filter(([key, times]) => times > 1 && !blurred.has(key)).length,
    culprits,
    bystanders,
    merged: counts.Merged ?? 0,
    unknown: counts.Unknown ?? 0,
    unsent: counts.Unsent ?? 0,
    retries
  }
}
