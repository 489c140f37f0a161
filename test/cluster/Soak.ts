/**
 * A cluster that is never left in peace, and what it costs: `npm run soak:cluster -- RECORDS CYCLES`. In each cycle a run of
 * so many records in eight parts goes through three runners, of which one is killed, stopped beyond its lease and woken, or
 * loses its database, every few seconds. Ends with 1 where something was lost, came twice or went back.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Console, Effect, Fiber, Random, Redacted, Stream } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as RunTable from "../../src/cluster/RunTable.ts"
import * as SyncCluster from "../../src/cluster/SyncCluster.ts"
import * as SqlDeadLetters from "../../src/sql/SqlDeadLetters.ts"
import * as Postgres from "../support/Postgres.ts"
import * as Api from "./Api.ts"
import * as Runners from "./Runners.ts"
import * as Shop from "./Shop.ts"

const [records = 100_000, cycles = 3] = process.argv.slice(2).map(Number)
const customers = Math.floor(records / 2)
const lease = 10_000
const parts = 8
const seed = 1

/** Waits until something is so, and says after how many milliseconds. The database may be away. */
const until = Effect.fnUntraced(function* <E, R>(condition: Effect.Effect<boolean, E, R>) {
  const began = performance.now()
  yield* Effect.repeat(
    Effect.delay(
      Effect.orElseSucceed(condition, () => false),
      100
    ),
    { until: (is) => is }
  )
  return performance.now() - began
})

const runningOn = (run: string, pid: number) =>
  Effect.map(
    RunTable.rows(run),
    (rows) => rows.filter(({ runner, status }) => status === "running" && runner?.endsWith(` ${pid}`)).length
  )

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const told = (name: string, times: ReadonlyArray<number>): string =>
  times.length === 0
    ? `${name}: none`
    : `${name}: ${times.length} times, ${seconds(Math.min(...times))} to ${seconds(Math.max(...times))}`

