/**
 * That the pipeline has not become slower: `npm run bench` measures how fast it is.
 *
 * To set new figures, run the tests: what fails says what was measured.
 */
import { execFile } from "node:child_process"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Counted, type Stage, stages, type Timed } from "../bench/WorkReport.ts"

const script = join(resolve(import.meta.dirname, "../.."), "test/bench/Work.ts")

const measure = (what: string, flags: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=source", ...flags, script, what])
    return JSON.parse(stdout) as unknown
  })

// It is what `Work.ts` prints.
const counted = Effect.map(measure("count", ["--no-opt", "--no-maglev"]), (report) => report as Counted)
// With a young generation this large, little is collected while it is counted.
const roomy = ["--min-semi-space-size=128", "--max-semi-space-size=128"]
const timed = Effect.map(measure("time", roomy), (report) => report as Timed)

// Blocks of code that a record takes; the same in every run but for `everything`, where it varies by a hundredth.
const blocks: Counted["blocks"] = {
  read: 230,
  // Writes its texts itself, byte by byte; what `JSON.stringify` does is not counted.
  encode: 374,
  // Besides what the program in `assembly/` does, which V8 does not count.
  transcode: 17.3,
  transcodeNdjson: 17.3,
  batch: 12.6,
  dispatch: 13,
  everything: 33.5
}
// What V8 has optimised by then varies: 420 to 500.
const allocated = 470
const cpuOverFloor = 0.95

/** Fails on more than a little above, and where so much was won that the figure would let it be lost again. */
const assertNear = (what: string, measured: number, figure: number, room: number) => {
  assert.isAtMost(measured, figure * (1 + room) + 0.25, `${what}: ${measured.toFixed(1)}, and it was ${figure}`)
  assert.isAtLeast(
    measured,
    figure * 0.6 - 0.25,
    `${what}: ${measured.toFixed(1)} is so good that ${figure} is outdated`
  )
}

describe("the work that a record takes", () => {
  it.live("is no more code in any stage than it was, as much late in a run as early, and the same requests", () =>
    Effect.gen(function* () {
      const report = yield* counted
      // Its properties are the stages, which the type of `keys` forgets.
      for (const stage of Object.keys(stages) as ReadonlyArray<Stage>)
        assertNear(`blocks of code to ${stage}`, report.blocks[stage], blocks[stage], 0.05)
      // The first block grows, and how many writes of the checkpoint come together varies: up to 0.13 on a busy machine.
      assert.closeTo(report.flatness, 1, 0.15)
      assert.strictEqual(report.requests, report.records / 500)
      assert.strictEqual(report.bytes, report.bytesExpected)
    })
  )

  it.live("is no more memory, and no more CPU over the floor's loop in the same process", () =>
    Effect.gen(function* () {
      const report = yield* timed
      assertNear("bytes allocated", report.allocated, allocated, 0.15)
      // A machine that is busy with other work shows up to a fifth more.
      assert.isAtMost(report.cpuOverFloor, cpuOverFloor * 1.5)
    })
  )
})
