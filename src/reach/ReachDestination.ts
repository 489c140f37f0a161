/**
 * Reach's endpoints as destinations of a sync.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ApiError, TokenExpired } from "../http/ApiError.ts"
import { named } from "../http/NamedRecords.ts"
import * as InputIssue from "../json/InputIssue.ts"
import * as StructEncoder from "../json/StructEncoder.ts"
import type { Destination, Outgoing, Receipt } from "../sync/model/Destination.ts"
import * as ReachApi from "./ReachApi.ts"
import {
  type CallOptions,
  type CreateCustomerError,
  type CreateOptions,
  consentIssues,
  type PatchError,
  ReachClient,
  type WriteOptions
} from "./ReachClient.ts"
import * as ReachSchema from "./ReachSchema.ts"
import * as ReachSettlement from "./ReachSettlement.ts"

/**
 * How `PATCH /api/resources/customers/batch` behaves. That one bad record refuses the whole batch is not
 * documented; a 400 is taken so. Nothing in a record refers to another one of its batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchPatchBehaviour {
  readonly acceptance: "accepted"
  readonly failureUnit: "batch"
  readonly failures: "independent"
  readonly writing: "merge"
  readonly order: "within"
  readonly resend: "safe"
}

/**
 * How the two endpoints for one customer behave.
 *
 * @category models
 * @since 0.1.0
 */
export interface SingleBehaviour {
  readonly acceptance: "applied"
  readonly failureUnit: "record"
  readonly failures: "independent"
  readonly writing: "merge"
  readonly order: "none"
  readonly resend: "safe"
}

/**
 * How `POST /api/resources/customers?onconflict=reject` behaves. After a timeout the customer may be there, so that
 * sending again would refuse what was applied; and a second record of the same customer is refused, not added to
 * the first.
 *
 * @category models
 * @since 0.1.0
 */
