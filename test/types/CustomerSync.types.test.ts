import { describe, expectTypeOf, it } from "@effect/vitest"
import { type Effect, type FileSystem, Schema, Stream } from "effect"
import {
  type ApiError,
  BatchPolicy,
  Checkpoint,
  CustomerFile,
  CustomerRecord,
  CustomerSync,
  DeadLetters,
  type Destination,
  Encode,
  Plan,
  PocketflowsDestination,
  type PocketflowsSchema,
  type ReachClient,
  ReachDestination,
  ReachSchema,
  type RetryPolicy,
  type Source
} from "../../src/index.ts"
import type { DestinationFailed } from "../../src/sync/deliver/Contain.ts"

// Never run: only the compiler reads them.
const compile = (_: () => unknown): void => undefined

const batchPatch = ReachDestination.batchPatch()
const patch = ReachDestination.patch()
const upsert = ReachDestination.create()
const insert = ReachDestination.create({ onConflict: "reject" })
const batchUpdate = PocketflowsDestination.batchUpdate({ business: "shop" })

describe("options that are unlawful for a destination do not compile", () => {
  it("settling is for destinations that apply later", () => {
    compile(() => CustomerSync.run({ to: batchPatch, settle: "accepted" }))
    // @ts-expect-error the answer is the result
    compile(() => CustomerSync.run({ to: batchUpdate, settle: "applied" }))
    // @ts-expect-error the answer is the result
    compile(() => CustomerSync.run({ to: patch, settle: "accepted" }))
  })
  it("two records of one key stay in one batch only where it keeps order", () => {
    compile(() => CustomerSync.run({ to: batchPatch, sameKey: "keep" }))
    compile(() => CustomerSync.run({ to: batchUpdate, sameKey: "merge" }))
    // @ts-expect-error no order within a batch is promised
    compile(() => CustomerSync.run({ to: batchUpdate, sameKey: "keep" }))
    // @ts-expect-error two new customers are not their sum
    compile(() => CustomerSync.run({ to: insert, sameKey: "merge" }))
  })
  it("only a batch can be taken apart", () => {
    compile(() => CustomerSync.run({ to: batchUpdate, isolate: "none" }))
    // @ts-expect-error there is one record in a request
    compile(() => CustomerSync.run({ to: upsert, isolate: "halve" }))
  })
  it("nothing is sent again blindly where that is unsafe", () => {
    compile(() => CustomerSync.run({ to: upsert, retryUnknown: true }))
    // @ts-expect-error it may have been created
    compile(() => CustomerSync.run({ to: insert, retryUnknown: true }))
  })
  it("nothing that must not be sent twice hangs on a checkpoint that cannot promise it", () => {
    compile(() => CustomerSync.run({ to: insert, checkpoint: Checkpoint.file("checkpoint") }))
    compile(() => CustomerSync.run({ to: upsert, checkpoint: Checkpoint.keyValueStore("checkpoint") }))
    // @ts-expect-error a store has no write on a condition
    compile(() => CustomerSync.run({ to: insert, checkpoint: Checkpoint.keyValueStore("checkpoint") }))
    const unknown = {} as Destination.Destination<ReachSchema.NewCustomer>
    // @ts-expect-error it may be one that must not be sent twice
    compile(() => CustomerSync.run({ to: unknown, checkpoint: Checkpoint.keyValueStore("checkpoint") }))
    compile(() => CustomerSync.run({ to: unknown, checkpoint: Checkpoint.file("checkpoint") }))
    type Option = CustomerSync.Options<
      ReachSchema.NewCustomer,
      ReachDestination.InsertBehaviour,
      never,
      never
    >["checkpoint"]
    expectTypeOf<Exclude<Option, undefined>>().toEqualTypeOf<
      | Checkpoint.Checkpoint<never, "safe">
      | CustomerSync.Unlawful<Checkpoint.Checkpoint<never, "unsafe">, "only for destinations whose resend is safe">
    >()
  })
  it("the records must be the destination's", () => {
    const updates = {} as Stream.Stream<CustomerRecord.CustomerRecord<PocketflowsSchema.CustomerUpdate>>
    compile(() => updates.pipe(CustomerSync.run({ to: batchUpdate })))
    // @ts-expect-error these are Pocketflows' customers
    compile(() => updates.pipe(CustomerSync.run({ to: batchPatch })))
  })
})

