import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Redacted, Schema, Stream } from "effect"
import {
  CustomerFile,
  CustomerRecord,
  CustomerSync,
  DeadLetters,
  InvalidConfiguration,
  OwnFields,
  ReachAuth,
  ReachClient,
  ReachDestination,
  ReachSchema
} from "../../src/index.ts"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"

const Acme = ReachSchema.extend({
  loyaltyTier: Schema.Literals(["silver", "gold"]),
  visits: Schema.Number,
  vip: Schema.Boolean,
  lastVisit: OwnFields.DateTime
})

const fields = { loyaltyTier: "string", visits: "number", vip: "boolean", lastVisit: "date-time" } as const
const reach = ReachClient.layer({ auth: ReachAuth.token(Redacted.make("any"), { tenant: "acme" }) })
const sandboxed = (options: Sandbox.Options["reach"] = { fields }) =>
  Effect.provide(
    Layer.mergeAll(
      Layer.provideMerge(reach, SandboxClient.layer({ reach: options, keepBodies: true })),
      NodeServices.layer
    )
  )

const instant = DateTime.makeUnsafe("2024-01-15T10:30:00Z")
const ada = { customerId: "c-1", firstName: "Ada", lastName: "Lovelace", createdAt: instant }

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "own-fields-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

describe("fields of one's own", () => {
  it.effect("are sent by every method of the client, and stand in its answers", () =>
    Effect.gen(function* () {
      const acme = yield* ReachClient.withSchema(Acme)
      const created = yield* acme.createCustomer({ ...ada, loyaltyTier: "gold", visits: 1.5, lastVisit: instant })
      assert.deepStrictEqual(created.data, {
        ...ada,
        createdAt: "2024-01-15T10:30:00Z",
        loyaltyTier: "gold",
        visits: 1.5,
        lastVisit: "2024-01-15T10:30:00Z"
      })
      const { result } = yield* acme.patchCustomer("c-1", { visits: 2, loyaltyTier: null, vip: false })
      assert.deepStrictEqual([result.data?.visits, result.data?.vip, result.data?.loyaltyTier], [2, false, undefined])
      yield* acme.patchCustomers([{ customerId: "c-1", loyaltyTier: "silver" }])
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.idle
      const stored = (yield* sandbox.reachCustomers("acme")).get("c-1")
      assert.deepInclude(stored, { loyaltyTier: "silver", visits: 2, vip: false, lastVisit: "2024-01-15T10:30:00Z" })
      // The client itself knows the default schema: what Reach has beyond it is passed over.
      const plain = yield* (yield* ReachClient.ReachClient).patchCustomer("c-1", { phone: "+14155550100" })
      assert.notProperty(plain.result.data, "visits")
    }).pipe(sandboxed())
  )

  it.effect("are checked before they are sent, and a number that JSON has no form for deletes nothing", () =>
    Effect.gen(function* () {
      const acme = yield* ReachClient.withSchema(Acme)
      const sandbox = yield* Sandbox.Sandbox
      const untyped = (changes: object) => Effect.flip(acme.patchCustomer("c-1", changes))
      for (const [field, value] of Object.entries({ loyaltyTier: "bronze", visits: "1", tier: "gold" })) {
        const error = yield* untyped({ [field]: value })
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.deepInclude(
          error._tag === "InvalidRequest" ? error.issues.map(({ path }) => path.join(".")) : [],
          `data.${field}`
        )
        assert.notInclude(error.message, "bronze")
      }
      const error = yield* untyped({ visits: Number.NaN })
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.lengthOf(yield* sandbox.requests, 0)
    }).pipe(sandboxed())
  )

  it.effect("of which Reach knows nothing are refused, unless it is told to ignore them", () =>
    Effect.gen(function* () {
      const acme = yield* ReachClient.withSchema(Acme)
      const refused = yield* Effect.flip(acme.createCustomer({ ...ada, visits: 1 }))
      assert.strictEqual(refused._tag, "BadRequest")
      const ignored = yield* acme.createCustomer({ ...ada, visits: 1 }, { ignoreUnknownFields: true })
      assert.notProperty(ignored.data, "visits")
    }).pipe(sandboxed({}))
  )

  it.effect("are checked by the sandbox as it was told, and required where it was", () =>
    Effect.gen(function* () {
      const other = ReachSchema.extend({ visits: Schema.String }, { required: ["visits"] })
      const client = yield* ReachClient.withSchema(other)
      const wrong = yield* Effect.flip(client.createCustomer({ customerId: "c-1", visits: "1" }))
      assert.strictEqual(wrong._tag, "BadRequest")
      const acme = yield* ReachClient.withSchema(Acme)
      const missing = yield* Effect.flip(acme.createCustomer(ada))
      assert.strictEqual(missing._tag, "BadRequest")
    }).pipe(sandboxed({ fields, required: ["visits"] }))
  )

  it.effect("in an answer that breaks the rules by which they are sent are read all the same", () =>
    Effect.gen(function* () {
      const strict = ReachSchema.extend({
        code: Schema.String.check(Schema.isMaxLength(2)),
        visits: Schema.Int,
        lastVisit: OwnFields.DateTime
      })
      const read = yield* Schema.decodeUnknownEffect(strict.Customer)({ code: "long", visits: 0.5, lastVisit: "today" })
      assert.deepStrictEqual(read, { code: "long", visits: 0.5, lastVisit: "today" })
      const wrong = yield* Effect.flip(Schema.decodeUnknownEffect(strict.Customer)({ visits: "0.5" }))
      assert.strictEqual(wrong._tag, "SchemaError")
    })
  )

  it.effect("go from a file to Reach: merged by key, rejected into letters, and sent from these again", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "c.csv")
      const letters = join(yield* folder, "dead.ndjson")
      writeFileSync(
        path,
        "customerId,loyaltyTier,Visits,vip,lastVisit\nc-1,gold,1.50,true,2024-01-15T12:30:00+02:00\nc-2,bronze,2,,\nc-1,,7,,\nc-3,silver,many,,\n"
      )
      const to = ReachDestination.batchPatch({ schema: Acme })
      const report = yield* CustomerFile.read(path, Acme.CustomerPatch, { columns: { visits: "Visits" } }).pipe(
        CustomerSync.run({ to, sameKey: "merge", deadLetters: DeadLetters.file(letters), settle: "accepted" })
      )
      assert.deepInclude(report.outcomes, { Accepted: 1, Merged: 1, Rejected: 2 })
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.idle
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), {
        customerId: "c-1",
        loyaltyTier: "gold",
        visits: 7,
        vip: true,
        lastVisit: "2024-01-15T10:30:00Z"
      })
      const again = yield* Stream.runCollect(
        CustomerFile.deadLetters(
          letters,
          ReachSchema.extend({ ...Acme.ownFields, loyaltyTier: Schema.String }).CustomerPatch
        )
      )
      assert.deepStrictEqual(
        again.map((record) =>
          record._tag === "Invalid"
            ? record.reason.issues.map(({ path }) => path)
            : record._tag === "Valid" && record.patch
        ),
        [{ customerId: "c-2", loyaltyTier: "bronze", visits: 2 }, [["visits"]]]
      )
    }).pipe(Effect.scoped, sandboxed())
  )

  it.effect("are sent one by one too, and what is required is asked of records", () =>
    Effect.gen(function* () {
      const strict = ReachSchema.extend({ visits: Schema.Int }, { required: ["email", "visits"] })
      const one = { customerId: "c-1", email: "a@example.com", visits: 1 }
      yield* Stream.make(one).pipe(
        CustomerRecord.fromPatches,
        CustomerSync.run({ to: ReachDestination.create({ schema: strict }) })
      )
      yield* Stream.make({ customerId: "c-1", visits: 2 }).pipe(
        CustomerRecord.fromPatches,
        CustomerSync.run({ to: ReachDestination.patch({ schema: strict }) })
      )
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), { ...one, visits: 2 })
      const decode = (schema: Schema.ConstraintDecoder<unknown>, value: object) =>
        Effect.result(Schema.decodeUnknownEffect(schema)(value))
      assert.strictEqual((yield* decode(strict.CustomerPatch, { customerId: "c", visits: null }))._tag, "Failure")
      assert.strictEqual((yield* decode(strict.CustomerPatch, { customerId: "c", firstName: null }))._tag, "Success")
      assert.strictEqual((yield* decode(strict.NewCustomer, { customerId: "c", visits: 1 }))._tag, "Failure")
    }).pipe(sandboxed({ fields: { visits: "number" }, required: ["email", "visits"] }))
  )

  it("have names that no other field has, and no object", () => {
    const named = (name: string) => () => ReachSchema.extend(Object.fromEntries([[name, Schema.String]]))
    for (const name of ["email", "customerId", "toString", "__proto__", "constructor", ""]) {
      try {
        named(name)()
        assert.fail(name)
      } catch (error) {
        assert.instanceOf(error, InvalidConfiguration.InvalidConfiguration, name)
      }
    }
    assert.doesNotThrow(named("Email"))
  })

  it("change what a checkpoint is for", () => {
    const fingerprint = (schema?: ReachSchema.AnyCustomerSchema) => ReachDestination.batchPatch({ schema }).fingerprint
    assert.strictEqual(fingerprint(), fingerprint(ReachSchema.extend({})))
    assert.notStrictEqual(fingerprint(), fingerprint(Acme))
    assert.notStrictEqual(fingerprint(), fingerprint(ReachSchema.extend({}, { required: ["email"] })))
    assert.strictEqual(fingerprint(), '{"tenant":null,"ignoreUnknownFields":false,"deleteConsent":[]}')
  })
})

describe("a field as it is said in a text", () => {
  it("has a name, a kind, and perhaps a mark", () => {
    const read = (text: string) => OwnFields.parse(text)
    assert.deepStrictEqual(read("loyaltyTier:string")._tag, "Some")
    for (const text of ["a:string", "metadata.plan:number", "lastVisit:date-time!", "é:boolean"]) {
      const found = read(text)
      assert.strictEqual(found._tag === "Some" ? OwnFields.format(found.value) : undefined, text)
    }
    for (const text of ["", "a", "a:", ":string", "a:text", "a:string!!", "a b:string", "a:String", "a:b:string"]) {
      assert.strictEqual(read(text)._tag, "None", text)
    }
  })
})
