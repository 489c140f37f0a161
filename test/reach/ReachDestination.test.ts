import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { VendorAnswer } from "../../src/http/ApiError.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import { Fault, Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import type { Behaviour, Destination } from "../../src/sync/model/Destination.ts"
import * as Outgoing from "../support/Outgoing.ts"

const client = ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) })
const sandboxed = (options?: Sandbox.Options) =>
  Effect.provide(Layer.provideMerge(client, SandboxClient.layer({ keepBodies: true, ...options })))

const createdAt = DateTime.makeUnsafe("2024-01-15T12:30:00+02:00")
const zoe: ReachSchema.NewCustomer = { customerId: "c-1", firstName: "Zoë", lastName: 'O"Neil', createdAt, phone: null }
const zoeJson =
  '{"customerId":"c-1","firstName":"Zoë","lastName":"O\\"Neil","createdAt":"2024-01-15T10:30:00Z","phone":null}'

const issuesOf = (encoded: ReturnType<Destination<ReachSchema.CustomerPatch>["encode"]>) =>
  Result.isFailure(encoded) ? encoded.failure.map(({ path }) => path.join(".")) : assert.fail(encoded.success)

const requests = Sandbox.Sandbox.use((sandbox) =>
  Effect.map(sandbox.requests, (all) => all.map(({ body, method, path, query }) => [method, path + query, body]))
)

