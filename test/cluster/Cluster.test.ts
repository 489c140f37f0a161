import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as RunTable from "../../src/cluster/RunTable.ts"
import * as SyncCluster from "../../src/cluster/SyncCluster.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import * as Postgres from "../support/Postgres.ts"
import * as Api from "./Api.ts"
import * as Runners from "./Runners.ts"
import * as Shop from "./Shop.ts"

// Long enough for a machine that has much else to do.
const lease = 6000
const parts = 6
const run = "shop/one"

/** Waits until something is so; it asks the database, which may be away. */
const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(
    Effect.delay(
      Effect.orElseSucceed(condition, () => false),
      100
    ),
    { until: (is) => is }
  )

const runningOn = (pid: number) =>
  Effect.map(RunTable.rows(run), (rows) =>
    rows.filter(({ runner, status }) => status === "running" && runner?.endsWith(` ${pid}`))
  )

const isBusy = ({ pid }: Runners.Runner) => Effect.map(runningOn(pid), (rows) => rows.length > 0)
const isIdle = ({ pid }: Runners.Runner) => Effect.map(runningOn(pid), (rows) => rows.length === 0)

it.live(
  "a run goes on when runners die, are stopped and wake, and the database starts again",
  () =>
    Effect.gen(function* () {
      const postgres = yield* Postgres.make
      const api = yield* Api.make(10_000)
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        // Each customer twice, 10,000 rows apart; one in a thousand rows does not fit.
        yield* sql`CREATE TABLE shop AS SELECT n, 'c-' || (n % 10000) AS customer, (1 + n / 10000)::text AS version,
          CASE WHEN n % 1000 = 7 THEN 'yesterday' END AS since FROM generate_series(0, 19999) n`
        const runners = yield* Effect.all(
          [1, 2, 3].map(() => Runners.start(postgres.url, api.url, lease)),
          { concurrency: "unbounded" }
        )
        const requestsOfOthers = (runner: Runners.Runner) => api.requests() - api.requests(runner.name)
        api.drag(true)
        const shop = Shop.make(lease)
        const running = yield* Effect.forkChild(shop.execute({ run: "one", parts }))

        yield* until(Effect.sync(() => api.requests() > 20))
        const [killed] = [...runners].sort((a, b) => api.requests(b.name) - api.requests(a.name))
        assert.isDefined(killed)
        yield* killed.signal("SIGKILL")
        yield* until(isIdle(killed))

        const [stopped] = yield* Effect.filter(
          runners.filter((runner) => runner !== killed),
          isBusy
        )
        assert.isDefined(stopped)
        yield* stopped.signal("SIGSTOP")
        api.answerAtOnce(stopped.name)
        yield* until(isIdle(stopped))
        const problemsBefore = api.problems.length
        const ofOthers = requestsOfOthers(stopped)
        yield* stopped.signal("SIGCONT")
        yield* until(Effect.sync(() => requestsOfOthers(stopped) > ofOthers + 4))

        yield* postgres.stop
        yield* postgres.start
        api.drag(false)
        const report = yield* Fiber.join(running)

        assert.strictEqual(report.read, 20_000)
        assert.strictEqual(report.outcomes.Rejected, 20)
        assert.strictEqual(report.outcomes.Accepted + report.outcomes.Merged, 19_980)
        assert.strictEqual(api.versions.size, 9_990)
        assert.isTrue([...api.versions.values()].every((version) => version === 2))
        assert.strictEqual(problemsBefore, 0)
        // What was on the wire when it was stopped: two requests of each of its parts, and nothing else.
        const late = new Set(api.problems.map(({ request }) => request))
        assert.isTrue(api.problems.every(({ runner }) => runner === stopped.name))
        assert.isAtMost(late.size, 2 * parts)
        const letters = yield* Stream.runCollect(SqlDeadLetters.read(run))
        assert.strictEqual(letters.length, 20)
        const rows = yield* RunTable.rows(run)
        assert.strictEqual(rows.length, parts)
        assert.isTrue(rows.every(({ status }) => status === "done"))
        assert.strictEqual(
          rows.reduce((sum, row) => sum + (row.report?.read ?? 0), 0),
          report.read
        )
      }).pipe(
        Effect.provide(SyncCluster.layerClient({ takeOverAfter: lease })),
        Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) }))
      )
    }).pipe(Effect.scoped),
  300_000
)
