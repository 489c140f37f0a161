import { describe, expectTypeOf, it } from "@effect/vitest"
import type { Effect } from "effect"
import type * as ApiError from "../../src/http/ApiError.ts"
import type * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import type * as SendPolicy from "../../src/policy/SendPolicy.ts"
import type * as ReachClient from "../../src/reach/ReachClient.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"

type Reach = ReachClient.ReachClient["Service"]
type Pocketflows = PocketflowsClient.PocketflowsClient["Service"]

type Tags<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> =
  Effect.Error<ReturnType<F>> extends infer E ? (E extends { readonly _tag: infer Tag } ? Tag : never) : never

type Common =
  | "InvalidRequest"
  | "Unauthorized"
  | "Forbidden"
  | "RateLimited"
  | "ServerFault"
  | "TransportFault"
  | "TimedOut"
  | "UnexpectedAnswer"

type Refused = "BadRequest" | "NotFound" | "ContentTooLarge" | "UnprocessableContent"

describe("each method's error type lists exactly what can go wrong there", () => {
  it("Reach", () => {
    expectTypeOf<Tags<Reach["createCustomer"]>>().toEqualTypeOf<Common | Refused | "Conflict">()
    expectTypeOf<Tags<Reach["patchCustomer"]>>().toEqualTypeOf<Common | Refused>()
    expectTypeOf<Tags<Reach["patchCustomers"]>>().toEqualTypeOf<Common | Refused>()
    expectTypeOf<Tags<Reach["sendPatches"]>>().toEqualTypeOf<Common | Refused | "TokenExpired">()
    expectTypeOf<Tags<Reach["batchStatus"]>>().toEqualTypeOf<Common | "NotFound">()
  })
  it("Pocketflows", () => {
    expectTypeOf<Tags<Pocketflows["updateCustomers"]>>().toEqualTypeOf<Common | Refused | "Conflict">()
    expectTypeOf<Tags<Pocketflows["sendUpdates"]>>().toEqualTypeOf<Common | Refused | "Conflict">()
  })
  it("whether an error may be retried is a literal of its class", () => {
    type Retryable = Extract<ApiError.ApiError, { readonly isRetryable: true }>["_tag"]
    expectTypeOf<Retryable>().toEqualTypeOf<
      "TokenExpired" | "RateLimited" | "ServerFault" | "TransportFault" | "TimedOut"
    >()
    expectTypeOf<ApiError.BadRequest["isRetryable"]>().toEqualTypeOf<false>()
  })
})

describe("a retry policy takes the errors that may pass out of each endpoint's type", () => {
  type Final = "InvalidRequest" | "Unauthorized" | "Forbidden" | "UnexpectedAnswer"
  type Given = "RetriesExhausted" | "RetryAfterTooLong"
  type Left<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>, Resend extends "safe" | "unsafe"> =
    SendPolicy.SendError<Effect.Error<ReturnType<F>>, never, never, Resend> extends infer E
      ? E extends { readonly _tag: infer Tag }
        ? Tag
        : never
      : never

  it("where it is safe to send again", () => {
    expectTypeOf<Left<Reach["createCustomer"], "safe">>().toEqualTypeOf<Final | Given | Refused | "Conflict">()
    expectTypeOf<Left<Reach["patchCustomer"], "safe">>().toEqualTypeOf<Final | Given | Refused>()
    expectTypeOf<Left<Reach["patchCustomers"], "safe">>().toEqualTypeOf<Final | Given | Refused>()
    expectTypeOf<Left<Reach["sendPatches"], "safe">>().toEqualTypeOf<Final | Given | Refused>()
    expectTypeOf<Left<Reach["batchStatus"], "safe">>().toEqualTypeOf<Final | Given | "NotFound">()
    expectTypeOf<Left<Pocketflows["updateCustomers"], "safe">>().toEqualTypeOf<Final | Given | Refused | "Conflict">()
  })
  it("where it is not, a lost answer is OutcomeUnknown", () => {
    expectTypeOf<Left<Reach["createCustomer"], "unsafe">>().toEqualTypeOf<
      Final | Given | Refused | "Conflict" | "OutcomeUnknown"
    >()
  })
})

describe("what a request may hold", () => {
  it("is typed field by field", () => {
    const accepts = (_: ReachSchema.CustomerPatch) => undefined
    accepts({ customerId: "c-1", email: null })
    // @ts-expect-error a batch record names its customer
    accepts({ email: null })
    // @ts-expect-error a required field cannot be deleted
    accepts({ customerId: "c-1", firstName: null })
    // @ts-expect-error absent is absent: undefined is no value
    accepts({ customerId: "c-1", email: undefined })
    // @ts-expect-error an instant, not text
    accepts({ customerId: "c-1", createdAt: "2024-01-15T10:30:00Z" })
    expectTypeOf<ReachClient.CreateOptions["onConflict"]>().toEqualTypeOf<"upsert" | "reject" | undefined>()
  })
})
