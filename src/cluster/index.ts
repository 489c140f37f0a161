/**
 * Syncs as durable workflows, on Effect's own cluster.
 *
 * @since 0.1.0
 */
/** What runs do, seen from outside. */
export * as Runs from "./Runs.ts"
/** The cluster that executes syncs. */
export * as SyncCluster from "./SyncCluster.ts"
/** A sync as a durable workflow. */
export * as SyncWorkflow from "./SyncWorkflow.ts"
