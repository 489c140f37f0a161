import { readFileSync } from "node:fs"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Schema, Stream } from "effect"
import {
  CustomerFile,
  CustomerFileError,
  type CustomerRecord,
  InvalidConfiguration,
  Mapping,
  PocketflowsSchema,
  ReachSchema,
  Suspicious
} from "../../src/index.ts"
import * as mappingFile from "./mapping/write.ts"
import { bytesOf, oneOf, readCsv, readNdjson } from "./support.ts"

type Field = CustomerFile.FieldOf<typeof ReachSchema.CustomerPatch>
type Fields = Mapping.Mapping<Field>["fields"]

const patchOf = (fields: Fields, more: Partial<Mapping.Mapping<Field>> = {}) =>
  Mapping.schema({ fields, ...more }, ReachSchema.CustomerPatch)

/** What became of each record: the patch as it is sent, `skipped`, or what is wrong with it. */
const told = (records: ReadonlyArray<CustomerRecord.CustomerRecord<ReachSchema.CustomerPatch>>) =>
  records.map((record): unknown =>
    record._tag === "Valid"
      ? Schema.encodeSync(ReachSchema.CustomerPatch)(record.patch)
      : record._tag === "Skipped"
        ? "skipped"
        : record.reason.issues.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; ")
  )

/** One cell under one column, beside an id. */
const cell = (field: Field, mapping: Mapping.FieldMapping, text: string) =>
  Effect.map(
    readCsv(`customerId,X\nc-1,"${text.replaceAll('"', '""')}"\n`, patchOf({ [field]: { from: "X", ...mapping } })),
    (records) => only(field, told(records)[0])
  )

/** One value under one key of a line, beside an id; as it is written. */
const value = (field: Field, mapping: Mapping.FieldMapping, json: string) =>
  Effect.map(
    readNdjson(
      field === "customerId" ? `{"X":${json}}` : `{"customerId":"c-1","X":${json}}`,
      patchOf({ [field]: { from: "X", ...mapping } })
    ),
    (records) => only(field, told(records)[0])
  )

const only = (field: string, told: unknown): unknown =>
  typeof told === "object" && told !== null ? (told as { readonly [field: string]: unknown })[field] : told

const refused = (message: string) => (told: unknown) => assert.include(told, message)

const quoted = `"X"`

