import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { ReachSchema } from "../../../src/index.ts"
import { oneOf, readNdjson, sizes, textOf, told, withoutPosition } from "../support.ts"

describe("lines of NDJSON", () => {
  it.effect("are records, in LF or CRLF, the last one in nothing; blank lines are none", () =>
    Effect.gen(function* () {
      const records = yield* readNdjson(
        '\uFEFF{"customerId":"1"}\r\n\n \t\r\n{"customerId":"2","email":null}\n{"customerId":\r"3"}',
        ReachSchema.CustomerPatch
      )
      assert.deepStrictEqual(told(records), [
        { customerId: "1" },
        { customerId: "2", email: null },
        { customerId: "3" }
      ])
      assert.deepStrictEqual(
        records.map(({ line, offset }) => [offset, line]),
        [
          [0, 1],
          [1, 4],
          [2, 5]
        ]
      )
    })
  )

  it.effect(
    "do not start as a JSON array does, or an object of several lines, of which the last element would be one",
    () =>
      Effect.gen(function* () {
        for (const text of [
          '[\n{"customerId":"1"},\n{"customerId":"2"}\n]',
          '\uFEFF\n [{"customerId":"1"},\n{"customerId":"2"}]',
          "[]"
        ]) {
          const error = yield* Effect.flip(readNdjson(text, ReachSchema.CustomerPatch, {}, [3]))
          assert.strictEqual(
            error.message,
            'bytes starts with [, as a JSON array does, and is no NDJSON. Read it with format: "json".'
          )
        }
        for (const text of ['{"customers":[\n{"customerId":"1"},\n{"customerId":"2"}\n]}', ' {\r\n"customerId":"1"}']) {
          const error = yield* Effect.flip(readNdjson(text, ReachSchema.CustomerPatch, {}, [3]))
          assert.strictEqual(
            error.message,
            'bytes starts with an object that goes on below its first line, and is no NDJSON. Read it with format: "json".'
          )
        }
        const later = '{"customerId":"1"}\n[1]\n'
        assert.deepStrictEqual(told(yield* readNdjson(later, ReachSchema.CustomerPatch)), [
          { customerId: "1" },
          "SchemaMismatch"
        ])
      })
  )

  it.effect("that are bad are rejected with their line and reason, and reading goes on", () =>
    Effect.gen(function* () {
      const long = JSON.stringify({ customerId: "x".repeat(90) })
      const records = yield* readNdjson(
        `{"customerId":"1"\n${long}\n[1]\n{"email":5}\n{"customerId":"2","emial":"a@example.com"}\n{"customerId":"3"}\n`,
        ReachSchema.CustomerPatch,
        { maxRecordSize: 60 }
      )
      assert.deepStrictEqual(
        records.map((record): unknown =>
          record._tag !== "Invalid"
            ? record._tag === "Valid" && record.patch
            : [record.line, record.reason, record.input]
        ),
        [
          [1, malformed("The line is not JSON"), { format: "ndjson", value: '{"customerId":"1"' }],
          [2, malformed("The line is longer than 60 characters"), { format: "ndjson", value: long.slice(0, 60) }],
          [
            3,
            { _tag: "SchemaMismatch", issues: [{ path: [], message: "Expected object" }] },
            { format: "json", value: [1] }
          ],
          [
            4,
            {
              _tag: "SchemaMismatch",
              issues: [
                { path: ["customerId"], message: "Missing key" },
                { path: ["email"], message: "Expected string | null" }
              ]
            },
            { format: "json", value: { email: 5 } }
          ],
          [
            5,
            {
              _tag: "SchemaMismatch",
              issues: [{ path: ["emial"], message: "This key is no field. Is it email, misspelt?" }]
            },
            { format: "json", value: { customerId: "2", emial: "a@example.com" } }
          ],
          { customerId: "3" }
        ]
      )
    })
  )

  const malformed = (message: string) => ({ _tag: "Malformed", issues: [{ path: [], message }] })

  it.effect("may have other keys on request, and other names for fields", () =>
    Effect.gen(function* () {
      const line = '{"Customer ID":"1","note":"x","__proto__":{"email":"y"}}\n'
      const records = yield* readNdjson(line, ReachSchema.CustomerPatch, {
        columns: { customerId: "Customer ID" },
        otherColumns: "ignore"
      })
      assert.deepStrictEqual(told(records), [{ customerId: "1" }])
    })
  )

  it.effect.prop(
    "are the values that JSON finds in them, however the bytes are cut",
    [
      Arbitrary.array(
        oneOf([
          "{}",
          '{"a":"é漢𝄞"}',
          '{"a":{"b":[1,2]}}',
          '{"a"',
          '"',
          " ",
          "",
          "null",
          '{"a":"\\u2028\u2028"}',
          "x[1",
          "\r"
        ]),
        { maxLength: 12 }
      ),
      sizes,
      oneOf(["\n", "\r\n"])
    ],
    ([lines, blocks, newline]) =>
      Effect.gen(function* () {
        const Any = Schema.Unknown
        const records = yield* readNdjson(lines.join(newline), Any, { maxRecordSize: 12 }, blocks)
        const expected = lines
          .map((line, i) => [i + 1, line] as const)
          .filter(([, line]) => line.trim() !== "")
          .map(([line, text]) => {
            if (text.length > 12) return [line, "Malformed"]
            try {
              return [line, JSON.parse(text)]
            } catch {
              return [line, "Malformed"]
            }
          })
        assert.deepStrictEqual(
          records.map(({ line }, i): unknown => [line, told(records)[i]]),
          expected
        )
      }),
    { arbitrary: { runs: 300, size: 60 } }
  )

  it.effect.prop(
    "are the same however the bytes are cut, whatever they are",
    [textOf(["{", "}", '"a"', ":", "1", "\n", "\r", "\r\n", " ", "é", "\uFEFF"], 40), sizes],
    ([text, blocks]) =>
      Effect.gen(function* () {
        const options = { maxRecordSize: 6 }
        const read = (sizes: ReadonlyArray<number>) =>
          Effect.match(readNdjson(text, Schema.Unknown, options, sizes), {
            onFailure: ({ message }): unknown => message,
            onSuccess: withoutPosition
          })
        assert.deepStrictEqual(yield* read(blocks), yield* read([]))
      }),
    { arbitrary: { runs: 300, size: 60 } }
  )
})
