import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { CustomerFile, type CustomerRecord, ReachSchema } from "../../../src/index.ts"
import { bytesOf, inBlocks, oneOf, readJson, sizes, textOf, told, withoutPosition } from "../support.ts"

const Any = Schema.Unknown

/** All that comes out, and what ends it. */
const readAll = (text: string, options: CustomerFile.JsonOptions = {}, blocks: ReadonlyArray<number> = []) =>
  Effect.gen(function* () {
    const records: Array<CustomerRecord.CustomerRecord<unknown>> = []
    const failure = yield* CustomerFile.json(inBlocks(bytesOf(text), blocks), Any, options).pipe(
      Stream.runForEach((record) => Effect.sync(() => records.push(record))),
      Effect.match({ onFailure: (error) => error, onSuccess: () => undefined })
    )
    return { records, failure }
  })

/** That all comes again from each place where reading can go on. */
const assertResumes = (
  text: string,
  options: CustomerFile.JsonOptions,
  { failure, records }: Effect.Success<ReturnType<typeof readAll>>
) =>
  Effect.gen(function* () {
    const positions = new Map(records.map(({ position }) => [position?.offset, position]))
    for (const position of positions.values()) {
      assert.isDefined(position)
      const again = yield* readAll(text, { ...options, from: position }, [7])
      const rest = records.slice(position.offset)
      assert.deepStrictEqual(withoutPosition(again.records), withoutPosition(rest), JSON.stringify(position))
      // Which column it is, is not known in the middle of a line.
      const place = (error: typeof failure) =>
        error?._tag === "JsonBroken"
          ? [error.byte, error.line, error.problem]
          : error?._tag === "RecordsNotFound"
            ? [error.found]
            : error
      assert.deepStrictEqual(place(again.failure), place(failure), JSON.stringify(position))
    }
  })

const string = textOf(
  ["a", "é", "漢", "𝄞", '"', "\\", "[", "]", "{", "}", ",", ":", "\n", "\u2028", "/", " ", "null"],
  5
)

const leaf: Arbitrary.Arbitrary<unknown> = Arbitrary.map(
  Arbitrary.all({
    text: string,
    other: oneOf<string | number | boolean | null>(["text", 0, -1.5, 1e21, true, false, null, "", "key"])
  }),
  ({ other, text }) => (other === "text" ? text : other === "key" ? { [text]: 1 } : other)
)

/** Built from the inside. */
const value: Arbitrary.Arbitrary<unknown> = Arbitrary.map(
  Arbitrary.all({
    leaves: Arbitrary.array(leaf, { maxLength: 4 }),
    shapes: Arbitrary.array(oneOf(["object", "array", "first", "last", "empty"]), { maxLength: 4 })
  }),
  ({ leaves, shapes }) =>
    shapes.reduce<unknown>((inner, shape, i) => {
      const other = leaves[i % leaves.length]
      if (shape === "object") return { inner, [`other${i}`]: other ?? null }
      if (shape === "array") return [other ?? null, inner, {}]
      if (shape === "first") return { "": other ?? [], inner }
      return shape === "last" ? [inner] : { inner, empty: [], none: {} }
    }, leaves[0] ?? null)
)

interface Written {
  readonly values: ReadonlyArray<unknown>
  readonly indent: string | number
  readonly form: "array" | "inside" | "inside an array" | "one after the other" | "two arrays"
  readonly mark: string
  readonly newline: string
  readonly around: string
}

const document: Arbitrary.Arbitrary<Written> = Arbitrary.all({
  values: Arbitrary.array(value, { maxLength: 7 }),
  indent: oneOf<string | number>([0, 1, 2, "\t"]),
  form: oneOf<Written["form"]>(["array", "inside", "inside an array", "one after the other", "two arrays"]),
  mark: oneOf(["", "\uFEFF"]),
  newline: oneOf(["\n", "\r\n"]),
  around: oneOf(["", " ", "\n", "\r\n\t "])
})

