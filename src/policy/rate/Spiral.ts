/**
 * Cycles that lower the limit one after the other. A limit that falls is found within a cycle or two; 429s at random lower
 * what is believed in each, at whatever rate it has come to.
 */

export interface Spiral {
  /** A cycle leaves so much of the limit. Gives the share of 429s in those that lowered it, where that goes on too long. */
  readonly end: (left: number, answers: number, refused: number) => number | undefined
}

const lowering = 0.97
const fewest = 4
// What may be left of the limit where so many have lowered it.
const leastLeft = 0.5
const leastAnswers = 20

/** None yet. */
export const make = (): Spiral => {
  let cycles = 0
  let leftOver = 1
  let answers = 0
  let refused = 0
  const forget = () => {
    cycles = answers = refused = 0
    leftOver = 1
  }
  return {
    end: (left, ofAnswers, ofRefused) => {
      if (left > lowering) {
        forget()
        return undefined
      }
      cycles++
      leftOver *= left
      answers += ofAnswers
      refused += ofRefused
      if (cycles < fewest || leftOver > leastLeft || answers < leastAnswers) return undefined
      const share = refused / answers
      forget()
      return share
    }
  }
}
