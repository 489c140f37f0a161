import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path, Schema, Stream } from "effect"
import {
  CustomerFile,
  type CustomerFileError,
  Mapping,
  ReachSchema,
  RecordCount,
  type Source,
  Workbooks
} from "../../src/index.ts"
import { NodeWorkbooks } from "../../src/node/index.ts"
import * as WorkbookLibrary from "../../src/node/WorkbookLibrary.ts"
import { inBlocks } from "../source/support.ts"
import { number, rows, style, text, workbook, zip } from "../support/WorkbookFile.ts"

const Row = Schema.Struct({ customerId: Schema.String, value: Schema.optionalKey(Schema.String) })

/** What one cell is read as, in a field of text. */
const valueOf = (cell: string, options: Parameters<typeof workbook>[1] = {}) =>
  CustomerFile.xlsx(
    inBlocks(
      workbook(
        [
          {
            name: "A",
            rows: rows([
              [text("customerId"), text("value")],
              [text("c-1"), cell]
            ])
          }
        ],
        options
      ),
      [97]
    ),
    Row
  ).pipe(
    Stream.runCollect,
    Effect.map(([record, ...more]) => {
      assert.strictEqual(more.length, 0)
      assert.strictEqual(record?._tag, "Valid")
      return record?._tag === "Valid" ? record.patch.value : undefined
    }),
    Effect.provide(NodeWorkbooks.layer)
  )

const shared = [
  '<t xml:space="preserve"> 0042 </t>',
  '<r><t>Rich</t></r><r><rPr><b/></rPr><t xml:space="preserve"> text</t></r>',
  '<t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>',
  '<t>a_x000D_\nb &amp; "c", d</t>'
]

const withFile = <A, E, R>(
  bytes: Uint8Array,
  name: string,
  use: (path: string) => Effect.Effect<A, E, R>,
  reader = NodeWorkbooks.layer
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const path = (yield* Path.Path).join(folder, name)
    yield* fs.writeFile(path, bytes)
    return yield* use(path)
  }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, reader]))

const failure = (records: Source.Source<unknown, CustomerFileError.CustomerFileError, FileSystem.FileSystem>) =>
  Stream.runDrain(records).pipe(
    Effect.flip,
    Effect.map((error) => (error._tag === "WorkbookUnreadable" ? error : assert.fail(error.message)))
  )

