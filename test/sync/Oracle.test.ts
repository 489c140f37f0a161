import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Stream } from "effect"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import type * as PocketflowsSchema from "../../src/pocketflows/PocketflowsSchema.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type { CustomerRecord, RecordInput } from "../../src/sync/model/CustomerRecord.ts"
import { check, type Given, type Rules, type Shown } from "../support/SyncOracle.ts"
import { business, observe, type WireRecord } from "../support/SyncRun.ts"
import {
  type Entry,
  mayBeUnknown,
  mayStop,
  policiesOf,
  rulesOf,
  type Scenario,
  scenario,
  settlePolicy,
  text
} from "../support/SyncScenario.ts"

interface Put<A> extends Given {
  readonly source: CustomerRecord<A>
}

const site = "https://a.example/"
const reachOffset = (record: WireRecord): number =>
  Number.parseInt(String(record.customerDetailUrl).slice(site.length), 10)
// By a value that a later record of the customer does not take back, so that what is merged with it is refused as well.
const isUnwelcome = ({ firstName, full_name }: WireRecord): boolean => firstName === "!" || full_name === "!"

const keyFor = ({ keys }: Scenario, { key, kind }: Entry, offset: number): string =>
  kind === "stranger" ? `new-${keys === 0 ? offset : key % 4}` : keys === 0 ? `c-${offset}` : `c-${key % keys}`

const kindFor = ({ tame }: Scenario, { kind }: Entry): Entry["kind"] => (tame ? "good" : kind)

/** The record of a source, and what the oracle knows of it. */
const put = <A extends object>(
  patch: A,
  offset: number,
  entry: { readonly key: string; readonly kind: Entry["kind"]; readonly isBad: boolean; readonly bytes: number },
  maxBytes: number,
  record: WireRecord = Object.fromEntries(Object.entries(patch))
): Put<A> => {
  const { isBad, key, kind } = entry
  const base = { offset, line: undefined, position: undefined }
  if (kind === "invalid") {
    const input: RecordInput = { format: "ndjson", value: `{"broken ${offset}` }
    const source = { ...base, _tag: "Invalid", reason: { _tag: "Malformed", issues: [] }, input } as const
    return { key, record, unsendable: "Malformed", input, isBad, source }
  }
  const unsendable = kind === "unlawful" ? "InvalidRequest" : entry.bytes > maxBytes ? "TooLarge" : undefined
  return {
    key,
    record,
    unsendable,
    input: { format: "json", value: kind === "unlawful" ? patch : record },
    isBad,
    source: { ...base, _tag: "Valid", patch }
  }
}

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length

const oversize = 400
const createdAt = DateTime.makeUnsafe("2024-01-15T10:30:00Z")

const reachPatch = (scenario: Scenario, entry: Entry, offset: number) => {
  const kind = kindFor(scenario, entry)
  const [email, phone, smsOptOut] = entry.fields
  const patch: ReachSchema.CustomerPatch = {
    customerId: keyFor(scenario, { ...entry, kind }, offset),
    customerDetailUrl: `${site}${offset}`,
    ...(kind === "bad" ? { firstName: "!" } : {}),
    ...(entry.length === 0 ? {} : { lastName: text(kind === "oversized" ? oversize : entry.length) }),
    ...(email === "absent" ? {} : { email: email === "null" ? null : `${entry.value}é@example.com` }),
    ...(phone === "absent" ? {} : { phone: phone === "null" ? null : `+1415555000${entry.value}` }),
    ...(kind === "unlawful"
      ? { emailOptOut: null }
      : smsOptOut === "absent"
        ? {}
        : { smsOptOut: smsOptOut === "null" ? true : entry.value % 2 === 0 })
  }
  return { kind, patch }
}

const applyReach = (stored: WireRecord | undefined, record: WireRecord): WireRecord => {
  const next: Record<string, unknown> = { ...stored }
  for (const [field, value] of Object.entries(record)) {
    if (value === null) delete next[field]
    else next[field] = value
  }
  return next
}

