/**
 * Finds how many requests a server takes at once, where it refuses what is beyond with a 429: a state machine fed with
 * each answer and how many requests were in flight when it started, itself included. It knows no clock and no effect.
 *
 * Two ways to foretell the next answer compete. One says that it is refused where more than n were in flight, for each n;
 * the other, that it ends as the one before did, as under a limit of the rate, where what is left of a window is refused.
 * Each learns its shares as it goes, and pays for each answer the logarithm of what it had given it. What one n saves is
 * the evidence for it ({@link Evidence}): no test of the two needs fewer answers.
 *
 * Once found, the limit is held, and asked about now and then with one request more: it rises when that is accepted.
 */
import * as Evidence from "../../base/Evidence.ts"

export interface InFlightLimit {
  /** Requests that may be in flight; infinite while no such limit was found. */
  readonly limit: () => number
  /** Whether the limit is why a request is refused that started as one of so many. */
  readonly explains: (inFlight: number) => boolean
  /** A request that started as one of so many was answered. */
  readonly onAnswered: (inFlight: number, refused: boolean) => Change
  /** A limit of the rate was found: what is refused all the same has another reason. */
  readonly onRateFound: () => void
}

/** Whether a limit was found that explains the refusals until now, or is another than it was. */
export type Change = "found" | "moved" | "none"

// More in flight than these are all alike.
const mostTold = 128
// So many answers after the last refusal, it has been forgotten.
const mostCalm = 1000
// A found limit refuses at least so many above it, and so many times what is refused below.
const leastAbove = 0.2
const contrast = 4
// The odds for it are e^14: there are 128 of them to be wrong about, and it is looked at after each answer.
const enough = 14
// Twice as much, after it was found and still there was a limit of the rate; and half again for each time that it holds.
const mostEnough = 8 * enough
// After so many answers at the limit it is asked about. One refused request for each keeps that at half a percent.
const askEvery = 200
// What is too many is refused for a tenth of the requests, beyond those that are refused anyway. A network between lets the
// server see fewer than are in flight, so that it need not be all.
const tooMany = 0.1
const askEvidence = 3
const leastShare = 0.005
// Where more than this is refused at the limit, and clearly more than is known to be usual, fewer are tried: a tenth, which
// must halve that.
const tolerated = 0.01
const unusual = 2
const fewer = 0.1

/** Where nothing is known yet. */
export const make = (): InFlightLimit => {
  // By how many were in flight, as far as so many were.
  const models: Array<{ readonly below: Share; readonly above: Share; evidence: number }> = []
  const afterAccepted = makeShare()
  const afterRefused = makeShare()
  let wasRefused = false
  // Answers since the last refusal.
  let calm = mostCalm

  let patience = enough
  // Whether what was found has held until it was asked about: then the rate may rise once more.
  let isConfirmed = false
  let limit = Number.POSITIVE_INFINITY
  // How many more, or fewer, are being tried, and the evidence that they are too many.
  let asked = 0
  let step = 1
  let evidence = 0
  // Since the last time that it was asked.
  let answersAtLimit = 0
  let refusedAtLimit = 0
  // The share of refusals that fewer in flight did not halve, and the one on trial.
  let usual = 0
  let share = 0

  const learn = (inFlight: number, refused: boolean): number | undefined => {
    const rival = (wasRefused ? afterRefused : afterAccepted).pay(refused)
    wasRefused = refused
    let best: number | undefined
    let bestEvidence = patience
    while (models.length < Math.min(inFlight, mostTold)) {
      models.push({ below: makeShare(), above: makeShare(), evidence: 0 })
    }
    for (const [i, model] of models.entries()) {
      const n = i + 1
      const { above, below } = model
      const paid = (inFlight > n ? above : below).pay(refused)
      model.evidence = Math.min(2 * patience, Math.max(0, model.evidence + rival - paid))
      if (model.evidence <= bestEvidence) continue
      if (above.share() < leastAbove || above.share() < contrast * below.share()) continue
      best = n
      bestEvidence = model.evidence
    }
    return best
  }

  // What comes next has to be shown anew.
  const forget = () => {
    for (const model of models) model.evidence = 0
  }

  const ask = (more: number) => {
    asked = more
    evidence = answersAtLimit = refusedAtLimit = 0
  }

  const askWhatIsDue = () => {
    share = refusedAtLimit / answersAtLimit
    const less = Math.floor(limit * fewer)
    // Of few, one less is more than would be gained.
    usual = less === 0 ? share : Math.min(usual, (3 * usual + share) / 4)
    ask(less > 0 && share > tolerated + unusual * usual ? -less : step)
  }

  const weighMore = (refused: boolean): Change => {
    const few = Math.max(leastShare, usual)
    evidence += Evidence.weigh(refused, few, few + (1 - few) * tooMany)
    if (Math.abs(evidence) < askEvidence) return "none"
    const isTaken = evidence < 0
    if (isTaken) limit += asked
    step = isTaken ? step * 2 : 1
    ask(isTaken ? step : 0)
    return isTaken ? "moved" : "none"
  }

  const weighFewer = (refused: boolean): Change => {
    evidence += Evidence.weigh(refused, share / 2, share)
    if (Math.abs(evidence) < askEvidence) return "none"
    const isHalved = evidence < 0
    if (isHalved) limit += asked
    else usual = share
    step = 1
    ask(0)
    return isHalved ? "moved" : "none"
  }

  return {
    limit: () => limit + asked,
    // A network between may let a few be refused at the limit itself.
    explains: (inFlight) => inFlight > limit || (inFlight === limit && limit * fewer >= 1 && usual <= tolerated),
    onAnswered: (inFlight, refused) => {
      calm = refused ? 0 : calm + 1
      // Where nothing is refused, there is nothing to learn.
      const found = calm > mostCalm ? undefined : learn(inFlight, refused)
      if (found !== undefined && found < limit) {
        limit = found
        forget()
        step = 1
        isConfirmed = false
        ask(0)
        return "found"
      }
      if (asked > 0) return inFlight > limit ? weighMore(refused) : "none"
      if (asked < 0) return inFlight <= limit + asked ? weighFewer(refused) : "none"
      if (inFlight < limit) return "none"
      if (refused) refusedAtLimit++
      if (++answersAtLimit < askEvery) return "none"
      patience = Math.max(enough, patience / 2)
      askWhatIsDue()
      const wasConfirmed = isConfirmed
      isConfirmed = true
      return wasConfirmed ? "none" : "found"
    },
    onRateFound: () => {
      if (limit === Number.POSITIVE_INFINITY) return
      limit = Number.POSITIVE_INFINITY
      patience = Math.min(mostEnough, patience * 2)
      forget()
      ask(0)
    }
  }
}

// A share that is learned (Krichevsky and Trofimov), with what happened before the last 60 to 120 answers half forgotten.
const remembered = 120
interface Share {
  readonly share: () => number
  /** What it costs to be told that it happened, or not, as a logarithm. */
  readonly pay: (happened: boolean) => number
}
const makeShare = (): Share => {
  let yes = 0.5
  let no = 0.5
  return {
    share: () => yes / (yes + no),
    pay: (happened) => {
      const paid = -Math.log((happened ? yes : no) / (yes + no))
      if (happened) yes++
      else no++
      if (yes + no > remembered) {
        yes /= 2
        no /= 2
      }
      return paid
    }
  }
}
