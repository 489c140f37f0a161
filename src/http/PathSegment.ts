/** Ids that become part of a path. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * An id that stays one segment of a path. Other characters are percent-encoded when the path is built;
 * these three cannot be: a URL resolves `.` and `..` (RFC 3986 §5.2.4), also when they are encoded, and an
 * empty segment names the collection.
 */
export const pathSegment = Schema.NonEmptyString.check(
  Schema.makeFilter((id) => id !== "." && id !== "..", { expected: 'an id other than "." and ".."' }),
  Schema.makeFilter((id) => id.isWellFormed(), {
    expected: "an id without half of a surrogate pair, which no URL can hold"
  })
)

/** The id, or why it cannot be one. */
export const checkPathSegment: (id: string) => Effect.Effect<string, Schema.SchemaError> =
  Schema.decodeEffect(pathSegment)
