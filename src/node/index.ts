/**
 * What is for Node alone.
 *
 * @since 0.1.0
 */

/** Decompression of sources by Node's own zlib. */
export * as NodeDecompression from "./NodeDecompression.ts"
/** Requests by undici, for bodies by the thousand. */
export * as NodeHttp from "./NodeHttp.ts"
/** What a process keeps in memory for new objects. */
export * as NodeMemory from "./NodeMemory.ts"
/** Excel workbooks, by a package that is installed beside this one. */
export * as NodeWorkbooks from "./NodeWorkbooks.ts"
