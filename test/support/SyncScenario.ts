/** Random record streams, policies and fault scripts. */
import { Arbitrary, Schema } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import { Fault } from "../../src/sandbox/index.ts"

const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

/** One of the items, by chance; shrinks towards the first. */
const oneOf = <const A>(items: readonly [A, ...ReadonlyArray<A>]): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(upTo(items.length - 1), (i) => items[i] ?? items[0])

/** What is peculiar about a record. */
export type Kind = "good" | "bad" | "stranger" | "invalid" | "unlawful" | "oversized"

// Of twenty records.
const kinds: ReadonlyArray<Kind> = ["bad", "bad", "stranger", "invalid", "unlawful", "oversized"]

const entry = Arbitrary.all({
  key: upTo(1000),
  kind: Arbitrary.map(upTo(19), (i): Kind => kinds[19 - i] ?? "good"),
  /** For each of a record's other fields: absent, null, or a value. */
  fields: Arbitrary.array(oneOf(["absent", "value", "null"]), { minLength: 3, maxLength: 3 }),
  length: oneOf([0, 1, 4, 30]),
  value: upTo(5)
})

type Made<T> = T extends Arbitrary.Arbitrary<infer A> ? A : never

export type Entry = Made<typeof entry>

export type FaultName =
  | "latency"
  | "503"
  | "429"
  | "reset before"
  | "reset during"
  | "reset after"
  | "cut answer"
  | "no answer"
  | "no answer, applied"
  | "malformed"

const faultOf: { readonly [Name in FaultName]: Fault.Fault } = {
  latency: Fault.latency({ min: 0, max: 4 }),
  "503": Fault.respond({ status: 503 }),
  "429": Fault.respond({ status: 429, retryAfter: 0 }),
  "reset before": Fault.reset("before"),
  "reset during": Fault.reset("during"),
  "reset after": Fault.reset("after"),
  "cut answer": Fault.cutShort(),
  "no answer": Fault.noAnswer(),
  "no answer, applied": Fault.noAnswer({ applied: true }),
  malformed: Fault.malformedJson
}

/** Faults after which it is not known whether the request was applied, though a client may take it as passing. */
const isVague = (name: FaultName): boolean => name !== "latency" && name !== "429" && name !== "malformed"

export const scenario = Arbitrary.all({
  seed: upTo(1_000_000),
  entries: Arbitrary.array(entry, { maxLength: 45 }),
  /** How many keys there are; 0: as many as records. */
  keys: oneOf([0, 1, 2, 5, 12, 30]),
  /** Without records that are peculiar. */
  tame: oneOf([true, false, false]),
  chunk: oneOf([1, 3, 7, 50]),
  maxRecords: oneOf([1, 2, 3, 5, 8, 20]),
  maxBytes: oneOf([1_000_000, 1200, 500, 300]),
  /** The bytes that the vendor takes. */
  vendorBytes: oneOf([10_000_000, 10_000_000, 10_000_000, 450]),
  merge: oneOf([false, true]),
  split: oneOf([false, true]),
  isolate: oneOf(["halve", "halve", "none"]),
  naming: oneOf([true, false]),
  failLater: oneOf([false, false, true]),
  window: oneOf([1, 2, 5, 64]),
  /** Records that may be set aside. */
  aside: oneOf([1000, 1, 3, 10]),
  concurrency: oneOf([1, 2, 4, 8]),
  faults: Arbitrary.array(
    oneOf<FaultName>([
      "latency",
      "latency",
      "503",
      "429",
      "reset before",
      "reset during",
      "reset after",
      "cut answer",
      "no answer",
      "no answer, applied",
      "malformed"
    ]),
    { maxLength: 4 }
  ),
  probability: oneOf([0.1, 0.3]),
  retryUnknown: oneOf([true, true, true, false]),
  /** After so many requests the vendor is down, or takes the credentials no longer; 0: never. */
  downAfter: oneOf([0, 0, 0, 0, 0, 0, 3, 9]),
  downStatus: oneOf([503, 401, 403]),
  order: oneOf(["reverse", "random", "fifo"]),
  delay: oneOf([0, 2, 9]),
  processing: oneOf([0, 3]),
  statusGrace: oneOf([0, 4]),
  /** Of so many batches about one fails as a whole; 0: none. */
  failEach: oneOf([0, 0, 0, 4]),
  flag: oneOf([false, true])
})

export type Scenario = Made<typeof scenario>

/** The fault rules of a scenario. */
export const rulesOf = ({ downAfter, downStatus, faults, probability }: Scenario): ReadonlyArray<Fault.Rule> => [
  ...(downAfter === 0 ? [] : [{ after: downAfter, fault: Fault.respond({ status: downStatus }) }]),
  ...faults.map((name) => ({ probability: name === "latency" ? 1 : probability, fault: faultOf[name] }))
]

/** What a scenario says of how a sync sends. */
export const policiesOf = (scenario: Scenario) => ({
  batch: BatchPolicy.make({ maxRecords: scenario.maxRecords, maxBytes: scenario.maxBytes }),
  retry: RetryPolicy.make({
    firstDelay: 1,
    maxDelay: 3,
    maxAttempts: scenario.downAfter === 0 ? 1000 : 3,
    // Longer than all latencies together: an attempt that is given up must not be applied later.
    attemptTimeout: 40,
    budget: "none"
  }),
  rateLimit: RateLimitPolicy.unlimited(),
  concurrency: scenario.concurrency,
  window: scenario.window,
  aside: scenario.aside
})

export const settlePolicy = SettlePolicy.make({
  firstPoll: 1,
  maxInterval: 5,
  notFoundGrace: 100,
  deadline: "20 seconds"
})

/** Whether a scenario may leave a record's fate open, and whether it may stop the run. */
export const mayBeUnknown = ({ downAfter, faults, retryUnknown }: Scenario, resendsSafely: boolean): boolean =>
  downAfter > 0 || faults.includes("malformed") || ((!retryUnknown || !resendsSafely) && faults.some(isVague))
export const mayStop = ({ downAfter, faults }: Scenario): boolean => downAfter > 0 || faults.includes("malformed")

/** Text of a length that takes one to four bytes a character. */
export const text = (length: number): string => 'aé漢😀"\\'.repeat(length)