describe("each part of a mapping, and its hostile twin", () => {
  const cases: ReadonlyArray<
    readonly [name: string, field: Field, mapping: Mapping.FieldMapping, text: string, expected: unknown]
  > = [
    ["nothing said", "email", {}, " A@b.c ", " A@b.c "],
    ["nothing said, and nothing there", "email", {}, "", undefined],
    ["trim", "email", { trim: true }, "\u00a0 a b\t", "a b"],
    ["trim, and nothing but spaces", "email", { trim: true }, "  ", undefined],
    ["no trim, and nothing but spaces", "email", {}, "  ", "  "],
    ["lower case", "email", { case: "lower" }, "ÀB@C.D", "àb@c.d"],
    ["upper case", "firstName", { case: "upper" }, "straße", "STRASSE"],
    ["an apostrophe taken off", "phone", { withoutPrefix: "'" }, "'+14155550101", "+14155550101"],
    ["one apostrophe only", "firstName", { withoutPrefix: "'" }, "''1", "'1"],
    ["an apostrophe too many", "phone", { withoutPrefix: "'" }, "''1", refused("starts with an apostrophe")],
    ["a phone with a space", "phone", {}, "1 ", refused("phone: White space stands")],
    ["a phone with a space that is taken off", "phone", { trim: true }, "1 ", "1"],
    [
      "a word for a spoiled phone",
      "phone",
      { words: { a: "'1" } },
      "a",
      refused(`${quoted}: This phone number starts`)
    ],
    ["an apostrophe inside", "lastName", { withoutPrefix: "'" }, "O'Hara", "O'Hara"],
    ["empty: null", "email", { empty: "null" }, "", null],
    ["empty: text", "email", { empty: "text" }, "", ""],
    ["empty: a default", "firstName", { empty: { default: "Friend" } }, "", "Friend"],
    ["an empty word", "email", { emptyWords: ["n/a", "-"] }, "n/a", undefined],
    ["an empty word that deletes", "email", { emptyWords: ["n/a"], empty: "null" }, "n/a", null],
    ["a person called as an empty word, in other letters", "firstName", { emptyWords: ["NULL"] }, "Null", "Null"],
    ["a word that deletes", "email", { deleteWords: ["#N/A"] }, "#N/A", null],
    ["no word that deletes", "email", { deleteWords: ["NULL"] }, "null", "null"],
    ["words", "firstName", { words: { g: "Gold" } }, " G ", "Gold"],
    ["no word", "firstName", { words: { g: "Gold" } }, "x", refused(`${quoted} is none of the words g`)],
    ["yes is in", "emailOptOut", { words: "yes/no", means: "optIn" }, "YES", false],
    ["no is out", "emailOptOut", { words: "yes/no", means: "optIn" }, "n", true],
    ["yes is out", "emailOptOut", { words: "yes/no", means: "optOut" }, "y", true],
    ["perhaps", "emailOptOut", { words: "yes/no", means: "optIn" }, "perhaps", refused("is none of the words yes")],
    ["true is in, without words", "smsOptOut", { means: "optIn" }, "true", false],
    ["yes, without words", "smsOptOut", { means: "optIn" }, "yes", refused(`${quoted}: Expected true or false`)],
    ["a status", "emailOptOut", { words: { subscribed: "optIn", cleaned: "optOut" } }, "Cleaned", true],
    ["another status", "emailOptOut", { words: { subscribed: "optIn", cleaned: "optOut" } }, "subscribed", false],
    [
      "a status of no word",
      "emailOptOut",
      { words: { subscribed: "optIn" } },
      "pending",
      refused("is none of the words")
    ],
    ["rfc3339", "createdAt", { date: "rfc3339" }, "2024-01-15T10:30:00+02:00", "2024-01-15T08:30:00Z"],
    ["rfc3339 without an offset", "createdAt", { date: "rfc3339" }, "2024-01-15T10:30:00", refused("is no RFC 3339")],
    ["seconds", "createdAt", { date: "epoch-seconds" }, "1705314600", "2024-01-15T10:30:00Z"],
    [
      "seconds that are milliseconds",
      "createdAt",
      { date: "epoch-seconds" },
      "1705314600000",
      refused("beyond the year 9999")
    ],
    ["seconds with an exponent", "createdAt", { date: "epoch-seconds" }, "1.7e9", refused("is no number of seconds")],
    ["milliseconds", "createdAt", { date: "epoch-millis" }, "1705314600123", "2024-01-15T10:30:00.123Z"],
    [
      "a day",
      "createdAt",
      { date: { as: "date-only", zone: "America/New_York", time: "09:30" } },
      "2024-07-01",
      "2024-07-01T13:30:00Z"
    ],
    [
      "no day",
      "createdAt",
      { date: { as: "date-only", zone: "UTC", time: "00:00" } },
      "2023-02-29",
      refused("is no date")
    ],
    ["a workbook's", "createdAt", { date: { as: "excel", zone: "UTC" } }, "45306.4375", "2024-01-15T10:30:00Z"],
    ["a workbook's first", "createdAt", { date: { as: "excel", zone: "UTC" } }, "1", "1900-01-01T00:00:00Z"],
    ["before its leap day", "createdAt", { date: { as: "excel", zone: "UTC" } }, "59", "1900-02-28T00:00:00Z"],
    ["its leap day", "createdAt", { date: { as: "excel", zone: "UTC" } }, "60.5", refused("29th of February 1900")],
    ["behind its leap day", "createdAt", { date: { as: "excel", zone: "UTC" } }, "61", "1900-03-01T00:00:00Z"],
    ["a time without a day", "createdAt", { date: { as: "excel", zone: "UTC" } }, "0.5", refused("is no day as Excel")],
    ["a phone", "phone", { phone: { region: "US" } }, "(415) 555-0100", "+14155550100"],
    ["a phone of elsewhere", "phone", { phone: { region: "US" } }, "+44 20 7946 0958", "+442079460958"],
    ["no phone", "phone", { phone: { region: "US" } }, "12", refused(`${quoted} is no valid phone number`)],
    ["a phone without a region", "phone", { phone: {} }, "415 555 0100", refused("with a country code")],
    [
      "a phone with an extension",
      "phone",
      { phone: { region: "US" } },
      "415 555 0100 x7",
      refused("is no valid phone")
    ],
    [
      "a phone that a spreadsheet spoiled",
      "phone",
      { phone: { region: "US" } },
      "1.41556E+10",
      refused("is no valid phone")
    ],
    ["no phone, kept", "phone", { phone: { region: "US", otherwise: "keep" } }, "ask Bob", "ask Bob"],
    ["no phone, left out", "phone", { phone: { region: "US", otherwise: "leave-out" } }, "ask Bob", undefined]
  ]
  for (const [name, field, mapping, text, expected] of cases) {
    it.effect(name, () =>
      Effect.map(cell(field, mapping, text), (found) =>
        typeof expected === "function" ? expected(found) : assert.deepStrictEqual(found, expected)
      )
    )
  }

  const values: typeof cases = [
    ["a number as text", "customerId", { numberAsText: true }, "7000000000001", "7000000000001"],
    [
      "one of more digits than are held",
      "customerId",
      { numberAsText: true },
      "12345678901234567890",
      "12345678901234567890"
    ],
    ["zeros that are written", "customerId", { numberAsText: true }, "1.50", "1.50"],
    ["a number with an exponent", "customerId", { numberAsText: true }, "1e3", refused("written with an exponent")],
    ["a text that looks like one", "customerId", { numberAsText: true }, '"1e3"', "1e3"],
    ["a number that was not asked for as text", "customerId", {}, "7", refused("Expected string")],
    ["too many digits, not asked for", "email", {}, "12345678901234567890", refused("more digits than are kept")],
    ["an exponent in a word", "firstName", { words: { "1": "One" } }, "1", "One"],
    ["a boolean among words", "emailOptOut", { words: "yes/no", means: "optIn" }, "true", false],
    ["seconds as a number", "createdAt", { date: "epoch-seconds" }, "1705314600", "2024-01-15T10:30:00Z"],
    ["null", "email", {}, "null", null],
    ["null as an empty word", "email", { emptyWords: [null] }, "null", undefined],
    ["an object", "firstName", { trim: true }, '{"a":1}', refused("Expected string")],
    ["a phone that is a number", "phone", { phone: { region: "US" } }, "14155550100", refused("is no text")],
    [
      "a phone that is a number, asked for",
      "phone",
      { phone: { region: "US" }, numberAsText: true },
      "4155550100",
      "+14155550100"
    ],
    ["a phone with a space", "phone", {}, '"1 "', refused("phone: White space stands")],
    ["a phone with a space that is taken off", "phone", { trim: true }, '"1 "', "1"],
    ["a text for true", "smsOptOut", { means: "optOut" }, '"true"', refused("Expected boolean")]
  ]
  for (const [name, field, mapping, json, expected] of values) {
    it.effect(`in JSON, ${name}`, () =>
      Effect.map(value(field, mapping, json), (found) =>
        typeof expected === "function" ? expected(found) : assert.deepStrictEqual(found, expected)
      )
    )
  }
})