export interface InsertBehaviour extends Omit<SingleBehaviour, "writing" | "resend"> {
  readonly writing: "insert"
  readonly resend: "unsafe"
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface BatchPatchOptions extends WriteOptions {
  /** Reads which records of a batch failed, after it was accepted. Default: `ReachSettlement.decodeFailures`. */
  readonly decodeFailures?: ReachSettlement.DecodeFailures | undefined
}

type Patch = ReachSchema.CustomerPatch
type Encoded = Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>

const customerId = (patch: Patch): string => patch.customerId

// The later field wins, null is a value, and an absent field keeps the earlier one: what Reach does with the two.
const merge = <A extends object>(earlier: A, later: A): A => ({ ...earlier, ...later })

const addressFor = (options: CallOptions | undefined) => ReachClient.useSync((reach) => reach.address(options?.tenant))

const fingerprint = (options: CreateOptions | undefined): string =>
  JSON.stringify({
    tenant: options?.tenant ?? null,
    ignoreUnknownFields: options?.ignoreUnknownFields ?? false,
    deleteConsent: [...new Set(options?.deleteConsent)].sort(),
    ...(options?.onConflict === "reject" ? { onConflict: "reject" } : {})
  })

const encoder = <A extends ReachSchema.CustomerChanges>(
  schema: Schema.ConstraintEncoder<unknown>,
  options: WriteOptions | undefined
) => {
  const encode = StructEncoder.json(schema)
  return (patch: A): Encoded => {
    const encoded = encode(patch)
    // The usual record deletes nothing.
    if (patch.emailOptOut !== null && patch.smsOptOut !== null) return encoded
    const consent = consentIssues([patch], options?.deleteConsent)
    if (consent.length === 0) return encoded
    return Result.fail(Result.isSuccess(encoded) ? consent : [...consent, ...encoded.failure])
  }
}

/**
 * Batches of patches, which Reach applies later: in order inside a batch, and in no order between batches.
 * `PATCH /api/resources/customers/batch`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const batchPatch = (
  options?: BatchPatchOptions
): Destination<Patch, BatchPatchBehaviour, PatchError | TokenExpired, ReachClient> => {
  const encode = encoder<Patch>(ReachSchema.CustomerPatch, options)
  return {
    name: "reach.batch-patch",
    vendor: "Reach",
    tenant: options?.tenant,
    address: addressFor(options),
    behaviour: {
      acceptance: "accepted",
      failureUnit: "batch",
      failures: "independent",
      writing: "merge",
      order: "within",
      resend: "safe"
    },
    maxRecords: ReachApi.maxBatchRecords,
    envelope: ['{"resources":[', "]}"],
    key: customerId,
    merge,
    encode,
    json: {
      schema: ReachSchema.CustomerPatch,
      field: "customerId",
      // Not those whose null deletes an opt-out.
      nulls: ["email", "phone", "customerDetailUrl"],
      encode,
      key: customerId
    },
    send: ({ body }) =>
      ReachClient.use((reach) =>
        Effect.map(reach.sendPatches(body, options), ({ batchId, recordCount }) => ({ batchId, recordCount }))
      ),
    named: (answer, keys) => named(answer, keys, { field: "resources" }),
    settle: (batchId, recordCount) =>
      ReachClient.use((reach) =>
        Effect.map(reach.pollBatchStatus(batchId, { tenant: options?.tenant }), (status) =>
          ReachSettlement.fromStatus(status, { recordCount, decodeFailures: options?.decodeFailures })
        )
      ),
    fingerprint: fingerprint(options)
  }
}

/** What the two endpoints for one customer share. */
const single = <A extends Patch, E extends ApiError>(
  name: string,
  options: CreateOptions | undefined,
  send: (request: Outgoing<A>) => Effect.Effect<ReachSchema.CustomerResource, E, ReachClient>
) => ({
  name,
  vendor: "Reach",
  tenant: options?.tenant,
  address: addressFor(options),
  maxRecords: 1,
  envelope: ['{"data":', "}"] as const,
  key: customerId,
  merge,
  send: (request: Outgoing<A>) => Effect.map(send(request), receipt(request.records[0].key)),
  // There is one record, so that an answer need not name it.
  named: () => [],
  settle: () => Effect.succeed({ _tag: "Applied" } as const),
  fingerprint: fingerprint(options)
})

// An answer about somebody else is no success for this customer.
const receipt =
  (key: string) =>
  ({ data, resourceExternalId }: ReachSchema.CustomerResource): Receipt => ({
    recordCount: resourceExternalId === key || data?.customerId === key ? 1 : 0,
    batchId: undefined
  })

const singleBehaviour: SingleBehaviour = {
  acceptance: "applied",
  failureUnit: "record",
  failures: "independent",
  writing: "merge",
  order: "none",
  resend: "safe"
}

const decodePath = Schema.decodeResult(ReachApi.CustomerPath)

/**
 * One patch a request, applied when it is answered. A customer who does not exist (404) is a record that is refused.
 * `PATCH /api/resources/customers/{externalId}`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const patch = (
  options?: WriteOptions
): Destination<Patch, SingleBehaviour, PatchError | TokenExpired, ReachClient> => {
  const encode = encoder(ReachSchema.CustomerPatch, options)
  return {
    ...single<Patch, PatchError | TokenExpired>("reach.patch", options, ({ body, records: [{ key }] }) =>
      ReachClient.use((reach) => Effect.map(reach.sendPatch(key, body, options), ({ result }) => result))
    ),
    behaviour: singleBehaviour,
    encode: (patch) => {
      const path = decodePath({ externalId: patch.customerId })
      return Result.isSuccess(path) ? encode(patch) : Result.fail(InputIssue.fromSchemaIssue(path.failure.issue))
    },
    refusals: ["BadRequest", "NotFound", "UnprocessableContent"]
  }
}

/**
 * One customer a request, created or merged into the one that is there. With `onConflict: "reject"`, a customer who
 * exists (409) is a record that is refused, and what was sent without an answer is not sent again.
 * `POST /api/resources/customers`.
 *
 * @category constructors
 * @since 0.1.0
 */
export function create(
  options?: CreateOptions & { readonly onConflict?: "upsert" | undefined }
): Destination<ReachSchema.NewCustomer, SingleBehaviour, CreateCustomerError | TokenExpired, ReachClient>
export function create(
  options: CreateOptions & { readonly onConflict: "reject" }
): Destination<ReachSchema.NewCustomer, InsertBehaviour, CreateCustomerError | TokenExpired, ReachClient>
/** Where it is known at run time only: what is lawful for both. */
export function create(
  options?: CreateOptions
): Destination<
  ReachSchema.NewCustomer,
  SingleBehaviour | InsertBehaviour,
  CreateCustomerError | TokenExpired,
  ReachClient
>
export function create(
  options?: CreateOptions
): Destination<
  ReachSchema.NewCustomer,
  SingleBehaviour | InsertBehaviour,
  CreateCustomerError | TokenExpired,
  ReachClient
> {
  return {
    ...single<ReachSchema.NewCustomer, CreateCustomerError | TokenExpired>("reach.create", options, ({ body }) =>
      ReachClient.use((reach) => reach.sendCustomer(body, options))
    ),
    behaviour:
      options?.onConflict === "reject" ? { ...singleBehaviour, writing: "insert", resend: "unsafe" } : singleBehaviour,
    encode: encoder(ReachSchema.NewCustomer, options),
    refusals: ["BadRequest", "Conflict", "UnprocessableContent"]
  }
}
