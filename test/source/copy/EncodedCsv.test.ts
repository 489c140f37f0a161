import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect } from "effect"
import {
  BatchPolicy,
  CustomerFile,
  PocketflowsDestination,
  ReachDestination,
  ReachSchema,
  Suspicious
} from "../../../src/index.ts"
import * as Encode from "../../../src/sync/record/Encode.ts"
import * as Encoding from "../Encoding.ts"
import { bytesOf, oneOf } from "../support.ts"

const to = ReachDestination.batchPatch({ tenant: "acme" })

const good: { readonly [field: string]: ReadonlyArray<string> } = {
  customerId: ["c-1", "c-2", "c 3", '"c-4"', "é-5", "c-6"],
  createdAt: [
    "2024-01-15T10:30:00Z",
    "2024-02-29T23:59:59Z",
    "2023-12-31T00:00:00Z",
    "0000-02-29T01:02:03Z",
    "2024-01-15t10:30:00Z",
    "2024-01-15T10:30:00z",
    "2024-01-15T10:30:00+00:00",
    "2023-02-29T10:30:00Z",
    "2024-01-15 10:30:00Z"
  ],
  emailOptOut: ["true", "false"],
  smsOptOut: ["true", "false", ""]
}
const texts = [
  "Ada",
  "Zoë",
  "李娜",
  "😀 b",
  "",
  "",
  '"quoted"',
  '"a, b; c\td"',
  "null",
  "true",
  " ",
  "\u007f",
  "\uFEFF"
] as const

const spoiled = [
  "'+14155550101",
  " x",
  "x ",
  "   ",
  "3\u00a0",
  "\u3000x",
  "x\u2009",
  "\u200bx",
  "x\ufeff",
  "1.23457E+12",
  "12345678e+2",
  "+1.4E+10",
  '"=""0042"""',
  "=+14155550101",
  "#N/A"
] as const

// What the transcoder leaves to the schema, what no schema takes, and what is no CSV.
const odd = oneOf([
  "",
  '""',
  '"',
  '"a',
  'a"',
  '"a""b"',
  '"a\nb"',
  '"a\rb"',
  '"a"b',
  "back\\slash",
  "tab\t",
  "\u0000",
  "é",
  "TRUE",
  "1",
  "yes",
  "2024-01-15T10:30:00.5Z",
  "2024-01-15t10:30:00Z",
  "2024-01-15T12:30:00+02:00",
  "2024-02-30T10:30:00Z",
  "2024-01-15T24:30:00Z",
  "2016-12-31T23:59:60Z",
  "long".repeat(60),
  'abcd"efgh',
  'abcdefgh"',
  '"abcdefg""hijk"',
  "abcdefg\\hi",
  "abcdefgh\u0001i",
  '"ab\\,cd"',
  "abcdefgh\u007fi",
  "abcdefghé",
  "éabcdefgh",
  "a,b",
  "a;b",
  "\n",
  "\r",
  ...spoiled,
  // What may seem spoiled, and is not.
  "#1001",
  "12e4567",
  "+14155550100",
  "a+b@example.com",
  "\u2013 x \u2013",
  "。x",
  "customerId",
  "email",
  '"1" ',
  ' "1"'
])

// The header once more, what is blank, and what is said of the end of a table.
const lines = ["HEADER", "\uFEFFHEADER", ",,,,,,", " ", ";", "\t", "", "customerId", "(2 rows)"] as const

const columns = ["customerId", "firstName", "createdAt", "email", "emailOptOut", "smsOptOut", "other"] as const

const document = Arbitrary.all({
  order: Arbitrary.array(oneOf([0, 1, 2, 3, 4, 5]), { minLength: columns.length, maxLength: columns.length }),
  left: oneOf([0, 1, 3]),
  rows: Arbitrary.array(
    Arbitrary.all({
      picks: Arbitrary.array(oneOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), { minLength: 7, maxLength: 7 }),
      strange: oneOf([-1, -1, -1, -1, 0, 1, 2, 3, 4]),
      odd,
      end: oneOf(["\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n"]),
      width: oneOf([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, -1, -3]),
      line: oneOf([undefined, undefined, undefined, undefined, undefined, undefined, undefined, ...lines])
    }),
    { maxLength: 12 }
  ),
  delimiter: oneOf([",", ",", ";", "\t"]),
  // Where none is told, the header tells it, and so may the line above.
  isTold: oneOf([true, false]),
  sep: oneOf([true, false, false]),
  unnamed: oneOf([0, 0, 1, 2]),
  untilBlankLine: oneOf([false, false, true]),
  otherColumns: oneOf(["ignore", "ignore", "refuse"]),
  allowSuspicious: oneOf([[], [], ["apostrophe", "white-space"], Suspicious.checks]),
  mark: oneOf(["", "", "\uFEFF", "\n"]),
  empty: oneOf(["absent", "absent", "null", "text"]),
  columns: oneOf([
    undefined,
    undefined,
    { email: "email" },
    // One column for two fields, two that change places, and a field whose own column is not read.
    { firstName: "email" },
    { customerId: "email" },
    { firstName: "email", email: "firstName" },
    { email: "other" }
  ]),
  lastBreak: oneOf([true, false]),
  invalidAt: oneOf([undefined, undefined, undefined, 0.3, 0.7, 0.99]),
  maxRecordSize: oneOf([1_000_000, 1_000_000, 60]),
  maxBytes: oneOf([1_000_000, 1_000_000, 120, 400]),
  maxRecords: oneOf([500, 1, 2, 3])
})

