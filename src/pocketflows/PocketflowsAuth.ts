/**
 * Who calls Pocketflows: HTTP Basic (RFC 7617) on every endpoint.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../http/Credentials.ts"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"

/**
 * Two opaque strings; what they are is not documented, and the password may be empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface PocketflowsAuth {
  readonly username: Redacted.Redacted<string>
  readonly password: Redacted.Redacted<string>
}

/**
 * `POCKETFLOWS_USERNAME` and `POCKETFLOWS_PASSWORD` (default: empty).
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<PocketflowsAuth> = Config.all({
  username: Config.Redacted("POCKETFLOWS_USERNAME"),
  password: Config.Redacted("POCKETFLOWS_PASSWORD").pipe(Config.withDefault(Redacted.make("")))
})

// RFC 7617 §2: a colon would end the user name, and neither part may hold control characters.
const control = /\p{Cc}/u

/**
 * The credentials of a client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const credentials = Effect.fnUntraced(function* (
  auth: PocketflowsAuth
): Effect.fn.Return<Credentials, InvalidConfiguration> {
  const username = Redacted.value(auth.username)
  const password = Redacted.value(auth.password)
  if (username === "" || username.includes(":") || control.test(username)) {
    return yield* new InvalidConfiguration({
      option: "POCKETFLOWS_USERNAME",
      problem: "is empty, or holds a colon or a control character, which HTTP Basic cannot carry"
    })
  }
  if (control.test(password)) {
    return yield* new InvalidConfiguration({
      option: "POCKETFLOWS_PASSWORD",
      problem: "holds a control character, which HTTP Basic cannot carry. Check for a line break"
    })
  }
  const authorization = Redacted.make(`Basic ${Base64.encode(`${username}:${password}`)}`, { label: "authorization" })
  return { authorization: Effect.succeed(authorization), renew: () => Effect.succeed(false) }
})
