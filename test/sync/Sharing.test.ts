import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted, Stream } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as Monotonic from "../../src/base/Monotonic.ts"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import type * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import { SandboxClient } from "../../src/sandbox/index.ts"
import * as SyncReport from "../../src/sync/books/SyncReport.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"
import { slidingWindow } from "../policy/LimitSimulation.ts"
import { mostInWindow } from "../policy/Starts.ts"
import { inVirtualTime } from "../support/SyncRun.ts"

interface Start {
  readonly at: number
  readonly tenant: string | undefined
  readonly host: string
}

const answer = (status: number, body: unknown, headers?: Record<string, string>) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })

const receipt = (batchId: string) => ({
  success: true,
  data: { batchId, message: "accepted", recordCount: 1, schemaDefinitionId: "3c90c3cc-0d44-4b50-8888-8dd25736052a" }
})

const customer = {
  id: "p",
  external_id: null,
  full_name: null,
  email_address: null,
  phone_number: null,
  metadata: {},
  unsubscribed: null,
  created_at: "2024-01-15T10:30:00Z",
  updated_at: "2024-01-15T10:30:00Z"
}

/** Both vendors, which take everything, and when each request came. `refuse` says which of them are answered otherwise. */
const vendor = (refuse: (index: number, start: Start) => Response | undefined = () => undefined) => {
  const starts: Array<Start> = []
  const client = HttpClient.make((request, url) =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const start = { at: Monotonic.millis(clock), tenant: request.headers["reach-tenant-id"], host: url.host }
        const index = starts.push(start) - 1
        const isReach = !url.pathname.includes("batch_update")
        return HttpClientResponse.fromWeb(
          request,
          refuse(index, start) ??
            (isReach ? answer(202, receipt(`b-${index}`)) : answer(200, { customers: [customer] }))
        )
      })
    )
  )
  const most = (window = 1000) =>
    mostInWindow(
      starts.map(({ at }) => [at, 1] as const),
      window
    )
  return { starts, most, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const auth = ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })

/** A client of its own for each, as two scripts in one process have. */
const reachOf = (http: Layer.Layer<HttpClient.HttpClient>, baseUrl?: string) =>
  Layer.fresh(Layer.provide(ReachClient.layer({ auth, ...(baseUrl === undefined ? {} : { baseUrl }) }), http))

const perSecond = (limit: number, burst = 0) => RateLimitPolicy.make({ limit, window: "1 second", burst })

const run = (
  count: number,
  name: string,
  options?: {
    readonly tenant?: string
    readonly rateLimit?: RateLimitPolicy.RateLimitPolicy
    readonly retry?: RetryPolicy.RetryPolicy
  }
) =>
  Stream.range(1, count).pipe(
    Stream.map((index) => ({ customerId: `${name}-${index}` })),
    CustomerRecord.fromPatches,
    CustomerSync.run({
      to: ReachDestination.batchPatch({ tenant: options?.tenant }),
      batch: BatchPolicy.make({ maxRecords: 1 }),
      rateLimit: options?.rateLimit ?? perSecond(10),
      retry: options?.retry,
      settle: "accepted"
    })
  )

const together = Effect.all
const atOnce = { concurrency: "unbounded" } as const

