/**
 * Reach's side of the sandbox: its customers, its batches, and what it answers.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as ReachApi from "../reach/ReachApi.ts"
import * as ReachSchema from "../reach/ReachSchema.ts"
import * as BatchQueue from "./BatchQueue.ts"
import { CurrentEntry, type Journal } from "./Journal.ts"
import type { RateLimit } from "./RateLimit.ts"
import * as ReachRecord from "./ReachRecord.ts"
import * as ReachToken from "./ReachToken.ts"
import { answered, isJsonObject, type JsonObject, type Refusable, readJson, refuse } from "./Refusal.ts"
import * as Seeded from "./Seeded.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options extends ReachToken.Options, ReachRecord.Options {
  /** The status for `onconflict=reject` on a customer that exists. Default: 409. */
  readonly conflictStatus?: number | undefined
  /** Whether a batch patch creates customers that do not exist, or fails their records. Default: `create`. */
  readonly unknownCustomer?: "create" | "fail" | undefined
  /**
   * Whether one bad record refuses its batch with a 400, or the batch is accepted and that record alone fails.
   * Default: `refuse-batch`.
   */
  readonly invalidRecord?: "refuse-batch" | "fail-later" | undefined
  /** Whether a batch's errors say which records they are about. Default: `index`. */
  readonly naming?: "index" | "none" | undefined
  readonly queue?: BatchQueue.Options | undefined
  /** How long a new batch's status is answered 404. Default: 0. */
  readonly statusGrace?: Duration.Input | undefined
}

interface Resource {
  readonly createdAt: number
  readonly updatedAt: number
  readonly data: ReachRecord.StoredCustomer
}

const invalid = (message: string, errors?: ReadonlyArray<string>): Refusable<never> =>
  refuse(400, { success: false, message, ...(errors === undefined ? {} : { errors }) })
const notFound = (message: string): Refusable<never> =>
  refuse(404, { success: false, message, data: { error: message } })

