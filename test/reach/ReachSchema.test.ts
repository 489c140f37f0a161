import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import * as InputIssue from "../../src/json/InputIssue.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"

type Wire = { readonly [field: string]: unknown }

const uuid = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

const customer: Wire = {
  customerId: "c-1",
  email: "ada@example.com",
  phone: "+14155550100",
  firstName: "Ada",
  lastName: "Lovelace",
  emailOptOut: false,
  smsOptOut: true,
  customerDetailUrl: "https://example.com/c-1",
  createdAt: "2024-01-15T10:30:00Z"
}

const resource: Wire = {
  id: uuid,
  schema_definition_id: "schema",
  schemaDefinitionId: "schema",
  platform_id: "platform",
  platformId: "platform",
  business_id: "business",
  businessId: "business",
  resource_external_id: "c-1",
  resourceExternalId: "c-1",
  created_at: "2024-01-15 10:30:00",
  createdAt: "2024-01-15 10:30:00",
  updated_at: "2024-01-16 10:30:00",
  updatedAt: "2024-01-16 10:30:00",
  data: customer
}

const without = (wire: Wire, ...fields: ReadonlyArray<string>): Wire =>
  Object.fromEntries(Object.entries(wire).filter(([field]) => !fields.includes(field)))

const decodeResource = Schema.decodeUnknownEffect(ReachSchema.CustomerResource)
const decodeStatus = Schema.decodeUnknownEffect(ReachSchema.BatchStatus)

/** Where decoding fails. */
const failing = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, wire: unknown) =>
  Schema.decodeUnknownEffect(schema)(wire).pipe(
    Effect.flip,
    Effect.map((error) => {
      assert.strictEqual(error._tag, "SchemaError")
      return InputIssue.fromSchemaIssue(error.issue).map(({ path }) => path.join("."))
    })
  )

describe("CustomerResource", () => {
  const clean = [
    "businessId",
    "createdAt",
    "data",
    "id",
    "platformId",
    "resourceExternalId",
    "schemaDefinitionId",
    "updatedAt"
  ]

  it.effect("shows one name a field, and no deprecated twin", () =>
    Effect.gen(function* () {
      const read = yield* decodeResource(resource)
      assert.deepStrictEqual(Object.keys(read).sort(), clean)
      assert.strictEqual(read.resourceExternalId, "c-1")
      assert.strictEqual(read.data?.email, "ada@example.com")
    })
  )

  it.effect("passes over fields that are not documented", () =>
    Effect.gen(function* () {
      const read = yield* decodeResource({ ...resource, shard: 7, data: { ...customer, loyaltyTier: "gold" } })
      assert.deepStrictEqual(read, yield* decodeResource(resource))
      assert.isFalse("loyaltyTier" in (read.data ?? {}))
    })
  )

  const twins = ["schema_definition_id", "platform_id", "business_id", "created_at", "updated_at"]

  it.effect.each([...twins.map((twin) => ({ absent: [twin] })), { absent: twins }])(
    "reads the same without deprecated twins: %j",
    ({ absent }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* decodeResource(without(resource, ...absent)), yield* decodeResource(resource))
      })
  )

  it.effect.each(["id", "schemaDefinitionId", "platformId", "businessId", "createdAt", "updatedAt", "data"])(
    "is read without %s, and with null there: nobody needs it",
    (field) =>
      Effect.gen(function* () {
        assert.notProperty(yield* decodeResource(without(resource, field)), field)
        assert.propertyVal(yield* decodeResource({ ...resource, [field]: null }), field, null)
      })
  )

  it.effect.each(["resource_external_id", "resourceExternalId"])("needs only one external id, not %s", (absent) =>
    Effect.gen(function* () {
      const read = yield* decodeResource(without(resource, absent))
      assert.strictEqual(read.resourceExternalId, "c-1")
    })
  )

  it.effect("an answer that says nothing of the customer is read as that", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decodeResource({}), {})
      assert.deepStrictEqual((yield* decodeResource({ data: {} })).data, {})
      const odd = { ...customer, createdAt: "15 January 2024" }
      assert.deepStrictEqual<unknown>((yield* decodeResource({ ...resource, data: odd })).data, odd)
    })
  )

  it.effect("is written with both names of each field, as the page shows it", () =>
    Effect.gen(function* () {
      const read = yield* decodeResource(resource)
      assert.deepStrictEqual(yield* Schema.encodeEffect(ReachSchema.CustomerResource)(read), resource)
    })
  )

  it.effect("is read with and without included customers", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(ReachSchema.PatchedCustomer)
      assert.isFalse("included" in (yield* decode({ result: resource })))
      const related = without(resource, ...twins, "resource_external_id")
      const { included = [] } = yield* decode({ result: resource, included: [related, resource] })
      assert.strictEqual(included.length, 2)
      assert.deepStrictEqual(included[0], included[1])
    })
  )
})

