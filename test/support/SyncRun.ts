/** One sync against a sandbox in the same process and in virtual time, with everything that an oracle asks for. */
import { Context, Effect, Exit, Fiber, Layer, Random, Redacted, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import * as PocketflowsClient from "../../src/pocketflows/PocketflowsClient.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import { type BatchQueue, type Journal, Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import type { SyncReport } from "../../src/sync/books/SyncReport.ts"
import type * as CustomerSync from "../../src/sync/CustomerSync.ts"
import type { Outcome } from "../../src/sync/model/Outcome.ts"

/** A request as it left, and as it ended for the sandbox. */
export interface Sent {
  readonly number: number
  readonly method: string
  readonly path: string
  readonly body: string
  readonly bytes: number
  /** The records in it, as they are written. */
  readonly records: ReadonlyArray<WireRecord>
  /** How it ended; an answer that was made unreadable is `Malformed`. */
  readonly end: Journal.RequestEnd["_tag"] | "Malformed" | undefined
  readonly status: number | undefined
}

export type WireRecord = Readonly<Record<string, unknown>>

/** A key that was sent while a request or a batch that holds it was not finished. */
export interface Overlap {
  readonly key: string
  readonly request: number
  /** The other request; a batch is known by the request that brought it. */
  readonly other: number
  readonly kind: "request" | "batch"
}

export interface Observed {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly report: SyncReport
  /** The tag of what stopped the run, if anything did. */
  readonly stopped: string | undefined
  readonly sent: ReadonlyArray<Sent>
  readonly overlaps: ReadonlyArray<Overlap>
  readonly batches: ReadonlyArray<BatchQueue.Batch>
  readonly writes: ReadonlyArray<Journal.WriteEntry>
  readonly letters: ReadonlyArray<DeadLetters.DeadLetter>
  readonly reach: ReadonlyMap<string, unknown>
  readonly pocketflows: ReadonlyMap<string, unknown>
}

/** What every run of a test is given besides its own options. */
export interface Hooks {
  readonly deadLetters: DeadLetters.DeadLetters
  readonly onReport: (report: SyncReport) => Effect.Effect<void>
}

export type Clients = ReachClient.ReachClient | PocketflowsClient.PocketflowsClient

export const tenant = "acme"
export const business = "biz"

export const keyOf = (record: WireRecord): string => String(record.customerId ?? record.id)

const recordsOf = (body: string): ReadonlyArray<WireRecord> => {
  if (body === "") return []
  const { customers, data, resources } = JSON.parse(body)
  return customers ?? resources ?? [data]
}

interface OpenSent extends Omit<Sent, "end" | "status"> {
  open: boolean
}

class Wire extends Context.Service<
  Wire,
  { readonly sent: ReadonlyArray<OpenSent>; readonly overlaps: ReadonlyArray<Overlap> }
>()("test/Wire") {}

const wireHeader = "x-wire"

// Looks at the instant at which a request leaves: what holds its keys must be finished by then.
const wireLayer = Layer.effectContext(
  Effect.gen(function* () {
    const inner = yield* SandboxClient.make
    const sandbox = yield* Sandbox.Sandbox
    const sent: Array<OpenSent> = []
    const overlaps: Array<Overlap> = []
    const client = HttpClient.make((request, url) =>
      Effect.gen(function* () {
        const bytes = request.body._tag === "Uint8Array" ? request.body.body : new Uint8Array(0)
        const body = new TextDecoder().decode(bytes)
        const entry: OpenSent = {
          number: sent.length + 1,
          method: request.method,
          path: url.pathname,
          body,
          bytes: bytes.length,
          records: recordsOf(body),
          open: true
        }
        const keys = new Set(entry.records.map(keyOf))
        if (keys.size > 0) {
          for (const other of sent.filter(({ open }) => open)) {
            for (const key of new Set(other.records.map(keyOf))) {
              if (keys.has(key)) overlaps.push({ key, request: entry.number, other: other.number, kind: "request" })
            }
          }
          for (const batch of yield* sandbox.batches) {
            if (batch.completedAt !== undefined) continue
            for (const key of new Set(batch.records.map(keyOf))) {
              if (keys.has(key)) overlaps.push({ key, request: entry.number, other: batch.request, kind: "batch" })
            }
          }
        }
        sent.push(entry)
        const marked = HttpClientRequest.setHeader(request, wireHeader, String(entry.number))
        return yield* Effect.onExit(inner.execute(marked), () =>
          Effect.sync(() => {
            entry.open = false
          })
        )
      })
    )
    return Context.make(HttpClient.HttpClient, client).pipe(Context.add(Wire, { sent, overlaps }))
  })
)

const clients = Layer.merge(
  ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant }) }),
  PocketflowsClient.layer({ auth: { username: Redacted.make("u"), password: Redacted.make("p") } })
).pipe(Layer.orDie)

