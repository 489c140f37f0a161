import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { BatchPolicy, CustomerFile, OwnFields, ReachDestination, ReachSchema } from "../../../src/index.ts"
import * as Encode from "../../../src/sync/record/Encode.ts"
import * as Encoding from "../Encoding.ts"
import { bytesOf, oneOf, textOf } from "../support.ts"

const Acme = ReachSchema.extend(
  {
    nickname: Schema.String,
    loyaltyTier: Schema.Literals(["silver", "gold", "Zoë"]),
    vip: Schema.Boolean,
    points: Schema.Number,
    balance: Schema.Finite,
    visits: Schema.Int,
    age: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 })),
    lastVisit: OwnFields.DateTime
  },
  { required: ["firstName", "points"] }
)

const to = ReachDestination.batchPatch({ schema: Acme })
const encoder =
  (maxBytes = 1_000_000) =>
  () =>
    Encode.encoder(BatchPolicy.make({ maxBytes }), to)

const spellings = [
  "0",
  "-0",
  "-0.0",
  "7",
  "-7",
  "+7",
  "007",
  "150",
  "151",
  "1.5",
  "-1.5",
  "1.50",
  "1.",
  ".5",
  "0.5",
  "-0.5",
  "00.5",
  "0.000001",
  "0.0000001",
  "0.00000012345678901",
  "0.1234567890123",
  "0.12345678901234",
  "0.123456789012345",
  "999999999999999",
  "-999999999999999",
  "9999999999999999",
  "9007199254740993",
  "123456789012345.6",
  "12345678901234.5",
  "1234567890123.45",
  "1e3",
  "1E3",
  "12e4",
  "1.5e-7",
  "1e999",
  "NaN",
  "Infinity",
  "0x10",
  "1,5",
  "1 ",
  " 1",
  "--1",
  "-",
  "-.5",
  "1.2.3",
  "1_000",
  "true",
  ""
] as const
const number = Arbitrary.map(
  Arbitrary.all({
    from: oneOf([0, 0, 1, 2]),
    spelled: oneOf(spellings),
    pieces: textOf(["-", "+", "0", "0", "1", "5", "9", ".", "e", "123456789"], 8),
    sign: oneOf(["", "-"]),
    whole: textOf(["0", "1", "9", "37"], 8),
    part: textOf(["0", "2", "8"], 8)
  }),
  ({ from, part, pieces, sign, spelled, whole }) => [spelled, pieces, `${sign}${whole}.${part}`][from] ?? ""
)

const fields = {
  nickname: oneOf(["Ada", "Zoë", "1", "true", "null", ""]),
  loyaltyTier: oneOf(["silver", "gold", "Zoë", "Gold", "golden", "platinum", ""]),
  vip: oneOf(["true", "false", "TRUE", "1", "0", "yes", ""]),
  points: number,
  balance: number,
  visits: number,
  age: number,
  lastVisit: oneOf(["2024-01-15T10:30:00Z", "2024-01-15T12:30:00+02:00", "2023-02-29T10:30:00Z", "2024-01-15", ""])
}
const names = ["customerId", ...Object.keys(fields)]

// Usual rows are the larger part, or nothing would be copied.
const usual: ReadonlyArray<string> = ["Ada", "gold", "true", "12.25", "-3", "7", "42", "2024-01-15T10:30:00Z"]
const row = Arbitrary.all({ odd: Arbitrary.all(fields), at: oneOf([-1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8]) })
const rows = Arbitrary.map(Arbitrary.array(row, { maxLength: 20 }), (rows) =>
  rows.map(({ at, odd }, index) => [
    `c-${index}`,
    // One strange value in a row, or nothing else.
    ...Object.values(odd).map((value, i) => (at === 8 || at === i ? value : (usual[i] ?? "")))
  ])
)
const blocks = Arbitrary.array(oneOf([1, 13, 40, 1000, 5000]), { minLength: 1, maxLength: 3 })

/** That each record's JSON is what `JSON.stringify` gives for it, to the digit. */
const assertCanonical = (path: string, bytes: Uint8Array) =>
  Effect.gen(function* () {
    const encoded = CustomerFile.read(path, Acme.CustomerPatch).encoded?.(encoder()())
    if (encoded === undefined) return assert.fail("The source does not encode its records itself.")
    const records = yield* Stream.runCollect(encoded(undefined)).pipe(Effect.provide(Encoding.file(bytes, [])))
    for (const record of records) {
      if (record._tag === "Encoded") assert.strictEqual(record.json, JSON.stringify(JSON.parse(record.json)))
    }
  })

const csv = (rows: ReadonlyArray<ReadonlyArray<string>>, quote: boolean) =>
  bytesOf(
    [names, ...rows]
      .map((cells) => cells.map((cell) => (quote || cell.includes(",") ? `"${cell}"` : cell)).join(","))
      .join("\n")
  )

