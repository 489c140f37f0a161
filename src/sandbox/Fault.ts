/**
 * How the sandbox misbehaves: rules that match requests, and what happens to the ones they hit.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Seeded from "./Seeded.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Vendor = "reach" | "pocketflows"

/**
 * A fixed time, or one between two (evenly spread, from the seed).
 *
 * @category models
 * @since 0.1.0
 */
export type Delay = Duration.Input | { readonly min: Duration.Input; readonly max: Duration.Input }

/**
 * What happens to a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | { readonly _tag: "Latency"; readonly delay: Delay; readonly when: "before" | "after" }
  | Respond
  | { readonly _tag: "Reset"; readonly when: "before" | "during" | "after" }
  /** `part` of the body is still sent, from 0 to 1. */
  | { readonly _tag: "CutShort"; readonly part: number }
  | { readonly _tag: "MalformedJson" }
  | { readonly _tag: "NoAnswer"; readonly applied: boolean }

/**
 * An answer that the vendor did not give.
 *
 * @category models
 * @since 0.1.0
 */
export interface Respond {
  readonly _tag: "Respond"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly retryAfter: { readonly wait: Duration.Duration; readonly form: "seconds" | "http-date" } | undefined
}

/**
 * The request waits `before` it is applied (default), or its answer does `after` it was.
 *
 * @category constructors
 * @since 0.1.0
 */
export const latency = (delay: Delay, options?: { readonly when?: "before" | "after" | undefined }): Fault => ({
  _tag: "Latency",
  delay,
  when: options?.when ?? "before"
})

/**
 * Answers without looking at the request, which is not applied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const respond = (options: {
  readonly status: number
  /** Default: a `content-type` that fits the body. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Text is sent as it is; anything else as JSON. Default: an empty body. */
  readonly body?: unknown
  /** The wait that the `Retry-After` header names (RFC 9110 §10.2.3). Default: no such header. */
  readonly retryAfter?: Duration.Input | undefined
  /** Whether `Retry-After` is written in seconds or as a date. Default: `seconds`. */
  readonly retryAfterForm?: "seconds" | "http-date" | undefined
}): Fault => {
  const { body = "" } = options
  const isText = typeof body === "string"
  const contentType = !isText
    ? "application/json"
    : body.startsWith("<")
      ? "text/html; charset=utf-8"
      : body === ""
        ? undefined
        : "text/plain; charset=utf-8"
  return {
    _tag: "Respond",
    status: options.status,
    headers: { ...(contentType === undefined ? {} : { "content-type": contentType }), ...options.headers },
    body: isText ? body : JSON.stringify(body),
    retryAfter:
      options.retryAfter === undefined
        ? undefined
        : { wait: Duration.fromInputUnsafe(options.retryAfter), form: options.retryAfterForm ?? "seconds" }
  }
}

/**
 * Resets the connection: `before` the body is read, `during` (read whole and not applied) or `after` (applied
 * and not answered).
 *
 * @category constructors
 * @since 0.1.0
 */
export const reset = (when: "before" | "during" | "after"): Fault => ({ _tag: "Reset", when })

/**
 * Applies the request and cuts its answer: the `Content-Length` is right, and the connection ends after `part`
 * of the body (from 0 to 1; default: a half).
 *
 * @category constructors
 * @since 0.1.0
 */
export const cutShort = (part = 0.5): Fault => ({ _tag: "CutShort", part })

