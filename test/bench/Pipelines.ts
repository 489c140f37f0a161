/**
 * Patchbay with everything on, and stage by stage, so that a regression can be placed. Each yields how many records it
 * handled.
 */
import { join } from "node:path"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import {
  Batch,
  Batches,
  BatchPolicy,
  Checkpoint,
  ConcurrencyPolicy,
  CustomerFile,
  CustomerRecord,
  CustomerSync,
  DeadLetters,
  Dispatch,
  Encode,
  Mapping,
  RateLimitPolicy,
  ReachClient,
  ReachDestination,
  ReachSchema,
  RetryPolicy,
  SendPolicy,
  Source
} from "effect-patchbay"
import type { Job } from "./Contender.ts"
import * as Patches from "./Patches.ts"

const to = ReachDestination.batchPatch({ tenant: "bench" })
const retry = RetryPolicy.make({ maxElapsed: "15 minutes" })
// It counts, and never limits.
const rateLimit = RateLimitPolicy.make({ limit: 1_000_000, window: "1 second" })
const batchPolicy = ({ batch }: Job) => BatchPolicy.make({ maxRecords: batch, maxBytes: 4_000_000 })

const options = (job: Job) => ({
  to,
  batch: batchPolicy(job),
  retry,
  rateLimit,
  concurrency: job.concurrency,
  settle: "accepted" as const,
  checkpoint: Checkpoint.file(join(job.folder, "checkpoint")),
  deadLetters: DeadLetters.file(join(job.folder, "dead-letters.ndjson"))
})

const sync = <E>(job: Job, records: Source.Source<ReachSchema.CustomerPatch, E, FileSystem.FileSystem>) => {
  let shown = 0
  return records.pipe(
    CustomerSync.run({
      ...options(job),
      onProgress: ({ read }) =>
        Effect.sync(() => {
          shown = read
        })
    }),
    Effect.map(({ outcomes }) => (shown === job.records ? outcomes.Accepted : 0))
  )
}

const csv = (job: Job) => CustomerFile.read(job.csv, ReachSchema.CustomerPatch)

export const everything = (job: Job) => sync(job, csv(job))

const text = (from: string): Mapping.FieldMapping => ({ from, trim: true })
const consent = (from: string): Mapping.FieldMapping => ({ from, words: "yes/no", means: "optOut" })

/** Names, trim and words, for every field that can have them: of the same file, so that nothing else differs. */
const mapping = Mapping.schema(
  {
    fields: {
      customerId: text("customerId"),
      firstName: text("firstName"),
      lastName: text("lastName"),
      createdAt: text("createdAt"),
      email: text("email"),
      phone: text("phone"),
      emailOptOut: consent("emailOptOut"),
      smsOptOut: consent("smsOptOut"),
      customerDetailUrl: text("customerDetailUrl")
    }
  },
  ReachSchema.CustomerPatch
)

export const mapped = (job: Job) => sync(job, CustomerFile.read(job.csv, mapping))

const ndjson = (job: Job) => CustomerFile.read(job.ndjson, ReachSchema.CustomerPatch)

export const fromNdjson = (job: Job) => sync(job, ndjson(job))

/** The CSV, in gzip. */
export const fromGzip = (job: Job) => everything({ ...job, csv: job.gzip ?? "" })

/** The CSV, in UTF-16. */
export const fromUtf16 = (job: Job) => everything({ ...job, csv: job.utf16 ?? "" })

const named = <E, R>(job: Job, patches: Stream.Stream<ReachSchema.CustomerPatch, E, R>) =>
  Source.withFingerprint(CustomerRecord.fromPatches(patches), { seed: String(job.seed) })

const inMemory = (job: Job, dates: Patches.Dates) =>
  named(job, Stream.fromIterable(Patches.make({ ...job, dates }), { chunkSize: 1000 }))

/** These make their records at once, and yield the run. */
export const dated = (job: Job) => sync(job, inMemory(job, "dated"))
export const undated = (job: Job) => sync(job, inMemory(job, "undated"))

