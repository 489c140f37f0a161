/**
 * Fault rules as text, for a command line or a file: `reach:503@5%`, `429 first 3, retry-after 2s`.
 *
 * A rule says which requests, what happens to them, and how often; only what happens must be there:
 *
 * ```text
 * rule     = [ target ":" ] fault { [ "," ] detail }
 * target   = [ vendor ] [ method ] [ path ]                  at least one of them
 * vendor   = "reach" | "pocketflows"
 * method   = "GET" | "PATCH" | "POST" | …                    in capitals
 * path     = "/…" | text | "~" pattern                       the whole path; ~ finds the pattern in it
 * fault    = status                                          200 to 999: answered so, not applied
 *          | "latency" time [ ".." time ] [ "before" | "after" ]
 *          | "reset" ( "before" | "during" | "after" )
 *          | "cut-short" [ share ]
 *          | "malformed-json"
 *          | "no-answer" [ "applied" ]
 * detail   = "@" share                                       with this probability
 *          | "first" number                                  at most so many requests
 *          | "skip" number                                   spares so many before
 *          | "every" number                                  each n-th of them
 *          | "retry-after" time [ "as" ( "seconds" | "date" ) ]          these four with a status only
 *          | "body" ( text | JSON object | JSON array )
 *          | "header" name ( word | text )                   as often as needed
 *          | "no-content-type"
 * time     = number ( "ns" | "us" | "ms" | "s" | "m" | "h" | "d" )
 * share    = number "%" | number from 0 to 1
 * text     = a JSON string
 * pattern  = a JavaScript regular expression between slashes, with its flags
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Fault from "./Fault.ts"
import { parse } from "./FaultReader.ts"

export { parse } from "./FaultReader.ts"
export { FaultTextError } from "./FaultTokens.ts"

/**
 * Writes a rule so that `parse` reads the same rule again. None for what has no text: a rule with `where`, and one
 * with a number, a method, a status or a header that `parse` would refuse.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (rule: Fault.Rule): Option.Option<string> => {
  const { after, every, fault, method, path, probability, times, vendor, where } = rule
  if (where !== undefined) return Option.none()
  const target = [
    vendor,
    method,
    path === undefined ? undefined : typeof path === "string" ? formatPath(path) : `~${path}`
  ]
  const parts = Option.all([
    formatFault(fault),
    Option.some(probability === undefined ? "" : `@${formatShare(probability)}`),
    Option.some(times === undefined ? "" : ` first ${times}`),
    Option.some(after === undefined ? "" : ` skip ${after}`),
    Option.some(every === undefined ? "" : ` every ${every}`)
  ])
  const which = target.filter((part) => part !== undefined).join(" ")
  return parts.pipe(
    Option.map((all) => `${which === "" ? "" : `${which}: `}${all.join("")}`),
    Option.filter((text) => Result.isSuccess(parse(text)))
  )
}

const formatPath = (path: string): string => (/^\/[^\s:,@"]*$/.test(path) ? path : JSON.stringify(path))

const formatFault = (fault: Fault.Fault): Option.Option<string> => {
  switch (fault._tag) {
    case "Latency":
      return Option.map(
        formatDelay(fault.delay),
        (delay) => `latency ${delay}${fault.when === "after" ? " after" : ""}`
      )
    case "Respond":
      return formatRespond(fault)
    case "Reset":
      return Option.some(`reset ${fault.when}`)
    case "CutShort":
      return Option.some(fault.part === 0.5 ? "cut-short" : `cut-short ${formatShare(fault.part)}`)
    case "MalformedJson":
      return Option.some("malformed-json")
    case "NoAnswer":
      return Option.some(fault.applied ? "no-answer applied" : "no-answer")
  }
}

const formatRespond = (fault: Fault.Respond): Option.Option<string> => {
  const { body, retryAfter, status } = fault
  const headers = Object.fromEntries(Object.entries(fault.headers).map(([name, value]) => [name.toLowerCase(), value]))
  const json = headers["content-type"] === "application/json" ? inlineJson(body) : undefined
  // What reading the body alone would give; the rest has to be said.
  const plain = Fault.respond({ status, body: json ?? body })
  const implied = plain._tag === "Respond" ? plain.headers["content-type"] : undefined
  const others = Object.entries(headers).filter(([name, value]) => name !== "content-type" || value !== implied)
  const wait = retryAfter === undefined ? Option.some("") : formatTime(retryAfter.wait)
  return Option.map(wait, (wait) =>
    [
      String(status),
      ...(wait === "" ? [] : [`retry-after ${wait}${retryAfter?.form === "http-date" ? " as date" : ""}`]),
      ...others.map(([name, value]) => `header ${name} ${JSON.stringify(value)}`),
      ...(implied !== undefined && !Object.hasOwn(headers, "content-type") ? ["no-content-type"] : []),
      ...(body === "" ? [] : [`body ${JSON.stringify(json ?? body)}`])
    ].join(" ")
  )
}

/** The object or array that a body is the shortest JSON of. */
const inlineJson = (body: string): unknown => {
  if (!/^[{[]/.test(body)) return undefined
  const value = Result.getOrUndefined(Result.try((): unknown => JSON.parse(body)))
  return JSON.stringify(value) === body ? value : undefined
}

const formatDelay = (delay: Fault.Delay): Option.Option<string> => {
  if (typeof delay !== "object" || !("min" in delay)) return Option.flatMap(Duration.fromInput(delay), formatTime)
  const ends = [delay.min, delay.max].map((end) => Option.flatMap(Duration.fromInput(end), formatTime))
  return Option.map(Option.all(ends), (both) => both.join(".."))
}

// From the largest to the smallest, so that the shortest number is found first.
const nanosPer = [
  ["h", 3_600_000_000_000n],
  ["m", 60_000_000_000n],
  ["s", 1_000_000_000n],
  ["ms", 1_000_000n],
  ["us", 1000n],
  ["ns", 1n]
] as const

const formatTime = (time: Duration.Duration): Option.Option<string> =>
  Option.flatMap(Duration.toNanos(time), (nanos) =>
    nanos === 0n
      ? Option.some("0s")
      : Option.map(
          Arr.findFirst(nanosPer, ([, per]) => nanos % per === 0n),
          ([unit, per]) => `${nanos / per}${unit}`
        )
  )

const formatShare = (share: number): string => {
  const percent = `${Number((share * 100).toPrecision(12))}%`
  return Number(percent.slice(0, -1)) / 100 === share ? percent : String(share)
}
