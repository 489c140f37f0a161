import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Result, Schema, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import { Sandbox } from "../../src/sandbox/index.ts"
import { format } from "../../src/sync/books/SyncReport.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import * as PlacedCheckpoint from "../../src/sync/checkpoint/PlacedCheckpoint.ts"
import { type CustomerRecord, fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import type { Behaviour, Destination } from "../../src/sync/model/Destination.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as CrashWorld from "../support/CrashWorld.ts"

type Records = ReadonlyArray<CustomerRecord<ReachSchema.CustomerPatch>>

// Four records share a place, as those of one block of a file do.
const place = (offset: number) => {
  const first = offset - (offset % 4)
  return { offset: first, place: { key: [`c-${first}`, first] } }
}

const Place = Schema.Struct({ key: Schema.Tuple([Schema.String, Schema.Int]) })

const numbered = (count: number): Records =>
  Array.from({ length: count }, (_, offset) => ({
    _tag: "Valid",
    offset,
    line: offset + 2,
    position: place(offset),
    patch: { customerId: `c-${offset}`, lastName: `<${offset}>` }
  }))

/** A source that can be read from each place on, with what was read of it. */
const attached = (records: Records, fingerprint: { readonly [part: string]: string } = { source: "a.csv" }) => {
  const starts: Array<number> = []
  const read: Array<number> = []
  const stream = Source.make({
    fingerprint: Effect.succeed(fingerprint),
    place: Place,
    from: (position) =>
      Stream.suspend(() => {
        const start = position?.offset ?? 0
        starts.push(start)
        return Stream.fromIterable(records.filter(({ offset }) => offset >= start)).pipe(
          Stream.rechunk(4),
          Stream.tap(({ offset }) => Effect.sync(() => void read.push(offset)))
        )
      })
  })
  return { stream, starts, read }
}

const base = {
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: 5 }),
  rateLimit: RateLimitPolicy.unlimited(),
  settle: SettlePolicy.make({ firstPoll: "1 millis", maxInterval: "2 millis" }),
  checkpointEvery: 0,
  grace: 0
} as const

const inWorld = <A, E>(
  world: CrashWorld.World,
  effect: Effect.Effect<A, E, Sandbox.Sandbox | FileSystem.FileSystem | CrashWorld.Provided>
) =>
  effect.pipe(
    Effect.provide(world.client),
    Effect.provide(Sandbox.layer({ keepBodies: true, reach: { queue: { delay: "1 millis" } } })),
    Effect.provide(NodeServices.layer)
  )

const requests = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests)