describe("where a field comes from", () => {
  const several = patchOf(
    {
      customerId: { from: { firstOf: ["ID", "Old ID"] }, trim: true, emptyWords: ["-"] },
      firstName: { from: ["First", "Middle"] },
      lastName: { from: { join: ["Last", "Suffix"], with: ", " }, trim: true },
      customerDetailUrl: { from: { constant: "https://shop.example.com" } }
    },
    { otherColumns: "ignore" }
  )
  const expected = [
    { customerId: "1", firstName: "Ada King", lastName: "Lovelace", customerDetailUrl: "https://shop.example.com" },
    { customerId: "2", lastName: "Hopper, Jr", customerDetailUrl: "https://shop.example.com" }
  ]
  it.effect("may be several columns, the first that is not empty, or the same for all", () =>
    Effect.gen(function* () {
      const records = yield* readCsv(
        "ID,Old ID,First,Middle,Last,Suffix,More\n1,9,Ada,King, Lovelace ,,x\n-, 2 ,,,Hopper,Jr,x\n",
        several
      )
      assert.deepStrictEqual(told(records), expected)
    })
  )

  it.effect("may be the same of JSON, where null is nothing", () =>
    Effect.gen(function* () {
      const lines = [
        { ID: "1", First: "Ada", Middle: "King", Last: "Lovelace", Suffix: null },
        { ID: null, "Old ID": "2", First: null, Last: "Hopper", Suffix: "Jr", more: { deep: true } }
      ]
      const records = yield* readNdjson(lines.map((line) => JSON.stringify(line)).join("\n"), several)
      assert.deepStrictEqual(told(records), expected)
    })
  )

  const nested = patchOf(
    {
      customerId: { from: "/customer/id", numberAsText: true },
      email: { from: "/customer/contact/0/e~1mail" },
      firstName: { from: "/~1name" }
    },
    { otherColumns: "ignore" }
  )
  it.effect("may be inside of JSON, by a pointer", () =>
    Effect.gen(function* () {
      const records = yield* readNdjson(
        '{"customer":{"id":90071992547409931,"contact":[{"e/mail":"a@b.c"}]},"/name":"Ada"}\n{"customer":{"id":1},"x":2}',
        nested
      )
      assert.deepStrictEqual(told(records), [
        { customerId: "90071992547409931", email: "a@b.c", firstName: "Ada" },
        { customerId: "1" }
      ])
    })
  )

  it.effect("is no place inside a cell", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readCsv("customer\n{}\n", nested))
      assert.instanceOf(error, Mapping.InvalidMapping)
      assert.include(error.message, '"/customer/id", which points into a value')
    })
  )

  it.effect("is said where it is missing, or where nothing is read from a column", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        readCsv("customerId,Mail,phone\n1,a,b\n", patchOf({ email: { from: "E-Mail", trim: true } }))
      )
      assert.instanceOf(error, CustomerFileError.InvalidHeader)
      assert.include(error.message, 'No column is named "E-Mail", which is mapped to email. Correct that.')
      assert.notInclude(error.message, "columns: {")
      const [record] = told(
        yield* readNdjson(
          '{"customerId":"1","E-Mail":"a","Note":"b"}',
          patchOf({ email: { from: "E-Mail", trim: true } })
        )
      )
      assert.strictEqual(
        record,
        'Note: Nothing is read from this key. Map it, or leave such keys out with otherColumns: "ignore"'
      )
    })
  )

  it.effect("is looked for in a thousand lines before anything comes out", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 1001 }, (_, i) => `{"customerId":"${i}","a":{"c":"x"}}`).join("\n")
      const options = { otherColumns: "ignore" } as const
      const misspelt = patchOf({ email: { from: "/a/b", trim: true } }, options)
      const error = yield* Effect.flip(readNdjson(lines, misspelt))
      assert.include(error.message, '"/a/b", which is mapped to email')
      const either = patchOf({ email: { from: { firstOf: ["/a/b", "/a/c"] } } }, options)
      assert.strictEqual((yield* readNdjson(lines, either)).length, 1001)
    })
  )

  it.effect("leads to a field that names its column too, when it is refused", () =>
    Effect.gen(function* () {
      const [record] = told(
        yield* readCsv(
          "ID,When\n,soon\n",
          patchOf({ customerId: { from: "ID", trim: true }, createdAt: { from: "When" } })
        )
      )
      assert.include(record, 'createdAt: "When": Expected an RFC 3339 date-time')
      assert.include(record, 'customerId: "ID": Missing key')
    })
  )

  it.effect("is not lost where JSON says a name twice, or a number that is not kept", () =>
    Effect.gen(function* () {
      const mapping = patchOf({ email: { from: "/a/b", trim: true } }, { otherColumns: "ignore" })
      const [twice, unread] = told(
        yield* readNdjson(
          '{"customerId":"1","a":{"b":"x","b":"y"}}\n{"customerId":"1","a":{"b":"x"},"n":12345678901234567890}',
          mapping
        )
      )
      assert.include(twice, 'email: "/a/b": This name comes twice')
      assert.deepStrictEqual(unread, { customerId: "1", email: "x" })
    })
  )
})

