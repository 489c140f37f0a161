/**
 * That the bench says what it was asked, loses nothing, and judges rightly. What it measures is for `npm run bench`.
 */
import { execFile } from "node:child_process"
import { join, resolve } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import type { Job } from "../bench/Contender.ts"
import * as Customers from "../bench/Customers.ts"
import * as Goals from "../bench/Goals.ts"
import * as Runner from "../bench/Runner.ts"
import * as Statistics from "../bench/Statistics.ts"
import * as Yardstick from "../bench/Yardstick.ts"

const main = join(resolve(import.meta.dirname, "../bench"), "main.ts")

interface Told {
  readonly code: number
  readonly out: string
  readonly error: string
}

// Where no npm is found, nothing can be built.
const env = { PATH: "", npm_execpath: "" }

const bench = (...args: ReadonlyArray<string>): Promise<Told> =>
  new Promise((done) => {
    const nodeArgs = ["--disable-warning=ExperimentalWarning", main, ...args]
    const child = execFile(process.execPath, nodeArgs, { env }, (_, out, error) =>
      done({ code: child.exitCode ?? -1, out, error })
    )
  })

const mode: Runner.Mode = { source: false, profile: undefined }

const withJob = <A>(records: number, use: (job: Job) => Promise<A>): Promise<A> =>
  Runner.withFolder((folder) =>
    Runner.withServer(5, async (url) => {
      const csv = join(folder, "customers.csv")
      await Customers.write({ records, seed: 1, csv, ndjson: undefined })
      return use({ url, csv, ndjson: "", records, seed: 1, batch: 500, concurrency: 2, folder: join(folder, "run") })
    })
  )

afterAll(Runner.cleanUp)

describe("npm run bench", () => {
  const refused = [
    [["--rounds", "0"], "--rounds must be a whole number of at least 1, not 0."],
    [["sweep", "--records", "many"], "--records must be a whole number of at least 1, not many."],
    [["start", "--seed", "-1"], "--seed"],
    [["latency", "--concurrency", "0"], "--concurrency must be a whole number of at least 1, not 0."],
    [["--only", "patchbay,nobody"], "No contender is named nobody. There are floor, wire, script,"],
    [["--fast"], "--fast"],
    [["sweep", "--latency", "20"], "--latency is not for sweep."],
    [["latency", "--only", "patchbay"], "--only is not for latency."],
    [["all"], "There is no all. There are table, sweep, latency, start, repeated."]
  ] as const
  for (const [args, message] of refused) {
    it(`refuses ${args.join(" ")} before anything is built`, async () => {
      const { code, error, out } = await bench(...args)
      assert.include(error, message)
      assert.strictEqual(out, "")
      assert.strictEqual(code, 1)
    })
  }

  it("tells what it can be asked", async () => {
    const { code, error, out } = await bench("--help")
    assert.strictEqual(error, "")
    assert.strictEqual(code, 0)
    for (const option of ["--records n", "--only a,b", "--json", "sweep", "latency", "start"])
      assert.include(out, option)
  })
})

describe("a run of a contender", () => {
  for (const id of ["floor", "wire", "memory", "memory-undated"]) {
    it(`${id} sends every record, in batches`, () =>
      withJob(1_250, async (job) => {
        const { beyond, busy, latency, peak, records } = await Runner.run(id, job, mode)
        assert.strictEqual(records, 1_250)
        // Three requests, two at once.
        assert.isAtLeast(latency, 4)
        assert.isAtLeast(busy, 2 * 4)
        assert.isAbove(peak, 10)
        // Where it starts from objects; Linux alone tells.
        const isTold = id.startsWith("memory") && process.platform === "linux"
        assert.strictEqual(beyond !== undefined && beyond >= 0 && beyond < peak, isTold)
      }))
  }

  it("fails where records were lost", () =>
    withJob(700, async (job) => {
      const failure = await Runner.run("floor", { ...job, records: 701 }, mode).catch((error: unknown) => error)
      assert.match(String(failure), /of 701 records, 700 were handled and 700 arrived/)
    }))
})

describe("goals", () => {
  const spread = (...values: ReadonlyArray<number>) => Statistics.spread(values)
  const cases = [
    [Goals.cpu(spread(1, 1.25, 2), 1_000_000), true],
    [Goals.cpu(spread(1.26), 1_000_000), false],
    [Goals.cpu(spread(1.26), 999_999), undefined],
    [Goals.cpu(undefined, 1_000_000), undefined],
    [Goals.script(spread(4), 1_000_000), true],
    [Goals.script(spread(3.99), 1_000_000), false],
    [Goals.peak("as Node is", spread(200), 1_000_000), true],
    [Goals.peak("as Node is", spread(201), 1_000_000), false],
    [Goals.peak("as Node is", spread(100), 999_999), undefined],
    [Goals.fromMemory("with dates", spread(1), 1, 1_000_000), true],
    [Goals.fromMemory("with dates", spread(1.01), 1, 1_000_000), false],
    [Goals.fromMemory("without dates", spread(0.9), 0.9, 999_999), undefined],
    [Goals.beyond(spread(60), 1_000_000), true],
    [Goals.beyond(spread(61), 1_000_000), false],
    [Goals.ofPossible(spread(95), 1), true],
    [Goals.ofPossible(spread(94.9), 1), false],
    // 2.1 ms instead of 1.05 beside 20.
    [Goals.ofPossible(spread(91), 2), true],
    [Goals.ofPossible(spread(89.9), 2), false],
    [Goals.ofWire(spread(94.9)), false],
    [Goals.firstRequest("bundled", spread(150), 1), true],
    [Goals.firstRequest("bundled", spread(151), 1), false],
    [Goals.firstRequest("bundled", spread(300), 2), true],
    [Goals.firstRequest("bundled", spread(301), 2), false],
    [Goals.importing(spread(1.1)), true]
  ] as const
  for (const [{ goal, measured, reached, what }, expected] of cases) {
    it(`${what}: ${measured} of ${goal}`, () => {
      assert.strictEqual(reached, expected)
      const word = reached === undefined ? "open" : reached ? "reached" : "missed"
      assert.match(
        Goals.format([{ goal, measured, reached, what }]),
        new RegExp(`^Goals:\n {2}${word} +${what.slice(0, 6)}`)
      )
    })
  }

  it("in milliseconds are for a machine on which the least slowed of three contenders takes as long as there", () => {
    const { contenders, scale } = Yardstick.of({ floor: [9.5, 9.5], script: [30, 15], elasticsearch: [12, 20] })
    assert.deepStrictEqual(
      contenders.map(({ ratio }) => ratio),
      [5, 3, 2]
    )
    assert.strictEqual(scale, 2)
    const fast = Yardstick.of({ floor: [1], script: [4], elasticsearch: [4] })
    assert.strictEqual(fast.scale, 1, "they are never made harder")
    assert.include(Yardstick.format(fast), "times the least of these, 1.0")
  })

  it("the median is the middle one, or between the two in the middle", () => {
    assert.deepStrictEqual(spread(9, 1, 2), { median: 2, min: 1, max: 9 })
    assert.deepStrictEqual(spread(4, 1, 2, 9), { median: 3, min: 1, max: 9 })
  })
})
