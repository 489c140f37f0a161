import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ReachSchema } from "../../../src/index.ts"
import { readCsv, readNdjson, told } from "../support.ts"

describe("the header", () => {
  const header = (text: string, options: object = {}) =>
    readCsv(text, ReachSchema.CustomerPatch, options).pipe(
      Effect.flip,
      Effect.map((error) => {
        assert.strictEqual(error._tag, "InvalidHeader")
        return error._tag === "InvalidHeader" ? error.issues.map(({ kind, message }) => `${kind}: ${message}`) : []
      })
    )

  it.effect("of an empty source is missing, and so are its records: no error, as of an NDJSON", () =>
    Effect.gen(function* () {
      for (const text of ["", "\uFEFF\r\n\n"]) {
        assert.deepStrictEqual(yield* readCsv(text, ReachSchema.CustomerPatch), [])
        assert.deepStrictEqual(yield* readNdjson(text, ReachSchema.CustomerPatch), [])
      }
    })
  )

  it.effect("alone is a source without records", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* readCsv("customerId", ReachSchema.CustomerPatch), [])
      assert.deepStrictEqual(yield* readCsv("customerId,email\r\n", ReachSchema.CustomerPatch), [])
    })
  )

  it.effect("refuses a column that is no field, names it, and says what is near and what to do", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* header("customerId,emial,Notes\nc-1,a@example.com,hi\n"), [
        'Unknown: Column 2, "emial", is no field. Did you mean email? Rename it, map it with columns: { email: "emial" }, or leave such columns out with otherColumns: "ignore".',
        'Unknown: Column 3, "Notes", is no field. Map it with columns, or leave such columns out with otherColumns: "ignore".'
      ])
      assert.deepStrictEqual(yield* header("customerId,email,\n"), [
        'Unknown: Column 3, which has no name, is no field. Map it with columns, or leave such columns out with otherColumns: "ignore".'
      ])
    })
  )

  it.effect("names no more columns than can be read", () =>
    Effect.gen(function* () {
      const issues = yield* header(`customerId,${Array.from({ length: 500 }, (_, i) => `other ${i}`).join(",")}\n`)
      assert.strictEqual(issues.length, 9)
      assert.strictEqual(issues[8], "Unknown: So are 492 more columns.")
    })
  )

  it.effect("ignores other columns on request, of any number and name", () =>
    Effect.gen(function* () {
      const records = yield* readCsv("Notes,customerId,,Notes,\nhi,c-1,x,y,z\n", ReachSchema.CustomerPatch, {
        otherColumns: "ignore"
      })
      assert.deepStrictEqual(told(records), [{ customerId: "c-1" }])
    })
  )

  it.effect("must have a column for each field that every record needs", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* header("email\n"), [
        'Missing: Every record needs customerId, and no column is named so. Add it, or map one with columns: { customerId: "…" }.'
      ])
    })
  )

  it.effect("must not name a column twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* header("customerId,email,email\n"), [
        "Duplicate: Column 3 has the same name as column 2. Rename one."
      ])
    })
  )

  it.effect("must be a well-formed row", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* header('\ncustomerId,"email\n'), [
        "Malformed: Line 2: A quote is opened and never closed."
      ])
      assert.deepStrictEqual(yield* header('customer"Id\n'), [
        "Malformed: Line 1: A quote stands in a cell that does not start with one."
      ])
    })
  )

  it.effect("may have other names, which are mapped to fields", () =>
    Effect.gen(function* () {
      const text = 'Mail,"Customer ID"\na@example.com,c-1\n'
      const records = yield* readCsv(text, ReachSchema.CustomerPatch, {
        columns: { customerId: "Customer ID", email: "Mail" }
      })
      assert.deepStrictEqual(told(records), [{ customerId: "c-1", email: "a@example.com" }])
      assert.deepStrictEqual(
        yield* header(text, { columns: { customerId: "Customer ID", phone: "Phone", email: "Mail" } }),
        ['Missing: No column is named "Phone", which is mapped to phone. Correct columns.']
      )
    })
  )

  it.effect("that is a customer because the names were forgotten is not repeated", () =>
    Effect.gen(function* () {
      const issues = yield* header("c-1,jane@example.com,Jane,Montgomery,+14155550100\n")
      assert.deepStrictEqual(issues, [
        "Unknown: None of its 5 columns is a field. Does the file start with a row of names, and is the delimiter right?",
        'Missing: Every record needs customerId, and no column is named so. Add it, or map one with columns: { customerId: "…" }.'
      ])
      const mixed = yield* header("customerId,jane@example.com,+14155550100\n")
      assert.notInclude(mixed.join(), "jane")
      assert.notInclude(mixed.join(), "555")
    })
  )

  const unusable: ReadonlyArray<readonly [options: object, option: string]> = [
    [{ delimiter: "" }, "delimiter"],
    [{ delimiter: '"' }, "delimiter"],
    [{ delimiter: "\n" }, "delimiter"],
    [{ delimiter: "||" }, "delimiter"],
    [{ maxRecordSize: 0 }, "maxRecordSize"],
    [{ maxRecordSize: Number.NaN }, "maxRecordSize"],
    [{ columns: { custmerId: "Customer ID" } }, "columns.custmerId"]
  ]
  it.effect.each(unusable)("is not read with options that cannot be used: %j", ([options, option]) =>
    Effect.gen(function* () {
      const error = yield* readCsv("customerId\nc-1\n", ReachSchema.CustomerPatch, options).pipe(Effect.flip)
      assert.isTrue(error._tag === "InvalidConfiguration" && error.option === option)
    })
  )
})
