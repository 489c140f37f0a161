/** Counts and durations as people write them. */
export * as Format from "./base/Format.ts"
/** Why a platform refused, in one word. */
export * as PlatformReason from "./base/PlatformReason.ts"
/** Shows each answer's status and headers to whoever asked for it. */
export * as AnswerObserver from "./http/AnswerObserver.ts"
/** What the vendors' clients share: for clients of other vendors. */
export * as ApiClient from "./http/ApiClient.ts"
/** What can go wrong when a vendor's API is called. */
export * as ApiError from "./http/ApiError.ts"
/** What a client proves with who it is. */
export * as Credentials from "./http/Credentials.ts"
/** An endpoint as a client calls it. */
export * as Endpoint from "./http/Endpoint.ts"
/** Options that cannot be used. */
export * as InvalidConfiguration from "./http/InvalidConfiguration.ts"
/** Which records a refusal names. */
export * as NamedRecords from "./http/NamedRecords.ts"
/** Which vendor answers, where its base URL does not say it. */
export * as VendorInstance from "./http/VendorInstance.ts"
/** What is wrong with an input, said without the input. */
export * as InputIssue from "./json/InputIssue.ts"
/** Fields beyond the documented ones: what they may be. */
export * as OwnFields from "./json/OwnFields.ts"
/** Texts that say who somebody is, which must not be spoiled. */
export * as TextKind from "./json/TextKind.ts"
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
/** How many requests may be in flight. */
export * as ConcurrencyPolicy from "./policy/concurrency/ConcurrencyPolicy.ts"
/** What the policies do while they work. */
export * as PolicyEvent from "./policy/PolicyEvent.ts"
/** Questions for how something stands, asked until it has an end. */
export * as Polling from "./policy/Polling.ts"
/** What was learnt of a rate limit that nobody told. */
export * as RateFinding from "./policy/rate/RateFinding.ts"
/** How many requests may start in a time. */
export * as RateLimitPolicy from "./policy/rate/RateLimitPolicy.ts"
/** When a vendor that keeps failing is left alone. */
export * as CircuitBreakerPolicy from "./policy/retry/CircuitBreakerPolicy.ts"
/** When a request is sent again. */
export * as RetryPolicy from "./policy/retry/RetryPolicy.ts"
/** What sends to one vendor and key, shared by all that send there. */
export * as Sender from "./policy/Sender.ts"
/** The senders of a process, and how to keep some apart. */
export * as Senders from "./policy/Senders.ts"
/** The policies around a request, in the one right order. */
export * as SendPolicy from "./policy/SendPolicy.ts"
/** How an accepted batch is waited for. */
export * as SettlePolicy from "./policy/SettlePolicy.ts"
/** Reach's endpoints, each declared once. */
export * as ReachApi from "./reach/ReachApi.ts"
/** Who calls Reach, and for which tenant. */
export * as ReachAuth from "./reach/ReachAuth.ts"
/** How an accepted Reach batch went, by its id. */
export * as ReachBatch from "./reach/ReachBatch.ts"
/** Reach's customer API, one method an endpoint. */
export * as ReachClient from "./reach/ReachClient.ts"
/** Reach's endpoints as destinations of a sync. */
export * as ReachDestination from "./reach/ReachDestination.ts"
/** Reach's customers, receipts and batch statuses, as schemas. */
export * as ReachSchema from "./reach/ReachSchema.ts"
/** What a Reach batch's status says of its records. */
export * as ReachSettlement from "./reach/ReachSettlement.ts"
/** What compressed sources are decompressed with. */
export * as Decompression from "./source/bytes/Decompression.ts"
/** What Excel workbooks are read with. */
export * as Workbooks from "./source/bytes/Workbooks.ts"
/** Customer files, CSV, NDJSON, JSON and workbooks, as streams of records. */
export * as CustomerFile from "./source/CustomerFile.ts"
/** Which columns become which fields, and how they are read, as a value. */
export * as Mapping from "./source/Mapping.ts"
/** How many records a source has, while it is read. */
export * as RecordCount from "./source/RecordCount.ts"
/** The fields of a schema as texts: cells, flags, forms. */
export * as Cells from "./source/read/Cells.ts"
/** What can go wrong with a customer file. */
export * as CustomerFileError from "./source/read/CustomerFileError.ts"
/** Values that a spreadsheet or a shell spoiled. */
export * as Suspicious from "./source/read/Suspicious.ts"
/** Batches: runs of records that go out in one request each. */
export * as Batch from "./sync/batch/Batch.ts"
/** Records collected into batches. */
export * as Batches from "./sync/batch/Batches.ts"
/** The keys of what is unfinished, which batches are collected around. */
export * as UnfinishedKeys from "./sync/batch/UnfinishedKeys.ts"
/** Records that were refused, with the reason and all that is needed to send them again. */
export * as DeadLetters from "./sync/books/DeadLetters.ts"
/** Dead letters as a CSV, for who puts them right in a spreadsheet. */
export * as DeadLettersCsv from "./sync/books/DeadLettersCsv.ts"
/** The running sum of outcomes, which must equal the records read. */
export * as Ledger from "./sync/books/Ledger.ts"
/** Offsets that are done, as runs: what a checkpoint's position follows from. */
export * as OffsetSet from "./sync/books/OffsetSet.ts"
/** How far a run is. */
export * as Progress from "./sync/books/Progress.ts"
/** What a run did, in numbers. */
export * as SyncReport from "./sync/books/SyncReport.ts"
/** The pipeline: records in, every one accounted for. */
export * as CustomerSync from "./sync/CustomerSync.ts"
/** How far a run has come, kept where a crash cannot reach it. */
export * as Checkpoint from "./sync/checkpoint/Checkpoint.ts"
/** Many elements at once, but never two that share a key. */
export * as Dispatch from "./sync/deliver/Dispatch.ts"
/** Which records of a refused batch are to blame. */
export * as Isolate from "./sync/deliver/Isolate.ts"
/** What a source yields: customer patches, each with its place in the source. */
export * as CustomerRecord from "./sync/model/CustomerRecord.ts"
/** An endpoint that takes batches, together with how it behaves. */
export * as Destination from "./sync/model/Destination.ts"
/** How one record ended. */
export * as Outcome from "./sync/model/Outcome.ts"
/** A sync without the sending: what would be read, refused, batched and requested. */
export * as Plan from "./sync/Plan.ts"
/** The JSON of each record, made once. */
export * as Encode from "./sync/record/Encode.ts"
/** Records whose JSON stands ready in bytes. */
export * as EncodedRecord from "./sync/record/EncodedRecord.ts"
/** Where records come from, and how reading them is taken up again. */
export * as Source from "./sync/record/Source.ts"
/** What a source has to tell of itself, once a run. */
export * as SourceNote from "./sync/record/SourceNote.ts"
/** Syncs for a stream of tenants, each in its turn. */
export * as TenantSync from "./tenants/TenantSync.ts"
/** What a run for many tenants did, in numbers. */
export * as TenantsReport from "./tenants/TenantsReport.ts"
