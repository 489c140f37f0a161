import { describe, expectTypeOf, it } from "@effect/vitest"
import { type DateTime, Effect, Schema } from "effect"
import {
  CustomerFile,
  CustomerSync,
  OwnFields,
  PocketflowsClient,
  PocketflowsDestination,
  PocketflowsSchema,
  ReachClient,
  ReachDestination,
  ReachSchema
} from "../../src/index.ts"

const Acme = ReachSchema.extend({
  loyaltyTier: Schema.Literals(["silver", "gold"]),
  visits: Schema.Int,
  lastVisit: OwnFields.DateTime
})
type Acme = typeof Acme
const Strict = ReachSchema.extend({ visits: Schema.Int }, { required: ["email", "visits"] })
const Plans = PocketflowsSchema.extend({ metadata: { plan: Schema.String, seats: Schema.Int } })

describe("fields of one's own have types", () => {
  it("in a patch: each may be absent, and null deletes it, as with the default fields", () => {
    type Patch = Acme["CustomerPatch"]["Type"]
    expectTypeOf<Patch["loyaltyTier"]>().toEqualTypeOf<"silver" | "gold" | null | undefined>()
    expectTypeOf<Patch["visits"]>().toEqualTypeOf<number | null | undefined>()
    expectTypeOf<Patch["lastVisit"]>().toEqualTypeOf<DateTime.Utc | null | undefined>()
    expectTypeOf<Patch["firstName"]>().toEqualTypeOf<string | undefined>()
    expectTypeOf<Patch["email"]>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<Patch["customerId"]>().toEqualTypeOf<string>()
    expectTypeOf<keyof Patch>().toEqualTypeOf<
      keyof ReachSchema.CustomerPatch | "loyaltyTier" | "visits" | "lastVisit"
    >()
    expectTypeOf<Acme["CustomerChanges"]["Type"]["customerId"]>().toEqualTypeOf<string | undefined>()
  })

  it("in a new customer: what is required is said, also of the default fields", () => {
    type New = Acme["NewCustomer"]["Type"]
    expectTypeOf<New["firstName"]>().toEqualTypeOf<string>()
    expectTypeOf<New["visits"]>().toEqualTypeOf<number | null | undefined>()
    type StrictNew = (typeof Strict)["NewCustomer"]["Type"]
    expectTypeOf<StrictNew["email"]>().toEqualTypeOf<string>()
    expectTypeOf<StrictNew["visits"]>().toEqualTypeOf<number>()
    expectTypeOf<StrictNew["firstName"]>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<(typeof Strict)["CustomerPatch"]["Type"]["visits"]>().toEqualTypeOf<number | undefined>()
  })

  it("in an answer: as in JSON, and nothing is required", () => {
    type Answered = NonNullable<Acme["PatchedCustomer"]["Type"]["result"]["data"]>
    expectTypeOf<Answered["loyaltyTier"]>().toEqualTypeOf<"silver" | "gold" | null | undefined>()
    expectTypeOf<Answered["lastVisit"]>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<Answered["email"]>().toEqualTypeOf<string | null | undefined>()
  })

  it("without fields of one's own, Reach's default schema is the same value", () => {
    const same: ReachSchema.Standard = ReachSchema.extend({})
    expectTypeOf<(typeof same)["CustomerPatch"]["Type"]>().toEqualTypeOf<ReachSchema.CustomerPatch>()
    const strict = ReachSchema.extend({}, { required: ["email"] })
    expectTypeOf<(typeof strict)["NewCustomer"]["Type"]["email"]>().toEqualTypeOf<string>()
    expectTypeOf(ReachSchema.standard.CustomerPatch).toEqualTypeOf(ReachSchema.CustomerPatch)
  })

  it("in the client's methods, its answers, and the files and destinations of a sync", () => {
    const calls = Effect.gen(function* () {
      const acme = yield* ReachClient.withSchema(Acme)
      yield* acme.createCustomer({ customerId: "c-1", firstName: "Ada", lastName: "L", createdAt: now, visits: 1 })
      yield* acme.patchCustomers([{ customerId: "c-1", loyaltyTier: "gold", visits: null }])
      // @ts-expect-error: a field that was not declared
      yield* acme.patchCustomers([{ customerId: "c-1", tier: "gold" }])
      // @ts-expect-error: a field that was not declared
      yield* acme.patchCustomer("c-1", { tier: "gold" })
      // @ts-expect-error: a value that was not declared
      yield* acme.patchCustomer("c-1", { loyaltyTier: "bronze" })
      const reach = yield* ReachClient.ReachClient
      // @ts-expect-error: the default schema has no such field
      yield* reach.patchCustomer("c-1", { visits: 1 })
      const { result } = yield* acme.patchCustomer("c-1", { loyaltyTier: "gold" })
      // @ts-expect-error: nor has the answer
      result.data?.tier
      return result.data?.visits
    })
    expectTypeOf<Effect.Success<typeof calls>>().toEqualTypeOf<number | null | undefined>()
    const to = ReachDestination.batchPatch({ schema: Acme })
    const file = CustomerFile.read("a.csv", Acme.CustomerPatch, { columns: { visits: "Visits" } })
    CustomerSync.run({ to })(file)
    // @ts-expect-error: a column for a field that was not declared
    CustomerFile.read("a.csv", Acme.CustomerPatch, { columns: { tier: "Tier" } })
    CustomerSync.run({ to: ReachDestination.batchPatch({ schema: Strict }) })(
      // @ts-expect-error: records of another schema
      CustomerFile.read("a.csv", ReachSchema.extend({ visits: Schema.String }).CustomerPatch)
    )
    ReachDestination.patch({ schema: Acme })
    ReachDestination.create({ schema: Acme, onConflict: "reject" })
  })

  it("in a declaration: what is no JSON, or a field already, does not compile", () => {
    const wrong = () => {
      // @ts-expect-error: a date is no JSON
      ReachSchema.extend({ lastVisit: Schema.Date })
      // @ts-expect-error: a field of the default schema
      ReachSchema.extend({ email: Schema.Number })
      // @ts-expect-error: who it is
      ReachSchema.extend({ customerId: Schema.Number })
      // @ts-expect-error: no field of that name is required, for there is none
      ReachSchema.extend({ visits: Schema.Int }, { required: ["visit"] })
    }
    expectTypeOf(wrong).toEqualTypeOf<() => void>()
  })

  it("in Pocketflows' metadata", () => {
    type Update = (typeof Plans)["CustomerUpdate"]["Type"]
    expectTypeOf<NonNullable<Update["metadata"]>["plan"]>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<NonNullable<Update["metadata"]>["seats"]>().toEqualTypeOf<number | null | undefined>()
    const calls = Effect.gen(function* () {
      const acme = yield* PocketflowsClient.withSchema(Plans)
      yield* acme.updateCustomers("b-1", [{ id: "p-1", metadata: { plan: "pro", seats: 2 } }])
      // @ts-expect-error: a key that was not declared
      yield* acme.updateCustomers("b-1", [{ id: "p-1", metadata: { tier: "gold" } }])
    })
    expectTypeOf<Effect.Success<typeof calls>>().toEqualTypeOf<void>()
    CustomerSync.run({ to: PocketflowsDestination.batchUpdate({ business: "b-1", schema: Plans }) })(
      CustomerFile.read("a.csv", Plans.CustomerUpdate, { columns: { "metadata.plan": "Plan" } })
    )
    // @ts-expect-error: a column for a key that was not declared
    CustomerFile.read("a.csv", Plans.CustomerUpdate, { columns: { "metadata.tier": "Tier" } })
    CustomerFile.read("a.csv", PocketflowsSchema.CustomerUpdate, { columns: { "metadata.tier": "Tier" } })
  })
})

declare const now: DateTime.Utc
