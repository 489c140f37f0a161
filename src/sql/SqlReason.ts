/** Why a database failed, in a word: no statement, no value and no address of it is repeated. */
import type * as Migrator from "effect/sql/Migrator"
import type * as SqlError from "effect/sql/SqlError"

/** `ConnectionError`, `UniqueViolation` …, or what the migrator says. */
export const of = (error: SqlError.SqlError | Migrator.MigrationError): string =>
  error._tag === "SqlError" ? error.reason._tag : `MigrationError: ${error.kind}`
