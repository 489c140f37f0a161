import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Layer, Redacted, Schema, Stream } from "effect"
import {
  CustomerFile,
  CustomerSync,
  Plan,
  PocketflowsSchema,
  ReachAuth,
  ReachClient,
  ReachDestination,
  ReachSchema,
  Source,
  SyncReport
} from "../../src/index.ts"
import { SandboxClient } from "../../src/sandbox/index.ts"
import { bytesOf, oneOf, readCsv, readNdjson, told } from "./support.ts"

const Three = Schema.Struct({
  a: Schema.optionalKey(Schema.String),
  b: Schema.optionalKey(Schema.String),
  c: Schema.optionalKey(Schema.String)
})
const fields = ["a", "b", "c"] as const
const names = ["a", "b", "c", "x", "y"] as const

describe("what two fields or two names claim", () => {
  const name = oneOf([undefined, undefined, ...names])
  const header = Arbitrary.array(oneOf([0, 1, 2, 3, 4, 5]), { minLength: names.length, maxLength: names.length })

  it.effect.prop(
    "each field has what its name says, the same in CSV and NDJSON, and what is not sent is refused or said to be ignored",
    [Arbitrary.all({ a: name, b: name, c: name }), header, oneOf(["refuse", "ignore"])],
    ([columns, ranks, otherColumns]) =>
      Effect.gen(function* () {
        const source = names
          .map((name, i) => ({ name, rank: ranks[i] ?? 0 }))
          .filter(({ rank }) => rank > 1)
          .sort((one, other) => one.rank - other.rank)
          .map(({ name }) => name)
        const nameOf = (field: (typeof fields)[number]) => columns[field] ?? field
        const fed = new Set<string>(fields.map(nameOf))
        const lost = source.filter((name) => !fed.has(name))
        const lacks = fields.some(
          (field) => columns[field] !== undefined && !source.some((name) => name === nameOf(field))
        )
        const expected = Object.fromEntries(
          fields.flatMap((field) =>
            source.some((name) => name === nameOf(field)) ? [[field, `of ${nameOf(field)}`]] : []
          )
        )
        const line = JSON.stringify(Object.fromEntries(source.map((name) => [name, `of ${name}`])))
        const [json] = yield* readNdjson(line, Three, { columns, otherColumns })
        const isRefused = otherColumns === "refuse" && lost.length > 0
        assert.deepStrictEqual(json?._tag === "Valid" ? json.patch : "refused", isRefused ? "refused" : expected)

        if (source.length === 0) return
        const csv = yield* Effect.result(
          readCsv(`${source.join(",")}\n${source.map((name) => `of ${name}`).join(",")}\n`, Three, {
            columns,
            otherColumns
          })
        )
        const read = csv._tag === "Success" ? told(csv.success)[0] : "refused"
        assert.deepStrictEqual(read, isRefused || lacks ? "refused" : expected)
      }),
    { arbitrary: { runs: 600, size: 60 } }
  )

  it.effect("a column that a map takes feeds the field of its own name too", () =>
    Effect.gen(function* () {
      const text = "email,firstName\na@example.com,Ada\n"
      const both = [{ customerId: "a@example.com", email: "a@example.com", firstName: "Ada" }]
      for (const columns of [{ customerId: "email" }, { customerId: "email", email: "email" }]) {
        assert.deepStrictEqual(told(yield* readCsv(text, ReachSchema.CustomerPatch, { columns })), both)
        const line = '{"email":"a@example.com","firstName":"Ada"}\n'
        assert.deepStrictEqual(told(yield* readNdjson(line, ReachSchema.CustomerPatch, { columns })), both)
      }
    })
  )

  it.effect("a field that is mapped is not read under its own name, which is said", () =>
    Effect.gen(function* () {
      const columns = { email: "mail" }
      const error = yield* Effect.flip(readCsv("customerId,email,mail\n", ReachSchema.CustomerPatch, { columns }))
      assert.include(
        error.message,
        'Column 2, "email", is not read, because the field email is mapped to "mail". Take it out, or leave such columns out with otherColumns: "ignore".'
      )
      const line = '{"customerId":"c-1","mail":"a","email":"b"}'
      const [record] = yield* readNdjson(line, ReachSchema.CustomerPatch, { columns })
      assert.deepStrictEqual(record?._tag === "Invalid" ? [record.reason, record.input] : record, [
        {
          _tag: "SchemaMismatch",
          issues: [
            {
              path: ["email"],
              message:
                'This key is not read, because the field email is mapped to "mail". Take it out, or leave such keys out with otherColumns: "ignore"'
            }
          ]
        },
        { format: "ndjson", value: line, columns }
      ])
    })
  )

  it.effect("a name that comes twice in an object is rejected, at any depth, unless it is not read at all", () =>
    Effect.gen(function* () {
      const message = "This name comes twice. Leave one of them out"
      const read = (line: string, otherColumns: "refuse" | "ignore" = "refuse") =>
        Effect.map(readNdjson(line, PocketflowsSchema.CustomerUpdate, { otherColumns }), ([record]) =>
          record?._tag === "Invalid" ? [record.reason.issues, record.input] : record?._tag === "Valid" && record.patch
        )
      for (const [line, path] of [
        ['{"id":"1","full_name":"a","full_name":"a"}', ["full_name"]],
        ['{"id":"1","full_name":"a","full\\u005fname":null}', ["full_name"]],
        // A name of metadata is the customer's.
        ['{"id":"1","metadata":{"secret":1,"secret":2}}', ["metadata", "*"]]
      ] as const) {
        assert.deepStrictEqual(yield* read(line), [[{ path, message }], { format: "ndjson", value: line }])
      }
      assert.deepStrictEqual(yield* read('{"id":"1","other":1,"other":{"n":12345678901234567890}}', "ignore"), {
        id: "1"
      })
    })
  )
})