describe("batchPatch", () => {
  const to = ReachDestination.batchPatch()
  const three = Outgoing.make(to, [zoe, { customerId: "c-2", smsOptOut: true }, { customerId: "c-1", email: null }])

  it.effect("sends the body as it is, and gives the receipt", () =>
    Effect.gen(function* () {
      const receipt = yield* to.send(three)
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(receipt, { recordCount: 3, batchId: (yield* sandbox.batches)[0]?.id })
      const body = `{"resources":[${zoeJson},{"customerId":"c-2","smsOptOut":true},{"customerId":"c-1","email":null}]}`
      assert.strictEqual(Outgoing.text(three), body)
      assert.deepStrictEqual(yield* requests, [["PATCH", "/api/resources/customers/batch", body]])
    }).pipe(sandboxed())
  )

  it.effect("sends for the tenant that is asked for, with what is said of unknown fields, and so does settling", () =>
    Effect.gen(function* () {
      const other = ReachDestination.batchPatch({ tenant: "other", ignoreUnknownFields: true })
      const { batchId } = yield* other.send(three)
      yield* other.settle(batchId ?? "", 3)
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(
        (yield* sandbox.requests).map(({ query, tenant }) => [tenant, query]),
        [
          ["other", "?ignoreUnknownFields=true"],
          ["other", ""]
        ]
      )
      assert.deepStrictEqual([other.vendor, other.tenant, to.tenant], ["Reach", "other", undefined])
      assert.notStrictEqual(other.fingerprint, to.fingerprint)
    }).pipe(sandboxed())
  )

  it.effect("a receipt that counts fewer records is passed on as it is", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* to.send(three)).recordCount, 2)
    }).pipe(
      sandboxed({
        faults: [
          {
            fault: Fault.respond({
              status: 202,
              body: { success: true, data: { batchId: "b", message: "", recordCount: 2, schemaDefinitionId: "s" } }
            })
          }
        ]
      })
    )
  )

  it.effect("settles: pending, processing, and applied, through a 404 at first", () =>
    Effect.gen(function* () {
      const { batchId = "" } = yield* to.send(three)
      const seen: Array<string> = []
      for (let second = 0; second < 5; second++) {
        seen.push(
          yield* to
            .settle(batchId, 3)
            .pipe(Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: ({ _tag }) => _tag }))
        )
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(seen, ["NotFound", "Pending", "Pending", "Pending", "Applied"])
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1")?.firstName, "Zoë")
    }).pipe(sandboxed({ reach: { statusGrace: "1 second", queue: { delay: "2500 millis", processing: "1 second" } } }))
  )

  const settled = (destination: typeof to, recordCount = 3) =>
    Effect.gen(function* () {
      const { batchId = "" } = yield* destination.send(three)
      yield* TestClock.adjust("1 second")
      return yield* destination.settle(batchId, recordCount)
    })

  it.effect("a batch that stalls is pending, however long one waits", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* settled(to), { _tag: "Pending" })
      yield* TestClock.adjust("10 days")
      assert.deepStrictEqual(yield* to.settle((yield* Sandbox.Sandbox.use(({ batches }) => batches))[0]?.id ?? "", 3), {
        _tag: "Pending"
      })
    }).pipe(sandboxed({ reach: { queue: { fate: () => "stall" } } }))
  )

  it.effect("of a part that failed, the records that failed are named, with the vendor's words for dead letters", () =>
    Effect.gen(function* () {
      const settlement = yield* settled(to)
      const failures = settlement._tag === "Failed" ? settlement.failures : assert.fail(settlement._tag)
      assert.deepStrictEqual(
        failures.map(({ answer, index, key }) => ({ answer, index, key })),
        [{ answer: "c-2 is not welcome", index: 1, key: "c-2" }]
      )
      assert.notInclude(JSON.stringify(failures[0]?.reason), "c-2")
    }).pipe(
      sandboxed({
        reach: {
          invalidRecord: "fail-later",
          refuse: ({ customerId }) => (customerId === "c-2" ? "c-2 is not welcome" : undefined)
        }
      })
    )
  )

  it.effect("of a batch that failed, all records are named", () =>
    Effect.gen(function* () {
      const settlement = yield* settled(to)
      const failures = settlement._tag === "Failed" ? settlement.failures : assert.fail(settlement._tag)
      assert.deepStrictEqual(
        failures.map(({ index }) => index),
        [0, 1, 2]
      )
    }).pipe(sandboxed({ reach: { queue: { fate: () => "fail" } } }))
  )

  it.effect("a failure that names nobody is unclear, with the counts", () =>
    Effect.gen(function* () {
      const settlement = yield* settled(to)
      const reason = settlement._tag === "Unclear" ? settlement.reason : assert.fail(settlement._tag)
      assert.include(reason.message, "Of 3 records sent, Reach counts 0 successful, 3 failed, 3 in all.")
    }).pipe(sandboxed({ reach: { naming: "none", queue: { fate: () => "fail" } } }))
  )

  it.effect("a success that counts other records than were sent is not believed", () =>
    Effect.gen(function* () {
      const settlement = yield* settled(to, 4)
      const reason = settlement._tag === "Unclear" ? settlement.reason : assert.fail(settlement._tag)
      assert.strictEqual(reason.tag, "CountMismatch")
    }).pipe(sandboxed())
  )

  it.effect("the caller's decoder reads the failures", () =>
    Effect.gen(function* () {
      const own = ReachDestination.batchPatch({
        decodeFailures: () => [{ index: 1, key: undefined, reason: { tag: "Mine", message: "Mine.", issues: [] } }]
      })
      yield* Sandbox.Sandbox.use((sandbox) => sandbox.seedReach("acme", [{ customerId: "c-1" }]))
      const settlement = yield* settled(own)
      assert.strictEqual(settlement._tag === "Failed" ? settlement.failures[0].reason.tag : settlement._tag, "Mine")
    }).pipe(sandboxed({ reach: { naming: "none", unknownCustomer: "fail" } }))
  )

  it.effect("another batch's status is an unexpected answer", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(to.settle("b-1", 1)))._tag, "UnexpectedAnswer")
    }).pipe(
      sandboxed({
        faults: [
          {
            fault: Fault.respond({
              status: 200,
              body: {
                success: true,
                data: { batchId: "b-2", status: "success", progress: { totalRecords: 1, successfulRecords: 1 } }
              }
            })
          }
        ]
      })
    )
  )

  it.effect("a refusal names the records at fault", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(to.send(three))
      const answer = error._tag === "BadRequest" ? Redacted.value(error.answer) : assert.fail(error._tag)
      assert.deepStrictEqual(to.named(answer, ["c-1", "c-2", "c-1"]), [1])
      assert.deepStrictEqual(yield* Sandbox.Sandbox.use(({ batches }) => batches), [])
    }).pipe(sandboxed({ reach: { refuse: ({ customerId }) => (customerId === "c-2" ? "no" : undefined) } }))
  )

  it("a null on a consent field is not encoded, unless it is named", () => {
    assert.deepStrictEqual(issuesOf(to.encode({ customerId: "c", emailOptOut: null, smsOptOut: null })), [
      "emailOptOut",
      "smsOptOut"
    ])
    const named = ReachDestination.batchPatch({ deleteConsent: ["emailOptOut"] })
    assert.strictEqual(
      Result.getOrThrow(named.encode({ customerId: "c", emailOptOut: null })),
      '{"customerId":"c","emailOptOut":null}'
    )
    assert.notStrictEqual(named.fingerprint, to.fingerprint)
  })

  it("its fingerprint is that of what its options mean, not of how they are written", () => {
    const one = ReachDestination.batchPatch({ deleteConsent: ["smsOptOut", "emailOptOut"], ignoreUnknownFields: false })
    const other = ReachDestination.batchPatch({ deleteConsent: ["emailOptOut", "smsOptOut", "emailOptOut"] })
    assert.strictEqual(one.fingerprint, other.fingerprint)
  })

  it.effect("merging is associative and equals sending one after the other, null and absent apart", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const values = [
        {},
        { email: null },
        { email: "a@b" },
        { phone: "+1", email: "" },
        { firstName: "Zoë", phone: null }
      ]
      const patches = values.map((value): ReachSchema.CustomerPatch => ({ customerId: "c-1", ...value }))
      const merge = (earlier: ReachSchema.CustomerPatch, later: ReachSchema.CustomerPatch) =>
        to.merge(earlier, later) ?? assert.fail("They must merge.")
      const endOf = Effect.fnUntraced(function* (
        sends: readonly [ReachSchema.CustomerPatch, ...Array<ReachSchema.CustomerPatch>]
      ) {
        yield* sandbox.reset
        yield* sandbox.seedReach("acme", [{ customerId: "c-1", email: "before", phone: "before" }])
        yield* to.send(Outgoing.make(to, sends))
        yield* TestClock.adjust(1)
        return (yield* sandbox.reachCustomers("acme")).get("c-1")
      })
      for (const a of patches) {
        for (const b of patches) {
          for (const c of patches) {
            assert.deepStrictEqual(merge(merge(a, b), c), merge(a, merge(b, c)))
            assert.deepStrictEqual(yield* endOf([merge(merge(a, b), c)]), yield* endOf([a, b, c]))
          }
        }
      }
    }).pipe(sandboxed())
  )
})

