import { createServer } from "node:net"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as Postgres from "../support/Postgres.ts"
import * as InProcess from "./InProcess.ts"
import * as World from "./World.ts"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const Shown = Schema.fromJsonString(
  Schema.Struct({
    id: Schema.String,
    status: Schema.String,
    parts: Schema.Array(
      Schema.Struct({ status: Schema.String, settled: Schema.Int, runner: Schema.optionalKey(Schema.String) })
    )
  })
)
const decode = Schema.decodeUnknownSync(Shown)

layer(
  SandboxServer.layer({
    reach: {
      queue: { delay: "10 millis" },
      refuse: ({ email }) => (email === "no@example.com" ? "not welcome" : undefined)
    }
  }),
  { excludeTestServices: true }
)("patchbay worker, submit and runs", (it) => {
  it.effect(
    "a run is shared by workers, outlives one, can be stopped and goes on, and its letters can be had",
    () =>
      Effect.gen(function* () {
        const postgres = yield* Postgres.make
        const { patchbay, sandbox, start, write } = yield* World.make
        write(".env", `DATABASE_URL=${postgres.url.replace("postgres@", `postgres:${World.secret}@`)}\n`)
        write("customers.sql", "SELECT id, 'c-' || id AS customer, email FROM customers;")
        const described = {
          query: "customers.sql",
          key: "id",
          parts: 4,
          map: { customerId: "customer" },
          to: "reach.batch-patch",
          tenant: "acme",
          "batch-records": 20,
          // It does not end before it is stopped, on any machine.
          "rate-limit": "1/1s",
          settle: "accepted"
        }
        write("nightly.json", JSON.stringify(described))
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE customers AS SELECT id, CASE WHEN id = 7 THEN 'no@example.com' ELSE id || '@example.com' END
          AS email FROM generate_series(1, 4000) id`
        }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) })))
        const env = ["--env-file", ".env"]
        const show = Effect.map(patchbay(["runs", "show", "one", "--json", ...env]), ({ stdout }) => decode(stdout))
        const settled = Effect.map(show, ({ parts }) => parts.reduce((sum, part) => sum + part.settled, 0))
        const submit = ["submit", "nightly.json", "--run", "one", ...env]

        const none = yield* patchbay(["runs", ...env])
        assert.deepStrictEqual([none.code, none.stdout], [0, ""])
        assert.include(none.stderr, "There are no runs in this database.")

        const worker = Effect.gen(function* () {
          const port = yield* freePort
          const running = yield* start(["worker", "--port", String(port), "--take-over-after", "5s", ...env])
          yield* running.until(/executes what patchbay submit starts/)
          return running
        })
        const [first, second] = yield* Effect.all([worker, worker], { concurrency: 2 })
        const submitted = yield* patchbay(submit)
        assert.deepStrictEqual([submitted.code, submitted.stdout], [0, ""], submitted.stderr)
        assert.match(submitted.stderr, /^one is started, .* patchbay runs show one\n$/)

        yield* World.until(Effect.map(settled, (records) => records > 40))
        yield* first.kill("SIGKILL")
        yield* World.until(
          Effect.map(show, ({ parts }) => parts.every(({ runner }) => runner?.endsWith(` ${second.child.pid}`)))
        )
        const stop = yield* patchbay(["runs", "stop", "one", ...env])
        assert.strictEqual(stop.code, 0)
        assert.match(stop.stderr, /^one is asked to stop\./)
        yield* World.until(Effect.map(show, ({ status }) => status === "stopped"))
        const before = yield* settled
        assert.isBelow(before, 4000)
        const listed = yield* patchbay(["runs", ...env])
        assert.match(listed.stdout, /^one {2}stopped {2}[\d,]+ records {2}\d of 4 parts done {2}begun \d{4}-/)

        write("nightly.json", JSON.stringify({ ...described, "rate-limit": "1000/1s" }))
        const ended = yield* patchbay([...submit, "--wait"])
        assert.strictEqual(ended.code, 1, ended.stderr)
        assert.match(ended.stdout, /^ *accepted\s+3,999$/m)
        assert.match(
          ended.stderr,
          /^1 record of 4,000 was rejected.*\n\n {2}patchbay runs dead-letters one > dead\.ndjson$/m
        )
        yield* sandbox.idle
        assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 3999)
        const again = yield* patchbay(submit)
        assert.match(again.stderr, /^one is done already, and was not started again\./)
        const shown = yield* patchbay(["runs", "show", "one", ...env])
        assert.match(shown.stdout, /^status {3}done$/m)
        assert.match(shown.stdout, /^part 4 {2}done {2}[\d,]+ of [\d,]+ read/m)
        assert.match(shown.stdout, /^ *accepted\s+3,999$/m)

        // What Reach does not take is in the database, in the form of a file of dead letters.
        const letters = yield* patchbay(["runs", "dead-letters", "one", ...env])
        const rows = letters.stdout.trimEnd().split("\n")
        assert.deepStrictEqual(
          rows.map((row) => JSON.parse(row).record.value.customerId),
          ["c-7"]
        )
        write("dead.ndjson", letters.stdout)
        const retried = yield* patchbay(["retry", "dead.ndjson", "--to", "reach.batch-patch", "--tenant", "acme"])
        assert.strictEqual(retried.code, 1)
        assert.match(retried.stdout, /^records read\s+1$/m)

        yield* second.kill("SIGTERM")
        assert.strictEqual((yield* second.ended).code, 130)
      }),
    280_000
  )

  it.effect("says what is wrong with a run that is described: exit 2", () =>
    Effect.gen(function* () {
      const { folder, write } = yield* World.make
      write("q.sql", "SELECT 1 AS id")
      const whole = { run: "r", query: "q.sql", key: "id", to: "reach.batch-patch", tenant: "acme" }
      const cases: ReadonlyArray<readonly [text: string, said: RegExp]> = [
        ["{", /describes no run: /],
        [JSON.stringify({ ...whole, query: undefined }), /describes no run: query: /],
        [JSON.stringify({ ...whole, parts: 0 }), /describes no run: parts: /],
        [JSON.stringify({ ...whole, run: undefined }), /does not say which run it is\. Add "run"/],
        [JSON.stringify({ ...whole, query: "none.sql" }), /There is no file .*none\.sql/],
        [JSON.stringify({ ...whole, checkpoint: "x" }), /checkpoint is not for a run on workers/],
        [JSON.stringify({ ...whole, shards: 3 }), /there is no option shards\. Besides run/],
        [JSON.stringify({ ...whole, "rate-limit": {} }), /rate-limit is neither a text/],
        [JSON.stringify({ ...whole, "rate-limit": "often" }), /rate-limit/],
        [JSON.stringify({ ...whole, to: "reach.all" }), /reach\.all/],
        [JSON.stringify({ ...whole, business: "b-1" }), /business is for pocketflows/],
        [JSON.stringify(whole), /^DATABASE_URL is not set/]
      ]
      for (const [text, said] of cases) {
        write("run.json", text)
        const { code, stderr } = yield* InProcess.run(["submit", `${folder}/run.json`])
        assert.match(stderr, said)
        assert.strictEqual(code, 2)
      }
    })
  )
})
