/**
 * Records collected into batches.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Alarm from "../../base/Alarm.ts"
import * as Monotonic from "../../base/Monotonic.ts"
import * as SendableJson from "../../json/SendableJson.ts"
import type { BatchPolicy } from "../../policy/BatchPolicy.ts"
import { type BehaviourOptions, choices } from "../model/BehaviourOptions.ts"
import type { Behaviour, Destination } from "../model/Destination.ts"
import * as Encoded from "../record/EncodedRecord.ts"
import { JsonBlocks } from "../record/JsonBlocks.ts"
import { Aside } from "./Aside.ts"
import { type Batch, type BatchLimit, limit } from "./Batch.ts"
import { OpenBatch, recordsPerPlace } from "./OpenBatch.ts"
import type { UnfinishedKeys } from "./UnfinishedKeys.ts"

// A record that is still unfinished holds its block in memory.
const foldedInOneBlock = 64

// A quarter of what a window of 64 batches of 1,000 holds. Each is about a kilobyte.
const defaultAside = 16_384

/**
 * One record that does what two of one key do one after the other, in the later one's place; none where no patch is
 * known to, or it must not be sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fold = <A, B extends Behaviour>(destination: Pick<Destination<A, B>, "encode" | "envelope" | "merge">) => {
  const blocks = new JsonBlocks({
    envelope: destination.envelope,
    maxRecords: foldedInOneBlock,
    maxBytes: Number.POSITIVE_INFINITY
  })
  const sendable = SendableJson.checked(destination.encode)
  const merge = (earlier: A, later: A): A | undefined => {
    try {
      return destination.merge(earlier, later)
    } catch {
      // What cannot be merged is sent one after the other.
      return undefined
    }
  }
  return (earlier: Encoded.EncodedRecord<A>, later: Encoded.EncodedRecord<A>): Encoded.EncodedRecord<A> | undefined => {
    const patch = merge(earlier.patch, later.patch)
    if (patch === undefined) return undefined
    const encoded = sendable(patch)
    if (Result.isFailure(encoded)) return undefined
    blocks.keep(blocks.write(encoded.success))
    return Encoded.merged(blocks, patch, earlier, later)
  }
}

/**
 * Collects records into batches. A batch closes on the first of: its records, the exact bytes of its body, and
 * its age, which counts from its first record and needs no further record to come. It is never over a limit by
 * one byte or one record, except for a single record that is too large even alone: `Encode.encode` takes those
 * out before.
 *
 * Records are read only when a batch is asked for, and no further than needed; when a batch closes by its age,
 * the one read that it was waiting for goes on, so at most one batch and one chunk of the source are held here.
 * The time in which no batch is asked for makes none older: a slow consumer gets full batches. Where the source
 * fails, what is open comes out first.
 *
 * What is done with a record whose key is in the open batch already:
 *
 * - `keep`: both are in the batch, in their order.
 * - `split`: the batch closes, and the later record opens the next one.
 * - `merge`: one record that does what both do takes the place of the later one. The earlier one's outcome is in
 *   the batch's `merged`. Where there is no such record, where it does not fit, or where it would stand for
 *   more than ten times the records that a batch may hold, or the batch has taken in as many, it is a `split`.
 *
 * Where it is told which keys are `unfinished`, a record waits for nothing but its own key, and no batch waits for a record.
 * One whose key is unfinished, or stands in the open batch and does not go with it, is set aside, others fill the batch, and
 * it is in the first batch after its key is free. With `merge`, records of one key that wait become one where they can. What
 * is set aside is no more than `aside` records: beyond, what is open closes, and nothing is read until a key is free.
 *
 * @category combinators
 * @since 0.1.0
 */
