/** Records of a batch that ended in the same way, as the books count them. */
import type { Batch } from "../batch/Batch.ts"
import * as Fate from "../model/Fate.ts"
import type { Outcome, Reason } from "../model/Outcome.ts"
import * as Encode from "../record/Encode.ts"
import type { Places } from "../record/Places.ts"
import * as Letter from "./Letter.ts"

export interface Group {
  readonly tag: Outcome["_tag"]
  readonly reason: Reason | undefined
  readonly records: ReadonlyArray<{ readonly offset: number }>
  /** The next run does not take them up again. */
  readonly forGood: boolean
}

/** What the books write of records that ended. */
export interface Entry {
  readonly groups: ReadonlyArray<Group>
  readonly letters: ReadonlyArray<Letter.Letter>
  /** Empty where nobody takes them. */
  readonly outcomes: ReadonlyArray<Outcome>
  /** The offsets of records that the next run takes up again. */
  readonly again: ReadonlySet<number>
}

/** The entry of records that are not sent: rejected, with a letter each, or left out. */
export const ofWithheld = (
  records: ReadonlyArray<Encode.Withheld>,
  { places, wantsOutcomes }: { readonly places: Places; readonly wantsOutcomes: boolean }
): Entry => ({
  groups: [
    ...records.filter(Encode.isUnsendable).map((record) => ({
      tag: record.outcome._tag,
      reason: record.outcome.reason,
      records: [record],
      forGood: true
    })),
    { tag: "Skipped", reason: undefined, records: records.filter(({ _tag }) => _tag === "Skipped"), forGood: true }
  ],
  letters: records.filter(Encode.isUnsendable).map((record) => Letter.unsendable(record, places)),
  outcomes: wantsOutcomes
    ? records.map((record) =>
        record._tag === "Skipped" ? { _tag: record._tag, offset: record.offset } : record.outcome
      )
    : [],
  again: new Set()
})

/** The entry of a batch. `apart` are the offsets of merged records that have no fate yet, nor do those in them. */
export const ofBatch = (
  batch: Pick<Batch<unknown>, "merged" | "number" | "records">,
  ended: Fate.Fates,
  options: {
    readonly apart: ReadonlySet<number> | undefined
    /** Of the source. */
    readonly places: Places
    /** Whether there is a next run that takes up what goes on; if not, a person must. */
    readonly resumes: boolean
    readonly wantsOutcomes: boolean
  }
): Entry => {
  const { apart, places, resumes, wantsOutcomes } = options
  const groups: Array<Group> = []
  const outcomes: Array<Outcome> = []
  const letters: Array<Letter.Letter> = []
  const again = new Set<number>()
  for (const { fate, indices } of ended) {
    const goesOn = fate._tag === "Unsent" || (fate._tag === "Unknown" && fate.again)
    // As a rule all of them, and in order.
    const records =
      indices.length === batch.records.length ? batch.records : indices.flatMap((index) => batch.records[index] ?? [])
    if (wantsOutcomes) for (const record of records) outcomes.push(Fate.outcome(fate, record))
    if (goesOn) for (const { offset } of records) again.add(offset)
    if (fate._tag === "Rejected" || (fate._tag === "Unknown" && !(fate.again && resumes))) {
      for (const record of records) letters.push(Letter.sent(record, fate, batch.number, places))
    }
    const reason = fate._tag === "Rejected" || fate._tag === "Unknown" ? fate.reason : undefined
    groups.push({ tag: fate._tag, reason, records, forGood: !goesOn })
  }
  // A record that was folded into one that must go out again goes out again with it.
  for (const merged of batch.merged) {
    if (apart?.has(merged.into)) continue
    const goesOn = again.has(merged.into)
    if (goesOn) again.add(merged.offset)
    groups.push({ tag: "Merged", reason: undefined, records: [merged], forGood: !goesOn })
    if (wantsOutcomes) outcomes.push(merged)
  }
  return { groups, letters, outcomes, again }
}
