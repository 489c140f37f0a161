/** Watches a finder at work, and says what it has found as far as what was seen bears it. */
import type * as LimitFinder from "./LimitFinder.ts"
import type * as RateFinding from "./RateFinding.ts"

export interface Observed extends LimitFinder.LimitFinder {
  /** `undefined` where there is nothing to say. */
  readonly finding: () => RateFinding.RateFinding | undefined
}

// Counts that differ by more are not of one limit.
const agreeing = 0.1
const fewest = 2
// Enough to see how far they differ; older ones may be of another limit.
const kept = 5
// Where more than this and the background is refused, what is believed is no rate that can be kept.
const mostRefused = 0.1
// 19 of 20 times a count is within so many standard deviations.
const deviations = 1.96

interface Count {
  readonly limit: number
  readonly accepted: number
  readonly refused: number
}

/** A finder that does as the one given, and is watched. */
export const make = (finder: LimitFinder.LimitFinder): Observed => {
  let believed: number | undefined
  // Each is the limit that the answers since the one before came to.
  let counts: ReadonlyArray<Count> = []
  let accepted = 0
  let refused = 0
  // Since a limit was believed no more, or from the start.
  let answers = 0
  let limited = 0

  const look = (moved: boolean) => {
    const limit = finder.limit()
    if (!moved && limit === believed) return
    if (limit === undefined) {
      if (believed !== undefined) answers = limited = 0
      counts = []
    } else if (believed !== undefined && accepted > 0) {
      // What ends a search is a guess. What nothing was accepted for is the rest of a window.
      counts = [...counts.slice(1 - kept), { limit, accepted, refused }]
    }
    // What a used-up window refuses still belongs to the count that it is in.
    if (limit !== believed || accepted > 0) accepted = refused = 0
    believed = limit
  }

  const limit = (): typeof RateFinding.Limit.Type | undefined => {
    const last = counts.at(-1)?.limit
    if (last === undefined) return undefined
    const from = counts.findLastIndex(({ limit }) => Math.abs(limit - last) > agreeing * last) + 1
    const same = counts.slice(from)
    const all = same.reduce((sum, count) => sum + count.accepted + count.refused, 0)
    const many = same.reduce((sum, count) => sum + count.refused, 0)
    if (same.length < fewest || many > (mostRefused + finder.background()) * all) return undefined
    const limits = same.map(({ limit }) => limit)
    const perSecond = limits.reduce((sum, limit) => sum + limit, 0) / limits.length
    const margin = (Math.max(...limits) - Math.min(...limits)) / 2 / perSecond
    return { perSecond, margin, counts: same.length }
  }

  const background = (): typeof RateFinding.Background.Type | undefined => {
    const known = finder.background()
    if (known === 0) return undefined
    const all = limited / Math.max(1, answers)
    const marginOf = (share: number) => deviations * Math.sqrt((share * (1 - share)) / Math.max(1, answers))
    // Where there is no limit, all of it is the background; what a limit refused cannot be told from the rest.
    return believed === undefined && answers > 0
      ? { share: all, margin: marginOf(all) }
      : { share: known, margin: Math.max(marginOf(known), all - known) }
  }

  return {
    ...finder,
    onAccepted: (now, started) => {
      finder.onAccepted(now, started)
      accepted++
      answers++
      look(false)
    },
    onLimited: (now, started) => {
      const moved = finder.onLimited(now, started)
      refused++
      answers++
      limited++
      look(moved)
      return moved
    },
    finding: () => {
      const found = { limit: limit(), background: background() }
      if (found.limit === undefined && found.background === undefined) return undefined
      return {
        ...(found.limit === undefined ? {} : { limit: found.limit }),
        ...(found.background === undefined ? {} : { background: found.background })
      }
    }
  }
}
