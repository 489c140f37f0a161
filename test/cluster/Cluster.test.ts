import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as RunTable from "../../src/cluster/RunTable.ts"
import * as SyncCluster from "../../src/cluster/SyncCluster.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import * as Postgres from "../support/Postgres.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"
import * as Shop from "./Shop.ts"

const lease = 3000

/** An API that takes batches, and notes who sent which version of a customer, and whether two requests held one at a time. */
const makeApi = Effect.gen(function* () {
  const versions = new Map<string, number>()
  const held = new Map<string, string>()
  const problems: Array<string> = []
  const by = new Map<string, number>()
  let last = new Map<string, number>()
  const server = yield* ScriptedServer.serve((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on("end", () => {
      const runner = request.headers.authorization ?? ""
      const { resources } = JSON.parse(body) as { resources: Array<{ customerId: string; lastName: string }> }
      by.set(runner, (by.get(runner) ?? 0) + 1)
      last.set(runner, performance.now())
      for (const { customerId, lastName } of resources) {
        if (held.has(customerId))
          problems.push(`${customerId} in two requests, of ${held.get(customerId)} and ${runner}`)
        held.set(customerId, runner)
        const version = Number(lastName)
        if (version < (versions.get(customerId) ?? 0))
          problems.push(`${customerId} went back to ${version} by ${runner}`)
        versions.set(customerId, version)
      }
      setTimeout(() => {
        for (const { customerId } of resources) held.delete(customerId)
        const data = { batchId: "b", message: "taken", recordCount: resources.length, schemaDefinitionId: "s" }
        response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ success: true, data }))
      }, 15)
    })
  })
  return {
    ...server,
    versions,
    problems,
    requests: (runner?: string) =>
      runner === undefined ? [...by.values()].reduce((sum, n) => sum + n, 0) : (by.get(`Bearer ${runner}`) ?? 0),
    lastOf: (runner: string) => last.get(`Bearer ${runner}`) ?? 0,
    forget: () => {
      last = new Map()
    }
  }
})

const script = fileURLToPath(new URL("./RunnerProcess.ts", import.meta.url))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const runner = Effect.fnUntraced(function* (database: string, api: string) {
  const port = yield* freePort
  return yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script, String(port), database, api, String(lease)], {
        stdio: ["ignore", "ignore", "inherit"]
      })
      const gone = new Promise<void>((resolve) => child.once("close", () => resolve()))
      return { name: `runner-${port}`, signal: (signal: NodeJS.Signals) => child.kill(signal), gone }
    }),
    ({ gone, signal }) =>
      Effect.promise(() => {
        signal("SIGKILL")
        return gone
      })
  )
})

const until = (condition: () => boolean) =>
  Effect.repeat(Effect.delay(Effect.sync(condition), 20), { until: (is) => is })

it.live(
  "a run goes on when runners die, are stopped and wake, and the database starts again",
  () =>
    Effect.gen(function* () {
      const postgres = yield* Postgres.make
      const api = yield* makeApi
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        // Each customer twice, 5,000 rows apart; one in a thousand rows does not fit.
        yield* sql`CREATE TABLE shop AS SELECT n, 'c-' || (n % 10000) AS customer, (1 + n / 10000)::text AS version,
          CASE WHEN n % 1000 = 7 THEN 'no phone' END AS phone FROM generate_series(0, 19999) n`
        const [a, b, c] = yield* Effect.all([1, 2, 3].map(() => runner(postgres.url, api.url)))
        assert(a !== undefined && b !== undefined && c !== undefined)
        const shop = Shop.make(lease)
        const started = performance.now()
        const run = yield* Effect.forkChild(shop.execute({ run: "one", parts: 6 }))
        yield* Effect.forkChild(Effect.forever(Effect.delay(Effect.flatMap(Effect.result(RunTable.rows("shop/one")), (r) => Effect.sync(() => console.log(Math.round(performance.now() - started), [a, b, c].map(({ name }) => api.requests(name)), r._tag === "Success" ? r.success.map((x) => x.status + " " + x.problem + x.runner + " " + x.progress?.settled).join("; ") : "db"))), 2000)))
        yield* until(() => api.requests() > 40)
        const busy = [a, b, c].sort((x, y) => api.requests(y.name) - api.requests(x.name))
        const [first, second] = busy
        assert(first !== undefined && second !== undefined)
        first.signal("SIGKILL")
        yield* until(() => api.requests() > 120)
        second.signal("SIGSTOP")
        yield* Effect.sleep(lease * 2.5)
        second.signal("SIGCONT")
        yield* postgres.stop
        yield* Effect.sleep(500)
        yield* postgres.start
        const report = yield* Fiber.join(run)
        console.log(
          "took",
          performance.now() - started,
          [a, b, c].map(({ name }) => api.requests(name))
        )
        assert.strictEqual(report.read, 20_000)
        assert.strictEqual(report.outcomes.Rejected, 20)
        assert.strictEqual(report.outcomes.Accepted + report.outcomes.Merged, 19_980)
        assert.strictEqual(api.versions.size, 10_000)
        assert.isTrue([...api.versions].every(([id, version]) => version === 2 || Number(id.slice(2)) % 1000 === 7))
        assert.deepStrictEqual(api.problems, [])
        const letters = yield* Stream.runCollect(SqlDeadLetters.read("shop/one"))
        assert.strictEqual(letters.length, 20)
        const rows = yield* RunTable.rows("shop/one")
        assert.strictEqual(rows.length, 6)
        assert.isTrue(rows.every(({ status }) => status === "done"))
      }).pipe(
        Effect.provide(SyncCluster.layerClient({ takeOverAfter: lease })),
        Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) }))
      )
    }).pipe(Effect.scoped),
  180_000
)
