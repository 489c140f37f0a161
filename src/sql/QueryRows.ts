/** The rows of a query by its key, a page at a time, as PostgreSQL writes them in JSON. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import { QueryFailed, QueryKeyInvalid } from "./CustomerQueryError.ts"
import * as SqlReason from "./SqlReason.ts"

/** The values of a key as text, in the order of its columns. */
export type Key = ReadonlyArray<string>

export interface Row {
  readonly key: Key
  /** The row as a JSON object by the names of its columns. */
  readonly json: string
}

/** A place that is looked for among the rows. */
export interface End {
  readonly key: Key
  /** Whether a row with this key is counted. */
  readonly inclusive: boolean
}

export interface QueryRows {
  /** At most so many rows, by key: from a key on, or behind it; from the first one where there is none. */
  readonly page: (
    from: { readonly key: Key; readonly inclusive: boolean } | undefined,
    most: number
  ) => Effect.Effect<ReadonlyArray<Row>, QueryFailed>
  /** How many rows there are from a key on up to each of others. */
  readonly counts: (from: Key, ends: ReadonlyArray<End>) => Effect.Effect<ReadonlyArray<number>, QueryFailed>
}

/** A part of the rows: those of which a hash of a column is `index` of so many. */
export interface Part {
  readonly by: string
  readonly index: number
  readonly of: number
}

/** What a query selects, for a client. It may have parameters. */
export type Query = (sql: SqlClient.SqlClient) => Statement.Statement<unknown>

// A database that starts again is there after seconds.
const patience = Schedule.max([Schedule.exponential("200 millis"), Schedule.recurs(7)])

// A select list holds 1,664 entries.
const endsAtOnce = 500

/**
 * Looks at the key, whose values must be there in each row, and finds out its types, since a place is kept as text. Fails
 * where some row has none.
 */
export const make = Effect.fnUntraced(function* (
  name: string,
  query: Query,
  columns: Arr.NonEmptyReadonlyArray<string>,
  part: Part | undefined
): Effect.fn.Return<QueryRows, QueryFailed | QueryKeyInvalid, SqlClient.SqlClient> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const failed = (error: SqlError.SqlError) =>
    new QueryFailed({ query: name, reason: SqlReason.of(error), problem: SqlReason.problem(error) })
  // What failed for the connection's sake is asked again: it only reads.
  const ask = <A>(statement: Effect.Effect<A, SqlError.SqlError>): Effect.Effect<A, QueryFailed> =>
    statement.pipe(
      Effect.retry({
        schedule: patience,
        while: SqlReason.isAway
      }),
      Effect.mapError(failed)
    )
  const listOf = (parts: ReadonlyArray<Statement.Fragment>) => sql.csv(parts)
  const column = (name: string) => sql`q.${sql(name)}`
  const whole = sql`(${query(sql)}\n) AS q`
  // MD5 is the same in every version, and spreads what is numbered, too.
  const table =
    part === undefined
      ? whole
      : sql`(SELECT q.* FROM ${whole} WHERE
          ('x' || left(md5(${column(part.by)}::text), 8))::bit(32)::bigint % ${part.of} = ${part.index}) AS q`
  const key = listOf(columns.map(column))

  const isNull = sql.or(columns.map((name) => sql`${column(name)} IS NULL`))
  const nulls = yield* ask(sql`SELECT 1 AS found FROM ${table} WHERE ${isNull} LIMIT 1`)
  if (nulls.length > 0) return yield* new QueryKeyInvalid({ query: name, key: columns, problem: "Missing" })

  const typeOf = listOf(columns.map((name, index) => sql`pg_typeof(${column(name)})::text AS ${sql(`type_${index}`)}`))
  const [types = {}] = yield* ask(sql<{ readonly [type: string]: string }>`SELECT ${typeOf} FROM ${table} LIMIT 1`)
  const valueOf = (text: string, index: number) => {
    const type = types[`type_${index}`] ?? "text"
    // As a type of a cast, it would have room for one character.
    return sql`${text}::text::${sql.literal(type === "character" ? "bpchar" : type)}`
  }
  const values = (key: Key) => listOf(key.map(valueOf))

  const texts = listOf(columns.map((name, index) => sql`${column(name)}::text AS ${sql(`key_${index}`)}`))
  return {
    page: (from, most) => {
      const where =
        from === undefined
          ? sql``
          : sql`WHERE (${key}) ${sql.literal(from.inclusive ? ">=" : ">")} (${values(from.key)})`
      return Effect.map(
        ask(
          sql<{ readonly [column: string]: string }>`
            SELECT ${texts}, row_to_json(q)::text AS json FROM ${table} ${where} ORDER BY ${key} LIMIT ${most}`
        ),
        Arr.map((row) => ({ key: columns.map((_, index) => row[`key_${index}`] ?? ""), json: row.json ?? "" }))
      )
    },
    counts: (from, ends) =>
      Effect.map(
        Effect.forEach(Arr.chunksOf(ends, endsAtOnce), (some) => {
          const counted = some.map(
            ({ inclusive, key: end }, index) =>
              sql`count(*) FILTER (WHERE (${key}) ${sql.literal(inclusive ? "<=" : "<")} (${values(end)}))::float8
                AS ${sql(`count_${index}`)}`
          )
          return Effect.map(
            ask(
              sql<{ readonly [count: string]: number }>`
                SELECT ${listOf(counted)} FROM ${table} WHERE (${key}) >= (${values(from)})`
            ),
            ([row = {}]) => some.map((_, index) => row[`count_${index}`] ?? 0)
          )
        }),
        Arr.flatten
      )
  }
})
