/**
 * What the bench makes of what it measured: shares, ratios of the same round, and which goals are judged by what.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Goals from "../bench/Goals.ts"
import * as Latency from "../bench/Latency.ts"
import * as Repeated from "../bench/Repeated.ts"
import type * as Runner from "../bench/Runner.ts"
import * as Statistics from "../bench/Statistics.ts"
import * as Sweep from "../bench/Sweep.ts"
import * as Table from "../bench/Table.ts"

const run = (of: Partial<Runner.Run>): Runner.Run => ({
  records: 1_000_000,
  wall: 1000,
  user: 0,
  system: 0,
  peak: 100,
  beyond: undefined,
  allocated: undefined,
  latency: 0,
  busy: 1000,
  ...of
})

const outcomes = (verdicts: ReadonlyArray<Goals.Verdict>) => verdicts.map(({ reached }) => reached)

const round = (value: number) => Math.round(value * 1e6) / 1e6

const spread = (median: number, min = median, max = median) => ({ median, min, max })

describe("the table", () => {
  const options = { records: 1_000_000, batch: 500, concurrency: 8, latency: 20 }
  const floors = (first: number, second: number) =>
    [run({ wall: first, user: first / 2 }), run({ wall: second, user: second / 2 })] as const
  const rounds = [
    // A round in which everything took twice as long.
    {
      floors: floors(2000, 4000),
      others: {
        patchbay: run({ wall: 1500, user: 1200, system: 300, peak: 150 }),
        memory: run({ user: 4000 }),
        "patchbay-memory": run({ user: 3000, system: 800, beyond: 50 }),
        script: run({ wall: 9000 }),
        elasticsearch: run({ wall: 4500 })
      }
    },
    {
      floors: floors(1000, 2000),
      others: {
        patchbay: run({ wall: 750, user: 500, system: 250, peak: 190 }),
        memory: run({ user: 2000 }),
        "patchbay-memory": run({ user: 2000, system: 300, beyond: 72 }),
        script: run({ wall: 3000 }),
        elasticsearch: run({ wall: 1500 })
      }
    }
  ]
  const summaries = Table.summarise(options, rounds, new Map([["patchbay", 350]]))

  it("has each contender over the floor of its own round, of which there are two", () => {
    assert.deepStrictEqual(
      summaries.map(({ id }) => id),
      ["floor", "script", "patchbay", "memory", "patchbay-memory", "elasticsearch"]
    )
    const patchbay = summaries.find(({ id }) => id === "patchbay")
    assert.deepStrictEqual(patchbay?.cpuRatio, spread(1))
    assert.deepStrictEqual(patchbay?.wallRatio, spread(0.5))
    assert.deepStrictEqual(patchbay?.cpu, spread(1.125, 0.75, 1.5))
    assert.deepStrictEqual(patchbay?.peak, spread(170, 150, 190))
    assert.strictEqual(patchbay?.allocated, 350)
    // 1.125 µs a record; 8 times 500 records in 20 ms are 200,000 a second.
    assert.strictEqual(round(patchbay?.recordsPerSecond ?? 0), round(1e6 / 1.125))
    assert.strictEqual(round(patchbay?.ofPossible ?? 0), round(1e6 / 1.125 / 200_000))
    const fromMemory = summaries.find(({ id }) => id === "patchbay-memory")
    assert.deepStrictEqual(fromMemory?.cpuRatio, spread((0.95 + 1.15) / 2, 0.95, 1.15))
    assert.deepStrictEqual(fromMemory?.beyond, spread(61, 50, 72))
    const floor = summaries[0]?.cpuRatio
    assert.deepStrictEqual(
      [floor?.min, floor?.max].map((value) => round(value ?? 0)),
      [round(2 / 3), round(4 / 3)]
    )
  })

  it("judges Patchbay by its ratios and its peak, and peers by the throughput in the same round", () => {
    const verdicts = Table.judge(options, rounds, summaries)
    assert.deepStrictEqual(outcomes(verdicts), [
      true,
      true,
      true,
      false,
      true,
      undefined,
      false,
      undefined,
      false,
      undefined,
      undefined
    ])
    assert.deepStrictEqual(
      verdicts.map(({ measured }) => measured),
      [
        "1.00 (1.00–1.00)",
        "0.50 (0.50–0.50)",
        "5.00 (4.00–6.00)",
        "2.50 (2.00–3.00)",
        "170 MB",
        "not measured",
        "1.05 (0.95–1.15)",
        "not measured",
        "61 MB",
        "not measured",
        "not measured"
      ]
    )
    const shorter = Table.judge({ records: 999_999 }, rounds, summaries)
    assert.deepStrictEqual(outcomes(shorter), Array(11).fill(undefined))
    assert.strictEqual(shorter[0]?.measured, "1.00 (1.00–1.00) at 999,999 records")
    assert.strictEqual(shorter[5]?.measured, "not measured")
  })

  it("judges what is compressed or in UTF-16 by the plain file's CPU in the same round, less what gunzip takes", () => {
    const dressed = rounds.map(({ floors, others }) => ({
      floors,
      others: {
        ...others,
        gunzip: run({ user: 500 }),
        "patchbay-gzip": run({ user: others.patchbay.user + others.patchbay.system + 500 }),
        "patchbay-utf16": run({ user: 2 * (others.patchbay.user + others.patchbay.system) })
      }
    }))
    const [gzip, utf16] = Table.judge(options, dressed, summaries).slice(-2)
    assert.deepStrictEqual([gzip?.reached, gzip?.measured], [true, "1.00 (1.00–1.00)"])
    assert.deepStrictEqual([utf16?.reached, utf16?.measured], [false, "2.00 (2.00–2.00)"])
  })
})

describe("a flight", () => {
  const lengths = [
    [0, 8, 800_000],
    // In 40 seconds; a million with a latency of 200 ms would take 400.
    [20, 1, 1_000_000],
    [200, 1, 25_000],
    // In 10 seconds; more in a shorter time is not sent.
    [200, 64, 1_600_000],
    [20, 8, 2_000_000],
    [20, 64, 2_000_000],
    // 20 answers for each connection.
    [5_000, 4, 40_000]
  ] as const
  for (const [latency, inFlight, expected] of lengths) {
    it(`with ${latency} ms of latency and ${inFlight} in flight sends ${expected} records`, () => {
      assert.strictEqual(Latency.flightLength(500, latency, inFlight), expected)
    })
  }

  const of = { batch: 500, concurrency: 2, latency: 20, records: 1_000_000 }
  // At 50,000 records a second they take 20 seconds.
  const flight = Latency.flight(of, {
    floor: [run({ busy: 40_000 })],
    wire: [run({ busy: 20_000 }), run({ busy: 20_000 }), run({ busy: 25_000 })],
    patchbay: [
      run({ busy: 20_000, latency: 20 }),
      run({ busy: 25_000, latency: 25 }),
      run({ busy: 25_000, latency: 20 })
    ]
  })

  it("is a share of what was asked for, of what there was, and of the sockets of its round", () => {
    assert.strictEqual(flight.possible, 50_000)
    assert.strictEqual(flight.floor, 25_000)
    assert.strictEqual(flight.wire, 50_000)
    assert.strictEqual(flight.patchbay, 40_000)
    assert.deepStrictEqual(flight.ofPossible, spread(0.8, 0.8, 1))
    assert.deepStrictEqual(flight.ofReally, spread(1, 0.8, 1))
    assert.deepStrictEqual(flight.ofWire, spread(1, 0.8, 1))
  })

  it("is judged by the worst, unless the machine is the limit", () => {
    // What the machine can do: 400,000 a second.
    const free = Latency.flight({ ...of, latency: 0 }, { floor: [], wire: [], patchbay: [run({ busy: 2_500 })] })
    const worse = { ...flight, ofReally: spread(0.9), ofWire: spread(0.96) }
    const limited = { ...flight, possible: 200_001, ofReally: spread(0.5), ofWire: spread(0.5) }
    assert.deepStrictEqual(outcomes(Latency.goalsOf([free, flight], 1)), [true, true])
    assert.deepStrictEqual(outcomes(Latency.goalsOf([free, flight, worse], 1)), [false, true])
    assert.deepStrictEqual(outcomes(Latency.goalsOf([free, flight, limited], 1)), [true, true])
    assert.deepStrictEqual(outcomes(Latency.goalsOf([free, flight, { ...limited, possible: 200_000 }], 1)), [
      false,
      false
    ])
    assert.deepStrictEqual(outcomes(Latency.goalsOf([free], 1)), [undefined, undefined])
  })
})

describe("customers who come again", () => {
  const run = (customers: string, ratio: number, possible = 1): Repeated.Run => ({
    ...{ customers, sameKey: "keep", settle: 50, took: 1000 },
    ...{ ratio, possible }
  })

  it("are judged by the least throughput of all, in parts of what the hottest customer leaves", () => {
    const once = run("once", 1)
    for (const [runs, reached] of [
      [[once, run("twice", 0.9), run("zipf", 0.8)], true],
      [[once, run("twice", 0.9), run("zipf", 0.79)], false],
      [[once, run("twice", 0.9), run("zipf", 0.08, 0.1)], true],
      [[once, run("twice", 0.9), run("zipf", 0.07, 0.1)], false],
      [[once], undefined]
    ] as const) {
      assert.deepStrictEqual(outcomes(Repeated.goalsOf(runs)), [reached])
    }
  })

  it("have a row for each sync", () => {
    const options = { records: 100_000, batch: 100, settles: [50], virtual: false }
    const text = Repeated.format({ runs: [run("zipf", 0.08, 0.1)], goals: [] }, options)
    assert.match(text, /^100,000 records, 100 to a batch, 8 in flight, 20 ms a request, over a socket/)
    assert.match(text, /\nzipf +keep +50 +1\.0 +8 % +10 %\n/)
  })
})

describe("a sweep", () => {
  const size = (records: number, cpu: number, peak: number) =>
    Sweep.sizeOf(records, {
      floor: [run({ records, user: records, system: records })],
      patchbay: [1, 2, 3].map((times) => run({ records, user: (cpu * records * times) / 2000, peak: peak * times })),
      "patchbay-bounded": [run({ records, peak: peak - 1 })]
    })

  it("has the medians of each length", () => {
    assert.deepStrictEqual(size(10_000, 2, 60), {
      records: 10_000,
      patchbay: spread(2, 1, 3),
      floor: spread(2000),
      peak: spread(120, 60, 180),
      bounded: spread(59)
    })
  })

  it("is judged by 10 million records over 1 million", () => {
    const one = size(1_000_000, 1, 50)
    assert.deepStrictEqual(outcomes(Sweep.goalsOf([one, size(10_000_000, 1.05, 55)])), [true, true, true, true, false])
    assert.deepStrictEqual(outcomes(Sweep.goalsOf([one, size(10_000_000, 1.06, 56)])), [
      false,
      true,
      false,
      true,
      false
    ])
    assert.deepStrictEqual(outcomes(Sweep.goalsOf([size(100_000, 1, 50), one])), [
      undefined,
      true,
      undefined,
      true,
      undefined
    ])
    assert.deepStrictEqual(outcomes(Sweep.goalsOf([size(100_000, 1, 50)])), Array(5).fill(undefined))
  })
})

it("what was measured in turns is over the first one of the same round", () => {
  assert.deepStrictEqual(
    Statistics.overFirst([
      [100, 200, 400],
      [110, 200, 800]
    ]),
    [
      { time: spread(200, 100, 400), ratio: spread(1) },
      { time: spread(200, 110, 800), ratio: spread(1.1, 1, 2) }
    ]
  )
})