const isTextual = new Set(["customerId", "nickname", "loyaltyTier", "lastVisit"])

const ndjson = (rows: ReadonlyArray<ReadonlyArray<string>>, space: string) =>
  bytesOf(
    rows
      .map((values) => {
        const members = values.flatMap((value, i) => {
          const name = names[i] ?? ""
          if (isTextual.has(name)) return [`${JSON.stringify(name)}:${space}${JSON.stringify(value)}`]
          return value === "" ? [] : [`${JSON.stringify(name)}:${space}${value}`]
        })
        return `{${members.join(`,${space}`)}}`
      })
      .join("\n")
  )

describe("fields of one's own on the way from bytes to bytes", () => {
  it.effect.prop(
    "are what decoding each row and encoding each record gives, in a CSV",
    [rows, blocks, oneOf([true, false]), oneOf(["absent", "null", "text"]), oneOf([1_000_000, 300])],
    ([rows, sizes, quote, empty, maxBytes]) =>
      Effect.gen(function* () {
        const bytes = csv(rows, quote)
        const ways = Encoding.both("a.csv", Acme.CustomerPatch, encoder(maxBytes), { empty })
        yield* Encoding.assertSame(ways, bytes, sizes)
        yield* assertCanonical("a.csv", bytes)
      }),
    { arbitrary: { runs: 120, size: 60 } }
  )

  it.effect.prop(
    "are what decoding each line and encoding each record gives, in an NDJSON",
    [rows, blocks, oneOf(["", " "]), oneOf([1_000_000, 300])],
    ([rows, sizes, space, maxBytes]) =>
      Effect.gen(function* () {
        const bytes = ndjson(rows, space)
        const ways = Encoding.both("a.ndjson", Acme.CustomerPatch, encoder(maxBytes), {})
        yield* Encoding.assertSame(ways, bytes, sizes)
        yield* assertCanonical("a.ndjson", bytes)
      }),
    { arbitrary: { runs: 120, size: 60 } }
  )

  const many = Array.from({ length: 2000 }, (_, i) => [`c-${i}`, ...usual.with(5, String(i)).with(3, `${i}.75`)])

  it.effect("and are copied: none of the usual rows is decoded but a few beside the header", () =>
    Effect.gen(function* () {
      for (const quote of [true, false]) {
        const found = yield* Encoding.decoded("a.csv", Acme.CustomerPatch, encoder(), csv(many, quote))
        assert.strictEqual(found.of, 2000)
        assert.isAtMost(found.count, 3)
      }
      for (const space of ["", " "]) {
        const found = yield* Encoding.decoded("a.ndjson", Acme.CustomerPatch, encoder(), ndjson(many, space))
        assert.strictEqual(found.of, 2000)
        // The last line, which has no break behind it.
        assert.strictEqual(found.count, 1)
      }
    })
  )

  it.effect("each spelling of a number stands as it would without the short way, and is written as it is read", () =>
    Effect.gen(function* () {
      const rows = spellings.flatMap((number, i) => [
        [`c-${i}`, ...usual],
        [`d-${i}`, ...usual.with(3, number === "" ? "1" : number)],
        [`e-${i}`, ...usual.with(4, number)]
      ])
      for (const [path, bytes] of [
        ["a.csv", csv(rows, true)],
        ["a.csv", csv(rows, false)],
        ["a.ndjson", ndjson(rows, "")],
        ["a.ndjson", ndjson(rows, " ")]
      ] as const) {
        yield* Encoding.assertSame(Encoding.both(path, Acme.CustomerPatch, encoder(), {}), bytes, [4096])
        yield* assertCanonical(path, bytes)
      }
    })
  )

  it.effect("a number that would be written otherwise is decoded, and a row beside it is not", () =>
    Effect.gen(function* () {
      for (const [odd, written] of [
        ["1.50", "1.5"],
        ["-0", "0"],
        ["1e3", "1000"],
        ["0.0000001", "1e-7"]
      ] as const) {
        const bytes = ndjson(
          many.map((cells, i) => (i === 1000 ? cells.with(5, odd) : cells)),
          ""
        )
        const found = yield* Encoding.decoded("a.ndjson", Acme.CustomerPatch, encoder(), bytes)
        assert.isAtLeast(found.count, 1)
        assert.isAtMost(found.count, 10)
        const { itself } = Encoding.both("a.ndjson", Acme.CustomerPatch, encoder(), {})
        const records = yield* Stream.runCollect(itself(undefined)).pipe(Effect.provide(Encoding.file(bytes, [])))
        const record = records[1000]
        assert.include(record?._tag === "Encoded" ? record.json : "", `"balance":${written},`)
      }
    })
  )
})
