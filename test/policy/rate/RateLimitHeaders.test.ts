import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as RateLimitHeaders from "../../../src/policy/rate/RateLimitHeaders.ts"

// Sun, 06 Nov 1994 08:49:37 GMT, the time that RFC 9110 uses.
const now = 784_111_777_000

const parse = RateLimitHeaders.makeParser()

const quota = (given: Partial<RateLimitHeaders.Quota>): RateLimitHeaders.Quota => ({
  name: "",
  limit: undefined,
  window: undefined,
  remaining: undefined,
  resetAfter: undefined,
  ...given
})

describe("RateLimitHeaders", () => {
  it("reads Retry-After as seconds and as an HTTP date, and nothing else", () => {
    const table: ReadonlyArray<readonly [value: string, millis: number | undefined]> = [
      ["0", 0],
      ["120", 120_000],
      [" 3 ", 3000],
      ["Sun, 06 Nov 1994 08:50:37 GMT", 60_000],
      ["Sunday, 06-Nov-94 08:50:37 GMT", 60_000],
      ["Sun Nov  6 08:50:37 1994", 60_000],
      ["Sun, 06 Nov 1994 08:48:37 GMT", 0],
      ["", undefined],
      ["-1", undefined],
      ["+1", undefined],
      ["1.5", undefined],
      ["1e3", undefined],
      ["0x10", undefined],
      ["NaN", undefined],
      ["Infinity", undefined],
      ["soon", undefined],
      ["10, 20", undefined],
      ["1994-11-06T08:50:37Z", undefined],
      ["99999999999999999999999", undefined]
    ]
    for (const [value, expected] of table) {
      assert.strictEqual(parse({ "retry-after": value }, now).retryAfter, expected, value)
    }
  })

  it("reads the single fields, their reset as seconds, as Unix time or as a date", () => {
    const table: ReadonlyArray<
      readonly [headers: { readonly [name: string]: string }, quotas: ReadonlyArray<RateLimitHeaders.Quota>]
    > = [
      [
        { "ratelimit-limit": "100", "ratelimit-remaining": "7", "ratelimit-reset": "30" },
        [quota({ limit: 100, remaining: 7, resetAfter: 30_000 })]
      ],
      [
        { "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "0", "ratelimit-reset": "5" },
        [quota({ limit: 100, remaining: 0, resetAfter: 5000 })]
      ],
      [{ "x-ratelimit-remaining": "3", "x-ratelimit-reset": "0.25" }, [quota({ remaining: 3, resetAfter: 250 })]],
      [
        { "x-rate-limit-remaining": "0", "x-rate-limit-reset": "Sun, 06 Nov 1994 08:49:47 GMT" },
        [quota({ remaining: 0, resetAfter: 10_000 })]
      ],
      [{ "x-ratelimit-remaining": "-1", "x-ratelimit-reset": "-5" }, []],
      [{ "x-ratelimit-remaining": "", "x-ratelimit-reset": "tomorrow" }, []]
    ]
    for (const [headers, expected] of table) {
      assert.deepStrictEqual(parse(headers, now).quotas, expected, JSON.stringify(headers))
    }
    const inMillis = Date.UTC(2026, 0, 1)
    assert.deepStrictEqual(parse({ "x-ratelimit-reset": String(inMillis / 1000 + 10) }, inMillis).quotas, [
      quota({ resetAfter: 10_000 })
    ])
    assert.deepStrictEqual(parse({ "x-ratelimit-reset": String(inMillis + 1500) }, inMillis).quotas, [
      quota({ resetAfter: 1500 })
    ])
  })

  it("reads the structured fields, new and old, and leaves out quotas that do not count requests", () => {
    const table: ReadonlyArray<
      readonly [limit: string, policy: string, quotas: ReadonlyArray<RateLimitHeaders.Quota>]
    > = [
      [
        '"burst";r=50;t=30',
        '"burst";q=100;w=60,"daily";q=1000;w=86400',
        [
          quota({ name: "burst", limit: 100, window: 60_000, remaining: 50, resetAfter: 30_000 }),
          quota({ name: "daily", limit: 1000, window: 86_400_000 })
        ]
      ],
      [
        '"a, b";r=0;t=2 , "c";r=1',
        "",
        [quota({ name: "a, b", remaining: 0, resetAfter: 2000 }), quota({ name: "c", remaining: 1 })]
      ],
      [
        '"bytes";r=0;t=9, "n";r=4;t=1',
        '"bytes";q=65535;qu="content-bytes";w=10, "n";q=5;qu="requests";w=1;pk=:dXNlcg==:',
        [quota({ name: "n", limit: 5, window: 1000, remaining: 4, resetAfter: 1000 })]
      ],
      [
        "limit=100, remaining=50, reset=5",
        "100;w=60",
        [quota({ limit: 100, window: 60_000, remaining: 50, resetAfter: 5000 })]
      ],
      [
        "",
        "10;w=1, 50;w=60",
        [quota({ name: "10", limit: 10, window: 1000 }), quota({ name: "50", limit: 50, window: 60_000 })]
      ],
      ['"a";r=0;t=60, "b', "", []],
      ['"a";r=-1;t=60', "", [quota({ name: "a", resetAfter: 60_000 })]],
      ['"a";r=0;t=-60', "", [quota({ name: "a", remaining: 0 })]],
      ["%%%", "%%%", []]
    ]
    for (const [limit, policy, expected] of table) {
      const { quotas } = parse({ ratelimit: limit, "ratelimit-policy": policy }, now)
      assert.deepStrictEqual(quotas, expected, `${limit} | ${policy}`)
    }
  })

  it("lets the strictest of several quotas govern", () => {
    const told = parse(
      {
        ratelimit: '"a";r=0;t=2, "b";r=0;t=7, "c";r=1;t=100',
        "ratelimit-policy": '"a";q=10;w=1, "b";q=60;w=30, "c";q=100;w=86400'
      },
      now
    )
    assert.strictEqual(RateLimitHeaders.exhaustedFor(told), 7000)
    assert.strictEqual(RateLimitHeaders.strictestRate(told, 60_000), 2)
    assert.strictEqual(RateLimitHeaders.strictestRate(told, 1000), 10)
    assert.strictEqual(RateLimitHeaders.strictestRate(told, 10), undefined)
  })

  it("reads other names when they are given, whatever their case, and keeps the rest", () => {
    const parse = RateLimitHeaders.makeParser({ retryAfter: ["X-Wait", "retry-after"], remaining: ["X-Left"] })
    assert.deepStrictEqual(parse({ "x-wait": "nonsense", "retry-after": "2", "x-left": "9" }, now), {
      retryAfter: 2000,
      quotas: [quota({ remaining: 9 })]
    })
    assert.deepStrictEqual(parse({ "x-ratelimit-remaining": "9", "x-ratelimit-reset": "1" }, now).quotas, [
      quota({ resetAfter: 1000 })
    ])
  })

  // Near misses of the real forms find more than noise does.
  const values = Schema.Union([
    Schema.String,
    Schema.Number,
    Schema.Literals([
      "-1",
      "1e400",
      "NaN",
      "Infinity",
      "-Infinity",
      "0",
      "-0",
      "1",
      "999999999999",
      "9999999999999",
      "1e3",
      ".5",
      '"a";r=0;t=99999999999999',
      '"a";r=-0;t=1',
      '"a";q=0;w=0',
      '"a";q=1;w=0;r=NaN',
      "limit=0, remaining=0, reset=0",
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 99 Nov 9999 99:99:99 GMT",
      '"a";r=1;t=',
      ";;;",
      ",,,",
      '"\\"";r=1'
    ])
  ])

  it.prop(
    "is never negative, never NaN and never infinite, whatever the headers hold",
    [values, values, values, values],
    ([a, b, c, d]) => {
      const told = parse(
        {
          "retry-after": String(a),
          ratelimit: String(b),
          "ratelimit-policy": String(c),
          "x-ratelimit-limit": String(a),
          "x-ratelimit-remaining": String(d),
          "x-ratelimit-reset": String(b)
        },
        now
      )
      const numbers = told.quotas.flatMap(({ limit, remaining, resetAfter, window }) => [
        limit,
        remaining,
        resetAfter,
        window
      ])
      for (const value of [told.retryAfter, RateLimitHeaders.exhaustedFor(told), ...numbers]) {
        assert.isTrue(value === undefined || (Number.isFinite(value) && value >= 0), String(value))
      }
    },
    { arbitrary: { runs: 500 } }
  )

  const notNumbers = Schema.String.pipe(Schema.check(Schema.isPattern(/^[^0-9]*$/)))

  it.prop("never waits for a header without a digit", [notNumbers], ([value]) => {
    const told = parse(
      { "retry-after": value, ratelimit: value, "x-ratelimit-reset": value, "x-ratelimit-remaining": "0" },
      now
    )
    assert.strictEqual(told.retryAfter, undefined)
    assert.strictEqual(RateLimitHeaders.exhaustedFor(told), 0)
  })
})
