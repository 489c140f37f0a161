import { describe, expectTypeOf, it } from "vitest"
import type { ApiError, TokenExpired } from "../../src/http/ApiError.ts"
import type { UpdateCustomersError } from "../../src/pocketflows/PocketflowsClient.ts"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import * as SettlePolicy from "../../src/policy/SettlePolicy.ts"
import type { BatchStatusError, CreateCustomerError, CreateOptions, PatchError } from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type { BehaviourOptions, Unlawful } from "../../src/sync/model/BehaviourOptions.ts"
import type { Behaviour, Destination } from "../../src/sync/model/Destination.ts"

/** What a destination lets its sync be asked for. */
const sync = <A, B extends Behaviour, R>(
  _to: Destination<A, B, ApiError, R>,
  options: BehaviourOptions<B>
): BehaviourOptions<B> => options

/** What an option may be, and what the compiler says of what it may not. */
type Option<B extends Behaviour, Name extends keyof BehaviourOptions<B>> = Exclude<BehaviourOptions<B>[Name], undefined>
type NotKept = Unlawful<"keep", "only for destinations whose order is within">
type NotMerged = Unlawful<"merge", "only for destinations whose writing is merge">

const batchPatch = ReachDestination.batchPatch()
const patch = ReachDestination.patch()
const upsert = ReachDestination.create()
const insert = ReachDestination.create({ onConflict: "reject" })
const batchUpdate = PocketflowsDestination.batchUpdate({ business: "b" })

/** A destination that shows its behaviour and nothing else. */
const behaving = <B extends Behaviour>(behaviour: B): Destination<string, B> => ({
  name: "test",
  vendor: "Test",
  tenant: undefined,
  behaviour,
  maxRecords: 1,
  envelope: ["[", "]"],
  key: String,
  merge: () => undefined,
  encode: () => expectNever(),
  send: () => expectNever(),
  named: () => [],
  settle: () => expectNever(),
  fingerprint: ""
})

const expectNever = (): never => {
  throw new Error("Nothing is sent here.")
}

const replacing = behaving({
  acceptance: "applied",
  failureUnit: "record",
  failures: "independent",
  writing: "replace",
  order: "within",
  resend: "safe"
})

describe("what is lawful compiles", () => {
  it("for each of the four", () => {
    sync(batchPatch, { sameKey: "keep", settle: "accepted", isolate: "none", retryUnknown: false })
    sync(batchPatch, { sameKey: "merge", settle: "applied", isolate: "halve", retryUnknown: true })
    sync(batchPatch, { settle: SettlePolicy.make({ firstPoll: "1 second" }), isolate: { requests: 100 } })
    sync(batchUpdate, { sameKey: "merge", isolate: "none", retryUnknown: true })
    sync(patch, { sameKey: "merge", retryUnknown: true })
    sync(upsert, { sameKey: "merge", retryUnknown: true })
    sync(insert, { sameKey: "split", retryUnknown: false })
    for (const to of [batchPatch, batchUpdate, patch, upsert, insert] as const) {
      expectTypeOf(to.behaviour).toExtend<Behaviour>()
    }
  })

  it("for a caller who asks for nothing", () => {
    sync(batchPatch, {})
    sync(batchUpdate, {})
    sync(patch, {})
    sync(upsert, {})
    sync(insert, {})
    sync(replacing, {})
  })
})

