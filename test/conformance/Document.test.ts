import { assert, describe, it } from "@effect/vitest"
import * as Document from "./Document.ts"

const answering = (schema: object, more: object = {}) => ({
  paths: {
    "/a": { get: { responses: { 200: { content: { "application/json": { schema } } } } } }
  },
  ...more
})

const rows = (schema: object, more?: object) =>
  Object.fromEntries(Document.toTables(answering(schema, more)).get("GET /a") ?? [])

describe("Document", () => {
  it("reads a reference as what it refers to, with what is said beside it", () => {
    const components = { schemas: { Id: { type: "string", format: "uuid" } } }
    assert.deepStrictEqual(
      rows({ type: "object", properties: { id: { $ref: "#/components/schemas/Id", default: "x" } } }, { components })[
        "200 id"
      ],
      { required: "no", type: "string", format: "uuid", default: '"x"', null: "no" }
    )
  })

  it("reads both ways of writing null", () => {
    const expected = { media: "application/json", type: "string", null: "yes" } as const
    assert.deepStrictEqual(rows({ type: ["string", "null"] })["200"], expected)
    assert.deepStrictEqual(rows({ anyOf: [{ type: "string" }, { type: "null" }] })["200"], expected)
  })

  it("keeps a default that stands beside anyOf", () => {
    assert.strictEqual(rows({ anyOf: [{ type: "string" }, { type: "null" }], default: "x" })["200"]?.default, '"x"')
  })

  it("reads an enum beside its own type as open", () => {
    assert.strictEqual(
      rows({ anyOf: [{ type: "string" }, { type: "string", enum: ["a"] }] })["200"]?.values,
      '"a" | ...'
    )
  })

  it("refuses what it cannot read, instead of passing it over", () => {
    assert.throws(() => rows({ type: "string", pattern: "^a" }), "Unknown keyword: pattern")
    assert.throws(
      () => rows({ type: "object", additionalProperties: { type: "string" } }),
      "Typed additional properties"
    )
    assert.throws(() => rows({ anyOf: [{ type: "object" }, { type: "array" }] }), "Several structures")
    assert.throws(() => rows({ type: "string", allOf: [{ type: "number" }] }), "Said twice: type")
  })
})
