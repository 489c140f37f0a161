import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import {
  Context,
  Cron,
  DateTime,
  Deferred,
  Effect,
  Exit,
  Layer,
  Option,
  Redacted,
  Result,
  Schema,
  Stream
} from "effect"
import * as ClusterCron from "effect/cluster/ClusterCron"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import * as SingleRunner from "effect/cluster/SingleRunner"
import * as SqlClient from "effect/sql/SqlClient"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import * as Runs from "../../src/cluster/Runs.ts"
import * as SyncWorkflow from "../../src/cluster/SyncWorkflow.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as CustomerQuery from "../../src/sql/CustomerQuery.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"
import type * as Destination from "../../src/sync/model/Destination.ts"
import * as Source from "../../src/sync/record/Source.ts"
import * as Postgres from "../support/Postgres.ts"

class Server extends Context.Service<Server, Postgres.Server>()("Server") {}

const database = Layer.unwrap(Effect.map(Server, ({ url }) => PgClient.layer({ url: Redacted.make(url) }))).pipe(
  Layer.provideMerge(Layer.effect(Server, Postgres.make))
)

const Customer = Schema.Struct({ customerId: Schema.String })

const taking = (takes: number) => {
  const sent: Array<string> = []
  const to: Destination.Destination<
    { readonly customerId: string },
    Destination.Behaviour & { readonly acceptance: "applied" }
  > = {
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
    encode: ({ customerId }) => Result.succeed(JSON.stringify({ customerId })),
    send: ({ records }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(takes)
        for (const { key } of records) sent.push(key)
        return { recordCount: records.length, batchId: undefined }
      }),
    named: () => [],
    settle: () => Effect.succeed({ _tag: "Applied" }),
    fingerprint: ""
  }
  return { to, sent }
}

const policies = { batch: BatchPolicy.make({ maxRecords: 50 }), rateLimit: RateLimitPolicy.unlimited() }

