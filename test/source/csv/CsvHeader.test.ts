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
      // A column without a name cannot be mapped.
      assert.deepStrictEqual(yield* header("customerId,email,\n", { strictHeader: true }), [
        'Unknown: Column 3 has no name. Name it, take it out, or leave such columns out with otherColumns: "ignore".'
      ])
      assert.deepStrictEqual(yield* header("customerId, email,Notes \n", { strictHeader: true }), [
        'Unknown: Column 2, " email", is no field. Spaces stand around its name. Did you mean email? Rename it, map it with columns: { email: " email" }, or leave such columns out with otherColumns: "ignore".',
        'Unknown: Column 3, "Notes ", is no field. Spaces stand around its name. Map it with columns, or leave such columns out with otherColumns: "ignore".'
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
        ['Missing: No column is named "Phone", which is mapped to phone. Correct that.']
      )
    })
  )

  it.effect("takes names that differ in case, spaces, _ and - only, and spaces around any name", () =>
    Effect.gen(function* () {
      const text = " Customer ID , E-Mail ,FIRST_NAME,\u00a0lastName\nc-1,a@x,Ada,L\n"
      assert.deepStrictEqual(told(yield* readCsv(text, ReachSchema.CustomerPatch)), [
        { customerId: "c-1", email: "a@x", firstName: "Ada", lastName: "L" }
      ])
      assert.include((yield* header(text, { strictHeader: true })).join(), "Spaces stand around its name")
      // A name that is mapped is taken to the letter first, and then without the spaces around it.
      for (const Mail of ["Mail ", " Mail"]) {
        assert.deepStrictEqual(
          told(
            yield* readCsv("customerId, Mail\nc-1,a@x\n", ReachSchema.CustomerPatch, {
              columns: { email: Mail.trim() }
            })
          ),
          [{ customerId: "c-1", email: "a@x" }]
        )
      }
      assert.deepStrictEqual(
        told(
          yield* readCsv("customerId, Mail \nc-1,a@x\n", ReachSchema.CustomerPatch, { columns: { email: " Mail " } })
        ),
        [{ customerId: "c-1", email: "a@x" }]
      )
    })
  )

  it.effect("refuses two columns that would be one field", () =>
    Effect.gen(function* () {
      const problem = (one: string, other: string) =>
        `Duplicate: Columns 2 and 3, "${one}" and "${other}", would both be read as email. Rename one, or take names to the letter with strictHeader: true.`
      assert.deepStrictEqual(yield* header("customerId,Email,email\nc-1,a,b\n"), [problem("Email", "email")])
      assert.deepStrictEqual(yield* header("customerId,e-mail,E_MAIL\nc-1,a,b\n", { otherColumns: "ignore" }), [
        problem("e-mail", "E_MAIL")
      ])
      assert.deepStrictEqual(
        told(
          yield* readCsv("customerId,Email,email\nc-1,a,b\n", ReachSchema.CustomerPatch, {
            strictHeader: true,
            otherColumns: "ignore"
          })
        ),
        [{ customerId: "c-1", email: "b" }]
      )
      // The field is said to be elsewhere: a name that is near it is none.
      assert.include(
        (yield* header("customerId,Email,Mail\nc-1,a,b\n", { columns: { email: "Mail" } })).join(),
        'Column 2, "Email", is no field'
      )
    })
  )

  it.effect("may have columns without a name as long as they are empty", () =>
    Effect.gen(function* () {
      const read = (rows: string) => readCsv(`,customerId,, \n${rows}`, ReachSchema.CustomerPatch)
      assert.deepStrictEqual(told(yield* read(",c-1,,\n ,c-2,\t,\n,c-3\n")), [
        { customerId: "c-1" },
        { customerId: "c-2" },
        { customerId: "c-3" }
      ])
      // Where the first row has something there, as a data frame's index, all will: nothing is sent.
      assert.deepStrictEqual(yield* header(",customerId\n0,c-1\n1,c-2\n"), [
        'Unknown: Column 1 has no name, and is not empty on line 2. Name it, take it out, or leave such columns out with otherColumns: "ignore".'
      ])
      const [, , other] = yield* read(",c-1,,\n,c-2,,\n,c-3,x,\n")
      assert.deepStrictEqual(other?._tag === "Invalid" ? [other.reason._tag, other.reason.issues[0]?.message] : other, [
        "Malformed",
        'Column 3 has no name, and is not empty on line 4. Name it, take it out, or leave such columns out with otherColumns: "ignore".'
      ])
      assert.deepStrictEqual(other?._tag === "Invalid" && other.input.format === "csv" && other.input.value, ",c-3,x,")
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
    [{ skipLines: -1 }, "skipLines"],
    [{ skipLines: 1.5 }, "skipLines"],
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
