/** The tag of an error. */
import * as Predicate from "effect/Predicate"

/** The `_tag`; `Error` where it has none. */
export const of = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag) ? error._tag : "Error"
