/**
 * How often requests may start: a limit that is known, or one that is found.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as RateLimiter from "effect/persistence/RateLimiter"
import type * as LimitFinder from "./LimitFinder.ts"
import type * as RateLimitHeaders from "./RateLimitHeaders.ts"

/**
 * Whom the `Retry-After` of a 429 or 503 holds back: `everyone` who shares the limit, or only the `request` that was
 * answered so, for a vendor that refuses requests one by one and not their sender.
 *
 * @category models
 * @since 0.1.0
 */
export type RetryAfter = "everyone" | "request"

/**
 * What a process does where the store of a shared limit gives no answer: it stops, with `RetriesExhausted`, or goes on by itself
 * with a share of the limit. Shares of all processes should be 1 together, or less: `{ share: 0.1 }` for each of ten.
 *
 * @category models
 * @since 0.1.0
 */
export type WithoutStore = "stop" | { readonly share: number }

/**
 * A limit that is known. `R` is `RateLimiter` where the limit is shared through a store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Known<out R = never> {
  readonly _tag: "Known"
  readonly limit: number
  readonly window: Duration.Duration
  readonly burst: number
  readonly unit: "requests" | "records"
  readonly key: string | undefined
  readonly headers: RateLimitHeaders.Names
  readonly retryAfter: RetryAfter
  readonly shared: boolean
  readonly withoutStore: WithoutStore
  readonly storePatience: Duration.Duration
  readonly "~R"?: (_: never) => R
}

/**
 * A limit that is not known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly _tag: "Found"
  readonly search: LimitFinder.Options
  readonly unit: "requests" | "records"
  readonly key: string | undefined
  readonly headers: RateLimitHeaders.Names
  readonly retryAfter: RetryAfter
}

/**
 * No limit but what answers ask for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unlimited {
  readonly _tag: "Unlimited"
  readonly key: string | undefined
  readonly headers: RateLimitHeaders.Names
  readonly retryAfter: RetryAfter
}

/**
 * A plain value: whichever it is, a 429 or 503 that names a time pauses everything that shares the key (or the one
 * request, see {@link RetryAfter}), and a quota that the answers' headers tell is kept.
 *
 * @category models
 * @since 0.1.0
 */
export type RateLimitPolicy<R = never> = Known<R> | Found | Unlimited

/**
 * What every rate limit can be told.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface CommonOptions {
  /** What shares the limit. Default: all that send to one vendor, base URL and tenant, shown as `Reach/acme`. */
  readonly key?: string | undefined
  /** Other names for the headers that tell about limits. Default: those of {@link RateLimitHeaders.Names}. */
  readonly headers?: RateLimitHeaders.Names | undefined
  /** Whom a `Retry-After` holds back. Default: `everyone`. */
  readonly retryAfter?: RetryAfter | undefined
}

/**
 * What a known limit is.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<Shared extends boolean = boolean> extends CommonOptions {
  /** At most so many in a window. A finite number, at least 1. */
  readonly limit: number
  /** Length of the window. */
  readonly window: Duration.Input
  /** So many more may start at once after an idle time; see {@link make}. Default: 0. */
  readonly burst?: number | undefined
  /** What is counted. Default: `requests`. */
  readonly unit?: "requests" | "records" | undefined
  /**
   * Shares the limit with other processes, through the `RateLimiter` of `effect/persistence` in the context
   * (`RateLimiter.layer` on `layerStoreRedis` or any other store). Default: false.
   */
  readonly shared?: Shared | undefined
  /** Where the limit is shared: what to do while the store gives no answer. Default: `stop`, after {@link storePatience}. */
  readonly withoutStore?: WithoutStore | undefined
  /**
   * Where the limit is shared: a store that gives no answer is asked for so long, and nothing is sent meanwhile, before a
   * process stops. With a share it goes on at once, after a second without an answer. Default: 30 seconds.
   */
  readonly storePatience?: Duration.Input | undefined
}

/**
 * A known limit, paced evenly. **In any time of the window's length, wherever it starts, at most `limit`
 * requests start, retries included; with a `burst`, at most `limit + burst`.** Over long times the rate stays
 * `limit` per window either way: a burst is what an idle time has saved.
 *
 * Where records are counted, a batch counts with its records. A batch larger than `limit + burst` starts
 * alone, when the window before it is empty, and is then paid off at the limit's rate.
 *
 * Where the limit is shared, the store's token bucket of size `burst + 1` paces all processes together, 2.5 % below
 * the limit: a start may be late by as much of the window, and one that would come later asks for another turn. So
 * the promise is that of all processes together; where records are counted, one batch more. A pause that a vendor
 * asks one of them for reaches all within a second. What happens without the store says `withoutStore`; a client's single
 * call then ends with a `TransportFault`.
 *
 * Throws a `RangeError` for a limit below 1, a negative burst, a window that is not positive and finite, or a share that is not
 * above 0 and at most 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Shared extends boolean = false>(
  options: Options<Shared>
): Known<Shared extends true ? RateLimiter.RateLimiter : never> => {
  const window = Duration.fromInputUnsafe(options.window)
  const { burst = 0, headers = {}, key, limit, retryAfter = "everyone", shared = false, unit = "requests" } = options
  const { withoutStore = "stop" } = options
  const storePatience = Duration.fromInputUnsafe(options.storePatience ?? "30 seconds")
  const millis = Duration.toMillis(window)
  if (!(limit >= 1 && Number.isFinite(limit))) throw new RangeError(`The limit must be at least 1, not ${limit}.`)
  if (!(burst >= 0 && Number.isFinite(burst))) throw new RangeError(`The burst must be at least 0, not ${burst}.`)
  if (!(millis > 0 && Number.isFinite(millis))) throw new RangeError("The window must be positive and finite.")
  if (withoutStore !== "stop" && !(withoutStore.share > 0 && withoutStore.share <= 1)) {
    throw new RangeError(`The share of the limit must be above 0 and at most 1, not ${withoutStore.share}.`)
  }
  return { _tag: "Known", limit, window, burst, unit, key, headers, retryAfter, shared, withoutStore, storePatience }
}

/**
 * What a search for a limit can be told.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface SearchOptions extends LimitFinder.Options, CommonOptions {
  /**
   * What the vendor counts. With `records`, a batch takes as much of the pace as it has records, next to the mean batch;
   * also the best to say where bytes are counted. Default: `requests`.
   */
  readonly unit?: "requests" | "records" | undefined
}

/**
 * A limit that nobody told is found, by `LimitFinder`: from `initial` requests per second upwards until 429s come with
 * the rate, and from there to at least 95 % of the limit with less than 1 % of requests refused. It follows
 * a limit that changes. 429s whose share does not depend on the rate do not slow it down: they are retried and no more.
 * Where headers declare a limit per window of at most a minute, that is kept instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = (options: SearchOptions = {}): Found => {
  const { headers = {}, initial, key, max, min, retryAfter = "everyone", unit = "requests" } = options
  return { _tag: "Found", search: { initial, max, min }, unit, key, headers, retryAfter }
}

/**
 * No limit but what answers ask for: for a vendor that is known to have none, and for tests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unlimited = (options: CommonOptions = {}): Unlimited => {
  const { headers = {}, key, retryAfter = "everyone" } = options
  return { _tag: "Unlimited", key, headers, retryAfter }
}
