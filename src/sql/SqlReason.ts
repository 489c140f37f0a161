/** Why a database failed: no value and no address of it is repeated. */
import * as Predicate from "effect/Predicate"
import type * as Migrator from "effect/sql/Migrator"
import type * as SqlError from "effect/sql/SqlError"

/** `ConnectionError`, `UniqueViolation` …, or what the migrator says. */
export const of = (error: SqlError.SqlError | Migrator.MigrationError): string =>
  error._tag === "SqlError" ? error.reason._tag : `MigrationError: ${error.kind}`

/** What the database says of a statement that it does not understand or allow: names of tables and columns. */
export const problem = ({ reason }: SqlError.SqlError): string | undefined => {
  if (reason._tag !== "SqlSyntaxError" && reason._tag !== "AuthorizationError") return undefined
  return Predicate.hasProperty(reason.cause, "message") && Predicate.isString(reason.cause.message)
    ? reason.cause.message
    : undefined
}
