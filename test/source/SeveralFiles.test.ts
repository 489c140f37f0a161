import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, type Scope, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as RecordCount from "../../src/source/RecordCount.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as Plan from "../../src/sync/Plan.ts"
import * as Encode from "../../src/sync/record/Encode.ts"
import * as Source from "../../src/sync/record/Source.ts"
import { destination } from "../support/TakesAll.ts"
import { withoutPosition } from "./support.ts"

const Row = Schema.Struct({ id: Schema.String })

const csv = (ids: ReadonlyArray<string>) => `id\n${ids.map((id) => `${id}\n`).join("")}`
const ndjson = (ids: ReadonlyArray<string>) => ids.map((id) => `${JSON.stringify({ id })}\n`).join("")

/** A folder with files in it, and their paths by name. */
const folder = (files: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const dir = yield* fs.makeTempDirectoryScoped()
    for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${dir}/${name}`, text)
    return { dir, path: (name: string) => `${dir}/${name}` }
  })

const inFolder = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  Effect.provide(Effect.scoped(effect), NodeServices.layer)

const read = <S extends Schema.ConstraintDecoder<unknown>>(dir: string, schema: S, ...names: ReadonlyArray<string>) =>
  Source.concat(names.map((name) => ({ name, source: CustomerFile.read(`${dir}/${name}`, schema) })))

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

const base = { batch: BatchPolicy.make({ maxRecords: 10 }), rateLimit: RateLimitPolicy.unlimited(), checkpointEvery: 0 }

describe("several files as one source", () => {
  it.live(
    "are read in their order, each by its own format; offsets go on, lines start again, positions name the file",
    () =>
      inFolder(
        Effect.gen(function* () {
          const { dir } = yield* folder({
            "b.csv": csv(["1", "2"]),
            "a.ndjson": ndjson(["3"]),
            "c.csv": csv([]),
            "d.csv": csv(["4"])
          })
          const records = yield* Stream.runCollect(read(dir, Row, "b.csv", "a.ndjson", "c.csv", "d.csv"))
          assert.deepStrictEqual(
            records.map(({ line, offset, position }) => [offset, position?.source, line]),
            [
              [0, "b.csv", 2],
              [1, "b.csv", 3],
              [2, "a.ndjson", 1],
              [3, "d.csv", 2]
            ]
          )
          const one = yield* Stream.runCollect(read(dir, Row, "b.csv"))
          assert.deepStrictEqual(one, yield* Stream.runCollect(CustomerFile.read(`${dir}/b.csv`, Row)))
        })
      )
  )

  it.live("are the same from each position on, also where they are copied from bytes to bytes", () =>
    inFolder(
      Effect.gen(function* () {
        const long = "x".repeat(900)
        const rows = (prefix: string, count: number) =>
          `customerId,lastName\n${ids(prefix, count)
            .map((id, index) => `${id},${index % 50 === 7 ? `"a ""${id}"""` : long}\n`)
            .join("")}`
        const lines = ids("n", 500)
          .map((customerId) => `${JSON.stringify({ customerId, lastName: long })}\n`)
          .join("")
        const { dir } = yield* folder({ "a.csv": rows("a", 700), "b.ndjson": lines, "c.csv": rows("c", 700) })
        const to = ReachDestination.batchPatch()
        const source = () => read(dir, ReachSchema.CustomerPatch, "a.csv", "b.ndjson", "c.csv")
        const encoder = () => Encode.encoder(BatchPolicy.make(), to)
        const collect = <E, R>(stream: Stream.Stream<Encode.Encoded<ReachSchema.CustomerPatch>, E, R>) =>
          Effect.map(Stream.runCollect(stream), (all) =>
            all.map((record) => ({
              offset: record.offset,
              line: record.line,
              key: record._tag === "Skipped" ? undefined : record.key,
              source: record.position?.source,
              json: Encode.isSendable(record) ? record.json : record._tag === "Skipped" || record.outcome.reason
            }))
          )
        const itself = source().encoded?.(encoder())
        if (itself === undefined) return assert.fail("it does not encode its records itself")
        const expected = yield* collect(Source.encoded({ from: source().from }, encoder())(undefined))
        assert.lengthOf(expected, 1900)
        assert.deepStrictEqual(
          expected.map(({ offset }) => offset),
          expected.map((_, index) => index)
        )
        assert.deepStrictEqual(yield* collect(itself(undefined)), expected)
        const all = yield* Stream.runCollect(source())
        const positions = new Set(all.map(({ position }) => position))
        assert.isAtLeast(positions.size, 6)
        for (const position of positions) {
          if (position === undefined) return assert.fail("a record without a position")
          const rest = yield* Stream.runCollect(source().from(position))
          assert.deepStrictEqual(withoutPosition(rest), withoutPosition(all.slice(position.offset)))
          const again = source().encoded?.(encoder())?.(position)
          if (again === undefined) return assert.fail("it does not encode its records itself")
          assert.deepStrictEqual(yield* collect(again), expected.slice(position.offset))
        }
      })
    )
  )

  it.live("a run that stops in any file goes on there; outcomes, letters and the plan name the file", () =>
    inFolder(
      Effect.gen(function* () {
        const files = { "a.csv": csv(ids("a", 50)), "b.ndjson": ndjson(ids("b", 50)), "c.csv": csv(ids("c", 50)) }
        const { dir } = yield* folder(files)
        const names = Object.keys(files)
        const everyone = [...ids("a", 50), ...ids("b", 50), ...ids("c", 50)]
        for (const batches of [0, 3, 5, 7, 12]) {
          const sent: Array<string> = []
          const letters = DeadLetters.memory()
          const options = { ...base, checkpoint: Checkpoint.file(`${dir}/kept ${batches}`), deadLetters: letters }
          const to = destination(sent, ["b-7"])
          let left = batches
          const cut: typeof to = { ...to, send: (outgoing) => (left-- > 0 ? to.send(outgoing) : Effect.interrupt) }
          yield* Effect.exit(
            CustomerSync.run({ ...options, to: cut, grace: 0, concurrency: 1 })(read(dir, Row, ...names))
          )
          const outcomes = yield* Stream.runCollect(CustomerSync.outcomes({ ...options, to })(read(dir, Row, ...names)))
          assert.deepStrictEqual(sent.sort(), everyone.filter((id) => id !== "b-7").sort())
          for (const { offset, source } of outcomes) assert.strictEqual(source, names[Math.floor(offset / 50)])
          assert.lengthOf(letters.letters, 1)
          assert.deepInclude(letters.letters[0], { offset: 57, source: "b.ndjson", line: 8, key: "b-7" })
        }
        const plan = yield* Plan.make({ to: destination([], ["b-7"]) })(read(dir, Row, ...names))
        assert.include(Plan.format(plan), "line 8 of b.ndjson: ")
      })
    )
  )

  it.live("a checkpoint takes files that were added at the end, and no other list", () =>
    inFolder(
      Effect.gen(function* () {
        const { dir } = yield* folder({ "a.csv": csv(["1", "2"]), "b.csv": csv(["3"]), "c.ndjson": ndjson(["4", "5"]) })
        const sent: Array<string> = []
        const run = (...names: ReadonlyArray<string>) =>
          CustomerSync.run({ ...base, to: destination(sent), checkpoint: Checkpoint.file(`${dir}/kept`) })(
            read(dir, Row, ...names)
          )
        assert.strictEqual((yield* run("a.csv")).read, 2)
        // From one file to two, too.
        const second = yield* run("a.csv", "b.csv")
        assert.deepInclude(second, { read: 3, resumedFrom: 0 })
        assert.deepStrictEqual(sent, ["1", "2", "3"])
        for (const [names, part] of [
          [["a.csv"], "source 2"],
          [["b.csv", "a.csv"], "source"],
          [["a.csv", "c.ndjson"], "source 2"],
          [["a.csv", "c.ndjson", "b.csv"], "source 2"]
        ] as const) {
          const { reason } = yield* Effect.flip(run(...names))
          if (!(reason instanceof Checkpoint.CheckpointMismatch)) return assert.fail(`${names.join()} were taken`)
          assert.include(
            reason.differences.map(({ part }) => part),
            part
          )
        }
        assert.strictEqual((yield* run("a.csv", "b.csv", "c.ndjson")).read, 5)
        assert.isTrue((yield* run("a.csv", "b.csv", "c.ndjson")).nothingNew)
        assert.deepStrictEqual(sent, ["1", "2", "3", "4", "5"])
      })
    )
  )

  it.live("that are changed by a function go on as well where files were added", () =>
    inFolder(
      Effect.gen(function* () {
        const { dir } = yield* folder({ "a.csv": csv(["1"]), "b.csv": csv(["2"]) })
        const sent: Array<string> = []
        const run = (...names: ReadonlyArray<string>) =>
          CustomerSync.run({ ...base, to: destination(sent), checkpoint: Checkpoint.file(`${dir}/kept`) })(
            Source.map(read(dir, Row, ...names), "primed", ({ id }) => ({ id: `${id}'` }))
          )
        yield* run("a.csv")
        yield* run("a.csv", "b.csv")
        assert.deepStrictEqual(sent, ["1'", "2'"])
      })
    )
  )

  it.live("that are none, come twice, or have no places are refused", () =>
    inFolder(
      Effect.gen(function* () {
        const { dir } = yield* folder({ "a.csv": csv(["1"]) })
        const stream = Source.withFingerprint(fromPatches(Stream.make({ id: "1" })), { source: "a stream" })
        for (const source of [
          read(dir, Row),
          read(dir, Row, "a.csv", "a.csv"),
          Source.concat([{ name: "a stream", source: stream }])
        ]) {
          const error = yield* Effect.flip(Stream.runCollect(source))
          assert.deepInclude(error, { _tag: "InvalidConfiguration", option: "sources" } as const)
          assert.deepStrictEqual(yield* Effect.flip(source.fingerprint), error)
        }
      })
    )
  )

  it.live("are estimated by the bytes of all of them", () =>
    inFolder(
      Effect.gen(function* () {
        const text = csv(ids("a-customer-with-a-long-name", 20_000))
        const { dir } = yield* folder({ "a.csv": text, "b.csv": text })
        const size = new Map([
          ["a.csv", text.length],
          ["b.csv", text.length]
        ])
        const { records, total } = RecordCount.watch(read(dir, Row, "a.csv", "b.csv"), { size })
        const estimates: Array<number> = []
        yield* Stream.runForEach(records, ({ offset }) =>
          Effect.sync(() => {
            if (offset % 1000 === 999) estimates.push(total() ?? 0)
          })
        )
        assert.strictEqual(total(), 40_000)
        const later = estimates.filter((estimate) => estimate > 0)
        assert.isAtLeast(later.length, 10)
        for (const estimate of later) assert.closeTo(estimate, 40_000, 2000)
      })
    )
  )
})
