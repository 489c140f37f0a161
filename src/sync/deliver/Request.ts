/** Sends a part of a batch under the policies. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Abandonable } from "../../base/Abandonable.ts"
import type * as ApiError from "../../http/ApiError.ts"
import type { SendPolicy } from "../../policy/SendPolicy.ts"
import * as Batch from "../batch/Batch.ts"
import type { Tally } from "../books/Tally.ts"
import type { Behaviour, Destination, Receipt } from "../model/Destination.ts"
import * as EncodedRecord from "../record/EncodedRecord.ts"
import type { Part } from "./Part.ts"
import * as SendFailure from "./SendFailure.ts"

export interface Options<A, B extends Behaviour, R> {
  readonly to: Destination<A, B, ApiError.ApiError, R>
  readonly policy: SendPolicy
  /** Where requests are counted, when they go out. */
  readonly tally: Pick<Tally, "addBody" | "counted">
  /** Whether a batch whose answer never came is sent again, where that is safe. */
  readonly retryUnknown: boolean
  readonly limit: Batch.BatchLimit
  /** Where all that is waited for runs; what is given up, when a run that stops has waited long enough, is `Unknown`. */
  readonly inFlight: Abandonable
  /** Why the run stops, if it does. Then nothing new is sent, and after a failure nothing is sent again either. */
  readonly stopped: () => { readonly _tag: "Failed" | "Interrupted" } | undefined
  /** Whether this run is sure to have its checkpoint, so that nobody else sends the same. */
  readonly isSure: () => boolean
  /** Makes sure; the run is stopped where another has taken over. */
  readonly makeSure: Effect.Effect<void>
}

type Attempt<R> = Effect.Effect<Receipt, ApiError.ApiError | SendFailure.HeldBack | SendFailure.Outgrown, R>

export interface Answered {
  readonly result: Result.Result<Receipt, SendFailure.SendFailure>
  /** Whether one of the attempts that failed may have been applied all the same. */
  readonly applied: ApiError.Meaning["applied"]
  /** Of the body. */
  readonly bytes: number
}

/** What sends a part, in one request and those that the retry policy makes of it. */
export const make = <A, B extends Behaviour, R>(
  options: Options<A, B, R>
): ((part: Part<A>) => Effect.Effect<Answered, never, R>) => {
  const { inFlight, isSure, limit, makeSure, policy, stopped, tally, to } = options
  const behaviour: Behaviour = to.behaviour
  const resend = behaviour.resend === "safe" && options.retryUnknown ? "safe" : "unsafe"
  const emptyBytes = EncodedRecord.envelopeBytes(to)

  const isHeldBack = (attempts: number): boolean => {
    const why = stopped()
    return why !== undefined && (attempts === 0 || why._tag === "Failed")
  }
  // Half of a body has all of its envelope.
  const isOutgrown = (records: number, bytes: number): boolean =>
    records > 1 && (records > limit.records || bytes - emptyBytes > limit.bytes)

  return ({ onRequest, records }) => {
    // Made when it is this batch's turn, so that those which wait hold no body.
    let body: Uint8Array | undefined
    const counted = tally.counted()
    let attempts = 0
    let applied: Answered["applied"] = "no"
    const attempt: Attempt<R> = Effect.suspend((): Attempt<R> => {
      if (isHeldBack(attempts)) return Effect.fail(new SendFailure.HeldBack())
      if (!isSure()) return Effect.andThen(makeSure, attempt)
      body ??= Batch.body({ records, envelope: to.envelope })
      const bytes = body.length
      if (attempts === 0) {
        if (isOutgrown(records.length, bytes)) return Effect.fail(new SendFailure.Outgrown())
        tally.addBody(bytes)
        onRequest()
      }
      attempts++
      const before = applied
      // Until it is known better: a timeout interrupts the attempt.
      applied = "maybe"
      return Effect.tapError(counted(to.send({ body, records })), (error) =>
        Effect.sync(() => {
          applied = before === "maybe" ? before : error.applied
          // Now, and not when the batch is halved, because others wait for this one's permit.
          if (SendFailure.isTooLarge(error) && records.length > 1) limit.tooLarge(records.length, bytes)
        })
      )
    })
    const sent = inFlight.run(
      Effect.result(policy.run(attempt, { endpoint: to.name, resend, records: records.length })),
      { orElse: () => Effect.succeed(Result.fail(new SendFailure.HeldBack())) }
    )
    return Effect.map(sent, (result) => ({ result, applied, bytes: body?.length ?? 0 }))
  }
}