describe("a checkpoint of another run", () => {
  it.live("is refused, with the names of what differs, and nothing is sent", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const options = { ...base, checkpoint: world.checkpoint }
        const { stream } = attached(numbered(40))
        yield* world.until((_, number) => number === 12, CustomerSync.run(options)(stream))
        const saved = world.saved()
        assert.isFalse(saved?.finished)
        const before = (yield* requests).length
        const others = [
          { parts: ["source"], run: CustomerSync.run(options)(attached(numbered(40), { source: "b.csv" }).stream) },
          {
            parts: ["schema"],
            run: CustomerSync.run(options)(attached(numbered(40), { source: "a.csv", schema: "x" }).stream)
          },
          {
            parts: ["destination", "settle"],
            run: CustomerSync.run({
              ...base,
              to: ReachDestination.patch(),
              checkpoint: world.checkpoint,
              settle: undefined,
              sameKey: "keep" as never
            })(stream)
          },
          {
            parts: ["options of the destination"],
            run: CustomerSync.run({ ...options, to: ReachDestination.batchPatch({ ignoreUnknownFields: true }) })(
              stream
            )
          },
          { parts: ["records of one key"], run: CustomerSync.run({ ...options, sameKey: "merge" })(stream) },
          { parts: ["settle"], run: CustomerSync.run({ ...options, settle: "accepted" })(stream) }
        ]
        for (const { parts, run } of others) {
          const stopped = yield* Effect.flip(run)
          const { reason, report } = stopped
          if (!(reason instanceof Checkpoint.CheckpointMismatch)) return assert.fail(stopped.message)
          assert.deepStrictEqual(
            reason.differences.map(({ part }) => part),
            parts
          )
          for (const part of parts) assert.include(stopped.message, part)
          assert.deepInclude(report, { read: 0, requests: 0, stopped: "CheckpointMismatch" })
        }
        assert.lengthOf(yield* requests, before)
        assert.strictEqual(world.saved(), saved, "it stands as it was")
      })
    )
  })

  it.live("that is torn, foreign or in use is refused, and nothing is sent", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dir = yield* fs.makeTempDirectoryScoped()
        const options = { ...base, checkpoint: Checkpoint.file(dir) }
        const patches = CrashWorld.named(
          fromPatches(Stream.fromIterable(numbered(20)).pipe(Stream.map(() => ({ customerId: "c" }))))
        )
        const path = `${dir}/checkpoint.ndjson`
        for (const [text, reason] of [
          ["my notes", "Foreign"],
          ["", "Empty"]
        ] as const) {
          yield* fs.writeFileString(path, text)
          const stopped = yield* Effect.flip(CustomerSync.run(options)(patches))
          assert.deepInclude(stopped.reason, { _tag: "CheckpointUnreadable", reason })
          assert.strictEqual(yield* fs.readFileString(path), text, "it is left as it is")
        }
        yield* fs.remove(path)
        const opened = yield* Deferred.make<void>()
        const first = yield* Effect.forkChild(
          CustomerSync.run(options)(
            CrashWorld.named(Stream.fromEffect(Effect.andThen(Deferred.succeed(opened, undefined), Effect.never)))
          )
        )
        yield* Deferred.await(opened)
        const whole = yield* fs.readFileString(path)
        const inUse = yield* Effect.flip(CustomerSync.run(options)(patches))
        assert.strictEqual(inUse.reason._tag, "CheckpointInUse")
        assert.deepInclude(inUse.report, { read: 0, requests: 0 })
        yield* Fiber.interrupt(first)
        yield* fs.writeFileString(path, whole.slice(0, -9))
        const torn = yield* Effect.flip(CustomerSync.run(options)(patches))
        assert.deepInclude(torn.reason, { _tag: "CheckpointUnreadable", reason: "Torn" })
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(Effect.scoped)
    )
  })

  it.live("that cannot be written from the start on: nothing is read, and nothing sent", () => {
    const world = CrashWorld.make()
    world.breakWrites(1)
    return inWorld(
      world,
      Effect.gen(function* () {
        const { read, stream } = attached(numbered(40))
        const stopped = yield* Effect.flip(CustomerSync.run({ ...base, checkpoint: world.checkpoint })(stream))
        assert.strictEqual(stopped.reason._tag, "CheckpointUnwritable")
        assert.deepStrictEqual([stopped.report.read, read, yield* requests], [0, [], []])
      })
    )
  })

  it.live("that breaks in the middle stops the run, which accounts for all that it read", () =>
    Effect.forEach([2, 3, 5, 8], (from) => {
      const world = CrashWorld.make()
      world.breakWrites(from)
      return inWorld(
        world,
        Effect.gen(function* () {
          const options = { ...base, checkpoint: world.checkpoint, grace: "5 seconds" as const }
          const { stream } = attached(numbered(60))
          const stopped = yield* Effect.flip(CustomerSync.run({ ...options, window: 3 })(stream))
          const { outcomes, read } = stopped.report
          assert.strictEqual(stopped.reason._tag, "CheckpointUnwritable")
          assert.strictEqual(
            Object.values(outcomes).reduce((sum, count) => sum + count, 0),
            read
          )
          assert.isAtMost(
            (yield* requests).filter(({ method }) => method === "PATCH").length,
            from + 3,
            "nothing new is sent"
          )
          world.breakWrites(Number.POSITIVE_INFINITY)
          const report = yield* CustomerSync.run(options)(stream)
          assert.deepInclude(report, { read: 60 })
          assert.strictEqual(report.outcomes.Applied, 60)
          const sandbox = yield* Sandbox.Sandbox
          assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 60)
        })
      )
    })
  )
})

