/** What became of the records of one batch. */
import * as Outcome from "./Outcome.ts"

/** The fate of each record of a batch, by their 0-based positions in it. */
export type Fates = ReadonlyArray<{ readonly indices: ReadonlyArray<number>; readonly fate: Fate }>

export type Fate =
  | { readonly _tag: "Applied" }
  | { readonly _tag: "Accepted"; readonly batchId: string }
  | Rejected
  | {
      readonly _tag: "Unknown"
      readonly reason: Outcome.Reason
      readonly answer: string | undefined
      /** Whether the next run takes it up again: sends it, or asks for its batch. */
      readonly again: boolean
    }
  | { readonly _tag: "Unsent" }

export interface Rejected {
  readonly _tag: "Rejected"
  readonly reason: Outcome.Reason
  /** What the vendor wrote, for dead letters only. */
  readonly answer: string | undefined
  /** It was refused together with others, and is not to be tried alone: it may be a bystander. */
  readonly together?: true
}

/** The fate of what was sent, where it cannot be told what came of it. */
export const unknown = (
  tag: string,
  message: string,
  { again = false, answer }: { readonly again?: boolean; readonly answer?: string | undefined } = {}
): Fate => ({ _tag: "Unknown", reason: { tag, message, issues: [] }, answer, again })

/**
 * The fate of what was in flight when a run that stops would wait no longer: of an accepted batch, its id says where to ask.
 */
export const cutOff = (again: boolean, batchId?: string): Fate => {
  const ask = batchId === undefined ? "" : ` Ask for batch ${batchId}.`
  const message = `The run was stopped while this was under way; whether it was applied is not known.${ask}`
  return unknown("Interrupted", message, { again })
}

/** The outcome of one record with this fate. */
export const outcome = (fate: Fate, record: Parameters<typeof Outcome.ofRecord>[0]): Outcome.Outcome => {
  const of = Outcome.ofRecord(record)
  switch (fate._tag) {
    case "Applied":
    case "Unsent":
      return { _tag: fate._tag, ...of }
    case "Accepted":
      return { _tag: "Accepted", ...of, batchId: fate.batchId }
    case "Rejected":
    case "Unknown":
      return { _tag: fate._tag, ...of, reason: fate.reason }
  }
}
