import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { SignJWT } from "jose"
import { Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import { ada, send } from "./support.ts"

const secret = "a-shared-partner-secret-of-some-length"
const start = Date.parse("2024-01-01T00:00:00Z")
const issued = start / 1000
const tenantClaims = {
  email: "user@example.com",
  name: "A User",
  externalId: "u-1",
  tenantExternalId: "acme",
  partnerId: "p-1",
  iat: issued,
  exp: issued + 3600
}
const partnerClaims = { partnerId: "p-1", type: "partner", iat: issued, exp: issued + 3600 }

const sign = (claims: Record<string, unknown>, alg = "HS256", key = secret) =>
  Effect.promise(() => new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key)))
const createWith = (token: string, tenant?: string) =>
  send(
    "POST",
    "/api/resources/customers",
    { data: ada },
    { authorization: `Bearer ${token}`, ...(tenant === undefined ? {} : { "reach-tenant-id": tenant }) }
  )
const withSecret = SandboxClient.layer({ reach: { secret, partnerId: "p-1" } })

describe("Reach, tokens", () => {
  it.effect("without a bearer token every endpoint answers 401 in JSON", () =>
    Effect.gen(function* () {
      for (const headers of [{}, { authorization: "Basic abc" }, { authorization: "Bearer " }]) {
        const { body, status } = yield* send("POST", "/api/resources/customers", { data: ada }, headers)
        assert.strictEqual(status, 401)
        assert.strictEqual(body.success, false)
        assert.strictEqual((yield* send("GET", "/api/batches/b", undefined, headers)).status, 401)
      }
    }).pipe(Effect.provide(SandboxClient.layer()))
  )

  it.effect("a tenant-scoped token acts for the tenant that it claims, in every algorithm of the family", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      for (const alg of ["HS256", "HS384", "HS512"]) {
        assert.strictEqual((yield* createWith(yield* sign(tenantClaims, alg))).status, 200)
      }
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 1)
      assert.strictEqual((yield* createWith(yield* sign(tenantClaims), "acme")).status, 200)
      assert.strictEqual((yield* createWith(yield* sign(tenantClaims), "other")).status, 403)
    }).pipe(Effect.provide(withSecret))
  )

  it.effect("a partner-scoped token acts for the tenant of the header, and for none without it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const token = yield* sign(partnerClaims)
      assert.strictEqual((yield* createWith(token, "other")).status, 200)
      assert.strictEqual((yield* createWith(token)).status, 403)
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.reachCustomers("other")).size, 1)
    }).pipe(Effect.provide(withSecret))
  )

  it.effect("a token expires by Effect's clock", () =>
    Effect.gen(function* () {
      const token = yield* sign(tenantClaims)
      yield* TestClock.setTime(start + 3599_000)
      assert.strictEqual((yield* createWith(token)).status, 200)
      yield* TestClock.setTime(start + 3600_000)
      assert.strictEqual((yield* createWith(token)).status, 401)
    }).pipe(Effect.provide(withSecret))
  )

  it.effect("another key, a missing claim, no expiry and no token at all are 401; another partner is 403", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { exp: _exp, ...endless } = partnerClaims
      const { email: _email, ...nameless } = tenantClaims
      assert.strictEqual((yield* createWith(yield* sign(tenantClaims, "HS256", `${secret}!`))).status, 401)
      assert.strictEqual((yield* createWith(yield* sign(nameless))).status, 401)
      assert.strictEqual((yield* createWith(yield* sign(endless), "acme")).status, 401)
      assert.strictEqual((yield* createWith("not-a-token")).status, 401)
      assert.strictEqual((yield* createWith(yield* sign({ ...tenantClaims, partnerId: "p-2" }))).status, 403)
    }).pipe(Effect.provide(withSecret))
  )
})
