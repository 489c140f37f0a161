/**
 * Which vendor answers, where its base URL does not say it: one in memory answers whatever URL is asked. Requests to
 * different ones share no limit.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Its name, unlike that of any other in the process. To be provided together with the `HttpClient` that reaches it.
 * Default: the one that the base URL names.
 *
 * @category configuration
 * @since 0.1.0
 */
export const VendorInstance = Context.Reference<string | undefined>("effect-patchbay/http/VendorInstance", {
  defaultValue: () => undefined
})
