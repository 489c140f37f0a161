/** What a receipt says of the records it is for: they are applied, or accepted, and then waited for. */
import * as Effect from "effect/Effect"
import type { Abandonable } from "../../base/Abandonable.ts"
import * as FirstPoll from "../../policy/FirstPoll.ts"
import type * as OffsetSet from "../books/OffsetSet.ts"
import type { Behaviour, Receipt } from "../model/Destination.ts"
import * as Fate from "../model/Fate.ts"
import * as Part from "./Part.ts"
import * as Settle from "./Settle.ts"

export interface Options<A, B extends Behaviour, R> extends Settle.Options<A, B, R> {
  readonly settle: "applied" | "accepted"
  /** What is given up when the run has stopped for long enough. */
  readonly settling: Abandonable
  /** Called when a batch, or a part of one, is accepted, before it is waited for, or before the other parts are sent. */
  readonly onAccepted: (batch: number, runs: ReadonlyArray<OffsetSet.Run>, batchId: string) => Effect.Effect<void>
}

/** What brings a part with a receipt to its end. `acceptedAt` says that an earlier run had the receipt. */
export const make = <A, B extends Behaviour, R>(
  options: Options<A, B, R>
): ((part: Part.Part<A>, receipt: Receipt, acceptedAt?: number) => Effect.Effect<Fate.Fates, never, R>) => {
  const { onAccepted, settle } = options
  const asked = { ...options, first: FirstPoll.make(options.settlePolicy) }
  const { acceptance }: Behaviour = options.to.behaviour

  const waitFor = (part: Part.Part<A>, batchId: string, acceptedAt: number | undefined) =>
    options.settling.run(
      Effect.map(Settle.settle(asked, batchId, part.records, acceptedAt), (fates) => Part.placed(part, fates)),
      { orElse: () => Effect.succeed(Part.fated(part, Fate.cutOff(true, batchId))) }
    )

  return (part, receipt, acceptedAt) =>
    Effect.suspend((): Effect.Effect<Fate.Fates, never, R> => {
      const { batchId, recordCount } = receipt
      const { length } = part.records
      const mismatch = recordCount === length ? undefined : Part.fated(part, miscounted(length, receipt))
      if (acceptance === "applied" || batchId === undefined) {
        return Effect.succeed(mismatch ?? Part.fated(part, { _tag: "Applied" }))
      }
      const settled =
        settle === "accepted"
          ? Effect.succeed(Part.fated(part, { _tag: "Accepted", batchId }))
          : waitFor(part, batchId, acceptedAt)
      // It is waited for all the same: until it has ended, it may still write what is in it.
      const fates = mismatch === undefined ? settled : Effect.as(settled, mismatch)
      const isOver = mismatch === undefined && settle === "accepted" && length === part.batch.records.length
      return isOver || acceptedAt !== undefined
        ? fates
        : Effect.andThen(onAccepted(part.batch.number, Part.runs(part), batchId), fates)
    })
}

const miscounted = (sent: number, { batchId, recordCount }: Receipt): Fate.Fate => {
  const ask = batchId === undefined ? "" : ` Ask for batch ${batchId}.`
  return Fate.unknown("CountMismatch", `The answer counts ${recordCount} records; ${sent} were sent.${ask}`)
}
