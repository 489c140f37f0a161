import { assert, describe, it } from "@effect/vitest"
import * as ConcurrencyPolicy from "../../../src/policy/concurrency/ConcurrencyPolicy.ts"
import * as InFlightLimit from "../../../src/policy/concurrency/InFlightLimit.ts"
import * as RateLimitPolicy from "../../../src/policy/rate/RateLimitPolicy.ts"
import * as InFlightSimulation from "../InFlightSimulation.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

const { fixedWindow, measure, seeded, slidingWindow, tokenBucket } = LimitSimulation

// The soak runs more of them.
const soak = Number(process.env.SOAK ?? 1)
const seeds = Array.from({ length: 2 * soak }, (_, i) => i + 7)

// Of twenty seeds one may miss.
const eachSeed = (check: (seed: number) => void) => {
  const missed: Array<unknown> = []
  for (const seed of seeds) {
    try {
      check(seed)
    } catch (error) {
      missed.push(error)
    }
  }
  if (missed.length > seeds.length / 20) throw missed[0]
}

const even = (mean: number, random: () => number) => () => mean * (0.8 + 0.4 * random())
const exponential = (mean: number, random: () => number) => () => -mean * Math.log(1 - random())

const simulate = (options: {
  readonly takes: (now: number) => number
  readonly concurrency: ConcurrencyPolicy.ConcurrencyPolicy
  readonly time: number
  readonly seconds: number
  readonly seed: number
  readonly times?: typeof even
  readonly network?: number
  readonly noise?: number
}) => {
  const { concurrency, network = 2, noise = 0, seconds, seed, takes, time, times = even } = options
  const random = seeded(seed)
  const others = seeded(seed * 31)
  return InFlightSimulation.simulate({
    policies: { rateLimit: RateLimitPolicy.find(), concurrency },
    seconds,
    network,
    service: times(time, random),
    allows: (now, busy) => busy < takes(now) && others() >= noise,
    random
  })
}

describe("a server that takes so many requests at once", () => {
  for (const [takes, allowed] of [
    [1, 8],
    [2, 8],
    [4, 8],
    [7, 8],
    [16, 32],
    [32, 64]
  ] as const) {
    const policies = { fixed: ConcurrencyPolicy.fixed(allowed), adaptive: ConcurrencyPolicy.adaptive() }
    for (const [name, concurrency] of Object.entries(policies)) {
      it(`gets 90 % of its best, and refuses 1 % and a half: ${takes}, by a client that is ${name}`, () => {
        for (const [time, from, seconds] of [
          [20, 15, 60],
          [300, 60, 240]
        ] as const) {
          for (const times of [even, exponential]) {
            // Adaptive concurrency takes the scatter of exponential times for a queue where few are in flight.
            if (name === "adaptive" && times === exponential) continue
            eachSeed((seed) => {
              const { answers } = simulate({ takes: () => takes, concurrency, time, times, seconds, seed })
              const { allowed, share } = measure(answers, from, seconds)
              // Of 32 in flight, three are on their way, so that the server's number is met only about.
              const least = takes === 32 && time === 20 ? 0.8 : 0.9
              assert.isAtLeast(allowed, (least * takes * 1000) / (time + 2), `${time} ms, seed ${seed}`)
              assert.isAtMost(share, 0.015, `${time} ms, seed ${seed}`)
            })
          }
        }
      })
    }
  }

  it("is followed when it takes fewer and more", () => {
    eachSeed((seed) => {
      const { answers } = simulate({
        takes: (now) => (now < 30_000 ? 8 : now < 60_000 ? 3 : 6),
        concurrency: ConcurrencyPolicy.fixed(8),
        time: 50,
        seconds: 100,
        seed
      })
      assert.isAtLeast(measure(answers, 10, 30).allowed, (0.9 * 8 * 1000) / 52, `seed ${seed}`)
      assert.isAtLeast(measure(answers, 40, 60).allowed, (0.9 * 3 * 1000) / 52, `seed ${seed}`)
      assert.isAtLeast(measure(answers, 75, 100).allowed, (0.9 * 6 * 1000) / 52, `seed ${seed}`)
    })
  })

  it("is found although it refuses some at random, too", () => {
    eachSeed((seed) => {
      const { answers, inForce } = simulate({
        takes: () => 4,
        noise: 0.05,
        concurrency: ConcurrencyPolicy.fixed(8),
        time: 20,
        seconds: 90,
        seed
      })
      assert.isAtLeast(measure(answers, 30, 90).allowed, (0.85 * 0.95 * 4 * 1000) / 22, `seed ${seed}`)
      assert.include([4, 5, 6], inForce.inFlightLimit(), `seed ${seed}`)
    })
  })

  it("is not slower where the network is as long as its work, so that it sees fewer than are in flight", () => {
    eachSeed((seed) => {
      const { answers } = simulate({
        takes: () => 4,
        concurrency: ConcurrencyPolicy.fixed(8),
        network: 20,
        time: 20,
        seconds: 60,
        seed
      })
      assert.isAtLeast(measure(answers, 15, 60).allowed, 0.9 * 100, `seed ${seed}`)
    })
  })
})