describe("two runs in one process", () => {
  for (const burst of [0, 5]) {
    it.effect(`start no more than the limit together, with a burst of ${burst}`, () =>
      Effect.gen(function* () {
        const { layer, most, starts } = vendor()
        const options = { rateLimit: perSecond(10, burst) }
        const reports = yield* inVirtualTime(
          together(
            [
              run(30, "a", options).pipe(Effect.provide(reachOf(layer))),
              // The tenant of the credentials, by its name.
              run(30, "b", { ...options, tenant: "acme" }).pipe(Effect.provide(reachOf(layer)))
            ],
            atOnce
          )
        )
        assert.deepStrictEqual(
          reports.map(({ outcomes }) => outcomes.Accepted),
          [30, 30]
        )
        assert.deepStrictEqual(
          reports.map(({ requests }) => requests),
          [30, 30],
          "each counts its own"
        )
        assert.strictEqual(starts.length, 60)
        assert.strictEqual(most(), 10 + burst)
      })
    )

    it.effect(`that follow each other at once do not either, with a burst of ${burst}`, () =>
      Effect.gen(function* () {
        const { layer, most, starts } = vendor()
        const one = (name: string) =>
          run(8, name, { rateLimit: perSecond(10, burst) }).pipe(Effect.provide(reachOf(layer)))
        yield* inVirtualTime(Effect.forEach(["a", "b", "c", "d", "e"], one))
        assert.strictEqual(starts.length, 40)
        assert.isAtMost(most(), 10 + burst)
      })
    )
  }

  it.effect("do not share with another tenant, another base URL or another sandbox", () =>
    Effect.gen(function* () {
      const { layer, starts } = vendor()
      yield* inVirtualTime(
        together(
          [
            run(20, "a", { tenant: "acme" }).pipe(Effect.provide(reachOf(layer))),
            run(20, "b", { tenant: "other" }).pipe(Effect.provide(reachOf(layer))),
            run(20, "c", { tenant: "acme" }).pipe(Effect.provide(reachOf(layer, "https://staging.example")))
          ],
          atOnce
        )
      )
      const group = (keep: (start: Start) => boolean) => starts.filter(keep).map(({ at }) => [at, 1] as const)
      for (const one of [
        group(({ host, tenant }) => tenant === "acme" && host !== "staging.example"),
        group(({ tenant }) => tenant === "other"),
        group(({ host }) => host === "staging.example")
      ]) {
        assert.strictEqual(one.length, 20)
        assert.strictEqual(mostInWindow(one, 1000), 10)
      }
      assert.strictEqual(
        mostInWindow(
          group(() => true),
          1000
        ),
        30
      )
      const addresses = yield* Effect.forEach([1, 2], () =>
        ReachClient.ReachClient.useSync((reach) => reach.address()).pipe(
          Effect.provide(Layer.provide(ReachClient.layer({ auth }), Layer.fresh(SandboxClient.layer())), {
            local: true
          })
        )
      )
      assert.notStrictEqual(addresses[0]?.place, addresses[1]?.place)
    })
  )

  it.effect("wait together when one is told to, and each counts its own retries", () =>
    Effect.gen(function* () {
      const { layer, starts } = vendor((index) => (index === 5 ? answer(429, {}, { "retry-after": "30" }) : undefined))
      const [a, b] = yield* inVirtualTime(
        together(
          [run(10, "a").pipe(Effect.provide(reachOf(layer))), run(10, "b").pipe(Effect.provide(reachOf(layer)))],
          atOnce
        )
      )
      assert.strictEqual(starts.length, 21)
      const paused = starts[5]?.at ?? 0
      assert.deepStrictEqual(
        starts.filter(({ at }) => at > paused && at < paused + 30_000),
        []
      )
      assert.strictEqual(a.retries + b.retries, 1)
      assert.strictEqual(a.requests + b.requests, 21)
      for (const { waits } of [a, b]) {
        const { paused = 0 } = waits
        assert.closeTo(paused, 30_000, 1000)
      }
    })
  )

  it.effect("find one limit, which the report of both tells", () =>
    Effect.gen(function* () {
      const allows = slidingWindow(() => 50)
      const { layer } = vendor((_, { at, tenant }) => (tenant === "acme" && !allows(at) ? answer(429, {}) : undefined))
      const find = { rateLimit: RateLimitPolicy.find() }
      const [a, b, given, other] = yield* inVirtualTime(
        Effect.gen(function* () {
          const both = yield* together(
            [
              run(400, "a", find).pipe(Effect.provide(reachOf(layer))),
              run(400, "b", find).pipe(Effect.provide(reachOf(layer)))
            ],
            atOnce
          )
          const given = yield* run(100, "c", { rateLimit: perSecond(100) }).pipe(Effect.provide(reachOf(layer)))
          const other = yield* run(100, "d", { ...find, tenant: "other" }).pipe(Effect.provide(reachOf(layer)))
          return [...both, given, other]
        })
      )
      for (const report of [a, b]) {
        assert.closeTo(report?.found?.limit?.perSecond ?? 0, 50, 2)
        assert.isUndefined(report?.found?.background)
        assert.include(SyncReport.format(report ?? assert.fail()), "found a limit of about")
      }
      assert.isAbove(given?.retries ?? 0, 0)
      assert.notProperty(given, "found", "what is given is not found")
      assert.strictEqual(other?.retries, 0)
      assert.notProperty(other, "found", "where nothing is refused, there is nothing to say")
    })
  )

  it.effect("find nothing where headers come to declare the limit", () =>
    Effect.gen(function* () {
      const found = (count: number) => {
        const allows = slidingWindow(() => 50)
        const declares = { "ratelimit-policy": '"a";q=50;w=1' }
        const { layer } = vendor((index, { at }) => {
          const headers = index < 800 ? {} : declares
          return allows(at) ? answer(202, receipt(`b-${index}`), headers) : answer(429, {}, headers)
        })
        return inVirtualTime(
          run(count, "a", { rateLimit: RateLimitPolicy.find() }).pipe(
            Effect.map((report) => report.found),
            Effect.provide(reachOf(layer))
          )
        )
      }
      assert.isDefined(yield* found(700))
      assert.isUndefined(yield* found(900))
    })
  )

  it.effect("at Pocketflows, too", () =>
    Effect.gen(function* () {
      const { layer, most, starts } = vendor()
      const one = Stream.range(1, 15).pipe(
        Stream.map(() => ({ id: "p" })),
        CustomerRecord.fromPatches,
        CustomerSync.run({
          to: PocketflowsDestination.batchUpdate({ business: "shop" }),
          batch: BatchPolicy.make({ maxRecords: 1 }),
          rateLimit: perSecond(10)
        }),
        Effect.provide(
          Layer.fresh(
            Layer.provide(
              PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } }),
              layer
            )
          )
        )
      )
      yield* inVirtualTime(together([one, one], atOnce))
      assert.strictEqual(starts.length, 30)
      assert.strictEqual(most(), 10)
    })
  )
})

