import { assert, describe, it } from "@effect/vitest"
import * as LimitFinder from "../../../src/policy/rate/LimitFinder.ts"
import * as Observed from "../../../src/policy/rate/Observed.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

const { fixedWindow, measure, noisy, seeded, slidingWindow, tokenBucket } = LimitSimulation

const seeds = [1, 2, 3, 4]

const simulate = (server: (random: () => number) => LimitSimulation.Server, seconds: number, seed = 1) => {
  const finder = Observed.make(LimitFinder.make())
  const answers = LimitSimulation.simulate({
    finder,
    server: server(seeded(seed * 977)),
    seconds,
    roundTrip: 20,
    jitter: 0.1,
    random: seeded(seed),
    inFlight: 8
  })
  return { answers, finding: finder.finding() }
}

const perMinute = (limit: number) => {
  const allows = fixedWindow(() => limit)
  return (now: number) => allows(now / 60)
}

describe("a finding", () => {
  it("is the limit, within a few percent, as often as it is met again", () => {
    for (const server of [fixedWindow, slidingWindow, tokenBucket((limit) => limit)]) {
      for (const limit of [20, 100, 300]) {
        for (const seed of seeds) {
          const { finding } = simulate(() => server(() => limit), 60, seed)
          const found = finding?.limit ?? assert.fail(`${limit}, seed ${seed}`)
          assert.closeTo(found.perSecond, limit, 0.04 * limit)
          assert.isAtMost(found.margin, 0.1)
          assert.isAtLeast(found.counts, 2)
          assert.isUndefined(finding?.background, "a limit refuses nothing below it")
        }
      }
    }
  })

  it("is the limit as it is now, where it has moved", () => {
    const { finding } = simulate(() => slidingWindow((now) => (now < 40_000 ? 200 : 80)), 90)
    assert.closeTo(finding?.limit?.perSecond ?? 0, 80, 4)
  })

  it("is the share that is refused whatever the rate, within its margin", () => {
    for (const share of [0.05, 0.2]) {
      for (const seed of seeds) {
        const { answers, finding } = simulate((random) => noisy(() => share, random), 60, seed)
        const found = finding?.background ?? assert.fail(`${share}, seed ${seed}`)
        assert.isUndefined(finding?.limit)
        assert.closeTo(found.share, measure(answers, 0, 60).share, 0.01)
        assert.closeTo(found.share, share, 3 * found.margin)
        assert.isBelow(found.margin, share / 5)
      }
    }
  })

  it("is nothing where nothing was refused, or too little to say anything", () => {
    for (const server of [() => true, fixedWindow(() => 1000)]) {
      assert.isUndefined(simulate(() => server, 60).finding)
    }
    let refused = 0
    assert.isUndefined(simulate(() => () => ++refused > 5, 60).finding, "five at the start")
    assert.isUndefined(simulate(() => slidingWindow(() => 100), 3).finding, "a limit that was met once")
    assert.isUndefined(simulate((random) => noisy(() => 0.01, random), 1).finding, "1 % of a few")
  })

  it("is no rate where a quota for a minute is used up at once", () => {
    for (const limit of [60, 600]) assert.isUndefined(simulate(() => perMinute(limit), 300).finding?.limit)
  })

  it("is nothing any more of a limit that is gone", () => {
    const { answers, finding } = simulate(() => slidingWindow((now) => (now < 40_000 ? 100 : 10_000)), 120)
    assert.isAtLeast(measure(answers, 110, 120).allowed, 350)
    assert.isTrue(finding?.limit === undefined || finding.limit.perSecond < 110)
  })
})

/** Watches a finder that believes what it is told to. */
const told = () => {
  let limit: number | undefined
  let background = 0
  let moves = false
  const observed = Observed.make({
    ...LimitFinder.make(),
    rate: () => 7,
    onAccepted: () => {},
    onLimited: () => moves,
    limit: () => limit,
    background: () => background
  })
  const answer = (accepted: number, refused: number) => {
    for (let i = 0; i < accepted; i++) observed.onAccepted(0, 0)
    for (let i = 0; i < refused; i++) observed.onLimited(0, 0)
  }
  return {
    observed,
    answer,
    /** So many answers, the last of which makes it believe something, perhaps the same again. */
    count: (believed: number | undefined, accepted: number, refused: number) => {
      answer(accepted, refused - 1)
      limit = believed
      moves = true
      observed.onLimited(0, 0)
      moves = false
    },
    setBackground: (share: number) => {
      background = share
    }
  }
}

describe("what is believed is told", () => {
  it("when two counts agree, of which what ends a search is none", () => {
    const { count, observed } = told()
    count(100, 50, 10)
    count(101, 100, 1)
    assert.isUndefined(observed.finding())
    count(99, 100, 1)
    assert.deepStrictEqual(observed.finding(), { limit: { perSecond: 100, margin: 0.01, counts: 2 } })
  })

  it("as the latest counts that agree have it, and as at most five do", () => {
    const { count, observed } = told()
    for (const limit of [200, 200, 200, 120, 100]) count(limit, 100, 1)
    assert.isUndefined(observed.finding(), "the last stands alone")
    count(100, 100, 1)
    assert.deepStrictEqual(observed.finding()?.limit, { perSecond: 100, margin: 0, counts: 2 })
    for (const limit of [105, 105, 105, 105, 105]) count(limit, 100, 1)
    assert.deepStrictEqual(observed.finding()?.limit, { perSecond: 105, margin: 0, counts: 5 })
  })

  it("unless a tenth of the answers is refused beyond the background", () => {
    const { count, observed, setBackground } = told()
    count(100, 50, 10)
    count(100, 80, 20)
    count(100, 80, 20)
    assert.isUndefined(observed.finding())
    setBackground(0.15)
    assert.strictEqual(observed.finding()?.limit?.perSecond, 100)
  })

  it("not of the rest of a window, in which nothing is accepted", () => {
    const { count, observed } = told()
    count(100, 50, 10)
    count(100, 100, 1)
    count(100, 0, 30)
    assert.isUndefined(observed.finding())
    count(100, 100, 1)
    assert.isUndefined(observed.finding(), "32 of 232 were refused, with those of that rest")
    count(100, 200, 1)
    assert.isDefined(observed.finding())
  })

  it("no more when it is believed no more, and anew from then on", () => {
    const { answer, count, observed, setBackground } = told()
    for (let i = 0; i < 3; i++) count(100, 100, 1)
    assert.isDefined(observed.finding())
    count(undefined, 100, 100)
    assert.isUndefined(observed.finding())
    setBackground(0.07)
    answer(950, 50)
    const margin = 1.96 * Math.sqrt((0.05 * 0.95) / 1000)
    assert.deepStrictEqual(observed.finding(), { background: { share: 0.05, margin } })
    count(100, 0, 1)
    count(100, 100, 1)
    assert.isUndefined(observed.finding()?.limit)
    // Beside a limit, as the finder knows it, and what else was refused is why that may be too little.
    const { margin: more = 0, share } = observed.finding()?.background ?? {}
    assert.strictEqual(share, 0.07)
    answer(0, 900)
    assert.isAbove(observed.finding()?.background?.margin ?? 0, more + 0.3)
  })

  it("by one that lets the finder do its work", () => {
    const { count, observed } = told()
    assert.strictEqual(observed.rate(0), 7)
    assert.isFalse(observed.onLimited(0, 0))
    count(3, 1, 1)
    assert.strictEqual(observed.limit(), 3)
  })
})