describe("patch", () => {
  const to = ReachDestination.patch({ tenant: "acme" })

  it.effect("sends exactly the body that was made, and the answer is the result", () =>
    Effect.gen(function* () {
      const one = Outgoing.make(to, [{ ...zoe, customerId: "a/b é" }])
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedReach("acme", [{ customerId: "a/b é", email: "kept" }])
      assert.deepStrictEqual(yield* to.send(one), { recordCount: 1, batchId: undefined })
      assert.deepStrictEqual(yield* requests, [
        ["PATCH", "/api/resources/customers/a%2Fb%20%C3%A9", Outgoing.text(one)]
      ])
      assert.strictEqual(Outgoing.text(one), `{"data":${zoeJson.replace('"c-1"', '"a/b é"')}}`)
      assert.deepInclude((yield* sandbox.reachCustomers("acme")).get("a/b é"), { firstName: "Zoë", email: "kept" })
    }).pipe(sandboxed())
  )

  it.effect("a customer who does not exist is a refusal of that record", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(to.send(Outgoing.make(to, [zoe])))
      assert.strictEqual(error._tag, "NotFound")
      assert.isTrue(to.refusals?.includes(error._tag))
    }).pipe(sandboxed())
  )

  it.effect("an answer about somebody else counts nobody", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedReach("acme", [{ customerId: "c-2" }])
      const body = {
        success: true,
        data: {
          result: {
            id: "i",
            schemaDefinitionId: "s",
            platformId: "p",
            businessId: "b",
            resourceExternalId: "c-2",
            createdAt: "",
            updatedAt: "",
            data: (yield* sandbox.reachCustomers("acme")).get("c-2")
          }
        }
      }
      yield* sandbox.setFaults([{ fault: Fault.respond({ status: 200, body }) }])
      assert.strictEqual((yield* to.send(Outgoing.make(to, [zoe]))).recordCount, 0)
      assert.strictEqual((yield* to.send(Outgoing.make(to, [{ customerId: "c-2" }]))).recordCount, 1)
    }).pipe(sandboxed())
  )

  it("an id that would change the path is not encoded, and neither is a null on a consent field", () => {
    for (const customerId of ["batch", ".", "..", ""]) {
      assert.deepStrictEqual(issuesOf(to.encode({ customerId, phone: "+1" })), ["externalId"])
    }
    assert.deepStrictEqual(issuesOf(to.encode({ customerId: "c", smsOptOut: null })), ["smsOptOut"])
  })

  it.effect("an answered record is applied, so that settling asks nobody and an error need name nobody", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* to.settle("b", 1), { _tag: "Applied" })
      assert.deepStrictEqual(to.named(new VendorAnswer({ message: "c-1", errors: [], body: "" }), ["c-1"]), [])
      assert.deepStrictEqual([to.maxRecords, yield* requests], [1, []])
    }).pipe(sandboxed())
  )
})

