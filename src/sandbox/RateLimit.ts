/**
 * The sandbox's own limit on requests.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type { Refusable } from "./Refusal.ts"

/**
 * So many requests in a fixed window, counted for each tenant of each vendor. Windows start at multiples of their
 * length since 1970.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly limit: number
  readonly window: Duration.Input
}

/**
 * Counts one request against `key`. One too many ends in what `refuse` makes of the headers, with `Retry-After`
 * in seconds up to the end of the window.
 *
 * @category models
 * @since 0.1.0
 */
export type RateLimit = (
  key: string,
  refuse: (headers: Readonly<Record<string, string>>) => Refusable<never>
) => Refusable<void>

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options | undefined): RateLimit => {
  if (options === undefined) return () => Effect.void
  const { limit } = options
  const length = Duration.toMillis(options.window)
  const windows = new Map<string, { readonly start: number; count: number }>()
  return (key, refuse) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const start = now - (now % length)
      let window = windows.get(key)
      if (window?.start !== start) {
        window = { start, count: 0 }
        windows.set(key, window)
      }
      window.count++
      return window.count <= limit
        ? Effect.void
        : refuse({ "retry-after": Headers.formatRetryAfter(Headers.retryAfterDuration(start + length - now)) })
    })
}
