/** What a run may be given, and what a destination may throw: no record and no answer ends it in a defect. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Layer, Redacted, Stream } from "effect"
import type { HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import {
  type ApiError,
  BatchPolicy,
  CustomerFile,
  CustomerRecord,
  CustomerSync,
  DeadLetters,
  type Destination,
  type Outcome,
  PocketflowsClient,
  PocketflowsDestination,
  PocketflowsSchema,
  RateLimitPolicy,
  ReachAuth,
  ReachClient,
  ReachDestination,
  ReachSchema,
  SettlePolicy,
  Suspicious
} from "../../src/index.ts"
import { maxDepth } from "../../src/json/JsonDepth.ts"
import { oneOf } from "../source/support.ts"
import * as FakeClient from "../support/FakeClient.ts"

const bodyOf = (request: HttpClientRequest.HttpClientRequest): string =>
  request.body._tag === "Uint8Array" ? new TextDecoder("utf-8", { fatal: true }).decode(request.body.body) : ""

/** Both vendors, who take whatever comes. */
const vendors = () => {
  const bodies: Array<string> = []
  const { layer } = FakeClient.make((request) => {
    const body = bodyOf(request)
    bodies.push(body)
    const { customers, data, resources } = JSON.parse(body)
    if (resources !== undefined) {
      const receipt = { batchId: "b-1", recordCount: resources.length }
      return Response.json({ success: true, data: receipt }, { status: 202 })
    }
    if (customers !== undefined)
      return Response.json({ customers: customers.map(({ id }: { id: string }) => ({ id })) })
    const resource = { resourceExternalId: data.customerId }
    return Response.json({ success: true, data: request.method === "POST" ? resource : { result: resource } })
  })
  const clients = Layer.merge(
    ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) }),
    PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
  ).pipe(Layer.orDie)
  const records = (): ReadonlyArray<string> =>
    bodies.flatMap((body) => {
      const { customers, data, resources } = JSON.parse(body)
      return (customers ?? resources ?? [data]).map((record: unknown) => JSON.stringify(record))
    })
  return { records, layer: Layer.provide(clients, layer) }
}

interface Given {
  /** The record as JSON, or as a value that may be nothing of the kind. */
  readonly json: string | undefined
  readonly value: unknown
  readonly isSendable: boolean
}

const texts = oneOf([
  "c-1",
  "c-2",
  "",
  ".",
  "..",
  "batch",
  "\ud800",
  "x\udc00",
  "\ud83d",
  "\ude00\ud83d",
  "😀",
  "\\ud800",
  '\\"\\\\ud800',
  "\0",
  "\u007f\u0080",
  "\u2028\u2029",
  "\ufeff",
  "__proto__",
  "toString",
  "a/b?c#d%e&f",
  "}]{[",
  "ß漢".repeat(500),
  "x".repeat(20_000)
])

const depths = oneOf([0, 0, 1, 2, maxDepth - 2, maxDepth - 1, maxDepth, 5000, 100_000])

const nested = (depth: number, text: string): string => {
  if (depth === 0) return "null"
  const inner = '{"a":'.repeat(depth - 1) + JSON.stringify(text) + "}".repeat(depth - 1)
  return `{${JSON.stringify(text)}:${inner}}`
}

class Odd {
  get customerId(): string {
    throw new Error("zoe@example.com")
  }
}
const endless: Record<string, unknown> = { customerId: "c-1", id: "c-1" }
endless.metadata = { endless }
endless.email = endless

/** Values that no type allows, and that code may bring all the same. */
const odd: ReadonlyArray<unknown> = [
  undefined,
  null,
  7,
  7n,
  "text",
  Symbol("s"),
  () => "f",
  [],
  [{ customerId: "c-1", id: "c-1" }],
  new Odd(),
  endless,
  { customerId: 1n, id: 1n },
  { customerId: "c-1", id: "c-1", email: 1n, metadata: { big: 1n } },
  { customerId: "c-1", id: "c-1", nickname: "Zoë" },
  { customerId: "c-1", id: "c-1", "zoe@example.com": 1 },
  {
    customerId: "c-1",
    id: "c-1",
    get nickname() {
      throw new TypeError("zoe@example.com")
    }
  },
  {
    id: "c-1",
    metadata: {
      get broken() {
        throw new TypeError("zoe@example.com")
      }
    }
  },
  new Proxy(
    {},
    {
      get: () => {
        throw new RangeError("zoe@example.com")
      },
      ownKeys: () => {
        throw new RangeError("zoe@example.com")
      }
    }
  )
]

