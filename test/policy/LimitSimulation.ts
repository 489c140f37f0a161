import type { LimitFinder } from "../../src/policy/rate/LimitFinder.ts"

/** A linear congruential generator, so that every run is the same. */
export const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

/** Whether a request that arrives now is allowed, by a server that allows `limit(now)` a second. */
export type Server = (now: number) => boolean

export const fixedWindow = (limit: (now: number) => number): Server => {
  let window = -1
  let count = 0
  return (now) => {
    const current = Math.floor(now / 1000)
    if (current !== window) {
      window = current
      count = 0
    }
    if (count >= limit(now)) return false
    count++
    return true
  }
}

/** A log of the last second; with `countRefused`, refused requests use the limit up too. */
export const slidingWindow = (limit: (now: number) => number): Server => {
  let log: Array<number> = []
  let first = 0
  return (now) => {
    while (first < log.length && (log[first] ?? 0) <= now - 1000) first++
    if (first > 10_000) {
      log = log.slice(first)
      first = 0
    }
    if (log.length - first >= limit(now)) return false
    log.push(now)
    return true
  }
}

export const tokenBucket =
  (capacity: (limit: number) => number) =>
  (limit: (now: number) => number): Server => {
    let tokens = capacity(limit(0))
    let last = 0
    return (now) => {
      const current = limit(now)
      tokens = Math.min(capacity(current), tokens + ((now - last) * current) / 1000)
      last = now
      if (tokens < 1) return false
      tokens--
      return true
    }
  }

export interface Answer {
  readonly at: number
  readonly allowed: boolean
}

/** Refuses a share of what the other allows. */
export const noisy =
  (share: (now: number) => number, random: () => number, server: Server = () => true): Server =>
  (now) =>
    random() >= share(now) && server(now)

/** A run with as many requests as the finder allows: each arrives after half a round trip, and is answered after one. */
export const simulate = (options: {
  readonly finder: LimitFinder
  readonly server: Server
  readonly seconds: number
  /** Milliseconds. */
  readonly roundTrip: number
  /** The share of the round trip by which it varies, evenly. */
  readonly jitter?: number
  readonly random?: () => number
  readonly retryAfter?: number
  readonly demand?: (now: number) => number
  /** So many requests at most are under way. */
  readonly inFlight?: number
}): ReadonlyArray<Answer> => {
  const { finder, jitter = 0, random = Math.random, retryAfter, roundTrip, seconds, server } = options
  const { inFlight = Number.POSITIVE_INFINITY } = options
  const answers: Array<Answer> = []
  // Three kinds of events, each in order by itself unless the round trip varies.
  const arrivals = heap<{ at: number; start: number; back: number }>()
  const returns = heap<{ at: number; start: number; allowed: boolean }>()
  let next = 0
  let last = 0
  let underWay = 0
  let paused = 0
  const end = seconds * 1000
  for (;;) {
    const arrival = arrivals.peek()?.at ?? Number.POSITIVE_INFINITY
    const back = returns.peek()?.at ?? Number.POSITIVE_INFINITY
    const start = underWay < inFlight ? Math.max(next, last) : Number.POSITIVE_INFINITY
    const now = Math.min(start, arrival, back)
    last = now
    if (now >= end) return answers
    if (now === arrival) {
      const request = arrivals.pop()
      const allowed = server(now)
      answers.push({ at: now, allowed })
      returns.push({ at: request.back, start: request.start, allowed })
    } else if (now === back) {
      const answer = returns.pop()
      underWay--
      if (answer.allowed) finder.onAccepted(now, answer.start)
      else {
        finder.onLimited(now, answer.start)
        if (retryAfter !== undefined) {
          const until = now + retryAfter
          if (until > paused) {
            finder.onPaused(Math.max(now, paused), until)
            paused = until
            next = Math.max(next, until)
          }
        }
      }
    } else {
      underWay++
      finder.onStart(now)
      const took = roundTrip * (1 + jitter * (random() * 2 - 1))
      arrivals.push({ at: now + took / 2, start, back: now + took })
      // A start that is late by a little does not make the next one late, as in the pacer.
      next =
        (next < now - 20 ? now : next) +
        1000 / Math.min(finder.rate(now), options.demand?.(now) ?? Number.POSITIVE_INFINITY)
    }
  }
}

/** What was answered between two times, per second, and the share refused. */
export const measure = (answers: ReadonlyArray<Answer>, from: number, to: number) => {
  let allowed = 0
  let refused = 0
  for (const answer of answers) {
    if (answer.at < from * 1000 || answer.at >= to * 1000) continue
    if (answer.allowed) allowed++
    else refused++
  }
  return { allowed: allowed / (to - from), refused, share: refused / Math.max(1, allowed + refused) }
}

export const heap = <A extends { readonly at: number }>() => {
  const items: Array<A> = []
  return {
    peek: () => items[0],
    push: (item: A) => {
      let i = items.length
      items.push(item)
      while (i > 0) {
        const parent = (i - 1) >> 1
        const above = items[parent] as A
        if (above.at <= item.at) break
        items[i] = above
        i = parent
      }
      items[i] = item
    },
    pop: (): A => {
      const top = items[0] as A
      const item = items.pop() as A
      const size = items.length
      if (size === 0) return top
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= size) break
        if (child + 1 < size && (items[child + 1] as A).at < (items[child] as A).at) child++
        if ((items[child] as A).at >= item.at) break
        items[i] = items[child] as A
        i = child
      }
      items[i] = item
      return top
    }
  }
}
