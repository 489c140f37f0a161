import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Stream } from "effect"
import * as PocketflowsDestination from "../../../src/pocketflows/PocketflowsDestination.ts"
import * as BatchPolicy from "../../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../../src/policy/retry/RetryPolicy.ts"
import * as SettlePolicy from "../../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../../src/reach/ReachSchema.ts"
import { Fault, type Sandbox } from "../../../src/sandbox/index.ts"
import type { Progress } from "../../../src/sync/books/Progress.ts"
import * as CustomerSync from "../../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../../src/sync/model/CustomerRecord.ts"
import type { Outcome } from "../../../src/sync/model/Outcome.ts"
import { business, type Hooks, type Observed, observe } from "../../support/SyncRun.ts"

const base = {
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: 8 }),
  retry: RetryPolicy.make({ firstDelay: 1, maxDelay: 2, maxAttempts: 4, attemptTimeout: 50 }),
  rateLimit: RateLimitPolicy.unlimited(),
  settle: SettlePolicy.make({ firstPoll: 1, maxInterval: 4, notFoundGrace: 40 })
} as const

const patches = (count: number, change?: (index: number) => Partial<ReachSchema.CustomerPatch>) =>
  Array.from({ length: count }, (_, index) => ({
    customerId: `c-${index}`,
    lastName: "漢".repeat(20),
    ...change?.(index)
  }))

const source = <A>(records: ReadonlyArray<A>) => CustomerRecord.fromPatches(Stream.fromIterable(records))

const sync = (
  records: ReadonlyArray<ReachSchema.CustomerPatch>,
  sandbox: Sandbox.Options,
  options?: {
    readonly isolate?: { readonly requests: number }
    readonly retryUnknown?: boolean
    readonly concurrency?: number
    readonly window?: number
    readonly sameKey?: "keep" | "split"
  }
) =>
  observe({ seed: 1, sandbox }, (hooks: Hooks) =>
    CustomerSync.outcomes({ ...base, ...hooks, ...options })(source(records))
  )

const told = (outcome: Outcome | undefined): string =>
  outcome === undefined
    ? "none"
    : outcome._tag === "Rejected" || outcome._tag === "Unknown"
      ? `${outcome._tag} ${outcome.reason.tag}`
      : outcome._tag
const of = ({ outcomes }: Observed, offset: number): Outcome | undefined =>
  outcomes.find((outcome) => outcome.offset === offset)
const tally = ({ outcomes }: Observed): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[told(outcome)] = (counts[told(outcome)] ?? 0) + 1
  return counts
}

describe("an answer 413", () => {
  const bytes = (records: number) => 16 + 114 * records

  it.effect("halves the batch, is remembered for the batches after it, and nothing is lost", () =>
    Effect.gen(function* () {
      const run = yield* sync(
        patches(80, (index) => ({ email: `${String(index).padStart(20, "0")}@x` })),
        { maxBodySize: bytes(5) },
        { concurrency: 1 }
      )
      assert.deepStrictEqual(tally(run), { Applied: 80 })
      const sizes = run.sent.filter(({ records }) => records.length > 0).map(({ records }) => records.length)
      assert.strictEqual(sizes[0], 8)
      assert.strictEqual(Math.max(...sizes.slice(1)), 4)
      const refused = run.sent.filter(({ status }) => status === 413).length
      assert.strictEqual(refused, 1, "also those that were collected before it was known go out smaller")
      assert.isAbove(sizes.filter((size) => size === 4).length, 3)
    })
  )

  it.effect("is forgotten slowly: batches grow again, up to the policy", () =>
    Effect.gen(function* () {
      const run = yield* sync(
        patches(1200),
        { faults: [{ method: "PATCH", times: 1, fault: Fault.respond({ status: 413 }) }] },
        { window: 2 }
      )
      assert.deepStrictEqual(tally(run), { Applied: 1200 })
      const sizes = run.sent.filter(({ records }) => records.length > 0).map(({ records }) => records.length)
      const at = (size: number) => sizes.lastIndexOf(size)
      assert.isAbove(at(4), 10, "half, at first")
      assert.isBelow(at(4), at(6))
      assert.strictEqual(sizes.at(-2), 8, "and all of the policy in the end")
    })
  )

  it.effect("to a record alone rejects that record, with the answer", () =>
    Effect.gen(function* () {
      const records = patches(20, (index) => (index === 7 ? { lastName: "漢".repeat(400) } : {}))
      const run = yield* sync(records, { maxBodySize: 1100 })
      assert.deepStrictEqual(tally(run), { Applied: 19, "Rejected ContentTooLarge": 1 })
      assert.deepStrictEqual(
        run.letters.map(({ answer, offset }) => ({ offset, told: answer?.includes("larger than 1100 bytes") })),
        [{ offset: 7, told: true }]
      )
    })
  )

  it.effect("while a refused batch is taken apart blames no record", () =>
    Effect.gen(function* () {
      const run = yield* sync(patches(8), {
        faults: [{ method: "PATCH", after: 1, times: 1, fault: Fault.respond({ status: 413 }) }],
        reach: {
          naming: "none",
          refuse: ({ customerId }) => (customerId === "c-6" ? "not welcome" : undefined)
        }
      })
      assert.deepStrictEqual(tally(run), { Applied: 7, "Rejected BadRequest": 1 })
      assert.strictEqual(told(of(run, 6)), "Rejected BadRequest")
    })
  )
})

