import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Metric, Redacted, Stream } from "effect"
import {
  CustomerRecord,
  CustomerSync,
  DeadLetters,
  RateLimitPolicy,
  ReachAuth,
  ReachClient,
  ReachDestination,
  RetryPolicy,
  SettlePolicy
} from "../../src/index.ts"
import { Fault, type Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as Telemetry from "../support/Telemetry.ts"

const token = "tok-5e1f09ab77"
const secrets = [token, "@example.com", "Lovelace", "c-secret"]

// The vendor repeats what it was sent, as a validation message does.
const world = (options: Sandbox.Options) =>
  Layer.provideMerge(
    ReachClient.layer({ auth: ReachAuth.token(Redacted.make(token), { tenant: "acme" }) }),
    SandboxClient.layer(options)
  )

const customers = Stream.range(0, 59).pipe(
  Stream.map((index) => ({
    customerId: `c-secret-${index}`,
    email: `ada-${index}@example.com`,
    lastName: "Lovelace",
    ...(index === 7 ? { emailOptOut: null } : {})
  })),
  CustomerRecord.fromPatches
)

const run = Effect.suspend(() => {
  const letters = DeadLetters.memory()
  const progress: Array<unknown> = []
  const reports: Array<unknown> = []
  return customers.pipe(
    CustomerSync.run({
      to: ReachDestination.batchPatch(),
      retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis", maxAttempts: 3 }),
      rateLimit: RateLimitPolicy.unlimited(),
      settle: SettlePolicy.make({ firstPoll: "1 millis" }),
      deadLetters: letters,
      onProgress: (one) => Effect.sync(() => void progress.push(one)),
      onReport: (one) => Effect.sync(() => void reports.push(one))
    }),
    Telemetry.record,
    Effect.map(({ exit, spans, text }) => ({
      exit,
      spans,
      letters,
      said: `${text}\n${JSON.stringify({ progress, reports })}`
    }))
  )
})

const saysNothing = (said: string) => {
  for (const secret of secrets) assert.notInclude(said, secret)
}

describe("a single call that succeeds", () => {
  it.live("leaves no customer in its span", () =>
    Effect.gen(function* () {
      const reach = yield* ReachClient.ReachClient
      const { exit, spans, text } = yield* Telemetry.record(
        reach.createCustomer({
          customerId: "c-secret-1",
          firstName: "Ada",
          lastName: "Lovelace",
          email: "ada@example.com",
          createdAt: DateTime.makeUnsafe(0)
        })
      )
      assert.isTrue(exit._tag === "Success" && exit.value.data?.email === "ada@example.com")
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["Reach POST /api/resources/customers"]
      )
      saysNothing(text)
    }).pipe(Effect.provide(world({})))
  )
})

describe("a whole run holds no token and no customer in errors, logs, spans, metrics, progress or report", () => {
  it.live("through refusals, late failures and retries; the dead letters alone have them", () =>
    Effect.gen(function* () {
      const { exit, letters, said, spans } = yield* run
      assert.strictEqual(exit._tag, "Success")
      assert.isAbove(spans.length, 5)
      assert.isAtLeast(letters.letters.length, 3)
      assert.include(JSON.stringify(letters.letters), "ada-13@example.com")
      saysNothing(said)
      saysNothing(JSON.stringify(yield* Metric.snapshot))
    }).pipe(
      Effect.provide(
        world({
          faults: [{ every: 3, fault: Fault.respond({ status: 503, body: `<p>ada@example.com ${token}</p>` }) }],
          reach: {
            refuse: ({ customerId, email }) =>
              customerId === "c-secret-13" || customerId === "c-secret-40"
                ? `${email} of ${customerId} is taken`
                : undefined
          }
        })
      )
    )
  )

  for (const status of [401, 403, 404, 503]) {
    it.live(`and when ${status} stops it`, () =>
      Effect.gen(function* () {
        const { exit, said } = yield* run
        assert.strictEqual(exit._tag, "Failure")
        saysNothing(said)
      }).pipe(
        Effect.provide(
          world({
            faults: [{ fault: Fault.respond({ status, body: { message: `ada@example.com ${token} c-secret-1` } }) }]
          })
        )
      )
    )
  }
})
