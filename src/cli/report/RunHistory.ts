/** How a run went over time, in a fixed amount of memory however long it takes. */
import * as Effect from "effect/Effect"
import type { Progress } from "../../index.ts"

/** What happened in a stretch of time. */
export interface Bucket {
  /** Milliseconds since the run began. */
  readonly from: number
  readonly to: number
  /** Records that got an outcome other than `Unsent`. */
  readonly records: number
  /** Requests on the wire: the mean over the time, and the highest number that was seen. */
  readonly inFlight: number
  readonly inFlightMax: number
  /** Milliseconds in which some request waited, by reason. */
  readonly waits: { readonly [reason: string]: number }
}

export interface History {
  /** Ascending and without gaps, from 0. All of one width, but the last one, which ends with the run. */
  readonly buckets: ReadonlyArray<Bucket>
  /** Milliseconds that the buckets cover. */
  readonly elapsed: number
}

export interface RunHistory {
  /** For `onProgress` of a sync. */
  readonly onProgress: (progress: Progress.Progress) => Effect.Effect<void>
  /** What is known so far. */
  readonly history: () => History
}

// More than this cannot be told apart in a chart as wide as a page.
const bucketCount = 120

// Progress comes every 100 ms, so that each bucket sees it twice at least.
const firstWidth = 250

/** Keeps 120 buckets, which double their width when the time is full. */
export const make = (): RunHistory => {
  let width = firstWidth
  let elapsed = 0
  let settled: number | undefined
  let waitsBefore: Progress.Progress["waits"] = {}
  const records = new Float64Array(bucketCount)
  // Requests in flight, times the milliseconds that they were.
  const flight = new Float64Array(bucketCount)
  const flightMax = new Float64Array(bucketCount)
  const waits = new Map<string, Float64Array>()

  const widen = () => {
    width *= 2
    for (const sums of [records, flight, ...waits.values()]) halve(sums, (a, b) => a + b)
    halve(flightMax, Math.max)
  }

  // Spreads an amount evenly over the time in which it came together.
  const spread = (sums: Float64Array, from: number, to: number, amount: number) => {
    for (let index = indexOf(from); index <= indexOf(to); index++) {
      const overlap = Math.min(to, (index + 1) * width) - Math.max(from, index * width)
      sums[index] = (sums[index] ?? 0) + (to > from ? (amount * overlap) / (to - from) : amount)
    }
  }

  // A time on the border of two buckets ends the first one.
  const indexOf = (time: number) => Math.max(0, Math.ceil(time / width) - 1)

  const add = (progress: Progress.Progress) => {
    // The clock may have been set back.
    const from = elapsed
    const to = Math.max(from, progress.elapsed)
    while (to > width * bucketCount) widen()
    elapsed = to
    const now = progress.settled - progress.outcomes.Unsent
    spread(records, from, to, now - (settled ?? progress.settledBefore))
    settled = now
    spread(flight, from, to, progress.inFlight * (to - from))
    for (let index = Math.min(indexOf(to), Math.floor(from / width)); index <= indexOf(to); index++) {
      flightMax[index] = Math.max(flightMax[index] ?? 0, progress.inFlight)
    }
    for (const [reason, millis] of Object.entries(progress.waits)) {
      const more = millis - (waitsBefore[reason] ?? 0)
      if (more <= 0) continue
      const sums = waits.get(reason) ?? new Float64Array(bucketCount)
      waits.set(reason, sums)
      spread(sums, from, to, more)
    }
    waitsBefore = progress.waits
  }

  const history = (): History => {
    // A last bucket of a few milliseconds would show a rate that is chance: it goes to the one before it.
    const whole = Math.floor(elapsed / width)
    const count = whole === 0 ? 1 : elapsed - whole * width < width / 2 ? whole : whole + 1
    const sum = (sums: Float64Array, index: number) =>
      (sums[index] ?? 0) + (index === count - 1 ? (sums[index + 1] ?? 0) : 0)
    return {
      elapsed,
      buckets:
        elapsed === 0
          ? []
          : Array.from({ length: count }, (_, index): Bucket => {
              const from = index * width
              const to = index === count - 1 ? elapsed : from + width
              const next = index === count - 1 ? (flightMax[index + 1] ?? 0) : 0
              return {
                from,
                to,
                records: sum(records, index),
                inFlight: sum(flight, index) / (to - from),
                inFlightMax: Math.max(flightMax[index] ?? 0, next),
                waits: Object.fromEntries(
                  [...waits].map(([reason, sums]) => [reason, Math.min(sum(sums, index), to - from)] as const)
                )
              }
            })
    }
  }

  return { onProgress: (progress) => Effect.sync(() => add(progress)), history }
}

const halve = (values: Float64Array, combine: (a: number, b: number) => number) => {
  for (let index = 0; index < bucketCount; index++) {
    values[index] = index < bucketCount / 2 ? combine(values[2 * index] ?? 0, values[2 * index + 1] ?? 0) : 0
  }
}