const makeReach =
  (refused: ReadonlyArray<string>, required: boolean) =>
  (id: string, text: string): Given => {
    const value = {
      customerId: id,
      firstName: text,
      ...(required ? { lastName: "", createdAt: "2024-01-15T10:30:00Z" } : {})
    }
    const isSendable = id.isWellFormed() && text.isWellFormed() && id !== "" && !refused.includes(id)
    return { json: JSON.stringify(value), value, isSendable }
  }

const makePocketflows = (id: string, text: string, depth: number): Given => {
  const json = `{"id":${JSON.stringify(id)},"metadata":${nested(depth, text)},"full_name":${JSON.stringify(text)}}`
  return {
    json,
    value: JSON.parse(json),
    isSendable: id.isWellFormed() && text.isWellFormed() && id !== "" && depth < maxDepth
  }
}

interface Tried<A, B extends Destination.Behaviour> {
  readonly to: Destination.Destination<
    A,
    B,
    ApiError.ApiError,
    ReachClient.ReachClient | PocketflowsClient.PocketflowsClient
  >
  readonly schema: Parameters<typeof CustomerFile.ndjson>[1] & { readonly Type: A }
  readonly make: (id: string, text: string, depth: number) => Given
}

/** Runs records, and says how each ended. Nothing may end the run. */
const run = <A, E, R>(
  to: Destination.Destination<
    A,
    Destination.Behaviour,
    ApiError.ApiError,
    ReachClient.ReachClient | PocketflowsClient.PocketflowsClient
  >,
  records: Stream.Stream<CustomerRecord.CustomerRecord<A>, E, R>
) =>
  Effect.gen(function* () {
    const vendor = vendors()
    const letters = DeadLetters.memory()
    const settle = to.behaviour.acceptance === "accepted" ? { settle: "accepted" as const } : {}
    const outcomes = yield* records.pipe(
      CustomerSync.outcomes({
        to,
        batch: BatchPolicy.make({ maxRecords: 4, maxBytes: 100_000 }),
        rateLimit: RateLimitPolicy.unlimited(),
        deadLetters: letters,
        // Which options there are depends on a behaviour that is not known here.
        ...(settle as object)
      }),
      Stream.runCollect,
      Effect.provide(vendor.layer)
    )
    return {
      outcomes: [...outcomes].sort((a, b) => a.offset - b.offset),
      letters: letters.letters,
      sent: vendor.records()
    }
  })

const check = (
  given: ReadonlyArray<Given>,
  {
    letters,
    outcomes,
    sent
  }: {
    readonly outcomes: ReadonlyArray<Outcome.Outcome>
    readonly letters: ReadonlyArray<DeadLetters.DeadLetter>
    readonly sent: ReadonlyArray<string>
  }
): void => {
  assert.deepStrictEqual(
    outcomes.map(({ offset }) => offset),
    given.map((_, offset) => offset)
  )
  for (const [offset, { isSendable, json }] of given.entries()) {
    const outcome = outcomes[offset]
    assert.strictEqual(outcome?._tag === "Rejected", !isSendable, `${offset}: ${outcome?._tag} ${json?.slice(0, 200)}`)
    if (outcome?._tag !== "Rejected") continue
    assert.isAbove(outcome.reason.issues.length, 0)
    assert.notInclude(JSON.stringify(outcome), "zoe@example.com")
    const letter = letters.find((letter) => letter.offset === offset)
    const line = JSON.stringify(letter)
    assert.isString(JSON.stringify(JSON.parse(line).record.value), "a letter can be written and read")
  }
  assert.deepStrictEqual(
    [...sent].sort(),
    given.flatMap(({ isSendable, json }) => (isSendable && json !== undefined ? [json] : [])).sort()
  )
}

