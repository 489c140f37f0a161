import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, PlatformError, Schema, Stream } from "effect"
import { CustomerFile, ReachSchema } from "../../src/index.ts"
import * as Utf8 from "../../src/source/read/Utf8.ts"
import type { CustomerRecord } from "../../src/sync/model/CustomerRecord.ts"
import { bytesOf, oneOf, readCsv, readNdjson, sizes, textOf, told, withoutPosition } from "./support.ts"

const Any = Schema.Record(Schema.String, Schema.String)

/** Runs with a file of these bytes, which is gone afterwards. */
const withFile = <A, E, R>(name: string, content: string | Uint8Array, use: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const file = (yield* Path.Path).join(directory, name)
      yield* fs.writeFile(file, typeof content === "string" ? bytesOf(content) : content)
      return yield* use(file)
    })
  ).pipe(Effect.provide(NodeServices.layer))

describe("a file", () => {
  it.effect.each(["a.csv", "a.CSV"])("is read by the end of its name: %s", (name) =>
    Effect.gen(function* () {
      const records = yield* withFile(name, "customerId\nc-1\n", (file) =>
        Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch))
      )
      assert.deepStrictEqual(told(records), [{ customerId: "c-1" }])
    })
  )

  it.effect.each(["a.ndjson", "a.jsonl"])("is read by the end of its name: %s", (name) =>
    Effect.gen(function* () {
      const records = yield* withFile(name, '{"customerId":"c-1"}\n', (file) =>
        Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch))
      )
      assert.deepStrictEqual(told(records), [{ customerId: "c-1" }])
    })
  )

  it.effect("of another name is read by the format that is given, and refused without", () =>
    Effect.gen(function* () {
      const records = yield* withFile("customers.txt", "customerId\nc-1\n", (file) =>
        Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch, { format: "csv" }))
      )
      assert.deepStrictEqual(told(records), [{ customerId: "c-1" }])
      const error = yield* withFile("customers.txt", "customerId\nc-1\n", (file) =>
        Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch)).pipe(Effect.flip)
      )
      assert.strictEqual(error._tag, "UnsupportedFormat")
    })
  )

  it.effect("that is missing or a directory is a typed error with the platform's reason", () =>
    withFile("a.csv", "customerId\n", (file) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = `${file}.d.csv`
        yield* fs.makeDirectory(directory)
        for (const [path, reason] of [
          [`${file}.missing.csv`, "NotFound"],
          [directory, "BadResource"]
        ] as const) {
          for (const from of [undefined, { offset: 0, place: { byte: 5, line: 2 } }]) {
            const error = yield* Stream.runCollect(CustomerFile.read(path, ReachSchema.CustomerPatch, { from })).pipe(
              Effect.flip
            )
            assert.strictEqual(error._tag, "SourceUnreadable")
            assert.isTrue(error._tag === "SourceUnreadable" && error.reason === reason)
            assert.include(error.message, path)
          }
        }
      })
    )
  )

  it.effect("that may not be read is a typed error with the platform's reason", () =>
    Effect.gen(function* () {
      const reasonOf = (tag: "PermissionDenied" | "Unknown") =>
        Stream.runCollect(CustomerFile.read("a.csv", ReachSchema.CustomerPatch)).pipe(
          Effect.flip,
          Effect.provide(
            FileSystem.layerNoop({
              open: () => Effect.fail(PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "open" }))
            })
          ),
          Effect.map((error) => error.message)
        )
      assert.strictEqual(
        yield* reasonOf("PermissionDenied"),
        "a.csv cannot be read: PermissionDenied. Give this process the right to read it."
      )
      assert.strictEqual(yield* reasonOf("Unknown"), "a.csv cannot be read: Unknown.")
    })
  )

  it.effect("of many megabytes is read record by record, with bad rows in between", () => {
    const count = 40_000
    const filler = "x".repeat(100)
    const lines: Array<string> = ["customerId,firstName,email,emailOptOut"]
    for (let i = 0; i < count; i++) {
      lines.push(
        i % 10_000 === 9_999
          ? `c-${i},"open,${i}@example.com,false`
          : `c-${i},"Zoë, ""the ${i}th""\nof her name ${filler}",${i}@example.com,${i % 2 === 0}`
      )
    }
    return withFile("large.csv", lines.join("\r\n"), (file) =>
      Effect.gen(function* () {
        let next = 0
        let line = 2
        let bad = 0
        let positions = 0
        let position: unknown
        yield* CustomerFile.read(file, ReachSchema.CustomerPatch).pipe(
          Stream.runForEachArray((records) =>
            Effect.sync(() => {
              for (const record of records) {
                if (record.offset !== next || record.line !== line) assert.fail(`offset ${next}, line ${line}`)
                if (record.position !== position) positions++
                position = record.position
                if (next % 10_000 === 9_999) {
                  assert.strictEqual(record._tag, "Invalid")
                  bad++
                  line++
                } else {
                  const name = `Zoë, "the ${next}th"\nof her name ${filler}`
                  if (record._tag !== "Valid") return assert.fail(`offset ${next}`)
                  const { customerId, email, emailOptOut, firstName } = record.patch
                  if (firstName !== name || customerId !== `c-${next}` || emailOptOut !== (next % 2 === 0)) {
                    assert.fail(`offset ${next}: ${JSON.stringify(record.patch)}`)
                  }
                  if (email !== `${next}@example.com`) assert.fail(`offset ${next}`)
                  line += 2
                }
                next++
              }
            })
          )
        )
        assert.deepStrictEqual([next, bad], [count, 4])
        // One object for all the records of a block.
        assert.isBelow(positions, 150)
      })
    )
  })
})

