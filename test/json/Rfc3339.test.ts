import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Schema } from "effect"
import * as InputIssue from "../../src/json/InputIssue.ts"
import * as Rfc3339 from "../../src/json/Rfc3339.ts"

const accepted: ReadonlyArray<readonly [text: string, iso: string]> = [
  ["2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000Z"],
  ["2024-01-15t10:30:00z", "2024-01-15T10:30:00.000Z"],
  ["2024-01-15T10:30:00+00:00", "2024-01-15T10:30:00.000Z"],
  ["2024-01-15T10:30:00-00:00", "2024-01-15T10:30:00.000Z"],
  ["2024-01-15T00:30:00+02:30", "2024-01-14T22:00:00.000Z"],
  ["2023-12-31T23:30:00-01:00", "2024-01-01T00:30:00.000Z"],
  ["2024-01-15T23:59:59+23:59", "2024-01-15T00:00:59.000Z"],
  ["1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000Z"],
  ["1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520Z"],
  ["2024-01-15T10:30:00.1Z", "2024-01-15T10:30:00.100Z"],
  ["2024-01-15T10:30:00.1234567890123456789Z", "2024-01-15T10:30:00.123Z"],
  ["2024-01-15T10:30:00.000999Z", "2024-01-15T10:30:00.000Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
  ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
  ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
  ["0000-02-29T12:00:00Z", "0000-02-29T12:00:00.000Z"],
  ["0000-03-01T00:00:00Z", "0000-03-01T00:00:00.000Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ["0099-12-31T23:59:59Z", "0099-12-31T23:59:59.000Z"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
  ["1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"],
  ["1969-06-30T23:59:60.5Z", "1969-07-01T00:00:00.500Z"]
]

const refused: ReadonlyArray<string> = [
  "",
  "x",
  "2024-01-15",
  "2024-01-15T10:30:00",
  "2024-01-15T10:30Z",
  "2024-01-15 10:30:00Z",
  " 2024-01-15T10:30:00Z",
  "2024-01-15T10:30:00Z ",
  "2024-01-15T10:30:00Z\n",
  "2024-01-15T10:30:00ZZ",
  "2024-01-15T10:30:00.Z",
  "2024-01-15T10:30:00,5Z",
  "2024-1-15T10:30:00Z",
  "24-01-15T10:30:00Z",
  "+2024-01-15T10:30:00Z",
  "-0001-01-15T10:30:00Z",
  "12024-01-15T10:30:00Z",
  "2024-00-15T10:30:00Z",
  "2024-13-15T10:30:00Z",
  "2024-01-00T10:30:00Z",
  "2024-01-32T10:30:00Z",
  "2024-02-30T10:30:00Z",
  "2023-02-29T10:30:00Z",
  "1900-02-29T10:30:00Z",
  "2024-04-31T10:30:00Z",
  "2024-01-15T24:00:00Z",
  "2024-01-15T10:60:00Z",
  "2024-01-15T10:30:61Z",
  "2024-01-15T10:30:60Z",
  "2024-01-15T23:59:60+01:00",
  "2024-01-15T10:30:00+24:00",
  "2024-01-15T10:30:00+01:60",
  "2024-01-15T10:30:00+0100",
  "2024-01-15T10:30:00+01",
  "2024-01-15T10:30:00+1:00",
  "2024-01-15T10:30:00\u221201:00",
  "2024-01-15T10:30:00GMT",
  "2024/01/15T10:30:00Z",
  "2024-01-15T10.30.00Z",
  "2024-01-15T1a:30:00Z",
  "202x-01-15T10:30:00Z",
  "٢٠٢٤-01-15T10:30:00Z",
  "0000-01-01T00:00:00+00:01",
  "9999-12-31T23:59:59-00:01",
  "9999-12-31T23:59:60Z"
]

describe("a date-time of RFC 3339", () => {
  it.each(accepted)("%s is %s", (text, iso) => {
    assert.strictEqual(Rfc3339.toEpochMillis(text), Date.parse(iso))
  })

  it.each(refused)("%j is none", (text) => {
    assert.isUndefined(Rfc3339.toEpochMillis(text))
  })

  it.effect("is decoded to its instant, and what is none is refused without being repeated", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(Rfc3339.DateTimeUtc)
      assert.deepStrictEqual(yield* decode("2024-01-15T12:30:00+02:00"), DateTime.makeUnsafe("2024-01-15T10:30:00Z"))
      for (const text of refused) {
        const error = yield* Effect.flip(decode(text))
        assert.deepStrictEqual(InputIssue.fromSchemaIssue(error.issue), [
          {
            path: [],
            message: "Expected an RFC 3339 date-time with an offset, such as 2024-01-15T10:30:00Z"
          }
        ])
      }
    })
  )

  const millis = Arbitrary.schema(
    Schema.Int.check(
      Schema.isBetween({ minimum: Date.parse("0000-01-01T00:00:00Z"), maximum: Date.parse("9999-12-31T23:59:59.999Z") })
    )
  )
  const offset = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -1439, maximum: 1439 })))

  it.effect.prop(
    "names the same instant as JavaScript's clock, with any offset, and survives being written",
    [millis, offset],
    ([instant, minutes]) =>
      Effect.gen(function* () {
        const local = new Date(instant + minutes * 60_000)
        const year = local.getUTCFullYear()
        if (year >= 0 && year <= 9999) {
          const pad = (part: number) => String(Math.abs(part)).padStart(2, "0")
          const zone = `${minutes < 0 ? "-" : "+"}${pad(Math.trunc(minutes / 60))}:${pad(minutes % 60)}`
          assert.strictEqual(Rfc3339.toEpochMillis(local.toISOString().replace("Z", zone)), instant)
        }
        const written = yield* Schema.encodeEffect(Rfc3339.DateTimeUtc)(DateTime.makeUnsafe(instant))
        assert.strictEqual(Rfc3339.toEpochMillis(written), instant)
        const read = yield* Schema.decodeEffect(Rfc3339.DateTimeUtc)(written)
        assert.strictEqual(DateTime.toEpochMillis(read), instant)
      }),
    { arbitrary: { runs: 300, size: 60 } }
  )

  it("is found by every day of four centuries", () => {
    const day = new Date("1899-12-31T00:00:00Z")
    for (let i = 0; i < 146_100; i++) {
      const text = day.toISOString()
      if (Rfc3339.toEpochMillis(text) !== day.getTime()) assert.fail(text)
      day.setUTCDate(day.getUTCDate() + 1)
    }
  })

  it.effect("is not written beyond the year 9999", () =>
    Effect.gen(function* () {
      const late = DateTime.makeUnsafe(Date.UTC(10_000, 0, 1))
      const error = yield* Effect.flip(Schema.encodeEffect(Rfc3339.DateTimeUtc)(late))
      assert.strictEqual(error._tag, "SchemaError")
    })
  )
})
