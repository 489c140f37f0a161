/**
 * What keeps a sync in PostgreSQL, on Effect's `SqlClient`.
 *
 * @since 0.1.0
 */
export * as CustomerQuery from "./CustomerQuery.ts"
export * as SqlCheckpoint from "./SqlCheckpoint.ts"
export * as SqlCircuitBreakerStore from "./SqlCircuitBreakerStore.ts"
export * as SqlDeadLetters from "./SqlDeadLetters.ts"
export * as SqlRateLimiterStore from "./SqlRateLimiterStore.ts"