const write = ({ around, form, indent, mark, newline, values }: Written) => {
  const text = (value: unknown) => JSON.stringify(value, null, indent).replaceAll("\n", newline)
  const beside = { "cust]omers": [{ customers: [1] }], "a/b": null, '"': '"' }
  const some: { readonly text: string; readonly records?: string } =
    form === "array"
      ? { text: text(values) }
      : form === "two arrays"
        ? { text: `${text(values.slice(0, 2))}${around}${mark}${text(values.slice(2))}` }
        : form === "one after the other"
          ? {
              text: values
                .map((value) => text(Array.isArray(value) ? { value } : value))
                .join(around === "" ? " " : around)
            }
          : form === "inside"
            ? {
                text: text({ ...beside, "~a/b": { x: [], ...beside, c: values, ...{ z: beside } }, y: [[]] }),
                records: "/~0a~1b/c"
              }
            : { text: text([beside, [values], values, { customers: values }, beside, 1]), records: "/3/customers" }
  const expected =
    form === "one after the other" ? values.map((value) => (Array.isArray(value) ? { value } : value)) : values
  return {
    text: `${mark}${around}${some.text}${around}`,
    expected,
    options: some.records === undefined ? {} : { records: some.records }
  }
}

describe("elements of JSON", () => {
  it.effect.prop(
    "are the values that JSON.parse finds, however the bytes are cut, and from each place on",
    [document, sizes],
    ([document, blocks]) =>
      Effect.gen(function* () {
        const { expected, options, text } = write(document)
        const read = yield* readAll(text, options, blocks)
        assert.isUndefined(read.failure)
        assert.deepStrictEqual(
          read.records.map((record, offset) => [record.offset === offset, record._tag === "Valid" && record.patch]),
          expected.map((value) => [true, value])
        )
        const whole = yield* readAll(text, options)
        assert.deepStrictEqual(withoutPosition(read.records), withoutPosition(whole.records))
        yield* assertResumes(text, options, read)
      }),
    { arbitrary: { runs: 200, size: 60 } }
  )

  const pieces = [
    '{"a":1}',
    '{"a":[1',
    '{"b":"x',
    '{"customers":[',
    '"customers":',
    "{",
    "}",
    "[",
    "]",
    ",",
    ",\n",
    "\n",
    "\n  ",
    '\n  {"a":2}',
    '"',
    "\\",
    ":",
    "1",
    "x",
    " ",
    "é",
    "\uFEFF"
  ] as const

  it.effect.prop(
    "of any text are the same however it is cut and from each place on, and those of JSON.parse where that reads it",
    [
      textOf(pieces, 16),
      oneOf(["[", "[\n  ", '{"customers":[', ""]),
      sizes,
      oneOf<CustomerFile.JsonOptions>([{}, { records: "/customers" }])
    ],
    ([body, head, blocks, pointer]) =>
      Effect.gen(function* () {
        const text = head + body
        const options = { maxRecordSize: 20, ...pointer }
        const whole = yield* readAll(text, options)
        const cut = yield* readAll(text, options, blocks)
        assert.deepStrictEqual(withoutPosition(cut.records), withoutPosition(whole.records))
        assert.deepStrictEqual(cut.failure, whole.failure)
        yield* assertResumes(text, options, cut)
        const known = parsed(text)
        if (Array.isArray(known) && pointer.records === undefined) {
          assert.isUndefined(cut.failure)
          assert.strictEqual(cut.records.length, known.length)
        }
      }),
    { arbitrary: { runs: 800, size: 80 } }
  )

  const parsed = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }
})

