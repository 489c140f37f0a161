/**
 * Cycles that end early, well below the limit that is believed: so many of them that the limit itself is to be doubted.
 */

export interface EarlyCycles {
  /**
   * A cycle ends at an age that is this share of its length. Gives the share of 429s in the early ones where they have
   * become too many.
   */
  readonly end: (age: number, answers: number, refused: number) => number | undefined
  /** A limit was found, or confirmed by a trial. */
  readonly confirmed: () => void
  /** There is no limit. */
  readonly refuted: () => void
  readonly forget: () => void
}

// So many, and twice as many after each trial that finds a limit. A share that is larger than this is rather a limit that
// has fallen.
const fewest = 3
const most = 48
const part = 0.6
const leastAnswers = 20
const mostShare = 0.3

const none = { cycles: 0, refused: 0, answers: 0 }

/** None yet. */
export const make = (): EarlyCycles => {
  let early = none
  let patience = fewest
  return {
    end: (age, answers, refused) => {
      if (age > part) {
        if (age > 1) early = { cycles: early.cycles / 2, refused: early.refused / 2, answers: early.answers / 2 }
        return undefined
      }
      early = { cycles: early.cycles + 1, refused: early.refused + refused, answers: early.answers + answers }
      if (early.cycles < patience || early.answers < leastAnswers) return undefined
      const share = early.refused / early.answers
      if (share < mostShare) return share
      early = none
      return undefined
    },
    confirmed: () => {
      patience = Math.min(most, patience * 2)
      early = none
    },
    refuted: () => {
      patience = fewest
    },
    forget: () => {
      early = none
    }
  }
}