/** An app that offers them one by one, each in a step of its own, and a sync that takes what there is. */
export const queued = (job: Job) => {
  const patches = Patches.make({ ...job, dates: "dated" })
  return Effect.gen(function* () {
    const queue = yield* Queue.bounded<ReachSchema.CustomerPatch, Cause.Done>(1000)
    const offered = Effect.forEach(patches, (patch) => Queue.offer(queue, patch), { discard: true })
    yield* Effect.forkScoped(Effect.andThen(offered, Queue.end(queue)))
    return yield* sync(job, named(job, Stream.rechunk(Stream.fromQueue(queue), 1)))
  })
}

/** An app that takes the outcome of each record. */
export const outcomes = (job: Job) => {
  const records = inMemory(job, "dated")
  return Effect.suspend(() => {
    let accepted = 0
    return records.pipe(
      CustomerSync.outcomes(options(job)),
      Stream.runForEach(({ _tag }) =>
        Effect.sync(() => {
          if (_tag === "Accepted") accepted++
        })
      ),
      Effect.map(() => accepted)
    )
  })
}

/** An app that patches customers one by one. */
export const calls = (job: Job) => {
  const patches = Patches.make({ ...job, dates: "dated" })
  return Effect.gen(function* () {
    const reach = yield* ReachClient.ReachClient
    const patch = (one: ReachSchema.CustomerPatch) => reach.patchCustomer(one.customerId, one)
    yield* Effect.forEach(patches, patch, { concurrency: job.concurrency, discard: true })
    return patches.length
  })
}

/** Counts what comes out, array by array. */
const count = <A, E, R>(stream: Stream.Stream<A, E, R>, records: (element: A) => number) =>
  Effect.suspend(() => {
    let sum = 0
    return stream.pipe(
      Stream.runForEachArray((elements) =>
        Effect.sync(() => {
          for (const element of elements) sum += records(element)
        })
      ),
      Effect.map(() => sum)
    )
  })

const one = () => 1
const inBatch = ({ records }: Batch.Batch<unknown>) => records.length

const encoder = (job: Job) => Encode.encoder(batchPolicy(job), to)
const encoded = <E, R>(job: Job, records: Source.Source<ReachSchema.CustomerPatch, E, R>) =>
  Source.encoded(records, encoder(job))(undefined)
const transcoded = (job: Job) => encoded(job, csv(job))
const batched = (job: Job) =>
  transcoded(job).pipe(Stream.filter(Encode.isSendable), Batches.collect(batchPolicy(job), to))

export const read = (job: Job) => count(csv(job), one)

/** What a source does for a destination of another schema, or once somebody has changed its records. */
export const encode = (job: Job) => count(csv(job).pipe(Encode.encode(batchPolicy(job), to)), one)

/** What a source does for a destination of its own schema. */
export const transcode = (job: Job) => count(transcoded(job), one)

/** The same out of NDJSON. */
export const transcodeNdjson = (job: Job) => count(encoded(job, ndjson(job)), one)

export const batch = (job: Job) => count(batched(job), inBatch)

export const dispatch = (job: Job) =>
  count(
    batched(job).pipe(Dispatch.mapEffect((batch) => Effect.succeed(batch), { keys: Batch.keys, window: 64 })),
    inBatch
  )

export const send = (job: Job) =>
  Effect.gen(function* () {
    const policy = yield* SendPolicy.make({
      ...(yield* to.address ?? Effect.succeed({ vendor: to.vendor, tenant: to.tenant })),
      retry,
      rateLimit,
      concurrency: ConcurrencyPolicy.fixed(job.concurrency)
    })
    const deliver = ({ envelope, records }: Batch.Batch<ReachSchema.CustomerPatch>) =>
      policy.run(
        Effect.suspend(() => to.send({ body: Batch.body({ records, envelope }), records })),
        { endpoint: to.name, resend: "safe", records: records.length }
      )
    return yield* count(
      batched(job).pipe(Dispatch.mapEffect(deliver, { keys: Batch.keys, window: 64 })),
      ({ recordCount }) => recordCount
    )
  })
