/** What a run has done so far, in numbers. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Line } from "../../base/Line.ts"
import { AnswerObserver, type Observer } from "../../http/AnswerObserver.ts"
import type { SendPolicy } from "../../policy/SendPolicy.ts"
import * as Reasons from "./Reasons.ts"

export interface Totals extends Reasons.Totals {
  readonly batches: number
  readonly unsettled: Unsettled
  readonly requests: number
  readonly retries: number
  readonly bytes: number
}

/** Batches that were accepted, and of which it was not learnt how they went. */
export interface Unsettled {
  readonly batches: number
  /** The ids of the first ones. */
  readonly ids: ReadonlyArray<string>
}

/** Batches that were accepted, and are waited for now. */
export interface Settling {
  readonly batches: number
  /** Milliseconds since the one that is waited for longest was accepted. */
  readonly waited: number
  /** Milliseconds until it is waited for no longer. */
  readonly left: number
}

/** How long requests took, in milliseconds: half of them took no longer than `p50`. */
export interface Durations {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Counters of a run; cheap to add to. */
export interface Tally {
  readonly totals: () => Totals
  /** Milliseconds up to now in which some request waited, by reason: waits that overlap count once. */
  readonly waits: (nowMillis: number) => { readonly [reason: string]: number }
  /** What is waited for now, if anything. */
  readonly waiting: (nowMillis: number) => string | undefined
  /** Milliseconds that a request took, by percentile. */
  readonly durations: () => Durations
  /** Counts a batch of which a request goes out for the first time. */
  readonly addBatch: () => void
  /** Counts a body that goes out for the first time. */
  readonly addBody: (bytes: number) => void
  readonly addReason: Reasons.Reasons["add"]
  /** Counts a batch that is waited for no longer. */
  readonly addUnsettled: (batchId: string) => void
  /** What to put around the wait for a batch that was accepted. Both times are in milliseconds since 1970. */
  readonly settling: (
    acceptedAt: number,
    until: number
  ) => <A, E, R>(wait: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** What is waited for until it settles, if anything. */
  readonly settlingNow: (nowMillis: number) => Settling | undefined
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

// Enough to ask for them.
const idsKept = 5

export const make = (before?: Omit<Totals, "offsets" | "unsettled"> & Partial<Totals>): Tally => {
  let batches = before?.batches ?? 0
  let requests = before?.requests ?? 0
  let retries = before?.retries ?? 0
  let bytes = before?.bytes ?? 0
  const reasons = Reasons.make(before)
  let unsettled = before?.unsettled ?? { batches: 0, ids: [] }
  const settling = new Line<{ readonly acceptedAt: number; readonly until: number }>()
  // Each up to its `waitsUntil`, which may be ahead of now.
  const waits = new Map<string, number>()
  const waitsUntil = new Map<string, number>()
  const buckets: Array<number> = []
  let timed = 0
  let longest = 0

  // A wait that is told again while it lasts is the same wait.
  const addWait = (reason: string, now: number, until: number) => {
    const before = waitsUntil.get(reason) ?? 0
    waits.set(reason, (waits.get(reason) ?? 0) + Math.max(0, until - Math.max(now, before)))
    waitsUntil.set(reason, Math.max(before, until))
  }

  const addDuration = (millis: number) => {
    const bucket = bucketOf(millis)
    buckets[bucket] = (buckets[bucket] ?? 0) + 1
    timed++
    longest = Math.max(longest, millis)
  }

  const timedRequest = <A, E, R>(send: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(AnswerObserver, ({ onEnd, onHeaders }) =>
      Clock.clockWith((clock) => {
        requests++
        const start = clock.monotonicTimeNanosUnsafe()
        let isTimed = false
        const end = () => {
          if (isTimed) return
          isTimed = true
          addDuration(Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6)
        }
        const observer: Observer = {
          onHeaders,
          onEnd: (answer) => {
            end()
            return onEnd(answer)
          }
        }
        return Effect.onExit(Effect.provideService(send, AnswerObserver, observer), () => Effect.sync(end))
      })
    )

  const quantile = (share: number): number => {
    let rank = Math.ceil(timed * share)
    for (const [bucket, count = 0] of buckets.entries()) {
      rank -= count
      if (count > 0 && rank <= 0) return Math.min(longest, upperEnd(bucket))
    }
    return 0
  }

  return {
    totals: () => ({ batches, requests, retries, bytes, unsettled, ...reasons.totals() }),
    waits: (now) =>
      Object.fromEntries(
        [...waits].map(([reason, wait]) => [reason, wait - Math.max(0, (waitsUntil.get(reason) ?? 0) - now)])
      ),
    waiting: (nowMillis) => [...waitsUntil].find(([, until]) => until > nowMillis)?.[0],
    durations: () => ({
      p50: quantile(0.5),
      p90: quantile(0.9),
      p95: quantile(0.95),
      p99: quantile(0.99),
      max: longest
    }),
    addBatch: () => {
      batches++
    },
    addBody: (more) => {
      bytes += more
    },
    addReason: reasons.add,
    addUnsettled: (batchId) => {
      const { batches, ids } = unsettled
      unsettled = { batches: batches + 1, ids: ids.length < idsKept ? [...ids, batchId] : ids }
    },
    settling: (acceptedAt, until) => (wait) =>
      Effect.suspend(() => {
        const place = settling.add({ acceptedAt, until })
        return Effect.ensuring(
          wait,
          Effect.sync(() => settling.remove(place))
        )
      }),
    settlingNow: (now) => {
      const [first, ...others] = settling.values()
      if (first === undefined) return undefined
      const oldest = others.reduce((oldest, one) => (one.acceptedAt < oldest.acceptedAt ? one : oldest), first)
      return {
        batches: settling.size,
        waited: Math.max(0, now - oldest.acceptedAt),
        left: Math.max(0, oldest.until - now)
      }
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
                addWait("backoff", now, now + Duration.toMillis(event.delay))
              } else if (event._tag === "Waiting") {
                addWait(event.reason, now, event.until === undefined ? now : DateTime.toEpochMillis(event.until))
              }
            })
          ),
          { startImmediately: true }
        )
      )
  }
}