export const collect = <A, B extends Behaviour>(
  policy: BatchPolicy,
  destination: Pick<Destination<A, B>, "behaviour" | "encode" | "envelope" | "maxRecords" | "merge">,
  options?: {
    /** Default: `keep` where the destination keeps order within a batch, otherwise `split`. */
    readonly sameKey?: BehaviourOptions<B>["sameKey"]
    /** The working size, read when a batch is opened. Default: what policy and destination allow. */
    readonly limit?: BatchLimit | undefined
    /** What the batches before are held by, as `Dispatch.mapEffect` keeps it. Default: nothing is known, nothing set aside. */
    readonly unfinished?: UnfinishedKeys | undefined
    /** Records that may be set aside, those merged into others included. Default: 16,384. */
    readonly aside?: number | undefined
  }
) => {
  const { sameKey } = choices(destination.behaviour, { sameKey: options?.sameKey })
  const unfinished = options?.unfinished
  const maxAge = Duration.toMillis(policy.maxAge)
  const ages = Number.isFinite(maxAge)
  const emptyBytes = Encoded.envelopeBytes(destination)
  const folded = fold(destination)

  return <E, R>(records: Stream.Stream<Encoded.EncodedRecord<A>, E, R>): Stream.Stream<Batch<A>, E, R> =>
    Stream.transformPull(records, (pull, scope) =>
      Clock.clockWith((clock) =>
        Effect.gen(function* () {
          const size = options?.limit ?? limit(policy, destination)
          const now = () => Monotonic.millis(clock)
          let number = 0
          let chunk: ReadonlyArray<Encoded.EncodedRecord<A>> = []
          let at = 0
          let ended: Exit.Exit<never, E | Cause.Done> | undefined
          let open: OpenBatch<A> | undefined
          let closesAt = 0
          let closed: Batch<A> | undefined
          let reader: Fiber.Fiber<void> | undefined
          let wanted = false
          // Ends the wait for the reader, while there is one.
          let wake: (() => void) | undefined
          const aside =
            unfinished &&
            new Aside<A>({
              unfinished,
              most: Math.max(1, options?.aside ?? defaultAside),
              fold: (earlier, later) => {
                if (sameKey !== "merge" || earlier.parts.length >= size.records * recordsPerPlace) return undefined
                const merged = folded(earlier, later)
                return merged === undefined || emptyBytes + merged.bytes > size.bytes ? undefined : merged
              }
            })

          // A scope that it was forked in would keep a table of readers.
          const runFork = Effect.runForkWith(yield* Effect.context<R>())
          const stopReading = Effect.suspend(() => (reader === undefined ? Effect.void : Fiber.interrupt(reader)))
          yield* Scope.addFinalizer(scope, stopReading)

          const age = yield* Alarm.make((now) => {
            if (wake === undefined || open === undefined) return undefined
            if (now < closesAt) return closesAt
            // A read is never interrupted: what it brings belongs to the next batch.
            close(open)
            wake()
            return undefined
          }, scope)

          if (unfinished !== undefined && aside !== undefined) {
            let isWaking = false
            const forget = unfinished.onLeave((keys) => {
              if (!aside.release(keys) || isWaking) return
              isWaking = true
              // Not now: whoever frees a key has more to do first, and others may be freed with it.
              queueMicrotask(() => {
                isWaking = false
                wake?.()
              })
            })
            yield* Scope.addFinalizer(scope, Effect.sync(forget))
          }

          const begin = () => {
            closesAt = ages ? now() + maxAge : Number.POSITIVE_INFINITY
            return new OpenBatch<A>({
              maxRecords: size.records,
              maxBytes: size.bytes,
              emptyBytes,
              sameKey,
              fold: folded
            })
          }

          const close = (batch: OpenBatch<A>) => {
            closed = batch.close(++number, destination.envelope)
            open = undefined
            // A read that goes on brings what belongs to the next batch.
            wanted = false
          }

          // Takes what waited for its key, as far as that is free, until a batch closes.
          const fillWaiting = (aside: Aside<A>) => {
            if (open === undefined) aside.resume()
            for (let record = aside.first(); record !== undefined; record = aside.first()) {
              open ??= begin()
              if (open.take(record)) aside.shift()
              else if (open.holds(record.key)) aside.defer()
              else return close(open)
              if (open.isFull) return close(open)
            }
          }

          // Takes from the chunk until a batch closes, nothing is left, or no more can be set aside.
          const fillNew = () => {
            for (let record = chunk[at]; record !== undefined; record = chunk[++at]) {
              if (aside?.holdsBack(record.keyHash)) {
                if (aside.isFull) return open && close(open)
                aside.add(record)
                continue
              }
              open ??= begin()
              if (!open.take(record)) {
                if (aside === undefined || aside.isFull || !open.holds(record.key)) return close(open)
                aside.addDeferred(record)
              } else if (open.isFull) {
                at++
                return close(open)
              }
            }
            chunk = []
            at = 0
          }

          const fill = () => {
            if (aside !== undefined) fillWaiting(aside)
            if (closed === undefined) fillNew()
          }

          const read = Effect.matchCause(pull, {
            onSuccess: (records) => {
              chunk = records
            },
            onFailure: (cause) => {
              ended = Exit.failCause(cause)
            }
          })

          // Reads until the open batch closes, or until it has closed by its age and is not waited for any more.
          const gather: Effect.Effect<void> = Effect.flatMap(read, () => {
            if (!wanted || ended !== undefined) return Effect.void
            fill()
            if (open !== undefined && now() >= closesAt) close(open)
            // What is left of the chunk waits until a key is free.
            return closed === undefined && chunk.length === 0 ? gather : Effect.void
          })

          // Waits for the reader, for a key that is free, or for the alarm where the open batch becomes too old before.
          const wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
            wake = () => {
              wake = undefined
              resume(Effect.void)
            }
            if (open !== undefined) age.set(closesAt)
            return Effect.sync(() => {
              wake = undefined
            })
          })

          const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Batch<A>>, E> = Effect.suspend(() => {
            const reading = reader !== undefined && reader.pollUnsafe() === undefined
            // While a read goes on, nothing is left of the chunk.
            if (closed === undefined) fill()
            if (closed === undefined && !reading && ended !== undefined && open !== undefined) close(open)
            if (closed !== undefined) {
              const batch = closed
              closed = undefined
              return Effect.succeed(Arr.of(batch))
            }
            const waits = aside !== undefined && !aside.isEmpty
            if (reading || chunk.length > 0 || (ended !== undefined && waits)) return Effect.flatMap(wait, () => next)
            if (ended !== undefined) return ended
            if (!waits && (open === undefined || !ages)) return Effect.flatMap(read, () => next)
            // As a rule it ends soon, and then it is all that a read costs.
            wanted = true
            reader = runFork(gather)
            reader.addObserver(() => wake?.())
            return next
          })
          return next
        })
      )
    )
}
