import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Senders from "../../src/policy/Senders.ts"
import * as TenantSync from "../../src/tenants/TenantSync.ts"
import * as TenantsReport from "../../src/tenants/TenantsReport.ts"
import { mostInWindow } from "../policy/Starts.ts"
import * as TenantWorld from "./TenantWorld.ts"

const options = (world: TenantWorld.World, more: object = {}) => ({
  key: ({ key }: TenantWorld.Tenant) => key,
  sync: world.sync,
  ...more
})

const tenants = (count: number, of: (index: number) => Partial<TenantWorld.Tenant> = () => ({})) =>
  Array.from({ length: count }, (_, index) => ({ key: `t-${index}`, records: 10, ...of(index) }))

const each = (records: number) => Array.from({ length: records }, (_, index) => `${index}`)

const sorted = (ids: ReadonlyArray<string>) => [...ids].sort((a, b) => Number(a) - Number(b))

/** Milliseconds from the first turn to the tenant's last record. */
const endOf = (world: TenantWorld.World, key: string) => (world.last(key) ?? 0) - (world.turns[0]?.at ?? 0)

const run = (world: TenantWorld.World, all: ReadonlyArray<TenantWorld.Tenant>, more = {}) =>
  Effect.provide(
    TenantWorld.inVirtualTime(TenantSync.run(options(world, more))(Stream.fromIterable(all))),
    Senders.layerApart
  )

