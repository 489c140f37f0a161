import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Result, Schema } from "effect"
import { PocketflowsSchema, ReachSchema } from "../../src/index.ts"
import * as InputIssue from "../../src/json/InputIssue.ts"
import * as StructEncoder from "../../src/json/StructEncoder.ts"
import { oneOf } from "../source/support.ts"

const optional = Schema.optionalKey

type Case = readonly [name: string, schema: Schema.ConstraintEncoder<unknown>]

const schemas: readonly [Case, ...ReadonlyArray<Case>] = [
  ["Reach's patch", ReachSchema.CustomerPatch],
  ["Reach's new customer", ReachSchema.NewCustomer],
  ["Pocketflows' update", PocketflowsSchema.CustomerUpdate],
  [
    "a struct with checks",
    Schema.Struct({ a: optional(Schema.String.check(Schema.isMinLength(2))), b: optional(Schema.Finite) })
  ],
  [
    "a struct with other names outside",
    Schema.Struct({ a: optional(Schema.String) }).pipe(Schema.encodeKeys({ a: "A" }))
  ],
  [
    "a struct with undefined",
    Schema.Struct({ a: Schema.optional(Schema.String), b: optional(Schema.NumberFromString) })
  ],
  ["a struct with an inherited name", Schema.Struct({ toString: optional(Schema.String) })],
  ["no struct", Schema.NullOr(Schema.String)]
]

const names = [
  "customerId",
  "id",
  "firstName",
  "lastName",
  "email",
  "email_address",
  "emailOptOut",
  "smsOptOut",
  "createdAt",
  "metadata",
  "a",
  "b",
  "unknown"
]

const value = oneOf([
  undefined,
  undefined,
  null,
  "",
  "c-1",
  'Zoë "😀"\n',
  true,
  1.5,
  Number.NaN,
  {},
  { deep: [1, null] },
  DateTime.makeUnsafe("2024-01-15T10:30:00.001Z"),
  DateTime.makeUnsafe(-1),
  DateTime.makeUnsafe(8.64e15)
])

describe("StructEncoder.json", () => {
  it.effect.prop(
    "gives what the schema's own encoder gives where no other field is lawful, text or issues",
    [
      oneOf(schemas),
      Arbitrary.array(value, { minLength: names.length, maxLength: names.length }),
      oneOf([true, false]),
      oneOf([true, false, false, false])
    ],
    ([[name, schema], values, keepUndefined, keepOthers]) =>
      Effect.sync(() => {
        const isField = InputIssue.names(schema.ast)
        const entries = names
          .map((key, index) => [key, values[index]] as const)
          // As a rule nothing but its own fields, or hardly any would fit.
          .filter(([key]) => keepOthers || isField.has(key))
        const input = Object.fromEntries(entries.filter(([, one]) => keepUndefined || one !== undefined))
        const expected = Schema.encodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(input)
        const encoded = StructEncoder.json(schema)(input)
        assert.strictEqual(Result.isSuccess(encoded), Result.isSuccess(expected), name)
        if (Result.isSuccess(encoded) && Result.isSuccess(expected)) {
          assert.strictEqual(encoded.success, JSON.stringify(expected.success), name)
        }
      }),
    { arbitrary: { runs: 1500, size: 60 } }
  )

  const nested = Schema.Struct({ id: Schema.String, address: optional(Schema.Struct({ city: Schema.String })) })

  it("a field that would not be sent is refused by name, however deep; what no schema names is not repeated", () => {
    const issues = (value: unknown) => {
      const encoded = StructEncoder.json(nested)(value)
      return Result.isFailure(encoded) ? encoded.failure.map(({ path }) => path) : "sent"
    }
    assert.deepStrictEqual(issues({ id: "1", nickname: "Zoë" }), [["nickname"]])
    assert.deepStrictEqual(issues({ id: "1", address: { city: "Ulm", zip: "1" } }), [["address", "zip"]])
    assert.deepStrictEqual(issues({ id: "1", "zoe@example.com": true }), [["*"]])
    assert.strictEqual(issues({ id: "1", address: { city: "Ulm" } }), "sent")
    const metadata = StructEncoder.json(PocketflowsSchema.CustomerUpdate)({ id: "1", metadata: { "zoe@x": 1n } })
    assert.deepStrictEqual(metadata, Result.fail([{ path: ["metadata", "*"], message: "Expected JSON value" }]))
  })

  it("a schema that leaves its names open sends all of them", () => {
    const open = Schema.StructWithRest(Schema.Struct({ id: Schema.String }), [
      Schema.Record(Schema.String, Schema.String)
    ])
    assert.deepStrictEqual(
      StructEncoder.json(open)({ id: "1", plan: "gold" }),
      Result.succeed('{"id":"1","plan":"gold"}')
    )
  })

  it("refuses a number that JSON would make null of, which would delete the field, wherever it stands", () => {
    const schema = Schema.Struct({
      a: optional(Schema.NullOr(Schema.Number)),
      b: optional(Schema.Array(Schema.Struct({ c: Schema.Number }))),
      d: optional(Schema.Unknown)
    })
    const encode = StructEncoder.json(schema)
    const message = "Expected a finite number"
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.deepStrictEqual(encode({ a: number }), Result.fail([{ path: ["a"], message }]))
      assert.deepStrictEqual(encode({ b: [{ c: 1 }, { c: number }] }), Result.fail([{ path: ["b", 1, "c"], message }]))
      assert.deepStrictEqual(encode({ a: 1, d: { e: number } }), Result.fail([{ path: ["d", "*"], message }]))
    }
    assert.deepStrictEqual(encode({ a: 1.5, b: [{ c: -0 }] }), Result.succeed('{"a":1.5,"b":[{"c":0}]}'))
    assert.deepStrictEqual(encode({ a: null }), Result.succeed('{"a":null}'))
  })

  it("refuses what is no object, with the schema's words", () => {
    for (const input of [null, [], "text", undefined]) {
      assert.isTrue(Result.isFailure(StructEncoder.json(ReachSchema.CustomerPatch)(input)))
    }
  })

  it("has work to do: a usual record goes the short way", () => {
    const patch = { customerId: "c-1", email: null, createdAt: DateTime.makeUnsafe(1705314600000) }
    const encoded = StructEncoder.json(ReachSchema.CustomerPatch)(patch)
    assert.deepStrictEqual(
      encoded,
      Result.succeed('{"customerId":"c-1","createdAt":"2024-01-15T10:30:00Z","email":null}')
    )
  })
})
