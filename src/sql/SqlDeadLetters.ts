/**
 * Dead letters in a table of PostgreSQL, beside a checkpoint there.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as InputIssue from "../json/InputIssue.ts"
import {
  DeadLetter,
  type DeadLetters,
  DeadLettersUnreadable,
  DeadLettersUnwritable,
  type OpenDeadLetters
} from "../sync/books/DeadLetters.ts"
import { CheckpointUnwritable } from "../sync/checkpoint/CheckpointError.ts"
import type { Joint } from "../sync/checkpoint/OpenCheckpoint.ts"
import * as SqlReason from "./SqlReason.ts"
import * as Tables from "./Tables.ts"

// So many letters wait for the next state of the checkpoint; more are written by themselves.
const mostWaiting = 1000

/**
 * Letters under a key, in the table `patchbay_dead_letters`, which is made where it is missing. A letter is one row, by
 * the run and the offset of its record, and is written again without harm.
 *
 * With a `SqlCheckpoint` of the same client, letters are written in the transaction of the position that passes them, so
 * that there is one of each, and a run that was taken over writes none. With another checkpoint, or none, they are written
 * at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (key: string): DeadLetters<SqlClient.SqlClient> => ({
  open: Effect.fnUntraced(function* (options) {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const unwritable = (error: SqlError.SqlError | Migrator.MigrationError) =>
      new DeadLettersUnwritable({ destination: key, reason: SqlReason.of(error) })
    yield* Effect.mapError(Effect.provideService(Tables.make, SqlClient.SqlClient, sql), unwritable)
    const startedAt = options?.startedAt ?? 0
    const insert = (letters: ReadonlyArray<DeadLetter>): Effect.Effect<void, SqlError.SqlError> => {
      if (!Arr.isReadonlyArrayNonEmpty(letters)) return Effect.void
      const rows = Arr.map(lastOfEach(letters), (letter) => row(key, startedAt, letter))
      return Effect.asVoid(sql`
        INSERT INTO patchbay_dead_letters ${sql.insert(rows)}
        ON CONFLICT (letters, run_started_at, record_offset) DO UPDATE SET letter = EXCLUDED.letter`)
    }
    const joint = options?.checkpoint?.joint
    return joint?.client === sql.transactionService
      ? together(joint, insert, key)
      : { write: (letters) => Effect.mapError(insert(letters), unwritable) }
  })
})

/**
 * They wait for the next state. The position cannot pass them before: a crash until then lets their records be read
 * again.
 */
const together = (
  joint: Joint,
  insert: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, SqlError.SqlError>,
  key: string
): OpenDeadLetters => {
  let waiting: Array<DeadLetter> = []
  const flush = Effect.suspend(() => {
    const letters = waiting
    waiting = []
    return insert(letters).pipe(
      Effect.mapError((error) => new CheckpointUnwritable({ checkpoint: key, reason: SqlReason.of(error) })),
      Effect.onError(() =>
        Effect.sync(() => {
          waiting = [...letters, ...waiting]
        })
      )
    )
  })
  joint.each(() => waiting.length > 0, flush)
  return {
    write: (letters) =>
      Effect.suspend(() => {
        for (const letter of letters) waiting.push(letter)
        return waiting.length < mostWaiting ? Effect.void : joint.transaction(flush)
      }).pipe(
        Effect.mapError(
          (error) =>
            new DeadLettersUnwritable({
              destination: key,
              reason: error._tag === "CheckpointUnwritable" ? error.reason : error._tag
            })
        )
      )
  }
}

const row = (key: string, startedAt: number, letter: DeadLetter) => ({
  letters: key,
  run_started_at: startedAt,
  record_offset: letter.offset,
  letter: JSON.stringify(letter)
})

// One statement must not change a row twice.
const lastOfEach = (letters: Arr.NonEmptyReadonlyArray<DeadLetter>) =>
  Arr.dedupeWith(Arr.reverse(letters), (a, b) => a.offset === b.offset)

// Rows that are read at once.
const pageSize = 1000

/**
 * The letters under a key, by run and offset: the rows that were there when it was asked for each thousand of them.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (key: string): Stream.Stream<DeadLetter, DeadLettersUnreadable, SqlClient.SqlClient> =>
  Stream.unwrap(
    Effect.map(SqlClient.SqlClient, (client) => {
      const sql = client.withoutTransforms()
      const unreadable = (reason: string, issues: ReadonlyArray<InputIssue.InputIssue>) =>
        new DeadLettersUnreadable({ source: key, reason, line: undefined, issues })
      const page = ({ offset, run }: Place) =>
        sql<Row>`
          SELECT run_started_at::text AS run, record_offset::text AS offset, letter::text AS letter
          FROM patchbay_dead_letters
          WHERE letters = ${key} AND (run_started_at, record_offset) > (${run}::bigint, ${offset}::bigint)
          ORDER BY run_started_at, record_offset LIMIT ${pageSize}`.pipe(
          Effect.mapError((error) => unreadable(SqlReason.of(error), [])),
          Effect.map((rows) => [rows, Option.map(Arr.last(rows), identity<Place>)] as const)
        )
      return Stream.paginate<Place, Row, DeadLettersUnreadable>({ run: "-1", offset: "-1" }, page).pipe(
        Stream.mapEffect(({ letter }) =>
          Effect.mapError(decode(letter), ({ issue }) =>
            unreadable("SchemaMismatch", InputIssue.fromSchemaIssue(issue))
          )
        )
      )
    })
  )

interface Place {
  readonly run: string
  readonly offset: string
}

interface Row extends Place {
  readonly letter: string
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(DeadLetter))