/**
 * Makes Reach, empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options,
  shared: { readonly seed: string; readonly journal: Journal; readonly rateLimit: RateLimit }
) {
  const seed = `${shared.seed}/reach`
  const schemaDefinitionId = Seeded.uuid(`${seed}/schema`)
  const tenants = new Map<string, Map<string, Resource>>()
  const batches = new Map<string, BatchQueue.OpenBatch>()
  // What is kept was checked when it came, and is answered as it was sent.
  const ownFields = Object.fromEntries(Object.keys(options.fields ?? {}).map((name) => [name, Schema.Json]))
  const api = ReachApi.make<ReachSchema.AnyCustomerSchema>(ReachSchema.extend(ownFields))
  const check = ReachRecord.checker(options)
  const tenantOf = ReachToken.tenantOf(options)

  const customersOf = (tenant: string): Map<string, Resource> => {
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    const customers = new Map<string, Resource>()
    tenants.set(tenant, customers)
    return customers
  }

  const write = (
    key: string,
    patch: Partial<ReachRecord.SentPatch>,
    at: { readonly tenant: string; readonly now: number; readonly request: number; readonly batchId?: string }
  ): Resource => {
    const { batchId, now, request, tenant } = at
    const customers = customersOf(tenant)
    const before = customers.get(key)
    const data = ReachRecord.merge(before?.data, key, patch)
    const resource = { createdAt: before?.createdAt ?? now, updatedAt: now, data }
    customers.set(key, resource)
    shared.journal.write({ time: now, vendor: "reach", tenant, key, patch, request, batchId })
    return resource
  }

  const queue = yield* BatchQueue.make(options.queue ?? {}, seed, (batch, now) => {
    const failures = new Map(batch.failures.map((failure) => [failure.index, failure]))
    const at = { tenant: batch.tenant, now, request: batch.request, batchId: batch.id }
    batch.records.forEach((record, index) => {
      if (failures.has(index)) return
      const { customerId } = record
      if (options.unknownCustomer === "fail" && !customersOf(batch.tenant).has(customerId)) {
        failures.set(index, { index, customerId, errors: ["customerId does not exist"] })
        return
      }
      write(customerId, record, at)
    })
    return [...failures.values()]
  })

  /** Lets a request in: who it is for, and when it came. */
  const enter = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const entry = yield* CurrentEntry
    const tenant = yield* tenantOf(request)
    entry.tenant = tenant
    yield* shared.rateLimit(`reach/${tenant}`, (headers) =>
      refuse(429, { success: false, message: "Too many requests." }, headers)
    )
    return { tenant, request: entry.number, now: yield* Clock.currentTimeMillis }
  })

  const toResource = (tenant: string, key: string, resource: Resource): ReachSchema.CustomerResource => ({
    id: Seeded.uuid(`${seed}/${tenant}/customer/${key}`),
    schemaDefinitionId,
    platformId: Seeded.uuid(`${seed}/platform`),
    businessId: Seeded.uuid(`${seed}/${tenant}`),
    resourceExternalId: key,
    createdAt: new Date(resource.createdAt).toISOString(),
    updatedAt: new Date(resource.updatedAt).toISOString(),
    data: resource.data
  })

  const readSingle = Effect.fnUntraced(function* (
    request: HttpServerRequest.HttpServerRequest,
    ignoreUnknownFields: boolean,
    mustHave: "all required" | "nothing"
  ) {
    const { data } = yield* readJson(request, invalid)
    const { patch, problems } = isJsonObject(data)
      ? check(data, { ignoreUnknownFields, mustHave })
      : { patch: undefined, problems: ["must be an object"] }
    if (patch !== undefined && problems.length === 0) return patch
    return yield* invalid(
      "The request is not valid.",
      problems.map((problem) => `data.${problem}`)
    )
  })

  const customersLayer = HttpApiBuilder.group(api, "customers", (handlers) =>
    handlers
      .handleRaw(
        "createCustomer",
        Effect.fnUntraced(function* ({ query, request }) {
          const { now, request: number, tenant } = yield* enter(request)
          const patch = yield* readSingle(request, query.ignoreUnknownFields ?? false, "all required")
          const key = patch.customerId
          if (query.onconflict === "reject" && customersOf(tenant).has(key)) {
            const message = "A customer with this customerId exists already."
            return yield* refuse(options.conflictStatus ?? 409, { success: false, message })
          }
          const resource = write(key, patch, { tenant, now, request: number })
          return { success: true, message: "Customer saved.", data: toResource(tenant, key, resource) }
        }, answered)
      )
      .handleRaw(
        "patchCustomer",
        Effect.fnUntraced(function* ({ params, query, request }) {
          const { now, request: number, tenant } = yield* enter(request)
          const key = params.externalId
          const patch: Partial<ReachRecord.SentPatch> = yield* readSingle(
            request,
            query.ignoreUnknownFields ?? false,
            "nothing"
          )
          if (patch.customerId !== undefined && patch.customerId !== key) {
            return yield* invalid("The request is not valid.", ["data.customerId is not the customer of the path"])
          }
          if (!customersOf(tenant).has(key)) return yield* notFound("There is no customer with this id.")
          const resource = write(key, patch, { tenant, now, request: number })
          const result = toResource(tenant, key, resource)
          return { success: true, message: "Customer saved.", data: { result, included: [] } }
        }, answered)
      )
      .handleRaw(
        "patchCustomers",
        Effect.fnUntraced(function* ({ query, request }) {
          const { now, request: number, tenant } = yield* enter(request)
          const { resources } = yield* readJson(request, invalid)
          if (!Array.isArray(resources) || resources.length === 0 || resources.length > ReachApi.maxBatchRecords) {
            const problem = `resources must be an array of 1 to ${ReachApi.maxBatchRecords} customers`
            return yield* invalid("The request is not valid.", [problem])
          }
          const notObjects = resources.flatMap((record: unknown, index) =>
            isJsonObject(record) ? [] : [`resources[${index}] must be an object`]
          )
          if (notObjects.length > 0) return yield* invalid("The request is not valid.", notObjects)
          const rules = {
            ignoreUnknownFields: query.ignoreUnknownFields === "true",
            mustHave: "customerId"
          } as const
          const records: Array<ReachRecord.SentPatch> = []
          const failures: Array<BatchQueue.RecordFailure> = []
          resources.forEach((record: JsonObject, index) => {
            const { patch, problems } = check(record, rules)
            records.push(patch)
            if (problems.length > 0) failures.push(BatchQueue.failure(patch, index, problems))
          })
          if (failures.length > 0 && options.invalidRecord !== "fail-later") {
            const errors = options.naming === "none" ? undefined : failures.flatMap(describe)
            return yield* invalid("Some records are not valid; none was taken over.", errors)
          }
          const batch = BatchQueue.makeBatch({
            id: Seeded.uuid(`${seed}/batch/${batches.size + 1}`),
            number: batches.size + 1,
            tenant,
            records,
            request: number,
            createdAt: now,
            failures
          })
          batches.set(batch.id, batch)
          yield* queue.accept(batch)
          return {
            success: true,
            message: "Batch accepted.",
            data: {
              batchId: batch.id,
              message: `${records.length} records were taken over for processing.`,
              recordCount: records.length,
              schemaDefinitionId
            }
          }
        }, answered)
      )
  )

  const graceMillis = Duration.toMillis(options.statusGrace ?? 0)
  const batchesLayer = HttpApiBuilder.group(api, "batches", (handlers) =>
    handlers.handleRaw(
      "batchStatus",
      Effect.fnUntraced(function* ({ params, query, request }) {
        const { now, tenant } = yield* enter(request)
        const batch = batches.get(params.batchId)
        if (batch?.tenant !== tenant || now < batch.createdAt + graceMillis) {
          return yield* notFound("There is no batch with this id.")
        }
        return {
          success: true,
          data: {
            ...toStatus(batch, options.naming !== "none"),
            schemaDefinitionId,
            ...(query.includePendingDetails === "true" ? { pendingResources: [] } : {})
          }
        }
      }, answered)
    )
  )

  return {
    api,
    layer: Layer.merge(customersLayer, batchesLayer),
    /** A copy of a tenant's customers by `customerId`. */
    customers: (tenant: string): ReadonlyMap<string, ReachRecord.StoredCustomer> =>
      new Map(Array.from(tenants.get(tenant) ?? [], ([key, { data }]) => [key, data])),
    tenants: (): ReadonlyArray<string> => [...tenants.keys()],
    /** Puts customers there without a write in the journal. */
    seed: (tenant: string, customers: Iterable<ReachRecord.StoredCustomer>, now: number): void => {
      const stored = customersOf(tenant)
      for (const customer of customers) {
        stored.set(customer.customerId, { createdAt: now, updatedAt: now, data: { ...customer } })
      }
    },
    /** Puts batches there. Those that have not completed wait anew. */
    seedBatches: (seeded: Iterable<BatchQueue.Batch>): Effect.Effect<void> =>
      Effect.forEach(
        seeded,
        (batch) => {
          const open: BatchQueue.OpenBatch =
            batch.completedAt === undefined ? { ...batch, state: "pending", startedAt: undefined } : { ...batch }
          batches.set(open.id, open)
          return open.completedAt === undefined ? queue.accept(open) : Effect.void
        },
        { discard: true }
      ),
    batches: (): ReadonlyArray<BatchQueue.Batch> => Array.from(batches.values(), (batch) => ({ ...batch })),
    idle: queue.idle,
    reset: Effect.andThen(
      queue.clear,
      Effect.sync(() => {
        tenants.clear()
        batches.clear()
      })
    )
  }
})