describe("JSON that is not as it should be", () => {
  /** Each record as its value, or its line and what it is rejected for; then what ends the source. */
  const outcome = (text: string, options: CustomerFile.JsonOptions = {}) =>
    Effect.gen(function* () {
      const whole = yield* readAll(text, options)
      const cut = yield* readAll(text, options, [2])
      assert.deepStrictEqual(withoutPosition(cut.records), withoutPosition(whole.records))
      assert.deepStrictEqual(cut.failure, whole.failure)
      yield* assertResumes(text, options, cut)
      return [
        ...cut.records.map((record) =>
          record._tag !== "Invalid"
            ? JSON.stringify(record._tag === "Valid" ? record.patch : record)
            : `line ${record.line}: ${record.reason.issues.map(({ message }) => message).join("; ")}: ${
                record.input.format === "cells" ? "" : record.input.value
              }`
        ),
        ...(cut.failure === undefined ? [] : [cut.failure.message.replace(/ What stands before.*/, "")])
      ]
    })

  const cannot = (place: string, problem: string) => `bytes cannot be read on at ${place}: ${problem}.`
  const notJson = (line: number, text: string) => `line ${line}: The element is not JSON: ${text}`
  const unbalanced = "quotes or brackets are missing before it, or it is one too many"
  const wayOut = "it ends before the end of its document, as a file does that was cut off"
  const inArray = "it ends inside an array, as a file does that was cut off"
  const inside = (line: number) =>
    `it ends inside the record that starts on line ${line}, as a file does that was cut off`
  const customers = { records: "/customers" }
  const nowhere = (found: string, pointer = "/customers") =>
    `In bytes, the document on line 1 has ${found} at ${pointer}${found.startsWith("a") ? ", and no array" : ""}. Say where the array of records is with records.`

  const table: ReadonlyArray<
    readonly [text: string, expected: ReadonlyArray<string>, options?: CustomerFile.JsonOptions]
  > = [
    ["", []],
    [" \n", []],
    ["[]", []],
    ["[ ]\n[\n]", []],
    // Commas.
    ["[1,2,]", ["1", "2"]],
    ["[1,,2]", ["1", notJson(1, ""), "2"]],
    ["[,1]", [notJson(1, ""), "1"]],
    ["[1 2,3]", [notJson(1, "1 2"), "3"]],
    ['[{"a":1}\n{"a":2},{"a":3}]', [notJson(1, '{"a":1}\n{"a":2}'), '{"a":3}']],
    // What is no JSON and has an end.
    [
      '[{"a":1,},{a:2},{"a"},{"a":NaN},{"a":01},tru,\'x\',{"a":"\t"}]',
      [
        notJson(1, '{"a":1,}'),
        notJson(1, "{a:2}"),
        notJson(1, '{"a"}'),
        notJson(1, '{"a":NaN}'),
        notJson(1, '{"a":01}'),
        notJson(1, "tru"),
        notJson(1, "'x'"),
        notJson(1, '{"a":"\t"}')
      ]
    ],
    ['["a":1,{"b":2}]', [notJson(1, '"a":1'), '{"b":2}']],
    // No customers, and values that must not change.
    ['[null,5,"x",[[]],[],true]', ["null", "5", '"x"', "[[]]", "[]", "true"]],
    [
      '[{"a":9007199254740993},{"a":1,"a":2}]',
      [
        'line 1: This number has more digits than are kept, and would be changed. Write it as text, in quotes: {"a":9007199254740993}',
        'line 1: This name comes twice. Leave one of them out: {"a":1,"a":2}'
      ]
    ],
    ['[{"a":"]},{[\\"\\\\"},{"]":1}]', ['{"a":"]},{[\\"\\\\"}', '{"]":1}']],
    // Several.
    ['[{"a":1}][{"a":2}]\n{"a":3}{"a":4} 5', ['{"a":1}', '{"a":2}', '{"a":3}', '{"a":4}', "5"]],
    ['[{"a":1}]\n\uFEFF[{"a":2}]', ['{"a":1}', '{"a":2}']],
    ['{"a":1} x {"a":2}', ['{"a":1}', notJson(1, "x"), '{"a":2}']],
    // Brackets that are missing outside.
    ['{"a":1},{"a":2}]', ['{"a":1}', cannot("line 1, column 8 (byte 7)", "it stands outside of any array or object")]],
    ['[{"a":1}]]', ['{"a":1}', cannot("line 1, column 10 (byte 9)", "it stands outside of any array or object")]],
    ['[{"a":1},{"a":"é"}', ['{"a":1}', '{"a":"é"}', cannot("line 1, column 19 (byte 19)", inArray)]],
    ['[{"a":1},\n', ['{"a":1}', cannot("line 2, column 1 (byte 10)", inArray)]],
    ['[{"a":1}\n}', [cannot("line 2, column 1 (byte 9)", unbalanced)]],
    // Cut in the middle.
    ['[{"a":1},\n{"a":"x', ['{"a":1}', cannot("line 2, column 8 (byte 17)", inside(2))]],
    ["[1,\n12", ["1", cannot("line 2, column 3 (byte 6)", inside(2))]],
    ['{"a":1}{"b":', ['{"a":1}', cannot("line 1, column 13 (byte 12)", inside(1))]],
    // Quotes and brackets that are missing inside, where lines tell.
    ['[\n{"a":"1},\n{"a":2}\n]', [notJson(2, '{"a":"1},'), '{"a":2}']],
    ['[\r\n{"a":"1},\r\n{"a":2}\r\n]', [notJson(2, '{"a":"1},'), '{"a":2}']],
    [
      '[\n  {\n    "a": "1,\n    "b": [{}]\n  },\n  {\n    "a": 2\n  }\n]',
      [notJson(2, '{\n    "a": "1,\n    "b": [{}]\n  },'), '{"a":2}']
    ],
    ['[\n  {"a":{"b":1},\n  {"a":2}\n]', [notJson(2, '{"a":{"b":1},'), '{"a":2}']],
    ['[\n  {"a":1},\n  {"a":[2}\n]', ['{"a":1}', notJson(3, '{"a":[2}')]],
    ['[\n{"a":1},\n{"a":"2}\n]', ['{"a":1}', notJson(3, '{"a":"2}')]],
    ['{"customers":[\n  {"a":"1},\n  {"a":2}\n ], "b":1}', [notJson(2, '{"a":"1},'), '{"a":2}'], customers],
    // Where they do not: what comes next may belong to the broken one.
    ['[{"a":1},{"a":"2},\n{"a":3}]', ['{"a":1}', cannot("line 1, column 19 (byte 18)", unbalanced)]],
    ['[{"a":1},{"a":[2},{"a":3}]', ['{"a":1}', cannot("line 1, column 17 (byte 16)", unbalanced)]],
    ['[\n{\n"b":"1,\n"c":[\n{"a":2}\n]},\n{"a":3}\n]', [cannot("line 3, column 8 (byte 11)", unbalanced)]],
    // An array inside of an object.
    ['{"customers":[1,2]}', ["1", "2"], customers],
    ['{"x":{"customers":[0]},"customers":[1],"y":[{"customers":[2]}]}', ["1"], customers],
    ['{"customers":[1],"next":null}\n{"customers":[],"x":"]"}{"customers":[2]}', ["1", "2"], customers],
    ['{"\\u0063ustomers":[1]}', ["1"], customers],
    ['[[],{"customers":[1]}]', ["1"], { records: "/1/customers" }],
    ['{"0":{"1":[1]}}', ["1"], { records: "/0/1" }],
    ['{"":{"a/b":{"~":[1]}}}', ["1"], { records: "//a~1b/~0" }],
    // A pointer that leads elsewhere.
    ["{}", [nowhere("nothing")], customers],
    ['{"customer":[1]}', [nowhere("nothing")], customers],
    ['{"customers":{"a":[1]}}', [nowhere("an object")], customers],
    ['{"customers":null}', [nowhere("a value")], customers],
    ['{"customers":"[1]"}', [nowhere("a text")], customers],
    ["[1]", [nowhere("nothing")], customers],
    ["5", [nowhere("nothing")], customers],
    ['{"data":[{"customers":[1]}]}', [nowhere("nothing", "/data/customers")], { records: "/data/customers" }],
    ['{"customers":[1],"customers":[2]}', ["1", nowhere("two values")], customers],
    // What is broken beside the array.
    ['{"customers":[1],"x":', ["1", cannot("line 1, column 22 (byte 21)", wayOut)], customers],
    ['{"customers":[1]', ["1", cannot("line 1, column 17 (byte 16)", wayOut)], customers],
    ['{"x":"a\n","customers":[1]}', [cannot("line 1, column 8 (byte 7)", unbalanced)], customers],
    ['{"x" 1,"customers":[1]}', [cannot("line 1, column 6 (byte 5)", "a colon is missing before it")], customers],
    ['{x:1,"customers":[1]}', [cannot("line 1, column 2 (byte 1)", "a name is missing before it")], customers],
    ['{"x":,"customers":[1]}', [cannot("line 1, column 6 (byte 5)", "a value is missing before it")], customers],
    ['{"x":1],"customers":[1]}', [cannot("line 1, column 7 (byte 6)", "it closes what is not open")], customers]
  ]

  it.effect.each(table.map(([text, expected, options]) => [JSON.stringify(text), text, expected, options] as const))(
    "is told from what is: %s",
    ([, text, expected, options]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* outcome(text, options), expected)
      })
  )

  it.effect("says how far its records were read, so that what stands there is known when it is put right", () =>
    Effect.gen(function* () {
      const text = '[{"a":1},{"a":"é"} ,{"a":'
      for (const blocks of [[], [3]]) {
        const { failure } = yield* readAll(text, {}, blocks)
        assert.strictEqual(
          failure?._tag === "JsonBroken" ? failure.readTo : failure,
          bytesOf('[{"a":1},{"a":"é"} ').length
        )
      }
    })
  )

  it.effect("has elements that are too large, which are passed over whatever is in them", () =>
    Effect.gen(function* () {
      const long = JSON.stringify({ a: "]},{".repeat(9), b: [{ c: "\n" }] })
      const options = { maxRecordSize: 20 }
      const large = (line: number) => `line ${line}: The element is longer than 20 characters: ${long.slice(0, 20)}`
      assert.deepStrictEqual(yield* outcome(`[{"a":1},\n${long}\n,\n{"a":2}, ${long}]`, options), [
        '{"a":1}',
        large(2),
        '{"a":2}',
        large(4)
      ])
      assert.deepStrictEqual(yield* outcome(`${long}{"a":2}`, options), [large(1), '{"a":2}'])
      assert.deepStrictEqual(yield* outcome(`[${long.slice(0, -1)}`, options), [
        cannot(`line 1, column ${long.length + 1} (byte ${long.length})`, inside(1))
      ])
      assert.deepStrictEqual(yield* outcome(`[1,${long.slice(0, -2)}}}]`, options), [
        "1",
        cannot(`line 1, column ${long.length + 2} (byte ${long.length + 1})`, unbalanced)
      ])
    })
  )

  it.effect("has a first object that is none of the customers, and is told where they may be", () =>
    Effect.gen(function* () {
      const records = yield* readJson(
        '{"data":{"count":1,"customers":[{"customerId":"1"}]}}',
        ReachSchema.CustomerPatch
      )
      assert.deepStrictEqual(
        records.map((record) => record._tag === "Invalid" && record.reason.issues.at(-1)?.message),
        ['If the records stand in an array inside, say where with records: "/data/customers"']
      )
      const private_ = yield* readJson('{"a@example.org":[{"customerId":"1"}]}', ReachSchema.CustomerPatch)
      assert.notInclude(JSON.stringify(private_.map((record) => record._tag === "Invalid" && record.reason)), "example")
      const second = yield* readJson('{"customerId":"1"}{"customers":[{"customerId":"1"}]}', ReachSchema.CustomerPatch)
      assert.notInclude(JSON.stringify(second.map((record) => record._tag === "Invalid" && record.reason)), "inside")
    })
  )

  it.effect("is refused where what says where the records are is no pointer", () =>
    Effect.gen(function* () {
      for (const records of ["customers", "/a~2", "/~"]) {
        const { failure } = yield* readAll("[1]", { records })
        assert.include(failure?.message, "must be a JSON pointer, such as /data/customers")
      }
    })
  )

  it.effect("is refused where none of its first 1,000 elements has a name that is mapped, before any comes out", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(Array.from({ length: 1200 }, (_, i) => ({ customerId: `${i}` })))
      const error = yield* readJson(text, ReachSchema.CustomerPatch, { columns: { email: "E-Mail" } }, [900]).pipe(
        Effect.flip
      )
      assert.strictEqual(error._tag, "NamesMissing")
    })
  )

  it.effect("with bytes that are not UTF-8 costs the elements that they are in", () =>
    Effect.gen(function* () {
      const text = bytesOf('[{"customerId":"1"},\n{"customerId":"?"},{"customerId":"3"}]')
      text[text.indexOf(63)] = 0xff
      const records = yield* readJson(text, ReachSchema.CustomerPatch, {}, [3])
      assert.deepStrictEqual(told(records), [{ customerId: "1" }, "Malformed", { customerId: "3" }])
    })
  )

  it.effect("nested a million deep costs its element, and one that never ends no memory to speak of", () =>
    Effect.gen(function* () {
      const deep = "[".repeat(400_000)
      const records = yield* readJson(`[${deep}${deep.replaceAll("[", "]")},{"a":1}]`, Any, {}, [65_536])
      assert.deepStrictEqual(told(records), ["Malformed", { a: 1 }])
      const endless = yield* readJson(`[{"a":1},${deep.repeat(4)}`, Any, { maxRecordSize: 1000 }, [65_536]).pipe(
        Effect.flip
      )
      assert.include(endless.message, "it ends inside the record that starts on line 1")
    })
  )
})
