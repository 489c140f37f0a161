import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Option, Result, Schema, SchemaGetter } from "effect"
import { OwnFields, PocketflowsSchema, ReachSchema } from "../../src/index.ts"
import * as InputIssue from "../../src/json/InputIssue.ts"
import * as StructEncoder from "../../src/json/StructEncoder.ts"
import * as StructWriter from "../../src/json/StructWriter.ts"
import { oneOf } from "../source/support.ts"

const optional = Schema.optionalKey

type Case = readonly [name: string, schema: Schema.Codec<unknown, unknown>, nulls: ReadonlyArray<string>]

const schemas: readonly [Case, ...ReadonlyArray<Case>] = [
  ["Reach's patch", ReachSchema.CustomerPatch, ["email", "phone", "customerDetailUrl"]],
  ["Reach's new customer", ReachSchema.NewCustomer, []],
  ["Pocketflows' update", PocketflowsSchema.CustomerUpdate, ["email_address", "metadata"]],
  [
    "a struct with checks, nulls that it does not take, and undefined",
    Schema.Struct({
      email: optional(Schema.String.check(Schema.isMinLength(2))),
      firstName: Schema.String,
      lastName: Schema.optional(Schema.String),
      emailOptOut: optional(Schema.NullOr(Schema.Boolean))
    }),
    ["email", "firstName", "emailOptOut"]
  ],
  [
    "a struct that writes what is absent",
    Schema.Struct({
      customerId: Schema.String,
      email: optional(Schema.String).pipe(
        Schema.decodeTo(optional(Schema.String), {
          decode: SchemaGetter.passthrough(),
          encode: SchemaGetter.transformOptional((email: Option.Option<string>) =>
            Option.orElseSome(email, () => "none")
          )
        })
      )
    }),
    []
  ],
  ["a struct with a name in it that JSON escapes", Schema.Struct({ 'a"b': Schema.String }), []],
  [
    "a struct with numbers, times that may be null, and words",
    Schema.Struct({
      customerId: optional(Schema.NullOr(Schema.Number)),
      id: optional(Schema.Finite),
      email: optional(Schema.NullOr(Schema.Int)),
      phone: optional(Schema.NullOr(Schema.Literals(["c-1", "c-2"]))),
      createdAt: optional(Schema.NullOr(OwnFields.DateTime))
    }),
    ["customerId", "email", "createdAt"]
  ],
  ["no struct", Schema.String, []]
]

const names = [
  "customerId",
  "id",
  "firstName",
  "lastName",
  "email",
  "email_address",
  "phone",
  "emailOptOut",
  "smsOptOut",
  "createdAt",
  "metadata",
  'a"b',
  "unknown"
]

const value = oneOf([
  undefined,
  undefined,
  undefined,
  null,
  null,
  "",
  "c-1",
  "c-1",
  "Zoë Иванова 李娜 😀",
  "\u007f\u0080\u07ff\u0800\uffee\uffff\ufffd",
  'a "quote"',
  "a \\ and a\nline",
  "half \ud83d",
  true,
  false,
  1.5,
  -0,
  1e21,
  1e-7,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  {},
  DateTime.makeUnsafe("2024-01-15T10:30:00.001Z"),
  DateTime.makeUnsafe("2024-01-15T10:30:00Z"),
  DateTime.makeUnsafe(-1),
  DateTime.makeUnsafe("9999-12-31T23:59:59.999Z"),
  DateTime.makeUnsafe(8.64e15),
  DateTime.makeZonedUnsafe(0, { timeZone: "Europe/Berlin" }),
  new Date(0)
])

// What such a field takes.
const fitting = (name: string): unknown => {
  if (name.endsWith("OptOut")) return true
  return name === "createdAt" ? DateTime.makeUnsafe("2024-01-15T10:30:00Z") : "Zoë 李娜 😀"
}

const decoder = new TextDecoder()

/** What it writes from the third byte on, and that no other is touched. */
const write = (writer: StructWriter.StructWriter, input: unknown, size = 2000): string | undefined => {
  const bytes = new Uint8Array(size).fill(1)
  const end = writer(input, bytes, 2)
  assert.isTrue(bytes.subarray(0, 2).every((byte) => byte === 1))
  return end === StructWriter.unusual ? undefined : decoder.decode(bytes.subarray(2, end))
}

const customer = {
  customerId: "c-1",
  firstName: "Zoë",
  lastName: "李娜 😀",
  createdAt: DateTime.makeUnsafe("2024-01-15T10:30:00Z"),
  email: null,
  phone: "",
  emailOptOut: true,
  smsOptOut: false,
  customerDetailUrl: "https://shop.example.com/1"
}

const writerOf = (schema: Schema.Codec<unknown, unknown>, nulls: ReadonlyArray<string> = []) => {
  const writer = StructWriter.make(schema, nulls)
  if (writer === undefined) throw new Error("There is no writer for this schema.")
  return writer
}

