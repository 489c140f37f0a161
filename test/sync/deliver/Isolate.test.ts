import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Isolate from "../../../src/sync/deliver/Isolate.ts"
import * as IsolateSearch from "../../../src/sync/deliver/IsolateSearch.ts"
import * as IsolateState from "../../../src/sync/deliver/IsolateState.ts"

type Run = ReadonlyArray<number>
type Judge = (run: Run) => Isolate.Answer<string, string>

const detail = (run: Run): string => `refused ${run.join(",")}`

/** A destination whose records fail for reasons of their own; `answer` may name some of the run. */
const independent =
  (isBad: (index: number) => boolean, answer: (bad: Run, run: Run) => Run = () => []): Judge =>
  (run) => {
    const bad = run.filter(isBad)
    return bad.length === 0 ? Isolate.passed("ok") : Isolate.refused({ detail: detail(run), named: answer(bad, run) })
  }

/** Takes a batch apart without any effect, and counts. The refused batch itself is not counted. */
const count = (
  size: number,
  judge: Judge,
  options: Partial<Parameters<typeof IsolateState.problem>[0]> = {}
): {
  readonly requests: number
  readonly longest: ReadonlyArray<number>
  readonly delivered: number
  readonly culprits: Run
} => {
  const problem = IsolateState.problem({ size, independent: true, ...options })
  const all = judge(Array.from({ length: size }, (_, index) => index))
  if (all._tag === "Passed") return { requests: 0, longest: [], delivered: size, culprits: [] }
  let state = IsolateSearch.start<string, string>(problem, all)
  const lengths: Array<number> = []
  for (let step = IsolateSearch.next(problem, state); step !== undefined; step = IsolateSearch.next(problem, state)) {
    const verdict = judge(step.indices)
    lengths.push(step.indices.length)
    state =
      verdict._tag === "Passed"
        ? IsolateSearch.passed(problem, state, verdict.receipt)
        : IsolateSearch.refused(problem, state, verdict)
  }
  return {
    requests: state.requests,
    longest: lengths,
    delivered: state.delivered.reduce((sum, { indices }) => sum + indices.length, 0),
    culprits: IsolateState.blames(problem, state).flatMap((blame) => blame.culprits.map(({ index }) => index))
  }
}

