/**
 * What is for Node alone.
 *
 * @since 0.1.0
 */

/** Requests by undici, for bodies by the thousand. */
export * as NodeHttp from "./NodeHttp.ts"
/** What a process keeps in memory for new objects. */
export * as NodeMemory from "./NodeMemory.ts"