describe("what is unlawful does not compile", () => {
  it("no merging of two records on an endpoint that replaces, or that inserts", () => {
    sync(replacing, { sameKey: "keep" })
    // @ts-expect-error an absent field would be erased, so that two records are not their sum
    sync(replacing, { sameKey: "merge" })
    // @ts-expect-error the second record would be refused, not added to the first
    sync(insert, { sameKey: "merge" })
    expectTypeOf<Option<typeof replacing.behaviour, "sameKey">>().toEqualTypeOf<"split" | "keep" | NotMerged>()
    expectTypeOf<Option<typeof insert.behaviour, "sameKey">>().toEqualTypeOf<"split" | NotKept | NotMerged>()
  })

  it("no settling where the answer is the result", () => {
    // @ts-expect-error there is nothing to wait for
    sync(batchUpdate, { settle: "applied" })
    // @ts-expect-error there is nothing to wait for
    sync(patch, { settle: "accepted" })
    // @ts-expect-error there is nothing to wait for
    sync(upsert, { settle: "applied" })
    // @ts-expect-error there is nothing to wait for
    sync(insert, { settle: "applied" })
    // @ts-expect-error there is nothing to wait for
    sync(patch, { settle: SettlePolicy.make() })
    expectTypeOf<Option<ReachDestination.SingleBehaviour, "settle">>().toEqualTypeOf<
      Unlawful<"accepted" | "applied" | SettlePolicy.SettlePolicy, "only for destinations whose acceptance is accepted">
    >()
  })

  it("no keeping of two records of one customer where there is no order", () => {
    // @ts-expect-error the earlier one may win
    sync(batchUpdate, { sameKey: "keep" })
    // @ts-expect-error there is one record in a request
    sync(patch, { sameKey: "keep" })
    expectTypeOf<Option<ReachDestination.BatchPatchBehaviour, "sameKey">>().toEqualTypeOf<"split" | "keep" | "merge">()
    expectTypeOf<Option<PocketflowsDestination.BatchUpdateBehaviour, "sameKey">>().toEqualTypeOf<
      "split" | "merge" | NotKept
    >()
  })

  it("no isolating where a bad record takes nothing down with it", () => {
    // @ts-expect-error there is nothing to take apart
    sync(patch, { isolate: "halve" })
    // @ts-expect-error there is nothing to take apart
    sync(upsert, { isolate: "none" })
    // @ts-expect-error there is nothing to take apart
    sync(replacing, { isolate: "halve" })
    // @ts-expect-error there is nothing to take apart
    sync(patch, { isolate: { requests: 100 } })
    expectTypeOf<Option<ReachDestination.SingleBehaviour, "isolate">>().toEqualTypeOf<
      Unlawful<"halve" | "none" | { readonly requests: number }, "only for destinations whose failureUnit is batch">
    >()
  })

  it("no sending again after an answer that never came, where that is unsafe", () => {
    // @ts-expect-error the customer may be there, and would be refused
    sync(insert, { retryUnknown: true })
    // @ts-expect-error it is not known to be false
    sync(insert, { retryUnknown: Boolean(1) })
    expectTypeOf<Option<ReachDestination.InsertBehaviour, "retryUnknown">>().toEqualTypeOf<
      false | Unlawful<object, "only for destinations whose resend is safe">
    >()
  })

  it("nothing at all of that for a destination that is known at run time only", () => {
    const onConflict: CreateOptions = {}
    const either = ReachDestination.create(onConflict)
    expectTypeOf(either.behaviour).toEqualTypeOf<ReachDestination.SingleBehaviour | ReachDestination.InsertBehaviour>()
    // @ts-expect-error it may be the one that inserts
    sync(either, { retryUnknown: true })
    // @ts-expect-error it may be the one that inserts
    sync(either, { sameKey: "merge" })

    const any: Destination<string> = behaving<Behaviour>(batchPatch.behaviour)
    sync(any, { sameKey: "split" })
    // @ts-expect-error not known to keep order
    sync(any, { sameKey: "keep" })
    // @ts-expect-error not known to merge
    sync(any, { sameKey: "merge" })
    // @ts-expect-error not known to be accepted first
    sync(any, { settle: "applied" })
    // @ts-expect-error not known to refuse whole batches
    sync(any, { isolate: "halve" })
    // @ts-expect-error not known to be safe
    sync(any, { retryUnknown: true })
  })
})

describe("the behaviour is in the type", () => {
  it("onConflict decides what create promises", () => {
    expectTypeOf(upsert.behaviour).toEqualTypeOf<ReachDestination.SingleBehaviour>()
    expectTypeOf(
      ReachDestination.create({ onConflict: "upsert", tenant: "t" }).behaviour.resend
    ).toEqualTypeOf<"safe">()
    expectTypeOf(insert.behaviour.resend).toEqualTypeOf<"unsafe">()
    expectTypeOf(insert.behaviour.writing).toEqualTypeOf<"insert">()
  })

  it("and each of the four has its own", () => {
    expectTypeOf(batchPatch.behaviour).toEqualTypeOf<ReachDestination.BatchPatchBehaviour>()
    expectTypeOf(batchUpdate.behaviour).toEqualTypeOf<PocketflowsDestination.BatchUpdateBehaviour>()
    expectTypeOf(batchUpdate.behaviour.failures).toEqualTypeOf<"dependent">()
    expectTypeOf(patch.behaviour.failureUnit).toEqualTypeOf<"record">()
  })

  it("and so is what sending and settling can fail with", () => {
    type Errors<D> = D extends Destination<infer _A, Behaviour, infer E, infer _R> ? E : never
    expectTypeOf<Errors<typeof batchPatch>>().toEqualTypeOf<PatchError | BatchStatusError | TokenExpired>()
    expectTypeOf<Errors<typeof patch>>().toEqualTypeOf<PatchError | TokenExpired>()
    expectTypeOf<Errors<typeof insert>>().toEqualTypeOf<CreateCustomerError | TokenExpired>()
    expectTypeOf<Errors<typeof batchUpdate>>().toEqualTypeOf<UpdateCustomersError>()
  })

  it("what refuses records is an error that exists", () => {
    expectTypeOf<NonNullable<Destination<string>["refusals"]>[number]>().toEqualTypeOf<ApiError["_tag"]>()
    // @ts-expect-error there is no such error
    const wrong: Destination<string>["refusals"] = ["BadRequests"]
    expectTypeOf(wrong).not.toBeNever()
  })
})
