import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, SchemaParser } from "effect"
import * as CompiledSchema from "../../src/json/CompiledSchema.ts"

const script = join(import.meta.dirname, "../support/CompiledProcess.ts")

const run = (flags: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, script])
    // It is what the script prints.
    return JSON.parse(stdout) as {
      readonly records: ReadonlyArray<unknown>
      readonly blocked: boolean
      readonly compiled: boolean
    }
  })

describe("the schemas of records", () => {
  it.live("are compiled, and do the same where code may not be made of text", () =>
    Effect.gen(function* () {
      const [free, blocked] = yield* Effect.all([run([]), run(["--disallow-code-generation-from-strings"])], {
        concurrency: 2
      })
      assert.deepInclude(free, { blocked: false, compiled: true })
      assert.deepInclude(blocked, { blocked: true, compiled: false })
      assert.deepStrictEqual(blocked.records, free.records)
      assert.lengthOf(free.records, 7)
      assert.strictEqual(
        free.records[1],
        '{"customerId":"c-2","firstName":"Zoë \\"Z\\"","createdAt":"2024-01-15T10:30:00.500Z","emailOptOut":false}'
      )
    })
  )

  it("leave every other schema of the app alone", () => {
    const own = Schema.Struct({ a: Schema.NumberFromString })
    const Original = globalThis.Function
    let made = 0
    globalThis.Function = new Proxy(Original, {
      apply: (target, self, args) => {
        made++
        return Reflect.apply(target, self, args)
      }
    })
    try {
      assert.deepStrictEqual(SchemaParser.decodeUnknownSync(own)({ a: "1" }), { a: 1 })
      assert.strictEqual(made, 0)
      const compiled = CompiledSchema.make(Schema.Struct({ b: Schema.NumberFromString }))
      assert.deepStrictEqual(SchemaParser.decodeUnknownSync(compiled)({ b: "1" }), { b: 1 })
      assert.isAbove(made, 0)
    } finally {
      globalThis.Function = Original
    }
  })
})
