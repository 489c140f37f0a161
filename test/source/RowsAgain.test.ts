/** That a dead letter has its row as it stood in the file, whoever refused the record, and that good records cost nothing. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted, Schema, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import { SandboxClient } from "../../src/sandbox/index.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as RecordCount from "../../src/source/RecordCount.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type { CustomerRecord } from "../../src/sync/model/CustomerRecord.ts"
import * as Source from "../../src/sync/record/Source.ts"

const vendor = Layer.provideMerge(
  ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) }),
  SandboxClient.layer({
    reach: {
      unknownCustomer: "create",
      refuse: ({ email }) => (email === "no@example.com" ? "not welcome" : undefined)
    }
  })
)

/** The letters of a sync. */
const lettersOf = Effect.fnUntraced(function* <E, R>(
  records: Stream.Stream<CustomerRecord<ReachSchema.CustomerPatch>, E, R>
) {
  const letters = DeadLetters.memory()
  yield* CustomerSync.run({
    to: ReachDestination.batchPatch(),
    batch: BatchPolicy.make({ maxRecords: 100 }),
    rateLimit: RateLimitPolicy.unlimited(),
    settle: "accepted",
    deadLetters: letters
  })(records).pipe(Effect.provide(vendor))
  return letters.letters
})

const inFolder = <A, E, R>(use: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.flatMap(fs.makeTempDirectoryScoped(), (folder) => use(folder, fs))
  ).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const count = 9000