describe("BatchStatus", () => {
  const progress = {
    totalRecords: 3,
    processedRecords: 3,
    successfulRecords: 2,
    pendingRecords: 0,
    failedRecords: 1,
    successRate: 66.7
  }
  const status: Wire = {
    batchId: "b-1",
    status: "success",
    batchType: "PARTNER_RESOURCE_BATCH_PATCH",
    progress,
    completedAt: "2024-01-15T10:30:00Z",
    startedAt: "2024-01-15T10:29:00Z",
    createdAt: "2024-01-15T10:28:00Z",
    schemaName: "customers",
    schemaDefinitionId: "schema",
    errors: { summary: {}, details: {}, message: "" },
    pendingResources: []
  }

  it.effect("reads a full answer as it is", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* decodeStatus(status), status)
    })
  )

  it.effect("reads values that nobody documented", () =>
    Effect.gen(function* () {
      const read = yield* decodeStatus({ ...status, status: "PARTIAL_FAILURE", batchType: "PARTNER_RESOURCE_MERGE" })
      assert.strictEqual(read.status, "PARTIAL_FAILURE")
      assert.strictEqual(read.batchType, "PARTNER_RESOURCE_MERGE")
    })
  )

  it.effect("reads older answers, which lack fields", () =>
    Effect.gen(function* () {
      const older = {
        ...without(status, "startedAt", "createdAt", "schemaName", "schemaDefinitionId", "pendingResources"),
        progress: without(progress, "pendingRecords")
      }
      assert.deepStrictEqual<unknown>(yield* decodeStatus(older), older)
      const least = { batchId: "b-1", status: "success" }
      assert.deepStrictEqual<unknown>(yield* decodeStatus(least), least)
    })
  )

  it.effect("reads null where something has not happened yet", () =>
    Effect.gen(function* () {
      const early = {
        ...status,
        status: "queued",
        progress: null,
        completedAt: null,
        startedAt: null,
        errors: null,
        pendingResources: null
      }
      assert.deepStrictEqual<unknown>(yield* decodeStatus(early), early)
    })
  )

  it.effect.each([
    { summary: { E42: 1 } },
    { details: [{ index: 0 }, "text"] },
    { summary: "2 failed", details: null }
  ])("reads errors of any shape: %j", (errors) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>((yield* decodeStatus({ ...status, errors })).errors, errors)
    })
  )

  it.effect("passes over fields that are not documented", () =>
    Effect.gen(function* () {
      const pending = { id: "p-1", missingDependencies: [{ id: "d-1" }, "d-2"] }
      const read = yield* decodeStatus({ ...status, retries: 2, pendingResources: [{ ...pending, queue: "q" }] })
      assert.deepStrictEqual<unknown>(read, { ...status, pendingResources: [pending] })
    })
  )

  it.effect("fails on a null or missing batchId, and says so; no other field is needed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failing(ReachSchema.BatchStatus, { ...status, batchId: null }), ["batchId"])
      assert.deepStrictEqual(yield* failing(ReachSchema.BatchStatus, without(status, "batchId")), ["batchId"])
      for (const field of Object.keys(without(status, "batchId"))) {
        yield* decodeStatus(without(status, field))
        yield* decodeStatus({ ...status, [field]: null })
      }
    })
  )
})

describe("BatchReceipt", () => {
  const receipt = { batchId: "b-1", message: "accepted", recordCount: 2, schemaDefinitionId: "schema" }

  it.effect("is read without what is not documented", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(ReachSchema.BatchReceipt)
      assert.deepStrictEqual(yield* decode({ ...receipt, queuedAt: "now" }), receipt)
    })
  )

  it.effect.each(["message", "schemaDefinitionId"])(
    "is read without %s, and with null there: nobody needs it",
    (field) =>
      Effect.gen(function* () {
        const decode = Schema.decodeUnknownEffect(ReachSchema.BatchReceipt)
        assert.notProperty(yield* decode(without(receipt, field)), field)
        assert.propertyVal(yield* decode({ ...receipt, [field]: null }), field, null)
      })
  )

  it.effect.each(["batchId", "recordCount"])("fails on a null or missing %s, and says so", (field) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failing(ReachSchema.BatchReceipt, { ...receipt, [field]: null }), [field])
      assert.deepStrictEqual(yield* failing(ReachSchema.BatchReceipt, without(receipt, field)), [field])
    })
  )
})