describe("a cell of a workbook", () => {
  const cells: ReadonlyArray<readonly [what: string, cell: string, is: string | undefined]> = [
    ["a shared text, with its blanks and zeros", '<c t="s"><v>0</v></c>', " 0042 "],
    ["rich text", '<c t="s"><v>1</v></c>', "Rich text"],
    ["a text without how it is pronounced", '<c t="s"><v>2</v></c>', "東京"],
    ["a text with breaks, quotes and commas", '<c t="s"><v>3</v></c>', 'a\r\nb & "c", d'],
    ["a text of its own", text(" in,\nline "), " in,\nline "],
    ["rich text of its own", '<c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>', "ab"],
    ["a text that looks like a number", text("1e3"), "1e3"],
    ["a text that looks like a date", text("2024-01-15"), "2024-01-15"],
    ["nothing", "<c/>", undefined],
    ["nothing that is styled", `<c s="${style.day}"/>`, undefined],
    ["true", '<c t="b"><v>1</v></c>', "TRUE"],
    ["false", '<c t="b"><v>0</v></c>', "FALSE"],
    ["an error", '<c t="e"><v>#N/A</v></c>', "#N/A"],
    ["a formula's text", '<c t="str"><f>A1</f><v> ax </v></c>', " ax "],
    ["a formula's empty text", '<c t="str"><f>A1</f><v></v></c>', undefined],
    ["a formula's number", "<c><f>1+1</f><v>2</v></c>", "2"],
    ["a formula's day", `<c s="${style.day}"><f>TODAY()</f><v>45306</v></c>`, "2024-01-15"],
    ["a formula's error", '<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"],
    ["a formula that was never calculated", "<c><f>A1&amp;B1</f></c>", "=A1&B1"],
    ["digits", number(7_000_000_000_001), "7000000000001"],
    ["15 digits", number("123456789012345"), "123456789012345"],
    ["more digits than are kept", number("1.2345678901234499E+16"), "1.23456789012345E+16"],
    ["more digits than are kept, written out", number("12345678901234567"), "1.23456789012346E+16"],
    ["a number with a fraction", number("0.30000000000000004"), "0.3"],
    ["a number below zero", number("-12.5"), "-12.5"],
    ["zero below zero", number("-0"), "0"],
    ["a tiny number", number("1.5E-7"), "1.5E-07"],
    ["a number that is formatted as text", number(7, style.text), "7"],
    ["a price", number("1234.5", style.currency), "1234.5"],
    ["a share", number("0.125", style.percent), "0.125"],
    ["a number with zeros that only its format has", number(42, style.zeros), "42"],
    ["a day", number(45306, style.day), "2024-01-15"],
    ["a day whose format has a locale", number(45306, style.named), "2024-01-15"],
    ["a day and a time", number("45306.4375", style.dayTime), "2024-01-15T10:30:00"],
    ["a time that no double holds", number("44087.5185185185", style.dayTime), "2020-09-13T12:26:40"],
    ["a fraction of a second", number("45306.43750578704", style.dayTime), "2024-01-15T10:30:00.5"],
    ["a time of day", number("0.4375", style.time), "10:30:00"],
    ["a day before all days", number(-5, style.day), "########"],
    ["a day behind all days", number(3_000_000, style.day), "########"],
    ["a day that is written out", '<c t="d"><v>2024-01-15T10:30:00</v></c>', "2024-01-15T10:30:00"]
  ]

  it.effect("is read as Excel means it", () =>
    Effect.gen(function* () {
      for (const [what, cell, is] of cells) assert.strictEqual(yield* valueOf(cell, { shared }), is, what)
    })
  )

  it.effect("has the day that its workbook counts from 1904", () =>
    Effect.gen(function* () {
      const options = { date1904: true }
      assert.strictEqual(yield* valueOf(number(43844, style.day), options), "2024-01-15")
      assert.strictEqual(yield* valueOf(number("43844.5", style.dayTime), options), "2024-01-15T12:00:00")
      assert.strictEqual(yield* valueOf(number("0.4375", style.time), options), "10:30:00")
    })
  )
})

const customers = rows(
  [
    [text("Customers\nof 2024")],
    [],
    [text("Customer ID"), text("firstName"), text("emailOptOut"), "<c/>"],
    [number(7_000_000_000_001), text("Zoë\nAnn"), '<c t="b"><v>1</v></c>'],
    [],
    [number("1.2345678901234567E+16"), text("lost")],
    [text("c-3"), text('"quoted"'), text("no")],
    [text("c-4"), text("last")]
  ],
  2
)

describe("a sheet", () => {
  it.effect("is read as its CSV is, with the numbers of its rows", () =>
    withFile(workbook([{ name: "A", rows: customers }], { deflated: true }), "customers.xlsx", (path) =>
      Effect.gen(function* () {
        const source = CustomerFile.read(path, ReachSchema.CustomerPatch, { skipLines: 3 })
        const counted = RecordCount.watch(source, { size: 1000 })
        const records = yield* Stream.runCollect(counted.records)
        assert.strictEqual(counted.total(), 4)
        const told = records.map((record) => [
          record.line,
          record._tag === "Valid" ? record.patch : record._tag === "Invalid" && record.reason._tag
        ])
        assert.deepStrictEqual(told, [
          [5, { customerId: "7000000000001", firstName: "Zoë\nAnn", emailOptOut: true }],
          [7, "Suspicious"],
          [8, "SchemaMismatch"],
          [9, { customerId: "c-4", firstName: "last" }]
        ])
        assert.deepStrictEqual(source.notes?.(), [{ _tag: "ReadAs", field: "customerId", name: "Customer ID" }])
        // From each position on, the rest of them; their rows are those of the sheet.
        for (const record of records) {
          const rest = yield* Stream.runCollect(source.from(record.position))
          assert.deepStrictEqual(rest, records.slice(record.position?.offset ?? 0))
        }
        const at = records.flatMap(({ offset, position }) => (position === undefined ? [] : [{ offset, position }]))
        const rowsAgain = yield* source.rows?.(at) ?? assert.fail("no rows")
        assert.strictEqual(rowsAgain.size, 4)
        assert.deepStrictEqual(rowsAgain.get(2), {
          cells: [
            ["Customer ID", "c-3"],
            ["firstName", '"quoted"'],
            ["emailOptOut", "no"]
          ]
        })
      })
    )
  )

  it.effect("gives its days to a mapping, which knows their zone", () =>
    withFile(
      workbook([
        {
          name: "A",
          rows: rows([
            [text("customerId"), text("Joined")],
            [text("c-1"), number("45306.4375", style.dayTime)],
            [text("c-2"), number(45306, style.dayTime)]
          ])
        }
      ]),
      "customers.xlsx",
      (path) =>
        Effect.gen(function* () {
          const format = ["yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd"] as const
          const schema = Mapping.schema(
            {
              fields: {
                customerId: { from: "customerId" },
                createdAt: { from: "Joined", date: { format, zone: "Europe/Berlin", time: "00:00" } }
              }
            },
            ReachSchema.CustomerPatch
          )
          const records = yield* Stream.runCollect(CustomerFile.read(path, schema))
          assert.deepStrictEqual(
            records.map((record) => record._tag === "Valid" && String(record.patch.createdAt)),
            ["DateTime.Utc(2024-01-15T09:30:00.000Z)", "DateTime.Utc(2024-01-14T23:00:00.000Z)"]
          )
        })
    )
  )

  it.effect("is read once a run, also for the rows of its dead letters, and says how many records there may be", () =>
    Effect.gen(function* () {
      let reads = 0
      const library = WorkbookLibrary.make(() => import("hucre/xlsx"))
      const counting = Layer.succeed(Workbooks.Workbooks, {
        read: (bytes, options) => {
          reads++
          return library.read(bytes, options)
        }
      })
      const ids = Array.from({ length: 20_000 }, (_, index) => [text(`c-${index}`), text(`a name that comes again`)])
      const bytes = workbook([{ name: "A", rows: rows([[text("customerId"), text("firstName")], ...ids]) }], {
        deflated: true
      })
      yield* withFile(
        bytes,
        "customers.xlsx",
        (path) =>
          Effect.gen(function* () {
            const source = CustomerFile.read(path, ReachSchema.CustomerPatch)
            const { records, total } = RecordCount.watch(source, { size: bytes.length })
            const some = yield* records.pipe(
              Stream.take(9000),
              Stream.map(({ offset, position }) => ({ offset, position, total: total() })),
              Stream.runCollect
            )
            assert.closeTo(some.at(-1)?.total ?? 0, 20_000, 500)
            const wanted = some.flatMap(({ offset, position }) =>
              position === undefined || offset % 4000 > 0 ? [] : [{ offset, position }]
            )
            const found = yield* source.rows?.(wanted) ?? assert.fail("no rows")
            assert.strictEqual(found.size, 3)
          }),
        counting
      )
      assert.strictEqual(reads, 1)
    })
  )

  it.effect("is the one that was named, or the only one that can be seen", () =>
    Effect.gen(function* () {
      const of = (id: string) => rows([[text("customerId")], [text(id)]])
      const several = [
        { name: "Notes & more", rows: of("a") },
        { name: "Lists", rows: of("b"), hidden: true },
        { name: "Customers", rows: of("c") }
      ]
      const ids = (path: string, sheet: string | undefined) =>
        CustomerFile.read(path, ReachSchema.CustomerPatch, { sheet }).pipe(
          Stream.map((record) => (record._tag === "Valid" ? record.patch.customerId : record._tag)),
          Stream.runCollect
        )
      yield* withFile(workbook(several), "several.xlsx", (path) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* ids(path, "Customers"), ["c"])
          assert.deepStrictEqual(yield* ids(path, "Lists"), ["b"])
          const unsaid = yield* failure(CustomerFile.read(path, ReachSchema.CustomerPatch))
          assert.strictEqual(
            unsaid.message,
            `${path} has several sheets: "Notes & more", "Customers". Say which, such as sheet: "Notes & more".`
          )
          const none = yield* failure(CustomerFile.read(path, ReachSchema.CustomerPatch, { sheet: "customers" }))
          assert.strictEqual(
            none.message,
            `${path} has no sheet "customers". It has "Notes & more", "Lists", "Customers".`
          )
          const [a, b] = yield* Effect.all(
            ["Customers", "Lists"].map(
              (sheet) => CustomerFile.read(path, ReachSchema.CustomerPatch, { sheet }).fingerprint
            )
          )
          assert.notDeepEqual(a, b)
        })
      )
      yield* withFile(workbook(several.slice(0, 2)), "one.xlsm", (path) =>
        Effect.map(ids(path, undefined), (ids) => assert.deepStrictEqual(ids, ["a"]))
      )
    })
  )
})

