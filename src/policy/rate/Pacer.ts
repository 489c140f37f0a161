/**
 * When the next request may start under a known limit: plain arithmetic on times in milliseconds, for the
 * gate in front of all requests that share the limit.
 */

/** When requests may start. All times are in milliseconds of one clock that only goes forward. */
export interface Pacer {
  /** The time from which `count` may start; not after `now` where they may start now. */
  readonly next: (now: number, count: number) => number
  /** They start. */
  readonly onStart: (now: number, count: number) => void
  /** Those that were let start then go out now: a runtime with much to do gets to it later. */
  readonly onSent?: ((started: number, now: number) => void) | undefined
}

/** When something started, and how much it counts. */
export type Start = readonly [at: number, count: number]

/** The pacer of a known limit, which knows the starts that still count. */
export interface Known extends Pacer {
  readonly starts: () => ReadonlyArray<Start>
}

/** A limit, as a pacer keeps it. */
export interface Options {
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
  readonly burst: number
  /** Starts that count already, oldest first. */
  readonly before?: ReadonlyArray<Start> | undefined
}

// Timers fire late, by a millisecond or more. A start so late counts as on time, and what follows catches up:
// with timers of a millisecond, 2,000 a second could not be reached otherwise.
const maxLate = 20

// A start moves the due time on by its cost, from when it was due; after an idle time, from now.
const move = (due: number, now: number, cost: number): number => (due < now - maxLate ? now : due) + cost

/**
 * Even pacing, with a guard: evenness comes from the generic cell rate algorithm (a theoretical time of
 * arrival that each start moves on by its cost), the promise from the log of the last window, which holds
 * whatever the timers did.
 */
export const make = (options: Options): Known => {
  const { burst, limit, window } = options
  const most = limit + burst
  const interval = window / limit
  let due = Number.NEGATIVE_INFINITY
  const log = makeLog(window)
  for (const [at, count] of options.before ?? []) {
    log.add(at, count)
    due = at + interval
  }
  return {
    next: (now, count) => Math.max(due - burst * interval, log.next(now, count, most)),
    onStart: (now, count) => {
      due = move(due, now, count * interval)
      log.add(now, count)
    },
    onSent: log.move,
    starts: log.starts
  }
}

/** The promise alone, for starts that somebody else paces. */
export const guard = (options: Options): Known => {
  const { burst, limit, window } = options
  const log = makeLog(window)
  for (const [at, count] of options.before ?? []) log.add(at, count)
  return {
    next: (now, count) => log.next(now, count, limit + burst),
    onStart: log.add,
    onSent: log.move,
    starts: log.starts
  }
}

/** Even pacing at a rate that changes, in starts per second. */
export const varying = (rate: (now: number) => number): Pacer => {
  let due = Number.NEGATIVE_INFINITY
  return {
    next: () => due,
    onStart: (now) => {
      due = move(due, now, 1000 / rate(now))
    }
  }
}

// The mean of what starts is over so many, about.
const meanOver = 1000

/** The same for what counts differently: `rate` is of starts of the mean count. */
export const weighed = (rate: (now: number) => number): Pacer => {
  let due = Number.NEGATIVE_INFINITY
  let mean = 0
  let starts = 0
  return {
    next: () => due,
    onStart: (now, count) => {
      starts = Math.min(meanOver, starts + 1)
      mean += (count - mean) / starts
      due = move(due, now, ((1000 / rate(now)) * count) / mean)
    }
  }
}

/** The same pace, for requests, however many records each holds. */
export const byRequest = (pacer: Pacer): Pacer => ({
  next: (now) => pacer.next(now, 1),
  onStart: (now) => pacer.onStart(now, 1),
  onSent: pacer.onSent
})

// The starts of the last window, oldest first, in a ring that grows to what is needed.
const makeLog = (window: number) => {
  let times = new Float64Array(16)
  let counts = new Float64Array(16)
  let first = 0
  let size = 0
  let sum = 0
  const at = (i: number) => (first + i) & (times.length - 1)
  const expire = (now: number) => {
    // Times are sums of fractions: a start exactly a window ago must not be kept for the last digit's sake.
    while (size > 0 && (times[first] ?? 0) + window <= now + 1e-6) {
      sum -= counts[first] ?? 0
      first = at(1)
      size--
    }
  }
  return {
    add: (now: number, count: number) => {
      if (size === times.length) {
        const order = Array.from({ length: size }, (_, i) => at(i))
        const wider = size * 2
        const moved = new Float64Array(wider)
        moved.set(order.map((i) => times[i] ?? 0))
        times = moved
        const movedCounts = new Float64Array(wider)
        movedCounts.set(order.map((i) => counts[i] ?? 0))
        counts = movedCounts
        first = 0
      }
      const i = at(size)
      times[i] = now
      counts[i] = count
      size++
      sum += count
    },
    starts: (): ReadonlyArray<Start> => Array.from({ length: size }, (_, i) => [times[at(i)] ?? 0, counts[at(i)] ?? 0]),
    move: (started: number, now: number) => {
      // It is one of the latest.
      for (let i = size - 1; i >= 0; i--) {
        const time = times[at(i)] ?? 0
        if (time === started) {
          times[at(i)] = now
          return
        }
      }
    },
    next: (now: number, count: number, most: number): number => {
      expire(now)
      let excess = sum + count - most
      if (excess <= 0 || size === 0) return now
      let i = 0
      while (i < size - 1 && excess > (counts[at(i)] ?? 0)) excess -= counts[at(i++)] ?? 0
      return (times[at(i)] ?? 0) + window
    }
  }
}