/**
 * Applies the request and answers the first half of the JSON, as if it were all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const malformedJson: Fault = { _tag: "MalformedJson" }

/**
 * Takes the request and never answers. Default: it is not applied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noAnswer = (options?: { readonly applied?: boolean | undefined }): Fault => ({
  _tag: "NoAnswer",
  applied: options?.applied ?? false
})

/**
 * What a rule can see of a request.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultRequest {
  /** 1-based, over all requests of the sandbox. */
  readonly number: number
  /** `undefined` for a path of neither vendor. */
  readonly vendor: Vendor | undefined
  readonly method: string
  /** Without the query, percent-encoded as it came. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Which requests a fault hits: those that match everything given. Rules are asked in their order; delays add
 * up, and after the first fault of another kind no further rule is asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly fault: Fault
  readonly vendor?: Vendor | undefined
  /** In capitals: `PATCH`. */
  readonly method?: string | undefined
  /** The whole path, or a pattern to find in it. */
  readonly path?: string | RegExp | undefined
  readonly where?: ((request: FaultRequest) => boolean) | undefined
  /** Spares the first so many matching requests. Default: 0. */
  readonly after?: number | undefined
  /** With n, hits each n-th matching request, counted after those spared. Default: 1. */
  readonly every?: number | undefined
  /** Hits a request with this probability, from 0 to 1. Default: 1. */
  readonly probability?: number | undefined
  /** Hits at most so many requests. Default: no limit. */
  readonly times?: number | undefined
}

/**
 * The faults for one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decision {
  /** In milliseconds. */
  readonly before: number
  /** In milliseconds. */
  readonly after: number
  readonly fault: Exclude<Fault, { readonly _tag: "Latency" }> | undefined
  /** The names of all that hit. */
  readonly tags: ReadonlyArray<Fault["_tag"]>
}

const matches = (rule: Rule, request: FaultRequest): boolean =>
  (rule.vendor === undefined || rule.vendor === request.vendor) &&
  (rule.method === undefined || rule.method === request.method) &&
  (rule.path === undefined ||
    (typeof rule.path === "string" ? rule.path === request.path : request.path.search(rule.path) >= 0)) &&
  (rule.where === undefined || rule.where(request))

/**
 * A delay in milliseconds.
 *
 * @category decoding
 * @since 0.1.0
 */
export const delayMillis = (delay: Delay, next: () => number): number => {
  if (typeof delay === "object" && "min" in delay) {
    const min = Duration.toMillis(delay.min)
    return min + next() * (Duration.toMillis(delay.max) - min)
  }
  return Duration.toMillis(delay)
}

/**
 * Decides about one request after the other. The same seed and the same requests in the same order give the
 * same decisions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decider = (rules: ReadonlyArray<Rule>, seed: string): ((request: FaultRequest) => Decision) => {
  // A generator for each rule, so that adding one leaves the decisions of the others as they were.
  const states = rules.map((rule, index) => ({ rule, matched: 0, hit: 0, next: Seeded.make(`${seed}/rule/${index}`) }))
  return (request) => {
    const waits = { before: 0, after: 0 }
    const tags: Array<Fault["_tag"]> = []
    for (const state of states) {
      const { after = 0, every = 1, fault, probability = 1, times = Number.POSITIVE_INFINITY } = state.rule
      if (state.hit >= times || !matches(state.rule, request)) continue
      state.matched++
      if (state.matched <= after || (state.matched - after) % every !== 0) continue
      if (probability < 1 && state.next() >= probability) continue
      state.hit++
      tags.push(fault._tag)
      if (fault._tag !== "Latency") return { ...waits, fault, tags }
      waits[fault.when] += delayMillis(fault.delay, state.next)
    }
    return { ...waits, fault: undefined, tags }
  }
}

/**
 * The headers that a `Respond` answers with at this time.
 *
 * @category encoding
 * @since 0.1.0
 */
export const respondHeaders = (fault: Respond): Effect.Effect<Readonly<Record<string, string>>> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    if (fault.retryAfter === undefined) return fault.headers
    const { form, wait } = fault.retryAfter
    const retryAfter =
      form === "seconds"
        ? Headers.retryAfterDuration(wait)
        : // A date has no fractions of a second: up, or it would name a time before the wait is over.
          Headers.retryAfterDateTime(DateTime.makeUnsafe(Math.ceil((now + Duration.toMillis(wait)) / 1000) * 1000))
    return { ...fault.headers, "retry-after": Headers.formatRetryAfter(retryAfter) }
  })