const boundary = <A, B extends Destination.Behaviour>(name: string, { make, schema, to }: Tried<A, B>) => {
  // Its literal types say which options are lawful; none of them is used here.
  const destination = to as unknown as Parameters<typeof run<A, never, never>>[0]

  describe(name, () => {
    const most = { minLength: 12, maxLength: 12 }
    const records: [
      Arbitrary.Arbitrary<Array<string>>,
      Arbitrary.Arbitrary<Array<string>>,
      Arbitrary.Arbitrary<Array<number>>
    ] = [Arbitrary.array(texts, most), Arbitrary.array(texts, most), Arbitrary.array(depths, most)]
    const givenOf = (ids: ReadonlyArray<string>, names: ReadonlyArray<string>, depths: ReadonlyArray<number>) =>
      ids.map((id, index) => make(id, names[index] ?? "", depths[index] ?? 0))

    it.effect.prop(
      "a line of NDJSON is sent as it is, or rejected",
      records,
      ([ids, names, depths]) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const given = givenOf(ids, names, depths)
          const path = yield* fs.makeTempFileScoped({ suffix: ".ndjson" })
          yield* fs.writeFileString(path, given.map(({ json }) => `${json}\n`).join(""))
          check(
            given,
            yield* run<A, unknown, FileSystem.FileSystem>(
              destination,
              CustomerFile.read(path, schema, { allowSuspicious: Suspicious.checks })
            )
          )
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      { arbitrary: { runs: 25 } }
    )

    it.effect.prop(
      "so is a value",
      records,
      ([ids, names, depths]) =>
        Effect.gen(function* () {
          const given = givenOf(ids, names, depths)
          const decoded = CustomerFile.ndjson(
            Stream.make(new TextEncoder().encode(given.map(({ json }) => `${json}\n`).join(""))),
            schema,
            { allowSuspicious: Suspicious.checks }
          )
          check(given, yield* run<A, unknown, never>(destination, decoded))
          // A value that came in another way than by its schema.
          const values = given.map((one) => ({
            ...one,
            isSendable: one.isSendable && !("createdAt" in Object(one.value))
          }))
          check(
            values,
            yield* run(
              destination,
              CustomerRecord.fromPatches(Stream.fromIterable(values.map(({ value }) => value as A)))
            )
          )
        }),
      { arbitrary: { runs: 25 } }
    )

    it.effect("what no type allows is rejected, and takes no other record with it", () =>
      Effect.gen(function* () {
        const good = make("c-9", "good", 0)
        const given = odd.flatMap((value): ReadonlyArray<Given> => [{ json: undefined, value, isSendable: false }])
        const { letters, outcomes, sent } = yield* run(
          destination,
          Stream.concat(
            CustomerRecord.fromPatches(Stream.fromIterable(given.map(({ value }) => value as A))),
            Stream.map(
              CustomerFile.ndjson(Stream.make(new TextEncoder().encode(`${good.json}\n`)), schema),
              (record) => ({ ...record, offset: given.length })
            )
          )
        )
        check([...given, good], { letters, outcomes, sent })
      })
    )
  })
}

describe("arbitrary texts, depths and sizes", () => {
  boundary("reach.batch-patch", {
    to: ReachDestination.batchPatch(),
    schema: ReachSchema.CustomerPatch,
    make: makeReach([], false)
  })
  boundary("reach.patch", {
    to: ReachDestination.patch(),
    schema: ReachSchema.CustomerPatch,
    make: makeReach([".", "..", "batch"], false)
  })
  boundary("reach.create", {
    to: ReachDestination.create(),
    schema: ReachSchema.NewCustomer,
    make: makeReach([], true)
  })
  boundary("pocketflows.batch-update", {
    to: PocketflowsDestination.batchUpdate({ business: "shop" }),
    schema: PocketflowsSchema.CustomerUpdate,
    make: makePocketflows
  })
})

