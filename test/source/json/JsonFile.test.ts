/** JSON in files: by name, from a position on, after a crash, put right, and once more for dead letters. */
import { gzipSync } from "node:zlib"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, type Scope, Stream } from "effect"
import * as NodeDecompression from "../../../src/node/NodeDecompression.ts"
import * as BatchPolicy from "../../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as CustomerFile from "../../../src/source/CustomerFile.ts"
import * as RecordCount from "../../../src/source/RecordCount.ts"
import * as CustomerSync from "../../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../../src/sync/checkpoint/Checkpoint.ts"
import { destination } from "../../support/TakesAll.ts"
import { bytesOf, told, withoutPosition } from "../support.ts"

const Row = Schema.Struct({ id: Schema.String })

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `c-${from + index}`)

// Wide, so that a few make several blocks.
const elements = (some: ReadonlyArray<string>) => some.map((id) => `{"id":"${id}"${" ".repeat(300)}}`).join(",\n")

const inFolder = <A, E>(
  effect: (dir: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* effect(yield* fs.makeTempDirectoryScoped(), fs)
  }).pipe(Effect.scoped, Effect.provide([NodeDecompression.layer, NodeServices.layer]))

const collect = (file: string, options?: CustomerFile.FileOptions) =>
  Stream.runCollect(CustomerFile.read(file, Row, options))

