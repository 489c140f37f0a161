import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { CustomerFile, Mapping, ReachSchema } from "../../src/index.ts"

const page = readFileSync(join(import.meta.dirname, "../../docs/mapping.md"), "utf8")

/** A mapping, a source, and what is to come of it, as the page shows them one after the other. */
const examples = [
  ...page.matchAll(
    /^## (.+)$[^#]*?```json\n([\s\S]*?)```[^#]*?```(csv|ndjson)\n([\s\S]*?)```[^#]*?```text\n([\s\S]*?)```/gm
  )
]

describe("the examples of docs/mapping.md", () => {
  it("are found", () => {
    assert.lengthOf(examples, 3)
    assert.lengthOf([...page.matchAll(/```json/g)], 3)
  })

  for (const [, title, json = "", format, source = "", expected] of examples) {
    it.effect(`${title}: what is said to be sent is`, () =>
      Effect.gen(function* () {
        const mapping = yield* Mapping.fromUnknown(JSON.parse(json))
        const schema = Mapping.schema(mapping, ReachSchema.CustomerPatch)
        const read = format === "csv" ? CustomerFile.csv : CustomerFile.ndjson
        const records = yield* Stream.runCollect(read(Stream.make(new TextEncoder().encode(source)), schema))
        const told = records.map((record) =>
          record._tag === "Valid"
            ? JSON.stringify(Schema.encodeSync(ReachSchema.CustomerPatch)(record.patch))
            : record._tag === "Skipped"
              ? "left out"
              : `rejected: ${record.reason.issues.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; ")}`
        )
        assert.deepStrictEqual(told.map(sorted), expected?.trimEnd().split("\n").map(sorted))
      })
    )
  }
})

// In which order fields are written says nothing.
const sorted = (line: string): unknown => (line.startsWith("{") ? JSON.parse(line) : line)