describe("syncs of many tenants", () => {
  it.effect("bring every tenant to its end, no more at once than have a place", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const all = tenants(40)
      const report = yield* run(world, all, { concurrency: 4 })
      assert.strictEqual(world.most(), 4)
      assert.deepInclude(report.tenants, { Done: 40, Failed: 0, Waiting: 0, Running: 0 })
      assert.deepInclude(report.report, { read: 400, requests: 400 })
      assert.strictEqual(report.report.outcomes.Applied, 400)
      for (const { key } of all) assert.deepStrictEqual(sorted(world.ids(key)), each(10))
      assert.deepStrictEqual(
        report.each.map(({ read, turns }) => [read, turns]),
        all.map(() => [10, 1])
      )
      assert.deepStrictEqual(
        Schema.decodeUnknownSync(TenantsReport.TenantsReport)(JSON.parse(JSON.stringify(report))),
        report
      )
    })
  )

  it.effect("go on from the checkpoint in the next turn, and send nothing twice", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      // A minute of sending each, in turns of ten seconds.
      const all = tenants(3, () => ({ records: 60, limit: 1 }))
      const report = yield* run(world, all, { concurrency: 1, slice: "10 seconds" })
      for (const { key } of all) assert.deepStrictEqual(world.ids(key), each(60))
      assert.deepInclude(report.report, { read: 180, requests: 180 })
      assert.isAtLeast(Math.min(...report.each.map(({ turns }) => turns)), 5)
      const order = world.turns.map(({ tenant }) => tenant)
      assert.isUndefined(
        order.slice(0, 15).find((tenant, index) => tenant === order[index + 1]),
        "nobody has two turns in a row while others wait"
      )
      assert.isUndefined(report.report.stopped)
    })
  )

  it.effect("let a tenant go on while nobody waits for its place", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const report = yield* run(
        world,
        tenants(2, () => ({ records: 60, limit: 1 })),
        { concurrency: 2 }
      )
      assert.deepStrictEqual(
        report.each.map(({ turns }) => turns),
        [1, 1]
      )
    })
  )

  // A request of the slow one takes this long.
  const request = 5000
  const bad: ReadonlyArray<TenantWorld.Tenant> = [
    { key: "slow", records: 1000, latency: request },
    { key: "down", records: 10, refuse: TenantWorld.down },
    { key: "refused", records: 10, refuse: TenantWorld.limited },
    { key: "settling", records: 10, settles: 100_000 }
  ]
  for (const one of bad) {
    it.effect(`a tenant that is ${one.key} delays no other by more than one slice and a request in flight`, () =>
      Effect.gen(function* () {
        const good = tenants(20)
        const alone = TenantWorld.make()
        yield* run(alone, good, { concurrency: 2 })
        const world = TenantWorld.make()
        const stop = Effect.timeoutOption(
          TenantSync.run(options(world, { concurrency: 2 }))(Stream.fromIterable([one, ...good])),
          "1 minute"
        )
        yield* Effect.provide(TenantWorld.inVirtualTime(stop), Senders.layerApart)
        for (const { key } of good) {
          assert.deepStrictEqual(sorted(world.ids(key)), each(10), key)
          const delay = endOf(world, key) - endOf(alone, key)
          // Who only waits leaves its place after two seconds.
          assert.isAtMost(delay, one.key === "slow" ? 10_000 + request : 3 * 2000, key)
        }
      })
    )
  }

  it.effect("a tenant that fails stops no other, and the report says why", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const ends: Array<[string, string]> = []
      const report = yield* run(
        world,
        tenants(6, (index) => (index === 2 ? { refuse: TenantWorld.unauthorized } : {})),
        {
          concurrency: 2,
          onEnd: ({ exit, key }: TenantSync.End<TenantWorld.Tenant, unknown>) =>
            Effect.sync(() => void ends.push([key, exit._tag]))
        }
      )
      assert.deepInclude(report.tenants, { Done: 5, Failed: 1 })
      const [first] = report.each
      assert.deepInclude(first, { tenant: "t-2", state: "Failed", reason: "Unauthorized" })
      assert.strictEqual(ends.filter(([, tag]) => tag === "Success").length, 5)
      assert.deepInclude(ends, ["t-2", "Failure"])
      assert.strictEqual(
        report.report.read,
        report.each.reduce((sum, { read }) => sum + read, 0)
      )
      assert.match(TenantsReport.format(report), /^tenants: 5 done, 1 failed\n {2}t-2: Unauthorized\n/)
    })
  )

  it.effect("a defect is its tenant's own", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const sync = (tenant: TenantWorld.Tenant, turn: TenantSync.Turn) =>
        tenant.key === "t-1" ? Effect.die(new Error("a bug")) : world.sync(tenant, turn)
      const report = yield* run(world, tenants(4), { sync })
      assert.deepInclude(report.tenants, { Done: 3, Failed: 1 })
      assert.deepInclude(report.each[0], { tenant: "t-1", reason: "Defect", turns: 1 })
    })
  )

  it.effect("a tenant of which nothing moves for as long as patience ends, while others have work", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const report = yield* run(
        world,
        tenants(4, (index) => (index === 0 ? { refuse: TenantWorld.limited } : { limit: 1, records: 60 })),
        { concurrency: 1, patience: "1 minute" }
      )
      assert.deepInclude(report.each[0], { tenant: "t-0", state: "Failed", reason: "TenantStalled" })
      assert.deepInclude(report.tenants, { Done: 3, Failed: 1 })
      assert.isAtMost(report.each[0]?.turns ?? 0, 6, "it stands aside until its vendor takes something again")
    })
  )

  it.effect("what is accepted and settles for long fails nobody, and is sent once", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const report = yield* run(
        world,
        tenants(4, (index) => (index === 0 ? { settles: 100_000 } : { limit: 1, records: 60 })),
        { concurrency: 1, patience: "1 minute" }
      )
      assert.deepInclude(report.tenants, { Done: 4, Failed: 0 })
      assert.deepStrictEqual(sorted(world.ids("t-0")), each(10))
      assert.strictEqual(report.report.outcomes.Applied, 10 + 3 * 60)
    })
  )

  it.effect("a limit holds from one turn to the next", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      yield* run(
        world,
        tenants(8, () => ({ records: 20, limit: 7 })),
        { concurrency: 2, slice: "300 millis" }
      )
      for (let index = 0; index < 8; index++) {
        const starts = world.sent.filter(({ tenant }) => tenant === `t-${index}`).map(({ at }) => [at, 1] as const)
        assert.isAtMost(mostInWindow(starts, 1000), 7)
      }
    })
  )

  it.effect("each can be looked at while others run", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const running = yield* TenantSync.start(options(world, { concurrency: 2 }))(
        Stream.fromIterable(tenants(4, (index) => ({ records: index === 0 ? 10 : 1000 })))
      )
      yield* Effect.sleep("3 seconds")
      assert.deepInclude(yield* running.status("t-0"), { state: "Done", turns: 1 })
      const second = yield* running.status("t-1")
      assert.deepInclude(second, { state: "Running", turns: 1 })
      assert.isAtLeast(second?.report?.outcomes.Applied ?? 0, 20)
      assert.isUndefined(yield* running.status("nobody"))
      const report = yield* running.report
      assert.deepInclude(report.tenants, { Done: 1, Running: 2, Waiting: 1 })
      assert.isAtLeast(report.report.outcomes.Applied, 40)
    }).pipe(Effect.scoped, (run) => TenantWorld.inVirtualTime(run), Effect.provide(Senders.layerApart))
  )

  it.effect("an interrupted run ends at its checkpoints and reports; the next one does the rest", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const reports: Array<TenantsReport.TenantsReport> = []
      const all = tenants(6, () => ({ records: 30 }))
      const more = {
        concurrency: 2,
        onReport: (report: TenantsReport.TenantsReport) => Effect.sync(() => void reports.push(report))
      }
      const fiber = yield* Effect.forkChild(TenantSync.run(options(world, more))(Stream.fromIterable(all)))
      for (let step = 0; step < 45; step++) yield* TestClock.adjust(100)
      yield* TenantWorld.inVirtualTime(Fiber.interrupt(fiber))
      assert.lengthOf(reports, 1)
      assert.deepInclude(reports[0]?.tenants, { Done: 2, Stopped: 4, Running: 0, Waiting: 0 })
      const before = world.sent.length
      assert.isBelow(before, 180)
      assert.strictEqual(reports[0]?.report.outcomes.Applied, before)
      const report = yield* TenantWorld.inVirtualTime(TenantSync.run(options(world, more))(Stream.fromIterable(all)))
      assert.deepInclude(report.tenants, { Done: 6 })
      for (const { key } of all) assert.deepStrictEqual(sorted(world.ids(key)), each(30))
      assert.lengthOf(reports, 2)
    }).pipe(Effect.provide(Senders.layerApart))
  )

  it.effect("a tenant that comes again before it is done is not started twice", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const report = yield* run(world, [...tenants(3), ...tenants(3)], { concurrency: 8 })
      assert.deepInclude(report.tenants, { Done: 3 })
      assert.strictEqual(report.repeated, 3)
      assert.lengthOf(world.sent, 30)
    })
  )

  it.effect("no more tenants are taken out of the stream than are worked on", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      let taken = 0
      const endless = Stream.iterate(0, (index) => index + 1).pipe(
        Stream.rechunk(1),
        Stream.map((index) => {
          taken++
          return { key: `t-${index}`, records: 20, limit: 1 }
        })
      )
      const fiber = yield* Effect.forkChild(
        TenantSync.run(options(world, { concurrency: 3, slice: "1 hour" }))(endless)
      )
      for (let step = 0; step < 50; step++) yield* TestClock.adjust(100)
      assert.isAtMost(taken, 3 + 3 + 1)
      yield* TenantWorld.inVirtualTime(Fiber.interrupt(fiber))
    }).pipe(Effect.provide(Senders.layerApart))
  )

  it.effect("a stream of tenants that fails ends the run once those who came have ended", () =>
    Effect.gen(function* () {
      const world = TenantWorld.make()
      const some = Stream.concat(Stream.fromIterable(tenants(3)), Stream.fail("gone" as const))
      const exit = yield* Effect.flip(TenantWorld.inVirtualTime(TenantSync.run(options(world))(some)))
      assert.deepInclude(exit, { _tag: "TenantsStopped", reason: "gone" })
      assert.deepInclude(exit.report.tenants, { Done: 3 })
    }).pipe(Effect.provide(Senders.layerApart))
  )

  it.effect("what throws in onEnd stops the run", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        run(TenantWorld.make(), tenants(3), { onEnd: () => Effect.die(new Error("a bug of the app")) })
      )
      assert.match(`${Exit.isFailure(exit) && exit.cause}`, /a bug of the app/)
    })
  )
})

describe("the folder of a tenant", () => {
  it("is one name inside its parent, whatever the key, and no other key's", () => {
    const keys = ["acme", "a/b", "..", ".", "", "%", "%2E", "a\\b", "ä", "A b", "\ud800", ".hidden", "con:1"]
    const folders = keys.map((key) => TenantSync.folder("/data", key))
    for (const folder of folders) assert.match(folder, /^\/data\/[^./\\:][^/\\:]*$/)
    assert.strictEqual(new Set(folders).size, keys.length)
    assert.strictEqual(folders[0], "/data/acme")
  })
})