describe("single calls", () => {
  it.effect("share the limit of a run, whose own requests take one turn each", () =>
    Effect.gen(function* () {
      const { layer, most, starts } = vendor()
      const began = yield* Clock.currentTimeMillis
      const calls = ReachClient.ReachClient.use((reach) =>
        Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => reach.patchCustomers([{ customerId: `s-${index}` }]),
          atOnce
        )
      ).pipe(Effect.provide(reachOf(layer)))
      const runs = run(20, "a").pipe(
        Effect.provide(reachOf(layer)),
        Effect.andThen(Clock.currentTimeMillis),
        Effect.map((now) => now - began)
      )
      const [ended] = yield* inVirtualTime(together([runs, Effect.delay(calls, 1)], atOnce))
      assert.strictEqual(starts.length, 40)
      assert.strictEqual(most(), 10)
      assert.isAtMost(ended, 4000)
    })
  )

  it.effect("go by the sender of a layer, and so does a run that asks for more", () =>
    Effect.gen(function* () {
      const { layer, most, starts } = vendor((index) => (index === 3 ? answer(503, {}) : undefined))
      const sender = ReachClient.layerSender({ tenant: "acme", rateLimit: perSecond(5) })
      const calls = ReachClient.ReachClient.use((reach) =>
        Effect.forEach(
          Array.from({ length: 10 }, (_, index) => index),
          (index) => Effect.exit(reach.patchCustomers([{ customerId: `s-${index}` }])),
          atOnce
        )
      )
      const program = together([calls, run(10, "a", { rateLimit: perSecond(100) })], atOnce)
      const [exits] = yield* inVirtualTime(Effect.provide(program, Layer.provideMerge(sender, reachOf(layer))))
      assert.strictEqual(exits.filter(({ _tag }) => _tag === "Failure").length, 1, "no retries are added")
      assert.strictEqual(starts.length, 20)
      assert.strictEqual(most(), 5)
    })
  )
})
