import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Equal, Option, Result, Schema } from "effect"
import { Fault, FaultText } from "../../src/sandbox/index.ts"

const parse = (text: string): Fault.Rule => Result.getOrThrow(FaultText.parse(text))
const error = (text: string): FaultText.FaultTextError => {
  const parsed = FaultText.parse(text)
  if (Result.isSuccess(parsed)) throw new Error(`${text} was read`)
  return parsed.failure
}

const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const count = (minimum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum: Number.MAX_SAFE_INTEGER }))
const wait = Schema.Union([
  Schema.Literals(["0 seconds", "250 millis", "1.5 seconds", "2 minutes", "3 hours", "2 days", "7 nanos", "1 micros"]),
  count(0)
])
const printable = Schema.String.check(Schema.isPattern(/^[\t\x20-\x7e\x80-\xff]*$/))
const pathPattern = Schema.Literals(["customers\\/c-\\d+$", "a b", "[/:]@5%", '"x\\\\"', "(?<![\\w/])batch", "\n"])
const choices = Schema.Struct({
  vendor: Schema.optionalKey(Schema.Literals(["reach", "pocketflows"])),
  method: Schema.optionalKey(Schema.Literals(["GET", "PATCH", "POST"])),
  path: Schema.optionalKey(
    Schema.Union([
      Schema.String,
      Schema.Literals(["/api/resources/customers/batch", "/a,b", "/a:b", "reach", "503", "", '/"']),
      Schema.Struct({ source: pathPattern, flags: Schema.Literals(["", "i", "giu"]) })
    ])
  ),
  after: Schema.optionalKey(count(0)),
  every: Schema.optionalKey(count(1)),
  probability: Schema.optionalKey(Schema.Union([share, Schema.Literals([0, 0.05, 0.07, 1 / 3, 1e-9, 1])])),
  times: Schema.optionalKey(count(0))
})
const body = Schema.Union([Schema.String, Schema.Json, Schema.Literals(["<h1>No</h1>", "{", "[1, 2]"])])
const header = Schema.Literals(["content-type", "retry-after", "x-request-id", "~odd!name"])
const faults = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("latency"), wait, when: Schema.Literals(["before", "after"]) }),
  Schema.Struct({ _tag: Schema.tag("range"), ends: Schema.Tuple([wait, wait]) }),
  Schema.Struct({
    _tag: Schema.tag("respond"),
    status: Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 999 })),
    body: Schema.optionalKey(body),
    headers: Schema.optionalKey(Schema.Record(header, printable)),
    retryAfter: Schema.optionalKey(wait),
    retryAfterForm: Schema.optionalKey(Schema.Literals(["seconds", "http-date"])),
    untyped: Schema.Boolean
  }),
  Schema.Struct({ _tag: Schema.tag("reset"), when: Schema.Literals(["before", "during", "after"]) }),
  Schema.Struct({ _tag: Schema.tag("cut"), part: Schema.Union([share, Schema.Literals([0.5])]) }),
  Schema.Struct({ _tag: Schema.tag("malformed") }),
  Schema.Struct({ _tag: Schema.tag("silent"), applied: Schema.Boolean })
])

const faultOf = (from: typeof faults.Type): Fault.Fault => {
  switch (from._tag) {
    case "latency":
      return Fault.latency(from.wait, { when: from.when })
    case "range": {
      const [one, other] = from.ends
      return Fault.latency(
        Duration.toMillis(one) > Duration.toMillis(other) ? { min: other, max: one } : { min: one, max: other }
      )
    }
    case "respond": {
      const { untyped, _tag, ...options } = from
      const fault = Fault.respond(options)
      if (!untyped || fault._tag !== "Respond") return fault
      const { "content-type": _, ...headers } = fault.headers
      return { ...fault, headers }
    }
    case "reset":
      return Fault.reset(from.when)
    case "cut":
      return Fault.cutShort(from.part)
    case "malformed":
      return Fault.malformedJson
    case "silent":
      return Fault.noAnswer({ applied: from.applied })
  }
}

