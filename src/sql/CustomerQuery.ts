/**
 * Customers out of PostgreSQL: a query as a source that can be resumed.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import { InvalidConfiguration } from "../http/InvalidConfiguration.ts"
import * as JsonText from "../json/JsonText.ts"
import * as FileFingerprint from "../source/FileFingerprint.ts"
import type { FieldOf } from "../source/FileOptions.ts"
import * as MappedSchema from "../source/mapping/MappedSchema.ts"
import * as NdjsonReader from "../source/ndjson/NdjsonReader.ts"
import * as Cells from "../source/read/Cells.ts"
import * as FieldNames from "../source/read/FieldNames.ts"
import { ReadNotes } from "../source/read/ReadNotes.ts"
import * as RecordDecoder from "../source/read/RecordDecoder.ts"
import type * as Suspicious from "../source/read/Suspicious.ts"
import type { CustomerRecord, SourcePosition } from "../sync/model/CustomerRecord.ts"
import * as Source from "../sync/record/Source.ts"
import { QueryFailed, QueryKeyInvalid } from "./CustomerQueryError.ts"
import * as QueryRows from "./QueryRows.ts"
import * as SqlReason from "./SqlReason.ts"

export * from "./CustomerQueryError.ts"

/**
 * What a query selects, given a client. It must not end in a semicolon, and needs no `ORDER BY`.
 *
 * @category models
 * @since 0.1.0
 */
export type Query = QueryRows.Query

/**
 * How rows become records.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface RowOptions<Field extends string = string> {
  /** What messages and the fingerprint call it. Default: `the query`. */
  readonly name?: string | undefined
  /** Field to column, where that has another name: `{ customerId: "id" }`. */
  readonly columns?: { readonly [F in Field]?: string | undefined } | undefined
  /**
   * What NULL means: that the field is absent, so that the vendor keeps what it has, or that it is null, so that the vendor
   * deletes it. Inside of a JSON column, null is null. Default: `absent`.
   */
  readonly nulls?: "absent" | "delete" | undefined
  /** What happens to columns that are no field of the schema. The key is left out by itself. Default: the record is rejected. */
  readonly otherColumns?: "refuse" | "ignore" | undefined
  /** Checks for spoiled ids and phone numbers that are switched off, by name. Default: none, so that they are rejected. */
  readonly allowSuspicious?: ReadonlyArray<Suspicious.Check> | undefined
}

/**
 * How a query is read.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<Field extends string = string> extends RowOptions<Field> {
  /**
   * The columns of the query that tell its rows apart: unique together, and never NULL. Rows are read in the order of
   * their values, so an index on them is what makes it fast.
   */
  readonly key: string | Arr.NonEmptyReadonlyArray<string>
  /**
   * Reads one part of the rows, by a hash of the column `by`: who is in a part stays in it, and all parts together are the
   * whole. `by` must be what tells customers apart. The other rows are left out by the database. Default: all rows.
   */
  readonly part?: { readonly by: string; readonly index: number; readonly of: number } | undefined
  /** Rows that are read at once. Default: 5,000. */
  readonly pageSize?: number | undefined
}