describe("ConcurrencyPolicy.adaptive", () => {
  it("is not made smaller by 429s at random", () => {
    eachSeed((seed) => {
      for (const noise of [0.01, 0.05]) {
        const { answers } = simulate({
          takes: () => Number.POSITIVE_INFINITY,
          noise,
          concurrency: ConcurrencyPolicy.adaptive({ max: 16 }),
          time: 20,
          seconds: 60,
          seed
        })
        assert.isAtLeast(measure(answers, 15, 60).allowed, (0.9 * (1 - noise) * 16 * 1000) / 22, `seed ${seed}`)
      }
    })
  })
})

describe("a limit of the rate", () => {
  const servers = { fixedWindow, slidingWindow, tokenBucket: tokenBucket((limit) => limit) }
  for (const [name, server] of Object.entries(servers)) {
    it(`is not taken for one of the requests in flight: 95 % used, at most 1 % refused (${name})`, () => {
      for (const [limit, inFlight, time] of [
        [20, 8, 20],
        [200, 8, 20],
        [200, 64, 200],
        [1000, 500, 50]
      ] as const) {
        eachSeed((seed) => {
          const random = seeded(seed)
          const allows = server(() => limit)
          const { answers } = InFlightSimulation.simulate({
            policies: { rateLimit: RateLimitPolicy.find(), concurrency: ConcurrencyPolicy.fixed(inFlight) },
            seconds: 80,
            network: 2,
            service: even(time, random),
            allows,
            random
          })
          const { allowed, share } = measure(answers, 20, 80)
          assert.isAtLeast(allowed, 0.95 * limit, `${limit}, seed ${seed}`)
          assert.isAtMost(share, 0.01, `${limit}, seed ${seed}`)
        })
      }
    })
  }
})

describe("InFlightLimit", () => {
  it("needs refusals beyond a number, and none below it, whatever came before", () => {
    const finder = InFlightLimit.make()
    const random = seeded(3)
    const changes = new Set<string>()
    for (let i = 0; i < 5000; i++) changes.add(finder.onAnswered(1 + Math.floor(8 * random()), random() < 0.2))
    assert.deepStrictEqual([...changes], ["none"])
    assert.strictEqual(finder.limit(), Number.POSITIVE_INFINITY)
    let answers = 0
    for (; answers < 100 && finder.limit() > 8; answers++) {
      const inFlight = 1 + Math.floor(8 * random())
      finder.onAnswered(inFlight, inFlight > 5)
    }
    assert.strictEqual(finder.limit(), 5)
    assert.isTrue(finder.explains(6))
    assert.isFalse(finder.explains(5))
    finder.onRateFound()
    assert.strictEqual(finder.limit(), Number.POSITIVE_INFINITY)
  })

  it("does not take the rest of a window, in which all is refused, for a number in flight", () => {
    const finder = InFlightLimit.make()
    const random = seeded(5)
    for (let i = 0; i < 5000; i++) finder.onAnswered(1 + Math.floor(8 * random()), i % 200 > 150)
    assert.strictEqual(finder.limit(), Number.POSITIVE_INFINITY)
  })
})