layer(database, { timeout: 60_000, excludeTestServices: true })("SyncWorkflow", (it) => {
  it.effect("delivers a query in parts, once for a key, and keeps one report of all", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE parted AS SELECT n, (n % 900)::text AS "customerId" FROM generate_series(1, 2000) n`
      const { sent, to } = taking(0)
      const parts: Array<ReadonlyArray<string>> = []
      const nightly = SyncWorkflow.make({
        name: "nightly",
        payload: Schema.Struct({ day: Schema.String }),
        key: ({ day }) => day,
        parts: () => 4,
        run: (_, part) =>
          CustomerQuery.read((sql) => sql`SELECT * FROM parted`, Customer, {
            key: "n",
            part: { by: "customerId", index: part.index, of: part.of }
          }).pipe(
            Source.tap((record) =>
              Effect.sync(() => {
                parts[part.index] = [
                  ...(parts[part.index] ?? []),
                  record._tag === "Valid" ? record.patch.customerId : ""
                ]
              })
            ),
            part.run({ to, ...policies })
          )
      })
      yield* Effect.gen(function* () {
        const report = yield* nightly.execute({ day: "2026-01-31" })
        assert.strictEqual(report.read, 2000)
        assert.strictEqual(report.outcomes.Applied + report.outcomes.Merged, 2000)
        assert.strictEqual(new Set(sent).size, 900)
        const owners = new Map<string, number>()
        parts.forEach((ids, index) => {
          assert.isAbove(ids.length, 200)
          for (const id of ids) assert.strictEqual(owners.get(id) ?? index, index, "a customer is in one part")
          for (const id of ids) owners.set(id, index)
        })
        const before = sent.length
        assert.deepStrictEqual(yield* nightly.execute({ day: "2026-01-31" }), report)
        assert.strictEqual(yield* nightly.start({ day: "2026-01-31" }), "nightly/2026-01-31")
        assert.strictEqual(sent.length, before)
        const run = Option.getOrThrow(yield* Runs.show("nightly/2026-01-31"))
        assert.deepStrictEqual(
          run.parts.map(({ index, status }) => [index, status]),
          [0, 1, 2, 3].map((part) => [part, "done"])
        )
        assert.deepStrictEqual([run.status, run.stopping, run.report], ["done", false, report])
        assert.strictEqual(
          run.parts.reduce((sum, { settled }) => sum + settled, 0),
          2000
        )
        assert.match(run.parts[0]?.runner ?? "", new RegExp(`, process ${process.pid}$`))
      }).pipe(Effect.provide(Layer.provideMerge(nightly.layer, WorkflowEngine.layerMemory)))
    })
  )

  it.effect("stops when it is asked to, and goes on when it is started again", () =>
    Effect.gen(function* () {
      const { sent, to } = taking(20)
      const begun = yield* Deferred.make<void>()
      const slow = SyncWorkflow.make({
        name: "slow",
        payload: Schema.Struct({}),
        key: () => "one",
        run: (_, part) =>
          CustomerQuery.read(
            (sql) => sql`SELECT n, n::text AS "customerId" FROM generate_series(1, 20000) n`,
            Customer,
            { key: "n" }
          ).pipe(
            Source.tap(({ offset }) => Effect.sync(() => offset === 500 && Deferred.doneUnsafe(begun, Exit.void))),
            part.run({ to, ...policies, concurrency: 2 })
          )
      })
      yield* Effect.gen(function* () {
        const id = yield* slow.start({})
        yield* Deferred.await(begun)
        assert.isTrue(yield* Runs.stop(id))
        const failed = yield* Effect.flip(slow.execute({}))
        assert.strictEqual(failed.reason, "Stopped")
        assert.include(failed.message, "The run slow/one ended before its source did (Stopped).")
        const [newest] = yield* Runs.list({ limit: 1 })
        assert.isDefined(newest)
        assert.strictEqual(newest.id, id)
        assert.strictEqual(newest.status, "stopped")
        assert.strictEqual(newest.parts[0]?.problem, "Stopped: Somebody asked for it. Start it again to go on.")
        assert.strictEqual(newest.parts[0]?.settled, sent.length)
        assert.isTrue(Option.isNone(yield* Runs.show("slow/another")))
        const before = sent.length
        assert.isAbove(before, 0)
        assert.isBelow(before, 20_000)
        assert.isFalse(yield* Runs.stop(id))
        const report = yield* slow.execute({})
        assert.strictEqual(report.outcomes.Applied, 20_000)
        assert.strictEqual(new Set(sent).size, 20_000)
        assert.strictEqual(sent.length, 20_000)
      }).pipe(Effect.provide(Layer.provideMerge(slow.layer, WorkflowEngine.layerMemory)))
    })
  )

  it.effect("refuses a source that only one machine can read", () =>
    Effect.gen(function* () {
      const { to } = taking(0)
      const source = Source.withFingerprint(CustomerRecord.fromPatches(Stream.make({ customerId: "a" })), {
        customers: "one"
      })
      const of = (name: string, records: typeof source) =>
        SyncWorkflow.make({
          name,
          payload: Schema.Struct({}),
          key: () => "one",
          run: (_, part) => part.run({ to, ...policies })(records)
        })
      const local = of("local", source)
      const error = yield* Effect.flip(local.execute({})).pipe(
        Effect.provide(Layer.provideMerge(local.layer, WorkflowEngine.layerMemory))
      )
      assert.strictEqual(error.reason, "SourceNotShared")
      const shared = of("shared", Source.shared(source))
      const report = yield* shared
        .execute({})
        .pipe(Effect.provide(Layer.provideMerge(shared.layer, WorkflowEngine.layerMemory)))
      assert.strictEqual(report.outcomes.Applied, 1)
    })
  )

  it.effect("a nightly run that still runs is not started a second time: the next one begins when it has ended", () =>
    Effect.gen(function* () {
      const { sent, to } = taking(3500)
      const started: Array<string> = []
      let running = 0
      const overlapping: Array<string> = []
      const nightly = SyncWorkflow.make({
        name: "each second",
        payload: Schema.Struct({ time: Schema.String }),
        key: ({ time }) => time,
        run: ({ time }, part) =>
          Effect.gen(function* () {
            started.push(time)
            if (++running > 1) overlapping.push(time)
            return yield* CustomerQuery.read((sql) => sql`SELECT 'a' AS "customerId"`, Customer, {
              key: "customerId"
            }).pipe(part.run({ to, ...policies }))
          }).pipe(Effect.ensuring(Effect.sync(() => running--)))
      })
      const cron = ClusterCron.make({
        name: "each second",
        cron: Cron.parseUnsafe("* * * * * *"),
        execute: Effect.flatMap(ClusterCron.CurrentScheduledTime, (time) =>
          nightly.execute({ time: DateTime.formatIso(time) })
        ),
        calculateNextRunFromPrevious: true
      })
      const cluster = ClusterWorkflowEngine.layer.pipe(
        Layer.provideMerge(
          SingleRunner.layer({ runnerStorage: "memory", shardingConfig: { entityMessagePollInterval: 200 } })
        ),
        Layer.provide(NodeCrypto.layer)
      )
      yield* Effect.gen(function* () {
        while (sent.length < 2) yield* Effect.sleep("100 millis")
        assert.deepStrictEqual(overlapping, [])
        // None is left out either: they are a second apart.
        const [first = "", second = ""] = started
        assert.strictEqual(Date.parse(second) - Date.parse(first), 1000)
      }).pipe(Effect.provide(cron.pipe(Layer.provideMerge(nightly.layer), Layer.provideMerge(cluster))))
    })
  )
})