const unnamedColumns: ReadonlyArray<string> = ["", ""]

type Document = typeof document extends Arbitrary.Arbitrary<infer D> ? D : never

const write = ({
  delimiter,
  invalidAt,
  lastBreak,
  left,
  mark,
  order,
  otherColumns,
  rows,
  sep,
  unnamed
}: Document): Uint8Array => {
  const header = columns
    .map((column, i) => ({ column, rank: order[i] ?? 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ column }): string => column)
    // The key must be there, and the column that is no field may not.
    .filter((column, i) => column === "customerId" || (i >= left && (column !== "other" || otherColumns === "ignore")))
    .concat(unnamedColumns.slice(0, unnamed))
  const named = header.join(delimiter)
  const lines = rows.map((row, index) => {
    const cells = header.map((column, i) => {
      const choices = column === "" ? [""] : (good[column] ?? texts)
      return choices[(row.picks[i] ?? 0) % choices.length] ?? ""
    })
    if (row.strange >= 0) cells[row.strange % cells.length] = row.odd
    if (row.width === 1) cells.push("more")
    if (row.width === 2) cells.push("", " ")
    for (let less = row.width; less < 0; less++) cells.pop()
    return (
      (row.line?.replace("HEADER", named) ?? cells.join(delimiter)) +
      (index === rows.length - 1 && !lastBreak ? "" : row.end)
    )
  })
  const bytes = bytesOf(`${mark}${sep ? `sep=${delimiter}\n` : ""}${named}\n${lines.join("")}`)
  if (invalidAt !== undefined) bytes[Math.floor(bytes.length * invalidAt)] = 0xff
  return bytes
}

// From one that cuts characters in two to one that holds many rows.
const blocks = Arbitrary.array(oneOf([1, 3, 13, 40, 200, 1000, 5000]), { minLength: 1, maxLength: 4 })