const nextTurn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

// A run that takes longer than this, in milliseconds of virtual time, hangs.
const longestRun = 100_000

// Far shorter than any timeout: what was answered must not time out because nobody has read it yet.
const longestStep = 4

/** Runs in virtual time, which goes on whenever nothing else does. */
export const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let time = 0; fiber.pollUnsafe() === undefined; ) {
      if (time > longestRun) return yield* Effect.die(new Error("The run hangs."))
      // Bodies are read by promises, which know nothing of the clock.
      yield* nextTurn
      // A run that takes long takes larger steps.
      const step = Math.min(longestStep, 1 + Math.floor(time / 50))
      yield* TestClock.adjust(step)
      time += step
    }
    return yield* Fiber.join(fiber)
  })

/** Runs one sync to its end, and waits until the sandbox is idle. */
export const observe = <E extends { readonly _tag: string }>(
  options: {
    readonly seed: number
    readonly sandbox: Sandbox.Options
    readonly reach?: ReadonlyArray<{ readonly customerId: string }> | undefined
    readonly pocketflows?: ReadonlyArray<{ readonly id: string }> | undefined
  },
  sync: (hooks: Hooks) => Stream.Stream<Outcome, CustomerSync.SyncStopped<E>, Clients>
): Effect.Effect<Observed> =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const wire = yield* Wire
    yield* sandbox.seedReach(tenant, options.reach ?? [])
    yield* sandbox.seedPocketflows(business, options.pocketflows ?? [])
    const letters = DeadLetters.memory()
    const outcomes: Array<Outcome> = []
    let report: SyncReport | undefined
    const exit = yield* sync({
      deadLetters: letters,
      onReport: (one) =>
        Effect.sync(() => {
          report = one
        })
    }).pipe(
      Stream.runForEach((outcome) => Effect.sync(() => void outcomes.push(outcome))),
      Effect.map(() => undefined),
      Effect.catchTag("SyncStopped", ({ reason }) => Effect.succeed(reason._tag)),
      Effect.exit
    )
    if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
    if (report === undefined) return yield* Effect.die(new Error("There is no report."))
    yield* sandbox.idle
    const requests = yield* sandbox.requests
    const numbers = new Map(requests.map(({ headers, number }) => [number, Number(headers[wireHeader])]))
    const entries = new Map(requests.map((entry) => [Number(entry.headers[wireHeader]), entry]))
    const wireNumber = (request: number): number => numbers.get(request) ?? 0
    return {
      outcomes,
      report,
      stopped: exit.value,
      sent: wire.sent.map(({ open: _, ...one }): Sent => {
        const entry = entries.get(one.number)
        const end = entry?.end
        return {
          ...one,
          end: entry?.faults.includes("MalformedJson") === true ? "Malformed" : end?._tag,
          status: end?._tag === "Answered" ? end.status : undefined
        }
      }),
      overlaps: wire.overlaps.map((one) => (one.kind === "batch" ? { ...one, other: wireNumber(one.other) } : one)),
      batches: (yield* sandbox.batches).map((batch) => ({ ...batch, request: wireNumber(batch.request) })),
      writes: (yield* sandbox.writes).map((write) => ({ ...write, request: wireNumber(write.request) })),
      letters: letters.letters,
      reach: yield* sandbox.reachCustomers(tenant),
      pocketflows: yield* sandbox.pocketflowsCustomers(business)
    }
  }).pipe(
    Random.withSeed(options.seed),
    Effect.provide(
      Layer.provideMerge(
        clients,
        Layer.provideMerge(wireLayer, Sandbox.layer({ ...options.sandbox, seed: options.seed }))
      )
    ),
    inVirtualTime
  )
