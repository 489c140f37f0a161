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
 * path     = "/…" | "~" pattern                              the whole path; ~ finds the pattern in it
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
 *          | "retry-after" time [ "as date" ]                these three with a status only
 *          | "header" name ( word | quoted )                 as often as needed
 *          | "body" ( JSON | text )                          last: all that follows
 * time     = number ( "ms" | "s" | "m" | "h" | "d" )
 * share    = number "%" | number from 0 to 1
 * quoted   = text between double quotes, with none in it
 * pattern  = a JavaScript regular expression between slashes, with its flags
 * ```
 *
 * @since 0.1.0
 */
import * as HttpMethod from "effect/http/HttpMethod"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Fault from "./Fault.ts"

/**
 * The text is no fault rule. It says at which place, and what may stand there.
 *
 * @category errors
 * @since 0.1.0
 */
export class FaultTextError extends Schema.TaggedError<FaultTextError>()("FaultTextError", {
  /** The whole rule, as it was given. */
  text: Schema.String,
  /** 0-based place in the text, in UTF-16 code units; its length where something is missing at the end. */
  at: Schema.Int,
  /** What may stand there. */
  problem: Schema.String
}) {
  override get message(): string {
    // A line break or a tab would move the mark away from its place.
    const line = this.text.replaceAll(/\p{Cc}/gu, " ")
    return `The fault rule is not understood at character ${this.at + 1}: ${this.problem}.\n  ${line}\n  ${" ".repeat(this.at)}^`
  }
}

/** Something that may stand at a place: how it is written, and what it says. */
interface Clause<A> {
  readonly form: RegExp
  readonly shown: string
  /** `undefined` where it has the form and says nothing all the same. */
  readonly read: (...parts: ReadonlyArray<string | undefined>) => A | undefined
}

const clause = <A>(shown: string, form: string, read: Clause<A>["read"]): Clause<A> => ({
  shown,
  form: new RegExp(`${form}(?=[\\s:,@]|$)\\s*`, "y"),
  read
})

const number = "(\\d{1,15})"
const share = "((?:100|\\d{1,2}(?:\\.\\d+)?)%|[01]|0?\\.\\d+)"
const time = "(\\d+(?:\\.\\d+)?(?:ms|s|m|h|d))"
const metavariables = { N: "3", SHARE: "5% or 0.05", TIME: "250ms, 2s or 1.5m" }

const shareOf = (text = ""): number => (text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text))

const millisOf = (text = ""): number => {
  const [, amount, unit] = /^([\d.]+)(.+)$/.exec(text) ?? []
  const millis = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ""]
  return Number(amount) * (millis ?? Number.NaN)
}

type Target = Pick<Fault.Rule, "vendor" | "method" | "path">

const vendors: ReadonlyArray<Clause<Target>> = [
  clause("reach", "reach", () => ({ vendor: "reach" })),
  clause("pocketflows", "pocketflows", () => ({ vendor: "pocketflows" }))
]

const methods: ReadonlyArray<Clause<Target>> = [
  clause("a method such as PATCH", `(${[...HttpMethod.all].join("|")})`, (method) => ({ method }))
]

const paths: ReadonlyArray<Clause<Target>> = [
  clause("a path such as /api/…", "(/[^\\s:]*)", (path) => ({ path })),
  clause(
    "a pattern such as ~/customers\\/c-\\d+$/",
    // As a literal of the language: a slash ends it unless it is escaped or in a class.
    "~/((?:[^/\\\\[\\r\\n]|\\\\.|\\[(?:[^\\]\\\\\\r\\n]|\\\\.)*\\])+)/([a-z]*)",
    (source = "", flags) => {
      const path = Result.getOrUndefined(Result.try(() => new RegExp(source, flags)))
      return path === undefined ? undefined : { path }
    }
  )
]

const status = clause("a status from 200 to 999", "([2-9]\\d\\d)", Number)

const faults: ReadonlyArray<Clause<Fault.Fault>> = [
  clause(
    "latency TIME[..TIME] [before|after]",
    `latency\\s+${time}(?:\\.\\.${time})?(?:\\s+(before|after))?`,
    (from, to, when) => {
      const [min, max] = [millisOf(from), millisOf(to ?? from)]
      return max < min
        ? undefined
        : Fault.latency(max > min ? { min, max } : min, { when: when === "after" ? when : "before" })
    }
  ),
  clause("reset before|during|after", "reset\\s+(before|during|after)", (when) =>
    when === "before" || when === "during" ? Fault.reset(when) : Fault.reset("after")
  ),
  clause("cut-short [SHARE]", `cut-short(?:\\s+${share})?`, (part) =>
    Fault.cutShort(part === undefined ? undefined : shareOf(part))
  ),
  clause("malformed-json", "malformed-json", () => Fault.malformedJson),
  clause("no-answer [applied]", "no-answer(?:\\s+(applied))?", (applied) =>
    Fault.noAnswer({ applied: applied !== undefined })
  )
]

type Detail = Omit<Parameters<typeof Fault.respond>[0], "status"> &
  Pick<Fault.Rule, "probability" | "times" | "after" | "every">

const details: ReadonlyArray<Clause<Detail>> = [
  clause("@SHARE", `@\\s*${share}`, (text) => ({ probability: shareOf(text) })),
  clause("first N", `first\\s+${number}`, (times) => ({ times: Number(times) })),
  clause("skip N", `skip\\s+${number}`, (after) => ({ after: Number(after) })),
  clause("every N from 1", `every\\s+${number}`, (every) => (Number(every) < 1 ? undefined : { every: Number(every) }))
]

const json = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const answers: ReadonlyArray<Clause<Detail>> = [
  clause("retry-after TIME [as date]", `retry-after\\s+${time}(\\s+as\\s+date)?`, (wait, date) => ({
    retryAfter: millisOf(wait),
    retryAfterForm: date === undefined ? "seconds" : "http-date"
  })),
  // RFC 9110 §5.1 and §5.5: what a header may be called, and what it may hold.
  clause(
    'header NAME VALUE or header NAME "VALUE"',
    'header\\s+([\\w!#$%&\'*+.^`|~-]+)\\s+(?:"([\\t\\x20!#-~\\x80-\\xff]*)"|([!#-+\\x2d-~\\x80-\\xff]+))',
    (name = "", quoted, word) => ({ headers: { [name.toLowerCase()]: quoted ?? word ?? "" } })
  ),
  clause("body TEXT or body JSON to the end of the rule", "body\\s+([^]*\\S)", (text = "") => {
    const value = json(text)
    if (Option.isSome(value)) return { body: value.value }
    return /^["{[]/.test(text) ? undefined : { body: text }
  })
]

const list = (clauses: ReadonlyArray<Clause<unknown>>): string => {
  const all = clauses.map(({ shown }) => shown)
  return all.length < 2 ? all.join() : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`
}

/**
 * Reads a rule.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Fault.Rule, FaultTextError> => {
  const rule = text.trimEnd()
  let at = rule.search(/\S|$/)

  const next = (form: RegExp): ReadonlyArray<string | undefined> | undefined => {
    form.lastIndex = at
    return form.exec(rule) ?? undefined
  }
  const skip = (form: RegExp): boolean => {
    const [found] = next(form) ?? []
    at += found?.length ?? 0
    return found !== undefined
  }
  const take = <A>(clauses: ReadonlyArray<Clause<A>>): A | undefined => {
    for (const { form, read } of clauses) {
      const [whole = "", ...parts] = next(form) ?? []
      const said = whole === "" ? undefined : read(...parts)
      if (said === undefined) continue
      at += whole.length
      return said
    }
    return undefined
  }
  const fail = (problem: string, place = at) => Result.fail(new FaultTextError({ text, at: place, problem }))
  const expected = (clauses: ReadonlyArray<Clause<unknown>>, otherwise = "") => {
    const [word = " "] = next(/@|[a-z-]+/y) ?? []
    // Where its word is known, the rest of it is what is wrong.
    const meant = clauses.filter(({ shown }) => shown.startsWith(word))
    const what = meant.length > 0 ? list(meant) : `${list(clauses)}${otherwise}`
    const forms = Object.entries(metavariables).filter(([name]) => new RegExp(`\\b${name}\\b`).test(what))
    return fail(`expected ${what}${forms.map(([name, form]) => `; ${name} is such as ${form}`).join("")}`)
  }

  const target: Target = { ...take(vendors), ...take(methods), ...take(paths) }
  const isTargeted = Object.keys(target).length > 0
  if (isTargeted && !skip(/:\s*/y)) {
    const missing = target.path !== undefined ? [] : target.method !== undefined ? paths : [...methods, ...paths]
    return fail(`expected ${missing.length > 0 ? `${list(missing)}, or ` : ""}":" and what happens`)
  }
  const code = take([status])
  const fault = code === undefined ? take(faults) : Fault.respond({ status: code })
  if (fault === undefined) {
    const which = `; or which requests, before a colon: ${list([...vendors, ...methods, ...paths])}`
    return expected([status, ...faults], isTargeted ? "" : which)
  }
  const allowed = code === undefined ? details : [...details, ...answers]
  let said: Detail = {}
  while (at < rule.length) {
    skip(/,\s*/y)
    const place = at
    const detail = take(allowed)
    if (detail === undefined) return expected(allowed)
    if (Object.keys(detail).some((key) => key !== "headers" && Object.hasOwn(said, key))) {
      return fail("this is said twice", place)
    }
    said = { ...said, ...detail, headers: { ...said.headers, ...detail.headers } }
  }
  const { body, headers, retryAfter, retryAfterForm, ...often } = said
  return Result.succeed({
    ...target,
    ...often,
    fault: code === undefined ? fault : Fault.respond({ status: code, body, headers, retryAfter, retryAfterForm })
  })
}