describe("a number that cannot be held to the digit", () => {
  const message = "This number has more digits than are kept, and would be changed. Write it as text, in quotes"

  it.effect("is rejected with its field, in a line and in a cell, and its digits stand in the dead letter", () =>
    Effect.gen(function* () {
      const metadata = '{"order":{"number":12345678901234567890}}'
      const line = `{"id":"1","metadata":${metadata}}`
      const issues = [{ path: ["metadata", "*", "*"], message }]
      const [json] = yield* readNdjson(line, PocketflowsSchema.CustomerUpdate)
      assert.deepStrictEqual(json?._tag === "Invalid" ? [json.reason.issues, json.input] : json, [
        issues,
        { format: "ndjson", value: line }
      ])
      const row = `1,"${metadata.replaceAll('"', '""')}"`
      const [cells] = yield* readCsv(`id,metadata\n${row}\n`, PocketflowsSchema.CustomerUpdate)
      assert.deepStrictEqual(cells?._tag === "Invalid" ? [cells.reason.issues, cells.input] : cells, [
        issues,
        { format: "cells", value: { id: "1", metadata } }
      ])
      const Numbered = Schema.Struct({ n: Schema.Number })
      const [cell] = yield* readCsv("n\n0.12345678901234567890\n", Numbered)
      assert.deepStrictEqual(cell?._tag === "Invalid" ? cell.reason.issues : cell, [{ path: ["n"], message }])
      assert.deepStrictEqual(told(yield* readCsv("n\n+1.50\n.5\n1e21\n", Numbered)), [
        { n: 1.5 },
        { n: 0.5 },
        { n: 1e21 }
      ])
    })
  )

  it.effect("is sent where it is text", () =>
    Effect.gen(function* () {
      const line = '{"id":"1","metadata":{"n":"12345678901234567890","m":9007199254740991}}'
      assert.deepStrictEqual(told(yield* readNdjson(line, PocketflowsSchema.CustomerUpdate)), [JSON.parse(line)])
    })
  )
})

