import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, type Scope } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as FileBeginning from "../../src/source/FileBeginning.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import { destination } from "../support/TakesAll.ts"

const Row = Schema.Struct({ id: Schema.String })

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `c-${from + index}`)
const csv = (ids: ReadonlyArray<string>) => `id\n${ids.map((id) => `${id}\n`).join("")}`

const base = { batch: BatchPolicy.make({ maxRecords: 10 }), rateLimit: RateLimitPolicy.unlimited(), checkpointEvery: 0 }

const inFolder = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  Effect.provide(Effect.scoped(effect), NodeServices.layer)

/** A file that is synced again and again with one checkpoint, and who was sent. */
const nightly = (name: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const dir = yield* fs.makeTempDirectoryScoped()
    const file = `${dir}/${name}`
    const sent: Array<string> = []
    const checkpoint = Checkpoint.file(`${dir}/kept`)
    const afresh: Checkpoint.Checkpoint<FileSystem.FileSystem, "safe"> = Checkpoint.fresh(checkpoint)
    let writes = 0
    return {
      sent,
      checkpoint,
      // Each version is changed at another time, whatever the file system's clock.
      write: (text: string | Uint8Array) =>
        Effect.andThen(
          typeof text === "string" ? fs.writeFileString(file, text) : fs.writeFile(file, text),
          Effect.suspend(() => fs.utimes(file, 1000 + ++writes, 1000 + writes))
        ),
      run: (options: { readonly grown?: boolean; readonly fresh?: boolean; readonly batches?: number } = {}) => {
        const to = destination(sent)
        let left = options.batches ?? Number.POSITIVE_INFINITY
        return CustomerSync.run({
          ...base,
          to: { ...to, send: (outgoing) => (left-- > 0 ? to.send(outgoing) : Effect.interrupt) },
          concurrency: 1,
          grace: 0,
          checkpoint: options.fresh ? afresh : checkpoint
        })(CustomerFile.read(file, Row, { grown: options.grown }))
      }
    }
  })

/** The parts that a run was refused for. */
const refusal = <A, E, R>(run: Effect.Effect<A, CustomerSync.SyncStopped<E>, R>) =>
  Effect.map(Effect.flip(run), ({ reason }) =>
    reason instanceof Checkpoint.CheckpointMismatch
      ? Object.fromEntries(reason.differences.map(({ is, part }) => [part, is]))
      : assert.fail(`it was not refused as another file, but for ${String(reason)}`)
  )

describe("a file that grew", () => {
  for (const [name, text] of [
    ["a.csv", csv],
    ["a.ndjson", (ids: ReadonlyArray<string>) => ids.map((id) => `${JSON.stringify({ id })}\n`).join("")]
  ] as const) {
    it.live(`goes on behind what was read, once or again and again, and not unless asked: ${name}`, () =>
      inFolder(
        Effect.gen(function* () {
          const { run, sent, write } = yield* nightly(name)
          yield* write(text(ids(0, 25)))
          yield* run()
          yield* write(text(ids(0, 40)))
          assert.hasAllKeys(yield* refusal(run()), ["size of the source", "last change of the source"])
          const grown = yield* run({ grown: true })
          assert.deepInclude(grown, { read: 40, lastOffset: 39 })
          assert.deepStrictEqual(sent, ids(0, 40))
          assert.isTrue((yield* run({ grown: true })).nothingNew)
          for (const size of [41, 41, 90]) {
            yield* write(text(ids(0, size)))
            yield* run({ grown: true })
            assert.deepStrictEqual(sent, ids(0, size))
          }
        })
      )
    )
  }

  it.live("goes on behind what was read where the run before it was cut off at any batch", () =>
    inFolder(
      Effect.gen(function* () {
        for (const batches of [0, 1, 2, 4]) {
          const { run, sent, write } = yield* nightly("a.csv")
          yield* write(csv(ids(0, 45)))
          yield* Effect.exit(run({ batches }))
          yield* write(csv(ids(0, 60)))
          yield* run({ grown: true })
          assert.deepStrictEqual([...new Set(sent)].sort(), ids(0, 60).sort())
        }
      })
    )
  )

  it.live("of many blocks may have changed behind the block that a run was cut off in, and nowhere before", () =>
    inFolder(
      Effect.gen(function* () {
        const long = (ids: ReadonlyArray<string>) => ids.map((id) => `${id}-${"x".repeat(1000)}`)
        const { checkpoint, run, sent, write } = yield* nightly("a.csv")
        const was = long(ids(0, 3000))
        yield* write(csv(was))
        yield* Effect.exit(run({ batches: 40 }))
        const { counts, position, proof } = yield* Effect.flatMap(checkpoint.read, Effect.fromOption)
        if (typeof position === "number") return assert.fail("it has no place")
        assert.isAtLeast(counts.read, 300)
        assert.match(proof ?? "", /^sha-256\/256k \d+ [0-9a-f]{64}$/, "it is not of the end of the file")
        yield* write(csv(["c-other", ...was.slice(1)]))
        assert.include(yield* refusal(run({ grown: true })), { "what was read of the source": "changed" })
        const is = [...was.slice(0, 2900), "c-corrected", ...was.slice(2901), ...long(ids(3000, 3100))]
        yield* write(csv(is))
        yield* run({ grown: true })
        assert.sameMembers([...new Set(sent)], is)
      })
    )
  )

  it.live("is refused where one byte of what was read has changed, whatever its size and time", () =>
    inFolder(
      Effect.gen(function* () {
        const was = csv(ids(0, 25))
        for (const [is, standing] of [
          [csv(["c-9", ...ids(1, 40)]), "changed"],
          [was.replace("c-12", "d-12"), "changed"],
          [was.replace("id", "Id"), "changed"],
          [`${was.slice(0, -3)}5\nc-25\n`, "changed"],
          [csv(ids(0, 20)), "longer than the source"],
          ["", "longer than the source"]
        ] as const) {
          const { run, sent, write } = yield* nightly("a.csv")
          yield* write(was)
          yield* run()
          yield* write(is)
          assert.include(yield* refusal(run({ grown: true })), { "what was read of the source": standing })
          assert.deepStrictEqual(sent, ids(0, 25), "nothing was sent")
        }
      })
    )
  )

  it.live("is refused where its last row had no end, and goes on", () =>
    inFolder(
      Effect.gen(function* () {
        const { run, sent, write } = yield* nightly("a.csv")
        yield* write("id\nc-1\nc-2")
        yield* run()
        yield* write("id\nc-1\nc-23\n")
        assert.include((yield* refusal(run({ grown: true })))["what was read of the source"], "its last row")
        yield* write("id\nc-1\nc-2\nc-3\n")
        yield* run({ grown: true })
        assert.deepStrictEqual(sent, ["c-1", "c-2", "c-3"])
      })
    )
  )

  it.live("is refused with other options, as it is without them", () =>
    inFolder(
      Effect.gen(function* () {
        const { checkpoint, run, sent, write } = yield* nightly("a.csv")
        yield* write(csv(ids(0, 5)))
        yield* run()
        yield* write(csv(ids(0, 9)))
        const to = { ...destination(sent), fingerprint: "another tenant" }
        const dir = (yield* Effect.flatMap(checkpoint.read, Effect.fromOption)).fingerprint.source ?? ""
        const other = CustomerSync.run({ ...base, to, checkpoint })(CustomerFile.read(dir, Row, { grown: true }))
        assert.hasAnyKeys(yield* refusal(other), ["options of the destination"])
        assert.deepStrictEqual(sent, ids(0, 5))
      })
    )
  )
})