/**
 * The rows of a query, in the order of a key. Each record's position is its key: in the checkpoint and in dead letters,
 * and a run that goes on seeks it instead of reading what came before.
 *
 * Rows are read as PostgreSQL writes them in JSON: numbers to the digit (one that JavaScript cannot hold is rejected; write
 * `id::text`), `timestamptz` with its offset, `date` and `timestamp` as they are, which no field of a date-time takes, JSON
 * columns as what they hold.
 *
 * Each page is one statement. A row that is inserted, deleted or changed while it is read is read if it stands behind the
 * page that was read last; what stood there all the time is read once. A run that goes on finds the rows of an earlier one
 * by their keys, whatever came or went between them.
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import { Config, Console, Effect, Stream } from "effect"
 * import { ReachSchema } from "effect-patchbay"
 * import { CustomerQuery } from "effect-patchbay/sql"
 *
 * export const program = CustomerQuery.read(
 *   (sql) => sql`SELECT id::text AS "customerId", last_name AS "lastName" FROM customers WHERE deleted_at IS NULL`,
 *   ReachSchema.CustomerPatch,
 *   { key: "customerId" }
 * ).pipe(
 *   Stream.runForEach((record) => Console.log(record)),
 *   Effect.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = <S extends Schema.ConstraintDecoder<unknown>>(
  query: Query,
  schema: S,
  options: Options<FieldOf<S>>
): Source.Source<S["Type"], QueryError, SqlClient.SqlClient> => {
  const name = options.name ?? "the query"
  const key = typeof options.key === "string" ? Arr.of(options.key) : options.key
  const pageSize = options.pageSize ?? 5000
  const rows = QueryRows.make(name, query, key, options.part)
  // Of the last reading.
  let notes: ReadNotes | undefined
  return Source.make<S["Type"], QueryError, SqlClient.SqlClient, QueryRows.Key>({
    notes: () => notes?.list() ?? [],
    place: Schema.Array(Schema.String),
    shared: true,
    fingerprint: fingerprint(name, query, schema, options),
    from: (position) =>
      Stream.unwrap(
        Effect.gen(function* () {
          notes = new ReadNotes()
          const toRecord = yield* reader(schema, options, key, notes)
          if (!(Number.isSafeInteger(pageSize) && pageSize > 0)) {
            return yield* new InvalidConfiguration({ option: "pageSize", problem: "must be a whole number above 0" })
          }
          return pages(yield* rows, { name, key, pageSize }, position).pipe(
            Stream.map(({ offset, row }) => toRecord(row.json, offset, { offset, place: row.key }))
          )
        })
      ),
    recount: (from, ends) =>
      Effect.flatMap(rows, ({ counts }) =>
        counts(
          from.place,
          ends.map(({ inclusive, place }) => ({ key: place, inclusive }))
        )
      )
  })
}

/**
 * Why the customers of a query cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export type QueryError = InvalidConfiguration | QueryFailed | QueryKeyInvalid

interface Numbered {
  readonly offset: number
  readonly row: QueryRows.Row
}

// One row more than is given out is asked for: it tells whether the next page begins with the same key.
const pages = (
  rows: QueryRows.QueryRows,
  {
    key,
    name,
    pageSize
  }: { readonly name: string; readonly key: Arr.NonEmptyReadonlyArray<string>; readonly pageSize: number },
  position: SourcePosition<QueryRows.Key> | undefined
): Stream.Stream<Numbered, QueryFailed | QueryKeyInvalid> => {
  let offset = position?.offset ?? 0
  const start = position && { key: position.place, inclusive: true }
  return Stream.paginate(start, (from) =>
    Effect.flatMap(rows.page(from, pageSize + 1), (found) => {
      for (let i = 1; i < found.length; i++) {
        if (isSame(found[i - 1]?.key, found[i]?.key)) {
          return Effect.fail(new QueryKeyInvalid({ query: name, key, problem: "NotUnique" }))
        }
      }
      const page = found.slice(0, pageSize)
      const last = found.length > pageSize ? page.at(-1) : undefined
      return Effect.succeed([
        page.map((row): Numbered => ({ offset: offset++, row })),
        Option.map(Option.fromUndefinedOr(last), ({ key }) => ({ key, inclusive: false }))
      ] as const)
    })
  )
}

const isSame = (a: QueryRows.Key | undefined, b: QueryRows.Key | undefined): boolean =>
  a !== undefined && b !== undefined && a.every((value, index) => value === b[index])

/**
 * The rows of a query as they all were at one moment, in the order in which it gives them. They have no places: it cannot
 * be resumed, and is no source of a run with a checkpoint. The database keeps the moment, and what was deleted since, for
 * as long as it is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const snapshot = <S extends Schema.ConstraintDecoder<unknown>>(
  query: Query,
  schema: S,
  options: RowOptions<FieldOf<S>> = {}
): Stream.Stream<CustomerRecord<S["Type"]>, QueryError, SqlClient.SqlClient> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const sql = (yield* SqlClient.SqlClient).withoutTransforms()
      const toRecord = yield* reader(schema, options, [], new ReadNotes())
      let offset = 0
      // One statement is one moment.
      return sql<{
        readonly json: string
      }>`SELECT row_to_json(q)::text AS json FROM (${query(sql)}\n) AS q`.stream.pipe(
        Stream.mapError(
          (error) =>
            new QueryFailed({
              query: options.name ?? "the query",
              reason: SqlReason.of(error),
              problem: SqlReason.problem(error)
            })
        ),
        Stream.map(({ json }) => toRecord(json, offset++, undefined))
      )
    })
  )

type ToRecord<A> = (json: string, offset: number, position: SourcePosition | undefined) => CustomerRecord<A>

const reader = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  { allowSuspicious, columns, nulls, otherColumns }: RowOptions<string>,
  key: ReadonlyArray<string>,
  notes: ReadNotes
): Effect.Effect<ToRecord<S["Type"]>, InvalidConfiguration> => {
  const fields = Cells.fields(schema.ast)
  const unknown = Object.keys(columns ?? {}).find((field) => fields.others === undefined && !fields.named.has(field))
  if (unknown !== undefined) {
    return Effect.fail(new InvalidConfiguration({ option: `columns.${unknown}`, problem: "is no field of the schema" }))
  }
  const names = FieldNames.make(fields, columns)
  const unwanted = new Set(key.filter((column) => names.fieldsOf(column).length === 0))
  const decoder = RecordDecoder.make(schema, { allowSuspicious, notes })
  const toRecord = NdjsonReader.value({ fields, columns, otherColumns, decoder })
  const isLeftOut = (column: string, value: unknown) =>
    unwanted.has(column) || (value === null && (nulls ?? "absent") === "absent")
  return Effect.succeed((json, offset, position) => {
    const { issues, value } = JsonText.parse(json)
    // What `row_to_json` makes is an object.
    const row = Object.fromEntries(
      Object.entries(value as object).filter(([column, value]) => !isLeftOut(column, value))
    )
    const told = issues.filter(({ path: [column] }) => typeof column !== "string" || !unwanted.has(column))
    return { ...toRecord({ value: row, issues: told }, undefined, offset, offset + 1, position), line: undefined }
  })
}

const fingerprint = <S extends Schema.Constraint>(
  name: string,
  query: Query,
  schema: S,
  { allowSuspicious, columns, key, nulls, otherColumns, part }: Options<string>
) =>
  Effect.gen(function* () {
    const mapped = MappedSchema.of(schema)
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const [database] = yield* sql<{ readonly name: string }>`SELECT current_database() AS name`.pipe(
      Effect.mapError((error) => new QueryFailed({ query: name, reason: SqlReason.of(error), problem: undefined }))
    )
    return {
      source: name,
      database: database?.name ?? "",
      // Its parameters may be of a customer.
      query: FileFingerprint.digest(JSON.stringify(query(sql).compile())),
      key: JSON.stringify(key),
      ...(part === undefined ? {} : { part: `${part.index + 1} of ${part.of}, by ${part.by}` }),
      "reading options": JSON.stringify({ columns, nulls, otherColumns, allowSuspicious }),
      ...(mapped === undefined ? {} : { mapping: FileFingerprint.digest(JSON.stringify(mapped.mapping)) }),
      schema: FileFingerprint.shapeOf(mapped?.to ?? schema)
    }
  })
