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
export const of = ({ reason }: PlatformError.PlatformError): string =>
  reason._tag === "Unknown" ? systemCode(reason.cause) : reason._tag

/**
 * The system's own code of an error, such as `EPIPE`; `Unknown` where it has none.
 *
 * @category formatting
 * @since 0.1.0
 */
export const systemCode = (error: unknown): string =>
  Predicate.hasProperty(error, "code") && Predicate.isString(error.code) ? error.code : "Unknown"
