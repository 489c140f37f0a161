import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Predicate } from "effect"
import {
  BatchPolicy,
  CustomerFile,
  PocketflowsDestination,
  PocketflowsSchema,
  ReachDestination,
  ReachSchema
} from "../../../src/index.ts"
import * as Encode from "../../../src/sync/record/Encode.ts"
import * as Encoding from "../Encoding.ts"
import { bytesOf, oneOf } from "../support.ts"

const to = ReachDestination.batchPatch({ tenant: "acme" })

// Values as they are written, by field.
const good: { readonly [field: string]: ReadonlyArray<string> } = {
  customerId: ['"c-1"', '"c-2"', '"c 3"', '"é-4"', '"c-5, {x}: y"', '"6"'],
  createdAt: ['"2024-01-15T10:30:00Z"', '"2024-02-29T23:59:59Z"', '"0000-02-29T01:02:03Z"'],
  emailOptOut: ["true", "false"],
  smsOptOut: ["false", "true"]
}
const texts = [
  '"Ada"',
  '"Zoë"',
  '"李娜"',
  '"😀 b and more"',
  '""',
  '"}"',
  '",\\u007f"',
  '"\uFEFF"',
  '"abcdefgh"',
  '"null"'
]

// What is left to the schema, what no schema takes, and what is no JSON.
const odd = oneOf([
  "null",
  '""',
  "1",
  "-0",
  "1e3",
  "true",
  "truE",
  "false ",
  "tru",
  "falsey",
  "[]",
  '["a"]',
  "{}",
  '{"a":{"b":1}}',
  "",
  "abc",
  '"a',
  'a"',
  '"a"b',
  '"a""b"',
  '"a\\"b"',
  '"a\\nb"',
  '"\\u00e9 and \\ud83d"',
  '"back\\\\slash"',
  '"a\\xb"',
  '"abcdefg\\\\hi"',
  '"tab\t"',
  '"\u0000"',
  '"abcdefgh\u0001i"',
  '"a\nb"',
  '"a\rb"',
  '"é"',
  '"\uE000"', // becomes a lone surrogate, see below
  '"abc\uE000"',
  '"abc\u007f"',
  ' "a"',
  '  "a"',
  '\t"a"',
  '"a" ',
  '"2024-01-15T10:30:00.5Z"',
  '"2024-01-15t10:30:00Z"',
  '"2024-01-15T12:30:00+02:00"',
  '"2023-02-29T10:30:00Z"',
  '"2024-01-15T24:30:00Z"',
  '"2016-12-31T23:59:60Z"',
  `"${"long".repeat(60)}"`
])

const fields = ["customerId", "firstName", "createdAt", "email", "emailOptOut", "smsOptOut"] as const

/** What may be done to a line, given its members. */
const shapes: ReadonlyArray<(members: ReadonlyArray<string>) => string> = [
  (members) => `{${members.join(", ").replaceAll('":', '": ')}}`,
  (members) => `{${members.join(",").replaceAll('":', '" :')}}`,
  (members) => `{${members.join(",  ")}}`,
  (members) => `{ ${members.join(",")} }`,
  (members) => ` {${members.join(",")}}`,
  (members) => `{${members.join(",")}}\t `,
  (members) => `{${members.join(",")}}\r`,
  (members) => `{${members.join(",")},}`,
  (members) => `{,${members.join(",")}}`,
  (members) => `{${members.join(";")}}`,
  (members) => `{${members.join(" ,")}}`,
  (members) => `{${members.join(",")}`,
  (members) => `${members.join(",")}}`,
  (members) => `[${members.join(",")}]`,
  (members) => `[{${members.join(",")}}]`,
  (members) => `{${members.join(",")}}{${members.join(",")}}`,
  (members) => `{${members.join(",")}},`,
  // Names that come twice, in any writing, or are no field, or only begin as one.
  (members) => `{${[...members, ...members].join(",")}}`,
  (members) => `{${members.join(",")},"firstName":"twice","firstName":"thrice"}`,
  (members) => `{${members.join(",")},"customerI\\u0064":"c-9"}`,
  (members) => `{${members.join(",")},"other":"x"}`,
  (members) => `{${members.join(",")},"__proto__":{"email":"x"}}`,
  (members) => `{${members.join(",")},"constructor":"x"}`,
  (members) => `{${members.join(",")},"emailOptOu":true}`,
  (members) => `{${members.join(",")},"emails":"x"}`,
  (members) => `{${members.join(",")},"":"x"}`,
  (members) => `{${members.join(",").replace("customerId", "customerID")}}`,
  (members) => `{${members.filter((member) => !member.startsWith('"customerId"')).join(",")}}`,
  (members) => `\uFEFF{${members.join(",")}}`,
  () => "{}",
  () => "[]",
  () => "null",
  () => '"customerId"',
  () => "17",
  () => " ",
  () => "",
  () => "not JSON"
]

