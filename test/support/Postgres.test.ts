import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Postgres from "./Postgres.ts"

it.live("a server keeps what was committed when it is stopped and started again", () =>
  Effect.gen(function* () {
    const server = yield* Postgres.make
    const ask = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
      Effect.provide(PgClient.PgClient.use(use), PgClient.layer({ url: Redacted.make(server.url) }))
    yield* ask((sql) => sql`CREATE TABLE kept AS SELECT 42 AS value`)
    yield* server.stop
    yield* server.start
    assert.deepStrictEqual(yield* ask((sql) => sql`SELECT value FROM kept`), [{ value: 42 }])
  })
)
