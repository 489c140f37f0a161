import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema, Stream } from "effect"
import { CustomerSync, PocketflowsClient, PocketflowsDestination, PocketflowsSchema, Source } from "../../src/index.ts"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as LetterReader from "../../src/source/LetterReader.ts"
import { readCsv, readNdjson, told } from "../source/support.ts"

const Plans = PocketflowsSchema.extend({ metadata: { plan: Schema.String, seats: Schema.Int, trial: Schema.Boolean } })
const { CustomerUpdate } = PocketflowsSchema

const client = PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
const sandboxed = Effect.provide(Layer.provideMerge(client, SandboxClient.layer()))

const issues = (records: Effect.Success<ReturnType<typeof readCsv>>) =>
  records.flatMap((record) => (record._tag !== "Invalid" ? [] : record.reason.issues.map(({ path }) => path.join("/"))))

describe("columns for the keys of metadata", () => {
  it.effect("are texts where nothing is declared, as they stand", () =>
    Effect.gen(function* () {
      const csv = "id,metadata.plan,metadata.a.b,metadata.__proto__\np-1,0042,true,1e3\np-2,,,\np-3,pro,,\n"
      const [first, ...others] = told(yield* readCsv(csv, CustomerUpdate))
      assert.strictEqual(
        JSON.stringify(first),
        '{"id":"p-1","metadata":{"plan":"0042","a.b":"true","__proto__":"1e3"}}'
      )
      assert.deepStrictEqual(others, [{ id: "p-2" }, { id: "p-3", metadata: { plan: "pro" } }])
    })
  )

  it.effect("are what was declared, and say what is not", () =>
    Effect.gen(function* () {
      const csv =
        "id,metadata.plan,metadata.seats,metadata.trial\np-1,pro,12,TRUE\np-2,1,,0\np-3,x,1.5,yes\np-4,,12345678901234567890,\n"
      const records = yield* readCsv(csv, Plans.CustomerUpdate)
      assert.deepStrictEqual(told(records).slice(0, 2), [
        { id: "p-1", metadata: { plan: "pro", seats: 12, trial: true } },
        { id: "p-2", metadata: { plan: "1", trial: false } }
      ])
      assert.deepStrictEqual(issues(records), ["metadata/trial", "metadata/seats", "metadata/seats"])
      const error = yield* Effect.flip(readCsv("id,metadata.plna\np-1,x\n", Plans.CustomerUpdate))
      assert.strictEqual(error._tag, "InvalidHeader")
      assert.include(error.message, "Did you mean metadata.plan?")
    })
  )

  it.effect("have names of their own, and what an empty cell means is said by field", () =>
    Effect.gen(function* () {
      const options = {
        columns: { "metadata.plan": "Plan", "metadata.seats": "Seats" },
        empty: { "metadata.plan": "null" }
      } as const
      const csv = "id,Plan,Seats\np-1,pro,2\np-2,,\n"
      assert.deepStrictEqual(told(yield* readCsv(csv, Plans.CustomerUpdate, options)), [
        { id: "p-1", metadata: { plan: "pro", seats: 2 } },
        { id: "p-2", metadata: { plan: null } }
      ])
      assert.deepStrictEqual(
        told(yield* readCsv("id,Plan\np-1,pro\n", CustomerUpdate, { columns: { "metadata.plan": "Plan" } })),
        [{ id: "p-1", metadata: { plan: "pro" } }]
      )
    })
  )

  it.effect("stand beside no column for the whole, and not in NDJSON, which has objects", () =>
    Effect.gen(function* () {
      const whole = told(yield* readCsv('id,metadata\np-1,"{""plan"":""pro""}"\n', Plans.CustomerUpdate))
      assert.deepStrictEqual(whole, [{ id: "p-1", metadata: { plan: "pro" } }])
      for (const header of ["id,metadata,metadata.plan", "metadata.plan,id,metadata"]) {
        const error = yield* Effect.flip(readCsv(`${header}\n,,\n`, CustomerUpdate))
        assert.strictEqual(error._tag, "InvalidHeader")
        assert.include(error.message, "is a part of metadata")
      }
      assert.deepStrictEqual(told(yield* readNdjson('{"id":"p-1","metadata.plan":"x"}', CustomerUpdate)), [
        "SchemaMismatch"
      ])
      // A column that only looks like a part of a field.
      for (const header of ["id,full_name.first", "id,metadata.", "id,.plan"]) {
        assert.strictEqual((yield* Effect.flip(readCsv(`${header}\np-1,x\n`, CustomerUpdate)))._tag, "InvalidHeader")
      }
    })
  )

  it("are read from dead letters as they were from the file", () => {
    const read = LetterReader.make(Plans.CustomerUpdate, { empty: { "metadata.plan": "null" } }, undefined)
    const letter = (seats: string) =>
      read({ format: "cells", value: { id: "p-1", "metadata.plan": "", "metadata.seats": seats } }, undefined, 0)
    const spoiled = letter("many")
    assert.deepStrictEqual(spoiled._tag === "Invalid" ? spoiled.reason.issues.map(({ path }) => path) : spoiled, [
      ["metadata", "seats"]
    ])
    const put = letter("12")
    assert.deepStrictEqual(put._tag === "Valid" ? put.patch : put, { id: "p-1", metadata: { plan: null, seats: 12 } })
    const row = read({ format: "csv", value: "p-1,pro", header: ["id", "metadata.plan"], delimiter: "," }, undefined, 0)
    assert.deepStrictEqual(row._tag === "Valid" ? row.patch : row, { id: "p-1", metadata: { plan: "pro" } })
  })

  it.effect("go to Pocketflows with their types, by file and by call; no key that was not declared is sent", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.seedPocketflows("b-1", [{ id: "p-1" }, { id: "p-2" }])
      const acme = yield* PocketflowsClient.withSchema(Plans)
      const [answered] = yield* acme.updateCustomers("b-1", [{ id: "p-1", metadata: { plan: "pro", seats: 3 } }])
      assert.deepStrictEqual(answered?.metadata, { plan: "pro", seats: 3 })
      const untyped: object = { tier: "gold" }
      const refused = yield* Effect.flip(acme.updateCustomers("b-1", [{ id: "p-1", metadata: untyped }]))
      assert.strictEqual(refused._tag, "InvalidRequest")
      const records = Stream.fromIterable(yield* readCsv("id,metadata.seats\np-2,007\n", Plans.CustomerUpdate))
      const report = yield* records.pipe(
        Source.withFingerprint({ source: "a test" }),
        CustomerSync.run({ to: PocketflowsDestination.batchUpdate({ business: "b-1", schema: Plans }) })
      )
      assert.strictEqual(report.outcomes.Applied, 1)
      assert.deepStrictEqual((yield* sandbox.pocketflowsCustomers("b-1")).get("p-2")?.metadata, { seats: 7 })
    }).pipe(sandboxed)
  )
})
