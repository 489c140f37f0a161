import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as FakeClient from "../support/FakeClient.ts"

const secret = "a-shared-partner-secret-of-some-length"
const partner = { secret: Redacted.make(secret), partnerId: "p-1" }

const status = () => Response.json({ success: true, data: { batchId: "b", status: "success" } })
const unauthorized = () => Response.json({ message: "no" }, { status: 401 })

const tokenOf = (fake: ReturnType<typeof FakeClient.make>, index: number) =>
  FakeClient.header(fake.sent[index], "authorization")?.replace("Bearer ", "") ?? ""

const verify = (token: string) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { payload } = yield* Effect.promise(() =>
      jwtVerify(token, new TextEncoder().encode(secret), { currentDate: new Date(now) })
    )
    return payload
  })

describe("signed tokens", () => {
  it.effect("a tenant-scoped token holds the documented claims, for one hour", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("10 days")
      const fake = FakeClient.make(status)
      const signing = { ...partner, email: "e@x.example", name: "E", externalId: "u-1", tenantExternalId: "acme" }
      const reach = yield* Effect.provide(ReachClient.make({ auth: ReachAuth.tenantScoped(signing) }), fake.layer)
      yield* reach.batchStatus("b", { tenant: "acme" })
      const iat = 864_000
      const expected: JWTPayload = {
        email: "e@x.example",
        name: "E",
        externalId: "u-1",
        tenantExternalId: "acme",
        partnerId: "p-1",
        iat,
        exp: iat + 3600
      }
      assert.deepStrictEqual(yield* verify(tokenOf(fake, 0)), expected)
      assert.deepStrictEqual(decodeProtectedHeader(tokenOf(fake, 0)), { alg: "HS256", typ: "JWT" })
      assert.isUndefined(FakeClient.header(fake.sent[0], "reach-tenant-id"), "the tenant is in the token")
      const error = yield* Effect.flip(reach.batchStatus("b", { tenant: "other" }))
      assert.strictEqual(error._tag, "InvalidRequest")
    })
  )

  it.effect("a partner-scoped token names its tenant in the header, and needs one", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make(status)
      const auth = ReachAuth.partnerScoped({ ...partner, algorithm: "HS512", lifetime: "10 minutes" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      yield* reach.batchStatus("b", { tenant: "acme" })
      assert.deepStrictEqual(yield* verify(tokenOf(fake, 0)), { type: "partner", partnerId: "p-1", iat: 0, exp: 600 })
      assert.strictEqual(decodeProtectedHeader(tokenOf(fake, 0)).alg, "HS512")
      assert.strictEqual(FakeClient.header(fake.sent[0], "reach-tenant-id"), "acme")
      const error = yield* Effect.flip(reach.batchStatus("b"))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(fake.sent.length, 1)
    })
  )

  it.effect("one token serves many calls, and is replaced before it ends", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make(status)
      const auth = ReachAuth.partnerScoped({ ...partner, tenant: "acme" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      yield* Effect.all([reach.batchStatus("b"), reach.batchStatus("b"), reach.batchStatus("b")], { concurrency: 3 })
      yield* TestClock.adjust("58 minutes")
      yield* reach.batchStatus("b")
      assert.strictEqual(new Set(fake.sent.map((_, i) => tokenOf(fake, i))).size, 1)
      yield* TestClock.adjust("61 seconds")
      yield* reach.batchStatus("b")
      assert.notStrictEqual(tokenOf(fake, 4), tokenOf(fake, 0))
      assert.strictEqual((yield* verify(tokenOf(fake, 4))).exp, 3541 + 3600)
    })
  )

  it.effect("a 401 renews the token once and the call succeeds", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make((_, index) => (index === 1 ? unauthorized() : status()))
      const auth = ReachAuth.partnerScoped({ ...partner, tenant: "acme" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      yield* reach.batchStatus("b")
      yield* reach.batchStatus("b")
      assert.strictEqual(fake.sent.length, 3)
      assert.notStrictEqual(tokenOf(fake, 2), tokenOf(fake, 1))
    })
  )

  it.effect("a second 401 in a row is Unauthorized, and no third request is made", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make(unauthorized)
      const auth = ReachAuth.partnerScoped({ ...partner, tenant: "acme" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      assert.strictEqual((yield* Effect.flip(reach.batchStatus("b")))._tag, "Unauthorized")
      assert.strictEqual(fake.sent.length, 2)
      assert.strictEqual((yield* Effect.flip(reach.batchStatus("b")))._tag, "Unauthorized")
      assert.strictEqual(fake.sent.length, 3, "a fresh token that was refused is not replaced at once")
    })
  )

  it.live("many calls that meet a 401 at once share one new token", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make((_, index) => (index < 8 ? unauthorized() : status()), "20 millis")
      const auth = ReachAuth.partnerScoped({ ...partner, tenant: "acme" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      yield* Effect.forEach(Array.from({ length: 8 }), () => reach.batchStatus("b"), { concurrency: 8 })
      assert.strictEqual(fake.sent.length, 16)
      assert.strictEqual(new Set(fake.sent.map((_, i) => tokenOf(fake, i))).size, 2)
    })
  )

  it.effect("the pipeline's call reports the renewal instead of sending again behind its back", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make(unauthorized)
      const auth = ReachAuth.partnerScoped({ ...partner, tenant: "acme" })
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      assert.strictEqual((yield* Effect.flip(reach.sendPatches('{"resources":[]}')))._tag, "TokenExpired")
      assert.strictEqual(fake.sent.length, 1)
      assert.strictEqual((yield* Effect.flip(reach.sendPatches('{"resources":[]}')))._tag, "Unauthorized")
    })
  )
})

describe("a token that was given", () => {
  it.effect("is not renewed: a 401 is Unauthorized after one request", () =>
    Effect.gen(function* () {
      const fake = FakeClient.make(unauthorized)
      const auth = ReachAuth.token(Redacted.make("given"))
      const reach = yield* Effect.provide(ReachClient.make({ auth }), fake.layer)
      assert.strictEqual((yield* Effect.flip(reach.batchStatus("b")))._tag, "Unauthorized")
      assert.strictEqual(fake.sent.length, 1)
    })
  )
})

describe("what cannot be signed is refused when the client is made", () => {
  for (const [name, signing, option] of [
    ["an empty secret", { ...partner, secret: Redacted.make("") }, "REACH_PARTNER_SECRET"],
    ["a lifetime of nothing", { ...partner, lifetime: 0 }, "lifetime"]
  ] as const) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ReachAuth.credentials(ReachAuth.partnerScoped(signing)))
        assert.strictEqual(error.option, option)
      })
    )
  }
})