describe("a JSON file", () => {
  it.live("is read by its name, also where it is compressed, or by its format", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        const text = `[${elements(["1", "2"])}]`
        yield* fs.writeFileString(`${dir}/a.JSON`, text)
        yield* fs.writeFileString(`${dir}/a.txt`, text)
        yield* fs.writeFile(`${dir}/a.json.gz`, gzipSync(text))
        const expected = [{ id: "1" }, { id: "2" }]
        assert.deepStrictEqual(told(yield* collect(`${dir}/a.JSON`)), expected)
        assert.deepStrictEqual(told(yield* collect(`${dir}/a.json.gz`)), expected)
        assert.deepStrictEqual(told(yield* collect(`${dir}/a.txt`, { format: "json" })), expected)
      })
    )
  )

  it.live("goes on from a position without a look at what stands before it, plain or compressed", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        const all = ids(0, 4000)
        const options = { records: "/data/customers" }
        const text = `{"data":{"count":1,"customers":[${elements(all)}]},"next":[]}`
        yield* fs.writeFileString(`${dir}/a.json`, text)
        yield* fs.writeFile(`${dir}/a.json.gz`, gzipSync(text))
        const records = yield* collect(`${dir}/a.json`, options)
        assert.deepStrictEqual(
          told(records),
          all.map((id) => ({ id }))
        )
        const { position } = records[3000] ?? assert.fail("there is none")
        assert.isDefined(position)
        assert.isTrue(position.offset > 0 && position.offset <= 3000)
        const rest = withoutPosition(records.slice(position.offset))
        assert.deepStrictEqual(
          withoutPosition(yield* collect(`${dir}/a.json.gz`, { ...options, from: position })),
          rest
        )
        const byte = Schema.decodeUnknownSync(CustomerFile.Place)(position.place).byte
        yield* fs.writeFile(`${dir}/a.json`, bytesOf(`${'"'.repeat(byte)}${text.slice(byte)}`))
        assert.deepStrictEqual(withoutPosition(yield* collect(`${dir}/a.json`, { ...options, from: position })), rest)
      })
    )
  )

  it.live("tells how many records it has, as far as it can", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        const text = `[${elements(ids(0, 4000))}]`
        yield* fs.writeFileString(`${dir}/a.json`, text)
        const { records, total } = RecordCount.watch(CustomerFile.read(`${dir}/a.json`, Row), { size: text.length })
        const totals = new Set<number | undefined>()
        yield* Stream.runForEach(records, () => Effect.sync(() => totals.add(total())))
        assert.strictEqual(total(), 4000)
        assert.isAbove(totals.size, 1)
        for (const some of totals) assert.isTrue(some === undefined || Math.abs(some - 4000) < 200, `${some}`)
      })
    )
  )

  it.live("that was read is read again for the rows of its dead letters", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        const pretty = JSON.stringify(
          ids(0, 9000).map((id) => ({ id, note: [id] })),
          null,
          2
        )
        yield* fs.writeFileString(`${dir}/a.json`, `{"x":[{}],"all":${pretty}}`)
        const source = CustomerFile.read(`${dir}/a.json`, Row, { records: "/all", otherColumns: "ignore" })
        const records = yield* Stream.runCollect(source)
        assert.isTrue(records.every(({ _tag }) => _tag === "Valid"))
        const some = [0, 7, 8999].map((offset) => records[offset] ?? assert.fail("there is none"))
        const rows = yield* source.rows?.(
          some.map(({ offset, position }) => ({ offset, position: position ?? assert.fail("it has no position") }))
        ) ?? assert.fail("there are no rows")
        assert.deepStrictEqual([...rows.keys()], [0, 7, 8999])
        const { line = "" } = Schema.decodeUnknownSync(Schema.Struct({ line: Schema.String }))(rows.get(7))
        assert.deepStrictEqual(JSON.parse(line), { id: "c-7", note: ["c-7"] })
        assert.include(pretty, line)
      })
    )
  )

  /** A file that is synced again and again with one checkpoint, and who was sent. */
  const synced = (dir: string, fs: FileSystem.FileSystem, records?: string) => {
    const sent: Array<string> = []
    let writes = 0
    return {
      sent,
      write: (text: string) =>
        Effect.andThen(
          fs.writeFileString(`${dir}/a.json`, text),
          Effect.suspend(() => fs.utimes(`${dir}/a.json`, 1000 + ++writes, 1000 + writes))
        ),
      run: (options: { readonly grown?: boolean; readonly batches?: number } = {}) => {
        const to = destination(sent)
        let left = options.batches ?? Number.POSITIVE_INFINITY
        return CustomerSync.run({
          batch: BatchPolicy.make({ maxRecords: 10 }),
          rateLimit: RateLimitPolicy.unlimited(),
          checkpointEvery: 0,
          to: { ...to, send: (outgoing) => (left-- > 0 ? to.send(outgoing) : Effect.interrupt) },
          concurrency: 1,
          grace: 0,
          checkpoint: Checkpoint.file(`${dir}/kept`)
        })(CustomerFile.read(`${dir}/a.json`, Row, { grown: options.grown, records }))
      }
    }
  }

  it.live("is gone on with after a crash, once for each customer", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        for (const [folder, records, text] of [
          ["array", undefined, `[${elements(ids(0, 3000))}]`],
          ["inside", "/a/b", `{"a":{"b":[${elements(ids(0, 3000))}],"c":{}}}`],
          ["both", undefined, `${elements(ids(0, 1500)).replaceAll(",\n", "\n")}[${elements(ids(1500, 3000))}]`]
        ] as const) {
          yield* fs.makeDirectory(`${dir}/${folder}`)
          const { run, sent, write } = synced(`${dir}/${folder}`, fs, records)
          yield* write(text)
          for (const batches of [180, 60]) {
            yield* Effect.exit(run({ batches }))
          }
          const report = yield* run()
          assert.strictEqual(report.read, 3000)
          // What was interrupted may have arrived.
          assert.deepStrictEqual([...new Set(sent)], ids(0, 3000))
          assert.isBelow(sent.length, 3050)
        }
      })
    )
  )

  it.live("that is broken is sent up to there, and gone on with once it is put right", () =>
    inFolder((dir, fs) =>
      Effect.gen(function* () {
        const { run, sent, write } = synced(dir, fs)
        const text = (broken: string) => `[${elements(ids(0, 25))},${broken},${elements(ids(26, 40))}]`
        yield* write(text('{"id":"c-25}'))
        const { reason } = yield* Effect.flip(run())
        assert.isTrue(reason instanceof Error && reason.message.includes("cannot be read on at line 25"), `${reason}`)
        assert.deepStrictEqual(sent, ids(0, 25))
        yield* write(text('{"id":"c-25"}'))
        yield* run({ grown: true })
        assert.deepStrictEqual(sent, ids(0, 40))
      })
    )
  )
})