describe("an answer that is no success", () => {
  const answer = (recordCount: number, success = true) =>
    Fault.respond({
      status: 202,
      body: {
        success,
        message: "ok",
        data: {
          batchId: "b6dfd4c4-52e8-4b3c-9f5c-6a1de2f6e0a1",
          message: "ok",
          recordCount,
          schemaDefinitionId: "b6dfd4c4-52e8-4b3c-9f5c-6a1de2f6e0a2"
        }
      }
    })

  it.effect("counts fewer records than were sent: Unknown, with both numbers, and the rest goes on", () =>
    Effect.gen(function* () {
      const run = yield* sync(
        patches(16),
        { faults: [{ method: "PATCH", times: 1, fault: answer(7) }] },
        { concurrency: 1 }
      )
      assert.deepStrictEqual(tally(run), { "Unknown CountMismatch": 8, Applied: 8 })
      const first = of(run, 0)
      assert.include(first?._tag === "Unknown" ? first.reason.message : "", "counts 7 records; 8 were sent")
      assert.include(first?._tag === "Unknown" ? first.reason.message : "", "b6dfd4c4-52e8-4b3c-9f5c-6a1de2f6e0a1")
      assert.deepStrictEqual(
        run.letters.map(({ offset, outcome }) => `${offset} ${outcome}`),
        Array.from({ length: 8 }, (_, offset) => `${offset} Unknown`)
      )
    })
  )

  it.effect("counts fewer, and is waited for: until it has ended, no other batch with its customers goes out", () =>
    Effect.gen(function* () {
      const reach = ReachDestination.batchPatch()
      const to: typeof reach = {
        ...reach,
        send: (outgoing) =>
          Effect.map(reach.send(outgoing), (receipt) => ({ ...receipt, recordCount: receipt.recordCount - 1 }))
      }
      const sandbox = { reach: { queue: { delay: 20, processing: 5 } } }
      const run = yield* observe({ seed: 1, sandbox }, (hooks) =>
        CustomerSync.outcomes({ ...base, ...hooks, to })(
          source(patches(24, (index) => ({ customerId: `c-${index % 3}` })))
        )
      )
      assert.deepStrictEqual(tally(run), { "Unknown CountMismatch": 24 })
      assert.deepStrictEqual(run.overlaps, [])
      assert.isAbove(run.batches.length, 2)
    })
  )

  it.effect("says success: false: Unknown, and three in a row stop the run", () =>
    Effect.gen(function* () {
      const one = yield* sync(
        patches(16),
        { faults: [{ method: "PATCH", times: 1, fault: answer(8, false) }] },
        { concurrency: 1 }
      )
      assert.deepStrictEqual(tally(one), { "Unknown UnexpectedAnswer": 8, Applied: 8 })
      const all = yield* sync(patches(80), { faults: [{ method: "PATCH", fault: answer(8, false) }] }, { window: 1 })
      assert.strictEqual(all.stopped, "UnexpectedAnswer")
      assert.strictEqual(tally(all)["Unknown UnexpectedAnswer"], 24)
    })
  )

  it.effect(
    "says that the credentials are refused, after an attempt that may have been applied: Unknown, not Unsent",
    () =>
      Effect.gen(function* () {
        const run = yield* sync(patches(8), {
          faults: [
            { method: "PATCH", times: 1, fault: Fault.reset("after") },
            { method: "PATCH", fault: Fault.respond({ status: 401 }) }
          ]
        })
        assert.strictEqual(run.stopped, "Unauthorized")
        assert.deepStrictEqual(tally(run), { "Unknown Unauthorized": 8 })
        assert.strictEqual(run.writes.length, 8)
      })
  )
})