const refused = [0, 1, 2500, 2501, 6000, count - 1]
const isRefused = new Set(refused)
const notes = (index: number) => (index % 7 === 0 ? `said "no",\nthen ${index}` : `note ${index} ${"x".repeat(80)}`)
const mailOf = (index: number) => (isRefused.has(index) ? "no@example.com" : `${index}@example.com`)

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`

const csv = `Notes,customerId,Mail,Notes,\n${Array.from(
  { length: count },
  (_, index) =>
    `${index % 50 === 0 ? "\n" : ""}${quoted(notes(index))},c-${index},${mailOf(index)},${index},${quoted("")}\n`
).join("")}`

const ndjson = Array.from(
  { length: count },
  (_, index) => `{"customerId": "c-${index}",  "email":"${mailOf(index)}","notes":${JSON.stringify(notes(index))}}\n`
)

const options = { columns: { email: "Mail" }, otherColumns: "ignore" } as const

describe("the row of a dead letter", () => {
  it.effect("is that of its file, where there are several", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const sources = yield* Effect.forEach(["a.csv", "b.csv"], (name) =>
          Effect.as(
            fs.writeFileString(`${folder}/${name}`, `customerId,email,note\n${name},no@example.com,of ${name}\n`),
            {
              name,
              source: CustomerFile.read(`${folder}/${name}`, ReachSchema.CustomerPatch, { otherColumns: "ignore" })
            }
          )
        )
        const letters = yield* lettersOf(Source.concat(sources))
        assert.deepStrictEqual(
          letters.map(({ row, source }) => [
            source,
            row !== undefined && "cells" in row ? row.cells.at(-1) : undefined
          ]),
          ["a.csv", "b.csv"].map((name) => [name, ["note", `of ${name}`] as const])
        )
      })
    )
  )

  it.live("of a CSV has all columns, those that are no field too, in whichever block it stands", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const file = `${folder}/customers.csv`
        yield* fs.writeFileString(file, csv)
        const source = CustomerFile.read(file, ReachSchema.CustomerPatch, options)
        const same = Source.filter(
          Source.map(
            Source.tap(source, () => Effect.void),
            "as it is",
            (patch) => patch
          ),
          "all",
          () => true
        )
        for (const records of [source, same, RecordCount.watch(source, { size: csv.length }).records]) {
          const letters = yield* lettersOf(records)
          assert.deepStrictEqual(
            letters.map(({ offset, row }) => [offset, row]).toSorted(([a], [b]) => Number(a) - Number(b)),
            refused.map((index) => [
              index,
              {
                cells: [
                  ["Notes", notes(index)],
                  ["customerId", `c-${index}`],
                  ["Mail", "no@example.com"],
                  ["Notes", String(index)],
                  ["", ""]
                ]
              }
            ])
          )
          assert.deepStrictEqual(letters[0]?.record.value, { customerId: "c-0", email: "no@example.com" })
          // It is what the file of letters may hold.
          for (const letter of letters) assert.deepStrictEqual(decodeLetter(JSON.parse(JSON.stringify(letter))), letter)
        }
      })
    )
  )

  it.live("of an NDJSON is its line", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const file = `${folder}/customers.ndjson`
        yield* fs.writeFileString(file, ndjson.join("\n"))
        const letters = yield* lettersOf(CustomerFile.read(file, ReachSchema.CustomerPatch, { otherColumns: "ignore" }))
        assert.deepStrictEqual(
          letters.map(({ offset, row }) => [offset, row]).toSorted(([a], [b]) => Number(a) - Number(b)),
          refused.map((index) => [index, { line: (ndjson[index] ?? "").trimEnd() }])
        )
      })
    )
  )

  it.live(
    "is there too where the record was refused before sending, from a pipe as well, unless the letter holds it",
    () =>
      Effect.gen(function* () {
        const bytes = (text: string) => Stream.make(new TextEncoder().encode(text))
        const csv = CustomerFile.csv(
          bytes("customerId,smsOptOut,Notes\nc-1,perhaps,one\nc-2,true,two,three\nc-3,,no@example.com\n"),
          ReachSchema.CustomerPatch,
          { columns: { email: "Notes" } }
        )
        assert.deepStrictEqual((yield* lettersOf(csv)).map(({ record, row }) => [record.format, row]).toSorted(), [
          [
            "cells",
            {
              cells: [
                ["customerId", "c-1"],
                ["smsOptOut", "perhaps"],
                ["Notes", "one"]
              ]
            }
          ],
          ["csv", undefined],
          // A pipe cannot be read again.
          ["json", undefined]
        ])
        const line = '{"customerId":"c-1","smsOptOut":"perhaps","x":1}'
        const ndjson = CustomerFile.ndjson(bytes(`${line}\nno\n`), ReachSchema.CustomerPatch, {
          otherColumns: "ignore"
        })
        assert.deepStrictEqual(
          (yield* lettersOf(ndjson)).map(({ record, row }) => [record.format, row]),
          [
            ["json", { line }],
            ["ndjson", undefined]
          ]
        )
      })
  )

  it.live("is left out where the file is gone: the letter is not", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const file = `${folder}/customers.csv`
        yield* fs.writeFileString(file, "customerId,email\nc-1,no@example.com\n")
        const source = CustomerFile.read(file, ReachSchema.CustomerPatch)
        const letters = yield* lettersOf(Source.tap(source, () => fs.remove(file)))
        assert.deepStrictEqual(
          letters.map(({ key, row }) => [key, row]),
          [["c-1", undefined]]
        )
      })
    )
  )

  it.live("goes from letter to letter, that of a row that was put right too", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const file = `${folder}/customers.csv`
        yield* fs.writeFileString(
          file,
          'customerId,email,Notes\nc-1,no@example.com,"first, one"\nc-2,no@example.com,two,three\n'
        )
        const first = yield* lettersOf(CustomerFile.read(file, ReachSchema.CustomerPatch, { otherColumns: "ignore" }))
        const row = {
          cells: [
            ["customerId", "c-1"],
            ["email", "no@example.com"],
            ["Notes", "first, one"]
          ]
        }
        const dead = `${folder}/dead.ndjson`
        const right = first.map((letter) =>
          letter.record.format === "csv"
            ? { ...letter, record: { ...letter.record, value: "c-2,no@example.com,two" } }
            : letter
        )
        yield* fs.writeFileString(dead, right.map((letter) => `${JSON.stringify(letter)}\n`).join(""))
        const again = yield* lettersOf(CustomerFile.deadLetters(dead, ReachSchema.CustomerPatch))
        assert.deepStrictEqual(Object.fromEntries(again.map((letter) => [letter.key, letter.row as unknown])), {
          "c-1": row,
          "c-2": {
            cells: [
              ["customerId", "c-2"],
              ["email", "no@example.com"],
              ["Notes", "two"]
            ]
          }
        })
      })
    )
  )

  it.live("is all that is read again: a file without letters is read once", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const file = `${folder}/customers.csv`
        let opened = 0
        const counting: FileSystem.FileSystem = {
          ...fs,
          open: (path, options) =>
            Effect.suspend(() => {
              opened++
              return fs.open(path, options)
            })
        }
        for (const [email, times] of [
          ["yes@example.com", 1],
          ["no@example.com", 2]
        ] as const) {
          yield* fs.writeFileString(file, `customerId,email\nc-1,${email}\nc-2,${email}\n`)
          opened = 0
          yield* lettersOf(CustomerFile.read(file, ReachSchema.CustomerPatch)).pipe(
            Effect.provideService(FileSystem.FileSystem, counting)
          )
          assert.isAtLeast(opened, times)
          if (times === 1) assert.strictEqual(opened, 1)
        }
      })
    )
  )
})

const decodeLetter = Schema.decodeUnknownSync(DeadLetters.DeadLetter)
