import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Result } from "effect"
import { VendorAnswer } from "../../src/http/ApiError.ts"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import { Fault, Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as Outgoing from "../support/Outgoing.ts"

const client = PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
const sandboxed = (options?: Sandbox.Options) =>
  Effect.provide(Layer.provideMerge(client, SandboxClient.layer({ keepBodies: true, ...options })))

const to = PocketflowsDestination.batchUpdate({ business: "biz" })

const seed = (...ids: ReadonlyArray<string>) =>
  Sandbox.Sandbox.use((sandbox) =>
    sandbox.seedPocketflows(
      "biz",
      ids.map((id) => ({ id, email_address: `${id}@example.com`, full_name: "Before" }))
    )
  )

const three = Outgoing.make(to, [
  { id: "p-1", full_name: "Zoë" },
  { id: "p-2", email_address: null, metadata: { plan: "gold", visits: [1] } },
  { id: "p-3", phone_number: "+1" }
])

const answering = (customers: ReadonlyArray<{ readonly id: string }>) => ({
  faults: [
    {
      fault: Fault.respond({
        status: 200,
        body: {
          customers: customers.map((customer) => ({
            external_id: null,
            email_address: null,
            phone_number: null,
            full_name: null,
            metadata: {},
            unsubscribed: null,
            ...customer
          }))
        }
      })
    }
  ]
})

describe("batchUpdate", () => {
  it.effect("sends the body as it is, and counts the customers of the answer", () =>
    Effect.gen(function* () {
      yield* seed("p-1", "p-2", "p-3")
      assert.deepStrictEqual(yield* to.send(three), { recordCount: 3, batchId: undefined })
      const sandbox = yield* Sandbox.Sandbox
      const requests = yield* sandbox.requests
      assert.deepStrictEqual(
        requests.map(({ body, method, path }) => [method, path, body]),
        [
          [
            "POST",
            "/businesses/biz/customers/batch_update",
            '{"customers":[{"id":"p-1","full_name":"Zoë"},{"id":"p-2","email_address":null,"metadata":{"plan":"gold","visits":[1]}},{"id":"p-3","phone_number":"+1"}]}'
          ]
        ]
      )
      assert.strictEqual(requests[0]?.body, Outgoing.text(three))
      const customers = yield* sandbox.pocketflowsCustomers("biz")
      assert.deepInclude(customers.get("p-1"), { full_name: "Zoë", email_address: "p-1@example.com" })
    }).pipe(sandboxed())
  )

  for (const [name, ids, recordCount] of [
    ["fewer customers", ["p-1", "p-3"], 2],
    ["no customers", [], 0],
    ["other customers", ["p-1", "p-2", "q-3"], 2],
    ["one customer three times", ["p-1", "p-1", "p-1"], 1],
    ["the same customers in another order, and one more", ["p-3", "q-1", "p-2", "p-1"], 3]
  ] as const) {
    it.effect(`joins the answer on id: ${name} count for ${recordCount}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* to.send(three)).recordCount, recordCount)
      }).pipe(sandboxed(answering(ids.map((id) => ({ id })))))
    )
  }

  it.effect("an address that two would have refuses the batch, nothing is applied, and both are named", () =>
    Effect.gen(function* () {
      yield* seed("p-1", "p-2", "p-3")
      const clash = Outgoing.make(to, [
        { id: "p-1", email_address: "same@example.com" },
        { id: "p-2", full_name: "After" },
        { id: "p-3", email_address: "same@example.com" }
      ])
      const error = yield* Effect.flip(to.send(clash))
      assert.strictEqual(error._tag, "UnprocessableContent")
      assert.isTrue(to.refusals?.includes(error._tag))
      const answer = error._tag === "UnprocessableContent" ? Redacted.value(error.answer) : assert.fail()
      assert.deepStrictEqual(to.named(answer, ["p-1", "p-2", "p-3"]), [0, 2])
      assert.deepStrictEqual(yield* Sandbox.Sandbox.use(({ writes }) => writes), [])
    }).pipe(sandboxed())
  )

  it.effect("an unknown id refuses the batch, and is named by its position", () =>
    Effect.gen(function* () {
      yield* seed("p-1", "p-3")
      const error = yield* Effect.flip(to.send(three))
      const answer = error._tag === "UnprocessableContent" ? Redacted.value(error.answer) : assert.fail(error._tag)
      assert.deepStrictEqual(to.named(answer, ["p-1", "p-2", "p-3"]), [1])
    }).pipe(sandboxed())
  )

  it.effect("an answered batch is applied, so that settling asks nobody", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* to.settle("b", 3), { _tag: "Applied" })
      assert.deepStrictEqual(yield* Sandbox.Sandbox.use(({ requests }) => requests), [])
    }).pipe(sandboxed())
  )

  it("an update that does not fit is not encoded, and the reason does not hold it", () => {
    // What untyped code may hand over.
    const update = { id: "p-1", email_address: 415_555 } as unknown as Parameters<typeof to.encode>[0]
    const encoded = to.encode(update)
    const issues = Result.isFailure(encoded) ? encoded.failure : []
    assert.deepStrictEqual(
      issues.map(({ path }) => path),
      [["email_address"]]
    )
    assert.notInclude(JSON.stringify(issues), "415555")
  })

  it("merges two updates, the later field winning, and null is a value", () => {
    assert.deepStrictEqual(
      to.merge({ id: "p", full_name: "A", email_address: "a@b" }, { id: "p", email_address: null, phone_number: "+1" }),
      { id: "p", full_name: "A", email_address: null, phone_number: "+1" }
    )
    assert.deepStrictEqual(to.merge({ id: "p", metadata: { a: 1 } }, { id: "p", full_name: "A" }), {
      id: "p",
      metadata: { a: 1 },
      full_name: "A"
    })
  })

  it("two updates that both hold metadata are merged only where metadata is known to be replaced", () => {
    const pair = [
      { id: "p", metadata: { a: 1 } },
      { id: "p", metadata: { b: 2 } }
    ] as const
    assert.isUndefined(to.merge(...pair))
    assert.isUndefined(to.merge({ id: "p", metadata: null }, pair[1]))
    const known = PocketflowsDestination.batchUpdate({ business: "biz", replacesMetadata: true })
    assert.deepStrictEqual(known.merge(...pair), pair[1])
  })

  it.effect("merging equals sending one after the other", () =>
    Effect.gen(function* () {
      const known = PocketflowsDestination.batchUpdate({ business: "biz", replacesMetadata: true })
      const sandbox = yield* Sandbox.Sandbox
      const values = [undefined, null, "x"] as const
      const pairs = values.flatMap((first) => values.map((second) => [first, second] as const))
      for (const [first, second] of pairs) {
        const update = (value: string | null | undefined) => ({
          id: "p-1",
          ...(value === undefined ? {} : { full_name: value, metadata: value === null ? null : { [value]: 1 } })
        })
        const [earlier, later] = [update(first), update(second)]
        const merged = known.merge(earlier, later) ?? assert.fail("They must merge.")
        const ends: Array<unknown> = []
        for (const sends of [[earlier, later], [merged]]) {
          yield* sandbox.reset
          yield* seed("p-1")
          for (const one of sends) yield* known.send(Outgoing.make(known, [one]))
          ends.push((yield* sandbox.pocketflowsCustomers("biz")).get("p-1"))
        }
        assert.deepStrictEqual(ends[0], ends[1])
      }
    }).pipe(sandboxed())
  )

  it("an email address is claimed, in one form, and nothing else is", () => {
    assert.deepStrictEqual(to.claims?.({ id: "p", email_address: "Ada@Example.com" }), ["email:ada@example.com"])
    assert.deepStrictEqual(to.claims?.({ id: "p", email_address: null, phone_number: "+1", full_name: "Ada" }), [])
  })

  it("two businesses have different fingerprints and limits of their own", () => {
    const other = PocketflowsDestination.batchUpdate({ business: "other", maxRecords: 7 })
    assert.notStrictEqual(other.fingerprint, to.fingerprint)
    assert.deepStrictEqual([other.vendor, other.tenant, to.tenant], ["Pocketflows", "other", "biz"])
    assert.deepStrictEqual([other.maxRecords, to.maxRecords], [7, 1000])
  })
})

describe("named", () => {
  const named = (...errors: ReadonlyArray<string>) =>
    to.named(new VendorAnswer({ message: "", errors, body: "" }), ["p-1", "p-2", "2", "ada"])

  for (const [error, expected] of [
    ['customers "p-1" and "2" would have one email_address', [0, 2]],
    ['customers[3] (id "p-1") does not exist', [3]],
    ["customers.1.email_address is taken", [1]],
    ["customer p-2 does not exist", [1]],
    ["2 customers are not valid", []],
    ["ada is not valid", []],
    ['"p-1", "p-2" and "ada" are not valid', []],
    ["customers[4] is not valid", []]
  ] as const) {
    it(`${error}: ${JSON.stringify(expected)}`, () => assert.deepStrictEqual<unknown>(named(error), expected))
  }
})
