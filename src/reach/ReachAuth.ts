/**
 * Who calls Reach, and for which tenant: a token that was given, or one that is signed here from the secret
 * that Reach shares with its partner.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as SynchronizedRef from "effect/SynchronizedRef"
import type { Credentials } from "../http/Credentials.ts"
import { isHeaderValue } from "../http/HeaderValue.ts"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"

/**
 * How a token is signed. Source: Reach's guide to authentication.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signing {
  /** Shared with Reach. Keep it on the server. */
  readonly secret: Redacted.Redacted<string>
  readonly partnerId: string
  /** Default: HS256, which is inferred from the vendor's sample. */
  readonly algorithm?: "HS256" | "HS384" | "HS512" | undefined
  /** How long a token is good for. Default: 1 hour, as Reach recommends. A new one is signed before it ends. */
  readonly lifetime?: Duration.Input | undefined
}

/**
 * A tenant-scoped signer: the user and the business that its tokens speak for.
 *
 * @category models
 * @since 0.1.0
 */
export interface TenantSigning extends Signing {
  /** The user's. */
  readonly email: string
  /** The user's. */
  readonly name: string
  /** The user's id at the caller's. */
  readonly externalId: string
  /** The business' id at the caller's. */
  readonly tenantExternalId: string
}

/**
 * @category models
 * @since 0.1.0
 */
export type ReachAuth =
  | { readonly _tag: "Token"; readonly token: Redacted.Redacted<string>; readonly tenant: string | undefined }
  | { readonly _tag: "TenantScoped"; readonly signing: TenantSigning }
  | { readonly _tag: "PartnerScoped"; readonly signing: Signing; readonly tenant: string | undefined }

/**
 * A token that was signed elsewhere. With `tenant`, requests name that tenant unless they name another,
 * which is what a partner-scoped token needs. It cannot be renewed: when Reach refuses it, calls fail with
 * `Unauthorized`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const token = (
  token: Redacted.Redacted<string>,
  options?: { readonly tenant?: string | undefined }
): ReachAuth => ({ _tag: "Token", token, tenant: options?.tenant })

/**
 * Signs tokens that speak for one user of one business; Reach takes the tenant from the token.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tenantScoped = (signing: TenantSigning): ReachAuth => ({ _tag: "TenantScoped", signing })

/**
 * Signs tokens that speak for the partner. Each request names its tenant in the header `reach-tenant-id`:
 * the one that its caller names, or else `tenant`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const partnerScoped = (signing: Signing & { readonly tenant?: string | undefined }): ReachAuth => ({
  _tag: "PartnerScoped",
  signing,
  tenant: signing.tenant
})

/**
 * From the configuration: `REACH_TOKEN`; or, where that is not set, `REACH_PARTNER_SECRET` with
 * `REACH_PARTNER_ID`, from which partner-scoped tokens are signed. Which of them are missing is said by name.
 *
 * @category configuration
 * @since 0.1.0
 */
export const fromConfig: Effect.Effect<ReachAuth, Config.ConfigError | InvalidConfiguration> = Effect.gen(function* () {
  const given = yield* Config.option(Config.Redacted("REACH_TOKEN"))
  if (Option.isSome(given)) return token(given.value)
  const secret = yield* Config.option(Config.Redacted("REACH_PARTNER_SECRET"))
  const partnerId = yield* Config.option(Config.String("REACH_PARTNER_ID"))
  if (Option.isSome(secret) && Option.isSome(partnerId)) {
    return partnerScoped({ secret: secret.value, partnerId: partnerId.value })
  }
  const option = Option.isSome(secret)
    ? "REACH_PARTNER_ID"
    : Option.isSome(partnerId)
      ? "REACH_PARTNER_SECRET"
      : "REACH_TOKEN"
  return yield* new InvalidConfiguration({
    option,
    problem: "is not set. Set REACH_TOKEN, or REACH_PARTNER_SECRET together with REACH_PARTNER_ID"
  })
})