/** Times in one form, so that rules can be compared. */
const plain = (rule: Fault.Rule): unknown => {
  const time = (input: Duration.Input) => Duration.toNanosUnsafe(input)
  const { fault } = rule
  if (fault._tag === "Latency") {
    const { delay } = fault
    const isRange = typeof delay === "object" && "min" in delay
    return { ...rule, fault: { ...fault, delay: isRange ? [time(delay.min), time(delay.max)] : time(delay) } }
  }
  return fault._tag === "Respond" && fault.retryAfter !== undefined
    ? { ...rule, fault: { ...fault, retryAfter: { ...fault.retryAfter, wait: time(fault.retryAfter.wait) } } }
    : rule
}

describe("FaultText", () => {
  it("reads a rule as a person writes it", () => {
    const table: ReadonlyArray<readonly [string, Fault.Rule]> = [
      ["503", { fault: Fault.respond({ status: 503 }) }],
      ["reach:503@5%", { vendor: "reach", probability: 0.05, fault: Fault.respond({ status: 503 }) }],
      ["429 first 3, retry-after 2s", { times: 3, fault: Fault.respond({ status: 429, retryAfter: "2 seconds" }) }],
      [
        "503 retry-after 1.5m as date",
        { fault: Fault.respond({ status: 503, retryAfter: "90 seconds", retryAfterForm: "http-date" }) }
      ],
      [
        'reach PATCH /api/resources/customers/batch: 400 body {"message": "no"} every 10 skip 5',
        {
          vendor: "reach",
          method: "PATCH",
          path: "/api/resources/customers/batch",
          every: 10,
          after: 5,
          fault: Fault.respond({ status: 400, body: { message: "no" } })
        }
      ],
      [
        'pocketflows : 502, header X-Id "a b", header server nginx, body "<h1>Bad gateway</h1>", no-content-type',
        {
          vendor: "pocketflows",
          fault: {
            _tag: "Respond",
            status: 502,
            headers: { "x-id": "a b", server: "nginx" },
            body: "<h1>Bad gateway</h1>",
            retryAfter: undefined
          }
        }
      ],
      ["~/c-\\d+$/i: reset after", { path: /c-\d+$/i, fault: Fault.reset("after") }],
      ["latency 200ms", { fault: Fault.latency("200 millis") }],
      [
        "latency 50ms..2s after @0.5",
        { probability: 0.5, fault: Fault.latency({ min: "50 millis", max: "2 seconds" }, { when: "after" }) }
      ],
      ["GET: cut-short", { method: "GET", fault: Fault.cutShort() }],
      ["cut-short 10%", { fault: Fault.cutShort(0.1) }],
      ["malformed-json", { fault: Fault.malformedJson }],
      ["no-answer", { fault: Fault.noAnswer() }],
      ["no-answer applied", { fault: Fault.noAnswer({ applied: true }) }]
    ]
    for (const [text, rule] of table) assert.isTrue(Equal.equals(plain(parse(text)), plain(rule)), text)
  })

  it.prop(
    "every rule has a text that says the same rule",
    { choices, fault: faults },
    ({ choices, fault }) => {
      const { path, ...others } = choices
      const rule: Fault.Rule = {
        ...others,
        ...(path === undefined ? {} : { path: typeof path === "string" ? path : new RegExp(path.source, path.flags) }),
        fault: faultOf(fault)
      }
      const text = Option.getOrThrowWith(FaultText.format(rule), () => new Error(`no text for ${JSON.stringify(rule)}`))
      const again = parse(text)
      assert.isTrue(
        Equal.equals(plain(again), plain(rule)),
        `${text} is ${JSON.stringify(plain(again), (_, v) => (typeof v === "bigint" ? String(v) : v))}`
      )
      assert.deepStrictEqual(FaultText.format(again), Option.some(text))
    },
    { arbitrary: { runs: 1000, size: 40 } }
  )

  it("the documented rules are read, and the grammar is the one of the docs", () => {
    const root = resolve(import.meta.dirname, "../..")
    const docs = readFileSync(join(root, "docs/command-sandbox.md"), "utf8")
    const rules = Array.from(
      docs.matchAll(/^\| `([^`]+)` \| (?!the port|how|where|customers)/gm),
      ([, rule = ""]) => rule
    )
    assert.isAtLeast(rules.length, 8)
    for (const rule of rules) parse(rule)
    const source = readFileSync(join(root, "src/sandbox/FaultText.ts"), "utf8").replaceAll(/^ \* ?/gm, "")
    const [, grammar = "-"] = /```text\n(rule +=[^`]*)```/.exec(source) ?? []
    assert.include(docs, grammar)
  })

  it("what cannot be said has no text", () => {
    const fault = Fault.malformedJson
    for (const rule of [
      { fault, where: () => true },
      { fault, every: 0 },
      { fault, times: 1.5 },
      { fault, probability: 2 },
      { fault, method: "patch" },
      { fault: Fault.respond({ status: 100 }) },
      { fault: Fault.respond({ status: 200, headers: { "x-id": "a\nb" } }) },
      { fault: Fault.latency("Infinity") },
      { fault: Fault.latency({ min: "2 seconds", max: "1 second" }) }
    ]) {
      assert.deepStrictEqual(FaultText.format(rule), Option.none())
    }
  })

  it("a mistake is shown at its place, with what is allowed there", () => {
    const table: ReadonlyArray<readonly [string, number, RegExp]> = [
      ["", 0, /expected a status from 200 to 999, or latency, .* the rule ends$/],
      ["reach", 5, /expected a path .*, a method .* or ":"/],
      ["reach: 5O3", 7, /expected a status .*; this is 5O3$/],
      ["reech: 503", 0, /reach, pocketflows, a path .*; this is reech$/],
      ["patch: 503", 0, /a method in capitals such as PATCH; this is patch$/],
      ["099", 0, /from 200 to 999/],
      ["503 frist 3", 4, /expected @, first, skip, every, retry-after, .*, or the end; this is frist/],
      ["503 first", 9, /expected a number, 0 or more; the rule ends/],
      ["503 first three", 10, /expected a number, 0 or more; this is three/],
      ["503 every 0", 10, /expected a number, 1 or more; this is 0/],
      ["503 first 1 first 2", 12, /first is said twice/],
      ["503 @5", 5, /a share from 0% to 100%.*; this is 5$/],
      ["503,", 4, /expected @, .*no-content-type; the rule ends/],
      ["reset", 5, /before, during or after/],
      ["reset after retry-after 2s", 12, /retry-after goes with a status, such as 503, and nothing else/],
      ["latency 2", 8, /a time such as 250ms, 2s or 1.5m, or a range .*; this is 2$/],
      ["latency 2s..1s", 8, /a range/],
      ["429 retry-after soon", 16, /a time .*; this is soon/],
      ["429 retry-after 2s as soon", 22, /seconds or date; this is soon/],
      ["503 body oops", 9, /a text such as "Try later"/],
      ['503 body "oops', 9, /not closed/],
      ['503 body "\\x"', 9, /as in JSON/],
      ['503 body {"a":', 9, /JSON that begins here is not complete/],
      ["503 header x", 12, /the header's value/],
      ['503 header x "a\\nb"', 13, /the header's value/],
      ["~/(/: 503", 0, /as in JavaScript/],
      ['"/a"\t503', 5, /expected ":"/]
    ]
    for (const [text, at, problem] of table) {
      const failure = error(text)
      assert.strictEqual(failure.at, at, `${text}: ${failure.problem}`)
      assert.match(failure.problem, problem)
      const [, line, marked] = failure.message.split("\n")
      assert.strictEqual(marked?.indexOf("^"), at + 2)
      assert.lengthOf(line ?? "", text.length + 2)
    }
    assert.strictEqual(
      error("reach: 503 first many").message,
      "The fault rule is not understood at character 18: expected a number, 0 or more; this is many.\n  reach: 503 first many\n                   ^"
    )
  })
})
