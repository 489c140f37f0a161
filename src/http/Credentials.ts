/**
 * What a client proves with who it is.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

/**
 * Where the `Authorization` header of a client comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** The header's value for the next request. */
  readonly authorization: Effect.Effect<Redacted.Redacted<string>>
  /** Called with a value that was answered 401: whether there is another one to try. */
  readonly renew: (refused: string) => Effect.Effect<boolean>
}