const numbers = Arbitrary.array(oneOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), { minLength: 12, maxLength: 12 })

const document = Arbitrary.all({
  lines: Arbitrary.array(
    Arbitrary.all({
      values: numbers,
      ranks: numbers,
      // Most lines have their fields in one order, as those of one writer do.
      isOrdered: oneOf([true, true, true, false]),
      size: oneOf([6, 6, 6, 5, 3, 1]),
      strange: oneOf([-1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5]),
      odd,
      shape: oneOf([-1, -1, -1, -1, 0, 1]),
      shapeAt: numbers,
      end: oneOf(["\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r\n\r\n", "\n \n"])
    }),
    { maxLength: 12 }
  ),
  // Some have nothing else, so that many of their lines come together.
  isUsual: oneOf([true, false, false]),
  mark: oneOf(["", "", "\uFEFF", "\n", "\r\n"]),
  lastBreak: oneOf([true, false]),
  invalidAt: oneOf([undefined, undefined, undefined, 0.3, 0.7, 0.99]),
  invalid: oneOf([0xff, 0xc0, 0x80, 0xe2, 0xf4]),
  otherColumns: oneOf(["refuse", "ignore"]),
  maxRecordSize: oneOf([1_000_000, 1_000_000, 120, 60]),
  maxBytes: oneOf([1_000_000, 1_000_000, 130, 400]),
  maxRecords: oneOf([500, 1, 2, 3])
})

type Document = typeof document extends Arbitrary.Arbitrary<infer D> ? D : never

const writeLine = ({ isOrdered, odd, ranks, shape, shapeAt, size, strange, values }: Document["lines"][number]) => {
  const names = fields
    .map((name, i) => ({ name, rank: isOrdered ? i : (ranks[i] ?? 0) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ name }) => name)
    .slice(0, size)
  const members = names.map((name, i) => {
    const choices = good[name] ?? texts
    const value = i === strange ? odd : choices[(values[i] ?? 0) % choices.length]
    return `"${name}":${value}`
  })
  const shapeIndex = (shapeAt[0] ?? 0) + 10 * (shapeAt[1] ?? 0)
  // One in two odd shapes is that of Python.
  const write = shape === -1 ? undefined : shapes[shape === 0 ? 0 : shapeIndex % shapes.length]
  return write?.(members) ?? `{${members.join(",")}}`
}

const write = ({ invalid, invalidAt, isUsual, lastBreak, lines, mark }: Document): Uint8Array => {
  const usual = isUsual ? ({ strange: -1, shape: -1 } as const) : {}
  const text = lines.map(
    (line, i) => writeLine({ ...line, ...usual }) + (i === lines.length - 1 && !lastBreak ? "" : line.end)
  )
  const bytes = bytesOf(mark + text.join(""))
  // A surrogate, as three bytes, is no UTF-8.
  for (let at = bytes.indexOf(0xee); at !== -1; at = bytes.indexOf(0xee, at + 1)) bytes.set([0xed, 0xa0], at)
  if (invalidAt !== undefined) bytes[Math.floor(bytes.length * invalidAt)] = invalid
  return bytes
}

// From one that cuts characters in two to one that holds many lines.
const blocks = Arbitrary.array(oneOf([1, 3, 13, 40, 200, 1000, 5000]), { minLength: 1, maxLength: 4 })

const encoder =
  (maxBytes = 1_000_000, maxRecords = 500) =>
  () =>
    Encode.encoder(BatchPolicy.make({ maxBytes, maxRecords }), to)

