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
export interface SchemaOptions<S extends ReachSchema.AnyCustomerSchema> {
  /** What a customer is, where there are fields of one's own: what `ReachSchema.extend` gives. Default: Reach's schema. */
  readonly schema?: S | undefined
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface BatchPatchOptions extends WriteOptions {
  /** Reads which records of a batch failed, after it was accepted. Default: `ReachSettlement.decodeFailures`. */
  readonly decodeFailures?: ReachSettlement.DecodeFailures | undefined
}

type Any = ReachSchema.AnyCustomerSchema
type Standard = ReachSchema.Standard
type Named = { readonly customerId: string }
type Encoded = Result.Result<string, ReadonlyArray<InputIssue.InputIssue>>

const customerId = (patch: Named): string => patch.customerId

// The later field wins, null is a value, and an absent field keeps the earlier one: what Reach does with the two.
const merge = <A extends object>(earlier: A, later: A): A => ({ ...earlier, ...later })

const addressFor = (options: CallOptions | undefined) => ReachClient.useSync((reach) => reach.address(options?.tenant))

const fingerprint = (options: (CreateOptions & SchemaOptions<Any>) | undefined): string =>
  JSON.stringify({
    tenant: options?.tenant ?? null,
    ignoreUnknownFields: options?.ignoreUnknownFields ?? false,
    deleteConsent: [...new Set(options?.deleteConsent)].sort(),
    ...(options?.onConflict === "reject" ? { onConflict: "reject" } : {}),
    ...fingerprintOf(options?.schema)
  })

// Of the default schema there is nothing to say.
const fingerprintOf = ({ ownFields, required }: Any = ReachSchema.standard) => {
  const own = Object.keys(ownFields).sort()
  const must = [...required].sort()
  const isDefault = must.join() === [...ReachSchema.standard.required].sort().join()
  return { ...(own.length === 0 ? {} : { ownFields: own }), ...(isDefault ? {} : { required: must }) }
}

const encoder = <A extends Any["CustomerPatch"]["Type"]>(
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

// Not those whose null deletes an opt-out.
const deletable = (fields: object): ReadonlyArray<string> =>
  Object.keys(fields).filter((name) => name !== "emailOptOut" && name !== "smsOptOut")

/**
 * Batches of patches, which Reach applies later: in order inside a batch, and in no order between batches.
 * `PATCH /api/resources/customers/batch`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const batchPatch = <S extends Any = Standard>(
  options?: BatchPatchOptions & SchemaOptions<S>
): Destination<S["CustomerPatch"]["Type"], BatchPatchBehaviour, PatchError | TokenExpired, ReachClient> => {
  const schema = (options?.schema ?? ReachSchema.standard).CustomerPatch
  const encode = encoder<S["CustomerPatch"]["Type"]>(schema, options)
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
    json: { schema, field: "customerId", nulls: deletable(schema.fields), encode, key: customerId },
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
const single = <A extends Named, E extends ApiError>(
  name: string,
  options: (CreateOptions & SchemaOptions<Any>) | undefined,
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
export const patch = <S extends Any = Standard>(
  options?: WriteOptions & SchemaOptions<S>
): Destination<S["CustomerPatch"]["Type"], SingleBehaviour, PatchError | TokenExpired, ReachClient> => {
  const { CustomerPatch } = options?.schema ?? ReachSchema.standard
  const encode = encoder<S["CustomerPatch"]["Type"]>(CustomerPatch, options)
  return {
    ...single<S["CustomerPatch"]["Type"], PatchError | TokenExpired>(
      "reach.patch",
      options,
      ({ body, records: [{ key }] }) =>
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
export function create<S extends Any = Standard>(
  options?: CreateOptions & SchemaOptions<S> & { readonly onConflict?: "upsert" | undefined }
): Destination<S["NewCustomer"]["Type"], SingleBehaviour, CreateCustomerError | TokenExpired, ReachClient>
export function create<S extends Any = Standard>(
  options: CreateOptions & SchemaOptions<S> & { readonly onConflict: "reject" }
): Destination<S["NewCustomer"]["Type"], InsertBehaviour, CreateCustomerError | TokenExpired, ReachClient>
/** Where it is known at run time only: what is lawful for both. */
export function create<S extends Any = Standard>(
  options?: CreateOptions & SchemaOptions<S>
): Destination<
  S["NewCustomer"]["Type"],
  SingleBehaviour | InsertBehaviour,
  CreateCustomerError | TokenExpired,
  ReachClient
>
export function create<S extends Any = Standard>(
  options?: CreateOptions & SchemaOptions<S>
): Destination<
  S["NewCustomer"]["Type"],
  SingleBehaviour | InsertBehaviour,
  CreateCustomerError | TokenExpired,
  ReachClient
> {
  const { NewCustomer } = options?.schema ?? ReachSchema.standard
  return {
    ...single<S["NewCustomer"]["Type"], CreateCustomerError | TokenExpired>("reach.create", options, ({ body }) =>
      ReachClient.use((reach) => reach.sendCustomer(body, options))
    ),
    behaviour:
      options?.onConflict === "reject" ? { ...singleBehaviour, writing: "insert", resend: "unsafe" } : singleBehaviour,
    encode: encoder<S["NewCustomer"]["Type"]>(NewCustomer, options),
    refusals: ["BadRequest", "Conflict", "UnprocessableContent"]
  }
}