const reach = writerOf(ReachSchema.CustomerPatch, ["email"])

describe("StructWriter", () => {
  let written = 0
  it.effect.prop(
    "writes what the schema's own way encodes, to the byte, or nothing",
    [
      oneOf(schemas),
      Arbitrary.array(value, { minLength: names.length, maxLength: names.length }),
      Arbitrary.array(oneOf([true, true, true, false]), { minLength: names.length, maxLength: names.length }),
      oneOf([true, false, false]),
      oneOf([true, false, false, false])
    ],
    ([[name, schema, nulls], values, fits, keepUndefined, keepOthers]) =>
      Effect.sync(() => {
        const isField = InputIssue.names(schema.ast)
        const entries = names
          .map((key, index) => [key, fits[index] ? fitting(key) : values[index]] as const)
          // As a rule nothing but its own fields, or hardly any would fit.
          .filter(([key]) => keepOthers || isField.has(key))
        const input = Object.fromEntries(entries.filter(([, one]) => keepUndefined || one !== undefined))
        const writer = StructWriter.make(schema, nulls)
        const text = writer && write(writer, input)
        if (text === undefined) return
        written++
        assert.deepStrictEqual(StructEncoder.json(schema)(input), Result.succeed(text), name)
      }),
    { arbitrary: { runs: 3000, size: 60 } }
  )

  it("has work to do: it wrote some of them", () => {
    assert.isAbove(written, 300)
  })

  it("writes a usual record: dates, allowed nulls, any character that JSON does not escape", () => {
    assert.strictEqual(
      write(reach, customer),
      '{"customerId":"c-1","firstName":"Zoë","lastName":"李娜 😀","createdAt":"2024-01-15T10:30:00Z","email":null,"phone":"","emailOptOut":true,"smsOptOut":false,"customerDetailUrl":"https://shop.example.com/1"}'
    )
    assert.strictEqual(write(reach, { smsOptOut: true, customerId: "c-1" }), '{"customerId":"c-1","smsOptOut":true}')
  })

  it("writes numbers, and times where null is taken too; a number that JSON has no form for is left to the schema", () => {
    const Acme = ReachSchema.extend({ visits: Schema.Finite, balance: Schema.Number, lastVisit: OwnFields.DateTime })
    const acme = writerOf(Acme.CustomerPatch)
    const lastVisit = DateTime.makeUnsafe("2024-01-15T10:30:00.5Z")
    assert.strictEqual(
      write(acme, { customerId: "c-1", visits: -0, balance: 1e21, lastVisit }),
      '{"customerId":"c-1","visits":0,"balance":1e+21,"lastVisit":"2024-01-15T10:30:00.500Z"}'
    )
    for (const balance of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.isUndefined(write(acme, { customerId: "c-1", balance }))
    }
  })

  const unusual: ReadonlyArray<readonly [what: string, value: unknown]> = [
    ["another field", { ...customer, nickname: "Zoë" }],
    ["an undefined field", { ...customer, phone: undefined }],
    ["a null in a field that was not named", { ...customer, emailOptOut: null }],
    ["a required field that is absent", { email: null }],
    ["an empty text where there must be one", { ...customer, customerId: "" }],
    ["a quote", { ...customer, firstName: 'Zoë "Z"' }],
    ["a line break", { ...customer, firstName: "Zoë\n" }],
    ["a backslash", { ...customer, firstName: "Zoë\\" }],
    ["half of a surrogate pair", { ...customer, firstName: "Zoë \ud83d" }],
    ["a date that RFC 3339 cannot write", { ...customer, createdAt: DateTime.makeUnsafe(8.64e15) }],
    ["a date of a zone", { ...customer, createdAt: DateTime.makeZonedUnsafe(0, { timeZone: "Europe/Berlin" }) }],
    ["an inherited field", Object.create({ customerId: "c-1" })],
    [
      "another field beside one that is not enumerable",
      Object.defineProperty({ customerId: "c-1", nickname: "Zoë" }, "email", { value: "a@b.c" })
    ],
    ["no object", "c-1"],
    ["nothing", null],
    ["an array", []]
  ]
  for (const [what, value] of unusual) {
    it(`leaves ${what} to the schema`, () => assert.isUndefined(write(reach, value)))
  }

  it("writes nothing where there is no room, wherever that ends", () => {
    const bytes = new TextEncoder().encode(write(reach, customer)).length
    assert.isDefined(write(reach, customer, 2 + bytes))
    for (let size = 2; size < 2 + bytes; size++) assert.isUndefined(write(reach, customer, size), `${size}`)
  })

  it("is only for plain structs", () => {
    for (const schema of [
      Schema.Struct({}),
      Schema.String,
      Schema.Struct({ a: optional(Schema.String) }).pipe(Schema.encodeKeys({ a: "A" })),
      Schema.Record(Schema.String, Schema.String)
    ]) {
      assert.isUndefined(StructWriter.make(schema))
    }
  })
})