describe("reading", () => {
  it.effect("takes no more bytes than the records that are asked for need", () =>
    Effect.gen(function* () {
      let pulled = 0
      const endless = Stream.concat(
        Stream.make(bytesOf("customerId\n")),
        Stream.fromEffectRepeat(Effect.sync(() => bytesOf(`c-${pulled++}\n`)))
      )
      const records = yield* CustomerFile.csv(endless, ReachSchema.CustomerPatch).pipe(
        Stream.take(5),
        Stream.runCollect
      )
      assert.strictEqual(records.length, 5)
      assert.isAtMost(pulled, 6)
    })
  )

  it.effect("gives each record as soon as its line has come", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const lines = ["customerId,firstName\n", 'c-1,"a\n', 'b"\n', "c-2,x\n"]
      const bytes = Stream.fromIterable(lines, { chunkSize: 1 }).pipe(
        Stream.tap((line) => Effect.sync(() => seen.push(`in ${JSON.stringify(line)}`))),
        Stream.map(bytesOf)
      )
      yield* CustomerFile.csv(bytes, ReachSchema.CustomerPatch).pipe(
        Stream.runForEach(({ offset }) => Effect.sync(() => seen.push(`out ${offset}`)))
      )
      assert.deepStrictEqual(seen, [
        'in "customerId,firstName\\n"',
        'in "c-1,\\"a\\n"',
        'in "b\\"\\n"',
        "out 0",
        'in "c-2,x\\n"',
        "out 1"
      ])
    })
  )

  it.effect("passes on the error of the bytes, after the records before it", () =>
    Effect.gen(function* () {
      const offsets: Array<number> = []
      const bytes = Stream.concat(Stream.make(bytesOf("customerId\nc-1\nc-")), Stream.fail("cut off" as const))
      const error = yield* CustomerFile.csv(bytes, ReachSchema.CustomerPatch).pipe(
        Stream.runForEach(({ offset }) => Effect.sync(() => offsets.push(offset))),
        Effect.flip
      )
      assert.strictEqual(error, "cut off")
      assert.deepStrictEqual(offsets, [0])
    })
  )
})

/** A record that could not be read. */
const unread = (record: CustomerRecord<unknown> | undefined) => {
  if (record?._tag !== "Invalid" || (record.input.format !== "csv" && record.input.format !== "ndjson")) {
    throw new Error("It was read.")
  }
  const { input, line, offset, reason } = record
  return { offset, line, message: reason.issues[0]?.message ?? "", text: input.value }
}

