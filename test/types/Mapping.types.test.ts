import type { FileSystem } from "effect"
import { describe, expectTypeOf, it } from "vitest"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as Mapping from "../../src/source/Mapping.ts"
import type * as Source from "../../src/sync/record/Source.ts"

describe("the types of a mapping", () => {
  it("are those of the destination's schema on one side, and rows on the other", () => {
    const schema = Mapping.schema({ fields: { email: { from: "E-Mail" } } }, ReachSchema.CustomerPatch)
    expectTypeOf<(typeof schema)["Type"]>().toEqualTypeOf<ReachSchema.CustomerPatch>()
    expectTypeOf<(typeof schema)["Encoded"]>().toEqualTypeOf<Mapping.Row>()
    const read = () => CustomerFile.read("a.csv", schema)
    expectTypeOf<ReturnType<typeof read>>().toExtend<
      Source.Source<ReachSchema.CustomerPatch, unknown, FileSystem.FileSystem>
    >()
  })

  it("take fields of the destination, and no others", () => {
    // @ts-expect-error: there is no such field.
    Mapping.schema({ fields: { emial: { from: "E-Mail" } } }, ReachSchema.CustomerPatch)
    // @ts-expect-error: nor is there such a part of one.
    Mapping.schema({ fields: { email: { form: "E-Mail" } } }, ReachSchema.CustomerPatch)
    // @ts-expect-error: a direction has two.
    Mapping.schema({ fields: { emailOptOut: { means: "in" } } }, ReachSchema.CustomerPatch)
    // @ts-expect-error: a local day needs a zone and a time.
    Mapping.schema({ fields: { createdAt: { date: { as: "date-only" } } } }, ReachSchema.CustomerPatch)
  })

  it("take a mapping out of a file, of which nobody knows what it holds", () => {
    const mapping: Mapping.Mapping = { fields: {} }
    expectTypeOf(Mapping.schema(mapping, ReachSchema.CustomerPatch)).toExtend<
      Mapping.Mapped<typeof ReachSchema.CustomerPatch>
    >()
  })
})
