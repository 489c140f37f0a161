/**
 * The tag of an error.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"

/**
 * The `_tag`; `Error` where it has none.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag) ? error._tag : "Error"
