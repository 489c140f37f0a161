import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../../src/reach/ReachSchema.ts"
import { Sandbox } from "../../../src/sandbox/index.ts"
import * as CustomerFile from "../../../src/source/CustomerFile.ts"
import type { CustomerFileError } from "../../../src/source/read/CustomerFileError.ts"
import * as DeadLetters from "../../../src/sync/books/DeadLetters.ts"
import * as CustomerSync from "../../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../../src/sync/checkpoint/Checkpoint.ts"
import { fromPatches } from "../../../src/sync/model/CustomerRecord.ts"
import * as Source from "../../../src/sync/record/Source.ts"
import * as CrashWorld from "../../support/CrashWorld.ts"

const csv = (prefix: string) =>
  ["customerId,lastName", ...Array.from({ length: 10 }, (_, row) => `${prefix}-${row},Ø`), ""].join("\n")

type Patch = ReachSchema.CustomerPatch
type File = Source.Source<Patch, CustomerFileError, FileSystem.FileSystem>

/** What an app makes of a file on its way into a run. */
const piped: { readonly [name in "filter" | "map" | "otherMap" | "tap"]: (file: File) => File } = {
  tap: Source.tap(() => Effect.void),
  map: Source.map("upper case", (patch) => ({ ...patch, lastName: patch.lastName?.toUpperCase() ?? "" })),
  filter: Source.filter("even ones", ({ customerId }) => Number(customerId.slice(2)) % 2 === 0),
  otherMap: Source.map("lower case", (patch) => ({ ...patch, lastName: patch.lastName?.toLowerCase() ?? "" }))
}

const inFolder = <A, E>(
  use: (
    folder: string,
    world: CrashWorld.World
  ) => Effect.Effect<A, E, Sandbox.Sandbox | FileSystem.FileSystem | CrashWorld.Provided>
) => {
  const world = CrashWorld.make()
  return Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    for (const name of ["a", "b"]) yield* fs.writeFileString(`${folder}/${name}.csv`, csv(name))
    return yield* use(folder, world)
  }).pipe(
    Effect.scoped,
    Effect.provide(world.client),
    Effect.provide(Sandbox.layer()),
    Effect.provide(NodeServices.layer)
  )
}

const options = (world: CrashWorld.World) =>
  ({
    to: ReachDestination.batchPatch(),
    rateLimit: RateLimitPolicy.unlimited(),
    settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "2 millis" }),
    checkpoint: world.checkpoint,
    checkpointEvery: 0,
    grace: 0
  }) as const

const read = (folder: string, name: string) => CustomerFile.read(`${folder}/${name}.csv`, ReachSchema.CustomerPatch)

const patchesIn = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ requests }) => requests),
  (requests) => requests.filter(({ method }) => method === "PATCH").length
)

describe("a source that was piped", () => {
  for (const name of ["tap", "map", "filter"] as const) {
    it.live(`through ${name} is still told from another one`, () =>
      inFolder((folder, world) =>
        Effect.gen(function* () {
          const run = (file: string) => piped[name](read(folder, file)).pipe(CustomerSync.run(options(world)))
          const report = yield* run("a")
          assert.strictEqual(report.outcomes.Applied, name === "filter" ? 5 : 10)
          assert.isTrue((yield* run("a")).nothingNew)
          const before = yield* patchesIn
          const stopped = yield* Effect.flip(run("b"))
          const { reason } = stopped
          if (!(reason instanceof Checkpoint.CheckpointMismatch)) return assert.fail(stopped.message)
          assert.include(
            reason.differences.map(({ part }) => part),
            "source"
          )
          assert.strictEqual(yield* patchesIn, before)
        })
      )
    )
  }

  it.live("through a change of another name is another one, and so is one without, or in another order", () =>
    inFolder((folder, world) =>
      Effect.gen(function* () {
        const run = CustomerSync.run(options(world))
        const file = read(folder, "a")
        yield* run(piped.filter(piped.map(file)))
        for (const other of [
          piped.filter(piped.otherMap(file)),
          piped.map(piped.filter(file)),
          piped.map(file),
          file
        ]) {
          assert.strictEqual((yield* Effect.flip(run(other))).reason._tag, "CheckpointMismatch")
        }
        assert.isTrue((yield* run(piped.filter(piped.map(piped.tap(file))))).nothingNew)
      })
    )
  )

  it.live("sends what it was changed to, and goes on where it was cut", () =>
    inFolder((folder, world) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const source = piped.filter(piped.map(read(folder, "a")))
        const seen: Array<number> = []
        const run = CustomerSync.run(options(world))(
          Source.tap(source, ({ offset }) => Effect.sync(() => void seen.push(offset)))
        )
        assert.strictEqual(yield* world.until((step) => step.startsWith("answer PATCH"), run), "cut")
        const report = yield* run
        assert.deepInclude(report, { read: 5 })
        assert.deepStrictEqual(seen.slice(0, 5), [0, 2, 4, 6, 8])
        const customers = yield* sandbox.reachCustomers("acme")
        assert.deepStrictEqual([...customers.keys()].toSorted(), ["a-0", "a-2", "a-4", "a-6", "a-8"])
      })
    )
  )

  it.live("through a combinator of Stream has no name any more: with a checkpoint it is refused", () =>
    inFolder((folder, world) =>
      Effect.gen(function* () {
        const plain = read(folder, "a").pipe(Stream.tap(() => Effect.void))
        assert.isFalse(Source.isSource(plain))
        // @ts-expect-error a stream does not say what it is
        const run = CustomerSync.run(options(world))(plain)
        const stopped = yield* Effect.flip(run)
        assert.deepInclude(stopped, { _tag: "SyncStopped" })
        assert.include(String((stopped as Error).message), "Source.withFingerprint")
        assert.strictEqual(yield* patchesIn, 0)
        const { checkpoint: _, ...others } = options(world)
        const report = yield* CustomerSync.run(others)(plain)
        assert.strictEqual(report.outcomes.Applied, 10)
      })
    )
  )

  it.live("through a function that throws rejects the record, and not the run", () =>
    inFolder((folder, world) =>
      Effect.gen(function* () {
        const letters = DeadLetters.memory()
        const fails = (at: string) => (patch: Patch) => {
          if (patch.customerId === at) throw new TypeError("a-3 is bad")
          return patch
        }
        const report = yield* read(folder, "a").pipe(
          Source.map("checked", fails("a-3")),
          Source.filter("checked", (patch) => fails("a-5")(patch) !== undefined),
          CustomerSync.run({ ...options(world), deadLetters: letters })
        )
        assert.deepInclude(report.outcomes, { Applied: 8, Rejected: 2 })
        assert.deepStrictEqual(
          letters.letters.map(({ offset, reason: { message } }) => ({ offset, message })),
          [
            { offset: 3, message: 'The map "checked" failed for this record (TypeError)' },
            { offset: 5, message: 'The filter "checked" failed for this record (TypeError)' }
          ]
        )
      })
    )
  )

  it.live("a stream is a source once it was given a name", () =>
    inFolder((_, world) =>
      Effect.gen(function* () {
        const customers = fromPatches(Stream.make({ customerId: "c-1" }))
        const run = CustomerSync.run(options(world))
        yield* run(Source.withFingerprint(customers, { query: "one" }))
        const stopped = yield* Effect.flip(run(Source.withFingerprint(customers, { query: "two" })))
        assert.include(stopped.message, 'query was "one" and is "two"')
      })
    )
  )
})
