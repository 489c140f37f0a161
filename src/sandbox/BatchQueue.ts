/**
 * Reach's queue: batches that were accepted wait here, and are applied in no order that a client may rely on.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Fault from "./Fault.ts"
import type { SentPatch } from "./ReachRecord.ts"
import * as Seeded from "./Seeded.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /** From the acceptance of a batch until it is due. Default: 0. */
  readonly delay?: Fault.Delay | undefined
  /** How long a batch is `processing` before its records are written. Default: 0. */
  readonly processing?: Duration.Input | undefined
  /**
   * When a batch is due, everything that waits is applied: by chance (`random`, from the seed, the default), the
   * newest batch first (`reverse`, the worst order that Reach's promise allows), or the oldest first (`fifo`).
   */
  readonly order?: "random" | "reverse" | "fifo" | undefined
  /**
   * What becomes of a batch: its records are written (`apply`, the default), the batch fails as a whole (`fail`),
   * or it stays pending for ever (`stall`).
   */
  readonly fate?: ((batch: AcceptedBatch) => "apply" | "fail" | "stall") | undefined
}

/**
 * A batch as the queue's options see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AcceptedBatch {
  readonly id: string
  /** 1-based, over all batches of the sandbox. */
  readonly number: number
  readonly tenant: string
  readonly records: ReadonlyArray<SentPatch>
}

/**
 * How far a batch is. `partial_success` and `failed` are the sandbox's own words: Reach documents `success` only.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchState = "pending" | "processing" | "success" | "partial_success" | "failed"

/**
 * One record of a batch that was not written.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordFailure {
  /** 0-based position in the batch. */
  readonly index: number
  readonly customerId: string | undefined
  readonly errors: ReadonlyArray<string>
}

/**
 * A batch, with how it went so far. Times are in milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch extends AcceptedBatch {
  /** Number of the request that brought it. */
  readonly request: number
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
  readonly state: BatchState
  readonly failures: ReadonlyArray<RecordFailure>
}

/**
 * A batch as the queue changes it.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenBatch = { -readonly [K in keyof Batch]: Batch[K] }

/**
 * @category models
 * @since 0.1.0
 */
export interface BatchQueue {
  readonly accept: (batch: OpenBatch) => Effect.Effect<void>
  /** Completes when no batch waits or is processed. Batches that stall do not count. */
  readonly idle: Effect.Effect<void>
  /** Forgets the batches that wait. */
  readonly clear: Effect.Effect<void>
}

/**
 * Makes a queue that writes with `apply`, which gives the records that it could not write.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options,
  seed: string,
  apply: (batch: OpenBatch, now: number) => ReadonlyArray<RecordFailure>
): Effect.fn.Return<BatchQueue, never, Scope.Scope> {
  const { delay = 0, order = "random", processing = 0 } = options
  const runs = yield* FiberSet.make<void>()
  const idle = yield* Latch.make(true)
  const next = Seeded.make(`${seed}/queue`)
  let waiting: Array<OpenBatch> = []
  let unfinished = 0

  const inOrder = (batches: ReadonlyArray<OpenBatch>): ReadonlyArray<OpenBatch> =>
    order === "fifo" ? batches : order === "reverse" ? batches.toReversed() : Seeded.shuffle(batches, next)

  const work = Effect.fnUntraced(function* (batch: OpenBatch) {
    batch.startedAt = yield* Clock.currentTimeMillis
    batch.state = "processing"
    yield* Effect.sleep(processing)
    const now = yield* Clock.currentTimeMillis
    const failed = options.fate?.(batch) === "fail"
    batch.failures = failed ? wholeBatch(batch) : apply(batch, now)
    batch.completedAt = now
    const failures = batch.failures.length
    batch.state = failures === 0 ? "success" : failures < batch.records.length ? "partial_success" : "failed"
    unfinished--
    if (unfinished === 0) idle.openUnsafe()
  })

  // A batch that became due with an earlier one is gone when its own time comes: then there is nothing to do,
  // or younger ones go early. Either way none waits longer than its delay.
  const due = Effect.suspend(() => {
    const batches = inOrder(waiting)
    waiting = []
    return Effect.forEach(batches, work, { discard: true })
  })

  return {
    accept: (batch) =>
      Effect.suspend(() => {
        if (options.fate?.(batch) === "stall") return Effect.void
        waiting.push(batch)
        unfinished++
        idle.closeUnsafe()
        const wait = Effect.sleep(Fault.delayMillis(delay, next))
        return FiberSet.run(runs, Effect.andThen(wait, due), { startImmediately: false })
      }),
    idle: idle.await,
    clear: Effect.gen(function* () {
      waiting = []
      unfinished = 0
      yield* FiberSet.clear(runs)
      yield* idle.open
    })
  }
})

const wholeBatch = (batch: OpenBatch): ReadonlyArray<RecordFailure> =>
  batch.records.map((record, index) => failure(record, index, ["the batch failed"]))

/**
 * A batch that was just accepted. Its failures are known before it is processed: those records will not be
 * written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeBatch = (batch: Omit<Batch, "startedAt" | "completedAt" | "state">): OpenBatch => ({
  ...batch,
  startedAt: undefined,
  completedAt: undefined,
  state: "pending"
})

/**
 * A record that was not written. Its id is unknown where it was bad itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failure = (
  record: { readonly customerId?: unknown },
  index: number,
  errors: ReadonlyArray<string>
): RecordFailure => ({
  index,
  customerId: typeof record.customerId === "string" ? record.customerId : undefined,
  errors
})
