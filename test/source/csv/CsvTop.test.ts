import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ReachSchema } from "../../../src/index.ts"
import { readCsv, told } from "../support.ts"

const read = (text: string, options: object = {}, blocks: ReadonlyArray<number> = []) =>
  Effect.map(readCsv(text, ReachSchema.CustomerPatch, options, blocks), told)

const ada = { customerId: "c-1", email: "a@x", firstName: "Ada" }
const cuts = [[], [1], [2], [5], [13]]

describe("the delimiter", () => {
  const rows = (delimiter: string, names = ["customerId", "email", "firstName"]) =>
    [names, ["c-1", "a@x", "Ada"]].map((row) => row.join(delimiter)).join("\n")

  it.effect("is the one under which the header has the most names that are known", () =>
    Effect.gen(function* () {
      for (const blocks of cuts) {
        for (const delimiter of [",", ";", "\t", "|"])
          assert.deepStrictEqual(yield* read(rows(delimiter), {}, blocks), [ada])
      }
      // From the header alone: what stands below has its reasons.
      assert.deepStrictEqual(yield* read("customerId,email\na;b;c;d,e;f;g\n"), [
        { customerId: "a;b;c;d", email: "e;f;g" }
      ])
      assert.deepStrictEqual(yield* read("customerId\na;b,c|d\n"), ["Malformed"])
      assert.deepStrictEqual(yield* read("customerId\na;b|d\n"), [{ customerId: "a;b|d" }])
      // Names in quotes may hold any of them.
      assert.deepStrictEqual(yield* read('"customerId";"a,b,c,d";"email"\nc-1;x;a@x\n', { otherColumns: "ignore" }), [
        { customerId: "c-1", email: "a@x" }
      ])
      // Mapped names are known.
      assert.deepStrictEqual(
        yield* read("a,b|ID|c,d,e\nx|c-1|y\n", { columns: { customerId: "ID" }, otherColumns: "ignore" }),
        [{ customerId: "c-1" }]
      )
      const error = yield* Effect.flip(read("Kunde;Mail;Name\nc-1;a@x;Ada\n"))
      assert.include(error.message, "None of its 3 columns is a field")
    })
  )

  it.effect("is what a first line says, which is no header", () =>
    Effect.gen(function* () {
      for (const blocks of cuts) {
        for (const [line, delimiter] of [
          ["sep=;", ";"],
          ["SEP=:", ":"],
          ['"sep=#"', "#"],
          ["sep=\t", "\t"]
        ] as const) {
          for (const newline of ["\n", "\r\n", "\r"]) {
            const text = `\uFEFF${line}${newline}${rows(delimiter).replaceAll("\n", newline)}`
            assert.deepStrictEqual(yield* read(text, {}, blocks), [ada], line)
          }
        }
      }
      assert.deepStrictEqual(yield* read("sep=;"), [])
      // It is only a line of its own, and the first.
      assert.include((yield* Effect.flip(read("sep=;x\ncustomerId\nc-1\n"))).message, "cannot be used")
      const lines = (yield* readCsv(`sep=;\n${rows(";")}`, ReachSchema.CustomerPatch)).map(({ line }) => line)
      assert.deepStrictEqual(lines, [3])
    })
  )

  it.effect("is what was said, whatever the file says", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(`sep=,\n${rows("^")}`, { delimiter: "^" }), [ada])
      assert.include((yield* Effect.flip(read(rows(";"), { delimiter: "," }))).message, "None of its 1 columns")
    })
  )
})

describe("lines above the header", () => {
  it.effect("are passed over, as many as were said, whatever they hold", () =>
    Effect.gen(function* () {
      const table = "customerId;email;firstName\r\nc-1;a@x;Ada\r\n"
      for (const blocks of [...cuts, [40]]) {
        for (const [above, skipLines] of [
          ['Customers, "as of\r\n\r\n2024-01-15;;;\r\n', 3],
          ["one\rtwo\n", 2],
          ["sep=;\r\nTitle\r\n", 2],
          [`${"long ".repeat(50)}\n`, 1],
          ["", 0]
        ] as const) {
          assert.deepStrictEqual(yield* read(above + table, { skipLines }, blocks), [ada])
        }
      }
      assert.deepStrictEqual(yield* read("one\n", { skipLines: 5 }), [])
      assert.include((yield* Effect.flip(read(`Title\n${table}`))).message, "cannot be used")
      const records = yield* readCsv(`Title\n\n${table}`, ReachSchema.CustomerPatch, { skipLines: 2 })
      assert.deepStrictEqual(
        records.map(({ line }) => line),
        [4]
      )
    })
  )
})
