/**
 * Reads what an answer's headers say about rate limits. Every function is total: what is malformed says
 * nothing, so that it never makes anyone wait.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"
import * as RetryAfter from "../../http/RetryAfter.ts"

/** One limit, as far as the headers tell. Times are in milliseconds, finite and never negative. */
export interface Quota {
  /** The policy's name in the structured fields; `""` where there is none. */
  readonly name: string
  /** Requests per window. */
  readonly limit: number | undefined
  /** Length of the window. */
  readonly window: number | undefined
  /** Requests left until the reset. */
  readonly remaining: number | undefined
  /** From now until more are allowed. */
  readonly resetAfter: number | undefined
}

/** What one answer's headers say. */
export interface RateLimitHeaders {
  /** `Retry-After` (RFC 9110 §10.2.3), in milliseconds from now. */
  readonly retryAfter: number | undefined
  readonly quotas: ReadonlyArray<Quota>
}

/**
 * Names of headers, in lower case; the first one that is there and can be read counts. What is left out
 * keeps its default.
 */
export interface Names {
  /** Default: `retry-after`. */
  readonly retryAfter?: ReadonlyArray<string> | undefined
  /** Default: `ratelimit-limit`, `x-ratelimit-limit`, `x-rate-limit-limit`. */
  readonly limit?: ReadonlyArray<string> | undefined
  /** Default: `ratelimit-remaining`, `x-ratelimit-remaining`, `x-rate-limit-remaining`. */
  readonly remaining?: ReadonlyArray<string> | undefined
  /** Seconds from now, or a time. Default: `ratelimit-reset`, `x-ratelimit-reset`, `x-rate-limit-reset`. */
  readonly reset?: ReadonlyArray<string> | undefined
}

interface AnswerHeaders {
  readonly [name: string]: string | undefined
}

const defaultNames = {
  retryAfter: ["retry-after"],
  limit: ["ratelimit-limit", "x-ratelimit-limit", "x-rate-limit-limit"],
  remaining: ["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"],
  reset: ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"]
} satisfies Names

const nothing: RateLimitHeaders = { retryAfter: undefined, quotas: [] }

/**
 * Makes the parser for some names. It understands `Retry-After` (seconds or an HTTP date); the single fields
 * `RateLimit-*` (draft-ietf-httpapi-ratelimit-headers-06) and `X-RateLimit-*`, their reset as seconds, as
 * Unix time in seconds or milliseconds, or as an HTTP date; and the structured `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, and the older `limit=, remaining=, reset=`),
 * several policies at once. `now` is in milliseconds since 1970.
 */
export const makeParser = (names: Names = {}): ((headers: AnswerHeaders, now: number) => RateLimitHeaders) => {
  const retryAfterNames = lower(names.retryAfter ?? defaultNames.retryAfter)
  const limitNames = lower(names.limit ?? defaultNames.limit)
  const remainingNames = lower(names.remaining ?? defaultNames.remaining)
  const resetNames = lower(names.reset ?? defaultNames.reset)
  return (headers, now) => {
    const retryAfter = first(headers, retryAfterNames, (value) => parseRetryAfter(value, now))
    const structured = headers.ratelimit === undefined && headers["ratelimit-policy"] === undefined
    const quotas = structured ? [] : parseStructured(headers.ratelimit ?? "", headers["ratelimit-policy"] ?? "")
    const limit = first(headers, limitNames, leadingCount)
    const remaining = first(headers, remainingNames, leadingCount)
    const resetAfter = first(headers, resetNames, (value) => parseReset(value, now))
    if (remaining !== undefined || resetAfter !== undefined || limit !== undefined) {
      quotas.push({ name: "", limit, window: undefined, remaining, resetAfter })
    }
    return retryAfter === undefined && quotas.length === 0 ? nothing : { retryAfter, quotas }
  }
}

/**
 * How long the strictest quota asks to wait, in milliseconds: the longest time until the reset among those
 * that have nothing left. 0 where none is used up.
 */
export const exhaustedFor = (headers: RateLimitHeaders): number =>
  headers.quotas.reduce(
    (longest, quota) => (quota.remaining === 0 ? Math.max(longest, quota.resetAfter ?? 0) : longest),
    0
  )

/**
 * The slowest of the rates that quotas declare with a window, in requests per second; `undefined` where none
 * does. Longer windows than `maxWindow` (milliseconds) are left out: a daily quota is not meant to be paced.
 */
export const strictestRate = (headers: RateLimitHeaders, maxWindow: number): number | undefined => {
  let strictest: number | undefined
  for (const { limit, window } of headers.quotas) {
    if (limit === undefined || limit < 1 || window === undefined || window <= 0 || window > maxWindow) continue
    const rate = (limit * 1000) / window
    if (strictest === undefined || rate < strictest) strictest = rate
  }
  return strictest
}

const lower = (names: ReadonlyArray<string>) => names.map((name) => name.toLowerCase())