const describe = ({ customerId, errors, index }: BatchQueue.RecordFailure): ReadonlyArray<string> => {
  const who = customerId === undefined ? "" : ` (customerId ${JSON.stringify(customerId)})`
  return errors.map((error) => `resources[${index}].${error}${who}`)
}

const dateTime = (millis: number | undefined): string | null =>
  millis === undefined ? null : new Date(millis).toISOString()

const toStatus = (batch: BatchQueue.Batch, naming: boolean): ReachSchema.BatchStatus => {
  const totalRecords = batch.records.length
  const completed = batch.completedAt !== undefined
  const failures = completed ? batch.failures : []
  const successfulRecords = completed ? totalRecords - failures.length : 0
  const summary: Record<string, number> = {}
  for (const error of failures.flatMap(({ errors }) => errors)) summary[error] = (summary[error] ?? 0) + 1
  const details = failures.map(({ customerId, errors, index }) => [
    `resources[${index}]`,
    { customerId: customerId ?? null, errors }
  ])
  return {
    batchId: batch.id,
    status: batch.state,
    batchType: "PARTNER_RESOURCE_BATCH_PATCH",
    progress: {
      totalRecords,
      processedRecords: completed ? totalRecords : 0,
      successfulRecords,
      pendingRecords: completed ? 0 : totalRecords,
      failedRecords: failures.length,
      successRate: successfulRecords / totalRecords
    },
    createdAt: dateTime(batch.createdAt),
    startedAt: dateTime(batch.startedAt),
    completedAt: dateTime(batch.completedAt),
    schemaName: "customers",
    errors: {
      summary,
      details: naming ? Object.fromEntries(details) : {},
      message: failures.length === 0 ? null : `${failures.length} of ${totalRecords} records failed.`
    }
  }
}