const recording = (runs: Array<Run>, judge: Judge) => (run: Run) =>
  Effect.sync(() => {
    runs.push(run)
    return judge(run)
  })

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
const numbers = (seed: number): (() => number) => {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const sample = (random: () => number, size: number, count: number): ReadonlySet<number> => {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(Math.floor(random() * size))
  return chosen
}

const indicesOf = <A, D, E>(isolation: Isolate.Isolation<A, D, E>) => ({
  delivered: isolation.delivered.flatMap(({ indices }) => indices),
  culprits: isolation.blames.flatMap((blame) => blame.culprits.map(({ index }) => index))
})

const sorted = (list: Run): Run => list.toSorted((a, b) => a - b)

const range = (size: number): Run => Array.from({ length: size }, (_, index) => index)

/** Each record of the batch ended in exactly one way. */
const assertBalanced = <A, D, E>(size: number, isolation: Isolate.Isolation<A, D, E>): void => {
  const { delivered, culprits } = indicesOf(isolation)
  assert.deepStrictEqual(sorted([...delivered, ...culprits, ...isolation.undecided]), range(size))
}

/** No record was sent before an earlier one of its key was decided: after it went out without that one, that one never does. */
const assertKeyOrder = (runs: ReadonlyArray<Run>, key: (index: number) => string): void => {
  runs.forEach((run, at) => {
    assert.deepStrictEqual(run, sorted(run), "a run is in source order")
    for (const index of run) {
      for (const later of runs.slice(at + 1).flat()) {
        const overtaken = later < index && key(later) === key(index) && !run.includes(later)
        assert.isFalse(overtaken, `record ${index} was sent before ${later}, which has its key`)
      }
    }
  })
}

describe("Isolate: number of requests", () => {
  it("one bad record in 1,000 takes at most 12 requests with the refused batch, 12 on average, wherever it is", () => {
    const counts = range(1000).map((bad) => {
      const result = count(
        1000,
        independent((index) => index === bad)
      )
      assert.deepStrictEqual(result.culprits, [bad])
      assert.strictEqual(result.delivered, 999)
      return 1 + result.requests
    })
    const mean = counts.reduce((a, b) => a + b) / 1000
    // Promised: at most 21, and 16 on average.
    assert.isAtMost(Math.max(...counts), 12)
    assert.strictEqual(mean, 11.975)
  })

  it("where failures depend on each other, one bad record in 1,000 takes at most 14, each blame being proven by a request", () => {
    const counts = range(1000).map((bad) => {
      const result = count(
        1000,
        independent((index) => index === bad),
        { independent: false }
      )
      assert.deepStrictEqual(result.culprits, [bad])
      assert.strictEqual(result.delivered, 999)
      return 1 + result.requests
    })
    assert.isAtMost(Math.max(...counts), 14)
    assert.strictEqual(counts.reduce((a, b) => a + b) / 1000, 13.462)
  })

  it("k bad records in 1,000 take at most k (log2 (n / k) + 2.6) requests on average, and k (log2 (n / k) + 8) ever", () => {
    const random = numbers(4)
    for (const k of [2, 3, 5, 10, 20, 50, 100, 200]) {
      const counts = range(60).map(() => {
        const bad = sample(random, 1000, k)
        const result = count(
          1000,
          independent((index) => bad.has(index))
        )
        assert.deepStrictEqual(result.culprits, sorted([...bad]))
        return result.requests
      })
      const bits = Math.log2(1000 / k)
      const mean = counts.reduce((a, b) => a + b) / counts.length
      assert.isAtMost(mean, k * (bits + 2.6), `${k} culprits, mean`)
      assert.isAtMost(Math.max(...counts), k * (bits + 8), `${k} culprits, most`)
    }
  })

  it("two bad records among 20, 64 or 100 take at most 2 (log2 (n / 2) + 6) requests, wherever they are", () => {
    for (const size of [20, 64, 100]) {
      for (let one = 0; one < size; one++) {
        for (let other = one + 1; other < size; other++) {
          const result = count(
            size,
            independent((index) => index === one || index === other)
          )
          assert.deepStrictEqual(result.culprits, [one, other])
          assert.isAtMost(result.requests, 2 * (Math.log2(size / 2) + 6), `${one} and ${other} of ${size}`)
        }
      }
    }
  })

  it("n records never take more than n + n / 32 + 2 log2 n requests: every set of culprits in up to 13 records", () => {
    for (let size = 1; size <= 13; size++) {
      for (let set = 1; set < 1 << size; set++) {
        const result = count(
          size,
          independent((index) => ((set >> index) & 1) === 1)
        )
        assert.isAtMost(
          result.requests,
          size + size / 32 + 2 * Math.log2(size),
          `${size} records, culprits ${set.toString(2)}`
        )
        assert.deepStrictEqual(
          result.culprits,
          range(size).filter((index) => ((set >> index) & 1) === 1)
        )
        assert.strictEqual(result.delivered, size - result.culprits.length)
      }
    }
  })

  it("n records never take more than n + n / 32 + 2 log2 n requests: worse and worse sets of 200", () => {
    const random = numbers(9)
    const size = 200
    const requests = (bad: ReadonlyArray<boolean>) =>
      count(
        size,
        independent((index) => bad[index] === true)
      ).requests
    let most = 0
    for (const rate of [0.2, 0.35]) {
      let bad: ReadonlyArray<boolean> = range(size).map((index) => index === 0 || random() < rate)
      let worst = requests(bad)
      for (let tried = 0; tried < 400; tried++) {
        const at = Math.floor(random() * size)
        const width = 1 + Math.floor(random() * 3)
        const other = bad.map((value, index) => (index >= at && index < at + width ? !value : value))
        const cost = requests(other)
        if (cost >= worst) [bad, worst] = [other, cost]
      }
      most = Math.max(most, worst)
    }
    assert.isAtMost(most, size + size / 32 + 2 * Math.log2(size))
    assert.isAbove(most, size)
  })

  it("from two fifths bad on, records go one by one", () => {
    const random = numbers(6)
    for (const rate of [0.42, 0.5, 0.75, 1]) {
      const bad = range(1000).map(() => random() < rate)
      const result = count(
        1000,
        independent((index) => bad[index] === true)
      )
      assert.isAtMost(result.requests, 1000 + 1000 / 32 + Math.log2(1000), `${rate} bad`)
      const single = result.longest.filter((length) => length === 1).length
      assert.isAtLeast(single / result.requests, 0.95, `${rate} bad`)
    }
  })

  it("a fifth bad is still cheaper than one by one", () => {
    const random = numbers(8)
    const bad = sample(random, 1000, 200)
    assert.isAtMost(
      count(
        1000,
        independent((index) => bad.has(index))
      ).requests,
      800
    )
  })

  it("a bad stretch does not make the clean records behind it go one by one", () => {
    assert.isAtMost(
      count(
        1000,
        independent((index) => index < 3)
      ).requests,
      45
    )
    assert.isAtMost(
      count(
        1000,
        independent((index) => index < 30)
      ).requests,
      240
    )
    const random = numbers(5)
    for (let round = 0; round < 100; round++) {
      const bad = range(300).map((index) => index === 0 || random() < 0.38)
      assert.isAtMost(
        count(
          1000,
          independent((index) => bad[index] === true)
        ).requests,
        680
      )
    }
  })
})

describe("Isolate: names in the answer", () => {
  const first = (bad: Run): Run => bad.slice(0, 1)

  it("a named culprit takes one request: the others without it", () => {
    const result = count(
      1000,
      independent(
        (index) => index === 417,
        (bad) => bad
      )
    )
    assert.deepStrictEqual(result, { requests: 1, longest: [999], delivered: 999, culprits: [417] })
  })

  it("several named culprits take one request for the others, and one each", () => {
    const bad = [3, 40, 41, 999]
    const result = count(
      1000,
      independent(
        (index) => bad.includes(index),
        (named) => named
      )
    )
    assert.deepStrictEqual(result.culprits, bad)
    assert.strictEqual(result.requests, 5)
  })

  it("an answer that names only its first culprit takes two requests for each, and one for the last", () => {
    const bad = [3, 40, 41, 999]
    const result = count(
      1000,
      independent((index) => bad.includes(index), first)
    )
    assert.deepStrictEqual(result.culprits, bad)
    assert.strictEqual(result.requests, 7)
  })

  it("a name is not believed: a named record that passes alone is delivered", () => {
    const result = count(
      100,
      independent(
        (index) => index === 7,
        () => [5, 7, 9]
      )
    )
    assert.deepStrictEqual(result.culprits, [7])
    assert.strictEqual(result.delivered, 99)
  })

  it("an answer that always names the wrong record costs at most five requests more than one without names", () => {
    for (const bad of range(100)) {
      const honest = count(
        100,
        independent((index) => index === bad)
      ).requests
      const lying = count(
        100,
        independent(
          (index) => index === bad,
          (_, run) => run.filter((index) => index !== bad).slice(0, 1)
        )
      )
      assert.deepStrictEqual(lying.culprits, [bad])
      assert.strictEqual(lying.delivered, 99)
      assert.isAtMost(lying.requests, honest + 5)
    }
  })

  it("an answer that names every record, or none of the run, names nothing", () => {
    const plain = count(
      100,
      independent((index) => index === 30)
    )
    assert.deepStrictEqual(
      count(
        100,
        independent(
          (index) => index === 30,
          (_, run) => run
        )
      ),
      plain
    )
    assert.deepStrictEqual(
      count(
        100,
        independent(
          (index) => index === 30,
          () => [-1, 100, 4.5]
        )
      ),
      plain
    )
  })
})

const Case = Schema.Array(
  Schema.Struct({
    bad: Schema.Boolean,
    named: Schema.Boolean,
    key: Schema.Literals(["a", "b", "c", "d", "e"]),
    rare: Schema.Boolean
  })
).check(Schema.isBetweenLength(1, 40))

describe("Isolate: independent failures", () => {
  it.effect.prop(
    "every record is delivered once or blamed, the culprits are exactly the bad ones, and no record overtakes another of its key",
    { records: Case, honesty: Schema.Literals(["silent", "all", "first", "lying", "near"]) },
    Effect.fnUntraced(function* ({ records, honesty }) {
      // Culprits are rare in one case of two.
      const isBad = (index: number) =>
        records[index]?.bad === true && (honesty === "all" || records[index]?.rare === true)
      const answers = {
        silent: () => [],
        all: (bad: Run) => bad,
        first: (bad: Run) => bad.slice(0, 1),
        // Of short requests only, and not all.
        near: (bad: Run, run: Run) => (run.length > 8 ? [] : bad.filter((index) => records[index]?.named === true)),
        lying: (_: Run, run: Run) => run.filter((index) => records[index]?.named === true)
      }
      const judge = independent(isBad, answers[honesty])
      const all = judge(range(records.length))
      if (all._tag === "Passed") return
      const key = (index: number) => records[index]?.key ?? ""
      const runs: Array<Run> = []
      const isolation = yield* Isolate.isolate({
        size: records.length,
        independent: true,
        refused: all,
        key,
        send: recording(runs, judge)
      })
      assertBalanced(records.length, isolation)
      assert.deepStrictEqual(indicesOf(isolation).culprits, range(records.length).filter(isBad))
      assert.isUndefined(isolation.stopped)
      assert.strictEqual(isolation.requests, runs.length)
      assertKeyOrder(runs, key)
    }),
    { arbitrary: { runs: 400 } }
  )

  it.effect("no record overtakes another of its key, whatever the answers name", () =>
    Effect.gen(function* () {
      const random = numbers(12)
      for (let round = 0; round < 400; round++) {
        const records = range(4 + Math.floor(random() * 12)).map(() => ({
          bad: random() < 0.25,
          named: random() < 0.4,
          key: random() < 0.5 ? "a" : "b"
        }))
        const isBad = (index: number) => records[index]?.bad === true
        const key = (index: number) => records[index]?.key ?? ""
        const longest = 2 + Math.floor(random() * records.length)
        const judge = independent(isBad, (_, run) =>
          run.length > longest ? [] : run.filter((index) => records[index]?.named === true)
        )
        const all = judge(range(records.length))
        if (all._tag === "Passed") continue
        const runs: Array<Run> = []
        const size = records.length
        const isolation = yield* Isolate.isolate({
          size,
          independent: true,
          refused: all,
          key,
          send: recording(runs, judge)
        })
        assert.deepStrictEqual(indicesOf(isolation).culprits, range(size).filter(isBad))
        assertKeyOrder(runs, key)
      }
    })
  )

  it.effect("a culprit carries what was said about it, with no other culprit in the request", () =>
    Effect.gen(function* () {
      const random = numbers(3)
      for (let round = 0; round < 50; round++) {
        const bad = sample(random, 64, 1 + Math.floor(random() * 6))
        const judge: Judge = (run) => {
          const culprits = run.filter((index) => bad.has(index))
          return culprits.length === 0 ? Isolate.passed("ok") : Isolate.refused({ detail: culprits.join(",") })
        }
        const isolation = yield* Isolate.isolate({
          size: 64,
          independent: true,
          refused: Isolate.refused({ detail: "all" }),
          send: (run) => Effect.sync(() => judge(run))
        })
        for (const { culprits, partners } of isolation.blames) {
          assert.deepStrictEqual(partners, [])
          const [culprit] = culprits
          const said = bad.size === 1 && culprit?.detail === "all" ? String(culprit.index) : culprit?.detail
          assert.strictEqual(said, String(culprit?.index))
        }
      }
    })
  )
})

interface Change {
  readonly id: string
  readonly email: string | undefined
}

/** A business that takes all changes of a request or none, and where each address belongs to one customer. */
const business = (customers: Readonly<Record<string, string>>, batch: ReadonlyArray<Change>) => {
  const state = new Map(Object.entries(customers))
  const writes: Array<number> = []
  const fits = (run: Run): boolean => {
    const changes = run.flatMap((index) => batch[index] ?? [])
    if (new Set(changes.map(({ id }) => id)).size < changes.length) return false
    if (changes.some(({ id }) => !state.has(id))) return false
    const end = new Map(state)
    for (const { id, email } of changes) if (email !== undefined) end.set(id, email)
    return new Set(end.values()).size === end.size
  }
  const judge: Judge = (run) => {
    if (!fits(run)) return Isolate.refused({ detail: detail(run) })
    for (const index of run) {
      const change = batch[index]
      if (change?.email !== undefined) state.set(change.id, change.email)
      writes.push(index)
    }
    return Isolate.passed("ok")
  }
  return { state, writes, fits, judge }
}

const isolateChanges = Effect.fnUntraced(function* (
  customers: Readonly<Record<string, string>>,
  batch: ReadonlyArray<Change>,
  claims: "known" | "unknown" = "known",
  named: Run = []
) {
  const server = business(customers, batch)
  assert.isFalse(server.fits(range(batch.length)), "the batch as a whole is refused")
  const runs: Array<Run> = []
  const isolation = yield* Isolate.isolate({
    size: batch.length,
    independent: false,
    refused: Isolate.refused({ detail: "all", named }),
    key: (index) => batch[index]?.id ?? "",
    claims:
      claims === "known"
        ? (index) => (batch[index]?.email === undefined ? [] : [`email:${batch[index].email}`])
        : undefined,
    send: recording(runs, server.judge)
  })
  assertBalanced(batch.length, isolation)
  const { delivered } = indicesOf(isolation)
  assert.deepStrictEqual(server.writes, delivered, "delivered is what was applied, once, in that order")
  assertKeyOrder(runs, (index) => batch[index]?.id ?? "")
  return { server, isolation, runs, ...indicesOf(isolation) }
})

const people = (count: number): Readonly<Record<string, string>> =>
  Object.fromEntries(range(count).map((index) => [`c${index}`, `old${index}@x`]))

const moves = (count: number, other: Readonly<Record<number, Partial<Change>>> = {}): ReadonlyArray<Change> =>
  range(count).map((index) => ({ id: `c${index}`, email: `new${index}@x`, ...other[index] }))

describe("Isolate: failures that depend on each other", () => {
  it.effect("two records with one address are named together: the first is applied, the second refused", () =>
    Effect.gen(function* () {
      const batch = moves(500, { 20: { email: "same@x" }, 400: { email: "same@x" } })
      const { isolation, delivered, runs } = yield* isolateChanges(people(500), batch)
      assert.deepStrictEqual(isolation.blames, [
        { culprits: [{ index: 400, detail: "refused 400", proof: "Alone" }], partners: [20] }
      ])
      assert.strictEqual(delivered.length, 499)
      assert.strictEqual(runs.length, 2)
    })
  )

  it.effect("two pairs take one request for the others and one for each pair", () =>
    Effect.gen(function* () {
      const batch = moves(500, {
        20: { email: "same@x" },
        30: { email: "like@x" },
        400: { email: "same@x" },
        410: { email: "like@x" }
      })
      const { isolation, runs } = yield* isolateChanges(people(500), batch)
      assert.deepStrictEqual(
        isolation.blames.map(({ culprits, partners }) => [culprits.map(({ index }) => index), partners]),
        [
          [[400], [20]],
          [[410], [30]]
        ]
      )
      assert.strictEqual(runs.length, 3)
    })
  )

  it.effect(
    "where claims are not known, the second of the two is blamed, and the report does not say that it is alone",
    () =>
      Effect.gen(function* () {
        const batch = moves(500, { 20: { email: "same@x" }, 400: { email: "same@x" } })
        const { isolation, delivered } = yield* isolateChanges(people(500), batch, "unknown")
        assert.deepStrictEqual(isolation.blames, [
          { culprits: [{ index: 400, detail: "refused 400", proof: "Alone" }], partners: undefined }
        ])
        assert.strictEqual(delivered.length, 499)
        assert.isAtMost(isolation.requests, 13)
      })
  )

  it.effect("where the answer names the two, they are named together without known claims", () =>
    Effect.gen(function* () {
      const batch = moves(500, { 20: { email: "same@x" }, 400: { email: "same@x" } })
      const { isolation, runs } = yield* isolateChanges(people(500), batch, "unknown", [20, 400])
      assert.deepStrictEqual(
        isolation.blames.map(({ culprits, partners }) => [culprits.map(({ index }) => index), partners]),
        [[[400], [20]]]
      )
      assert.strictEqual(runs.length, 3)
    })
  )

  it.effect("three that want one address, which somebody outside of the batch has, are blamed together", () =>
    Effect.gen(function* () {
      const taken = { email: "outside@x" }
      const { isolation, delivered } = yield* isolateChanges(
        { ...people(40), other: "outside@x" },
        moves(40, { 3: taken, 9: taken, 33: taken })
      )
      assert.deepStrictEqual(
        isolation.blames.map(({ culprits, partners }) => [culprits.map(({ index }) => index), partners]),
        [[[3, 9, 33], []]]
      )
      assert.strictEqual(delivered.length, 37)
    })
  )

  it.effect("the same id twice is nobody's fault: both are applied, in order", () =>
    Effect.gen(function* () {
      const batch = moves(50, { 30: { id: "c10" } })
      for (const claims of ["known", "unknown"] as const) {
        const { isolation, server } = yield* isolateChanges(people(50), batch, claims)
        assert.deepStrictEqual(isolation.blames, [])
        assert.strictEqual(server.state.get("c10"), "new30@x")
      }
    })
  )

  it.effect(
    "an address that becomes free later in the batch is taken then, though an unknown id spoils the batch",
    () =>
      Effect.gen(function* () {
        for (const claims of ["known", "unknown"] as const) {
          // Each takes the address of the next one.
          const chain = Object.fromEntries(range(9).map((index) => [index, { email: `old${index + 1}@x` }]))
          const batch = moves(60, { ...chain, 40: { id: "nobody" } })
          const { culprits, server } = yield* isolateChanges(people(60), batch, claims)
          assert.deepStrictEqual(culprits, [40])
          assert.strictEqual(server.state.get("c0"), "old1@x")
        }
      })
  )

  it.effect("a chain of moves that is cut in many places is untangled from its end, with few requests", () =>
    Effect.gen(function* () {
      // Every other record takes the address of the next of its kind; between them are unknown ids.
      const links = range(15).map((index) => [2 * index, { email: `old${2 * index + 2}@x` }])
      const strangers = [5, 13, 23].map((index) => [index, { id: `nobody${index}` }])
      const batch = moves(40, Object.fromEntries([...links, ...strangers]))
      const { culprits, isolation, server } = yield* isolateChanges(people(40), batch)
      assert.deepStrictEqual(culprits, [5, 13, 23])
      assert.strictEqual(server.state.get("c0"), "old2@x")
      assert.isAtMost(isolation.requests, 70)
    })
  )

  it.effect("two that swap addresses and are cut apart are sent together again", () =>
    Effect.gen(function* () {
      const batch = moves(64, {
        1: { email: "old62@x" },
        62: { email: "old1@x" },
        40: { id: "nobody", email: undefined }
      })
      const { culprits, isolation, server } = yield* isolateChanges(people(64), batch)
      assert.strictEqual(isolation.requests, 27)
      assert.deepStrictEqual(culprits, [40])
      assert.strictEqual(server.state.get("c1"), "old62@x")
      assert.strictEqual(server.state.get("c62"), "old1@x")
    })
  )

  const Changes = Schema.Array(
    Schema.Struct({
      // Some ids are not in the business; some addresses are those of other customers.
      id: Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
      email: Schema.UndefinedOr(
        Schema.Literals([0, 1, 2, 3, 4, 5, 6, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32])
      )
    })
  ).check(Schema.isBetweenLength(2, 24))

  it.effect.prop(
    "no innocent record is blamed, what is blamed could not be applied at the end, and a pair is named together",
    { changes: Changes, claims: Schema.Literals(["known", "unknown"]), repeated: Schema.Boolean },
    Effect.fnUntraced(function* ({ changes, claims, repeated }) {
      const seen = new Set<number>()
      const batch = changes
        .filter(({ id }) => repeated || (!seen.has(id) && seen.add(id)))
        .map(({ id, email }): Change => ({ id: `c${id}`, email: email === undefined ? undefined : `old${email}@x` }))
      const customers = people(16)
      if (batch.length < 2 || business(customers, batch).fits(range(batch.length))) return
      const { server, isolation, culprits } = yield* isolateChanges(customers, batch, claims)
      const holders = new Map(Object.entries(customers).map(([id, email]) => [email, id]))
      const isCulprit = new Set(culprits)
      batch.forEach(({ id, email }, index) => {
        if (!isCulprit.has(index)) return
        const shares = batch.some((other, at) => at !== index && email !== undefined && other.email === email)
        const held = email !== undefined && holders.has(email) && holders.get(email) !== id
        assert.isTrue(!server.state.has(id) || shares || held, `record ${index} is innocent`)
        if (!repeated) assert.isFalse(server.fits([index]), `record ${index} could be applied`)
      })
      for (const { culprits, partners } of isolation.blames) {
        if (claims === "unknown") {
          assert.isUndefined(partners)
          continue
        }
        const emails = new Set(culprits.map(({ index }) => batch[index]?.email))
        const others = range(batch.length).filter((index) => {
          const email = batch[index]?.email
          return email !== undefined && emails.has(email)
        })
        const named = [...culprits.map(({ index }) => index), ...(partners ?? [])]
        assert.includeMembers(named, others, "all that share the address are named together")
      }
    }),
    { arbitrary: { runs: 600 } }
  )
})

class Broken extends Schema.TaggedError<Broken>()("Broken", { at: Schema.Int }) {}

describe("Isolate: ending early", () => {
  const bad = new Set([11, 12, 47, 80])
  const judge = independent((index) => bad.has(index))
  const refused = Isolate.refused({ detail: "all" })

  it.effect("the budget is shared by all isolations, never overdrawn, and what is undecided is said", () =>
    Effect.gen(function* () {
      const whole = count(100, judge).requests
      for (let requests = 0; requests <= whole; requests++) {
        const budget = yield* Isolate.makeBudget({ requests: 2 * requests })
        const runs: Array<Run> = []
        const one = Isolate.isolate({
          size: 100,
          independent: true,
          refused,
          budget,
          send: (run) => Effect.tap(recording(runs, judge)(run), () => Effect.yieldNow)
        })
        const both = yield* Effect.all([one, one], { concurrency: 2 })
        assert.strictEqual(runs.length, 2 * requests)
        assert.isFalse(yield* budget.take)
        for (const isolation of both) {
          assertBalanced(100, isolation)
          assert.isTrue(indicesOf(isolation).culprits.every((index) => bad.has(index)))
          assert.strictEqual(isolation.stopped?._tag, requests === whole ? undefined : "BudgetSpent")
          assert.strictEqual(isolation.undecided.length > 0, requests < whole)
        }
      }
    })
  )

  it.effect("an error at any request loses nothing and says what was in flight", () =>
    Effect.gen(function* () {
      const whole = count(100, judge).requests
      for (let at = 0; at < whole; at++) {
        let sent = 0
        const isolation = yield* Isolate.isolate({
          size: 100,
          independent: true,
          refused,
          send: (run) =>
            Effect.suspend(() => (sent++ === at ? Effect.fail(new Broken({ at })) : Effect.succeed(judge(run))))
        })
        assertBalanced(100, isolation)
        const { stopped } = isolation
        assert(stopped?._tag === "SendFailed")
        assert.strictEqual(stopped.error.at, at)
        assert.includeMembers([...isolation.undecided], [...stopped.inFlight])
        assert.strictEqual(isolation.requests, at)
        assert.isTrue(indicesOf(isolation).culprits.every((index) => bad.has(index)))
      }
    })
  )

  it.effect(
    "an error while a refused record is tried once more leaves it undecided, because it may have been applied",
    () =>
      Effect.gen(function* () {
        let alone = 0
        const isolation = yield* Isolate.isolate({
          size: 10,
          independent: false,
          refused,
          send: Effect.fnUntraced(function* (run) {
            if (!run.includes(4)) return Isolate.passed("ok")
            if (run.length === 1 && alone++ > 0) return yield* new Broken({ at: 4 })
            return Isolate.refused({ detail: "4" })
          })
        })
        assertBalanced(10, isolation)
        assert.strictEqual(alone, 2)
        assert.deepStrictEqual(isolation.undecided, [4])
        assert.deepStrictEqual(isolation.blames, [])
      })
  )

  it.effect("a batch of one is its own culprit, without a request", () =>
    Effect.gen(function* () {
      for (const isIndependent of [true, false]) {
        const isolation = yield* Isolate.isolate({
          size: 1,
          independent: isIndependent,
          refused: Isolate.refused({ detail: "all", named: [0] }),
          send: () => Effect.die("nothing is to be sent")
        })
        assert.deepStrictEqual(isolation.blames[0]?.culprits, [{ index: 0, detail: "all", proof: "Alone" }])
        assert.strictEqual(isolation.requests, 0)
      }
    })
  )
})
