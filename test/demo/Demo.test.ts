import { execFile } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Customers from "../../src/demo/Customers.ts"
import * as Seeded from "../../src/sandbox/Seeded.ts"

const main = resolve(import.meta.dirname, "../../src/demo/main.ts")

/** Runs the demo in a folder of its own. */
const demo = (...args: ReadonlyArray<string>) =>
  Effect.acquireUseRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "patchbay-demo-"))),
    (cwd) =>
      Effect.promise(async () => {
        const { stderr, stdout } = await promisify(execFile)(process.execPath, [main, ...args], {
          cwd,
          timeout: 120_000
        })
        const letters = readFileSync(join(cwd, ".patchbay/demo/dead-letters.ndjson"), "utf8").trimEnd().split("\n")
        return { stdout, stderr, letters: letters.map((line) => JSON.parse(line)) }
      }),
    (cwd) => Effect.sync(() => rmSync(cwd, { recursive: true, force: true }))
  )

describe("npm run demo", () => {
  it.live(
    "every customer arrives, though the sync is killed in the middle, and every broken row is a dead letter",
    () =>
      Effect.gen(function* () {
        const { letters, stderr, stdout } = yield* demo("--records", "4000", "--seed", "11")
        assert.strictEqual(
          stdout
            .trimEnd()
            .split("\n")
            .at(-1)
            ?.replace(/ in .*/, ""),
          "3,975 of 3,975 customers match; 25 dead letters"
        )
        assert.match(stdout, /Killed the sync with [\d,]+ customers at the vendor/)
        assert.match(stdout, /went on from\s+offset/)
        assert.match(stderr, /100 %, 4,000 of 4,000 records/)
        assert.strictEqual(letters.length, 25)
        const kinds = new Set(letters.map(({ reason }) => reason.message))
        assert.isAtLeast(kinds.size, 7, "broken in different ways")
      })
  )

  it.live("--json prints the report as one JSON line, last", () =>
    Effect.gen(function* () {
      const { stdout } = yield* demo("--records", "600", "--json")
      const line = JSON.parse(stdout)
      assert.deepInclude(line, { matching: 575, expected: 575, deadLetters: 25 })
      assert.strictEqual(line.report.read, 600)
    })
  )

  it("the same seed breaks the same rows, another one others", () => {
    const file = (seed: number) => {
      const { row } = Customers.make({ records: 300, broken: 25, next: Seeded.make(`demo/${seed}`) })
      return Array.from({ length: 300 }, (_, index) => row(index))
    }
    const broken = (seed: number) =>
      file(seed).flatMap(({ customer }, index) => (customer === undefined ? [index] : []))
    assert.deepStrictEqual(file(5), file(5))
    assert.lengthOf(broken(5), 25)
    assert.notDeepEqual(broken(5), broken(6))
  })
})