describe("records that a mapping leaves out", () => {
  const rows = "customerId,Status\n1,active\n2, Cleaned \n3,\nbad\n4,CLEANED\n"
  it.effect("are those that are one of some words, or none of them", () =>
    Effect.gen(function* () {
      const is = patchOf({}, { skip: [{ when: "Status", is: ["cleaned", ""] }], otherColumns: "ignore" })
      const [one, two, three, bad, four] = told(yield* readCsv(rows, is))
      assert.deepStrictEqual([one, two, three, four], [{ customerId: "1" }, "skipped", "skipped", "skipped"])
      assert.include(bad, "The row has 1 cell")
      const isNot = patchOf({}, { skip: [{ when: "Status", isNot: ["active"] }], otherColumns: "ignore" })
      assert.deepStrictEqual(told(yield* readCsv(rows, isNot)).filter((record) => record === "skipped").length, 3)
      const lines = '{"customerId":"1","Status":1}\n{"customerId":"2","Status":null}\n{"customerId":"3","Status":{}}'
      const inJson = patchOf({}, { skip: [{ when: "Status", is: ["1", ""] }], otherColumns: "ignore" })
      assert.deepStrictEqual(told(yield* readNdjson(lines, inJson)), ["skipped", "skipped", { customerId: "3" }])
    })
  )

  it.effect("are not left out by a column that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        readCsv("customerId\n1\n", patchOf({}, { skip: [{ when: "Status", is: ["x"] }] }))
      )
      assert.include(error.message, 'No column is named "Status", which is mapped to skip[0]')
    })
  )
})

