import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Latch, Layer, Redacted, Stream } from "effect"
import type { HttpClient } from "effect/http"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as PocketflowsDestination from "../../src/pocketflows/PocketflowsDestination.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as RetryPolicy from "../../src/policy/retry/RetryPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import { Fault, Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import type { Progress } from "../../src/sync/books/Progress.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"

const clients = Layer.merge(
  ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) }),
  PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
)

const sandboxed =
  (options?: Sandbox.Options) =>
  <A, E>(
    effect: Effect.Effect<
      A,
      E,
      | ReachClient.ReachClient
      | PocketflowsClient.PocketflowsClient
      | Sandbox.Sandbox
      | HttpClient.HttpClient
      | FileSystem.FileSystem
    >
  ) =>
    effect.pipe(
      Effect.provide(Layer.provideMerge(clients, SandboxClient.layer(options))),
      Effect.provide(NodeServices.layer)
    )

const patches = (count: number, change?: (index: number) => Partial<ReachSchema.CustomerPatch>) =>
  Array.from(
    { length: count },
    (_, index): ReachSchema.CustomerPatch => ({
      customerId: `c-${index}`,
      firstName: `Zoë ${index}`,
      ...change?.(index)
    })
  )

const source = (records: ReadonlyArray<ReachSchema.CustomerPatch>) =>
  CustomerRecord.fromPatches(Stream.rechunk(Stream.fromIterable(records), 7))

const quick = RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis", maxAttempts: 4 })

const base = {
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: 10 }),
  retry: quick,
  rateLimit: RateLimitPolicy.unlimited(),
  settle: "accepted"
} as const

/** How many records are read for a vendor that never answers; never ends if they are fewer than `least`. */
const readInVain = (least: number, change?: (index: number) => Partial<ReachSchema.CustomerPatch>) =>
  Effect.gen(function* () {
    let read = 0
    const records = Stream.fromIterable(patches(2000, change)).pipe(
      Stream.rechunk(1),
      Stream.tap(() =>
        Effect.sync(() => {
          read++
        })
      )
    )
    const to = { ...base.to, send: () => Effect.never }
    const fiber = yield* Effect.forkChild(
      CustomerSync.run({ ...base, to, concurrency: 2, grace: "1 millis" })(CustomerRecord.fromPatches(records))
    )
    let before = 0
    while (read < least || read !== before) {
      before = read
      yield* Effect.sleep("50 millis")
    }
    yield* Fiber.interrupt(fiber)
    return read
  }).pipe(sandboxed())