describe("what a destination does not send does not compile", () => {
  const records = <A>() => Stream.empty as Stream.Stream<CustomerRecord.CustomerRecord<A>>
  interface Nicknamed extends ReachSchema.CustomerPatch {
    readonly nickname?: string
  }
  it("records with one field more are no records of the destination", () => {
    // @ts-expect-error nickname would not be sent
    compile(() => records<Nicknamed>().pipe(CustomerSync.run({ to: batchPatch })))
    // @ts-expect-error nickname would not be sent
    compile(() => records<Nicknamed>().pipe(CustomerSync.run({ to: patch })))
    // @ts-expect-error nickname would not be sent
    compile(() => records<Nicknamed>().pipe(CustomerSync.outcomes({ to: batchPatch })))
    // @ts-expect-error nickname would not be sent
    compile(() => records<Nicknamed>().pipe(Plan.make({ to: batchPatch })))
    // @ts-expect-error nickname would not be sent
    compile(() => records<Nicknamed>().pipe(Encode.encode(BatchPolicy.make(), batchPatch)))
    // @ts-expect-error nor would it be where some records have it and others do not
    compile(() => records<ReachSchema.CustomerPatch | Nicknamed>().pipe(CustomerSync.run({ to: batchPatch })))
    const patches = Stream.make({ customerId: "c-1", nickname: "Zoë" })
    // @ts-expect-error nickname would not be sent
    compile(() => CustomerRecord.fromPatches(patches).pipe(CustomerSync.run({ to: batchPatch })))
    const read = CustomerFile.read(
      "customers.csv",
      Schema.Struct({ customerId: Schema.String, nickname: Schema.String })
    )
    // @ts-expect-error nickname would not be sent
    compile(() => read.pipe(CustomerSync.run({ to: batchPatch })))
  })
  it("fewer fields, and narrower ones, are", () => {
    compile(() => records<{ readonly customerId: string }>().pipe(CustomerSync.run({ to: batchPatch })))
    compile(() => records<ReachSchema.NewCustomer>().pipe(CustomerSync.run({ to: batchPatch })))
    compile(() => records<{ customerId: "a" } | { customerId: "b"; email: null }>().pipe(Plan.make({ to: batchPatch })))
  })
})

describe("what a run needs and how it can fail is in its type", () => {
  it("it asks for what its parts ask for, and fails with the source's errors among its reasons", () => {
    const run = () =>
      CustomerFile.read("customers.csv", ReachSchema.CustomerPatch).pipe(
        CustomerSync.run({
          to: batchPatch,
          checkpoint: Checkpoint.file("checkpoint"),
          deadLetters: DeadLetters.file("dead-letters.ndjson")
        })
      )
    type Run = ReturnType<typeof run>
    expectTypeOf<Effect.Services<Run>>().toEqualTypeOf<ReachClient.ReachClient | FileSystem.FileSystem>()
    type Reasons = Effect.Error<Run> extends CustomerSync.SyncStopped<infer E> ? E : never
    expectTypeOf<Extract<Reasons, { readonly _tag: "SourceUnreadable" }>>().not.toBeNever()
    expectTypeOf<Extract<Reasons, { readonly _tag: "CheckpointInUse" }>>().not.toBeNever()
    expectTypeOf<Extract<Reasons, { readonly _tag: "Unauthorized" }>>().not.toBeNever()
    // A refused record is an outcome, not an error.
    expectTypeOf<Extract<Reasons, { readonly _tag: "BadRequest" }>>().toBeNever()
  })
  it("only what its destination and its options bring can stop it", () => {
    const to = {} as Destination.Destination<string, Destination.Behaviour, ApiError.Forbidden | ApiError.Conflict>
    const patches = CustomerRecord.fromPatches(Stream.make("a"))
    const run = () => patches.pipe(CustomerSync.run({ to }))
    type Always = DestinationFailed | RetryPolicy.RetriesExhausted | RetryPolicy.RetryAfterTooLong
    type Reasons<E> = E extends CustomerSync.SyncStopped<infer Reason> ? Reason : never
    expectTypeOf<Reasons<Effect.Error<ReturnType<typeof run>>>>().toEqualTypeOf<ApiError.Forbidden | Always>()
    const outcomes = () => patches.pipe(CustomerSync.outcomes({ to, deadLetters: DeadLetters.memory() }))
    expectTypeOf<Reasons<Stream.Error<ReturnType<typeof outcomes>>>>().toEqualTypeOf<
      ApiError.Forbidden | Always | DeadLetters.DeadLettersUnwritable
    >()
    const perhaps = (checkpoint: Checkpoint.Checkpoint | undefined) =>
      CustomerSync.run({ to: batchPatch, checkpoint })({} as Source.Source<ReachSchema.CustomerPatch>)
    type Perhaps = Reasons<Effect.Error<ReturnType<typeof perhaps>>>
    expectTypeOf<Extract<Perhaps, { readonly _tag: "CheckpointInUse" | "SourceChanged" }>>().not.toBeNever()
    expectTypeOf<Extract<Perhaps, { readonly _tag: "DeadLettersUnwritable" }>>().toBeNever()
  })
})
