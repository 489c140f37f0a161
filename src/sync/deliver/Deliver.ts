/**
 * Brings one batch to its end: sent, taken apart where it is refused, waited for where it is only accepted.
 * Whatever happens to it becomes values, so that no batch can interrupt another.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Run } from "../books/OffsetSet.ts"
import type { Tally } from "../books/Tally.ts"
import type { Behaviour } from "../model/Destination.ts"
import { type Fates, unknown } from "../model/Fate.ts"
import * as Acceptance from "./Acceptance.ts"
import * as Contain from "./Contain.ts"
import * as IsolatePart from "./IsolatePart.ts"
import * as Part from "./Part.ts"
import type { ReadAhead } from "./ReadAhead.ts"
import * as Request from "./Request.ts"
import type { Underway } from "./Resume.ts"
import * as SendFailure from "./SendFailure.ts"

export type Options<A, B extends Behaviour, R> = Request.Options<A, B, R> &
  Acceptance.Options<A, B, R> &
  IsolatePart.Options<A, B, R> & {
    readonly tally: Pick<Tally, "addBatch">
    readonly isolate: "halve" | "none"
    /** Told which batches wait to be sent. */
    readonly ahead: Pick<ReadAhead, "add">
    /** Called before a request that must not be sent twice. */
    readonly onSending: (batch: number, runs: ReadonlyArray<Run>) => Effect.Effect<void>
  }

export interface Deliver<A, R> {
  /** Delivers a batch. Every position of it ends exactly once. */
  readonly batch: (batch: Part.Part<A>["batch"]) => Effect.Effect<Fates, never, R>
  /** Brings to its end what an earlier run had under way. */
  readonly underway: (batch: Underway<A>) => Effect.Effect<Fates, never, R>
}

const neverAnswered = unknown(
  "OutcomeUnknown",
  "An earlier run may have sent this, and it is not safe to send again. Check at the vendor whether it was applied."
)

/** Delivers batches to one destination, under one set of policies. */
export const make = <A, B extends Behaviour, R>(options: Options<A, B, R>): Deliver<A, R> => {
  const { ahead, isolate: wanted, limit, onSending, stopped, tally, to } = options
  // Without its literal type, which would make every comparison below a question of types.
  const behaviour: Behaviour = to.behaviour
  const whole = Part.wholes()
  const contained = Contain.make(options)
  const failures = SendFailure.reader(options)
  const request = Request.make(options)
  const accepted = Acceptance.make(options)

  const deliver = (part: Part.Part<A>): Effect.Effect<Fates, never, R> =>
    Effect.suspend(() => {
      if (stopped() !== undefined) return Effect.succeed(Part.fated(part, { _tag: "Unsent" }))
      const answered = Effect.flatMap(request(part), (answer) => concluded(part, answer))
      return behaviour.resend === "unsafe"
        ? Effect.andThen(onSending(part.batch.number, Part.runs(part)), answered)
        : answered
    })

  const concluded = (part: Part.Part<A>, { applied, bytes, result }: Request.Answered) => {
    if (Result.isSuccess(result)) {
      failures.expected()
      limit.succeeded(part.records.length, bytes)
      return accepted(part, result.success)
    }
    const meaning = failures.read(result.failure, applied, part.records.length)
    switch (meaning._tag) {
      case "TooLarge":
        return inTurn(Part.halves(part))
      case "Refused":
        return refused(part, meaning.error)
      case "Decided":
        return Effect.succeed(Part.fated(part, meaning.fate))
    }
  }

  const refused = (part: Part.Part<A>, error: SendFailure.AnsweredFailure): Effect.Effect<Fates, never, R> => {
    const fate = SendFailure.rejected(error)
    // One record can be too large by itself.
    const isOnly = behaviour.failureUnit === "record" || SendFailure.isTooLarge(error)
    if (!isOnly && wanted === "none") return Effect.succeed(Part.fated(part, { ...fate, together: true }))
    return isOnly || part.records.length === 1 ? Effect.succeed(Part.fated(part, fate)) : isolate(part, error)
  }

  const inTurn = (parts: ReadonlyArray<Part.Part<A>>): Effect.Effect<Fates, never, R> =>
    Effect.map(Effect.forEach(parts, deliver), (fates) => fates.flat())

  const isolate = IsolatePart.make(options, { request, failures, accepted, inTurn })

  return {
    batch: (batch) =>
      Effect.suspend(() => {
        const goAhead = ahead.add()
        let hasBegun = false
        const part = whole(batch, () => {
          goAhead()
          if (!hasBegun) tally.addBatch()
          hasBegun = true
        })
        return Effect.ensuring(contained(part, deliver(part)), Effect.sync(goAhead))
      }),
    underway: ({ acceptedAt, batchId, ...batch }) => {
      const part = whole(batch)
      return batchId === undefined
        ? Effect.succeed(Part.fated(part, neverAnswered))
        : contained(part, accepted(part, { batchId, recordCount: part.records.length }, acceptedAt))
    }
  }
}