describe("a run on a checkpoint", () => {
  it.live("that is finished reads nothing, sends nothing, and says so", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const options = { ...base, checkpoint: world.checkpoint }
        const { read, stream } = attached(numbered(12))
        const first = yield* CustomerSync.run(options)(stream)
        assert.strictEqual(first.nothingNew, undefined)
        const saved = world.saved()
        const sent = (yield* requests).length
        read.length = 0
        const report = yield* CustomerSync.run(options)(stream)
        assert.deepStrictEqual(read, [])
        assert.lengthOf(yield* requests, sent)
        const { outcomes, requests: asked, totals } = { ...first, totals: report }
        assert.deepInclude(totals, { read: 12, outcomes, requests: asked, checkpoint: 12, nothingNew: true })
        assert.isUndefined(report.firstOffset)
        assert.include(format(report), "nothing new")
        const named = Source.make({ ...stream, notes: () => [{ _tag: "NeverFound", field: "lastName", name: "name" }] })
        assert.isUndefined(
          (yield* CustomerSync.run(options)(named)).notes,
          "no name can be missing of what is not read"
        )
        assert.strictEqual(world.saved(), saved, "it is left as it is")
        assert.deepStrictEqual(yield* Stream.runCollect(CustomerSync.outcomes(options)(stream)), [])
      })
    )
  })

  it.live("reads from its place on, and what is done is not produced again", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const options = { ...base, checkpoint: world.checkpoint, concurrency: 1, window: 2 }
        const { read, starts, stream } = attached(numbered(60))
        let letThrough = 0
        yield* world.until((step) => step === "checkpoint" && ++letThrough === 14, CustomerSync.run(options)(stream))
        const { done, position, settling } = world.saved() ?? assert.fail("there is no checkpoint")
        if (typeof position === "number") return assert.fail("it has no place")
        assert.isAbove(position.offset, 10)
        assert.deepStrictEqual(position, place(position.offset))
        const sent = (yield* requests).length
        starts.length = 0
        read.length = 0
        const report = yield* CustomerSync.run(options)(stream)
        for (const start of starts) assert.strictEqual(start, position.offset)
        assert.isAtLeast(Math.min(...read), position.offset)
        assert.deepInclude(report, { read: 60, resumedFrom: position.offset })
        assert.strictEqual(report.outcomes.Applied, 60)
        assert.isAbove(done.length + settling.length, 0, "it was cut while something was under way")
        const again = (yield* requests).slice(sent).filter(({ method }) => method === "PATCH")
        assert.isAtMost(again.length, 12 - 2, "and not sent again")
      })
    )
  })

  it.live("is refused, and sends nothing, where its place is none of the source's any more", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const options = { ...base, checkpoint: world.checkpoint }
        const { stream } = attached(numbered(60))
        let writes = 0
        yield* world.until((step) => step === "checkpoint" && ++writes === 14, CustomerSync.run(options)(stream))
        const sent = (yield* requests).length
        const newer = Source.make({
          fingerprint: stream.fingerprint,
          place: Schema.Struct({ id: Schema.Int }),
          from: (): Stream.Stream<CustomerRecord<ReachSchema.CustomerPatch>> => Stream.die("it must not be read")
        })
        const { reason } = yield* Effect.flip(CustomerSync.run(options)(newer))
        const offset = PlacedCheckpoint.offsetOf(world.saved() ?? assert.fail("there is no checkpoint"))
        assert.isAbove(offset, 0)
        assert.deepStrictEqual(reason, new Source.SourcePlaceInvalid({ offset, from: "checkpoint" }))
        assert.strictEqual((yield* requests).length, sent)
      })
    )
  })

  it.live("that settles nothing takes what was accepted for done, and asks nobody", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const run = CustomerSync.run({ ...base, checkpoint: world.checkpoint, settle: "accepted", window: 1 })
        const { stream } = attached(numbered(20))
        let writes = 0
        // The first says that it begins, the second that a batch is accepted; the third would say it of the next one.
        yield* world.until((step) => step === "checkpoint" && ++writes === 3, run(stream))
        assert.deepInclude(world.saved(), { position: place(4), done: [[4, 5]], settling: [] })
        const report = yield* run(stream)
        assert.deepInclude(report.outcomes, { Accepted: 20, Unknown: 0 })
        assert.deepStrictEqual(
          (yield* requests).map(({ body = "" }) => JSON.parse(body).resources[0].customerId),
          ["c-0", "c-5", "c-5", "c-10", "c-15"]
        )
      })
    )
  })

  it.live("offsets that the source leaves out count as done, so that a checkpoint stays small", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const { stream } = attached(numbered(300).filter(({ offset }) => offset >= 20 && offset % 2 === 1))
        const report = yield* CustomerSync.run({ ...base, checkpoint: world.checkpoint })(stream)
        assert.deepInclude(report, { read: 140, checkpoint: 300 })
        const runs = world.history.map(({ done }) => done.length)
        assert.isAtMost(Math.max(...runs), 64 + 1)
        assert.isAbove(
          world.history.filter(({ position }) => typeof position !== "number" && position.offset > 100).length,
          3
        )
      })
    )
  })

  it.live("records out of order stop it, because it could not say how far it is", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const records = numbered(20)
        const { stream } = attached([...records.slice(0, 8), ...records.slice(9, 12), ...records.slice(8, 9)])
        const stopped = yield* Effect.flip(CustomerSync.run({ ...base, checkpoint: world.checkpoint })(stream))
        assert.deepInclude(stopped.reason, { _tag: "SourceOutOfOrder", offset: 8, after: 11 })
        assert.strictEqual(
          (yield* CustomerSync.run(base)(stream)).outcomes.Applied,
          12,
          "without one, any order is good"
        )
      })
    )
  })

  it.live("a source that lost what is under way stops it before anything is sent", () => {
    const world = CrashWorld.make()
    return inWorld(
      world,
      Effect.gen(function* () {
        const run = CustomerSync.run({ ...base, checkpoint: world.checkpoint })
        yield* world.until(
          (step) => step.startsWith("request GET"),
          run(CrashWorld.named(fromPatches(Stream.make({ customerId: "c" }))))
        )
        const before = (yield* requests).length
        const stopped = yield* Effect.flip(run(CrashWorld.named(Stream.empty)))
        assert.deepInclude(stopped.reason, { _tag: "SourceChanged", offset: 0 })
        assert.deepInclude(stopped.report, { read: 0 })
        assert.lengthOf(yield* requests, before)
        assert.lengthOf(world.saved()?.settling ?? [], 1, "and it is not forgotten")
      })
    )
  })
})

