import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect } from "effect"
import { BatchPolicy, CustomerFile, Mapping, ReachDestination, ReachSchema } from "../../../src/index.ts"
import * as Encode from "../../../src/sync/record/Encode.ts"
import * as Encoding from "../Encoding.ts"
import { bytesOf, oneOf } from "../support.ts"

const to = ReachDestination.batchPatch({ tenant: "acme" })
const encoder = () => Encode.encoder(BatchPolicy.make({ maxBytes: 1_000_000, maxRecords: 500 }), to)

const header = ["ID", "First name", "Accepts", "SMS", "Tier", "createdAt"]

const ids = oneOf([
  "c-1",
  "'c-9",
  "ID",
  "1.2E+12",
  " c-2",
  "c-3  ",
  '" c-4 "',
  "\u00a0c-5",
  "c-6\u2003",
  "é-7",
  "c-8é ",
  "あ",
  " ",
  '""'
])
const texts = oneOf([
  "Ada",
  " Zoë ",
  '"  "',
  "",
  "   ",
  "李娜 ",
  "\u3000Ada",
  "\u00a0Ada",
  "Zoë\u00a0",
  "Ada\ufeff",
  "\tAda",
  "a b",
  " null "
])
const words = oneOf([
  "yes",
  "YES",
  " No ",
  "y",
  "1",
  "0",
  "TRUE",
  "off",
  '"on"',
  "",
  " ",
  "maybe",
  "ÿes",
  "yes\u00a0",
  '"y""s"'
])
const tiers = oneOf(["gold", "GOLD", " silver", "nothing", "bronze", "Ünder", "ünder", ""])
const dates = oneOf(["2024-01-15T10:30:00Z", " 2024-01-15T10:30:00Z ", "2024-01-15T12:30:00+02:00", "", "2024"])

// What is copied, with and without spaces around it; and one cell in some rows that may be for the mapper.
const usual = Arbitrary.all([
  oneOf(["c-1", " c-2", "c-3  ", '" c-4 "', "é-5"]),
  oneOf(["Ada", " Zoë ", '"a, b "', "李娜 "]),
  oneOf(["yes", "NO", " y", "1 "]),
  oneOf(["on", "Off ", "no"]),
  oneOf(["gold", "GOLD ", "silver"]),
  oneOf(["2024-01-15T10:30:00Z", " 2024-01-15T10:30:00Z "])
])
const odd = Arbitrary.all([ids, texts, words, words, tiers, dates])
const rows = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([usual, odd, oneOf([-1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8])]), {
    minLength: 8,
    maxLength: 24
  }),
  (rows) =>
    rows.map(([usual, odd, at]) => {
      if (at === 6) return header.map((name) => (name === "ID" ? " ID " : name))
      // A row that ends too soon.
      if (at === 7) return [...usual].slice(0, 1 + (odd[0].length % 5))
      return usual.map((cell, index) => (index === at ? ([...odd][index] ?? cell) : cell))
    })
)
const flags = Arbitrary.all({
  trim: oneOf([true, false]),
  means: oneOf(["optIn", "optOut"]),
  empty: oneOf(["absent", "null", "text"]),
  otherTrim: oneOf([true, false, undefined]),
  end: oneOf(["\n", "\r\n"])
})
const sizes = Arbitrary.array(oneOf([1, 3, 13, 40, 200, 1000]), { minLength: 1, maxLength: 3 })

describe("a CSV that is copied through a mapping", () => {
  it.effect.prop(
    "gives what reading each row by itself gives, whatever stands around and in its cells",
    [rows, flags, sizes],
    ([rows, { empty, end, means, otherTrim, trim }, sizes]) =>
      Effect.gen(function* () {
        const mapping = Mapping.schema(
          {
            fields: {
              customerId: { from: "ID", trim, numberAsText: true },
              firstName: { from: "First name", empty, trim: otherTrim },
              emailOptOut: { from: "Accepts", words: "yes/no", means },
              smsOptOut: { from: "SMS", words: { yes: "optIn", on: "optIn", no: "optOut", off: "optOut", "0": null } },
              lastName: { from: "Tier", words: { gold: "A 😀", silver: 'b "1"', ünder: "'c", bronze: "" } }
            },
            defaults: { trim: true },
            otherColumns: "ignore"
          } as Mapping.Mapping<CustomerFile.FieldOf<typeof ReachSchema.CustomerPatch>>,
          ReachSchema.CustomerPatch
        )
        const bytes = bytesOf([header.join(","), ...rows.map((cells) => cells.join(",")), ""].join(end))
        yield* Encoding.assertSame(Encoding.both("a.csv", mapping, encoder, {}), bytes, sizes)
      }),
    { arbitrary: { runs: 100, size: 60 } }
  )

  const columns = "ID,Name,Accepts\n"
  const usual = (i: number) => ` c-${i} ,Zoë,${["yes", "No", " Y "][i % 3]}\n`
  const decoded = (mapping: Mapping.Mapping, row: (index: number) => string) =>
    Effect.map(
      Encoding.decoded(
        "a.csv",
        Mapping.schema(mapping, ReachSchema.CustomerPatch),
        encoder,
        bytesOf(`${columns}${Array.from({ length: 5000 }, (_, i) => row(i)).join("")}`)
      ),
      ({ count }) => count
    )

  it.effect("does not read the usual rows by themselves, where it says names, trim and words", () =>
    Effect.gen(function* () {
      const names = { customerId: { from: "ID", trim: true }, firstName: { from: "/Name" } }
      const emailOptOut = { from: "Accepts", words: "yes/no", means: "optIn" } as const
      assert.isAtMost(yield* decoded({ fields: { ...names, emailOptOut } }, usual), 4)
      assert.isAtMost(yield* decoded({ fields: names, otherColumns: "ignore" }, usual), 4)
    })
  )

  it("is not offered for what only a mapper can do", () => {
    const offers = (fields: Mapping.Mapping["fields"], more: Partial<Mapping.Mapping> = {}) =>
      CustomerFile.read("a.csv", Mapping.schema({ fields, ...more }, ReachSchema.CustomerPatch)).encoded?.(
        encoder()
      ) !== undefined
    assert.isTrue(offers({ email: { from: "E-Mail" } }))
    assert.isTrue(offers({ email: { from: "E-Mail", trim: true } }))
    for (const field of [
      { from: ["a", "b"] },
      { from: { firstOf: ["a"] } },
      { from: { constant: "x" } },
      { case: "lower" },
      { emptyWords: ["-"] },
      { deleteWords: ["NULL"] },
      { withoutPrefix: "'" },
      { empty: { default: "x" } },
      { date: "rfc3339" },
      { phone: {} }
    ] as const) {
      assert.isFalse(offers({ email: field as Mapping.FieldMapping }), JSON.stringify(field))
    }
    assert.isFalse(offers({}, { skip: [{ when: "a", is: ["b"] }] }))
    assert.isFalse(offers({ emailOptOut: { from: "Accepts", means: "optIn" } }))
  })
})