describe("a mapping that says no more than names", () => {
  const cells = oneOf([
    "0042",
    "+14155550100",
    "9007199254740993",
    "1e3",
    "1.23457E+12",
    " a ",
    "NULL",
    "n/a",
    "true",
    "2024-01-15",
    "45306",
    "'7",
    "é",
    '"a, b"',
    "#N/A",
    "=1+1",
    "0x10",
    "-0",
    "1.0"
  ])
  it.effect.prop(
    "changes no value, nor does one of more parts that none of the values is meant by",
    [Arbitrary.array(Arbitrary.all([cells, cells]), { minLength: 1, maxLength: 6 })],
    ([rows]) =>
      Effect.gen(function* () {
        const text = `ID,First\n${rows.map((cells) => cells.join(",")).join("\n")}\n`
        const read = rows.map(([customerId, firstName]) => ({
          customerId: plain(customerId),
          firstName: plain(firstName)
        }))
        const names = { customerId: { from: "ID" }, firstName: { from: "First" } }
        const options = { allowSuspicious: Suspicious.checks }
        assert.deepStrictEqual(told(yield* readCsv(text, patchOf(names), options)), read)
        const more = {
          customerId: { from: { firstOf: ["ID"] }, numberAsText: true },
          firstName: { from: ["First"], emptyWords: ["?"] }
        } as const
        assert.deepStrictEqual(told(yield* readCsv(text, patchOf(more), options)), read)
        const lines = read
          .map(({ customerId, firstName }) => JSON.stringify({ ID: customerId, First: firstName }))
          .join("\n")
        assert.deepStrictEqual(told(yield* readNdjson(lines, patchOf(more), options)), read)
      }),
    { arbitrary: { runs: 60 } }
  )

  const digits = Arbitrary.map(
    Arbitrary.array(oneOf(["0", "1", "2", "5", "9"]), { minLength: 1, maxLength: 25 }),
    (digits) => digits.join("").replace(/^0+(?=\d)/, "")
  )
  it.effect.prop(
    "takes numbers of JSON to the digit, deep inside and between others",
    [
      Arbitrary.array(
        Arbitrary.all({ whole: digits, fraction: oneOf(["", ".0", ".50", ".125"]), sign: oneOf(["", "-"]) }),
        { minLength: 1, maxLength: 5 }
      )
    ],
    ([numbers]) =>
      Effect.gen(function* () {
        const written = numbers.map(({ fraction, sign, whole }) => `${sign}${whole}${fraction}`)
        const lines = written
          .map((number) => `{"other":1e400,"a":[0,{"id":${number}}],"n":[${number}, 2e2]}`)
          .join("\n")
        const mapping = patchOf({ customerId: { from: "/a/1/id", numberAsText: true } }, { otherColumns: "ignore" })
        assert.deepStrictEqual(
          told(yield* readNdjson(lines, mapping)),
          written.map((customerId) => ({ customerId }))
        )
      }),
    { arbitrary: { runs: 80 } }
  )

  const plain = (cell: string): string => cell.replaceAll('"', "")
})

