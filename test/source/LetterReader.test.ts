import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { CustomerFile, Mapping, Plan, PocketflowsDestination, PocketflowsSchema, ReachSchema } from "../../src/index.ts"
import type * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import type { RecordInput } from "../../src/sync/model/CustomerRecord.ts"
import { bytesOf, readCsv, readNdjson, told } from "./support.ts"

const letterOf = (record: RecordInput): string => {
  const letter: DeadLetters.DeadLetter = {
    offset: 7,
    outcome: "Rejected",
    reason: { tag: "Malformed", message: "no", issues: [] },
    time: "2026-05-01T10:00:00.000Z",
    record
  }
  return `${JSON.stringify(letter)}\n`
}

/** The records of a file of letters. */
const read = (text: string, options?: CustomerFile.DeadLettersOptions) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/dead.ndjson`
    yield* fs.writeFileString(file, text)
    return yield* Stream.runCollect(CustomerFile.deadLetters(file, PocketflowsSchema.CustomerUpdate, options))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const one = (record: RecordInput, options?: CustomerFile.DeadLettersOptions) =>
  Effect.map(read(letterOf(record), options), ([record]) =>
    record?._tag === "Invalid"
      ? record.reason.issues.map(({ message, path }) => `${path.join(".")}: ${message}`)
      : record?._tag === "Valid" && record.patch
  )

describe("a dead letter", () => {
  const csv = { format: "csv", header: ["Name", "ID", "Mail", "Notes"], delimiter: ";" } as const
  const columns = { id: "ID", full_name: "Name", email_address: "Mail", phone_number: "Mail" }
  const row = (value: string): RecordInput => ({ ...csv, columns, value })

  it.effect("of a row that was put right is read by its header, as the file was", () =>
    Effect.gen(function* () {
      const ada = { id: "c-1", full_name: 'Ada "A"; L', email_address: "a@x", phone_number: "a@x" }
      assert.deepStrictEqual(yield* one(row('"Ada ""A""; L";c-1;a@x;')), ada)
      assert.deepStrictEqual(yield* one(row('"Ada ""A""; L";c-1;a@x;"two\nlines"\r\n')), ada)
      assert.deepStrictEqual(yield* one(row(";c-1;;"), { empty: "null" }), {
        id: "c-1",
        full_name: null,
        email_address: null,
        phone_number: null
      })
    })
  )

  it.effect(
    "of a row that was not UTF-8 holds its bytes, and is read once they are put right, or said to be something",
    () =>
      Effect.gen(function* () {
        const bytes = new Uint8Array([...bytesOf("Name;ID;Mail;Notes\nZo"), 0xeb, 0x20, 0x80, ...bytesOf(";c-1;;\n")])
        const [bad] = yield* readCsv(bytes, PocketflowsSchema.CustomerUpdate, {
          ...csv,
          columns,
          otherColumns: "ignore"
        })
        assert.isTrue(bad?._tag === "Invalid")
        const input: RecordInput = bad?._tag === "Invalid" ? bad.input : row("")
        assert.include(letterOf(input), String.raw`"value":"Zo\udceb \udc80;c-1;;"`)
        const left = [
          ': Line 1 is not UTF-8 at character 3. Put that right; if all of the source is in another encoding, say which, such as encoding: "windows-1252"'
        ]
        assert.deepStrictEqual(yield* one(input), left)
        assert.deepStrictEqual(yield* one(input, { encoding: "windows-1252" }), { id: "c-1", full_name: "Zoë €" })
        // What is said and what it is must fit.
        assert.deepStrictEqual(yield* one(input, { encoding: "utf-8" }), left)
        assert.deepStrictEqual(yield* one(input, { encoding: "gbk" }), left)
        assert.deepStrictEqual(yield* one(row("Zoë €;c-1;;"), { encoding: "windows-1252" }), {
          id: "c-1",
          full_name: "Zoë €"
        })
        // In the line of another format too.
        const line: RecordInput = { format: "ndjson", value: '{"id":"c-1","full_name":"Zo\udceb"}' }
        assert.match(String(yield* one(line)), /^: Line 1 is not UTF-8 at character 28\. /)
        assert.deepStrictEqual(yield* one(line, { encoding: "latin1" }), { id: "c-1", full_name: "Zoë" })
        assert.strictEqual((yield* Effect.flip(one(line, { encoding: "latin-99" })))._tag, "InvalidConfiguration")
      })
  )

  it.effect("of a row that is still wrong says what is, and stays as it is", () =>
    Effect.gen(function* () {
      for (const [value, problem] of [
        ["Ada", ": The row has 1 cell, the header 4"],
        ["Ada;c-1", ": The row has 2 cells, the header 4, and the source ends in it, as if it were cut off"],
        ["Ada;c-1;;;x", ": The row has 5 cells, the header 4"],
        ['Ada;"c-1;;', ": A quote is opened and never closed"],
        ["", ": It holds no row"],
        ["Ada;c-1;;\nBob;c-2;;", ": It holds more than one row"],
        ["Ada;;;", "id: Missing key"]
      ] as const) {
        const [record] = yield* read(letterOf(row(value)))
        assert.deepStrictEqual(record?._tag === "Invalid" ? record.input : record, row(value))
        assert.deepStrictEqual(yield* one(row(value)), [problem])
      }
    })
  )

  it.effect("may hold an object in the place of a row or of a line", () =>
    Effect.gen(function* () {
      const cells = { id: "c-1", full_name: "Ada", metadata: '{"a":1}', email_address: "" }
      assert.deepStrictEqual(yield* one({ format: "cells", value: cells }), {
        id: "c-1",
        full_name: "Ada",
        metadata: { a: 1 }
      })
      assert.deepStrictEqual(yield* one({ format: "json", value: { id: "c-1" } }), { id: "c-1" })
    })
  )

  it.effect("of a line that was put right is read by the names of the source", () =>
    Effect.gen(function* () {
      const line = (value: string): RecordInput => ({ format: "ndjson", columns, value })
      assert.deepStrictEqual(yield* one(line('{"ID":"c-1","Name":"Ada"}')), { id: "c-1", full_name: "Ada" })
      assert.deepStrictEqual(yield* one(line('{"ID":"c-1"')), [": The line is not JSON"])
      assert.deepStrictEqual(yield* one({ format: "ndjson", value: '{"id":"c-1"}' }), { id: "c-1" })
    })
  )

  it.effect("with a name that is no field is rejected again, unless such names are ignored", () =>
    Effect.gen(function* () {
      const issue = ["emial_address: This key is no field. Is it email_address, misspelt?"]
      for (const record of [
        { format: "cells", value: { id: "c-1", emial_address: "a@x" } },
        { format: "json", value: { id: "c-1", emial_address: "a@x" } },
        { format: "ndjson", value: '{"id":"c-1","emial_address":"a@x"}' }
      ] as const satisfies ReadonlyArray<RecordInput>) {
        assert.deepStrictEqual(yield* one(record), issue)
        assert.deepStrictEqual(yield* one(record, { otherColumns: "ignore" }), { id: "c-1" })
      }
    })
  )

  it.effect("in which a number would be changed, or a name comes twice, is not read without a word", () =>
    Effect.gen(function* () {
      const metadata = '{"n":12345678901234567890}'
      assert.deepStrictEqual(yield* one({ format: "cells", value: { id: "c-1", metadata } }), [
        "metadata.*: This number has more digits than are kept, and would be changed. Write it as text, in quotes"
      ])
      const letter = letterOf({ format: "json", value: { id: "c-1", metadata: {} } })
      const error = yield* Effect.flip(read(letter.replace('"metadata":{}', `"metadata":${metadata}`)))
      assert.include(
        error.message,
        "record.value.metadata.*: This number has more digits than are kept, and would be changed. Write it as text, in quotes"
      )
      assert.include(error.message, "Correct the line, or take it out.")
      const twice = yield* Effect.flip(read(letter.replace('"metadata":{}', '"full_name":"a","full_name":"b"')))
      assert.include(twice.message, "record.value.full_name: This name comes twice. Leave one of them out.")
    })
  )

  it.effect("that is nested too deep is rejected again, and ends no run", () =>
    Effect.gen(function* () {
      const metadata = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`
      const line = `{"id":"c-1","metadata":${metadata}}`
      const to = PocketflowsDestination.batchUpdate({ business: "b-1" })
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/dead.ndjson`
      assert.deepStrictEqual(yield* one({ format: "ndjson", value: line }), [
        ": The line is nested deeper than 100 levels"
      ])
      for (const letter of [
        letterOf({ format: "json", value: "here" }).replace('"here"', line),
        letterOf({ format: "cells", value: { id: "c-1", metadata } })
      ]) {
        yield* fs.writeFileString(file, letter)
        const plan = yield* Plan.make({ to })(CustomerFile.deadLetters(file, PocketflowsSchema.CustomerUpdate))
        assert.deepInclude(plan, { read: 1, sendable: 0 })
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is made of each row and line that is refused so that it is read again as it was", () =>
    Effect.gen(function* () {
      const options = { columns: { customerId: "ID", email: "ID" }, maxRecordSize: 60 }
      const mapping = Mapping.schema(
        {
          fields: { customerId: { from: "ID", trim: true }, phone: { from: "Tel", empty: "null", withoutPrefix: "+" } }
        },
        ReachSchema.CustomerPatch
      )
      const mapped = [
        ...(yield* readCsv("ID,Tel\n1\n 2 ,'3\n ,4\n\"5,6\n", mapping)),
        ...(yield* readNdjson('{"ID":"1","Tel":"+\'2"}\n{"ID":1}\n{"ID":"3","Phone":"4"}\n{"ID"\n', mapping))
      ]
      assert.deepStrictEqual(told(mapped), [
        "Malformed",
        "Suspicious",
        "SchemaMismatch",
        "Malformed",
        "Suspicious",
        "SchemaMismatch",
        "SchemaMismatch",
        "Malformed"
      ])
      const records = [
        ...(yield* readCsv('ID,phone\n1\n3,"4"5\n"2,3\n', ReachSchema.CustomerPatch, options)),
        ...(yield* readNdjson(
          '{"ID":1}\n{"ID"\n{"ID":"1","ID":"2"}\n{"ID":"1","email":"2"}\n',
          ReachSchema.CustomerPatch,
          options
        ))
      ]
      assert.lengthOf(records, 7)
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/dead.ndjson`
      for (const [schema, refused] of [
        [ReachSchema.CustomerPatch, records],
        [mapping, mapped]
      ] as const) {
        const inputs = refused.map((record) => (record._tag === "Invalid" ? record.input : assert.fail("It fits.")))
        yield* fs.writeFileString(file, inputs.map(letterOf).join(""))
        const again = yield* Stream.runCollect(CustomerFile.deadLetters(file, schema))
        assert.deepStrictEqual(
          again.map((record) => (record._tag === "Invalid" ? [record.reason, record.input] : record)),
          refused.map((record) => (record._tag === "Invalid" ? [record.reason, record.input] : record))
        )
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
