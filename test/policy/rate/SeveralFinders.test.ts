import { assert, it } from "@effect/vitest"
import * as LimitFinder from "../../../src/policy/rate/LimitFinder.ts"
import { heap, seeded, slidingWindow, tokenBucket } from "../LimitSimulation.ts"

/** Several processes that look for one limit, each for itself, as in the default policy: what each of them got. */
const simulate = (count: number, limit: number, seconds: number, seed: number, kind: typeof slidingWindow) => {
  const random = seeded(seed)
  const server = kind(() => limit)
  const finders = Array.from({ length: count }, () => LimitFinder.make())
  const events = heap<{ at: number; by: number; start: number | undefined; allowed: boolean }>()
  // They don't start all at once.
  for (let by = 0; by < count; by++) {
    events.push({ at: random() * 3000, by, start: undefined, allowed: true })
  }
  const answers: Array<{ readonly at: number; readonly by: number; readonly allowed: boolean }> = []
  for (;;) {
    const { allowed, at, by, start } = events.pop()
    if (at > seconds * 1000) return answers
    const finder = finders[by]
    if (finder === undefined) continue
    if (start !== undefined) {
      if (allowed) finder.onAccepted(at, start)
      else finder.onLimited(at, start)
      continue
    }
    finder.onStart(at)
    const isAllowed = server(at)
    answers.push({ at, by, allowed: isAllowed })
    events.push({ at: at + 20 + random() * 10, by, start: at, allowed: isAllowed })
    events.push({ at: at + 1000 / finder.rate(at), by, start: undefined, allowed: true })
  }
}

// More than docs/rate-limits.md promises of one: why it says to give the limit where several processes send.
for (const [count, limit, used, refused] of [
  [2, 50, 0.95, 0.12],
  [10, 50, 0.95, 0.4],
  [10, 200, 0.95, 0.4]
] as const) {
  it(`${count} that look for a limit of ${limit} each for itself use it, and ask for more`, () => {
    let worstUse = 1
    let worstRefused = 0
    let smallest = 1
    for (const kind of [slidingWindow, tokenBucket((limit) => limit)]) {
      for (const seed of [1, 2, 3]) {
        const answers = simulate(count, limit, 180, seed, kind).filter(({ at }) => at >= 60_000)
        const accepted = answers.filter(({ allowed }) => allowed)
        worstUse = Math.min(worstUse, accepted.length / 120 / limit)
        worstRefused = Math.max(worstRefused, 1 - accepted.length / answers.length)
        for (let by = 0; by < count; by++) {
          const own = accepted.filter((one) => one.by === by).length
          smallest = Math.min(smallest, (own / accepted.length) * count)
        }
      }
    }
    process.stdout.write(
      `${count} finders at ${limit}: ${(100 * worstUse).toFixed(1)} % used, ${(100 * worstRefused).toFixed(2)} % refused, the least has ${(100 * smallest).toFixed(0)} % of an equal part\n`
    )
    assert.isAtLeast(worstUse, used)
    assert.isAtMost(worstRefused, refused)
  })
}