describe("a CSV as people have it, through a mapping", () => {
  const short = "customerId,Tel,E-Mail\n1,\n2,7,a@b.c\n"
  const fieldsWith = (email: Mapping.FieldMapping): Fields => ({
    phone: { from: "Tel", trim: true },
    email: { from: "E-Mail", ...email }
  })

  it.effect("has nothing in the cells that a row lacks, unless that means something", () =>
    Effect.gen(function* () {
      const all = CustomerFile.csv(Stream.make(bytesOf(short)), patchOf(fieldsWith({ trim: true })))
      assert.deepStrictEqual(told(yield* Stream.runCollect(all)), [
        { customerId: "1" },
        { customerId: "2", phone: "7", email: "a@b.c" }
      ])
      assert.deepStrictEqual(all.notes?.(), [{ _tag: "ShortRows", records: 1, lines: [2] }])
      for (const schema of [
        patchOf(fieldsWith({ empty: "null" })),
        patchOf(fieldsWith({ empty: { default: "none" } })),
        patchOf(fieldsWith({}), { skip: [{ when: "E-Mail", is: [""] }] }),
        patchOf(fieldsWith({}), { skip: [{ when: "E-Mail", isNot: ["a@b.c"] }] })
      ]) {
        const [first, second] = told(yield* readCsv(short, schema))
        assert.match(String(first), /^: The row has 2 cells, the header 3, and an empty .* means something here$/)
        assert.deepStrictEqual(second, { customerId: "2", phone: "7", email: "a@b.c" })
      }
      const skipped = patchOf(fieldsWith({}), { skip: [{ when: "E-Mail", is: ["x"] }] })
      assert.deepStrictEqual(told(yield* readCsv(short, skipped))[0], { customerId: "1" })
    })
  )

  it.effect("has its own delimiter, names that are nearly those of fields, and its header once more", () =>
    Effect.gen(function* () {
      const text = "Export of May;;\nCustomer ID; Tel ;E-Mail\n1; 7;a@b.c\n Customer ID ;Tel;E-Mail\n2;8;\n"
      const all = CustomerFile.csv(Stream.make(bytesOf(text)), patchOf(fieldsWith({ case: "upper" })), { skipLines: 1 })
      assert.deepStrictEqual(told(yield* Stream.runCollect(all)), [
        { customerId: "1", phone: "7", email: "A@B.C" },
        { customerId: "2", phone: "8" }
      ])
      assert.deepStrictEqual(all.notes?.(), [
        { _tag: "ReadAs", field: "customerId", name: "Customer ID" },
        { _tag: "HeaderRepeated", records: 1, lines: [4] }
      ])
    })
  )

  it.effect("is looked at for spoiled texts behind the mapping, whose refusals are counted", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.csv`
      yield* fs.writeFileString(file, "customerId,Tel,E-Mail\n1,'7 ,'a\n2,''8,b\n")
      const phone = { from: "Tel", trim: true, withoutPrefix: "'" }
      const records = CustomerFile.read(file, patchOf({ phone, email: { from: "E-Mail" } }))
      const [first, second] = told(yield* Stream.runCollect(records))
      assert.deepStrictEqual(first, { customerId: "1", phone: "7", email: "'a" })
      assert.match(String(second), /^phone: "Tel": This phone number starts with an apostrophe/)
      assert.deepStrictEqual(records.notes?.(), [
        { _tag: "Suspicious", field: "email", check: "apostrophe", records: 1, lines: [2] }
      ])
      assert.deepStrictEqual(records.mapped?.()?.phone, { empty: 0, changed: 2, refused: 1 })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

describe("a mapping as a schema", () => {
  const schema = patchOf({ customerId: { from: "ID", numberAsText: true } }, { skip: [{ when: "Status", is: ["x"] }] })

  it.effect("decodes objects of whatever comes from elsewhere", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(schema)
      assert.deepStrictEqual(yield* decode({ ID: 7000000000001, Status: "y", more: 1 }), {
        customerId: "7000000000001"
      })
      assert.include((yield* Effect.flip(decode({ ID: 2 ** 60 }))).message, "whose digits are not known")
      assert.include((yield* Effect.flip(decode({ ID: "1", Status: "X" }))).message, "left out, as the mapping says")
      assert.include(
        (yield* Effect.flip(Schema.encodeEffect(schema)({ customerId: "1" }))).message,
        "cannot be turned round"
      )
    })
  )

  it.effect("loads what knows phone numbers when it is first needed", () =>
    Effect.gen(function* () {
      const phone = patchOf({ customerId: { from: "ID" }, phone: { from: "Tel", phone: { region: "GB" } } })
      const patch = yield* Schema.decodeUnknownEffect(phone)({ ID: "1", Tel: "020 7946 0958" })
      assert.deepStrictEqual(patch, { customerId: "1", phone: "+442079460958" })
      const error = yield* Effect.flip(
        Mapping.check({ fields: { phone: { phone: { region: "ZZ" } } } }, ReachSchema.CustomerPatch)
      )
      assert.include(error.message, "/fields/phone/phone/region is no country that has phone numbers")
    })
  )

  it.effect("is over any struct, whose cells are read as its fields take them", () =>
    Effect.gen(function* () {
      const Own = Schema.Struct({ id: Schema.String, visits: Schema.Finite, vip: Schema.Boolean })
      const own = Mapping.schema(
        { fields: { visits: { from: "Visits", trim: true }, vip: { from: "VIP", words: "yes/no" } } },
        Own
      )
      const [good, bad] = yield* readCsv("id,Visits,VIP\n1, 12 ,yes\n2,12345678901234567890,no\n", own)
      assert.deepStrictEqual(good?._tag === "Valid" && good.patch, { id: "1", visits: 12, vip: true })
      assert.include(bad?._tag === "Invalid" && bad.reason.issues[0]?.message, "more digits than are kept")
      const metadata = Mapping.schema(
        { fields: { metadata: { from: "Data", trim: true } } },
        PocketflowsSchema.CustomerUpdate
      )
      const [record] = yield* readCsv('id,Data\n1," {""a"":[1]} "\n', metadata)
      assert.deepStrictEqual(record?._tag === "Valid" && record.patch, { id: "1", metadata: { a: [1] } })
    })
  )

  it.effect("leaves no room for options that say the same", () =>
    Effect.gen(function* () {
      for (const options of [{ columns: { email: "x" } }, { empty: "null" }] as const) {
        const error = yield* Effect.flip(readCsv("customerId\n1\n", patchOf({}), options))
        assert.instanceOf(error, InvalidConfiguration.InvalidConfiguration)
      }
    })
  )
})

describe("consent", () => {
  it.effect("is not mapped unless it is said which way round it is", () =>
    Effect.gen(function* () {
      for (const mapping of [
        { from: "Accepts" },
        { from: "Accepts", words: "yes/no" },
        { words: { yes: true, no: false } }
      ] as const) {
        const error = yield* Effect.flip(
          readCsv("customerId,Accepts,emailOptOut\n1,yes,\n", patchOf({ emailOptOut: mapping }))
        )
        assert.instanceOf(error, Mapping.InvalidMapping)
        assert.include(error.message, "/fields/emailOptOut is about consent")
        assert.include(error.message, '"means": "optIn"')
      }
      const columns = yield* Effect.flip(
        readCsv("customerId,Accepts\n1,true\n", ReachSchema.CustomerPatch, { columns: { emailOptOut: "Accepts" } })
      )
      assert.include(columns.message, 'which way round "Accepts" is')
      // Its own name says it, where nothing else is said.
      const [own] = told(yield* readCsv("customerId,email,emailOptOut\n1,,true\n", patchOf({ email: { trim: true } })))
      assert.deepStrictEqual(own, { customerId: "1", emailOptOut: true })
    })
  )

  it.effect("is not said in two ways, nor of other fields", () =>
    Effect.gen(function* () {
      const errors = yield* Effect.flip(
        Mapping.check(
          {
            fields: {
              emailOptOut: { words: { a: "optIn", b: "optOut" }, means: "optIn" },
              smsOptOut: { words: { a: "optIn", b: true } },
              email: { means: "optIn" }
            }
          },
          ReachSchema.CustomerPatch
        )
      )
      assert.include(errors.message, "/fields/emailOptOut/words say which way round by themselves")
      assert.include(errors.message, "/fields/smsOptOut/words mean optIn and optOut in part only")
      assert.include(errors.message, "/fields/email/means is for fields about consent")
    })
  )
})

describe("a mapping file", () => {
  const read = (text: string) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/m.json`, text)
      const mapping = yield* Mapping.read(`${folder}/m.json`)
      yield* Mapping.check(mapping, ReachSchema.CustomerPatch, "m.json")
      return mapping
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

  it.effect("is a mapping", () =>
    Effect.gen(function* () {
      const mapping = { $schema: "./x.json", fields: { email: { from: "E-Mail", trim: true } }, otherColumns: "ignore" }
      assert.deepStrictEqual(yield* read(JSON.stringify(mapping)), mapping as Mapping.Mapping)
    })
  )

  for (const [name, text, message] of [
    ["is no JSON", '{"fields":{\n"a" 1}}', "it is not JSON at line 2, column 5"],
    ["says a name twice", '{"fields":{"email":{},"email":{}}}', "/fields/email is not right: This name comes twice"],
    ["is misspelt", '{"fields":{"email":{"form":"x"}}}', "/fields/email/form is not known here. Did you mean from?"],
    ["has another type", '{"fields":{"email":{"trim":"yes"}}}', "/fields/email/trim is not right: Expected boolean"],
    [
      "has no such field",
      '{"fields":{"emial":{}}}',
      "/fields/emial is no field of the destination. Did you mean email?"
    ],
    ["has no pointer", '{"fields":{"email":{"from":"/a~b"}}}', "/fields/email/from is no JSON pointer"],
    ["reads twice", '{"fields":{"email":{"words":"yes/no","phone":{}}}}', "cannot be read as words and as phone"],
    [
      "has a word twice",
      '{"fields":{"email":{"words":{"a":"b","A":"c"}}}}',
      "/fields/email/words/A is there twice, and means two things"
    ],
    ["has a word of nothing", '{"fields":{"email":{"words":{" ":"b"}}}}', "what an empty one means is said with empty"]
  ] as const) {
    it.effect(`that ${name} is refused, and the place in it is named`, () =>
      Effect.map(Effect.flip(read(text)), (error) => assert.include(String(error), message))
    )
  }

  it.effect("that is not there is said to be missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Mapping.read("/nowhere/m.json"), NodeServices.layer))
      assert.strictEqual(error.message, "The mapping /nowhere/m.json cannot be read: NotFound.")
    })
  )

  it("has a JSON Schema that the package ships: where it is another, npm run mapping-schema makes it so", () => {
    assert.deepStrictEqual(JSON.parse(readFileSync(mappingFile.path, "utf8")), JSON.parse(mappingFile.text()))
  })
})

