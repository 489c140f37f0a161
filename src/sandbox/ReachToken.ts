/** Who a Reach request comes from, by its bearer token. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

import { tenantHeader } from "../reach/ReachApi.ts"
import { type Refusable, refuse } from "./Refusal.ts"

export interface Options {
  /**
   * The shared partner secret. With it, a token's signature, expiry and claims are verified. Without it, any
   * bearer token is good for the tenant that the header `reach-tenant-id` names, or for `default`.
   */
  readonly secret?: string | Redacted.Redacted<string> | undefined
  /** Algorithms that a signature may have. Default: HS256, HS384 and HS512. */
  readonly algorithms?: ReadonlyArray<"HS256" | "HS384" | "HS512"> | undefined
  /** The only `partnerId` that is let in. Default: any. */
  readonly partnerId?: string | undefined
}

const defaultTenant = "default"

// Reach's guide to authentication: what each kind of token must claim.
const PartnerClaims = Schema.Struct({
  type: Schema.Literal("partner"),
  partnerId: Schema.NonEmptyString,
  exp: Schema.Number
})
const TenantClaims = Schema.Struct({
  email: Schema.NonEmptyString,
  name: Schema.NonEmptyString,
  externalId: Schema.NonEmptyString,
  tenantExternalId: Schema.NonEmptyString,
  partnerId: Schema.NonEmptyString,
  iat: Schema.Number,
  exp: Schema.Number
})
const decodeClaims = Schema.decodeUnknownEffect(Schema.Union([PartnerClaims, TenantClaims]))

const unauthorized = (message: string) =>
  refuse(401, { success: false, message }, { "www-authenticate": 'Bearer error="invalid_token"' })
const forbidden = (message: string) => refuse(403, { success: false, message })

/**
 * The tenant that a request acts for. A missing or bad token is refused with 401; a good one that does not
 * lead to the tenant asked for, with 403.
 */
export const tenantOf = (
  options: Options
): ((
  request: HttpServerRequest.HttpServerRequest
) => Refusable<string, HttpServerRequest.HttpServerRequest | HttpServerRequest.ParsedSearchParams>) => {
  const { algorithms = ["HS256", "HS384", "HS512"], partnerId, secret } = options
  const key =
    secret === undefined
      ? undefined
      : new TextEncoder().encode(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)

  return Effect.fnUntraced(function* (request) {
    const token = Redacted.value(yield* HttpApiBuilder.securityDecode(HttpApiSecurity.bearer))
    const header = request.headers[tenantHeader]
    if (token === "") return yield* unauthorized("A bearer token is required.")
    if (key === undefined) return header ?? defaultTenant
    const now = yield* Clock.currentTimeMillis
    // Loaded when the first token is verified.
    const { jwtVerify } = yield* Effect.promise(() => import("jose"))
    const { payload } = yield* Effect.tryPromise(() =>
      jwtVerify(token, key, { algorithms: [...algorithms], currentDate: new Date(now) })
    ).pipe(Effect.catch(() => unauthorized("The token is expired, or its signature is not valid.")))
    const claims = yield* decodeClaims(payload).pipe(
      Effect.catch(() => unauthorized("The token lacks a claim that its kind must have."))
    )
    if (partnerId !== undefined && claims.partnerId !== partnerId) {
      return yield* forbidden("The token is another partner's.")
    }
    if ("type" in claims) {
      return header ?? (yield* forbidden(`A partner-scoped token needs the header ${tenantHeader}.`))
    }
    if (header !== undefined && header !== claims.tenantExternalId) {
      return yield* forbidden("A tenant-scoped token cannot act for another tenant.")
    }
    return claims.tenantExternalId
  })
}