describe("a file that is encoded on the way", () => {
  const encoder =
    (maxBytes: number, maxRecords = 500) =>
    () =>
      Encode.encoder(BatchPolicy.make({ maxBytes, maxRecords }), to)

  it.effect.prop(
    "gives what decoding each row and encoding each record gives, however the bytes are cut",
    [document, blocks],
    ([random, sizes]) =>
      Effect.gen(function* () {
        const bytes = write(random)
        const { allowSuspicious, columns, delimiter, empty, isTold, maxBytes, maxRecordSize, maxRecords } = random
        const { otherColumns, untilBlankLine } = random
        const reading = { columns, empty, maxRecordSize, otherColumns, allowSuspicious, untilBlankLine } as const
        const options = isTold ? { ...reading, delimiter } : reading
        const ways = Encoding.both("a.csv", ReachSchema.CustomerPatch, encoder(maxBytes, maxRecords), options)
        yield* Encoding.assertSame(ways, bytes, sizes)
      }),
    { arbitrary: { runs: 400, size: 60 } }
  )

  const plain = (row: (index: number) => string) =>
    bytesOf(`customerId,firstName,createdAt,emailOptOut\n${Array.from({ length: 5000 }, (_, i) => row(i)).join("")}`)
  const usual = (i: number) => `c-${i},Zoë 李娜,2024-01-15T10:30:00Z,${i % 2 === 0}\n`

  /** How many records the schema had to read. */
  const decoded = (bytes: Uint8Array) =>
    Effect.map(Encoding.decoded("a.csv", ReachSchema.CustomerPatch, encoder(1_000_000), bytes), ({ count, of }) => {
      assert.strictEqual(of, 5000)
      return count
    })

  it.effect("the usual rows are not decoded, also where every cell is in quotes or lines end in CRLF", () =>
    Effect.gen(function* () {
      // A few stand in the piece in which the header is looked for.
      assert.isAtMost(yield* decoded(plain(usual)), 3)
      assert.isAtMost(yield* decoded(plain((i) => `"c-${i}","a, b","2024-01-15T10:30:00Z","true"\n`)), 3)
      assert.isAtMost(yield* decoded(plain((i) => usual(i).replace("\n", "\r\n"))), 3)
      for (const delimiter of [";", "\t", "|"]) {
        const text = new TextDecoder().decode(plain(usual)).replaceAll(",", delimiter)
        assert.isAtMost(yield* decoded(bytesOf(text)), 3, delimiter)
      }
      // A phone number has its plus sign, an address may have one, and last columns may have no names.
      const wide = bytesOf(
        `customerId,phone,email,,\n${Array.from({ length: 5000 }, (_, i) => `${i},+1415555${i},a+${i}@example.com,,\n`).join("")}`
      )
      assert.isAtMost(yield* decoded(wide), 3)
    })
  )

  it.effect("a spoiled text among usual rows is found wherever it stands, and so are the header and a blank line", () =>
    Effect.gen(function* () {
      const header = "customerId,firstName,phone,email"
      const usual = Array.from({ length: 60 }, (_, i) => `c-${i},Zoë,+1415555${i},a+${i}@example.com\n`).join("")
      const among = (rows: ReadonlyArray<string>) => bytesOf(`${header}\n${usual}${rows.join(`\n${usual}`)}\n${usual}`)
      const ways = (options: object = {}) =>
        Encoding.both("a.csv", ReachSchema.CustomerPatch, encoder(1_000_000), options)
      for (const text of spoiled) {
        const rows = [`${text},,,`, `1,${text},,`, `2,,${text},`, `3,,,${text}`]
        const notes = yield* Encoding.assertSame(ways(), among(rows), [64 * 1024])
        const counts = notes.map((note) => (note._tag === "Suspicious" ? [note.field, note.records] : note))
        assert.deepStrictEqual(
          counts,
          [
            ["firstName", 1],
            ["email", 1]
          ],
          text
        )
      }
      const notes = yield* Encoding.assertSame(ways(), among([header, `\uFEFF${header}`, ",,,", " , ", "", header]), [
        64 * 1024
      ])
      assert.deepStrictEqual(notes, [{ _tag: "HeaderRepeated", records: 3, lines: [62, 123, 367] }])
      const below = yield* Encoding.assertSame(ways({ untilBlankLine: true }), among(["9,,,", "", "10,,,"]), [
        64 * 1024
      ])
      assert.deepStrictEqual(below, [{ _tag: "BelowTable", line: 123 }])
    })
  )

  it.effect("a header whose line break is cut in two is followed by the same lines, wherever reading goes on", () =>
    Encoding.assertSame(
      Encoding.both("a.csv", ReachSchema.CustomerPatch, encoder(1_000_000), {}),
      bytesOf("customerId\r\nc-1\r\nc-2\r\n"),
      [1]
    )
  )

  it.effect("one row in a hundred that must be decoded makes few others be", () =>
    Effect.gen(function* () {
      const odd = (i: number) => `c-${i},"Zoë ""Z""",2024-01-15T10:30:00Z,true\n`
      assert.isAtMost(yield* decoded(plain((i) => (i % 100 === 7 ? odd(i) : usual(i)))), 1000)
      assert.strictEqual(yield* decoded(plain(odd)), 5000)
    })
  )

  it.effect("more rows, and longer ones, than are taken together are the same too", () =>
    Effect.gen(function* () {
      const sizes = [0, 1, 100_000, 150_000, 262_000, 262_200, 278_000, 279_000, 400_000, 5, 7]
      const long = sizes.map((size, i) => `c-${i},${"x".repeat(size)},${i % 2 === 0 ? "" : "+1"}\n`).join("")
      const keys = sizes.map((size) => `${"k".repeat(size + 1)},a,\n`).join("")
      const many = Array.from({ length: 2500 }, (_, i) => `${i},,\n`).join("")
      for (const rows of [long, keys, many, `${many}\n\r\n${long}${many}`]) {
        const bytes = bytesOf(`customerId,firstName,phone\n${rows}`)
        for (const [maxBytes, size] of [
          [100_000, 256 * 1024],
          [1_000_000, 1_000_000]
        ] as const) {
          const ways = Encoding.both("a.csv", ReachSchema.CustomerPatch, encoder(maxBytes, 3000), {})
          yield* Encoding.assertSame(ways, bytes, [size, 300_000])
        }
      }
    })
  )

  it("is offered for the schema of the destination, and for no other", () => {
    const source = CustomerFile.read("a.csv", ReachSchema.CustomerPatch)
    assert.isDefined(source.encoded?.(encoder(1000)()))
    const pocketflows = PocketflowsDestination.batchUpdate({ business: "b" })
    assert.isUndefined(source.encoded?.({ ...encoder(1000)(), json: pocketflows.json }))
    assert.isUndefined(source.encoded?.({ ...encoder(1000)(), json: undefined }))
    // Who changes what a destination encodes, or who a record is about, is heard.
    for (const changed of [
      { ...to, encode: (patch: ReachSchema.CustomerPatch) => to.encode(patch) },
      { ...to, key: ({ email }: ReachSchema.CustomerPatch) => email ?? "" }
    ]) {
      assert.isUndefined(source.encoded?.(Encode.encoder(BatchPolicy.make(), changed)))
    }
    const other = { ...to, refusals: [] }
    assert.isDefined(source.encoded?.(Encode.encoder(BatchPolicy.make(), other)))
  })
})