describe("an NDJSON that is encoded on the way", () => {
  it.effect.prop(
    "gives what decoding each line and encoding each record gives, however the bytes are cut",
    [document, blocks],
    ([random, sizes]) => {
      const { maxBytes, maxRecordSize, maxRecords, otherColumns } = random
      const options = { maxRecordSize, otherColumns }
      const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, encoder(maxBytes, maxRecords), options)
      return Encoding.assertSame(ways, write(random), sizes)
    },
    { arbitrary: { runs: 400, size: 60 } }
  )

  it.effect("does so for any shape of a line and any value, alone and between others", () =>
    Effect.gen(function* () {
      const members = ['"customerId":"c-1"', '"email":"a@example.com"', '"smsOptOut":true']
      const usual = `{${members.join(",")}}`
      const document = shapes.flatMap((shape) => [shape(members), usual]).join("\n")
      for (const otherColumns of ["refuse", "ignore"] as const) {
        const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, encoder(), { otherColumns })
        yield* Encoding.assertSame(ways, bytesOf(document), [4096])
        yield* Encoding.assertSame(ways, bytesOf(document), [7])
      }
    })
  )

  it.effect("gives nothing of a JSON document, whatever stands above it", () =>
    Effect.gen(function* () {
      for (const text of ["[\n", '{"customers":[\n', "\n[", "\uFEFF\r\n\n {\n", " \n["]) {
        const document = bytesOf(`${text}{"customerId":"c-1"},\n{"customerId":"c-2"}\n]\n`)
        const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, encoder(), {})
        yield* Encoding.assertSame(ways, document, [4096])
        const { failure, records } = yield* Effect.provide(
          Encoding.collect(ways.itself(undefined)),
          Encoding.file(document, [5])
        )
        assert.deepStrictEqual([Predicate.isTagged(failure, "NotNdjson"), records], [true, []])
      }
    })
  )

  const lines = (line: (index: number) => string, count = 5000) =>
    bytesOf(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(""))
  const customer = (i: number) => ({
    customerId: `c-${i}`,
    firstName: i % 7 === 0 ? "" : "Zoë 李娜",
    ...(i % 3 === 0 ? {} : { email: `c-${i}@example.com` }),
    createdAt: "2024-01-15T10:30:00Z",
    emailOptOut: i % 2 === 0
  })
  const usual = (i: number) => JSON.stringify(customer(i))
  const decoded = (bytes: Uint8Array) =>
    Effect.map(Encoding.decoded("a.ndjson", ReachSchema.CustomerPatch, encoder(), bytes), ({ count, of }) => {
      assert.strictEqual(of, 5000)
      return count
    })

  it.effect("the usual lines are not decoded, nor are those of Python or those that end in CRLF", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* decoded(lines(usual)), 0)
      assert.strictEqual(yield* decoded(lines((i) => usual(i).replaceAll('":', '": ').replaceAll(',"', ', "'))), 0)
      assert.strictEqual(yield* decoded(lines((i) => `${usual(i)}\r`)), 0)
      const backwards = (i: number) => JSON.stringify(Object.fromEntries(Object.entries(customer(i)).reverse()))
      assert.strictEqual(yield* decoded(lines((i) => (i % 2 === 0 ? usual(i) : backwards(i)))), 0)
    })
  )

  it.effect("a spoiled text among usual lines is found in whatever field it stands", () =>
    Effect.gen(function* () {
      for (const text of ["'1", " x", "x ", "3\u00a0", "\u3000x", "x\u2009", "1.2E+12", "=1", "#N/A", "+1E+10"]) {
        const odd = ["customerId", "phone", "firstName", "email"].map((field) => ({ customerId: "c", [field]: text }))
        const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, encoder(), {})
        const mixed = lines((i) => (i % 60 === 59 ? JSON.stringify(odd[Math.floor(i / 60) % 4]) : usual(i)), 400)
        const notes = yield* Encoding.assertSame(ways, mixed, [64 * 1024])
        const counts = notes.map((note) => (note._tag === "Suspicious" ? [note.field, note.records, note.lines] : note))
        assert.deepStrictEqual(
          counts,
          [
            ["firstName", 1, [180]],
            ["email", 1, [240]]
          ],
          text
        )
      }
    })
  )

  it.effect("a JSON array below blank lines is noticed, and lines in another encoding are once they are too many", () =>
    Effect.gen(function* () {
      const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, encoder(), {})
      const failureOf = (bytes: Uint8Array) =>
        Effect.map(
          Effect.provide(Encoding.collect(ways.itself(undefined)), Encoding.file(bytes, [64 * 1024])),
          ({ failure, records }) => [Predicate.hasProperty(failure, "_tag") && failure._tag, records.length]
        )
      const array = lines((i) => (i === 0 ? "\n" : `[${usual(i)},`), 3)
      assert.deepStrictEqual(yield* failureOf(array), ["NotNdjson", 0])
      yield* Encoding.assertSame(ways, array, [1000])
      const latin = lines((i) => usual(i)).map((byte, i, all) => (byte === 0xc3 && all[i + 1] === 0xab ? 0xe9 : byte))
      assert.deepStrictEqual(yield* failureOf(latin), ["InvalidUtf8", 60])
    })
  )

  it.effect("one line in a hundred that must be decoded makes few others be", () =>
    Effect.gen(function* () {
      const odd = (i: number) => JSON.stringify({ ...customer(i), email: null })
      assert.isAtMost(yield* decoded(lines((i) => (i % 100 === 7 ? odd(i) : usual(i)))), 1000)
      assert.strictEqual(yield* decoded(lines(odd)), 5000)
    })
  )

  it.effect("more lines, and longer keys and lines, than are kept together are the same too", () =>
    Effect.gen(function* () {
      const large = { ...to, maxRecords: 100_000 }
      for (const { count, maxBytes, size } of [
        { size: 1, count: 5000, maxBytes: 100_000_000 },
        { size: 1, count: 500, maxBytes: 400 },
        { size: 60, count: 2000, maxBytes: 100_000_000 },
        { size: 60, count: 2000, maxBytes: 3000 },
        { size: 5000, count: 40, maxBytes: 100_000_000 },
        { size: 9000, count: 20, maxBytes: 100_000_000 },
        { size: 40_000, count: 5, maxBytes: 100_000_000 },
        { size: 150_000, count: 3, maxBytes: 100_000_000 }
      ]) {
        const policy = BatchPolicy.make({ maxBytes, maxRecords: 100_000 })
        const ways = Encoding.both("a.ndjson", ReachSchema.CustomerPatch, () => Encode.encoder(policy, large), {})
        const bytes = lines((i) => JSON.stringify({ customerId: String(i).padStart(size, "0") }), count)
        yield* Encoding.assertSame(ways, bytes, [64 * 1024])
      }
    })
  )

  it.effect("a field that is not copied is no hindrance where it may be absent", () =>
    Effect.gen(function* () {
      const pocketflows = PocketflowsDestination.batchUpdate({ business: "b" })
      const encoder = () => Encode.encoder(BatchPolicy.make(), pocketflows)
      const without = lines((i) => JSON.stringify({ id: `c-${i}`, full_name: "Zoë" }), 100)
      const some = lines((i) => JSON.stringify({ id: `c-${i}`, ...(i % 9 === 0 ? { metadata: { a: i } } : {}) }), 100)
      const schema = PocketflowsSchema.CustomerUpdate
      assert.deepStrictEqual(yield* Encoding.decoded("a.jsonl", schema, encoder, without), { count: 0, of: 100 })
      yield* Encoding.assertSame(Encoding.both("a.jsonl", schema, encoder, {}), some, [1000])
    })
  )

  it("is offered for the schema of the destination with its own names, and for no other", () => {
    const offered = (
      encoder: Encode.Encoder<ReachSchema.CustomerPatch>,
      options?: CustomerFile.FileOptions<CustomerFile.FieldOf<typeof ReachSchema.CustomerPatch>>
    ) => CustomerFile.read("a.ndjson", ReachSchema.CustomerPatch, options).encoded?.(encoder) !== undefined
    assert.isTrue(offered(encoder()()))
    assert.isTrue(offered(encoder()(), { columns: { phone: undefined } }))
    // A name that is mapped must be looked for.
    assert.isFalse(offered(encoder()(), { columns: { email: "email" } }))
    assert.isFalse(offered(encoder()(), { columns: { email: "mail" } }))
    const pocketflows = PocketflowsDestination.batchUpdate({ business: "b" })
    assert.isFalse(offered({ ...encoder()(), json: pocketflows.json }))
    assert.isFalse(offered({ ...encoder()(), json: undefined }))
    assert.isFalse(offered({ ...encoder()(), json: { schema: ReachSchema.CustomerPatch, field: "emailOptOut" } }))
    // Who changes what a destination encodes, or who a record is about, is heard.
    for (const changed of [
      { ...to, encode: (patch: ReachSchema.CustomerPatch) => to.encode(patch) },
      { ...to, key: ({ email }: ReachSchema.CustomerPatch) => email ?? "" }
    ]) {
      assert.isFalse(offered(Encode.encoder(BatchPolicy.make(), changed)))
    }
    const other = { ...to, refusals: [] }
    assert.isTrue(offered(Encode.encoder(BatchPolicy.make(), other)))
  })
})
