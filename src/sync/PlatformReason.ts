/**
 * Why a platform refused, in one word.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"

/**
 * The platform's reason: `NotFound`, `PermissionDenied` …, or the system's own code (`ENOSPC`) where the
 * platform has no word for it. Never a path or a text of the system.
 *
 * @category formatting
 * @since 0.1.0
 */
export const platformReason = ({ reason }: PlatformError.PlatformError): string => {
  if (reason._tag !== "Unknown") return reason._tag
  const { cause } = reason
  return Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : reason._tag
}
