import { assert, describe, it } from "@effect/vitest"
import * as ConcurrencyFinder from "../../../src/policy/concurrency/ConcurrencyFinder.ts"
import * as ConcurrencyPolicy from "../../../src/policy/concurrency/ConcurrencyPolicy.ts"

const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

interface Done {
  readonly at: number
  readonly latency: number
  readonly inFlight: number
}

/** A server with some workers and a queue before them, and as many clients as the finder allows. */
const simulate = (options: {
  readonly finder: ConcurrencyFinder.ConcurrencyFinder
  readonly workers: (now: number) => number
  readonly serviceTime: (now: number) => number
  readonly milliseconds: number
  readonly demand?: number
  readonly refuse?: (inFlight: number) => boolean
}): ReadonlyArray<Done> => {
  const { demand = Number.POSITIVE_INFINITY, finder, milliseconds, refuse, serviceTime, workers } = options
  const done: Array<Done> = []
  const queue: Array<number> = []
  // Started at, ends at.
  const busy: Array<{ readonly started: number; readonly ends: number; readonly refused: boolean }> = []
  let inFlight = 0
  let now = 0
  while (now < milliseconds) {
    while (inFlight < Math.min(finder.limit(), demand)) {
      inFlight++
      finder.onStart(now, inFlight)
      if (refuse?.(inFlight) === true) busy.push({ started: now, ends: now + 1, refused: true })
      else queue.push(now)
    }
    while (busy.filter(({ refused }) => !refused).length < workers(now) && queue.length > 0) {
      busy.push({ started: queue.shift() ?? 0, ends: now + serviceTime(now), refused: false })
    }
    busy.sort((a, b) => a.ends - b.ends)
    const next = busy.shift()
    if (next === undefined) break
    now = next.ends
    inFlight--
    if (!next.refused) done.push({ at: now, latency: now - next.started, inFlight: inFlight + 1 })
    finder.onEnd(now, next.started, next.refused ? "overloaded" : "answered")
  }
  return done
}

const measure = (done: ReadonlyArray<Done>, from: number, to: number) => {
  const within = done.filter(({ at }) => at >= from && at < to)
  return {
    throughput: (within.length * 1000) / (to - from),
    latency: within.reduce((sum, { latency }) => sum + latency, 0) / within.length
  }
}

describe("ConcurrencyPolicy", () => {
  for (const workers of [1, 4, 10, 40]) {
    for (const spread of [0, 0.5]) {
      it(`reaches 90 % of the throughput of ${workers} workers at no more than twice the latency (service times ± ${spread * 100} %)`, () => {
        const random = seeded(3)
        const done = simulate({
          finder: ConcurrencyPolicy.toFinder(ConcurrencyPolicy.adaptive({ min: 1, max: 200 })),
          workers: () => workers,
          serviceTime: () => 50 * (1 + spread * (2 * random() - 1)),
          milliseconds: 120_000
        })
        const { latency, throughput } = measure(done, 5000, 120_000)
        assert.isAtLeast(throughput, 0.9 * workers * 20)
        assert.isAtMost(latency, 100)
        // Also in the worst second, not only on the average, where chance has no part in it.
        for (let from = 5000; from < 119_000 && spread === 0; from += 1000) {
          assert.isAtMost(measure(done, from, from + 1000).latency, 100, `at ${from} ms`)
        }
      })
    }
  }

  it("does so too where service times are as different as exponential ones", () => {
    for (const workers of [4, 10, 40]) {
      const random = seeded(workers)
      const done = simulate({
        finder: ConcurrencyFinder.adaptive({ min: 1, max: 200 }),
        workers: () => workers,
        serviceTime: () => -50 * Math.log(1 - random()),
        milliseconds: 120_000
      })
      const { latency, throughput } = measure(done, 5000, 120_000)
      assert.isAtLeast(throughput, 0.9 * workers * 20)
      assert.isAtMost(latency, 100)
    }
  })

  it("starts fast: 40 workers are in use within two seconds", () => {
    const finder = ConcurrencyFinder.adaptive({ min: 1, max: 200 })
    simulate({ finder, workers: () => 40, serviceTime: () => 50, milliseconds: 2000 })
    assert.isAtLeast(finder.limit(), 36)
  })

  it("follows a server that loses half of its workers, and one that becomes slower for good", () => {
    const random = seeded(5)
    const time = () => 50 * (0.8 + 0.4 * random())
    const lost = simulate({
      finder: ConcurrencyFinder.adaptive({ min: 1, max: 200 }),
      workers: (now) => (now < 60_000 ? 20 : 10),
      serviceTime: time,
      milliseconds: 120_000
    })
    const after = measure(lost, 65_000, 120_000)
    assert.isAtLeast(after.throughput, 0.9 * 200)
    assert.isAtMost(after.latency, 100)
    const slower = simulate({
      finder: ConcurrencyFinder.adaptive({ min: 1, max: 200 }),
      workers: () => 20,
      serviceTime: (now) => (now < 60_000 ? 1 : 3) * time(),
      milliseconds: 400_000
    })
    assert.isAtLeast(measure(slower, 200_000, 400_000).throughput, 0.85 * 133)
  })

  it("does not grow while the limit is not in use", () => {
    const finder = ConcurrencyFinder.adaptive({ min: 1, max: 200 })
    simulate({ finder, workers: () => 100, serviceTime: () => 10, milliseconds: 60_000, demand: 5 })
    assert.isAtMost(finder.limit(), 8)
  })

  it("shrinks at most once per round trip, however many requests of it are refused", () => {
    const finder = ConcurrencyFinder.adaptive({ min: 1, max: 100 })
    for (let now = 0; finder.limit() < 50; now += 11) {
      finder.onStart(now, 100)
      finder.onEnd(now + 10, now, "answered")
    }
    const before = finder.limit()
    const started = 10_000
    finder.onStart(started, 30)
    for (let i = 0; i < 30; i++) finder.onEnd(started + 100 + i, started, "overloaded")
    assert.strictEqual(finder.limit(), Math.floor(before * 0.7))
    assert.isTrue(finder.onEnd(started + 300, started + 200, "overloaded"))
  })

  it("keeps to min and max, and `fixed` to its number", () => {
    const finder = ConcurrencyFinder.adaptive({ min: 3, max: 6 })
    const random = seeded(9)
    for (let now = 0; now < 10_000; now += 7) {
      finder.onStart(now, 10)
      finder.onEnd(now + 1, now, random() < 0.2 ? "overloaded" : "answered")
      assert.isTrue(finder.limit() >= 3 && finder.limit() <= 6)
    }
    const fixed = ConcurrencyPolicy.toFinder(ConcurrencyPolicy.fixed(7))
    fixed.onEnd(1, 0, "overloaded")
    assert.strictEqual(fixed.limit(), 7)
  })

  it("refuses numbers that make no sense", () => {
    assert.throws(() => ConcurrencyPolicy.fixed(0), RangeError)
    assert.throws(() => ConcurrencyPolicy.fixed(1.5), RangeError)
    assert.throws(() => ConcurrencyPolicy.adaptive({ min: 5, max: 4 }), RangeError)
  })
})
