/**
 * Why the customers of a query cannot be read. Single rows that do not fit are no errors: they are records too.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The database did not answer the query. What failed for the connection's sake was asked again for some twenty seconds.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueryFailed extends Schema.TaggedError<QueryFailed>()("QueryFailed", {
  /** Its name. */
  query: Schema.String,
  /** The kind of failure: `ConnectionError`, `SqlSyntaxError`, `AuthorizationError`, `StatementTimeoutError` … */
  reason: Schema.String,
  /** What the database says of the statement, where that holds none of its data. */
  problem: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    const problem = this.problem === undefined ? "" : `: ${this.problem}`
    const next =
      this.reason === "ConnectionError"
        ? "Check that it runs and can be reached, then run again."
        : "Correct the query, or the rights of its user."
    return `The database did not answer ${this.query} (${this.reason})${problem}. ${next}`
  }
}

/**
 * The key does not tell each row from all others, so that nobody could say where reading stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueryKeyInvalid extends Schema.TaggedError<QueryKeyInvalid>()("QueryKeyInvalid", {
  /** Its name. */
  query: Schema.String,
  /** The columns of the key. */
  key: Schema.Array(Schema.String),
  /** `Missing`: some row has no value there. `NotUnique`: two rows have the same values. */
  problem: Schema.Literals(["Missing", "NotUnique"])
}) {
  override get message(): string {
    const key = this.key.join(", ")
    return this.problem === "Missing"
      ? `Some row of ${this.query} has NULL in its key (${key}), and could not be found again. Leave such rows out, or take other columns.`
      : `Two rows of ${this.query} have the same key (${key}), so that reading could not go on between them. Add columns that tell them apart.`
  }
}
