import { createHash } from "node:crypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, Result, Schema, Stream } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as Mapping from "../../src/source/Mapping.ts"
import * as CustomerQuery from "../../src/sql/CustomerQuery.ts"
import * as SqlCheckpoint from "../../src/sql/SqlCheckpoint.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type * as Destination from "../../src/sync/model/Destination.ts"
import * as Postgres from "../support/Postgres.ts"

class Server extends Context.Service<Server, Postgres.Server>()("Server") {}

const database = Layer.unwrap(Effect.map(Server, ({ url }) => PgClient.layer({ url: Redacted.make(url) }))).pipe(
  Layer.provideMerge(Layer.effect(Server, Postgres.make))
)

const run = (text: string) => SqlClient.SqlClient.use((sql) => sql.unsafe(text))

const collect = <A, E, R>(records: Stream.Stream<A, E, R>) => Stream.runCollect(records)

const idsOf = (records: ReadonlyArray<{ readonly _tag: string; readonly patch?: { readonly customerId: string } }>) =>
  records.map(({ patch }) => patch?.customerId)

layer(database, { timeout: 60_000, excludeTestServices: true })("CustomerQuery", (it) => {
  it.effect("reads all rows by key, over pages, each with its key as place; and goes on from any of them", () =>
    Effect.gen(function* () {
      yield* run(
        `CREATE TABLE pages AS SELECT n AS id, 'N' || n AS "lastName" FROM generate_series(1, 23) n ORDER BY random()`
      )
      for (const pageSize of [1, 5, 23, 24, 1000]) {
        const source = CustomerQuery.read(
          (sql) => sql`SELECT id::text AS "customerId", id, "lastName" FROM pages WHERE id > ${3}`,
          ReachSchema.CustomerPatch,
          { key: "id", pageSize }
        )
        const records = yield* collect(source)
        const expected = Array.from({ length: 20 }, (_, n) => String(n + 4))
        assert.deepStrictEqual(idsOf(records), expected)
        assert.deepStrictEqual(
          records.map(({ line, offset, position }) => [offset, line, position]),
          expected.map((id, offset) => [offset, undefined, { offset, place: [id] }])
        )
        for (const record of records) {
          assert.deepStrictEqual(yield* collect(source.from(record.position)), records.slice(record.offset))
        }
        // Where its row is gone, with the next one.
        const gone = { offset: 7, place: ["10"] }
        yield* run("DELETE FROM pages WHERE id = 10")
        assert.deepStrictEqual(idsOf(yield* collect(source.from(gone))), expected.slice(7))
        yield* run("INSERT INTO pages VALUES (10, 'N10')")
      }
    })
  )

  it.effect("takes keys of every type, and of several columns, exactly", () =>
    Effect.gen(function* () {
      const keys: ReadonlyArray<readonly [string, string]> = [
        ["big", "(9007199254740993 + n)::bigint"],
        ["numeric", "(n * 1.000000000000000000001)::numeric"],
        ["uuid", "md5(n::text)::uuid"],
        ["text", "chr(96 + n) || E'\\'\"\\\\ é'"],
        ["char", "lpad(n::text, 4, 'x')::char(6)"],
        ["varchar", "lpad(n::text, 4, 'x')::varchar(9)"],
        ["micros", "'2024-03-31T00:59:59.999990Z'::timestamptz + n * interval '1 microsecond'"],
        ["naive", "'2024-03-31T02:30:00.000001'::timestamp + n * interval '1 microsecond'"],
        ["day", "'2024-02-27'::date + n"],
        ["float", "n / 3.0::float8"],
        ["bytes", "decode(lpad(to_hex(n), 4, '0'), 'hex')"],
        ["flag", "(n > 10)"]
      ]
      const columns = keys.map(([name, value]) => `${value} AS "k ${name}"`).join(", ")
      yield* run(`CREATE TABLE types AS SELECT n, n::text AS "customerId", ${columns} FROM generate_series(1, 20) n`)
      for (const [name] of keys) {
        const source = CustomerQuery.read((sql) => sql`SELECT * FROM types`, ReachSchema.CustomerPatch, {
          key: [`k ${name}`, "n"],
          pageSize: 3,
          otherColumns: "ignore"
        })
        const records = yield* collect(source)
        assert.deepStrictEqual(
          idsOf(records).sort((a, b) => Number(a) - Number(b)),
          Array.from({ length: 20 }, (_, n) => String(n + 1)),
          name
        )
        assert.deepStrictEqual(idsOf(yield* collect(source.from(records[7]?.position))), idsOf(records).slice(7), name)
      }
    })
  )

  it.effect("refuses a key that is not unique, wherever the page ends, and one that is NULL somewhere", () =>
    Effect.gen(function* () {
      yield* run(
        `CREATE TABLE twice AS SELECT n AS id, n::text AS "customerId", n / 2 AS half, nullif(n, 7) AS gap FROM generate_series(0, 9) n`
      )
      const source = (key: string, pageSize: number) =>
        CustomerQuery.read((sql) => sql`SELECT * FROM twice -- all`, ReachSchema.CustomerPatch, {
          key,
          pageSize,
          otherColumns: "ignore",
          name: "twice"
        })
      for (const pageSize of [1, 2, 3, 100]) {
        const error = yield* Effect.flip(collect(source("half", pageSize)))
        assert(error._tag === "QueryKeyInvalid")
        assert.strictEqual(
          error.message,
          "Two rows of twice have the same key (half), so that reading could not go on between them. Add columns that tell them apart."
        )
      }
      const error = yield* Effect.flip(collect(source("gap", 2)))
      assert(error._tag === "QueryKeyInvalid")
      assert.include(error.message, "has NULL in its key (gap)")
      assert.strictEqual((yield* collect(source("id", 2))).length, 10)
    })
  )

  it.effect("reads values as PostgreSQL means them, and changes none without a word", () =>
    Effect.gen(function* () {
      const Row = Schema.Struct({
        id: Schema.String,
        number: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
        at: Schema.optionalKey(Schema.NullOr(Schema.String)),
        json: Schema.optionalKey(Schema.Json),
        flag: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
      })
      const one = (select: string, options?: { readonly nulls?: "delete" }) =>
        Effect.map(
          collect(
            CustomerQuery.read((sql) => sql.unsafe(`SELECT 'a' AS id, ${select}`), Row, { key: "id", ...options })
          ),
          ([record]) => (record?._tag === "Invalid" ? record.reason.issues : record?._tag === "Valid" && record.patch)
        )
      assert.deepStrictEqual(yield* one("1.50::numeric AS number, true AS flag"), { id: "a", number: 1.5, flag: true })
      assert.deepStrictEqual(yield* one("NULL AS number"), { id: "a" })
      assert.deepStrictEqual(yield* one("NULL AS number", { nulls: "delete" }), { id: "a", number: null })
      assert.deepStrictEqual(yield* one(`'{"a": [null, 1.0], "b": null}'::jsonb AS json`), {
        id: "a",
        json: { a: [null, 1], b: null }
      })
      assert.deepStrictEqual(yield* one("'2024-01-15'::date AS at"), { id: "a", at: "2024-01-15" })
      assert.deepStrictEqual(yield* one("'2024-01-15T10:00:00.123456Z'::timestamptz AS at"), {
        id: "a",
        at: "2024-01-15T10:00:00.123456+00:00"
      })
      const inexact = "This number has more digits than are kept, and would be changed. Write it as text, in quotes"
      assert.deepStrictEqual(yield* one("9007199254740993::bigint AS number"), [{ path: ["number"], message: inexact }])
      assert.deepStrictEqual(yield* one(`'{"n": 9007199254740993}'::jsonb AS json`), [
        { path: ["json", "*"], message: inexact }
      ])
      assert.include(JSON.stringify(yield* one("1 AS other")), "This key is no field.")
    })
  )

  it.effect("says what is wrong with a query, without what it holds", () =>
    Effect.gen(function* () {
      const failure = (text: string) =>
        Effect.flip(
          collect(
            CustomerQuery.read((sql) => sql.unsafe(text), ReachSchema.CustomerPatch, {
              key: "id",
              name: "customers.sql"
            })
          )
        )
      assert.strictEqual(
        (yield* failure("SELECT nothing AS id")).message,
        'The database did not answer customers.sql (SqlSyntaxError): column "nothing" does not exist. Correct the query, or the rights of its user.'
      )
      const broken = (yield* failure("SELECT 'secret'::int AS id")).message
      assert.notInclude(broken, "secret")
      const mapped = CustomerQuery.read((sql) => sql`SELECT 1 AS id`, ReachSchema.CustomerPatch, {
        key: "id",
        // @ts-expect-error as from a script without types
        columns: { nickname: "id" }
      })
      assert.include((yield* Effect.flip(collect(mapped))).message, "columns.nickname")
    })
  )

  it.effect("a snapshot is of one moment", () =>
    Effect.gen(function* () {
      yield* run(`CREATE TABLE moment AS SELECT n AS id, n::text AS "customerId" FROM generate_series(1, 5000) n`)
      let read = 0
      yield* CustomerQuery.snapshot(
        (sql) => sql`SELECT "customerId" FROM moment ORDER BY id`,
        ReachSchema.CustomerPatch
      ).pipe(
        Stream.runForEach((record) =>
          Effect.suspend(() => {
            assert.strictEqual(record.offset, read)
            return read++ === 0 ? run("DELETE FROM moment WHERE id > 10") : Effect.void
          })
        )
      )
      assert.strictEqual(read, 5000)
    })
  )

  it.effect("the fingerprint is another for another query, key, schema or reading", () =>
    Effect.gen(function* () {
      const of = (
        text: string,
        options: Parameters<typeof CustomerQuery.read>[2],
        schema: Schema.ConstraintDecoder<unknown> = ReachSchema.CustomerPatch
      ) =>
        Effect.map(CustomerQuery.read((sql) => sql.unsafe(text), schema, options).fingerprint, (parts) =>
          JSON.stringify(parts)
        )
      const trimmed = (trim: boolean) =>
        Mapping.schema({ fields: { customerId: { from: "id", trim } } }, ReachSchema.CustomerPatch)
      const all = [
        yield* of("SELECT 1 AS id", { key: "id" }),
        yield* of("SELECT 2 AS id", { key: "id" }),
        yield* of("SELECT 1 AS id", { key: ["id", "id"] }),
        yield* of("SELECT 1 AS id", { key: "id", nulls: "delete" }),
        yield* of("SELECT 1 AS id", { key: "id" }, trimmed(true)),
        yield* of("SELECT 1 AS id", { key: "id" }, trimmed(false))
      ]
      assert.strictEqual(new Set(all).size, 6)
      assert.strictEqual(yield* of("SELECT 1 AS id", { key: "id", pageSize: 3 }), all[0])
      assert.notInclude(all.join(""), "SELECT")
    })
  )
})

