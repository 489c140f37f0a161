import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { PocketflowsSchema, ReachSchema } from "../../../src/index.ts"
import { readCsv, told } from "../support.ts"

describe("cells", () => {
  const Kinds = Schema.Struct({
    text: Schema.optionalKey(Schema.NullOr(Schema.String)),
    flag: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    count: Schema.optionalKey(Schema.NullOr(Schema.Number)),
    object: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
    list: Schema.optionalKey(Schema.Array(Schema.Number)),
    either: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
    choice: Schema.optionalKey(Schema.Literals(["true", "7"])),
    grade: Schema.optionalKey(Schema.Literals([1, 2]))
  })
  const cell = (field: string, text: string, options: object = {}) =>
    Effect.map(readCsv(`${field}\n"${text.replaceAll('"', '""')}"\n`, Kinds, options), (records) => told(records)[0])

  it.effect.each([
    ["text", "null", "null"],
    ["text", "true", "true"],
    ["text", "0012", "0012"],
    ["text", " padded ", " padded "],
    ["flag", "true", true],
    ["flag", "TRUE", true],
    ["flag", "False", false],
    ["flag", "1", true],
    ["flag", "0", false],
    ["flag", "yes", "SchemaMismatch"],
    ["flag", "null", "SchemaMismatch"],
    ["count", "12", 12],
    ["count", "-1.5e3", -1500],
    ["count", ".5", 0.5],
    ["count", "+7", 7],
    ["count", "1e999", "SchemaMismatch"],
    ["count", "0x10", "SchemaMismatch"],
    ["count", " 1", "SchemaMismatch"],
    ["count", "Infinity", "SchemaMismatch"],
    ["count", "1,5", "SchemaMismatch"],
    ["object", '{"a":[1,null,"b"]}', { a: [1, null, "b"] }],
    ["object", "null", null],
    ["object", "{a:1}", "SchemaMismatch"],
    ["object", "[1]", "SchemaMismatch"],
    ["list", "[1,2]", [1, 2]],
    ["either", "12", "12"],
    ["choice", "true", "true"],
    ["choice", "7", "7"],
    ["grade", "2", 2],
    ["grade", "3", "SchemaMismatch"]
  ] as const)("a %s of %j is read as %j", ([field, text, expected]) =>
    Effect.gen(function* () {
      const read = yield* cell(field, text)
      assert.deepStrictEqual(read, expected === "SchemaMismatch" ? expected : { [field]: expected })
    })
  )

  it.effect("that are empty are absent, null or the empty text, as asked, for all or by field", () =>
    Effect.gen(function* () {
      const row = "customerId,email,phone,emailOptOut\nc-1,,,\n"
      const read = (options: object) => Effect.map(readCsv(row, ReachSchema.CustomerPatch, options), told)
      assert.deepStrictEqual(yield* read({}), [{ customerId: "c-1" }])
      assert.deepStrictEqual(yield* read({ empty: "absent" }), [{ customerId: "c-1" }])
      assert.deepStrictEqual(yield* read({ empty: "null" }), [
        { customerId: "c-1", email: null, phone: null, emailOptOut: null }
      ])
      assert.deepStrictEqual(yield* read({ empty: { email: "null", phone: "text" } }), [
        { customerId: "c-1", email: null, phone: "" }
      ])
      assert.deepStrictEqual(yield* read({ empty: "text" }), ["SchemaMismatch"])
    })
  )

  it.effect("that do not fit are all named, and the record comes as it was read", () =>
    Effect.gen(function* () {
      const [record] = yield* readCsv(
        "email,smsOptOut,createdAt,customerId\na@example.com,maybe,2024-02-30T00:00:00Z,\n",
        ReachSchema.CustomerPatch
      )
      assert.deepStrictEqual(record, {
        _tag: "Invalid",
        offset: 0,
        line: 2,
        position: { offset: 0, place: { byte: 37, line: 2 } },
        reason: {
          _tag: "SchemaMismatch",
          issues: [
            { path: ["smsOptOut"], message: "Expected true or false, in any case, or 1 or 0" },
            { path: ["customerId"], message: "Missing key" },
            {
              path: ["createdAt"],
              message: "Expected an RFC 3339 date-time with an offset, such as 2024-01-15T10:30:00Z"
            }
          ]
        },
        input: {
          format: "cells",
          value: { customerId: "", createdAt: "2024-02-30T00:00:00Z", email: "a@example.com", smsOptOut: "maybe" }
        },
        row: {
          cells: [
            ["email", "a@example.com"],
            ["smsOptOut", "maybe"],
            ["createdAt", "2024-02-30T00:00:00Z"],
            ["customerId", ""]
          ]
        }
      })
    })
  )

  it.effect("of every column of both vendors become their types", () =>
    Effect.gen(function* () {
      const [reach] = told(
        yield* readCsv(
          "createdAt,customerId,email,phone,firstName,lastName,emailOptOut,smsOptOut,customerDetailUrl\n" +
            '2024-01-15T12:30:00+02:00,c-1,a@example.com,+14155550100,"Ann ""A"" Ö",null,true,0,https://example.com/c-1\n',
          ReachSchema.CustomerPatch
        )
      )
      assert.deepStrictEqual(JSON.parse(JSON.stringify(reach)), {
        customerId: "c-1",
        firstName: 'Ann "A" Ö',
        lastName: "null",
        createdAt: "2024-01-15T10:30:00.000Z",
        email: "a@example.com",
        phone: "+14155550100",
        emailOptOut: true,
        smsOptOut: false,
        customerDetailUrl: "https://example.com/c-1"
      })
      const [pocketflows] = told(
        yield* readCsv('id;metadata\n1;"{""tier"":""gold""}"\n', PocketflowsSchema.CustomerUpdate, { delimiter: ";" })
      )
      assert.deepStrictEqual(pocketflows, { id: "1", metadata: { tier: "gold" } })
    })
  )

  it.effect("under a name that objects treat specially are fields like others", () =>
    Effect.gen(function* () {
      const Row = Schema.Record(Schema.String, Schema.String)
      const [record] = told(yield* readCsv("__proto__,constructor,toString\n1,2,3\n", Row))
      assert.deepStrictEqual(Object.entries(record ?? {}), [
        ["__proto__", "1"],
        ["constructor", "2"],
        ["toString", "3"]
      ])
      const ignored = yield* readCsv("id,__proto__,constructor\n1,2,3\n", PocketflowsSchema.CustomerUpdate, {
        otherColumns: "ignore"
      })
      assert.deepStrictEqual(told(ignored), [{ id: "1" }])
      const [mismatch] = yield* readCsv("__proto__\nx\n", Schema.Record(Schema.String, Schema.Number))
      assert.isTrue(mismatch?._tag === "Invalid" && Object.hasOwn(Object(mismatch.input.value), "__proto__"))
    })
  )

  it.effect("decode as the schema decodes the same values, also with defaults, classes and unions", () =>
    Effect.gen(function* () {
      class Person extends Schema.Class<Person>("Person")({
        id: Schema.String,
        tier: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("none"))),
        age: Schema.optionalKey(Schema.Number)
      }) {}
      const [person] = told(yield* readCsv("id,tier,age\n1,,40\n", Person))
      assert.deepStrictEqual(person, new Person({ id: "1", tier: "none", age: 40 }))
      const Either = Schema.Union([
        Schema.Struct({ kind: Schema.Literal("a"), size: Schema.Number }),
        Schema.Struct({ kind: Schema.Literal("b"), name: Schema.String })
      ])
      assert.deepStrictEqual(told(yield* readCsv("kind,size,name\na,1,\nb,,2\n", Either)), [
        { kind: "a", size: 1 },
        { kind: "b", name: "2" }
      ])
    })
  )
})
