/**
 * Brings one batch to its end: sent, taken apart where it is refused, waited for where it is only accepted.
 * Whatever happens to it becomes values, so that no batch can interrupt another.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Abandonable } from "../../base/Abandonable.ts"
import type * as ApiError from "../../http/ApiError.ts"
import * as SendableJson from "../../json/SendableJson.ts"
import type { SendPolicy } from "../../policy/SendPolicy.ts"
import type { SettlePolicy } from "../../policy/SettlePolicy.ts"
import * as Batch from "../batch/Batch.ts"
import * as OffsetSet from "../books/OffsetSet.ts"
import type { Tally } from "../books/Tally.ts"
import type { Behaviour, Destination, Receipt } from "../model/Destination.ts"
import type { Doom, Ended } from "../model/Fate.ts"
import * as Fate from "../model/Fate.ts"
import * as EncodedRecord from "../record/EncodedRecord.ts"
import * as Blamed from "./Blamed.ts"
import * as Isolate from "./Isolate.ts"
import type { ReadAhead } from "./ReadAhead.ts"
import type { Underway } from "./Resume.ts"
import * as SendFailure from "./SendFailure.ts"
import * as Settle from "./Settle.ts"

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A, B extends Behaviour, R> {
  readonly to: Destination<A, B, R>
  readonly policy: SendPolicy
  /** Where requests are counted, when they go out. */
  readonly tally: Pick<Tally, "addBatch" | "addBody" | "addUnsettled" | "counted" | "settling">
  readonly settle: "applied" | "accepted"
  readonly settlePolicy: SettlePolicy
  readonly isolate: "halve" | "none"
  /** Whether a batch whose answer never came is sent again, where that is safe. */
  readonly retryUnknown: boolean
  /** The requests that taking refused batches apart may cost in the whole run. */
  readonly budget: Isolate.Budget
  readonly limit: Batch.BatchLimit
  /** Where all that is waited for runs; what is given up, when a run that stops has waited long enough, is `Unknown`. */
  readonly inFlight: Abandonable
  /** Told which batches wait to be sent. */
  readonly ahead: Pick<ReadAhead, "add">
  /** Called when a batch, or a part of one, is accepted, before it is waited for, or before the other parts are sent. */
  readonly onAccepted: (batch: number, runs: ReadonlyArray<OffsetSet.Run>, batchId: string) => Effect.Effect<void>
  /** Called before a request that must not be sent twice. */
  readonly onSending: (batch: number, runs: ReadonlyArray<OffsetSet.Run>) => Effect.Effect<void>
  /** Called when something dooms the run. */
  readonly onDoom: (doom: Doom) => void
  /** Why the run stops, if it does. Then nothing new is sent, and after a failure nothing is sent again either. */
  readonly stopped: () => { readonly _tag: "Failed" | "Interrupted" } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Deliver<A, R> {
  /** Delivers a batch. Every position of it ends exactly once. */
  readonly batch: (
    batch: Pick<Batch.Batch<A>, "merged" | "number" | "records">
  ) => Effect.Effect<ReadonlyArray<Ended>, never, R>
  /** Brings to its end what an earlier run had under way. */
  readonly underway: (batch: Underway<A>) => Effect.Effect<ReadonlyArray<Ended>, never, R>
}

// So many unexpected answers in a row, over all batches, say that something else answers at that address.
const unexpectedInARow = 3
// The same for batches in which the destination threw.
const brokenInARow = 3

type Indices = ReadonlyArray<number>
type Sent<A> = Pick<Batch.Batch<A>, "merged" | "number" | "records">
type Sending<A> = Sent<A> & {
  /** Records of the whole batch, also where this is a part of it. */
  readonly size: number
  /** Called before each of its requests. */
  readonly onRequest: () => void
}

