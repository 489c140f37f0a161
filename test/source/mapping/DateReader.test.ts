import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { Mapping } from "../../../src/index.ts"
import { oneOf } from "../support.ts"

const One = Schema.Struct({ at: Schema.String })

const read = (date: Mapping.DateReading, at: string | number) =>
  Schema.decodeUnknownEffect(Mapping.schema({ fields: { at: { date } } }, One))({ at }).pipe(
    Effect.match({ onFailure: ({ message }) => message, onSuccess: (found) => found.at })
  )

const berlin = { zone: "Europe/Berlin" } as const

describe("a date in a format", () => {
  for (const [format, text, expected, more] of [
    ["dd.MM.yyyy HH:mm", "15.01.2024 10:30", "2024-01-15T09:30:00Z", berlin],
    ["dd.MM.yyyy HH:mm", "15.7.2024 10:30", "is no date", berlin],
    ["d.M.yyyy H:mm", "5.7.2024 9:05", "2024-07-05T07:05:00Z", berlin],
    ["MM/dd/yyyy hh:mm:ss a", "03/04/2024 12:00:01 AM", "2024-03-04T00:00:01Z", { zone: "UTC" }],
    ["MM/dd/yyyy hh:mm a", "03/04/2024 12:00 pm", "2024-03-04T12:00:00Z", { zone: "UTC" }],
    ["MM/dd/yyyy hh:mm a", "03/04/2024 13:00 pm", "is no date", { zone: "UTC" }],
    ["MM/dd/yyyy HH:mm", "13/04/2024 10:00", "is no date", { zone: "UTC" }],
    ["MMM d, yyyy", "Feb 29, 2024", "2024-02-29T00:00:00Z", { zone: "UTC", time: "00:00" }],
    ["MMM d, yyyy", "Feb 29, 2023", "is no date", { zone: "UTC", time: "00:00" }],
    ["d MMMM yyyy 'at' HH'h'", "1 march 2024 at 07h", "2024-03-01T07:00:00Z", { zone: "UTC" }],
    ["yyyy-MM-dd HH:mm:ss.SSS", "2024-01-15 10:30:00.007", "2024-01-15T10:30:00.007Z", { zone: "UTC" }],
    ["yyyy-MM-dd HH:mm:ssXXX", "2024-01-15 10:30:00-05:30", "2024-01-15T16:00:00Z", {}],
    ["yyyy-MM-dd HH:mm:ssXXX", "2024-01-15 10:30:00-25:30", "is no date", {}],
    ["yyyy-MM-dd HH:mm", "2024-01-15 24:00", "is no date", { zone: "UTC" }],
    ["yyyy-MM-dd HH:mm", " 2024-01-15 10:00", "is no date", { zone: "UTC" }],
    ["yyyyMMdd", "20240115", "2024-01-15T23:59:59Z", { zone: "UTC", time: "23:59:59" }],
    ["yyyy.MM.dd", "2024-01-15", "is no date", { zone: "UTC", time: "00:00" }],
    ["yyyy-MM-dd", "0099-01-15", "0099-01-15T00:00:00Z", { zone: "UTC", time: "00:00" }],
    ["dd.MM.yyyy HH:mm", "31.03.2024 02:30", "clocks are changed", berlin],
    ["dd.MM.yyyy HH:mm", "27.10.2024 02:30", "clocks are changed", berlin],
    ["dd.MM.yyyy HH:mm", "27.10.2024 02:30", "2024-10-27T00:30:00Z", { ...berlin, clockChange: "earlier" }],
    ["dd.MM.yyyy HH:mm", "27.10.2024 02:30", "2024-10-27T01:30:00Z", { ...berlin, clockChange: "later" }]
  ] as const) {
    it.effect(`${format}: ${text} ${JSON.stringify(more)}`, () =>
      Effect.map(read({ format, ...more }, text), (found) => assert.include(found, expected))
    )
  }

  it.effect("of several is that of the one that fits, or none where two say different days", () =>
    Effect.gen(function* () {
      const date = { format: ["dd/MM/yyyy", "MM/dd/yyyy", "yyyy-MM-dd"], zone: "UTC", time: "00:00" } as const
      assert.strictEqual(yield* read(date, "2024-04-03"), "2024-04-03T00:00:00Z")
      assert.strictEqual(yield* read(date, "31/03/2024"), "2024-03-31T00:00:00Z")
      assert.strictEqual(yield* read(date, "03/03/2024"), "2024-03-03T00:00:00Z")
      assert.include(yield* read(date, "03/04/2024"), "more than one of the formats")
    })
  )

  for (const [date, message] of [
    [{ format: "dd/MM/yy", ...berlin }, "has yy, a year without its century"],
    [{ format: "DD/MM/YYYY", ...berlin }, "write dd and yyyy"],
    [{ format: "dd/MM HH:mm", ...berlin }, "names no whole day"],
    [{ format: "dd.MM.yyyy hh:mm", ...berlin }, "needs both h and a"],
    [{ format: "dd.MM.yyyy HH:mm" }, "needs a zone"],
    [{ format: "dd.MM.yyyy", ...berlin }, "needs one: { "],
    [{ format: "dd.MM.yyyy HH:mm", ...berlin, time: "00:00" }, "/time is not used"],
    [{ format: "dd.MM.yyyy HH:mmXXX", ...berlin }, "/zone is not used"],
    [{ format: "dd.MM.yyyy dd", ...berlin }, "says twice what the day is"],
    [{ format: "dd.MM.yyyy T HH:mm", ...berlin }, "has T, which is no part of a date"],
    [{ format: "dd.MM.yyyy 'at HH:mm", ...berlin }, "apostrophe that is not closed"],
    [{ format: "dd.MM.yyyy mm", ...berlin }, "without the whole of it"],
    [{ format: "dd.MM.yyyy HH:mm", zone: "Berlin/Europe" }, "/zone is no time zone"],
    [{ as: "excel", zone: "Mars" }, "/zone is no time zone"]
  ] as ReadonlyArray<readonly [Mapping.DateReading, string]>) {
    it.effect(`is not asked for by ${JSON.stringify(date)}`, () =>
      Effect.map(Effect.flip(Mapping.check({ fields: { at: { date } } }, One)), (error) =>
        assert.include(error.message, message)
      )
    )
  }

  const millis = Arbitrary.map(
    oneOf([...Array(40).keys()] as [number, ...Array<number>]),
    (step) => step * 97_777_777_777
  )

  it.effect.prop(
    "reads what is written in it, in each zone and as each count of days",
    [millis, oneOf(["UTC", "Asia/Kolkata", "America/Santiago", "Pacific/Apia"]), oneOf([0, 1, 999, 86_399_999])],
    ([day, timeZone, rest]) =>
      Effect.gen(function* () {
        const instant = Math.floor(day / 1000) * 1000 + (rest % 1000)
        const format = new Intl.DateTimeFormat("en-GB", {
          ...{ timeZone, hourCycle: "h23", fractionalSecondDigits: 3 },
          ...{
            year: "numeric",
            month: "2-digit",
            day: "2-digit",
            hour: "2-digit",
            minute: "2-digit",
            second: "2-digit"
          }
        })
        const text = format.format(instant)
        const found = yield* read({ format: "dd/MM/yyyy, HH:mm:ss.SSS", zone: timeZone, clockChange: "earlier" }, text)
        // Where clocks are put back, one of two is meant.
        assert.include([0, -3_600_000], Date.parse(found) - instant, text)
        const serial = instant / 86_400_000 + 25_569
        assert.strictEqual(Date.parse(yield* read({ as: "excel", zone: "UTC" }, serial)), instant)
        assert.strictEqual(Date.parse(yield* read({ as: "excel", zone: "UTC" }, String(serial))), instant)
      }),
    { arbitrary: { runs: 100 } }
  )
})