describe("a source that is read through a mapping", () => {
  it.effect("is another one under another mapping", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/a.csv`, "customerId,X\n1,a\n")
      const of = (fields: Fields) => CustomerFile.read(`${folder}/a.csv`, patchOf(fields)).fingerprint
      const one = yield* of({ email: { from: "X" } })
      assert.deepStrictEqual(yield* of({ email: { from: "X" } }), one)
      const other = yield* of({ email: { from: "X", trim: true } })
      assert.notStrictEqual(other.mapping, one.mapping)
      assert.deepStrictEqual({ ...other, mapping: "" }, { ...one, mapping: "" })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("goes on from a place as without one", () =>
    Effect.gen(function* () {
      const text = `customerId,X\n${Array.from({ length: 9 }, (_, i) => `${i},a${i}\n`).join("")}`
      const schema = patchOf({ email: { from: "X", case: "upper" } })
      const all = yield* CustomerFile.csv(Stream.make(bytesOf(text)), schema).pipe(Stream.runCollect)
      const from = { place: { byte: bytesOf("customerId,X\n0,a0\n1,a1\n").length, line: 4 }, offset: 2 }
      const rest = yield* CustomerFile.csv(Stream.make(bytesOf(text)), schema, { from }).pipe(Stream.runCollect)
      assert.deepStrictEqual(told(rest), told(all).slice(2))
      assert.strictEqual(rest[0]?.offset, 2)
    })
  )
})