/**
 * Delivers batches to one destination, under one set of policies.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, B extends Behaviour, R>(options: Options<A, B, R>): Deliver<A, R> => {
  const { inFlight, limit, policy, tally, to } = options
  // Without its literal type, which would make every comparison below a question of types.
  const behaviour: Behaviour = to.behaviour
  const resend = behaviour.resend === "safe" && options.retryUnknown ? "safe" : "unsafe"
  const refusals = new Set<string>(to.refusals ?? ["BadRequest", "UnprocessableContent"])
  const emptyBytes = EncodedRecord.envelopeBytes(to)
  let unexpected = 0
  // Most batches are as large as the one before: they share the positions.
  let positions: Indices = []
  const all = ({ records }: Sent<A>): Indices => {
    if (positions.length !== records.length) positions = records.map((_, index) => index)
    return positions
  }

  const cutOff = Fate.cutOff(behaviour.resend === "safe")
  const doom = (error: Doom): void => options.onDoom(error)

  /**
   * Some records under the policies: the receipt, or the error, which is `HeldBack` when the run would wait no longer.
   * `vague` says whether one of the attempts that failed may have been applied all the same.
   */
  const send = ({ onRequest }: Sending<A>, records: Arr.NonEmptyReadonlyArray<EncodedRecord.EncodedRecord<A>>) => {
    // Made when it is this batch's turn, so that those which wait hold no body.
    let body: Uint8Array | undefined
    const counted = tally.counted()
    let attempts = 0
    let vague = false
    const attempt = Effect.suspend(
      (): Effect.Effect<Receipt, ApiError.ApiError | SendFailure.HeldBack | SendFailure.Outgrown, R> => {
        const stopped = options.stopped()
        if (stopped !== undefined && (attempts === 0 || stopped._tag === "Failed"))
          return Effect.fail(new SendFailure.HeldBack())
        body ??= Batch.body({ records, envelope: to.envelope })
        const bytes = body.length
        if (attempts === 0) {
          // Half of a body has all of its envelope.
          const isOver = records.length > limit.records || bytes - emptyBytes > limit.bytes
          if (isOver && records.length > 1) return Effect.fail(new SendFailure.Outgrown())
          tally.addBody(bytes)
          onRequest()
        }
        attempts++
        const before = vague
        // Until it is known better: a timeout interrupts the attempt.
        vague = true
        return Effect.tapError(counted(to.send({ body, records })), (error) =>
          Effect.sync(() => {
            vague = before || SendFailure.isVague(error)
            // Now, and not when the batch is halved, because others wait for this one's permit.
            if (SendFailure.isTooLarge(error) && records.length > 1) limit.tooLarge(records.length, bytes)
          })
        )
      }
    )
    const sent = inFlight.run(
      Effect.result(policy.run(attempt, { endpoint: to.name, resend, records: records.length })),
      { orElse: () => Effect.succeed(Result.fail(new SendFailure.HeldBack())) }
    )
    return Effect.map(sent, (answered) => ({ answered, vague, bytes: body?.length ?? 0 }))
  }

  /** Why a request has no verdict, and what that means for its records and for the run. */
  const noVerdict = (
    error: Exclude<SendFailure.SendFailure, ApiError.ContentTooLarge | SendFailure.Outgrown>,
    vague: boolean
  ): { readonly fate: Fate.Fate } => {
    const reason = { tag: error._tag, message: error.message, issues: [] }
    const answer = "answer" in error ? Redacted.value(error.answer).body : undefined
    const unknown = (again: boolean) => ({ fate: { _tag: "Unknown", reason, answer, again } }) as const
    const unsent = () => (vague ? unknown(behaviour.resend === "safe") : ({ fate: { _tag: "Unsent" } } as const))
    switch (error._tag) {
      case "Unauthorized":
      case "Forbidden":
        doom(error)
        return unsent()
      case "NotFound":
        if (behaviour.failureUnit === "record") return { fate: { _tag: "Rejected", reason, answer } }
        doom(error)
        return unsent()
      case "RetriesExhausted":
      case "RetryAfterTooLong":
        doom(error)
        return unsent()
      case "UnexpectedAnswer":
        if (++unexpected >= unexpectedInARow) doom(error)
        return unknown(false)
      case "OutcomeUnknown":
        return unknown(false)
      case "HeldBack":
        return { fate: vague ? cutOff : { _tag: "Unsent" } }
      default:
        // What was refused before it was sent, and refusals that the destination does not take as such.
        return { fate: { _tag: "Rejected", reason, answer } }
    }
  }

  /** What an accepted or applied part has come to. An accepted one is noted first, where anything is still to come. */
  const settle = (
    batch: Sent<A> & { readonly size?: number },
    indices: Indices,
    receipt: Receipt,
    acceptedAt?: number
  ) =>
    Effect.suspend((): Effect.Effect<ReadonlyArray<Ended>, never, R> => {
      const { batchId, recordCount } = receipt
      const mismatch =
        recordCount === indices.length ? undefined : [{ indices, fate: Fate.miscounted(indices.length, receipt) }]
      if (behaviour.acceptance === "applied" || batchId === undefined) {
        return Effect.succeed(mismatch ?? [{ indices, fate: { _tag: "Applied" } }])
      }
      const settled =
        options.settle === "accepted"
          ? Effect.succeed<ReadonlyArray<Ended>>([{ indices, fate: { _tag: "Accepted", batchId } }])
          : waitFor(batch, indices, batchId, acceptedAt)
      // It is waited for all the same: until it has ended, it may still write what is in it.
      const ended = mismatch === undefined ? settled : Effect.as(settled, mismatch)
      const isOver = mismatch === undefined && options.settle === "accepted" && indices.length === batch.size
      return isOver || acceptedAt !== undefined
        ? ended
        : Effect.andThen(options.onAccepted(batch.number, runsOf(batch, indices), batchId), ended)
    })

  const waitFor = (batch: Sent<A>, indices: Indices, batchId: string, acceptedAt: number | undefined) => {
    const records = pick(batch, indices)
    const { settlePolicy } = options
    const settled = Settle.settle({ to, policy, tally, settlePolicy, batchId, records, acceptedAt })
    return inFlight.run(
      Effect.map(settled, ({ doomed, ended }): ReadonlyArray<Ended> => {
        if (doomed !== undefined) doom(doomed)
        return ended.map(({ fate, indices: parts }) => ({ fate, indices: parts.map((part) => indices[part] ?? part) }))
      }),
      { orElse: () => Effect.succeed([{ indices, fate: Settle.notWaitedFor(batchId, cutOff) }]) }
    )
  }

  /** The offsets of records, and of those that were folded into them. */
  const runsOf = (batch: Sent<A>, indices: Indices): ReadonlyArray<OffsetSet.Run> => {
    const records = pick(batch, indices)
    if (batch.merged.length === 0) return OffsetSet.runsOfRecords(records)
    const into = new Set(records.map(({ offset }) => offset))
    return OffsetSet.runsOfRecords([...records, ...batch.merged.filter((merged) => into.has(merged.into))])
  }

  const pick = (batch: Sent<A>, indices: Indices): ReadonlyArray<EncodedRecord.EncodedRecord<A>> =>
    indices === all(batch) ? batch.records : indices.flatMap((index) => batch.records[index] ?? [])

  /** Positions in the batch of the records that a refusal names. */
  const namedBy = (
    error: { readonly answer: Redacted.Redacted<ApiError.VendorAnswer> },
    indices: Indices,
    keys: ReadonlyArray<string>
  ) => to.named(Redacted.value(error.answer), keys).flatMap((part) => indices[part] ?? [])

  const deliver = (batch: Sending<A>, indices: Indices): Effect.Effect<ReadonlyArray<Ended>, never, R> =>
    Effect.suspend(() => {
      const records = pick(batch, indices)
      if (!Arr.isReadonlyArrayNonEmpty(records)) return Effect.succeed([])
      if (options.stopped() !== undefined) return Effect.succeed([{ indices, fate: { _tag: "Unsent" } }])
      const sent = send(batch, records)
      const noted =
        behaviour.resend === "unsafe"
          ? Effect.andThen(options.onSending(batch.number, runsOf(batch, indices)), sent)
          : sent
      return Effect.flatMap(noted, ({ answered, bytes, vague }): Effect.Effect<ReadonlyArray<Ended>, never, R> => {
        if (Result.isSuccess(answered)) {
          unexpected = 0
          limit.succeeded(records.length, bytes)
          return settle(batch, indices, answered.success)
        }
        const error = answered.failure
        // A body that is too large says nothing of its records: each half is tried for itself.
        if (error._tag === "Outgrown" || (SendFailure.isTooLarge(error) && indices.length > 1)) {
          return inTurn(batch, halves(indices))
        }
        if (SendFailure.isTooLarge(error))
          return Effect.succeed([{ indices, fate: { _tag: "Rejected", ...SendFailure.refusalOf(error) } }])
        if (!refusals.has(error._tag) || !("answer" in error)) {
          return Effect.succeed([{ indices, fate: noVerdict(error, vague).fate }])
        }
        unexpected = 0
        const refusal = { _tag: "Rejected", ...SendFailure.refusalOf(error) } as const
        if (behaviour.failureUnit === "record") return Effect.succeed([{ indices, fate: refusal }])
        if (options.isolate === "none") return Effect.succeed([{ indices, fate: { ...refusal, together: true } }])
        if (indices.length === 1) return Effect.succeed([{ indices, fate: refusal }])
        return isolate(batch, indices, records, error)
      })
    })

  const halves = (indices: Indices): ReadonlyArray<Indices> => {
    const middle = indices.length >> 1
    return [indices.slice(0, middle), indices.slice(middle)]
  }

  const inTurn = (batch: Sending<A>, parts: ReadonlyArray<Indices>): Effect.Effect<ReadonlyArray<Ended>, never, R> =>
    Effect.map(
      Effect.forEach(parts, (part) => deliver(batch, part)),
      (ended) => ended.flat()
    )

  const isolate = (
    batch: Sending<A>,
    indices: Indices,
    records: Arr.NonEmptyReadonlyArray<EncodedRecord.EncodedRecord<A>>,
    error: Extract<SendFailure.SendFailure, { readonly answer: Redacted.Redacted<ApiError.VendorAnswer> }>
  ): Effect.Effect<ReadonlyArray<Ended>, never, R> =>
    Effect.gen(function* () {
      const part = { ...batch, records }
      const keys = records.map(({ key }) => key)
      // Parts with a common key must not be unfinished at once, so that each is waited for before the next goes out.
      const settleAtOnce = new Set(keys).size < keys.length
      const endedEarly: Array<Ended> = []
      const claimsOf = to.claims
      const isolation = yield* Isolate.isolate<Receipt, Fate.Refusal, SendFailure.NoVerdict, R>({
        size: indices.length,
        independent: behaviour.failures === "independent",
        budget: options.budget,
        refused: Isolate.refused({
          detail: SendFailure.refusalOf(error),
          named: to.named(Redacted.value(error.answer), keys)
        }),
        ...(settleAtOnce ? { key: (index: number) => keys[index] ?? "" } : {}),
        ...(claimsOf === undefined
          ? {}
          : {
              claims: (index: number) => {
                const patch = records[index]?.patch
                return patch === undefined ? [] : claimsOf(patch)
              }
            }),
        send: (parts) =>
          Effect.gen(function* () {
            const sent = pick(part, parts)
            if (!Arr.isReadonlyArrayNonEmpty(sent) || options.stopped() !== undefined) {
              return yield* Effect.fail<SendFailure.NoVerdict>({ fate: { _tag: "Unsent" } })
            }
            const { answered, vague } = yield* send(batch, sent)
            if (Result.isSuccess(answered)) {
              unexpected = 0
              if (settleAtOnce) endedEarly.push(...(yield* settle(part, parts, answered.success)))
              return Isolate.passed(answered.success)
            }
            const failed = answered.failure
            // A body that is too large says nothing of its records: they are halved when this has ended.
            if (failed._tag === "Outgrown" || (SendFailure.isTooLarge(failed) && sent.length > 1)) {
              return yield* Effect.fail<SendFailure.NoVerdict>({ fate: undefined })
            }
            if (SendFailure.isTooLarge(failed) || (refusals.has(failed._tag) && "answer" in failed)) {
              const partKeys = parts.map((part) => keys[part] ?? "")
              return Isolate.refused({ detail: SendFailure.refusalOf(failed), named: namedBy(failed, parts, partKeys) })
            }
            return yield* Effect.fail<SendFailure.NoVerdict>(noVerdict(failed, vague))
          })
      })
      const delivered = settleAtOnce
        ? endedEarly
        : (yield* Effect.forEach(isolation.delivered, (sent) => settle(part, sent.indices, sent.receipt), {
            concurrency: "unbounded"
          })).flat()
      const blamed = isolation.blames.flatMap((blame) => Blamed.together(blame, records))
      const local: ReadonlyArray<Ended> = [...delivered, ...blamed, ...(yield* rest(isolation, part))]
      return local.map(({ fate, indices: parts }) => ({ fate, indices: parts.map((part) => indices[part] ?? part) }))
    })

  // What an isolation that ended early left open.
  const rest = (
    { stopped, undecided }: Isolate.Isolation<Receipt, Fate.Refusal, SendFailure.NoVerdict>,
    part: Sending<A>
  ): Effect.Effect<ReadonlyArray<Ended>, never, R> => {
    if (stopped === undefined || undecided.length === 0) return Effect.succeed([])
    if (stopped._tag === "BudgetSpent") {
      return Effect.succeed([{ indices: undecided, fate: Blamed.notIsolated(stopped.detail) }])
    }
    const { inFlight } = stopped
    const others = undecided.filter((index) => !inFlight.includes(index))
    const { fate } = stopped.error
    return fate === undefined
      ? inTurn(part, [...halves(inFlight), others])
      : Effect.map(deliver(part, others), (ended) => [{ indices: inFlight, fate }, ...ended])
  }

  let broken = 0
  /** What throws ends its batch, and nothing else. */
  const contained = (
    batch: Sent<A>,
    ended: Effect.Effect<ReadonlyArray<Ended>, never, R>
  ): Effect.Effect<ReadonlyArray<Ended>, never, R> =>
    ended.pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          broken = 0
        })
      ),
      Effect.catchDefect((defect) =>
        Effect.sync(() => {
          const thrown = SendableJson.thrown(defect)
          if (++broken >= brokenInARow) doom(new Fate.DestinationFailed({ destination: to.name, thrown }))
          return [{ indices: all(batch), fate: Fate.broken(batch.number, to.name, defect) }]
        })
      )
    )

  return {
    batch: (batch) =>
      Effect.suspend(() => {
        const goAhead = options.ahead.add()
        let hasBegun = false
        const onRequest = () => {
          goAhead()
          if (!hasBegun) tally.addBatch()
          hasBegun = true
        }
        const { merged, number, records } = batch
        return Effect.ensuring(
          contained(batch, deliver({ merged, number, records, size: records.length, onRequest }, all(batch))),
          Effect.sync(goAhead)
        )
      }),
    underway: (batch) => {
      const indices = all(batch)
      return batch.batchId === undefined
        ? Effect.succeed([{ indices, fate: Fate.neverAnswered }])
        : contained(
            batch,
            settle(batch, indices, { batchId: batch.batchId, recordCount: indices.length }, batch.acceptedAt)
          )
    }
  }
}