describe("what cannot be read as a workbook", () => {
  const good = workbook([{ name: "A", rows: customers }], { deflated: true })
  const damaged = good.slice()
  // In the middle of the sheet's bytes.
  const at = Buffer.from(good).indexOf("xl/worksheets/sheet1.xml") + 60
  damaged[at] = (damaged[at] ?? 0) ^ 0xff
  const ole2 = Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ...new Array<number>(600).fill(0))
  const corners = workbook([{ name: "A", rows: '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>' }])
  const ods = zip([["mimetype", "application/vnd.oasis.opendocument.spreadsheet"]])

  const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, reason: string, advice: RegExp]> = [
    ["cut.xlsx", good.subarray(0, good.length - 40), "Broken", /cut off or damaged/],
    ["damaged.xlsx", damaged, "Broken", /cut off or damaged/],
    ["archive.xlsx", zip([["customers.csv", "customerId\n1\n"]]), "Broken", /no Excel workbook/],
    ["corners.xlsx", corners, "TooLarge", /Save the sheet as CSV/],
    ["sealed.xlsx", ole2, "Encrypted", /has a password.*save it without one/],
    ["old.xls", ole2, "OtherFormat", /save it without a password as \.xlsx, or the sheet as CSV/],
    ["open.ods", ods, "OtherFormat", /as \.xlsx/],
    ["plain.xlsx", new TextEncoder().encode("customerId\n1\n"), "NotWorkbook", /format: "csv"/],
    ["customers.csv", good, "NotSaid", /format: "xlsx"/],
    ["customers.ndjson", good, "NotSaid", /format: "xlsx"/],
    ["old.csv", ole2, "OtherFormat", /as \.xlsx/]
  ]

  it.effect("says what it is, and what to do", () =>
    Effect.gen(function* () {
      for (const [name, bytes, reason, advice] of cases) {
        const error = yield* withFile(bytes, name, (path) =>
          failure(CustomerFile.read(path, ReachSchema.CustomerPatch))
        )
        assert.strictEqual(error.reason, reason, name)
        assert.match(error.message, advice)
        assert.include(error.message, name)
      }
    })
  )

  it.effect("says what to provide, and what to install", () =>
    Effect.gen(function* () {
      const records = CustomerFile.xlsx(inBlocks(good, []), ReachSchema.CustomerPatch, { source: "a.xlsx" })
      const without = (layer: Layer.Layer<never>) =>
        Stream.runDrain(records).pipe(
          Effect.flip,
          Effect.map(({ message }) => message),
          Effect.provide(layer)
        )
      assert.match(yield* without(Layer.empty), /provide NodeWorkbooks\.layer of effect-patchbay\/node\.$/)
      const missing = WorkbookLibrary.make(() =>
        Promise.reject(Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" }))
      )
      assert.match(yield* without(Layer.succeed(Workbooks.Workbooks, missing)), /npm install hucre$/)
    })
  )
})