describe("CustomerSync.run", () => {
  it.live("sends every record once, in batches of the size asked for, and the report adds up", () =>
    Effect.gen(function* () {
      const report = yield* CustomerSync.run(base)(source(patches(95)))
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.idle
      assert.deepInclude(report, { read: 95, batches: 10, requests: 10, retries: 0, destination: "reach.batch-patch" })
      assert.deepStrictEqual(report.outcomes, {
        Applied: 0,
        Accepted: 95,
        Rejected: 0,
        Unknown: 0,
        Merged: 0,
        Skipped: 0,
        Unsent: 0
      })
      const customers = yield* sandbox.reachCustomers("acme")
      assert.deepStrictEqual(
        [...customers.keys()].sort(),
        patches(95)
          .map(({ customerId }) => customerId)
          .sort()
      )
      const bytes = (yield* sandbox.requests).reduce((sum, request) => sum + request.bodyBytes, 0)
      assert.strictEqual(report.bytes, bytes, "the bytes that are counted are the bytes that are sent")
    }).pipe(sandboxed())
  )

  it.live("reads no further ahead than eight batches that wait to be sent, and what is set aside meanwhile", () =>
    Effect.gen(function* () {
      const inFlightAndWaiting = (2 + 8) * 10
      assert.isAtMost(yield* readInVain(inFlightAndWaiting), inFlightAndWaiting + 10)
      // Nine of ten fill batches; the tenth is set aside.
      const oneKey = (index: number) => (index % 10 === 0 ? { customerId: "c" } : {})
      assert.isAtMost(yield* readInVain(inFlightAndWaiting, oneKey), (inFlightAndWaiting / 9) * 10 + 10)
    })
  )

  it.live("no batch is over its byte limit, and a record that is too large alone is rejected", () =>
    Effect.gen(function* () {
      const records = patches(60, (index) => ({ lastName: "😀é".repeat(index === 30 ? 200 : index % 13) }))
      const report = yield* CustomerSync.run({ ...base, batch: BatchPolicy.make({ maxBytes: 700 }) })(source(records))
      const sandbox = yield* Sandbox.Sandbox
      const sizes = (yield* sandbox.requests).map(({ bodyBytes }) => bodyBytes)
      assert.isAtMost(Math.max(...sizes), 700)
      assert.isAbove(Math.max(...sizes), 600)
      assert.deepStrictEqual(report.reasons, { TooLarge: 1 })
      assert.strictEqual(report.outcomes.Accepted, 59)
    }).pipe(sandboxed())
  )

  it.live("503, 429, resets before and after, and cut answers are retried, and every record arrives", () =>
    Effect.gen(function* () {
      const report = yield* CustomerSync.run({
        ...base,
        retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis" })
      })(source(patches(300)))
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.idle
      assert.strictEqual(report.outcomes.Accepted, 300)
      assert.strictEqual(report.requests, report.batches + report.retries)
      assert.isAbove(report.retries, 5)
      assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 300)
    }).pipe(
      sandboxed({
        faults: [
          { probability: 0.1, fault: Fault.respond({ status: 503 }) },
          { probability: 0.1, fault: Fault.respond({ status: 429, retryAfter: 0 }) },
          { probability: 0.1, fault: Fault.reset("before") },
          { probability: 0.1, fault: Fault.reset("after") },
          { probability: 0.1, fault: Fault.cutShort() }
        ]
      })
    )
  )

  it.live("a refused batch is rejected whole, the others go on, and dead letters hold what is needed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = `${folder}/dead.ndjson`
      const report = yield* CustomerSync.run({ ...base, isolate: "none", deadLetters: DeadLetters.file(file) })(
        source(patches(40))
      )
      assert.strictEqual(report.outcomes.Rejected, 10)
      assert.strictEqual(report.outcomes.Accepted, 30)
      assert.deepStrictEqual(report.reasons, { BadRequest: 10 })
      const letters = (yield* fs.readFileString(file))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.strictEqual(letters.length, 10)
      const first = letters.find(({ key }) => key === "c-10")
      assert.deepInclude(first, { offset: 10, outcome: "Rejected", batch: 2 })
      assert.deepStrictEqual(first.record, { format: "json", value: { customerId: "c-10", firstName: "Zoë 10" } })
      assert.include(first.answer, "c-13 is not welcome")
      assert.strictEqual((yield* fs.stat(file)).mode & 0o777, 0o600, "its owner's alone")
      assert.notInclude(JSON.stringify(report), "c-13")
    }).pipe(
      Effect.scoped,
      sandboxed({ reach: { refuse: ({ customerId }) => (customerId === "c-13" ? "c-13 is not welcome" : undefined) } })
    )
  )

  it.live("refused credentials stop the run after the batches in flight, and the rest is Unsent", () =>
    Effect.gen(function* () {
      const stopped = yield* Effect.flip(CustomerSync.run({ ...base, concurrency: 2 })(source(patches(500))))
      assert.strictEqual(stopped.reason._tag, "Unauthorized")
      assert.strictEqual(stopped.report.stopped, "Unauthorized")
      const { outcomes, read } = stopped.report
      assert.strictEqual(
        Object.values(outcomes).reduce((sum, count) => sum + count, 0),
        read
      )
      assert.strictEqual(outcomes.Rejected + outcomes.Unknown, 0, "no million rejections, and no guesses")
      assert.strictEqual(outcomes.Accepted, 10)
      assert.isAtMost(stopped.report.requests, 3)
      assert.isAtMost(read, 100)
    }).pipe(sandboxed({ faults: [{ after: 1, fault: Fault.respond({ status: 401, body: {} }) }] }))
  )

  it.live("a vendor that stays down ends the run, and what was sent is Unknown", () =>
    Effect.gen(function* () {
      const stopped = yield* Effect.flip(CustomerSync.run({ ...base, window: 1 })(source(patches(50))))
      assert.strictEqual(stopped.reason._tag, "RetriesExhausted")
      assert.strictEqual(stopped.report.requests, 4)
      const { outcomes, read } = stopped.report
      // No more is read than a batch and a chunk ahead: of the rest nothing is known, and nothing is said.
      assert.deepInclude(outcomes, { Unknown: 10, Unsent: read - 10 })
      assert.isAtMost(read, 30)
      assert.include(stopped.message, "4 attempts")
    }).pipe(sandboxed({ faults: [{ fault: Fault.respond({ status: 503 }) }] }))
  )

  it.live("a source that fails keeps what was read before, and does not interrupt what is in flight", () =>
    Effect.gen(function* () {
      const failing = Stream.concat(source(patches(25)), Stream.fail({ _tag: "DiskOnFire" } as const))
      const stopped = yield* Effect.flip(CustomerSync.run(base)(failing))
      assert.deepStrictEqual(stopped.reason, { _tag: "DiskOnFire" })
      assert.strictEqual(stopped.report.read, 25)
      assert.strictEqual(stopped.report.outcomes.Accepted + stopped.report.outcomes.Unsent, 25)
    }).pipe(sandboxed({ faults: [{ fault: Fault.latency("20 millis") }] }))
  )

  it.live("a source whose failure says that the records before it are good has all of them sent", () =>
    Effect.gen(function* () {
      const failure = { _tag: "CutOff", isAfterRecords: true } as const
      const failing = Stream.concat(source(patches(25)), Stream.fail(failure))
      const stopped = yield* Effect.flip(CustomerSync.run(base)(failing))
      assert.deepStrictEqual(stopped.reason, failure)
      assert.deepStrictEqual([stopped.report.read, stopped.report.outcomes.Accepted], [25, 25])
      assert.strictEqual(stopped.report.stopped, "CutOff")
      const outcomes: Array<string> = []
      const told = CustomerSync.outcomes(base)(failing).pipe(
        Stream.runForEach(({ _tag }) => Effect.sync(() => outcomes.push(_tag)))
      )
      assert.deepStrictEqual((yield* Effect.flip(told)).reason, failure)
      assert.lengthOf(outcomes, 25)
    }).pipe(sandboxed({ faults: [{ fault: Fault.latency("20 millis") }] }))
  )

  it.live("the rate limit counts every request, retries included", () =>
    Effect.gen(function* () {
      const limited = {
        ...base,
        rateLimit: RateLimitPolicy.make({ limit: 10, window: "100 millis" }),
        // Whose turn it is may come round with the fault.
        retry: RetryPolicy.make({ firstDelay: "1 millis", maxDelay: "2 millis" }),
        concurrency: 16
      }
      yield* CustomerSync.run(limited)(source(patches(250)))
      const sandbox = yield* Sandbox.Sandbox
      const times = (yield* sandbox.requests).map(({ time }) => time)
      assert.isAbove(times.length, 25)
      // Ten milliseconds a request, whatever the machine does; in virtual time the policies' own tests are exact.
      assert.isAtLeast((times.at(-1) ?? 0) - (times[0] ?? 0), (times.length - 1) * 10 * 0.9)
    }).pipe(sandboxed({ faults: [{ every: 5, fault: Fault.respond({ status: 503 }) }] }))
  )

  it.live("progress comes as values, and ends at the end", () =>
    Effect.gen(function* () {
      const seen: Array<Progress> = []
      const started = performance.now()
      yield* CustomerSync.run({
        ...base,
        concurrency: 1,
        onProgress: (progress) => Effect.sync(() => void seen.push(progress))
      })(source(patches(100)))
      assert.isAbove(seen.length, 1)
      assert.isAtMost(seen.length, 2 + (performance.now() - started) / 100, "at most ten a second")
      assert.strictEqual(seen.at(-1)?.outcomes.Accepted, 100)
    }).pipe(sandboxed({ faults: [{ fault: Fault.latency("40 millis") }] }))
  )

  it.live("as many requests are in flight as were asked for, however many that are", () =>
    Effect.gen(function* () {
      const sent = { now: 0, most: 0 }
      const all = Latch.makeUnsafe()
      // Nothing is answered before as many are there as are to be; then they are held long enough for one more to come.
      const send: typeof base.to.send = (...batch) =>
        Effect.suspend(() => {
          sent.most = Math.max(sent.most, ++sent.now)
          if (sent.now === 100) Latch.openUnsafe(all)
          return all.await.pipe(
            Effect.andThen(Effect.sleep("50 millis")),
            Effect.andThen(
              Effect.suspend(() => {
                sent.now--
                return base.to.send(...batch)
              })
            )
          )
        })
      const to = { ...base.to, send }
      yield* CustomerSync.run({ ...base, to, concurrency: 100 })(source(patches(1_200)))
      assert.strictEqual(sent.most, 100)
    }).pipe(sandboxed())
  )

  it.live("a null on a consent field is rejected before sending, unless it is named", () =>
    Effect.gen(function* () {
      const records = patches(20, (index) => (index === 5 ? { emailOptOut: null } : {}))
      const refused = yield* CustomerSync.run(base)(source(records))
      assert.deepStrictEqual(refused.reasons, { InvalidRequest: 1 })
      const to = ReachDestination.batchPatch({ deleteConsent: ["emailOptOut"] })
      const allowed = yield* CustomerSync.run({ ...base, to })(source(records))
      assert.strictEqual(allowed.outcomes.Accepted, 20)
    }).pipe(sandboxed())
  )

  it.live("Pocketflows' customers are Applied at once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const ids = Array.from({ length: 30 }, (_, index) => `p-${index}`)
      yield* sandbox.seedPocketflows(
        "biz",
        ids.map((id) => ({ id }))
      )
      const updates = Stream.fromIterable(ids.map((id) => ({ id, full_name: `Name of ${id}` })))
      const to = PocketflowsDestination.batchUpdate({ business: "biz" })
      const report = yield* CustomerSync.run({ to, batch: base.batch })(CustomerRecord.fromPatches(updates))
      assert.strictEqual(report.outcomes.Applied, 30)
      assert.strictEqual((yield* sandbox.pocketflowsCustomers("biz")).get("p-7")?.full_name, "Name of p-7")
    }).pipe(sandboxed())
  )

  it.live("dead letters that cannot be written stop the run", () =>
    Effect.gen(function* () {
      const deadLetters = DeadLetters.file("/no-such-folder/dead.ndjson")
      const records = patches(30, (index) => (index === 3 ? { smsOptOut: null } : {}))
      const stopped = yield* Effect.flip(CustomerSync.run({ ...base, deadLetters })(source(records)))
      assert.strictEqual(stopped.reason._tag, "DeadLettersUnwritable")
      assert.include(stopped.message, "/no-such-folder/dead.ndjson")
    }).pipe(sandboxed())
  )
})