describe("bytes that are not UTF-8", () => {
  const invalid: ReadonlyArray<readonly [name: string, bytes: ReadonlyArray<number>]> = [
    ["a byte that is never used", [0xff]],
    ["a continuation without a start", [0x80]],
    ["a character that is cut short", [0xe6, 0xbc]],
    ["an overlong form", [0xc0, 0xaf]],
    ["an overlong form of three bytes", [0xe0, 0x80, 0xaf]],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80]],
    ["a character beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
    ["a start without continuation", [0xf0, 0x9f, 0x41]]
  ]

  it.effect.each(invalid)("cost their row, are told of with line and character, and are kept: %s", ([, bad]) =>
    Effect.gen(function* () {
      for (const blocks of [[1], [3], [7], [1000]]) {
        const before = '\uFEFFcustomerId,firstName\r\nc-1,é漢𝄞\rc-2,"x\ny"\n'
        const row = new Uint8Array([...bytesOf('c-3,"é𝄞\n'), ...bad, ...bytesOf('A"')])
        const bytes = new Uint8Array([...bytesOf(before), ...row, ...bytesOf("\nc-4,Zoë\n")])
        const [first, second, spoiled, fourth, ...more] = yield* readCsv(bytes, ReachSchema.CustomerPatch, {}, blocks)
        assert.deepStrictEqual(told([first, second, fourth].filter((record) => record !== undefined)), [
          { customerId: "c-1", firstName: "é漢𝄞" },
          { customerId: "c-2", firstName: "x\ny" },
          { customerId: "c-4", firstName: "Zoë" }
        ])
        assert.lengthOf(more, 0)
        const third = unread(spoiled)
        assert.deepStrictEqual([third.offset, third.line, fourth?.line], [2, 5, 7])
        assert.match(third.message, /^Line 6 is not UTF-8 at character 1\. .*encoding: "windows-1252"/)
        assert.deepStrictEqual(Utf8.encode(third.text), row)
      }
    })
  )

  it.effect("cost their line of NDJSON", () =>
    Effect.gen(function* () {
      const row = new Uint8Array([...bytesOf('{"customerId":"'), 0xff, ...bytesOf('"}')])
      const bytes = new Uint8Array([...bytesOf('{"customerId":"a"}\r\n\n'), ...row, ...bytesOf('\n{"customerId":"b"}')])
      for (const size of [1, 4, 1000]) {
        const records = yield* readNdjson(bytes, ReachSchema.CustomerPatch, {}, [size])
        assert.deepStrictEqual(told(records), [{ customerId: "a" }, "Malformed", { customerId: "b" }])
        const [, bad] = records
        assert.match(unread(bad).message, /^Line 3 is not UTF-8 at character 16\. /)
        assert.deepStrictEqual(Utf8.encode(unread(bad).text), row)
      }
    })
  )

  it.effect("are kept in a row that is bad for more than that, and end a source in its header", () =>
    Effect.gen(function* () {
      const long = new Uint8Array([...bytesOf("a\n1234"), 0xff, ...bytesOf(`${"x".repeat(99)}\nb\n`)])
      for (const size of [1, 7, 1000]) {
        const [first, second] = yield* readCsv(long, Any, { maxRecordSize: 10 }, [size])
        assert.strictEqual(second?._tag, "Valid")
        assert.match(unread(first).message, /longer than 10 characters/)
        assert.deepStrictEqual(Utf8.encode(unread(first).text), long.slice(2, 12))
      }
      const header = yield* readCsv(new Uint8Array([0x63, 0xff, 0x0a]), Any).pipe(Effect.flip)
      assert.isTrue(header._tag === "InvalidUtf8" && header.line === 1 && header.character === 2)
      assert.strictEqual(
        header.message,
        'The header of bytes is not UTF-8, first at line 1, character 2. Say which encoding it is in, such as encoding: "windows-1252".'
      )
    })
  )

  const rows = (count: number, isBad: (index: number) => boolean) =>
    Array.from({ length: count }, (_, i) => [0x63, 0x0a + 0x26, isBad(i) ? 0xe9 : 0x65, 0x0a]).flat()

  it.effect("end a source once more than 50 of 1,000 records are such, and not where they stand far apart", () =>
    Effect.gen(function* () {
      const read = (isBad: (index: number) => boolean) => {
        const seen: Array<string> = []
        const bytes = new Uint8Array([...bytesOf("a\n"), ...rows(5000, isBad)])
        return CustomerFile.csv(Stream.make(bytes), Any).pipe(
          Stream.runForEach(({ _tag }) => Effect.sync(() => seen.push(_tag))),
          Effect.match({ onFailure: (error) => error, onSuccess: () => undefined }),
          Effect.map((error) => ({ error, seen }))
        )
      }
      const few = yield* read((i) => i % 20 === 0)
      assert.isUndefined(few.error)
      assert.strictEqual(few.seen.filter((tag) => tag === "Invalid").length, 250)
      const many = yield* read((i) => i >= 2000 && i % 10 === 0)
      // All before it came out, and the one that was too many.
      assert.strictEqual(many.seen.length, 2501)
      assert.match(
        many.error?.message ?? "",
        /^51 of 501 records of bytes are not UTF-8, first at line 2002, character 3\. /
      )
    })
  )
})