// Takes any batch at once.
const fake: Destination<{ readonly customerId: string }, Behaviour & { readonly acceptance: "applied" }> = {
  name: "fake",
  vendor: "Fake",
  tenant: undefined,
  behaviour: {
    acceptance: "applied",
    failureUnit: "batch",
    failures: "independent",
    writing: "merge",
    order: "none",
    resend: "safe"
  },
  maxRecords: 1000,
  envelope: ["[", "]"],
  key: ({ customerId }) => customerId,
  merge: (_, later) => later,
  encode: ({ customerId }) =>
    customerId === "bad"
      ? Result.fail([{ path: ["customerId"], message: "is bad" }])
      : Result.succeed(`"${customerId}"`),
  send: ({ records }) => Effect.as(Effect.yieldNow, { recordCount: records.length, batchId: undefined }),
  named: () => [],
  settle: () => Effect.succeed({ _tag: "Applied" }),
  fingerprint: ""
}

describe("the books of a run", () => {
  it.live("whoever takes the outcomes slowly slows down reading, also where all records are rejected", () =>
    Effect.gen(function* () {
      let read = 0
      const bad = Stream.forever(Stream.succeed({ customerId: "bad" })).pipe(
        Stream.tap(() =>
          Effect.sync(() => {
            read++
          })
        ),
        Stream.rechunk(10)
      )
      yield* CustomerSync.outcomes({ to: fake })(fromPatches(bad)).pipe(
        Stream.tap(() => Effect.sleep("100 millis")),
        Stream.take(1),
        Stream.runDrain
      )
      assert.isAtMost(read, 500)
    })
  )

  it.live("stay small however many records pass, rejected ones included", () =>
    Effect.gen(function* () {
      const world = CrashWorld.make()
      const count = 60_000
      // The first half is rejected, so that no batch goes out for long; in the second, every third has no record.
      const stream = Stream.range(0, count - 1).pipe(
        Stream.filter((offset) => offset < count / 2 || offset % 3 > 0),
        Stream.map(
          (offset): CustomerRecord<{ readonly customerId: string }> => ({
            _tag: "Valid",
            offset,
            line: undefined,
            position: { offset, place: offset },
            patch: { customerId: offset < count / 2 ? "bad" : `${offset}` }
          })
        ),
        Stream.rechunk(500)
      )
      let ahead = 0
      let most = 0
      yield* CustomerSync.outcomes({
        to: fake,
        batch: BatchPolicy.make({ maxRecords: 500 }),
        checkpoint: world.checkpoint,
        checkpointEvery: 0
      })(
        Source.tap(Source.make({ ...CrashWorld.named(stream), place: Schema.Int, from: () => stream }), () =>
          Effect.sync(() => {
            most = Math.max(most, ++ahead)
          })
        )
      ).pipe(
        Stream.runForEachArray((outcomes) =>
          Effect.sync(() => {
            ahead -= outcomes.length
          })
        )
      )
      assert.strictEqual(ahead, 0, "every record has its outcome")
      assert.isAtMost(most, 25_000, "what is read and has no outcome yet is bounded")
      const sizes = world.history.map((state) => JSON.stringify(state).length)
      assert.isAbove(sizes.length, 50)
      assert.isAtMost(Math.max(...sizes), 10_000, "a checkpoint, in bytes")
    })
  )
})
