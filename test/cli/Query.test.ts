import { spawnSync } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as Postgres from "../support/Postgres.ts"
import * as Command from "./Command.ts"
import * as InProcess from "./InProcess.ts"
import * as World from "./World.ts"

const to = ["--to", "reach.batch-patch", "--tenant", "acme"] as const

layer(SandboxServer.layer({ reach: { queue: { delay: "20 millis" } } }), { excludeTestServices: true })(
  "patchbay sync --query",
  (it) => {
    it.effect(
      "sends what a query finds, goes on from its checkpoint, and never tells the address of the database",
      () =>
        Effect.gen(function* () {
          const postgres = yield* Postgres.make
          const { patchbay, sandbox, start, write } = yield* World.make
          // The server asks for no password, and would take any.
          const url = postgres.url.replace("postgres@", `postgres:${World.secret}@`)
          write(".env", `DATABASE_URL=${url}\n`)
          write("customers.sql", `SELECT id, 'c-' || id AS customer, email, note FROM customers -- all\n;\n`)
          yield* Effect.gen(function* () {
            const sql = yield* SqlClient.SqlClient
            yield* sql`CREATE TABLE customers AS SELECT id, CASE WHEN id > 1 THEN id || '@example.com' END AS email,
            NULL::text AS note FROM generate_series(1, 3000) id`
          }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) })))

          const query = ["sync", "--query", "customers.sql", "--key", "id", ...to, "--env-file", ".env"]
          const options = ["--map", "customerId=customer", "--ignore-unknown-fields", "--empty", "null"]
          const call = [
            ...query,
            ...options,
            "--checkpoint",
            "position",
            "--batch-records",
            "100",
            "--rate-limit",
            "20/1s"
          ]
          const dry = yield* patchbay([...query, ...options, "--dry-run"], { env: {} })
          assert.strictEqual(dry.code, 0, dry.stderr)
          assert.include(dry.stderr, "Nothing was sent. All records fit.")

          const first = yield* start(call)
          yield* World.until(Effect.map(sandbox.reachCustomers("acme"), (all) => all.size > 400))
          yield* first.kill("SIGKILL")
          yield* first.ended
          const sent = (yield* sandbox.reachCustomers("acme")).size
          assert.isBelow(sent, 3000)

          const second = yield* patchbay(call)
          assert.deepStrictEqual(
            [second.code, second.stderr.split("\n").at(-2)],
            [0, "Done: 3,000 records, and none is left over."]
          )
          const customers = yield* sandbox.reachCustomers("acme")
          assert.strictEqual(customers.size, 3000)
          assert.deepStrictEqual(customers.get("c-1"), { customerId: "c-1" })
          assert.deepStrictEqual(customers.get("c-2"), { customerId: "c-2", email: "2@example.com" })
          assert.strictEqual((yield* patchbay(call)).code, 0)

          // What the database says of a query, without what is in it.
          write("wrong.sql", "SELECT nothing FROM customers")
          const wrong = yield* patchbay(["sync", "--query", "wrong.sql", "--key", "id", ...to, "--env-file", ".env"])
          assert.strictEqual(wrong.code, 2)
          assert.match(wrong.stderr, /did not answer wrong\.sql \(SqlSyntaxError\): column "nothing" does not exist/)

          yield* postgres.stop
          const away = yield* patchbay(call)
          assert.strictEqual(away.code, 2)
          assert.strictEqual(
            away.stderr,
            "The database that DATABASE_URL names did not answer (ConnectionError). Check that it runs, and that host, user and password are right.\n"
          )
          yield* postgres.start
        })
    )

    it.effect("says what is missing or too much: exit 2", () =>
      Effect.gen(function* () {
        const { folder, write } = yield* World.make
        write("q.sql", "SELECT 1 AS id")
        write("empty.sql", " ;\n")
        const q = join(folder, "q.sql")
        const DATABASE_URL = "postgres://127.0.0.1:1/none"
        const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, env: Record<string, string>, said: RegExp]> =
          [
            [[], {}, /^Say whose customers: name a FILE, - for standard input, or --query FILE\.sql\.\n$/],
            [["x.csv", "--query", q], {}, /^Both x\.csv and --query say whose customers\./],
            [["--query", q, "--format", "csv"], {}, /^--format is for files/],
            [["x.csv", "--key", "id"], {}, /^--key is for --query/],
            [["--query", q, "--delimiter", "tab"], {}, /^--delimiter is for files/],
            [["--query", q, "--grown"], {}, /^--grown is for files/],
            [["--query", q, "--mapping", q], {}, /^--mapping is for files/],
            [["--query", q, "--encoding", "latin1"], {}, /^--encoding is for files/],
            [["--query", join(folder, "none.sql"), "--key", "id"], { DATABASE_URL }, /^There is no file .*none\.sql/],
            [
              ["--query", join(folder, "empty.sql"), "--key", "id"],
              { DATABASE_URL },
              /^There is no query in .*empty\.sql/
            ],
            [["--query", q, "--key", "id"], {}, /^DATABASE_URL is not set\. Set it to postgres:\/\//],
            [
              ["--query", q, "--key", "id"],
              { DATABASE_URL: "mysql://me:secret@h/d" },
              /^DATABASE_URL is no address of/
            ],
            [["--query", q, "--key", "id"], { DATABASE_URL }, /did not answer \(ConnectionError\)/]
          ]
        for (const [args, env, said] of cases) {
          const { code, stderr } = yield* InProcess.run(["sync", ...args, ...to], env)
          assert.match(stderr, said)
          assert.notInclude(stderr, "secret")
          assert.strictEqual(code, 2)
        }
      })
    )

    it.effect("loads the client of the database only when it is asked for", () =>
      Effect.sync(() => {
        const folder = join(Command.main, "..")
        const client = globSync("*.js", { cwd: folder }).filter((file) =>
          readFileSync(join(folder, file), "utf8").includes("~@effect/sql-pg/PgClient")
        )
        assert.strictEqual(client.length, 1)
        const loaded = (args: ReadonlyArray<string>) => {
          const trace = `data:text/javascript,${encodeURIComponent(
            `import { registerHooks } from "node:module"; registerHooks({ load(url, c, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, c) } })`
          )}`
          return spawnSync(process.execPath, ["--import", trace, Command.main, ...args], {
            encoding: "utf8",
            env: { PATH: process.env.PATH, DATABASE_URL: "postgres://127.0.0.1:1/none", NODE_NO_WARNINGS: "1" }
          }).stderr
        }
        const [name = ""] = client
        assert.notInclude(loaded(["--help"]), name)
        assert.notInclude(loaded(["sync", "none.csv", ...to]), name)
        const q = join(import.meta.dirname, "Query.test.ts")
        assert.include(loaded(["sync", "--query", q, "--key", "id", ...to]), name)
      })
    )
  }
)