const Customer = Schema.Struct({ customerId: Schema.String })

const uuid = (n: number): string => {
  const hex = createHash("md5").update(String(n)).digest("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
}

/** A destination that takes batches, one in ten much later, and tells which customers it has. */
const taking = () => {
  const sent = new Map<string, number>()
  let batches = 0
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
    encode: ({ customerId }) => Result.succeed(`{"customerId":${JSON.stringify(customerId)}}`),
    send: ({ records }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(++batches % 10 === 3 ? 400 : 2)
        for (const { key } of records) sent.set(key, (sent.get(key) ?? 0) + 1)
        return { recordCount: records.length, batchId: undefined }
      }),
    named: () => [],
    settle: () => Effect.succeed({ _tag: "Applied" }),
    fingerprint: ""
  }
  return { to, sent, batches: () => batches }
}

layer(database, { timeout: 60_000, excludeTestServices: true })("a sync of a query", (it) => {
  it.effect("goes on where it was stopped, and misses none that was there all the time, whatever came and went", () =>
    Effect.gen(function* () {
      yield* run(`CREATE TABLE busy AS SELECT md5(n::text)::uuid AS id FROM generate_series(1, 20000) n`)
      yield* run("ALTER TABLE busy ADD PRIMARY KEY (id)")
      const { batches, sent, to } = taking()
      const records = CustomerQuery.read((sql) => sql`SELECT id AS "customerId" FROM busy`, Customer, {
        key: "customerId",
        pageSize: 777
      })
      const sync = records.pipe(
        CustomerSync.run({
          to,
          batch: BatchPolicy.make({ maxRecords: 50 }),
          rateLimit: RateLimitPolicy.unlimited(),
          checkpoint: SqlCheckpoint.make("busy"),
          checkpointEvery: "10 millis",
          grace: "1 millis"
        })
      )
      const gone = new Set<string>()
      for (let stop = 1; stop <= 6; stop++) {
        const fiber = yield* Effect.forkChild(sync)
        while (batches() < stop * 50) yield* Effect.sleep(1)
        yield* Fiber.interrupt(fiber)
        const sql = yield* SqlClient.SqlClient
        const deleted = yield* sql<{ id: string }>`DELETE FROM busy WHERE random() < 0.03 RETURNING id::text AS id`
        for (const { id } of deleted) gone.add(id)
        yield* run(`INSERT INTO busy SELECT md5(random()::text)::uuid FROM generate_series(1, 600) n`)
      }
      const report = yield* sync
      assert.strictEqual(report.resumedFrom !== undefined, true)
      const missed = Array.from({ length: 20_000 }, (_, n) => uuid(n + 1)).filter(
        (id) => !gone.has(id) && !sent.has(id)
      )
      assert.strictEqual(missed.length, 0)
      // What was in flight at each stop is sent again, and no more.
      const again = [...sent.values()].filter((times) => times > 1).length
      assert.isAtMost(again, 6 * 8 * 50)
      assert.strictEqual((yield* sync).nothingNew, true)
    })
  )

  it.effect("outlives a database that starts again", () =>
    Effect.gen(function* () {
      const { start, stop } = yield* Server
      yield* run(`CREATE TABLE lasting AS SELECT n AS id, n::text AS "customerId" FROM generate_series(1, 300) n`)
      let read = 0
      yield* CustomerQuery.read((sql) => sql`SELECT * FROM lasting`, Customer, { key: "id", pageSize: 100 }).pipe(
        Stream.runForEach(({ offset }) =>
          Effect.suspend(() => {
            assert.strictEqual(offset, read)
            if (read++ !== 99) return Effect.void
            return Effect.andThen(stop, Effect.forkDetach(Effect.delay(start, 500)))
          })
        )
      )
      assert.strictEqual(read, 300)
    })
  )
})
