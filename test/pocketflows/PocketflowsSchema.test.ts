import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as InputIssue from "../../src/json/InputIssue.ts"
import * as PocketflowsSchema from "../../src/pocketflows/PocketflowsSchema.ts"

type Wire = { readonly [field: string]: unknown }

const decodeCustomer = Schema.decodeUnknownEffect(PocketflowsSchema.Customer)
const decodeUpdate = Schema.decodeUnknownEffect(PocketflowsSchema.CustomerUpdate)
const encodeUpdate = Schema.encodeEffect(PocketflowsSchema.CustomerUpdate)

/** Where decoding fails. */
const failing = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, wire: unknown) =>
  Schema.decodeUnknownEffect(schema)(wire).pipe(
    Effect.flip,
    Effect.map((error) => {
      assert.strictEqual(error._tag, "SchemaError")
      return InputIssue.fromSchemaIssue(error.issue).map(({ path }) => path.join("."))
    })
  )

const without = (wire: Wire, field: string): Wire =>
  Object.fromEntries(Object.entries(wire).filter(([name]) => name !== field))

describe("Customer", () => {
  const customer: Wire = {
    id: "p-1",
    external_id: "c-1",
    email_address: "ada@example.com",
    phone_number: "+14155550100",
    full_name: "Ada Lovelace",
    metadata: { plan: "gold", visits: [1, 2], address: { city: "Zürich", floor: null } },
    unsubscribed: "campaign"
  }

  it.effect("is read as it is, without what is not documented", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* decodeCustomer({ ...customer, lists: ["a"] }), customer)
    })
  )

  it.effect.each(["future", "campaign", "forever", ""])("reads unsubscribed %j", (unsubscribed) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* decodeCustomer({ ...customer, unsubscribed })).unsubscribed, unsubscribed)
    })
  )

  it.effect("reads null in every field that may be null", () =>
    Effect.gen(function* () {
      const nothing = {
        ...customer,
        external_id: null,
        email_address: null,
        phone_number: null,
        full_name: null,
        unsubscribed: null
      }
      assert.deepStrictEqual<unknown>(yield* decodeCustomer(nothing), nothing)
    })
  )

  it.effect("fails on a null or missing id, and says so; no other field is needed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failing(PocketflowsSchema.Customer, { ...customer, id: null }), ["id"])
      assert.deepStrictEqual(yield* failing(PocketflowsSchema.Customer, without(customer, "id")), ["id"])
      assert.deepStrictEqual<unknown>(yield* decodeCustomer({ id: "p-1" }), { id: "p-1" })
      for (const field of Object.keys(without(customer, "id"))) {
        assert.notProperty(yield* decodeCustomer(without(customer, field)), field)
        assert.propertyVal(yield* decodeCustomer({ ...customer, [field]: null }), field, null)
      }
    })
  )
})

describe("CustomerUpdate", () => {
  it.effect("a null, empty or missing id is refused", () =>
    Effect.gen(function* () {
      for (const update of [{ id: null }, { id: "" }, { id: 1 }, { full_name: "Ada" }]) {
        assert.deepStrictEqual(yield* failing(PocketflowsSchema.CustomerUpdate, update), ["id"])
      }
    })
  )

  it.effect("values of other types are refused", () =>
    Effect.gen(function* () {
      for (const [field, value] of [
        ["phone_number", 1],
        ["email_address", false],
        ["full_name", ["Ada"]],
        ["metadata", "{}"],
        ["metadata", []]
      ] as const) {
        assert.deepStrictEqual(yield* failing(PocketflowsSchema.CustomerUpdate, { id: "p-1", [field]: value }), [field])
      }
    })
  )

  it.effect("null, absent and a value stay what they are in every combination", () =>
    Effect.gen(function* () {
      const values: Wire = {
        phone_number: "+14155550100",
        email_address: "",
        metadata: { nothing: null },
        full_name: "Ada"
      }
      const wires = Object.keys(values).reduce<ReadonlyArray<Wire>>(
        (before, field) =>
          before.flatMap((wire) => [wire, { ...wire, [field]: null }, { ...wire, [field]: values[field] }]),
        [{ id: "p-1" }]
      )
      assert.strictEqual(wires.length, 3 ** 4)
      for (const wire of wires) {
        const read = yield* decodeUpdate(wire)
        assert.deepStrictEqual(Object.keys(read).sort(), Object.keys(wire).sort())
        assert.deepStrictEqual<unknown>(yield* encodeUpdate(read), wire)
      }
    })
  )

  it.effect.prop("an update survives being sent", [PocketflowsSchema.CustomerUpdate], ([update]) =>
    Effect.gen(function* () {
      const wire = yield* encodeUpdate(update)
      assert.deepStrictEqual(wire, update)
      const body: unknown = JSON.parse(JSON.stringify(wire))
      assert.deepStrictEqual(JSON.stringify(yield* decodeUpdate(body)), JSON.stringify(wire))
    })
  )

  it.effect("metadata keeps a key that JavaScript gives a meaning to", () =>
    Effect.gen(function* () {
      const body: unknown = JSON.parse('{"id":"p-1","metadata":{"__proto__":{"admin":true},"constructor":1}}')
      const read = yield* decodeUpdate(body)
      assert.strictEqual(JSON.stringify(yield* encodeUpdate(read)), JSON.stringify(body))
    })
  )
})
