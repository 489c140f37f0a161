import { assert, describe, it } from "@effect/vitest"
import * as LimitFinder from "../../../src/policy/rate/LimitFinder.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

const servers = {
  "fixed-window": LimitSimulation.fixedWindow,
  "sliding-window": LimitSimulation.slidingWindow,
  "token-bucket": LimitSimulation.tokenBucket((limit) => limit)
}

const { seeded } = LimitSimulation

const simulate = (
  server: (limit: (now: number) => number) => LimitSimulation.Server,
  limit: (now: number) => number,
  seconds: number,
  seed = 1
) =>
  LimitSimulation.simulate({
    finder: LimitFinder.make(),
    server: server(limit),
    seconds,
    roundTrip: 50,
    jitter: 0.1,
    random: seeded(seed)
  })

// From how many seconds after a change on the client lives well with the new limit.
const followed = (answers: ReadonlyArray<LimitSimulation.Answer>, at: number, limit: number): number => {
  const span = limit < 10 ? 10 : 5
  for (let after = 0; after < 60; after += 0.5) {
    const { allowed, share } = LimitSimulation.measure(answers, at + after, at + after + span)
    if (allowed >= 0.9 * limit && share <= 0.05) return after
  }
  return Number.POSITIVE_INFINITY
}

describe("LimitFinder", () => {
  for (const [name, server] of Object.entries(servers)) {
    for (const limit of [20, 200, 2000]) {
      it(`settles within 15 s to at least 95 % of ${limit} a second, with at most 1 % refused (${name})`, () => {
        for (const seed of limit > 200 ? [1] : [1, 2, 3, 4, 5]) {
          const answers = simulate(server, () => limit, 75, seed)
          const { allowed, share } = LimitSimulation.measure(answers, 15, 75)
          assert.isAtLeast(allowed, 0.95 * limit, `seed ${seed}`)
          assert.isAtMost(share, 0.01, `seed ${seed}`)
        }
      })

      it(`follows within 5 s when ${limit} a second becomes half, and within 30 s when it doubles (${name})`, () => {
        for (const at of limit > 200 ? [31] : [21, 25.3, 31, 34.1, 37.7]) {
          const halved = simulate(server, (now) => (now < at * 1000 ? limit : limit / 2), at + 12)
          assert.isAtMost(followed(halved, at, limit / 2), 5, `halved at ${at}`)
          const doubled = simulate(server, (now) => (now < at * 1000 ? limit : limit * 2), at + 36)
          assert.isAtMost(followed(doubled, at, limit * 2), 30, `doubled at ${at}`)
        }
      })
    }

    it(`settles to at least 90 % of 2 a second, with at most two refused a minute (${name})`, () => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const answers = simulate(server, () => 2, 75, seed)
        const { allowed, refused } = LimitSimulation.measure(answers, 15, 75)
        assert.isAtLeast(allowed, 1.8, `seed ${seed}`)
        assert.isAtMost(refused, 2, `seed ${seed}`)
      }
    })
  }

  // Two refused a minute allow one question in half a minute: a limit of 2 that doubles just after one is known
  // to have done so half a minute and a second later.
  it("follows a limit of 2 a second as far as two refused a minute allow: half within 5 s, twice within 31 s", () => {
    for (const server of Object.values(servers)) {
      // What ten seconds show depends on the instant: in a few of them it takes a third or fourth 429.
      const halvings = Array.from({ length: 50 }, (_, i) => 20 + i * 0.7)
      const late = halvings.filter((at) => {
        const halved = simulate(server, (now) => (now < at * 1000 ? 2 : 1), at + 15)
        const { allowed, refused } = LimitSimulation.measure(halved, at + 5, at + 15)
        assert.isAtLeast(allowed, 0.5, `halved at ${at}`)
        assert.isAtMost(refused, 5, `halved at ${at}`)
        return refused > 2 || allowed < 0.8
      })
      assert.isAtMost(late.length, 0.2 * halvings.length)
      for (const at of [25, 31, 37.7, 43]) {
        const doubled = simulate(server, (now) => (now < at * 1000 ? 2 : 4), at + 45)
        assert.isAtLeast(LimitSimulation.measure(doubled, at + 31, at + 41).allowed, 3.6, `doubled at ${at}`)
      }
    }
  })

  it("does not raise the rate while fewer requests are made than it allows", () => {
    const finder = LimitFinder.make()
    LimitSimulation.simulate({
      finder,
      server: () => true,
      seconds: 600,
      roundTrip: 50,
      demand: () => 30
    })
    assert.isBelow(finder.rate(600_000), 75)
    assert.isAtLeast(finder.rate(600_000), 30)
  })

  it("gets most of a limit per minute, which it cannot know, and is refused less often than not", () => {
    let window = 0
    let count = 0
    const answers = LimitSimulation.simulate({
      finder: LimitFinder.make(),
      server: (now) => {
        if (Math.floor(now / 60_000) !== window) {
          window = Math.floor(now / 60_000)
          count = 0
        }
        return ++count <= 60
      },
      seconds: 1200,
      roundTrip: 50,
      random: seeded(1)
    })
    const { allowed, share } = LimitSimulation.measure(answers, 300, 1200)
    assert.isAtLeast(allowed, 0.75)
    assert.isAtMost(share, 0.5)
  })

  it("loses no more than the pauses themselves where every 429 asks for a second", () => {
    for (const limit of [20, 200]) {
      const answers = LimitSimulation.simulate({
        finder: LimitFinder.make(),
        server: LimitSimulation.slidingWindow(() => limit),
        seconds: 75,
        roundTrip: 50,
        jitter: 0.1,
        random: seeded(1),
        retryAfter: 1000
      })
      const { allowed, share } = LimitSimulation.measure(answers, 15, 75)
      assert.isAtLeast(allowed, 0.88 * limit)
      assert.isAtMost(share, 0.01)
    }
  })

  it("stays within its bounds", () => {
    const finder = LimitFinder.make({ initial: 10, min: 1, max: 50 })
    const random = seeded(7)
    for (let now = 0; now < 100_000; now += random() * 50) {
      finder.onStart(now)
      if (random() < 0.7) finder.onAccepted(now + 10, now)
      else finder.onLimited(now + 10, now)
      const rate = finder.rate(now + 10)
      assert.isTrue(rate >= 1 && rate <= 50, String(rate))
    }
  })
})