const sourceOf = <A>(records: ReadonlyArray<Put<A>>, { chunk }: Scenario): Stream.Stream<CustomerRecord<A>> =>
  Stream.rechunk(Stream.fromIterable(records.map(({ source }) => source)), chunk)

const refuse = (patch: WireRecord): string | undefined =>
  isUnwelcome(patch) ? `number ${reachOffset(patch)} is not welcome` : undefined

const noShown: Shown = {
  keys: 0,
  repeatedKeys: 0,
  culprits: 0,
  bystanders: 0,
  merged: 0,
  unknown: 0,
  unsent: 0,
  retries: 0
}

const add = (sum: Shown, one: Shown): Shown => ({
  keys: sum.keys + one.keys,
  repeatedKeys: sum.repeatedKeys + one.repeatedKeys,
  culprits: sum.culprits + one.culprits,
  bystanders: sum.bystanders + one.bystanders,
  merged: sum.merged + one.merged,
  unknown: sum.unknown + one.unknown,
  unsent: sum.unsent + one.unsent,
  retries: sum.retries + one.retries
})

const rulesFor = (scenario: Scenario, more: Pick<Rules, "after" | "before" | "maxRecords">): Rules => ({
  maxBytes: scenario.maxBytes,
  settles: true,
  isolates: scenario.isolate === "halve",
  dependent: false,
  resends: scenario.retryUnknown,
  mayBeUnknown: mayBeUnknown(scenario, true),
  mayStop: mayStop(scenario),
  inserts: false,
  offsetOf: reachOffset,
  isRefused: isUnwelcome,
  apply: applyReach,
  ...more
})

/** Reach's batches, settled or not. */
const reachBatch = (scenario: Scenario) =>
  Effect.gen(function* () {
    const settle = scenario.keys === 0 && scenario.flag ? "accepted" : "applied"
    const to = ReachDestination.batchPatch()
    const given = scenario.entries.map((entry, offset) => {
      const { kind, patch } = reachPatch(scenario, entry, offset)
      const bytes = bytesOf({ resources: [patch] })
      return put(patch, offset, { key: patch.customerId, kind, isBad: kind === "bad", bytes }, scenario.maxBytes)
    })
    // A batch that is accepted with bad records in it is not what "accepted" is about.
    const failLater = scenario.failLater && settle === "applied"
    const failEach = settle === "applied" ? scenario.failEach : 0
    const run = yield* observe(
      {
        seed: scenario.seed,
        sandbox: {
          faults: rulesOf(scenario),
          maxBodySize: scenario.vendorBytes,
          reach: {
            refuse,
            invalidRecord: failLater ? "fail-later" : "refuse-batch",
            naming: scenario.naming ? "index" : "none",
            statusGrace: scenario.statusGrace,
            queue: {
              order: scenario.order,
              delay: scenario.delay === 0 ? 0 : { min: 0, max: scenario.delay },
              processing: scenario.processing,
              // By what is in it, so that a batch that is sent again has the same fate.
              fate: ({ records: [first] }) =>
                first !== undefined && failEach > 0 && reachOffset(first) % failEach === 1 ? "fail" : "apply"
            }
          }
        }
      },
      (hooks) =>
        CustomerSync.outcomes({
          ...hooks,
          ...policiesOf(scenario),
          to,
          settle: settle === "accepted" ? settle : settlePolicy,
          isolate: scenario.isolate,
          retryUnknown: scenario.retryUnknown,
          sameKey: scenario.merge ? "merge" : scenario.split ? "split" : "keep"
        })(sourceOf(given, scenario))
    )
    const rules = rulesFor(scenario, { maxRecords: scenario.maxRecords, before: new Map(), after: run.reach })
    return check(given, run, {
      ...rules,
      settles: settle === "applied",
      mayBeUnknown: rules.mayBeUnknown || ((failLater || failEach > 0) && !scenario.naming)
    })
  })