describe("a refused batch", () => {
  it.effect("that is not taken apart to the end, because the requests for it are used up, says so", () =>
    Effect.gen(function* () {
      const refuse = ({ customerId }: { readonly customerId: string }) =>
        customerId === "c-6" ? "not welcome" : undefined
      const run = yield* sync(patches(24), { reach: { naming: "none", refuse } }, { isolate: { requests: 1 } })
      // The first half went through before.
      assert.deepStrictEqual(tally(run), { Applied: 20, "Rejected NotIsolated": 4 })
      const bystander = of(run, 4)
      assert.include(bystander?._tag === "Rejected" ? bystander.reason.message : "", "a bystander")
      const none = yield* sync(patches(24), { reach: { naming: "none", refuse } }, { isolate: { requests: 0 } })
      assert.deepStrictEqual(tally(none), { Applied: 16, "Rejected NotIsolated": 8 })
    })
  )

  it.effect("with two records that are to blame together names both offsets, in either's dead letter", () =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 12 }, (_, index) => `p-${index}`)
      const updates = ids.map((id, index) => ({
        id,
        email_address: `${index === 3 || index === 9 ? "same" : id}@x.com`
      }))
      const run = yield* observe({ seed: 1, sandbox: {}, pocketflows: ids.map((id) => ({ id })) }, (hooks) =>
        CustomerSync.outcomes({
          ...base,
          ...hooks,
          settle: undefined,
          batch: BatchPolicy.make({ maxRecords: 20 }),
          to: PocketflowsDestination.batchUpdate({ business })
        })(source(updates))
      )
      assert.deepStrictEqual(tally(run), { Applied: 11, "Rejected UnprocessableContent": 1 })
      const letter = run.letters[0]
      assert.strictEqual(letter?.offset, 9)
      assert.include(letter?.reason.message ?? "", "together with offset 3.")
    })
  )
})

describe("a failure that the status names by key alone", () => {
  const reach = ReachDestination.batchPatch()
  // As a vendor does that knows its records by their customer.
  const to: typeof reach = {
    ...reach,
    settle: (batchId, recordCount) =>
      Effect.map(reach.settle(batchId, recordCount), (settlement) =>
        settlement._tag === "Failed"
          ? { ...settlement, failures: Arr.map(settlement.failures, (failure) => ({ ...failure, index: undefined })) }
          : settlement
      )
  }
  const refused = new Set(["bad", "worse"])
  const run = (phones: ReadonlyArray<string>) =>
    observe(
      {
        seed: 1,
        sandbox: {
          reach: {
            invalidRecord: "fail-later",
            refuse: ({ phone }) => (refused.has(String(phone)) ? "not welcome" : undefined)
          }
        }
      },
      (hooks) =>
        CustomerSync.outcomes({ ...base, ...hooks, to })(
          source([{ customerId: "x" }, ...phones.map((phone) => ({ customerId: "c", phone })), { customerId: "y" }])
        )
    )

  it.effect("blames no record that may have been applied: Unknown, each with a letter that names the others", () =>
    Effect.gen(function* () {
      const observed = yield* run(["good", "bad"])
      assert.deepStrictEqual(tally(observed), { Applied: 2, "Unknown FailureAmbiguous": 2 })
      assert.deepStrictEqual(
        observed.letters.map(({ answer, offset, outcome }) => ({ answer, offset, outcome })),
        [1, 2].map((offset) => ({ answer: "not welcome", offset, outcome: "Unknown" as const }))
      )
      for (const { reason } of observed.letters) {
        assert.include(reason.message, "1 of 2 records of this customer")
        assert.include(reason.message, "at offsets 1, 2.")
      }
    })
  )

  it.effect("rejects all records of the key where all of them failed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(tally(yield* run(["bad", "worse"])), { Applied: 2, "Rejected NotApplied": 2 })
    })
  )
})