describe("a mapped name", () => {
  const columns = { email: "traits.email" }
  const line = (i: number) => `${JSON.stringify({ customerId: `c-${i}`, note: "x" })}\n`
  const lines = (count: number) => Array.from({ length: count }, (_, i) => line(i)).join("")
  const late = '{"customerId":"late","traits.email":"a@example.com"}\n'
  const options = { columns, otherColumns: "ignore", source: "a.ndjson" } as const

  /** How many records come out, and what ends them. */
  const reading = (text: string, given: CustomerFile.NdjsonOptions = options) => {
    let count = 0
    return CustomerFile.ndjson(
      Stream.fromIterable(text.split(/(?<=\n)/), { chunkSize: 300 }).pipe(Stream.map(bytesOf)),
      ReachSchema.CustomerPatch,
      given
    ).pipe(
      Stream.runForEach(() => Effect.sync(() => count++)),
      Effect.match({ onFailure: (error) => [count, error.message], onSuccess: () => [count] })
    )
  }

  it.effect("that is in none of the first thousand records is refused, and none of them comes out", () =>
    Effect.gen(function* () {
      const message =
        'None of the first 1000 records of a.ndjson has "traits.email", which is mapped to email. Correct that.'
      assert.deepStrictEqual(yield* reading(lines(1000) + late), [0, message])
      assert.deepStrictEqual(yield* reading(lines(5000)), [0, message])
      assert.deepStrictEqual(yield* reading(lines(999) + late + lines(3000)), [4000])
      assert.deepStrictEqual(yield* reading(late + lines(3000)), [3001])
      // What cannot be read has no names.
      assert.deepStrictEqual(yield* reading("not JSON\n".repeat(5) + lines(999)), [1004])
      assert.deepStrictEqual(
        yield* reading(lines(2000), { ...options, from: { offset: 1, place: { byte: line(0).length, line: 2 } } }),
        [1999]
      )
    })
  )

  it.effect("is refused also where every record needs it, and is not mapped, whichever way the lines are read", () =>
    Effect.gen(function* () {
      const missing = (count: number) => '{"email":"a@example.com"}\n'.repeat(count)
      const message =
        'None of the first 1000 records of a.ndjson has customerId, which is needed. Add it, or map one with columns: { customerId: "…" }.'
      const given = { source: "a.ndjson" }
      assert.deepStrictEqual(yield* reading(missing(999), given), [999])
      assert.strictEqual((yield* reading(missing(1000), given))[1], message)
      assert.deepStrictEqual(yield* reading(`{"customerId":"c-1"}\n${missing(2000)}`, given), [2001])
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.ndjson`
      const plan = CustomerFile.read(file, ReachSchema.CustomerPatch).pipe(
        Plan.make({ to: ReachDestination.batchPatch() })
      )
      yield* fs.writeFileString(file, missing(1500))
      assert.strictEqual((yield* Effect.flip(plan)).message, message.replace("a.ndjson", file))
      for (const before of [0, 700, 999]) {
        yield* fs.writeFileString(file, `${missing(before)}{"customerId":"c-1"}\n${missing(1500 - before)}`)
        assert.deepInclude(yield* plan, { read: 1501, sendable: 1 })
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("that no record of a shorter source has is told by the dry run and by the report", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.ndjson`
      const to = ReachDestination.patch({ tenant: "acme" })
      const records = CustomerFile.read(file, ReachSchema.CustomerPatch, options)
      const row = /\nnever sent: email +no record has "traits\.email", which is mapped to it/
      yield* fs.writeFileString(file, lines(3))
      const plan = yield* Plan.make({ to })(records)
      const notes = [{ _tag: "NeverFound", field: "email", name: "traits.email" }] as const
      assert.deepStrictEqual(plan.notes, notes)
      assert.match(Plan.format(plan), row)
      for (const changed of [
        Source.tap(records, () => Effect.void),
        Source.map(records, "same", (patch) => patch),
        Source.filter(records, "all", () => true)
      ]) {
        assert.deepStrictEqual((yield* Plan.make({ to })(changed)).notes, notes)
      }
      const auth = ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })
      const report = yield* CustomerSync.run({ to })(records).pipe(
        Effect.provide(Layer.provide(ReachClient.layer({ auth }), SandboxClient.layer()))
      )
      assert.deepStrictEqual([report.read, report.notes], [3, notes])
      assert.match(SyncReport.format(report), row)
      for (const text of [lines(3) + late, "", "no JSON\n"]) {
        yield* fs.writeFileString(file, text)
        assert.isUndefined((yield* Plan.make({ to })(records)).notes, text)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
