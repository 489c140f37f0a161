/** Why a database failed: no value and no address of it is repeated. */
import * as Predicate from "effect/Predicate"
import type * as Migrator from "effect/sql/Migrator"
import type * as SqlError from "effect/sql/SqlError"

/** `ConnectionError`, `UniqueViolation` …, or what the migrator says. */
export const of = (error: SqlError.SqlError | Migrator.MigrationError): string =>
  error._tag === "MigrationError"
    ? `MigrationError: ${error.kind}`
    : isAway(error)
      ? "ConnectionError"
      : error.reason._tag

/** Whether the database could not be asked, and may be later. */
export const isAway = ({ reason }: SqlError.SqlError): boolean =>
  reason._tag === "ConnectionError" || (reason._tag === "UnknownError" && isShuttingDown(reason.cause))

// Appendix A of PostgreSQL's manual: class 53 is insufficient resources, 57P01 to 57P03 an administrator's shutdown and start.
const isShuttingDown = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) && /^(?:53|57P)/.test(cause.code)

/** What the database says of a statement that it does not understand or allow: names of tables and columns. */
export const problem = ({ reason }: SqlError.SqlError): string | undefined => {
  if (reason._tag !== "SqlSyntaxError" && reason._tag !== "AuthorizationError") return undefined
  return Predicate.hasProperty(reason.cause, "message") && Predicate.isString(reason.cause.message)
    ? reason.cause.message
    : undefined
}
