/**
 * Pocketflows' side of the sandbox: its customers, and what it answers.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as Redacted from "effect/Redacted"
import { PocketflowsApi } from "../pocketflows/PocketflowsApi.ts"
import type * as PocketflowsSchema from "../pocketflows/PocketflowsSchema.ts"
import { CurrentEntry, type Journal } from "./Journal.ts"
import type { RateLimit } from "./RateLimit.ts"
import {
  answered,
  type FieldCheck,
  isJsonObject,
  isKey,
  isText,
  type JsonObject,
  type Refusable,
  readJson,
  refuse
} from "./Refusal.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** The only user name that is let in. Default: any that is not empty. */
  readonly username?: string | undefined
  /** The only password that is let in. Default: any, also none. */
  readonly password?: string | Redacted.Redacted<string> | undefined
  /** The status of a refused batch. Default: 422. */
  readonly refusalStatus?: number | undefined
  /** Whether errors say which customers they are about. Default: `id`. */
  readonly naming?: "id" | "none" | undefined
  /** Whether sent metadata takes the place of the stored one or is merged into it. Default: `replace`. */
  readonly metadata?: "replace" | "merge" | undefined
  /** The most customers that one batch may hold. Default: no limit. */
  readonly maxRecords?: number | undefined
  /** A rule of the vendor's own: the reason for which an update that is otherwise good is refused. */
  readonly refuse?: ((update: PocketflowsSchema.CustomerUpdate) => string | undefined) | undefined
}

/**
 * A customer to begin with: its id, and what else is known of it.
 *
 * @category models
 * @since 0.1.0
 */
export type SeedCustomer = Partial<StoredCustomer> & { readonly id: string }

/**
 * A customer as Pocketflows keeps it, with all of its fields.
 *
 * @category models
 * @since 0.1.0
 */
export type StoredCustomer = Required<PocketflowsSchema.Customer>

interface Business {
  readonly customers: Map<string, StoredCustomer>
  /** Who has an email address. */
  readonly owners: Map<string, string>
}

const nullable =
  (check: FieldCheck): FieldCheck =>
  (value) =>
    value === null ? undefined : check(value)

// "Update multiple customers", request body. Other fields are not refused: the page does not say that they are.
const checks = {
  id: isKey,
  phone_number: nullable(isText),
  email_address: nullable(isText),
  metadata: nullable((value) => (isJsonObject(value) ? undefined : "must be an object")),
  full_name: nullable(isText)
} satisfies Record<keyof PocketflowsSchema.CustomerUpdate, FieldCheck>

const fields = Object.entries(checks)