describe("a batch that is not finished in time", () => {
  it.effect("is told by the progress while it is waited for, and by the report, with its id", () =>
    Effect.gen(function* () {
      const seen: Array<Progress["settling"]> = []
      const observed = yield* observe({ seed: 1, sandbox: { reach: { queue: { fate: () => "stall" } } } }, (hooks) =>
        CustomerSync.outcomes({
          ...base,
          ...hooks,
          settle: SettlePolicy.make({ deadline: "2 seconds" }),
          onProgress: ({ settling }) => Effect.sync(() => void seen.push(settling))
        })(source(patches(16)))
      )
      assert.deepStrictEqual(tally(observed), { "Unknown SettleDeadline": 16 })
      assert.deepStrictEqual(observed.report.unsettled, { batches: 2, ids: observed.batches.map(({ id }) => id) })
      const middle = seen.filter((settling) => settling?.batches === 2)
      assert.isAbove(middle.length, 3)
      for (const settling of middle) assert.closeTo((settling?.waited ?? 0) + (settling?.left ?? 0), 2000, 20)
      assert.isUndefined(seen.at(-1))
    })
  )
})

describe("a batch whose answer never came", () => {
  // It was accepted, and only the vendor knows its id. Sent again, the second one is applied first, a newer patch of
  // the same customer after it, and then the first one, which nobody waits for.
  const records = [
    { customerId: "c", phone: "old" },
    { customerId: "x" },
    { customerId: "y" },
    { customerId: "c", phone: "new" }
  ]
  const sandbox: Sandbox.Options = {
    faults: [{ method: "PATCH", times: 1, fault: Fault.noAnswer({ applied: true }) }],
    reach: { queue: { delay: 200, processing: 400, order: "reverse" } }
  }
  const one = { ...base, batch: BatchPolicy.make({ maxRecords: 1 }) }

  it.effect("and that is sent again may be applied after a newer patch of its customer: what is not promised", () =>
    Effect.gen(function* () {
      const run = yield* observe({ seed: 1, sandbox }, (hooks) =>
        CustomerSync.outcomes({ ...one, ...hooks })(source(records))
      )
      assert.deepStrictEqual(tally(run), { Applied: 4 })
      assert.strictEqual(run.batches.length, 5, "one more than the client knows of")
      const phones = run.writes.filter(({ key }) => key === "c").map(({ patch }) => patch.phone)
      assert.deepStrictEqual([...phones].sort(), ["new", "old", "old"])
      assert.strictEqual(phones.at(-1), "old")
    })
  )

  it.effect("is Unknown with retryUnknown: false, with what is needed to look at it", () =>
    Effect.gen(function* () {
      const run = yield* observe({ seed: 1, sandbox }, (hooks) =>
        CustomerSync.outcomes({ ...one, ...hooks, retryUnknown: false })(source(records))
      )
      assert.deepStrictEqual(tally(run), { Applied: 3, "Unknown OutcomeUnknown": 1 })
      assert.strictEqual(run.batches.length, 4)
      const [letter] = run.letters
      assert.deepInclude(letter, { offset: 0, outcome: "Unknown", key: "c" })
      assert.deepStrictEqual(letter?.record, { format: "json", value: records[0] })
    })
  )
})