const first = <A>(
  headers: AnswerHeaders,
  names: ReadonlyArray<string>,
  read: (value: string) => A | undefined
): A | undefined => {
  for (const name of names) {
    const value = headers[name]
    if (value === undefined) continue
    const parsed = read(value)
    if (parsed !== undefined) return parsed
  }
  return undefined
}

// Longer than anyone means; it also keeps sums of times exact.
const longest = 10 * 365 * 24 * 3600 * 1000

const bounded = (millis: number): number | undefined => (millis >= 0 && millis <= longest ? millis : undefined)

const parseRetryAfter = (value: string, now: number): number | undefined => {
  const wait = RetryAfter.read(value, now)
  return wait === undefined ? undefined : bounded(Duration.toMillis(wait))
}

// Twelve digits are more than any count, and still exact.
const number = (value: string): number | undefined => {
  const trimmed = value.trim()
  return /^\d{1,12}$/.test(trimmed) ? Number(trimmed) : undefined
}

// `100, 100;w=60` is how an older draft adds the policies to the limit in force.
const leadingCount = (value: string): number | undefined => number(value.split(/[,;]/, 1)[0] ?? "")

// As seconds from now, this would be 30 years; as Unix time, it is 2001.
const earliestUnix = 1e9
const earliestUnixMillis = 1e12

const parseReset = (value: string, now: number): number | undefined => {
  const trimmed = value.trim()
  if (/^\d{1,13}(?:\.\d{1,9})?$/.test(trimmed)) {
    const read = Number(trimmed)
    if (read >= earliestUnixMillis) return bounded(Math.max(0, read - now))
    if (read >= earliestUnix) return bounded(Math.max(0, read * 1000 - now))
    return bounded(read * 1000)
  }
  const date = Headers.parseHttpDate(trimmed)
  return Result.isFailure(date) ? undefined : bounded(Math.max(0, DateTime.toEpochMillis(date.success) - now))
}

interface Item {
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
}

// A list of items with parameters (RFC 9651 §3.1), as far as these two fields use it. A list that does not
// parse is ignored as a whole, as the RFC asks.
const parseList = (value: string): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  const item =
    /\s*(?:"((?:[^"\\]|\\["\\])*)"|([A-Za-z0-9*_.:/-]+)(?:=([0-9]+))?)((?:\s*;\s*[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\["\\])*"|[^",;\s]+))?)*)\s*(,|$)/y
  while (item.lastIndex < value.length) {
    const match = item.exec(value)
    if (match === null) return []
    const [, quoted, bare, bareValue, parameters = ""] = match
    const read = new Map<string, string>()
    for (const [, name = "", text = ""] of parameters.matchAll(
      /;\s*([a-z*][a-z0-9_.*-]*)(?:=("(?:[^"\\]|\\["\\])*"|[^",;\s]+))?/g
    )) {
      read.set(name, text)
    }
    if (bareValue !== undefined) read.set("=", bareValue)
    items.push({ name: quoted ?? bare ?? "", parameters: read })
  }
  return items
}

const parameter = (item: Item | undefined, name: string): number | undefined => {
  const value = item?.parameters.get(name)
  return value === undefined ? undefined : number(value)
}

const seconds = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : bounded(value * 1000)

// Quotas can also count bytes or concurrent requests, which says nothing about how often to ask.
const countsRequests = (item: Item): boolean => {
  const unit = item.parameters.get("qu")
  return unit === undefined || unit === '"requests"'
}

const parseStructured = (limits: string, policies: string): Array<Quota> => {
  const declared = parseList(policies)
  const current = parseList(limits)
  if (current.some((item) => item.parameters.has("="))) return [parseDictionary(current, declared)]
  const quotas: Array<Quota> = []
  for (const item of current) {
    const policy = declared.find((policy) => policy.name === item.name)
    if (policy !== undefined && !countsRequests(policy)) continue
    quotas.push({
      name: item.name,
      limit: parameter(policy, "q"),
      window: seconds(parameter(policy, "w")),
      remaining: parameter(item, "r"),
      resetAfter: seconds(parameter(item, "t"))
    })
  }
  for (const policy of declared) {
    if (!countsRequests(policy) || quotas.some((quota) => quota.name === policy.name)) continue
    // The older form is `100;w=60`: the number is the quota.
    const limit = parameter(policy, "q") ?? number(policy.name)
    if (limit === undefined) continue
    const window = seconds(parameter(policy, "w"))
    quotas.push({ name: policy.name, limit, window, remaining: undefined, resetAfter: undefined })
  }
  return quotas
}

// `limit=100, remaining=50, reset=5`, as in the drafts 03 to 07.
const parseDictionary = (current: ReadonlyArray<Item>, declared: ReadonlyArray<Item>): Quota => {
  const value = (name: string) =>
    parameter(
      current.find((item) => item.name === name),
      "="
    )
  const limit = value("limit")
  const policy = declared.find((policy) => limit !== undefined && number(policy.name) === limit)
  return {
    name: "",
    limit,
    window: seconds(parameter(policy, "w")),
    remaining: value("remaining"),
    resetAfter: seconds(value("reset"))
  }
}