describe("what is sent", () => {
  const required = {
    NewCustomer: ["customerId", "firstName", "lastName", "createdAt"],
    CustomerPatch: ["customerId"],
    CustomerChanges: []
  } as const

  const { CustomerChanges, CustomerPatch, NewCustomer } = ReachSchema
  const schemas = { NewCustomer, CustomerPatch, CustomerChanges }

  for (const shape of ["NewCustomer", "CustomerPatch", "CustomerChanges"] as const) {
    const schema = schemas[shape]

    it.effect(`${shape}: null is refused on the fields of the default schema that are required`, () =>
      Effect.gen(function* () {
        for (const field of required.NewCustomer) {
          assert.deepStrictEqual(yield* failing(schema, { ...customer, [field]: null }), [field])
        }
      })
    )

    it.effect(`${shape}: what has to be there is missed`, () =>
      Effect.gen(function* () {
        for (const field of required[shape]) {
          assert.deepStrictEqual(yield* failing(schema, without(customer, field)), [field])
        }
        yield* Schema.decodeUnknownEffect(schema)(
          Object.fromEntries(required[shape].map((field) => [field, customer[field]]))
        )
      })
    )

    it.effect(`${shape}: an empty customerId and values of other types are refused`, () =>
      Effect.gen(function* () {
        for (const [field, value] of [
          ["customerId", ""],
          ["customerId", 1],
          ["email", false],
          ["emailOptOut", "true"],
          ["smsOptOut", 0],
          ["createdAt", 1_705_314_600_000],
          ["createdAt", "2024-01-15T10:30:00"],
          ["createdAt", "2024-02-30T10:30:00Z"]
        ] as const) {
          assert.deepStrictEqual(yield* failing(schema, { ...customer, [field]: value }), [field])
        }
      })
    )

    it.effect(`${shape}: null, absent and a value stay what they are in every combination`, () =>
      Effect.gen(function* () {
        const decode = Schema.decodeUnknownEffect(schema)
        const encode = Schema.encodeEffect(schema)
        const least = Object.fromEntries(required[shape].map((field) => [field, customer[field]]))
        const deletable = ["email", "phone", "emailOptOut", "smsOptOut", "customerDetailUrl"]
        const wires = deletable.reduce<ReadonlyArray<Wire>>(
          (before, field) =>
            before.flatMap((wire) => [wire, { ...wire, [field]: null }, { ...wire, [field]: customer[field] }]),
          [least]
        )
        assert.strictEqual(wires.length, 3 ** 5)
        for (const wire of wires) {
          const read = yield* decode(wire)
          assert.deepStrictEqual(Object.keys(read).sort(), Object.keys(wire).sort())
          assert.deepStrictEqual<unknown>(yield* encode(read), wire)
        }
      })
    )
  }

  // Any instant whose year has the four digits of RFC 3339.
  const instant = Schema.UndefinedOr(
    Schema.Int.check(
      Schema.isBetween({ minimum: Date.parse("0000-01-01T00:00:00Z"), maximum: Date.parse("9999-12-31T23:59:59.999Z") })
    )
  )

  it.effect.prop(
    "a patch survives being sent: same fields, same nulls, same instant",
    [CustomerPatch, instant],
    ([any, millis]) =>
      Effect.gen(function* () {
        const { createdAt: _, ...others } = any
        const patch = millis === undefined ? others : { ...others, createdAt: DateTime.makeUnsafe(millis) }
        const wire = yield* Schema.encodeEffect(CustomerPatch)(patch)
        const { createdAt, ...rest } = wire
        assert.deepStrictEqual(rest, others)
        assert.strictEqual("createdAt" in wire, millis !== undefined)
        if (createdAt !== undefined) {
          assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/)
          assert.strictEqual(Date.parse(createdAt), millis)
        }
        const body: unknown = JSON.parse(JSON.stringify(wire))
        const again = yield* Schema.decodeUnknownEffect(CustomerPatch)(body)
        assert.deepStrictEqual(yield* Schema.encodeEffect(CustomerPatch)(again), wire)
      })
  )

  it.effect.each([
    ["2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"],
    ["2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00Z"],
    ["2024-01-14T22:45:00-11:45", "2024-01-15T10:30:00Z"],
    ["2024-01-01T00:15:00+05:30", "2023-12-31T18:45:00Z"],
    ["2024-01-15t10:30:00.5z", "2024-01-15T10:30:00.500Z"]
  ])("createdAt keeps its instant and is sent in UTC: %j", ([text = "", utc = ""]) =>
    Effect.gen(function* () {
      const { createdAt } = yield* Schema.decodeUnknownEffect(ReachSchema.NewCustomer)({ ...customer, createdAt: text })
      assert.strictEqual(DateTime.toEpochMillis(createdAt), Date.parse(utc))
      const sent = yield* Schema.encodeEffect(ReachSchema.CustomerPatch)({ customerId: "c-1", createdAt })
      assert.strictEqual(sent.createdAt, utc)
    })
  )
})
