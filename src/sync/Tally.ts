/**
 * What a run has done so far, in numbers.
 *
 * @since 0.1.0
 */
import { Clock, DateTime, Duration, Effect, type Scope, Stream } from "effect"
import type { SendPolicy } from "../policy/SendPolicy.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Totals {
  readonly batches: number
  readonly requests: number
  readonly retries: number
  readonly bytes: number
  readonly reasons: { readonly [tag: string]: number }
}

/**
 * Counters of a run; cheap to add to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tally {
  readonly totals: () => Totals
  /** Milliseconds that requests were told to wait, by reason. One wait of several requests counts once. */
  readonly waits: () => { readonly [reason: string]: number }
  /** What is waited for now, if anything. */
  readonly waiting: (nowMillis: number) => string | undefined
  /** Milliseconds that a request took: the middle one, the 95th of a hundred, and the longest. */
  readonly durations: () => { readonly p50: number; readonly p95: number; readonly max: number }
  /** Counts a batch of which a request goes out for the first time. */
  readonly addBatch: () => void
  /** Counts a body that goes out for the first time. */
  readonly addBody: (bytes: number) => void
  readonly addReason: (tag: string, records: number) => void
  /** For one request: what to put around each of its attempts, so that it is counted and timed. */
  readonly counted: () => <A, E, R>(send: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Counts what the policies do, until the scope closes. */
  readonly listen: (policy: Pick<SendPolicy, "events">) => Effect.Effect<void, never, Scope.Scope>
}

// Durations are kept in buckets that grow by a twentieth, from a tenth of a millisecond: what is read from them is
// off by a twentieth at most, and they take no room however many requests there are.
const smallest = 0.1
const growth = Math.log(1.05)
const bucketOf = (millis: number): number =>
  Math.max(0, Math.ceil(Math.log(Math.max(millis, smallest) / smallest) / growth))
const upperEnd = (bucket: number): number => smallest * Math.exp(bucket * growth)

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (before?: Totals): Tally => {
  let batches = before?.batches ?? 0
  let requests = before?.requests ?? 0
  let retries = before?.retries ?? 0
  let bytes = before?.bytes ?? 0
  const reasons = new Map<string, number>(Object.entries(before?.reasons ?? {}))
  const waits = new Map<string, number>()
  const waitsUntil = new Map<string, number>()
  const buckets: Array<number> = []
  let timed = 0
  let longest = 0

  const add = (counts: Map<string, number>, name: string, more: number) =>
    counts.set(name, (counts.get(name) ?? 0) + more)

  const timedRequest = <A, E, R>(send: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Clock.clockWith((clock) => {
      requests++
      const start = clock.monotonicTimeNanosUnsafe()
      return Effect.onExit(send, () =>
        Effect.sync(() => {
          const millis = Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6
          const bucket = bucketOf(millis)
          buckets[bucket] = (buckets[bucket] ?? 0) + 1
          timed++
          longest = Math.max(longest, millis)
        })
      )
    })

  const quantile = (share: number): number => {
    let rank = Math.ceil(timed * share)
    for (const [bucket, count = 0] of buckets.entries()) {
      rank -= count
      if (count > 0 && rank <= 0) return Math.min(longest, upperEnd(bucket))
    }
    return 0
  }

  return {
    totals: () => ({ batches, requests, retries, bytes, reasons: Object.fromEntries(reasons) }),
    waits: () => Object.fromEntries(waits),
    waiting: (nowMillis) => [...waitsUntil].find(([, until]) => until > nowMillis)?.[0],
    durations: () => ({ p50: quantile(0.5), p95: quantile(0.95), max: longest }),
    addBatch: () => {
      batches++
    },
    addBody: (more) => {
      bytes += more
    },
    addReason: (tag, records) => {
      add(reasons, tag, records)
    },
    counted: () => {
      let tried = false
      return (send) =>
        Effect.suspend(() => {
          if (tried) retries++
          tried = true
          return timedRequest(send)
        })
    },
    listen: ({ events }) =>
      Effect.asVoid(
        Effect.forkScoped(
          Stream.runForEach(events, (event) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              if (event._tag === "Retrying") {
                const delay = Duration.toMillis(event.delay)
                add(waits, "backoff", delay)
                waitsUntil.set("backoff", Math.max(waitsUntil.get("backoff") ?? 0, now + delay))
              } else if (event._tag === "Waiting") {
                const until = event.until === undefined ? now : DateTime.toEpochMillis(event.until)
                // A wait that is told again while it lasts is the same wait.
                const from = Math.max(now, waitsUntil.get(event.reason) ?? 0)
                add(waits, event.reason, Math.max(0, until - from))
                waitsUntil.set(event.reason, Math.max(waitsUntil.get(event.reason) ?? 0, until))
              }
            })
          ),
          { startImmediately: true }
        )
      )
  }
}
