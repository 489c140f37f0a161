import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, Schema, SchemaParser } from "effect"
import { PocketflowsSchema, ReachSchema } from "../../../src/index.ts"
import * as Cells from "../../../src/source/read/Cells.ts"
import * as CsvCells from "../../../src/source/read/CsvCells.ts"
import * as StructDecoder from "../../../src/source/read/StructDecoder.ts"
import { oneOf } from "../support.ts"

const optional = Schema.optionalKey

const odd = {
  anything: optional(Schema.Unknown),
  checked: optional(Schema.String.check(Schema.isMinLength(2))),
  union: optional(Schema.Union([Schema.Literal("a"), Schema.String, Schema.Number])),
  oneOf: optional(Schema.Union([Schema.Literal("a"), Schema.String], { mode: "oneOf" })),
  checkedUnion: optional(Schema.Union([Schema.String, Schema.Null]).check(Schema.makeFilter((value) => value !== "b"))),
  trimmed: optional(Schema.Trim),
  transformedFirst: optional(Schema.Union([Schema.NumberFromString, Schema.String])),
  undefinedToo: Schema.optional(Schema.String),
  defaulted: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("none"))),
  defaultedType: Schema.Number.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(1))),
  option: Schema.OptionFromOptionalKey(Schema.String),
  flag: optional(Schema.Boolean),
  count: optional(Schema.Number),
  finite: optional(Schema.Finite),
  nested: optional(Schema.Struct({ a: Schema.NumberFromString })),
  instant: ReachSchema.CustomerPatch.fields.createdAt,
  toString: optional(Schema.String)
}

class Person extends Schema.Class<Person>("Person")({ flag: optional(Schema.Boolean) }) {}

const Pair = Schema.Struct({ flag: optional(Schema.Boolean), count: optional(Schema.Number) })

const schemas: ReadonlyArray<readonly [string, Schema.ConstraintDecoder<unknown>]> = [
  ["Reach's patch", ReachSchema.CustomerPatch],
  ["Pocketflows' update", PocketflowsSchema.CustomerUpdate],
  ["a struct with a check", Pair.check(Schema.makeFilter(({ flag }) => flag !== true))],
  ["a struct with other keys", Schema.StructWithRest(Pair, [Schema.Record(Schema.String, Schema.Unknown)])],
  ["a class", Person],
  ["a struct with other names outside", Pair.pipe(Schema.encodeKeys({ flag: "FLAG" }))],
  // One field each, so that many of them decode.
  ...Object.entries(odd).map(([name, field]) => [name, Schema.Struct({ [name]: field })] as const)
]

const cell = oneOf([
  "",
  "",
  "a",
  "b",
  " b ",
  "true",
  "0",
  "1",
  "-1.5",
  "null",
  "2024-01-15T10:30:00Z",
  "2024-02-30",
  "{}",
  '{"a":"1"}'
])
const value = oneOf([
  undefined,
  undefined,
  null,
  "",
  "a",
  "b",
  " b ",
  "12",
  true,
  0,
  1.5,
  "2024-01-15T10:30:00+01:00",
  {},
  { a: "1" },
  []
])
const any = oneOf([schemas[0] ?? assert.fail(), ...schemas])
const width = 9

describe("decoding field by field", () => {
  it.effect.prop(
    "gives what the schema gives, for any cells",
    [any, Arbitrary.array(cell, { minLength: width, maxLength: width }), oneOf(["absent", "null", "text"])],
    ([[, schema], cells, empty]) =>
      Effect.sync(() => {
        const { named } = Cells.fields(schema.ast)
        const columns = [...named.values()].map(({ name, takes }, index) => ({ index, field: name, takes, empty }))
        const fast = StructDecoder.cells(StructDecoder.plan(schema), columns)(cells)
        same(schema, fast, CsvCells.encode(columns, cells))
      }),
    { arbitrary: { runs: 1500, size: 60 } }
  )

  it.effect.prop(
    "gives what the schema gives, for any JSON",
    [any, Arbitrary.array(value, { minLength: width, maxLength: width })],
    ([[, schema], values]) =>
      Effect.sync(() => {
        const names = [...Cells.fields(schema.ast).named.keys()]
        const json: unknown = JSON.parse(JSON.stringify(Object.fromEntries(names.map((name, i) => [name, values[i]]))))
        same(schema, StructDecoder.json(StructDecoder.plan(schema))(json), json)
      }),
    { arbitrary: { runs: 1500, size: 60 } }
  )

  const same = (schema: Schema.ConstraintDecoder<unknown>, fast: object | undefined, encoded: unknown) => {
    if (fast === undefined) return
    const exit = SchemaParser.decodeUnknownExit(schema)(encoded)
    assert.isTrue(Exit.isSuccess(exit))
    if (Exit.isSuccess(exit)) {
      assert.deepStrictEqual(fast, exit.value)
      assert.deepStrictEqual(Object.keys(fast), Object.keys(Object(exit.value)))
    }
  }

  it("is the way that both vendors' records take, and leaves what only the schema can tell to it", () => {
    const patch = { customerId: "c-1", email: null, smsOptOut: true, createdAt: "2024-01-15T10:30:00Z" }
    const reach = StructDecoder.json(StructDecoder.plan(ReachSchema.CustomerPatch))
    assert.deepStrictEqual(reach(patch), SchemaParser.decodeUnknownSync(ReachSchema.CustomerPatch)(patch))
    for (const bad of [
      {},
      [],
      null,
      "x",
      { ...patch, email: 1 },
      { ...patch, createdAt: "x" },
      { ...patch, customerId: "" }
    ]) {
      assert.isUndefined(reach(bad))
    }
    const pocketflows = StructDecoder.json(StructDecoder.plan(PocketflowsSchema.CustomerUpdate))
    assert.deepStrictEqual(pocketflows({ id: "1", metadata: { a: [1] } }), { id: "1", metadata: { a: [1] } })
    assert.isUndefined(StructDecoder.plan(schemas[4]?.[1] ?? assert.fail()))
  })
})