describe("a new file under the old name", () => {
  it.live("is read from its start with Checkpoint.fresh, and the same file goes on where it was", () =>
    inFolder(
      Effect.gen(function* () {
        const { run, sent, write } = yield* nightly("a.csv")
        yield* write(csv(ids(0, 30)))
        yield* Effect.exit(run({ fresh: true, batches: 2 }))
        assert.lengthOf(sent, 20)
        const report = yield* run({ fresh: true })
        assert.deepInclude(report, { read: 30 })
        assert.deepStrictEqual(sent, ids(0, 30))
        assert.isTrue((yield* run({ fresh: true })).nothingNew)
        yield* write(csv(ids(100, 130)))
        yield* refusal(run())
        const next = yield* run({ fresh: true })
        assert.deepInclude(next, { read: 30, firstOffset: 0 })
        assert.isUndefined(next.resumedFrom)
        assert.deepStrictEqual(sent, [...ids(0, 30), ...ids(100, 130)])
      })
    )
  )
})

describe("what shows how a file begins", () => {
  it.live("is the same whether it was made at once or bit by bit, and is of every byte", () =>
    inFolder(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/a.csv`
        const piece = 256 * 1024
        const bytes = Uint8Array.from({ length: 2 * piece + 1000 }, (_, index) => (index * 7 + (index >> 8)) % 251)
        yield* fs.writeFile(file, bytes)
        const grown = FileBeginning.make(file)
        for (const size of [0, 1, 999, piece - 1, piece, piece + 1, piece + 1, 5, 2 * piece, bytes.length]) {
          const proof = yield* grown.proof(fs, size, false)
          assert.strictEqual(proof, yield* FileBeginning.make(file).proof(fs, size, false))
          assert.strictEqual(yield* FileBeginning.check(fs, file, proof), "goes on")
          for (const at of [0, size >> 1, size - 1]) {
            if (at < 0 || at >= size) continue
            const other = `${file}.other`
            yield* fs.writeFile(
              other,
              bytes.map((byte, index) => (index === at ? byte + 1 : byte))
            )
            assert.strictEqual(yield* FileBeginning.check(fs, other, proof), "changed", `${at} of ${size}`)
          }
        }
        assert.isUndefined(yield* grown.proof(fs, bytes.length + 1, false))
        for (const proof of [undefined, "", "md5 5 abc"]) {
          assert.strictEqual(yield* FileBeginning.check(fs, file, proof), "not known")
        }
      })
    )
  )
})
