import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { PocketflowsSchema, ReachSchema, Suspicious, TextKind } from "../../../src/index.ts"
import { edges } from "../../../src/source/read/SuspiciousFields.ts"
import { readCsv, readNdjson, told } from "../support.ts"

const spoiled: { readonly [check in Suspicious.Check]: ReadonlyArray<string> } = {
  "white-space": [" 2 ", "3\u00a0", "   ", "\t4", "5\u200b", "\ufeff6", "7\u3000", "8\u2009"],
  apostrophe: ["'+14155550101", "'7000000000001", "'"],
  scientific: ["1.23457E+12", "1,23457E+12", "1E+12", "1.41556E+10", "1.2e+012", "+1.4E+10"],
  "error-value": ["#N/A", "#REF!", "#n/a", "#NAME?", "#DIV/0!", "########", "#GETTING_DATA"],
  formula: ['="0042"', "=+14155550101", "=A2"]
}

// Unusual, and meant: nothing of them is taken for spoiled.
const meant = [
  "0042",
  "+14155550101",
  "(415) 555-0101",
  "9007199254740993",
  "1e3",
  "12e4567",
  "1E12",
  "1.5",
  "2024-01-15",
  "01/02/03",
  "#1001",
  "#NA",
  "a=b=",
  "O'Neil",
  "c 1",
  "a+b",
  "null",
  "-"
]

const row = (cell: string) => `"${cell.replaceAll('"', '""')}"`

describe("a spoiled id or phone number", () => {
  const cases = Suspicious.checks.flatMap((check) => spoiled[check].map((text) => [check, text] as const))

  it.effect.each(cases)("is rejected: %s, %j", ([check, text]) =>
    Effect.gen(function* () {
      assert.strictEqual(Suspicious.of(text), check)
      const json = JSON.stringify(text)
      for (const [field, records] of [
        ["customerId", yield* readCsv(`customerId\n${row(text)}\nc-2\n`, ReachSchema.CustomerPatch)],
        ["phone", yield* readCsv(`customerId,phone\nc-1,${row(text)}\nc-2,+1\n`, ReachSchema.CustomerPatch)],
        ["id", yield* readCsv(`id\n${row(text)}\nc-2\n`, PocketflowsSchema.CustomerUpdate)],
        ["phone_number", yield* readCsv(`id,phone_number\nc-1,${row(text)}\nc-2,\n`, PocketflowsSchema.CustomerUpdate)],
        ["customerId", yield* readNdjson(`{"customerId":${json}}\n{"customerId":"c-2"}\n`, ReachSchema.CustomerPatch)],
        [
          "phone",
          yield* readNdjson(`{"customerId":"c-1","phone":${json}}\n{"customerId":"c-2"}\n`, ReachSchema.CustomerPatch)
        ]
      ] as const) {
        const [record, other] = records
        assert.strictEqual(records.length, 2)
        assert.strictEqual(other?._tag, "Valid")
        if (record?._tag !== "Invalid") return assert.fail(`${field} was taken`)
        assert.strictEqual(record.reason._tag, "Suspicious")
        assert.deepStrictEqual(
          record.reason.issues.map(({ path }) => path),
          [[field]]
        )
        const message = record.reason.issues[0]?.message ?? ""
        assert.include(message, `allowSuspicious: ["${check}"]`)
        // What it says may be logged; what was read is kept as it was.
        assert.notInclude(message, text.trim() === "" || text === "'" ? "\n" : text)
        if (record.input.format !== "cells" && record.input.format !== "json") return assert.fail("is not kept")
        assert.deepInclude(record.input.value, { [field]: text })
      }
    })
  )

  it.effect.each(cases)("passes as it is where that is allowed by name: %s, %j", ([check, text]) =>
    Effect.gen(function* () {
      for (const allow of Suspicious.checks) {
        const records = yield* readCsv(`customerId,phone\n${row(text)},${row(text)}\n`, ReachSchema.CustomerPatch, {
          allowSuspicious: [allow]
        })
        assert.deepStrictEqual(told(records), [allow === check ? { customerId: text, phone: text } : "Suspicious"])
      }
    })
  )

  it.effect("is told from what is meant, which is passed on to the letter", () =>
    Effect.gen(function* () {
      for (const text of meant) assert.isUndefined(Suspicious.of(text), text)
      const patches = meant.map((text) => ({ customerId: text, firstName: text, phone: text }))
      const csv = patches.map(({ customerId }) => Array.from({ length: 3 }, () => row(customerId)).join(","))
      assert.deepStrictEqual(
        told(yield* readCsv(`customerId,firstName,phone\n${csv.join("\n")}`, ReachSchema.CustomerPatch)),
        patches
      )
      const ndjson = patches.map((patch) => JSON.stringify(patch)).join("\n")
      assert.deepStrictEqual(told(yield* readNdjson(ndjson, ReachSchema.CustomerPatch)), patches)
    })
  )

  it.effect("is looked for in the fields that a schema says, after it has decoded them", () =>
    Effect.gen(function* () {
      const Contact = Schema.Struct({
        mobile: Schema.optionalKey(Schema.NullOr(TextKind.annotate(Schema.Trim, "phone"))),
        code: TextKind.annotate(Schema.NonEmptyString, "id").check(Schema.isMaxLength(20)),
        name: Schema.String
      })
      assert.deepStrictEqual(told(yield* readCsv("code,mobile,name\nc-1, 1 ,=1\n'c-2,1,a\nc-3,'1,a\n", Contact)), [
        { code: "c-1", mobile: "1", name: "=1" },
        "Suspicious",
        "Suspicious"
      ])
      const Either = Schema.Union([Schema.Struct({ a: Schema.String }), Contact])
      assert.deepStrictEqual(told(yield* readCsv("code,name\n'c-2,a\n", Either)), ["Suspicious"])
      // What has no fields has none to look at.
      const Nothing = Schema.NullOr(Schema.Struct({ id: TextKind.annotate(Schema.String, "id") }))
      assert.deepStrictEqual(told(yield* readNdjson("null\n", Nothing)), [null])
    })
  )

  it("can have its first and last characters only where these say so", () => {
    for (let unit = 0; unit < 0x1_0000; unit++) {
      const text = String.fromCharCode(unit)
      const may = Suspicious.of(text) !== undefined || text === "#"
      assert.strictEqual(edges[unit], may ? 1 : 0, unit.toString(16))
    }
  })
})
