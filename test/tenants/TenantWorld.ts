/** Tenants with vendors of their own, in virtual time: what each of them takes, and when, and what was sent to whom. */
import { Clock, Duration, Effect, Fiber, Option, Redacted, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Monotonic from "../../src/base/Monotonic.ts"
import * as ApiError from "../../src/http/ApiError.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import type * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import type { Behaviour, Destination, Settlement } from "../../src/sync/model/Destination.ts"
import * as Source from "../../src/sync/record/Source.ts"
import type * as TenantSync from "../../src/tenants/TenantSync.ts"

export interface Tenant {
  readonly key: string
  /** One in a request. */
  readonly records: number
  /** Requests that may start in a second. Default: 10. */
  readonly limit?: number
  /** Milliseconds that an answer takes. Default: 1. */
  readonly latency?: number
  /** What its vendor answers instead, at this time and for its n-th request. */
  readonly refuse?: (now: number, request: number) => ApiError.ApiError | undefined
  /** Milliseconds until what it accepted is applied. Default: it applies what it takes at once. */
  readonly settles?: number
}

export interface Sent {
  readonly at: number
  readonly tenant: string
  readonly id: string
}

interface Row {
  readonly id: string
}

const answered = {
  vendor: "Fake",
  endpoint: "PUT /rows",
  answer: Redacted.make(new ApiError.VendorAnswer({ message: "", errors: [], body: "" }))
}

export const down = () => new ApiError.ServerFault({ ...answered, status: 503 })

export const limited = () =>
  new ApiError.RateLimited({
    ...answered,
    status: 429,
    retryAfter: Duration.seconds(20)
  })

export const unauthorized = () => new ApiError.Unauthorized({ ...answered, status: 401 })

export const make = () => {
  const states = new Map<string, Checkpoint.State>()
  const sent: Array<Sent> = []
  const requests = new Map<string, number>()
  const running = new Set<string>()
  let most = 0
  /** When each turn began. */
  const turns: Array<{ readonly at: number; readonly tenant: string }> = []

  const checkpoint = (key: string): Checkpoint.Checkpoint<never, "safe"> => ({
    takeover: "safe",
    open: (fingerprint) =>
      Effect.sync(() => {
        const state = states.get(key)
        return {
          state: Option.fromUndefinedOr(state),
          write: (next: Omit<Checkpoint.State, "fingerprint">) =>
            Effect.sync(() => {
              states.set(key, structuredClone({ ...next, fingerprint }))
            })
        }
      })
  })

  const behaviour = {
    failureUnit: "batch",
    failures: "independent",
    writing: "merge",
    order: "none",
    resend: "safe"
  } as const

  const now = Effect.map(Clock.Clock, Monotonic.millis)

  const destination = ({ key, latency = 1, refuse, settles }: Tenant): Destination<Row, Behaviour> => ({
    name: "fake",
    vendor: "Fake",
    tenant: key,
    behaviour: { ...behaviour, acceptance: settles === undefined ? "applied" : "accepted" },
    maxRecords: 1,
    envelope: ["[", "]"],
    key: ({ id }) => id,
    merge: (_, later) => later,
    encode: ({ id }) => Result.succeed(JSON.stringify({ id })),
    send: ({ records }) =>
      Effect.gen(function* () {
        const at = yield* now
        const request = (requests.get(key) ?? 0) + 1
        requests.set(key, request)
        const refusal = refuse?.(at, request)
        if (refusal === undefined) for (const { key: id } of records) sent.push({ at, tenant: key, id })
        yield* Effect.sleep(latency)
        if (refusal !== undefined) return yield* refusal
        return { recordCount: records.length, batchId: settles === undefined ? undefined : `${at}` }
      }),
    named: () => [],
    settle: (batchId) =>
      Effect.map(now, (now): Settlement => ({ _tag: now >= Number(batchId) + (settles ?? 0) ? "Applied" : "Pending" })),
    fingerprint: ""
  })

  const sync = (tenant: Tenant, turn: TenantSync.Turn) =>
    Effect.acquireUseRelease(
      Effect.map(now, (at) => {
        turns.push({ at, tenant: tenant.key })
        running.add(tenant.key)
        most = Math.max(most, running.size)
      }),
      () =>
        Stream.range(0, tenant.records - 1).pipe(
          Stream.map((index) => ({ id: `${index}` })),
          fromPatches,
          Source.withFingerprint({ source: tenant.key }),
          turn.run({
            to: destination(tenant),
            rateLimit: RateLimitPolicy.make({ limit: tenant.limit ?? 10, window: "1 second" }),
            checkpoint: checkpoint(tenant.key)
          })
        ),
      () => Effect.sync(() => running.delete(tenant.key))
    )

  return {
    sync,
    sent,
    turns,
    states,
    /** The most that ran at once. */
    most: () => most,
    /** Milliseconds since the clock began at which the tenant's first record went out, and its last. */
    first: (key: string) => sent.find(({ tenant }) => tenant === key)?.at,
    last: (key: string) => sent.findLast(({ tenant }) => tenant === key)?.at,
    ids: (key: string) => sent.filter(({ tenant }) => tenant === key).map(({ id }) => id)
  }
}

export type World = ReturnType<typeof make>

/** What goes on while the effect runs is done in no time. */
export const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>, step = 100, longest = 36_000_000) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let time = 0; fiber.pollUnsafe() === undefined; time += step) {
      if (time > longest) return yield* Effect.die(new Error("The run hangs."))
      yield* TestClock.adjust(step)
    }
    return yield* Fiber.join(fiber)
  })
