/**
 * Both vendors on this machine, for tests and for trying things out.
 *
 * @since 0.1.0
 */

/** Reach's queue of accepted batches, and how it is told to behave. */
export * as BatchQueue from "./BatchQueue.ts"
/** What a vendor holds, held against what it should hold. */
export * as Comparison from "./Comparison.ts"
/** How the sandbox misbehaves. */
export * as Fault from "./Fault.ts"
/** Fault rules as text, for a command line or a file. */
export * as FaultText from "./FaultText.ts"
/** What came to the sandbox and what it wrote. */
export * as Journal from "./Journal.ts"
/** Pocketflows' side: its options. */
export * as PocketflowsSandbox from "./PocketflowsSandbox.ts"
/** The sandbox's own limit on requests. */
export * as RateLimit from "./RateLimit.ts"
/** What Reach takes for a customer, and how it keeps one. */
export * as ReachRecord from "./ReachRecord.ts"
/** Reach's side: its options. */
export * as ReachSandbox from "./ReachSandbox.ts"
/** The service: both vendors, their state and their journal. */
export * as Sandbox from "./Sandbox.ts"
/** The sandbox as an `HttpClient`, with nothing that listens. */
export * as SandboxClient from "./SandboxClient.ts"
/** The sandbox as an HTTP server on loopback. */
export * as SandboxServer from "./SandboxServer.ts"
/** The customers and batches of a sandbox in a file, so that it can be stopped and started again. */
export * as StateFile from "./StateFile.ts"
