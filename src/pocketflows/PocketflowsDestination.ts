/**
 * Pocketflows' endpoint as the destination of a sync.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { named } from "../http/NamedRecords.ts"
import * as StructEncoder from "../json/StructEncoder.ts"
import type { Destination } from "../sync/model/Destination.ts"
import { PocketflowsClient, type UpdateCustomersError } from "./PocketflowsClient.ts"
import * as PocketflowsSchema from "./PocketflowsSchema.ts"

/**
 * How `POST /businesses/{id}/customers/batch_update` behaves: all or nothing, no order promised, and two records
 * may be good each and bad together, as when they would leave one email address with two customers.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchUpdateBehaviour {
  readonly acceptance: "applied"
  readonly failureUnit: "batch"
  readonly failures: "dependent"
  readonly writing: "merge"
  readonly order: "none"
  readonly resend: "safe"
}

/**
 * @category configuration
 * @since 0.1.0
 */
export interface BatchUpdateOptions<S extends PocketflowsSchema.AnyCustomerSchema = PocketflowsSchema.Standard> {
  /** What a customer is, where keys of metadata are declared: what `PocketflowsSchema.extend` gives. Default: any metadata. */
  readonly schema?: S | undefined
  /** The business' id at Pocketflows. */
  readonly business: string
  /** The records that one request may hold, which is not documented. Default: 1,000. */
  readonly maxRecords?: number | undefined
  /**
   * Whether metadata that is sent takes the place of the stored, which is not documented. Two records of one customer
   * that both hold metadata are merged only if so; otherwise they are split. Default: false.
   */
  readonly replacesMetadata?: boolean | undefined
}

// Pocketflows documents no limit; this is what Reach takes.
const defaultMaxRecords = 1000

const id = (update: { readonly id: string }): string => update.id

/**
 * Batches of updates to the customers of one business.
 *
 * The receipt counts the customers of the batch that the answer holds, by `id`: an answer about others is no success.
 * A 404 stops the run, because it may be the business that is unknown. Where you know that it is a customer, say so:
 * `{ ...batchUpdate(options), refusals: ["BadRequest", "Conflict", "UnprocessableContent", "NotFound"] }`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const batchUpdate = <S extends PocketflowsSchema.AnyCustomerSchema = PocketflowsSchema.Standard>(
  options: BatchUpdateOptions<S>
): Destination<S["CustomerUpdate"]["Type"], BatchUpdateBehaviour, UpdateCustomersError, PocketflowsClient> => {
  const schema = (options.schema ?? PocketflowsSchema.standard).CustomerUpdate
  const encode = StructEncoder.json(schema)
  return {
    name: "pocketflows.batch-update",
    vendor: "Pocketflows",
    tenant: options.business,
    address: PocketflowsClient.useSync((pocketflows) => pocketflows.address(options.business)),
    behaviour: {
      acceptance: "applied",
      failureUnit: "batch",
      failures: "dependent",
      writing: "merge",
      order: "none",
      resend: "safe"
    },
    maxRecords: options.maxRecords ?? defaultMaxRecords,
    envelope: ['{"customers":[', "]}"],
    key: id,
    merge: (earlier, later) =>
      options.replacesMetadata !== true && earlier.metadata !== undefined && later.metadata !== undefined
        ? undefined
        : { ...earlier, ...later },
    encode,
    json: { schema, field: "id", nulls: ["phone_number", "email_address", "full_name"], encode, key: id },
    send: ({ body, records }) =>
      PocketflowsClient.use((pocketflows) =>
        Effect.map(pocketflows.sendUpdates(options.business, body), (customers) => {
          const answered = new Set(customers.map(({ id }) => id))
          return { recordCount: records.filter(({ key }) => answered.has(key)).length, batchId: undefined }
        })
      ),
    refusals: ["BadRequest", "Conflict", "UnprocessableContent"],
    // An error may be about two customers who would have one email address.
    named: (answer, keys) => named(answer, keys, { field: "customers", maxKeys: 2 }),
    // Whether case counts is not documented; two that differ in it only are looked at first.
    claims: ({ email_address }) =>
      email_address === undefined || email_address === null ? [] : [`email:${email_address.toLowerCase()}`],
    settle: () => Effect.succeed({ _tag: "Applied" }),
    fingerprint: JSON.stringify({ business: options.business })
  }
}
