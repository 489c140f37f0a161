import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Equal, Result } from "effect"
import { Fault, FaultText } from "../../src/sandbox/index.ts"

const parse = (text: string): Fault.Rule => Result.getOrThrow(FaultText.parse(text))
const error = (text: string): FaultText.FaultTextError => {
  const parsed = FaultText.parse(text)
  if (Result.isSuccess(parsed)) throw new Error(`${text} was read`)
  return parsed.failure
}

describe("FaultText", () => {
  it("reads a rule as a person writes it", () => {
    const table: ReadonlyArray<readonly [string, Fault.Rule]> = [
      ["503", { fault: Fault.respond({ status: 503 }) }],
      ["reach:503@5%", { vendor: "reach", probability: 0.05, fault: Fault.respond({ status: 503 }) }],
      ["429 first 3, retry-after 2s", { times: 3, fault: Fault.respond({ status: 429, retryAfter: 2000 }) }],
      [
        "503 retry-after 1.5m as date",
        { fault: Fault.respond({ status: 503, retryAfter: 90_000, retryAfterForm: "http-date" }) }
      ],
      [
        'reach PATCH /api/resources/customers/batch: 400 every 10 skip 5 body {"message": "no, @5%: first 1"}',
        {
          vendor: "reach",
          method: "PATCH",
          path: "/api/resources/customers/batch",
          every: 10,
          after: 5,
          fault: Fault.respond({ status: 400, body: { message: "no, @5%: first 1" } })
        }
      ],
      [
        'pocketflows : 502, header X-Id "a: b", header server nginx:1@2, body <h1>Bad gateway</h1>\n',
        {
          vendor: "pocketflows",
          fault: Fault.respond({
            status: 502,
            headers: { "x-id": "a: b", server: "nginx:1@2" },
            body: "<h1>Bad gateway</h1>"
          })
        }
      ],
      ['503 body "5"', { fault: Fault.respond({ status: 503, body: "5" }) }],
      ["~/c-\\d+$/i: reset after", { path: /c-\d+$/i, fault: Fault.reset("after") }],
      ["GET ~/[/:]\\/ ,@/ : reset before", { method: "GET", path: /[/:]\/ ,@/, fault: Fault.reset("before") }],
      ["/a,b@c: reset during", { path: "/a,b@c", fault: Fault.reset("during") }],
      ["latency 200ms", { fault: Fault.latency(200) }],
      ["latency 0s..0s", { fault: Fault.latency(0) }],
      [
        "latency 0.5s..2m after @0.5",
        { probability: 0.5, fault: Fault.latency({ min: 500, max: 120_000 }, { when: "after" }) }
      ],
      ["latency 1h..1d before @1", { probability: 1, fault: Fault.latency({ min: 3_600_000, max: 86_400_000 }) }],
      ["GET: cut-short", { method: "GET", fault: Fault.cutShort() }],
      ["cut-short 10% @100%", { probability: 1, fault: Fault.cutShort(0.1) }],
      ["cut-short 0.25 @.01", { probability: 0.01, fault: Fault.cutShort(0.25) }],
      [" malformed-json,first 0 ", { times: 0, fault: Fault.malformedJson }],
      ["no-answer", { fault: Fault.noAnswer() }],
      ["no-answer applied@0.5%", { probability: 0.005, fault: Fault.noAnswer({ applied: true }) }]
    ]
    for (const [text, rule] of table) {
      assert.isTrue(Equal.equals(parse(text), rule), `${text} is ${JSON.stringify(parse(text))}`)
    }
  })

  it("the documented rules are read, and the grammar is the one of the docs", () => {
    const root = resolve(import.meta.dirname, "../..")
    const docs = readFileSync(join(root, "docs/command-sandbox.md"), "utf8")
    const rules = Array.from(
      docs.matchAll(/^\| `([^`]+)` \| (?!the port|how|where|customers|a \[field\])/gm),
      ([, rule = ""]) => rule
    )
    assert.isAtLeast(rules.length, 8)
    for (const rule of rules) parse(rule)
    const source = readFileSync(join(root, "src/sandbox/FaultText.ts"), "utf8").replaceAll(/^ \* ?/gm, "")
    const [, grammar = "-"] = /```text\n(rule +=[^`]*)```/.exec(source) ?? []
    assert.include(docs, grammar)
  })

  it("a mistake is shown at its place, with what is allowed there", () => {
    const table: ReadonlyArray<readonly [string, number, RegExp]> = [
      [
        "",
        0,
        /^expected a status from 200 to 999, latency .*; or which requests, before a colon: reach, .* a path such .* or a pattern/
      ],
      ["reach", 5, /^expected a method .*, a path .* or a pattern .*, or ":"/],
      ["reach PATCH", 11, /^expected a path .* or a pattern .*, or ":"/],
      ["/a 503", 3, /^expected ":" and what happens$/],
      ["reach: 5O3", 7, /^expected a status .* or no-answer \[applied\]; SHARE is/],
      ["reach: PATCH: 503", 7, /^expected a status .* or no-answer \[applied\]; SHARE is/],
      ["reech: 503", 0, /reach, pocketflows, a method/],
      ["patch: 503", 0, /a method such as PATCH/],
      ["099", 0, /from 200 to 999/],
      ["503s", 0, /from 200 to 999/],
      ["503 frist 3", 4, /^expected @SHARE, first N, skip N, every N from 1, retry-after .* or body/],
      ["reset after frist 3", 12, /^expected @SHARE, first N, skip N or every N from 1; N is such as 3; SHARE is/],
      ["503 first", 4, /^expected first N; N is such as 3$/],
      ["503 first three", 4, /^expected first N; N is such as 3$/],
      ["503 first 1e3", 4, /^expected first N; N is such as 3$/],
      ["503 every 0", 4, /^expected every N from 1; N is such as 3$/],
      ["503 first 1 first 2", 12, /said twice/],
      ["503 @5", 4, /^expected @SHARE; SHARE is such as 5% or 0.05$/],
      ["503 @101%", 4, /^expected @SHARE/],
      ["503,", 4, /^expected @SHARE/],
      ["reset", 0, /^expected reset before\|during\|after$/],
      ["reset after retry-after 2s", 12, /^expected @SHARE, .* or every N from 1; N is such as 3; SHARE is/],
      ["latency 2", 0, /^expected latency TIME\[\.\.TIME\] .*; TIME is such as 250ms, 2s or 1.5m$/],
      ["latency 2s..1s", 0, /^expected latency/],
      ["429 retry-after soon", 4, /^expected retry-after TIME/],
      ["429 retry-after 2s as soon", 19, /^expected @SHARE/],
      ['503 body "oops', 4, /^expected body TEXT or body JSON/],
      ['503 body {"a":1} every 2', 4, /^expected body TEXT or body JSON/],
      ["503 body", 4, /^expected body/],
      ["503 header x", 4, /^expected header NAME VALUE/],
      ['503 header x "a\nb"', 4, /^expected header NAME VALUE/],
      ["~/(/: 503", 0, /a pattern such as/],
      ["~/a/zz: 503", 0, /a pattern such as/],
      ["reach\t503", 6, /^expected a method/]
    ]
    for (const [text, at, problem] of table) {
      const failure = error(text)
      assert.strictEqual(failure.at, at, `${text}: ${failure.problem}`)
      assert.match(failure.problem, problem, text)
      const [, line, marked] = failure.message.split("\n")
      assert.strictEqual(marked?.indexOf("^"), at + 2)
      assert.lengthOf(line ?? "", text.length + 2)
    }
    assert.strictEqual(
      error("reach: 503 first many").message,
      "The fault rule is not understood at character 12: expected first N; N is such as 3.\n  reach: 503 first many\n             ^"
    )
  })
})
