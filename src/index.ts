/** What can go wrong when a vendor's API is called. */
export * as ApiError from "./http/ApiError.ts"
/** What is wrong with an input, said without the input. */
export * as InputIssue from "./http/InputIssue.ts"
/** Options that cannot be used. */
export * as InvalidConfiguration from "./http/InvalidConfiguration.ts"
/** Pocketflows' endpoint, declared once. */
export * as PocketflowsApi from "./pocketflows/PocketflowsApi.ts"
/** Who calls Pocketflows. */
export * as PocketflowsAuth from "./pocketflows/PocketflowsAuth.ts"
/** Pocketflows' customer API, one method an endpoint. */
export * as PocketflowsClient from "./pocketflows/PocketflowsClient.ts"
/** Pocketflows' endpoint as the destination of a sync. */
export * as PocketflowsDestination from "./pocketflows/PocketflowsDestination.ts"
/** Pocketflows' customers, as schemas. */
export * as PocketflowsSchema from "./pocketflows/PocketflowsSchema.ts"
/** When a batch is full. */
export * as BatchPolicy from "./policy/BatchPolicy.ts"
/** How many requests may start in a time. */
export * as RateLimitPolicy from "./policy/RateLimitPolicy.ts"
/** When a request is sent again. */
export * as RetryPolicy from "./policy/RetryPolicy.ts"
/** Reach's endpoints, each declared once. */
export * as ReachApi from "./reach/ReachApi.ts"
/** Who calls Reach, and for which tenant. */
export * as ReachAuth from "./reach/ReachAuth.ts"
/** Reach's customer API, one method an endpoint. */
export * as ReachClient from "./reach/ReachClient.ts"
/** Reach's endpoints as destinations of a sync. */
export * as ReachDestination from "./reach/ReachDestination.ts"
/** Reach's customers, receipts and batch statuses, as schemas. */
export * as ReachSchema from "./reach/ReachSchema.ts"
/** Customer files, CSV and NDJSON, as streams of records. */
export * as CustomerFile from "./source/CustomerFile.ts"
/** What can go wrong with a customer file. */
export * as CustomerFileError from "./source/CustomerFileError.ts"
/** What a source yields: customer patches, each with its place in the source. */
export * as CustomerRecord from "./sync/CustomerRecord.ts"
/** The pipeline: records in, every one accounted for. */
export * as CustomerSync from "./sync/CustomerSync.ts"
/** Records that were refused, with the reason and all that is needed to send them again. */
export * as DeadLetters from "./sync/DeadLetters.ts"
/** An endpoint that takes batches, together with how it behaves. */
export * as Destination from "./sync/Destination.ts"
/** The running sum of outcomes, which must equal the records read. */
export * as Ledger from "./sync/Ledger.ts"
/** How one record ended. */
export * as Outcome from "./sync/Outcome.ts"
/** How far a run is. */
export * as Progress from "./sync/Progress.ts"
/** What a run did, in numbers. */
export * as SyncReport from "./sync/SyncReport.ts"