const makeShop = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE shop AS SELECT n, 'c-' || (n % ${customers}::int) AS customer,
    (1 + n / ${customers}::int)::text AS version,
    CASE WHEN n % 1000 = 7 THEN 'yesterday' END AS since FROM generate_series(0, ${customers * 2 - 1}::int) n`
  yield* sql`CREATE UNIQUE INDEX ON shop (n)`
})

/** One run, disturbed until it ends. What was wrong with it. */
const cycle = Effect.fnUntraced(function* (number: number, postgres: Postgres.Server) {
  const api = yield* Api.make(customers)
  const start = Runners.start(postgres.url, api.url, lease)
  const runners = yield* Effect.all([start, start, start], { concurrency: "unbounded" })
  const takenOver: Array<number> = []
  const wokenLate = new Set<string>()
  const counts = { kill: 0, stop: 0, restart: 0 }
  const id = `shop/${number}`
  const began = performance.now()
  const running = yield* Effect.forkChild(Shop.make(lease).execute({ run: String(number), parts }))
  yield* until(Effect.sync(() => api.requests() > 0))

  const disturb = Effect.gen(function* () {
    yield* Effect.sleep(yield* Random.nextBetween(1000, 5000))
    const index = yield* Random.nextIntBetween(0, runners.length)
    const one = runners[index]
    const what = yield* Random.next
    if (one === undefined) return
    if (what < 0.4) {
      counts.kill++
      const had = yield* Effect.orElseSucceed(runningOn(id, one.pid), () => 0)
      yield* one.signal("SIGKILL")
      const took = yield* until(Effect.map(runningOn(id, one.pid), (count) => count === 0))
      if (had > 0) takenOver.push(took)
      runners[index] = yield* start
    } else if (what < 0.8) {
      counts.stop++
      yield* one.signal("SIGSTOP")
      wokenLate.add(one.name)
      yield* Effect.sleep(lease * 1.5)
      yield* one.signal("SIGCONT")
    } else {
      counts.restart++
      yield* postgres.stop
      yield* Effect.sleep(500)
      yield* postgres.start
    }
  })
  const disturbing = yield* Effect.forkChild(Effect.forever(disturb))
  const report = yield* Fiber.join(running)
  yield* Fiber.interrupt(disturbing)
  if (postgresIsDown(yield* Effect.result(RunTable.rows(id)))) yield* postgres.start
  // What still runs, stopped ones among them, must not end in the next cycle.
  yield* Effect.forEach(runners, ({ signal }) => Effect.andThen(signal("SIGCONT"), signal("SIGKILL")))

  const letters = yield* Stream.runCollect(SqlDeadLetters.read(id))
  const refused = Array.from({ length: customers * 2 }, (_, n) => n).filter((n) => n % 1000 === 7).length
  const late = new Set(api.problems.map(({ request }) => request))
  const stale = [...api.versions].filter(([, version]) => version !== 2)
  const problems = [
    ...(report.read === customers * 2 ? [] : [`${report.read} records of ${customers * 2} were read`]),
    ...(report.outcomes.Rejected === refused ? [] : [`${report.outcomes.Rejected} of ${refused} were rejected`]),
    ...(report.outcomes.Accepted + report.outcomes.Merged === report.read - refused ? [] : ["some have no outcome"]),
    ...(stale.length === 0 ? [] : [`${stale.length} customers are not what they were last`]),
    ...(letters.length === refused ? [] : [`${letters.length} letters for ${refused} records`]),
    ...api.problems.filter(({ runner }) => !wokenLate.has(runner)).map(({ what }) => what),
    ...(late.size <= 2 * parts * counts.stop ? [] : [`${late.size} requests of runners that were stopped came late`])
  ]
  yield* Console.log(
    `cycle ${number}: ${seconds(performance.now() - began)}, ${api.requests()} requests; killed ${counts.kill}, stopped ${counts.stop}, PostgreSQL restarted ${counts.restart}; ${late.size} requests on the wire of stopped runners; ${told("taken over", takenOver)}; ${problems.length === 0 ? "all well" : `WRONG: ${problems.slice(0, 5).join("; ")}`}`
  )
  return { takenOver, problems }
})

const postgresIsDown = ({ _tag }: { readonly _tag: "Success" | "Failure" }): boolean => _tag === "Failure"

// Linux: user and system time of a process, in hundredths of a second.
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** CPU of a runner that has all parts, and of a process that does the same without a cluster, in milliseconds. */
const cost = Effect.fnUntraced(function* (postgres: Postgres.Server) {
  const api = yield* Api.make(customers)
  const script = fileURLToPath(new URL("./AloneProcess.ts", import.meta.url))
  const alone = yield* Effect.promise(
    () =>
      new Promise<number>((resolve) => {
        const child = spawn(process.execPath, [script, postgres.url, api.url], { stdio: ["ignore", "pipe", "inherit"] })
        let said = ""
        child.stdout.on("data", (chunk: Buffer) => {
          said += chunk.toString()
        })
        child.once("close", () => resolve(Number(said)))
      })
  )
  const runner = yield* Runners.start(postgres.url, api.url, lease)
  // It has its shards by then.
  yield* Effect.sleep(10_000)
  const before = cpuOf(runner.pid)
  yield* Shop.make(lease).execute({ run: "cost", parts })
  const shared = cpuOf(runner.pid) - before
  yield* Console.log(
    `CPU for ${customers * 2} records: ${alone.toFixed(0)} ms alone, ${shared} ms in ${parts} parts on one runner: ${(shared / alone).toFixed(2)} times`
  )
})

const soak = Effect.gen(function* () {
  const postgres = yield* Postgres.make
  const all = yield* Effect.gen(function* () {
    yield* makeShop
    const cycled = yield* Effect.forEach(
      Array.from({ length: cycles }, (_, index) => index + 1),
      (number) => Effect.scoped(cycle(number, postgres))
    )
    yield* Effect.scoped(cost(postgres))
    return cycled
  }).pipe(
    Effect.provide(SyncCluster.layerClient({ takeOverAfter: lease })),
    Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) }))
  )
  const wrong = all.filter(({ problems }) => problems.length > 0).length
  yield* Console.log(
    `${cycles} cycles of ${customers * 2} records, ${wrong} of them wrong; a lease of ${seconds(lease)}; ${told(
      "taken over",
      all.flatMap(({ takenOver }) => takenOver)
    )}`
  )
  return wrong
}).pipe(Effect.scoped, Random.withSeed(seed))

process.exitCode = (await Effect.runPromise(soak)) === 0 ? 0 : 1