/**
 * Makes Pocketflows, empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options, shared: { readonly journal: Journal; readonly rateLimit: RateLimit }) => {
  const businesses = new Map<string, Business>()

  const businessOf = (id: string): Business => {
    const known = businesses.get(id)
    if (known !== undefined) return known
    const business: Business = { customers: new Map(), owners: new Map() }
    businesses.set(id, business)
    return business
  }

  /** Puts customers there, all addresses being free before the first is taken. */
  const put = (business: Business, customers: Iterable<StoredCustomer>): void => {
    const all = [...customers]
    for (const { id } of all) {
      const email = business.customers.get(id)?.email_address ?? null
      if (email !== null) business.owners.delete(email)
    }
    for (const customer of all) {
      business.customers.set(customer.id, customer)
      if (customer.email_address !== null) business.owners.set(customer.email_address, customer.id)
    }
  }

  const invalid = (message: string, errors?: ReadonlyArray<string>): Refusable<never> =>
    refuse(options.refusalStatus ?? 422, {
      message,
      ...(errors === undefined || options.naming === "none" ? {} : { errors })
    })

  const password = Redacted.isRedacted(options.password) ? Redacted.value(options.password) : options.password
  const authorize = Effect.gen(function* () {
    const sent = yield* HttpApiBuilder.securityDecode(HttpApiSecurity.basic)
    const isUser = options.username === undefined ? sent.username !== "" : sent.username === options.username
    if (isUser && (password === undefined || Redacted.value(sent.password) === password)) return
    return yield* refuse(401, { message: "HTTP Basic credentials are required." }, { "www-authenticate": "Basic" })
  })

  const merged = (
    stored: StoredCustomer,
    { email_address, full_name, metadata, phone_number }: PocketflowsSchema.CustomerUpdate
  ): StoredCustomer => ({
    ...stored,
    ...(email_address === undefined ? {} : { email_address }),
    ...(full_name === undefined ? {} : { full_name }),
    ...(phone_number === undefined ? {} : { phone_number }),
    ...(metadata === undefined
      ? {}
      : // A customer always has metadata, so null leaves it empty.
        { metadata: { ...(options.metadata === "merge" && metadata !== null ? stored.metadata : {}), ...metadata } })
  })

  /** The customers as they would be, or what is wrong. Nothing is written. */
  const plan = (business: Business, updates: ReadonlyArray<unknown>) => {
    const problems: Array<string> = []
    const next = new Map<string, StoredCustomer>()
    const patches = new Map<string, JsonObject>()
    updates.forEach((update, index) => {
      const place = `customers[${index}]`
      if (!isJsonObject(update)) {
        problems.push(`${place} must be an object`)
        return
      }
      const { id } = update
      const who = typeof id === "string" ? `${place} (id ${JSON.stringify(id)})` : place
      const wrong = fields.flatMap(([name, check]) => {
        const problem = name === "id" || Object.hasOwn(update, name) ? check(update[name]) : undefined
        return problem === undefined ? [] : [`${who} ${name} ${problem}`]
      })
      if (wrong.length > 0) {
        problems.push(...wrong)
        return
      }
      // Every field was checked.
      const valid = update as PocketflowsSchema.CustomerUpdate
      const stored = business.customers.get(valid.id)
      const reason = options.refuse?.(valid)
      if (stored === undefined) problems.push(`${who} does not exist`)
      else if (next.has(valid.id)) problems.push(`${who} is there twice`)
      else if (reason !== undefined) problems.push(`${who} ${reason}`)
      else {
        next.set(valid.id, merged(stored, valid))
        patches.set(
          valid.id,
          Object.fromEntries(Object.entries(update).filter(([name]) => Object.hasOwn(checks, name)))
        )
      }
    })
    // The end state counts, so that two customers can swap their addresses.
    const claimed = new Map<string, string>()
    for (const { email_address, id } of next.values()) {
      if (email_address === null) continue
      const outside = business.owners.get(email_address)
      const owner = claimed.get(email_address) ?? (outside === undefined || next.has(outside) ? undefined : outside)
      if (owner === undefined) claimed.set(email_address, id)
      else problems.push(`customers ${JSON.stringify(owner)} and ${JSON.stringify(id)} would have one email_address`)
    }
    return { next, patches, problems }
  }

  const layer = HttpApiBuilder.group(PocketflowsApi, "customers", (handlers) =>
    handlers.handleRaw(
      "updateCustomers",
      Effect.fnUntraced(function* ({ params, request }) {
        yield* authorize
        const entry = yield* CurrentEntry
        entry.tenant = params.id
        yield* shared.rateLimit(`pocketflows/${params.id}`, (headers) =>
          refuse(429, { message: "Too many requests." }, headers)
        )
        const body = yield* readJson(request, (problem) => refuse(400, { message: problem }))
        const updates = body.customers
        if (!Array.isArray(updates)) return yield* invalid("customers must be an array.")
        if (options.maxRecords !== undefined && updates.length > options.maxRecords) {
          return yield* invalid(`customers must be an array of at most ${options.maxRecords}.`)
        }
        const business = businessOf(params.id)
        const { next, patches, problems } = plan(business, updates)
        if (problems.length > 0) return yield* invalid("No customer was updated.", problems)
        put(business, next.values())
        const time = yield* Clock.currentTimeMillis
        for (const [key, patch] of patches) {
          const at = { time, vendor: "pocketflows", tenant: params.id, request: entry.number } as const
          shared.journal.write({ ...at, key, patch, batchId: undefined })
        }
        return { customers: [...next.values()] }
      }, answered)
    )
  )

  return {
    layer,
    /** A copy of a business' customers by `id`. */
    customers: (business: string): ReadonlyMap<string, StoredCustomer> => new Map(businesses.get(business)?.customers),
    businesses: (): ReadonlyArray<string> => [...businesses.keys()],
    /** Puts customers there without a write in the journal. */
    seed: (business: string, customers: Iterable<SeedCustomer>): void => {
      put(
        businessOf(business),
        Array.from(customers, (customer) => ({
          external_id: null,
          email_address: null,
          phone_number: null,
          full_name: null,
          metadata: {},
          unsubscribed: null,
          ...customer
        }))
      )
    },
    reset: Effect.sync(() => businesses.clear())
  }
}
