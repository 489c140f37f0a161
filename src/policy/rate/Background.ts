/** The share of the answers that are 429s whatever the rate, and the answers that it is known from. */

export interface Background {
  /** As far as it is known to be one. */
  readonly share: () => number
  /** What a search takes for nothing special. */
  readonly expected: () => number
  /** An answer that no limit had a part in, as far as is known. */
  readonly count: (limited: boolean) => void
  /** A trial has shown how many of its answers are refused whatever the rate. */
  readonly shown: (answers: number, limited: number) => void
  /** What a limit refused is not of the background. */
  readonly forgetExcess: () => void
}

// Before much was seen, one 429 in twenty is taken for nothing special.
const priorAnswers = 20
const priorShare = 1 / priorAnswers
const most = 0.4
// It is known from so many answers, or twice as many.
const remembered = 500

/** Nothing was answered yet. */
export const make = (): Background => {
  let answers = 0
  let limited = 0
  let share = 0
  return {
    share: () => share,
    expected: () => Math.min(most, Math.max(priorShare, share, (limited + 1) / (answers + priorAnswers))),
    count: (isLimited) => {
      answers++
      if (isLimited) limited++
      // A background that has become less is less.
      share = Math.min(share, (limited + 1) / answers)
      if (answers < 2 * remembered) return
      answers /= 2
      limited /= 2
      if (share < 1 / remembered) share = 0
    },
    shown: (ofAnswers, ofLimited) => {
      answers = ofAnswers
      limited = ofLimited
      share = limited / answers
    },
    forgetExcess: () => {
      limited = share * answers
    }
  }
}