describe("create", () => {
  const upsert = ReachDestination.create()
  const reject = ReachDestination.create({ onConflict: "reject" })

  it.effect("sends exactly the body that was made, and again with the same end", () =>
    Effect.gen(function* () {
      const one = Outgoing.make(upsert, [zoe])
      assert.deepStrictEqual(yield* upsert.send(one), { recordCount: 1, batchId: undefined })
      const sandbox = yield* Sandbox.Sandbox
      const before = yield* sandbox.reachCustomers("acme")
      yield* upsert.send(one)
      assert.deepStrictEqual(yield* sandbox.reachCustomers("acme"), before)
      assert.strictEqual(Outgoing.text(one), `{"data":${zoeJson}}`)
      const request = ["POST", "/api/resources/customers", Outgoing.text(one)]
      assert.deepStrictEqual(yield* requests, [request, request])
    }).pipe(sandboxed())
  )

  it.effect("with reject, a customer who exists is a refusal of that record", () =>
    Effect.gen(function* () {
      const one = Outgoing.make(reject, [zoe])
      assert.strictEqual((yield* reject.send(one)).recordCount, 1)
      const error = yield* Effect.flip(reject.send(one))
      assert.strictEqual(error._tag, "Conflict")
      assert.isTrue(reject.refusals?.includes(error._tag))
      assert.deepStrictEqual((yield* requests)[0]?.slice(0, 2), ["POST", "/api/resources/customers?onconflict=reject"])
    }).pipe(sandboxed())
  )

  it("with reject, it is unsafe to send again, nothing merges, and a checkpoint of upsert is not its own", () => {
    const expected: Behaviour = { ...upsert.behaviour, writing: "insert", resend: "unsafe" }
    assert.deepStrictEqual<Behaviour>(reject.behaviour, expected)
    assert.deepInclude(upsert.behaviour, { writing: "merge", resend: "safe" })
    assert.notStrictEqual(reject.fingerprint, upsert.fingerprint)
    assert.strictEqual(ReachDestination.create({ onConflict: "upsert" }).fingerprint, upsert.fingerprint)
  })

  it("a customer without a required field is not encoded", () => {
    // What untyped code may hand over.
    const partial = { customerId: "c-1", firstName: "Zoë" } as ReachSchema.NewCustomer
    assert.deepStrictEqual(issuesOf(upsert.encode(partial)), ["lastName", "createdAt"])
  })
})

