import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Checkpoint } from "../../src/index.ts"
import * as Command from "./Command.ts"
import * as Terminal from "./fixtures/Terminal.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

const fingerprint = {
  source: "customers.csv",
  "size of the source": "123456 bytes",
  destination: "reach.batch-patch",
  "options of the destination": '{"tenant":"acme"}'
}
const noOutcomes = { Applied: 0, Accepted: 0, Rejected: 0, Unknown: 0, Merged: 0, Skipped: 0, Unsent: 0 }
const state: Omit<Checkpoint.State, "fingerprint"> = {
  position: { offset: 4000, place: { byte: 98_765, line: 4002 } },
  done: [
    [4500, 5000],
    [5500, 5501]
  ],
  settling: [
    { batchId: "b-9", batch: 9, acceptedAt: Date.UTC(2026, 0, 2, 3, 4, 5), runs: [[4000, 4500]] },
    { batchId: "b-\u001b[2J", batch: 10, acceptedAt: Date.UTC(2026, 0, 2, 3, 4, 6), runs: [[5000, 5001]] }
  ],
  sending: [{ batch: 11, runs: [[5001, 5500]] }],
  counts: { read: 4501, outcomes: { ...noOutcomes, Applied: 4480, Rejected: 21 } },
  totals: { batches: 11, requests: 14, retries: 3, bytes: 512_000, reasons: { SchemaMismatch: 21 } },
  startedAt: Date.UTC(2026, 0, 2, 3, 0, 0),
  finished: false
}

const open = (dir: string) => Effect.provide(Checkpoint.file(dir).open(fingerprint), NodeFileSystem.layer)
/** A folder with a checkpoint in it, and a file that is none of its business. */
const checkpoint = Effect.gen(function* () {
  const dir = join(yield* Command.folder, "acme")
  yield* Effect.scoped(Effect.flatMap(open(dir), ({ write }) => write(state)))
  writeFileSync(join(dir, "notes.txt"), "mine")
  return dir
})
const file = (dir: string) => join(dir, "checkpoint.ndjson")

// That there is none is in the file, too.
const holdsOne = (dir: string) =>
  Checkpoint.file(dir).read.pipe(Effect.map(Option.isSome), Effect.provide(NodeFileSystem.layer))

const call = (...args: ReadonlyArray<string>) => InProcess.run(["checkpoint", ...args])

describe("patchbay checkpoint show", () => {
  it.live("shows source, destination, position and the batches underway, as a table and as JSON", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      const before = readdirSync(dir)
      const [table, json] = yield* Effect.all(
        [Command.run(["checkpoint", "show", dir]), Command.run(["checkpoint", "show", dir, "--json"])],
        { concurrency: 2 }
      )
      assert.deepStrictEqual([table.code, table.stderr, json.code, json.stderr], [0, "", 0, ""])
      assert.deepStrictEqual(JSON.parse(json.stdout), { fingerprint, ...state })
      Golden.check("checkpoint-show", table.stdout)
      assert.deepStrictEqual(readdirSync(dir), before)
    })
  )

  it.live("says what is wrong with a checkpoint that is missing or broken: exit 2", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      const whole = readFileSync(file(dir), "utf8")
      const lines: Array<string> = []
      const show = Effect.gen(function* () {
        const { code, stderr } = yield* call("show", dir)
        assert.strictEqual(code, 2)
        lines.push(stderr)
      })
      for (const text of [whole.slice(0, -9), "", "a,b\n", whole.replace('"version":1', '"version":99')]) {
        writeFileSync(file(dir), text)
        yield* show
      }
      for (const wrong of [join(dir, "nowhere"), join(dir, "notes.txt")]) {
        const { code, stderr } = yield* call("show", wrong)
        assert.strictEqual(code, 2)
        lines.push(stderr)
      }
      Golden.check("checkpoint-broken", lines.join("\n"), [[dir, "DIR"]])
    })
  )
})

describe("patchbay checkpoint reset", () => {
  it.live("forgets the checkpoint with --yes, and leaves everything else in the folder", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      const asked = yield* Command.run(["checkpoint", "reset", dir])
      assert.strictEqual(asked.code, 2)
      assert.isTrue(yield* holdsOne(dir), "nobody agreed")
      const reset = yield* Command.run(["checkpoint", "reset", dir, "--yes"])
      assert.strictEqual(reset.code, 0)
      assert.isFalse(yield* holdsOne(dir))
      assert.deepStrictEqual(readdirSync(dir), ["checkpoint.ndjson", "notes.txt"])
      const again = yield* call("reset", dir, "--yes")
      assert.strictEqual(again.code, 0)
      Golden.check("checkpoint-reset", [asked, reset, again].map(({ stderr }) => stderr).join("\n"), [[dir, "DIR"]])
    })
  )

  it.live("forgets one that is torn, too, but no file that only has its name", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      writeFileSync(file(dir), readFileSync(file(dir), "utf8").slice(0, -9))
      assert.strictEqual((yield* call("reset", dir, "--yes")).code, 0)
      assert.isFalse(yield* holdsOne(dir))
      writeFileSync(file(dir), '{"mine":true}\n')
      const foreign = yield* call("reset", dir, "--yes")
      assert.strictEqual(foreign.code, 2)
      assert.strictEqual(
        foreign.stderr,
        `${file(dir)} is not a checkpoint of patchbay, and was left alone. Check the folder.\n`
      )
      assert.strictEqual(readFileSync(file(dir), "utf8"), '{"mine":true}\n')
      mkdirSync(join(dir, "empty"))
      assert.strictEqual((yield* call("reset", join(dir, "empty"), "--yes")).code, 0)
      assert.deepStrictEqual(readdirSync(join(dir, "empty")), [])
    })
  )

  it.live("refuses while a run uses the checkpoint: exit 2", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      const refused = yield* Effect.scoped(Effect.andThen(open(dir), call("reset", dir, "--yes")))
      assert.strictEqual(refused.code, 2)
      assert.match(refused.stderr, new RegExp(`is in use by process ${process.pid} on .* Wait for it, stop it`))
      assert.isTrue(existsSync(file(dir)))
    })
  )

  it.live("asks on a terminal, and does as it is told", () =>
    Effect.gen(function* () {
      const dir = yield* checkpoint
      const answer = (key: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            const terminal = yield* Terminal.open({
              columns: 120,
              before: "$ ",
              command: [process.execPath, Command.main, "checkpoint", "reset", dir]
            })
            yield* terminal.until(({ rows }) => rows.some((row) => row.includes("Forget it?")))
            yield* terminal.type(key)
            const { exitCode } = yield* terminal.ended
            return { exitCode, text: terminal.raw() }
          })
        )
      const no = yield* answer("n")
      assert.deepStrictEqual([no.exitCode, yield* holdsOne(dir)], [0, true])
      assert.match(no.text, /stands at 4,000 records, with 3 batches underway/)
      assert.match(no.text, /was left as it is/)
      const quit = yield* answer("\u0003")
      assert.deepStrictEqual([quit.exitCode, yield* holdsOne(dir)], [130, true])
      const yes = yield* answer("y")
      assert.deepStrictEqual([yes.exitCode, yield* holdsOne(dir)], [0, false])
    })
  )
})