/** Large batches of few keys with bad records among them, and no fault that leaves anything open. */
const oftenRefused = (scenario: Scenario): Scenario => ({
  ...scenario,
  keys: 5,
  tame: false,
  merge: false,
  split: false,
  isolate: "halve",
  maxRecords: 20,
  maxBytes: 1_000_000,
  failLater: false,
  failEach: 0,
  downAfter: 0,
  faults: ["429"],
  delay: 9
})

/** Small batches of few keys that take their time, so that most records wait for their key. */
const oftenAgain = (scenario: Scenario): Scenario => ({
  ...scenario,
  keys: scenario.keys === 0 || scenario.keys > 12 ? 5 : scenario.keys,
  maxRecords: 3,
  window: 64,
  delay: 9
})

/** One patch a request, to customers of whom some are there. */
const reachSingle = (scenario: Scenario) =>
  Effect.gen(function* () {
    const given = scenario.entries.map((entry, offset) => {
      const { kind, patch } = reachPatch(scenario, entry, offset)
      const isBad = kind === "bad" || kind === "stranger"
      return put(
        patch,
        offset,
        { key: patch.customerId, kind, isBad, bytes: bytesOf({ data: patch }) },
        scenario.maxBytes
      )
    })
    const before = new Map(
      given.filter(({ key }) => !key.startsWith("new")).map(({ key }) => [key, { customerId: key, firstName: "Old" }])
    )
    const run = yield* observe(
      {
        seed: scenario.seed,
        sandbox: { faults: rulesOf(scenario), maxBodySize: scenario.vendorBytes, reach: { refuse } },
        reach: [...before.values()]
      },
      (hooks) =>
        CustomerSync.outcomes({
          ...hooks,
          ...policiesOf(scenario),
          to: ReachDestination.patch(),
          retryUnknown: scenario.retryUnknown,
          sameKey: scenario.merge ? "merge" : "split"
        })(sourceOf(given, scenario))
    )
    return check(given, run, rulesFor(scenario, { maxRecords: 1, before, after: run.reach }))
  })

/** One new customer a request; with `flag`, one that is there already is refused. */
const reachCreate = (scenario: Scenario) =>
  Effect.gen(function* () {
    const given = scenario.entries.map((entry, offset) => {
      const { kind, patch } = reachPatch(scenario, entry, offset)
      const customer: ReachSchema.NewCustomer = {
        firstName: "",
        lastName: "漢",
        createdAt,
        ...patch
      }
      const record = { ...customer, createdAt: "2024-01-15T10:30:00Z" }
      const about = { key: patch.customerId, kind, isBad: kind === "bad", bytes: bytesOf({ data: record }) }
      return put(customer, offset, about, scenario.maxBytes, record)
    })
    const run = yield* observe(
      {
        seed: scenario.seed,
        sandbox: { faults: rulesOf(scenario), maxBodySize: scenario.vendorBytes, reach: { refuse } }
      },
      (hooks) => {
        const options = { ...hooks, ...policiesOf(scenario) }
        const source = sourceOf(given, scenario)
        return scenario.flag
          ? CustomerSync.outcomes({ ...options, to: ReachDestination.create({ onConflict: "reject" }) })(source)
          : CustomerSync.outcomes({
              ...options,
              to: ReachDestination.create(),
              retryUnknown: scenario.retryUnknown,
              sameKey: scenario.merge ? "merge" : "split"
            })(source)
      }
    )
    return check(given, run, {
      ...rulesFor(scenario, { maxRecords: 1, before: new Map(), after: run.reach }),
      inserts: scenario.flag,
      resends: !scenario.flag && scenario.retryUnknown,
      mayBeUnknown: mayBeUnknown(scenario, !scenario.flag)
    })
  })

const pocketflowsOffset = ({ phone_number }: WireRecord): number => Number.parseInt(String(phone_number).slice(1), 10)