describe("reading on from a position", () => {
  const pieces = [
    "1,2\n",
    "1,é\n",
    "𝄞,漢\r\n",
    "x,y\r",
    "\n",
    "\r\n",
    '"a\r\nb","c"\n',
    '"open,\n',
    'st"ray\n',
    "one\n"
  ] as const
  const csvBody = textOf([...pieces, '"', ",", "a", "\r"], 30)
  const lines = textOf(
    ['{"a":"é"}\n', '{"b":"𝄞漢"}\r\n', "\n", "[\n", "{}\n", "\r", '{"long":"xxxxxxxxxxxxxxxx"}\n', "{"],
    20
  )
  const mark = oneOf(["", "\uFEFF"])
  const header = oneOf(["c0,c1\n", "c0,c1\r\n", "c0,c1\r", '\n\n"c0",c1\n'])
  const maxRecordSize = 24

  it.effect("is found where a block that holds the header, too, ends in half of a line break", () =>
    Effect.gen(function* () {
      const from = { offset: 1, place: { byte: 10, line: 3 } }
      const rest = yield* readCsv("c0,c1\n1,2\n3,4\r\n5,6\n", Any, { from }, [14, 1])
      assert.deepStrictEqual(told(rest), [
        { c0: "3", c1: "4" },
        { c0: "5", c1: "6" }
      ])
    })
  )

  it.effect.prop(
    "gives the records from there on, the same in all: CSV",
    [mark, header, csvBody, sizes],
    ([mark, header, body, blocks]) =>
      Effect.gen(function* () {
        const text = mark + header + body
        const all = yield* readCsv(text, Any, { maxRecordSize }, blocks)
        for (const position of new Set(all.map((record) => record.position))) {
          if (position === undefined) return assert.fail("a record without a position")
          const rest = yield* readCsv(text, Any, { maxRecordSize, from: position }, blocks)
          assert.deepStrictEqual(withoutPosition(rest), withoutPosition(all.slice(position.offset)))
          assert.deepStrictEqual(rest[0]?.position, position)
        }
      }),
    { arbitrary: { runs: 120, size: 60 } }
  )

  it.effect.prop(
    "gives the records from there on, the same in all: NDJSON",
    [mark, lines, sizes],
    ([mark, body, blocks]) =>
      Effect.gen(function* () {
        // A first line that starts with [ is a JSON array's.
        const text = `${mark}{}\n${body}`
        const all = yield* readNdjson(text, Schema.Unknown, { maxRecordSize }, blocks)
        for (const position of new Set(all.map((record) => record.position))) {
          if (position === undefined) return assert.fail("a record without a position")
          const rest = yield* readNdjson(text, Schema.Unknown, { maxRecordSize, from: position }, blocks)
          assert.deepStrictEqual(withoutPosition(rest), withoutPosition(all.slice(position.offset)))
        }
      }),
    { arbitrary: { runs: 120, size: 60 } }
  )

  it.effect("is the same in a file, which is read only from there", () =>
    Effect.gen(function* () {
      const row = (i: number) => `c-${i},"né\n${"x".repeat(i % 90)}"\r\n`
      const text = `\uFEFFcustomerId,firstName\r\n${Array.from({ length: 16_000 }, (_, i) => row(i)).join("")}`
      const json = Array.from({ length: 16_000 }, (_, i) => `{"customerId":"é-${i}"}\n`).join("")
      for (const [name, content] of [
        ["a.csv", text],
        ["a.ndjson", json]
      ] as const) {
        yield* withFile(name, content, (file) =>
          Effect.gen(function* () {
            const all = yield* Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch))
            assert.strictEqual(all.length, 16_000)
            const positions = new Set(all.map((record) => record.position))
            assert.isAbove(positions.size, 1)
            for (const from of positions) {
              const rest = yield* Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch, { from }))
              assert.deepStrictEqual(withoutPosition(rest), withoutPosition(all.slice(from?.offset)))
            }
          })
        )
      }
    })
  )

  it.effect("at the end of the source gives nothing, and beyond it is an error", () =>
    Effect.gen(function* () {
      const csv = "customerId\nc-1\n"
      const json = '{"customerId":"c-1"}\n'
      for (const [name, content] of [
        ["a.csv", csv],
        ["a.ndjson", json]
      ] as const) {
        const at = { offset: 1, place: { byte: content.length, line: 3 } }
        const beyond = { ...at, place: { byte: content.length + 1, line: 3 } }
        yield* withFile(name, content, (file) =>
          Effect.gen(function* () {
            const read = (from: typeof at) =>
              Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch, { from }))
            assert.deepStrictEqual(yield* read(at), [])
            assert.strictEqual((yield* Effect.flip(read(beyond)))._tag, "PositionBeyondEnd")
          })
        )
        const stream = (from: typeof at) =>
          name === "a.csv"
            ? readCsv(content, ReachSchema.CustomerPatch, { from }, [4])
            : readNdjson(content, ReachSchema.CustomerPatch, { from }, [4])
        assert.deepStrictEqual(yield* stream(at), [])
        const error = yield* Effect.flip(stream(beyond))
        assert.isTrue(error._tag === "PositionBeyondEnd" && error.byte === beyond.place.byte)
      }
    })
  )

  it.effect("of a CSV still refuses a header that is no good", () =>
    withFile("a.csv", "emial\nx\ny\n", (file) =>
      Effect.gen(function* () {
        const from = { offset: 1, place: { byte: 8, line: 3 } }
        const error = yield* Stream.runCollect(CustomerFile.read(file, ReachSchema.CustomerPatch, { from })).pipe(
          Effect.flip
        )
        assert.strictEqual(error._tag, "InvalidHeader")
      })
    )
  )

  it.effect("at the top is reading from the start", () =>
    Effect.gen(function* () {
      const from = { offset: 0, place: { byte: 0, line: 1 } }
      assert.deepStrictEqual(told(yield* readCsv("c0\nx\n", Any, { from })), [{ c0: "x" }])
      assert.deepStrictEqual(told(yield* readNdjson('\uFEFF{"c0":"x"}', Any, { from })), [{ c0: "x" }])
    })
  )

  it.effect("of another kind of source is refused", () =>
    Effect.gen(function* () {
      for (const place of [{ id: "c-1" }, { byte: -1, line: 1 }, "byte 0", undefined]) {
        const from = { offset: 1, place }
        const refused = { _tag: "InvalidConfiguration", option: "from" } as const
        assert.deepInclude(yield* Effect.flip(readCsv("c0\nx\n", Any, { from })), refused)
        assert.deepInclude(yield* Effect.flip(readNdjson('{"c0":"x"}', Any, { from })), refused)
        yield* withFile("a.csv", "customerId\nx\n", (file) =>
          Effect.gen(function* () {
            const read = CustomerFile.read(file, ReachSchema.CustomerPatch, { from })
            assert.deepInclude(yield* Effect.flip(Stream.runCollect(read)), refused)
          })
        )
      }
    })
  )
})