describe("named", () => {
  const keys = ["c-1", "c-2", "3", "email", "c-2", 'q"uote', "O'Neil 7"]
  const named = (...errors: ReadonlyArray<string>) =>
    ReachDestination.batchPatch().named(new VendorAnswer({ message: "", errors, body: "" }), keys)

  for (const [error, expected] of [
    ["resources[3].email must be a string", [3]],
    ["resources[0].email and resources[2].email are equal", [0, 2]],
    ['"resources.2.email" is not allowed', [2]],
    ["/resources/1/email must be string", [1]],
    ["body.resources[3].email", []],
    ["myresources[3].email", []],
    ["resources[7].email is beyond the batch", []],
    ["resources: 3 of them are not valid", []],
    ["resources.3", []],
    ["record 3 is not valid", []],
    ["row 1: email is not valid", []],
    ["email is not valid", []],
    ["3 is not valid", []],
    ['"3" is not valid', [2]],
    ["customer c-1 does not exist.", [0]],
    ["customer c-10 does not exist", []],
    ["no such customer: 'c-2'", [1, 4]],
    ['customerId "c-1" is a duplicate of "c-2"', []],
    ['customer "q\\"uote" does not exist', [5]],
    ["customer `O'Neil 7` does not exist", [6]],
    ["resources[0].email is not c-2's", [0]],
    ["", []]
  ] as const) {
    it(`${JSON.stringify(error)}: ${JSON.stringify(expected)}`, () =>
      assert.deepStrictEqual<unknown>(named(error), expected))
  }

  it("names each record once, in order, over all errors", () => {
    assert.deepStrictEqual(named("resources[2].a", "resources[0].b", "resources[2].c", "c-1 is bad"), [0, 2])
  })

  it("believes no position where one of them is beyond the batch", () => {
    assert.deepStrictEqual(named("resources[2].a", "resources[7].b", "c-1 is bad"), [0])
  })

  it("never names more than the batch holds, and takes no time, whatever is written", () => {
    const errors = [
      ...Array.from({ length: 2000 }, (_, index) => `resources[${index % 7}].email "c-${index}"`),
      '"'.repeat(500_000),
      "'a".repeat(250_000),
      "resources[".repeat(100_000),
      "\\".repeat(500_000),
      '"\\'.repeat(500_000)
    ]
    const started = performance.now()
    assert.deepStrictEqual(named(...errors), [0, 1, 2, 3, 4, 5, 6])
    assert.isBelow(performance.now() - started, 5000)
  })
})

describe("one request", () => {
  const signed = ReachClient.layer({
    auth: ReachAuth.partnerScoped({ secret: Redacted.make("secret"), partnerId: "p", tenant: "acme" })
  })
  const single = [zoe] as const
  const batchPatch = ReachDestination.batchPatch()
  const patch = ReachDestination.patch()
  const create = ReachDestination.create()

  for (const [name, once] of [
    ["sending a batch", Effect.asVoid(batchPatch.send(Outgoing.make(batchPatch, single)))],
    ["sending a patch", Effect.asVoid(patch.send(Outgoing.make(patch, single)))],
    ["sending a customer", Effect.asVoid(create.send(Outgoing.make(create, single)))],
    ["settling", Effect.asVoid(batchPatch.settle("b", 1))]
  ] as const) {
    it.effect(`${name} is one request, also where a token is refused and another one is signed`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(once))._tag, "TokenExpired")
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(
        Effect.provide(
          Layer.provideMerge(
            signed,
            SandboxClient.layer({ faults: [{ times: 1, fault: Fault.respond({ status: 401, body: {} }) }] })
          )
        )
      )
    )
  }
})
