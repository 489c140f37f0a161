import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, SchemaTransformation } from "effect"
import { PocketflowsSchema, ReachSchema } from "../../src/index.ts"
import * as CopiedText from "../../src/json/CopiedText.ts"
import { DateTimeUtc } from "../../src/json/Rfc3339.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

const copies = (schema: Schema.Top, text: string) =>
  CopiedText.of(schema.ast)?.(bytesOf(`xx${text}yy`), 2, 2 + bytesOf(text).length)

describe("CopiedText", () => {
  it("takes every text of a plain string, one that must not be empty, or one that may be null", () => {
    for (const schema of [
      Schema.String,
      Schema.NonEmptyString,
      Schema.NullOr(Schema.String),
      Schema.optionalKey(Schema.NullOr(Schema.String))
    ]) {
      assert.isTrue(copies(schema, "a"))
    }
  })

  it("knows nothing of a text that is checked, changed, or no text at all", () => {
    for (const schema of [
      Schema.String.check(Schema.isMinLength(2)),
      Schema.String.check(Schema.isMaxLength(1)),
      Schema.NonEmptyString.check(Schema.isMaxLength(1)),
      Schema.String.check(Schema.makeFilter((text) => text !== "a")),
      Schema.Trim,
      Schema.NumberFromString,
      Schema.Boolean,
      Schema.Union([Schema.Literal("a"), Schema.NonEmptyString]),
      Schema.Union([DateTimeUtc, Schema.String]),
      Schema.NullOr(Schema.Trim),
      Schema.NullOr(Schema.Literal("a")).check(Schema.makeFilter(() => false)),
      Schema.Literal("a").pipe(
        Schema.encodeTo(
          Schema.String,
          SchemaTransformation.transform({ decode: () => "a" as const, encode: () => "b" })
        )
      ),
      Schema.Unknown,
      DateTimeUtc.check(Schema.makeFilter(() => false)),
      Schema.String.pipe(Schema.decodeTo(Schema.String, SchemaTransformation.trim()))
    ]) {
      assert.isUndefined(CopiedText.of(schema.ast))
    }
  })

  it.effect.prop(
    "a date-time that it takes is decoded, and encoded as the same text",
    [
      Arbitrary.map(
        Arbitrary.all({
          year: Arbitrary.schema(Schema.Literals(["0000", "0001", "1900", "2000", "2023", "2024", "9999", "20x4"])),
          month: Arbitrary.schema(Schema.Literals(["00", "01", "02", "04", "12", "13"])),
          day: Arbitrary.schema(Schema.Literals(["00", "01", "28", "29", "30", "31", "32"])),
          time: Arbitrary.schema(
            Schema.Literals(["T00:00:00", "T23:59:59", "T24:00:00", "T23:60:00", "T23:59:60", "t01:01:01", " 01:01:01"])
          ),
          zone: Arbitrary.schema(Schema.Literals(["Z", "Z", "z", "+00:00", ".000Z", ""]))
        }),
        ({ day, month, time, year, zone }) => `${year}-${month}-${day}${time}${zone}`
      )
    ],
    ([text]) =>
      Effect.sync(() => {
        const decoded = Schema.decodeUnknownResult(DateTimeUtc)(text)
        const same = decoded._tag === "Success" && Schema.encodeSync(DateTimeUtc)(decoded.success) === text
        assert.strictEqual(copies(Schema.optionalKey(DateTimeUtc), text), same)
        assert.strictEqual(copies(Schema.optionalKey(Schema.NullOr(DateTimeUtc)), text), same)
      }),
    { arbitrary: { runs: 500 } }
  )

  it("takes the words of a schema that has nothing but these", () => {
    const tiers = Schema.NullOr(Schema.Literals(["silver", "gold", "Zoë"]))
    for (const schema of [tiers, Schema.optionalKey(tiers), Schema.Union([Schema.Literal("silver"), tiers])]) {
      for (const word of ["silver", "gold", "Zoë"]) assert.isTrue(copies(schema, word))
      for (const word of ["", "Gold", "golden", "gol", "silvergold", "Zoe"]) assert.isFalse(copies(schema, word))
    }
    assert.isTrue(copies(Schema.Literal("a"), "a"))
    assert.isFalse(copies(Schema.Literal("a"), "b"))
  })

  it("knows every field of both vendors' patches but the free-form one", () => {
    const known = (fields: { readonly [name: string]: Schema.Top }) =>
      Object.entries(fields)
        .filter(([, { ast }]) => CopiedText.of(ast) !== undefined)
        .map(([name]) => name)
        .sort()
    assert.deepStrictEqual(known(ReachSchema.CustomerPatch.fields), [
      "createdAt",
      "customerDetailUrl",
      "customerId",
      "email",
      "firstName",
      "lastName",
      "phone"
    ])
    assert.deepStrictEqual(known(PocketflowsSchema.CustomerUpdate.fields), [
      "email_address",
      "full_name",
      "id",
      "phone_number"
    ])
  })
})