/**
 * The tenant to name in a request's header, given the one that its caller asked for; or what is wrong with
 * asking for it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tenantFor = (auth: ReachAuth, asked: string | undefined): Result.Result<string | undefined, string> => {
  if (auth._tag === "TenantScoped") {
    return asked === undefined || asked === auth.signing.tenantExternalId
      ? Result.succeed(undefined)
      : Result.fail("the credentials are signed for another tenant. Partner-scoped ones can name a tenant by request")
  }
  const tenant = asked ?? auth.tenant
  if (tenant === undefined) {
    return auth._tag === "Token"
      ? Result.succeed(undefined)
      : Result.fail("partner-scoped credentials need one. Name it in the call, or where they are made")
  }
  return isHeaderValue(tenant)
    ? Result.succeed(tenant)
    : Result.fail("a header can carry visible ASCII characters only, with spaces between them")
}

// The share of a token's lifetime that is left when a new one is signed, and the most that share may be: a
// request that starts just before must still arrive in time, and clocks differ.
const renewalShare = 0.1
const maxRenewalMargin = Duration.minutes(1)

// A fresh token that is refused too is not a matter of expiry; asking again at once would never end.
const minTimeBetweenRenewals = Duration.minutes(1)

interface SignedToken {
  readonly authorization: Redacted.Redacted<string>
  readonly renewAt: number
}

/**
 * The credentials of a client. Signed tokens are kept until shortly before they end, and replaced once when
 * one is refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const credentials = Effect.fnUntraced(function* (
  auth: ReachAuth
): Effect.fn.Return<Credentials, InvalidConfiguration> {
  if (auth._tag === "Token") {
    if (!isHeaderValue(Redacted.value(auth.token))) {
      return yield* new InvalidConfiguration({
        option: "REACH_TOKEN",
        problem: "is empty or holds characters that no token has. Check for a line break or quotes"
      })
    }
    const authorization = bearer(Redacted.value(auth.token))
    return { authorization: Effect.succeed(authorization), renew: () => Effect.succeed(false) }
  }
  const { signing } = auth
  const lifetime = Duration.toSeconds(
    signing.lifetime === undefined ? Duration.hours(1) : Duration.fromInputUnsafe(signing.lifetime)
  )
  if (Redacted.value(signing.secret) === "") {
    return yield* new InvalidConfiguration({ option: "REACH_PARTNER_SECRET", problem: "is empty" })
  }
  if (!(lifetime >= 2)) {
    return yield* new InvalidConfiguration({ option: "lifetime", problem: "must be two seconds or more" })
  }
  const margin = Math.min(Duration.toSeconds(maxRenewalMargin), lifetime * renewalShare)

  let lastIssued = Number.NaN
  const sign = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const iat = Math.floor(now / 1000)
    // Tokens of one second would be the same text, and one that replaces another must be told from it.
    const exp = iat + Math.floor(lifetime) - (iat === lastIssued ? 1 : 0)
    lastIssued = iat
    const token = yield* signJwt(signing, { ...claims(auth), iat, exp })
    return { authorization: bearer(token), renewAt: (exp - margin) * 1000 }
  })

  const current = yield* SynchronizedRef.make<SignedToken | undefined>(undefined)
  let lastRenewal = Number.NEGATIVE_INFINITY
  return {
    authorization: SynchronizedRef.modifyEffect(current, (kept) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        kept !== undefined && now < kept.renewAt
          ? Effect.succeed([kept.authorization, kept] as const)
          : Effect.map(sign, (signed) => [signed.authorization, signed] as const)
      )
    ),
    renew: (refused) =>
      SynchronizedRef.modifyEffect(current, (kept) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          // Another request's 401 has replaced it already.
          if (kept === undefined || Redacted.value(kept.authorization) !== refused) return [true, kept] as const
          if (now - lastRenewal < Duration.toMillis(minTimeBetweenRenewals)) return [false, kept] as const
          lastRenewal = now
          return [true, undefined] as const
        })
      )
  }
})

const bearer = (token: string) => Redacted.make(`Bearer ${token}`, { label: "authorization" })

const claims = (auth: Exclude<ReachAuth, { readonly _tag: "Token" }>) => {
  if (auth._tag === "PartnerScoped") return { type: "partner", partnerId: auth.signing.partnerId }
  const { email, externalId, name, partnerId, tenantExternalId } = auth.signing
  return { email, name, externalId, tenantExternalId, partnerId }
}

// Loaded when the first token is signed, which apps with a token of their own never do.
const signJwt = (signing: Signing, claims: { readonly [claim: string]: string | number }) =>
  Effect.promise(async () => {
    const { SignJWT } = await import("jose")
    return new SignJWT(claims)
      .setProtectedHeader({ alg: signing.algorithm ?? "HS256", typ: "JWT" })
      .sign(new TextEncoder().encode(Redacted.value(signing.secret)))
  })
