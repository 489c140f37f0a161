/**
 * The trial of what 429s say. The rate is lowered below what was accepted: under a limit nothing is refused then, so that
 * the share of 429s falls below a tenth of what it was. Where it does not, it does not depend on the rate.
 */
import * as Evidence from "../../base/Evidence.ts"

export interface Trial {
  /** The rate that is tried, in starts a second. */
  readonly rate: number
  /** The rate before the trial. */
  readonly former: number
  /** What an answer to a request that started so long ago in the trial says. */
  readonly weigh: (age: number, limited: boolean) => Verdict
}

/** `lower`: a share this large may come of a limit that is far below, which a lower rate will show. */
export type Verdict =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Limit" }
  | { readonly _tag: "Background"; readonly answers: number; readonly limited: number }
  | { readonly _tag: "Lower"; readonly rate: number; readonly share: number; readonly round: number }

const open: Verdict = { _tag: "Open" }
const limit: Verdict = { _tag: "Limit" }

/** What is tried of what was accepted. */
export const below = 0.95
/** Windows of a second have forgotten after a second what was before. */
export const settles = 1000
/** The last round: only a share larger than any background is tried at a rate lower still. */
export const lastRound = 3
/** What is tried of what was accepted where the share itself is not known well. */
export const wellBelow = 0.85

const fall = 0.1
// To find no limit takes two 429s or so; to find one, about 5 / share answers without. Where neither is seen, the share
// fell by less than a limit would have made it fall.
const backgroundEvidence = 3.5
const limitEvidence = 5
const longest = 8
// A limit that is far below the trial's rate still refuses much there: the rate is lowered again, twice for this share of
// some answers, and for the larger one until it falls.
const muchSeen = 0.12
const mostSeen = 0.35
const answersForMost = 30

/** Of a share of 429s at the `former` rate. */
export const make = (options: {
  readonly rate: number
  readonly share: number
  readonly former: number
  readonly round: number
}): Trial => {
  const { former, rate, round, share } = options
  let answers = 0
  let limited = 0
  // For the share as it was, against a tenth of it.
  let evidence = 0
  return {
    rate,
    former,
    weigh: (age, isLimited) => {
      if (age < settles) return open
      answers++
      if (isLimited) limited++
      evidence += Evidence.weigh(isLimited, share * fall, share)
      if (evidence < -limitEvidence && answers * share <= longest) return limit
      if (evidence <= backgroundEvidence && answers * share <= longest) return open
      const seen = limited / answers
      if (seen > mostSeen || (seen > muchSeen && round < lastRound)) {
        if (answers < answersForMost) return open
        return { _tag: "Lower", rate: rate * (1 - seen) * wellBelow, share: seen, round: round + 1 }
      }
      return { _tag: "Background", answers, limited }
    }
  }
}