describe("a destination that throws", () => {
  const failing = (): never => {
    throw new TypeError("zoe@example.com")
  }
  const patches = Array.from({ length: 12 }, (_, index) => ({ customerId: `c-${index}` }))
  const base = ReachDestination.batchPatch()
  type Base = typeof base

  /** Batches of two, one at a time, so that a permit that is not given back would be missed. */
  const sync = (to: Base) =>
    Effect.gen(function* () {
      const vendor = vendors()
      const letters = DeadLetters.memory()
      const report = yield* CustomerRecord.fromPatches(Stream.fromIterable(patches)).pipe(
        CustomerSync.run({
          to,
          settle: "accepted",
          concurrency: 1,
          batch: BatchPolicy.make({ maxRecords: 2 }),
          rateLimit: RateLimitPolicy.unlimited(),
          deadLetters: letters
        }),
        Effect.catchTag("SyncStopped", ({ reason, report }) =>
          Effect.succeed({ ...report, reason: reason instanceof Error ? reason.message : "", stopped: report.stopped })
        ),
        Effect.provide(vendor.layer)
      )
      assert.notInclude(JSON.stringify({ report, letters: letters.letters.map(({ reason }) => reason) }), "zoe@")
      return { report, letters: letters.letters }
    })

  it.effect("in one batch ends that batch, with what is known of it, and no other", () =>
    Effect.gen(function* () {
      const { letters, report } = yield* sync({
        ...base,
        send: (request) => (request.records.some(({ key }) => key === "c-5") ? failing() : base.send(request))
      })
      assert.deepInclude(report.outcomes, { Accepted: 10, Unknown: 2 })
      assert.deepStrictEqual(
        letters.map(({ batch, key, reason }) => [batch, key, reason.tag, reason.message]),
        ["c-4", "c-5"].map((key) => [
          3,
          key,
          "Defect",
          "reach.batch-patch threw (TypeError) while batch 3 was under way; whether it was applied is not known. Check at the vendor before you send it again."
        ])
      )
    })
  )

  it.effect("in batch after batch stops the run, which says so", () =>
    Effect.gen(function* () {
      const { report } = yield* sync({ ...base, send: () => Effect.die("zoe@example.com") })
      assert.deepInclude(report.outcomes, { Unknown: 6, Unsent: 6 })
      assert.strictEqual(report.stopped, "DestinationFailed")
    })
  )

  for (const [part, to] of [
    ["key", { ...base, key: failing }],
    ["encode", { ...base, encode: failing }]
  ] as const) {
    it.effect(`in ${part}, rejects the record`, () =>
      Effect.gen(function* () {
        const { report } = yield* sync(to)
        assert.deepInclude(report.outcomes, { Rejected: 12 })
        assert.isUndefined(report.stopped)
      })
    )
  }

  for (const part of ["settle", "named", "claims"] as const) {
    it.effect(`in ${part}, ends the batch`, () =>
      Effect.gen(function* () {
        const { layer } = FakeClient.make((request) =>
          part === "settle"
            ? Response.json({ data: { batchId: "b-1", recordCount: 2 } }, { status: 202 })
            : Response.json({ message: bodyOf(request) }, { status: 400 })
        )
        const reach = ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) })
        const to: Destination.Destination<
          ReachSchema.CustomerPatch,
          Destination.Behaviour & { readonly acceptance: "accepted" },
          ApiError.ApiError,
          ReachClient.ReachClient
        > = {
          ...base,
          behaviour: part === "claims" ? { ...base.behaviour, failures: "dependent" } : base.behaviour,
          [part]: failing
        }
        const outcomes = yield* CustomerRecord.fromPatches(Stream.fromIterable(patches.slice(0, 2))).pipe(
          CustomerSync.outcomes({
            to,
            rateLimit: RateLimitPolicy.unlimited(),
            settle: SettlePolicy.make({ firstPoll: 1 })
          }),
          Stream.runCollect,
          TestClock.withLive,
          Effect.provide(Layer.provide(reach, layer))
        )
        assert.deepStrictEqual(
          outcomes.map((outcome) => ("reason" in outcome ? outcome.reason.tag : outcome._tag)),
          ["Defect", "Defect"]
        )
      })
    )
  }
})