describe("no customer data", () => {
  const Metadata = Schema.Struct({
    id: Schema.String,
    email: Schema.NullOr(Schema.String.check(Schema.isMinLength(100))),
    metadata: Schema.Record(Schema.String, Schema.Number),
    place: Schema.optionalKey(Schema.Struct({ city: Schema.Literals(["Rome", "Paris"]) }))
  })
  const secret = "jane.doe@example.com"
  const rows = [
    `${secret},${secret},${secret}`,
    `"${secret}"x,,`,
    `${secret}"`,
    `"${secret}`,
    `1,${secret},"{""${secret}"":""${secret}""}"`,
    `1,${secret}`,
    "x".repeat(120) + secret
  ]
  const jsons = [
    `{"id":"${secret}`,
    `{"id":1,"email":"${secret}","metadata":{"${secret}":"${secret}"}}`,
    `{"id":"1","email":null,"metadata":{},"${secret}":1,"place":{"city":"${secret}"}}`,
    `"${secret}"`,
    `{"x":"${"x".repeat(120)}${secret}"}`
  ]

  it.effect("stands in any reason", () =>
    Effect.gen(function* () {
      const options = { maxRecordSize: 119 }
      const records = [
        ...(yield* readCsv(`id,email,metadata\n${rows.join("\n")}\n`, Metadata, options)),
        ...(yield* readNdjson(jsons.join("\n"), Metadata, options))
      ]
      assert.strictEqual(records.length, rows.length + jsons.length)
      for (const record of records) {
        assert.strictEqual(record._tag, "Invalid")
        if (record._tag !== "Invalid") continue
        assert.isNotEmpty(record.reason.issues)
        assert.notInclude(JSON.stringify(record.reason), "jane")
      }
    })
  )

  it.effect("stands in any error", () =>
    Effect.gen(function* () {
      const headers = [
        `${secret},Jane`,
        `id,email,metadata,${secret}`,
        `"${secret}`,
        `id"${secret}`,
        `"id",email,metadata,"${secret}`
      ]
      for (const header of headers) {
        const error = yield* Effect.flip(readCsv(`${header}\n`, Metadata))
        assert.strictEqual(error._tag, "InvalidHeader")
        assert.notInclude(`${JSON.stringify(error)} ${error.message} ${error}`.toLowerCase(), "jane")
      }
      const invalid = yield* Effect.flip(readCsv(new Uint8Array([...bytesOf(`id,${secret}`), 0xff]), Metadata))
      assert.notInclude(`${JSON.stringify(invalid)} ${invalid.message}`, "jane")
    })
  )
})
