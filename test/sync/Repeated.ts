/** Customers who come again, and the time that a sync of them takes: in virtual time, or against a server. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"
import * as SettlingVendor from "./SettlingVendor.ts"

/** The customer of each record. */
export type Customers = Int32Array

/** Numbers from 0 up to 1, the same each time. */
const chance = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export const once = (count: number): Customers => Int32Array.from({ length: count }, (_, offset) => offset)

/** Each customer in two records, at a random distance. */
export const twice = (count: number): Customers => {
  const next = chance(7)
  const at = Float64Array.from({ length: count }, next)
  return once(count)
    .sort((a, b) => (at[a] ?? 0) - (at[b] ?? 0))
    .map((offset) => offset >> 1)
}

/** As many customers as records, of whom the one who comes most often is in `hottest` of the records. */
export const zipf = (count: number, hottest: number): Customers => {
  const next = chance(3)
  const total = (exponent: number) => {
    let sum = 0
    for (let rank = 1; rank <= count; rank++) sum += rank ** -exponent
    return sum
  }
  let [low, high] = [0, 4]
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (1 / total(middle) < hottest) low = middle
    else high = middle
  }
  let sum = 0
  const upTo = Float64Array.from({ length: count }, (_, customer) => {
    sum += (customer + 1) ** -low
    return sum
  })
  return Int32Array.from({ length: count }, () => {
    const drawn = next() * sum
    let [from, to] = [0, count - 1]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((upTo[middle] ?? 0) > drawn) to = middle
      else from = middle + 1
    }
    return from
  })
}

export interface Options {
  /** Records in one request. */
  readonly batch: number
  readonly sameKey: "keep" | "merge" | "split"
}

/** Milliseconds that a sync takes, 8 in flight and no limit. */
const sync = (customers: Customers, { batch, sameKey }: Options) =>
  Effect.gen(function* () {
    const patches = Stream.fromArray(Array.from(customers, (customer) => ({ customerId: `c-${customer}` })))
    const started = yield* Clock.currentTimeMillis
    const { outcomes } = yield* CustomerSync.run({
      to: ReachDestination.batchPatch(),
      batch: BatchPolicy.make({ maxRecords: batch }),
      rateLimit: RateLimitPolicy.unlimited(),
      concurrency: 8,
      sameKey
    })(CustomerRecord.fromPatches(patches))
    if (outcomes.Applied + outcomes.Merged !== customers.length) {
      return yield* Effect.die(new Error(`Not all ended well: ${JSON.stringify(outcomes)}`))
    }
    return (yield* Clock.currentTimeMillis) - started
  })

const auth = ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })

const nextTurn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** How long a request takes. */
export const latency = 20

// Fine enough that what a step rounds up is little of a request, or of the time that a batch takes.
const stepOf = (settle: number): number => Math.max(5, settle / 200)

/** How many records of one customer a batch holds at most; merged, it stands for ten times its records. */
const ofOneCustomer = ({ batch, sameKey }: Options): number =>
  sameKey === "split" ? 1 : sameKey === "keep" ? batch : 10 * batch

/** How many batches that hold the customer who comes most often must come one after the other, at least. */
export const batchesInTurn = (customers: Customers, options: Options): number => {
  const counts = new Uint32Array(customers.length)
  let most = 0
  for (const customer of customers) {
    const count = (counts[customer] ?? 0) + 1
    counts[customer] = count
    most = Math.max(most, count)
  }
  return Math.ceil(most / ofOneCustomer(options))
}

/** One customer and nobody else; where batches settle soon, so often that it is known when to ask for their status. */
export const always = (settle: number): Customers => new Int32Array(settle < 500 ? 200 : 10)

/** Each of its records in a batch of its own. */
export const alone = { batch: 1, sameKey: "split" } as const

/** Milliseconds of virtual time, where a batch settles in `settle`. Fails where a customer was in two unfinished batches. */
export const simulated = (customers: Customers, settle: number, options: Options): Effect.Effect<number> =>
  Effect.gen(function* () {
    const vendor = SettlingVendor.make(settle)
    const decoder = new TextDecoder()
    const client = HttpClient.make((request, url) =>
      Effect.gen(function* () {
        yield* Effect.sleep(latency)
        const sent = request.body._tag === "Uint8Array" ? decoder.decode(request.body.body) : ""
        const { body, status } = vendor.answer(url.pathname, sent, yield* Clock.currentTimeMillis)
        return HttpClientResponse.fromWeb(request, new Response(body, { status }))
      })
    )
    const fiber = yield* sync(customers, options).pipe(
      Effect.provide(Layer.provide(ReachClient.layer({ auth }), Layer.succeed(HttpClient.HttpClient, client))),
      Effect.forkChild
    )
    while (fiber.pollUnsafe() === undefined) {
      // Answers are read by promises, which know nothing of the clock.
      yield* nextTurn
      yield* TestClock.adjust(stepOf(settle))
    }
    const took = yield* Fiber.join(fiber)
    if (vendor.overlaps() > 0) yield* Effect.die(new Error(`${vendor.overlaps()} batches overlapped.`))
    return took
  }).pipe(Effect.provide(TestClock.layer()), Effect.scoped, Effect.orDie)

/** Milliseconds against the server at this address. */
export const overSocket = (customers: Customers, url: string, options: Options): Effect.Effect<number> =>
  sync(customers, options).pipe(
    Effect.provide(Layer.provide(ReachClient.layer({ auth, baseUrl: url }), NodeHttp.layer)),
    Effect.orDie
  )
