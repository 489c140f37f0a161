/**
 * Syncs as durable workflows, on Effect's own cluster.
 *
 * @since 0.1.0
 */

export * as SyncCluster from "./SyncCluster.ts"
export * as SyncWorkflow from "./SyncWorkflow.ts"