/** Pocketflows' batches, in which two records may be bad together only. */
const pocketflows = (scenario: Scenario) =>
  Effect.gen(function* () {
    const given = scenario.entries.map((entry, offset) => {
      const kind = kindFor(scenario, entry)
      const [email, metadata, name] = entry.fields
      const id = keyFor(scenario, { ...entry, kind }, offset)
      const update: PocketflowsSchema.CustomerUpdate = {
        id,
        phone_number: `+${offset}`,
        ...(email === "absent"
          ? {}
          : { email_address: email === "null" ? null : `${entry.value % 4 === 0 ? entry.value : id}@example.com` }),
        ...(metadata === "absent" ? {} : { metadata: metadata === "null" ? null : { é: entry.value } }),
        ...(kind === "bad"
          ? { full_name: "!" }
          : name === "absent"
            ? {}
            : { full_name: name === "null" ? null : text(kind === "oversized" ? oversize : entry.length) })
      }
      const sendable = kind === "unlawful" ? "good" : kind
      const isBad = kind === "bad" || kind === "stranger"
      return put(
        update,
        offset,
        { key: id, kind: sendable, isBad, bytes: bytesOf({ customers: [update] }) },
        scenario.maxBytes
      )
    })
    const fresh = {
      external_id: null,
      email_address: null,
      phone_number: null,
      full_name: null,
      metadata: {},
      unsubscribed: null
    }
    const before = new Map<string, WireRecord>(
      given.filter(({ key }) => !key.startsWith("new")).map(({ key }) => [key, { ...fresh, id: key }])
    )
    const run = yield* observe(
      {
        seed: scenario.seed,
        pocketflows: [...before.keys()].map((id) => ({ id })),
        sandbox: {
          faults: rulesOf(scenario),
          maxBodySize: scenario.vendorBytes,
          pocketflows: {
            naming: scenario.naming ? "id" : "none",
            refuse: ({ full_name }) => (full_name === "!" ? "is not welcome" : undefined)
          }
        }
      },
      (hooks) =>
        CustomerSync.outcomes({
          ...hooks,
          ...policiesOf(scenario),
          to: PocketflowsDestination.batchUpdate({ business }),
          isolate: scenario.isolate,
          retryUnknown: scenario.retryUnknown,
          sameKey: scenario.merge ? "merge" : "split"
        })(sourceOf(given, scenario))
    )
    return check(given, run, {
      ...rulesFor(scenario, { maxRecords: scenario.maxRecords, before, after: run.pocketflows }),
      dependent: true,
      offsetOf: pocketflowsOffset,
      apply: (stored, record) => ({
        ...stored,
        ...record,
        ...(record.metadata === null ? { metadata: {} } : {})
      })
    })
  })

// `npm run soak` looks longer.
const soak = Number(process.env.SOAK ?? 1)

describe("every record is accounted for, whatever the records, the policies and the faults", () => {
  for (const [name, run, runs] of [
    ["Reach batch patch", reachBatch, 120],
    ["Reach batch patch, often refused", (one: Scenario) => reachBatch(oftenRefused(one)), 40],
    ["Reach batch patch, customers that come again", (one: Scenario) => reachBatch(oftenAgain(one)), 80],
    ["Reach patch, one a request", reachSingle, 40],
    ["Reach create, one a request", reachCreate, 40],
    ["Pocketflows batch update", pocketflows, 80]
  ] as const) {
    let shown = noShown
    it.effect.prop(
      name,
      [scenario],
      ([one]) =>
        Effect.map(run(one), (more) => {
          shown = add(shown, more)
        }),
      { arbitrary: { runs: runs * soak, size: 60 } }
    )

    it(`${name}: the runs had something to show`, () => {
      const { bystanders, culprits, keys, merged, repeatedKeys, retries, unknown, unsent } = shown
      for (const one of [keys, repeatedKeys, culprits, retries]) assert.isAbove(one, runs / 10)
      if (name.includes("batch")) assert.isAbove(bystanders, runs / 10)
      if (!name.includes("refused")) for (const one of [unknown, unsent]) assert.isAbove(one, 0)
      if (name.includes("patch, c") || name.endsWith("batch patch") || name.endsWith("update"))
        // Merged records that are refused are taken apart, and count no more.
        assert.isAbove(merged, runs / 40)
    })
  }
})
