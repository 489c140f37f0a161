import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as Terminal from "./fixtures/Terminal.ts"
import * as World from "./World.ts"

const shell = ["$ patchbay sync"]
const records = 600

/** Starts a sync in a terminal that takes about three seconds: thirty requests, of which ten a second may go out. */
const sync = (columns: number, more: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const { url } = yield* SandboxServer.SandboxServer
    const cwd = yield* Command.folder
    const rows = Array.from({ length: records }, (_, index) => `c-${index},Ann\n`)
    writeFileSync(join(cwd, "顧客.csv"), `customerId,firstName\n${rows.join("")}`)
    const wrong: Array<Terminal.Screen> = []
    const options = ["--tenant", "acme", "--batch-records", "20", "--rate-limit", "10/1s", "--settle", "accepted"]
    const terminal = yield* Terminal.open({
      columns,
      cwd,
      env: { REACH_TOKEN: "any", REACH_BASE_URL: url },
      command: [process.execPath, Command.main, "sync", "顧客.csv", "--to", "reach.batch-patch", ...options, ...more],
      before: `${shell.join("\n")}\n`,
      look: (screen) => {
        const bars = screen.rows.filter((row) => /[█░]/.test(row))
        if (screen.rows[0] !== shell[0] || bars.length > 1) wrong.push(screen)
      }
    })
    return { ...terminal, cwd, wrong, bar: terminal.until(({ rows }) => /[█░].*rate limit/.test(rows[1] ?? "")) }
  })

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

layer(SandboxServer.layer(), { excludeTestServices: true })("patchbay sync in a terminal", (it) => {
  it.effect("shows how far it is and what it waits for, then nothing but the report", () =>
    Effect.gen(function* () {
      const run = yield* sync(80)
      const { cursor, rows } = yield* run.bar
      assert.deepStrictEqual(cursor, { x: 0, y: 1 })
      assert.match(
        rows[1] ?? "",
        /^(?:顧客\.csv {2})?█*░+ +\d+ % {2}\d+(?: of 600 records)? {2}[\d.,]+\/s(?: {2}\d:\d\d left)? {2}rate limit$/
      )
      assert.strictEqual((yield* run.ended).exitCode, 0)
      const after = yield* run.prompt("$ ")
      assert.strictEqual(after.cursor.x, 2)
      assert.strictEqual(after.rows.at(-1), "$")
      assert.isTrue(after.isPlain && after.wraps)
      assert.match(after.rows.join("\n"), /^records read +600$/m)
      assert.deepStrictEqual(run.wrong, [])
    })
  )

  it.effect("stops on Ctrl-C, says so, and leaves the shell whole", () =>
    Effect.gen(function* () {
      const run = yield* sync(120)
      yield* run.bar
      yield* run.type("\x03")
      assert.strictEqual((yield* run.ended).exitCode, 130)
      const after = yield* run.prompt("$ ")
      assert.match(after.rows[1] ?? "", /^Stopping: /)
      assert.match(after.rows[2] ?? "", /^records read/)
      assert.strictEqual(after.rows.at(-1), "$")
      assert.isTrue(after.isPlain && after.wraps)
      assert.deepStrictEqual(run.wrong, [])
    })
  )

  it.effect("a terminal that is closed stops it as Ctrl-C does: what is in flight ends, and all is written", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.setFaults([{ method: "PATCH", fault: Fault.latency("1 second") }])
      const run = yield* sync(80, ["--checkpoint", "kept", "--report", "report.json"])
      yield* run.bar
      yield* run.close
      const file = (name: string) => join(run.cwd, name)
      yield* World.until(Effect.sync(() => !isAlive(run.pid)))
      const report = JSON.parse(readFileSync(file("report.json"), "utf8"))
      assert.deepInclude(report, { stopped: "Interrupted" })
      assert.deepInclude(report.outcomes, { Unknown: 0 })
      assert.isAbove(report.outcomes.Accepted, 0)
      assert.deepStrictEqual(readdirSync(file("kept")), ["checkpoint.ndjson"])
      yield* sandbox.setFaults([])
    })
  )

  it.effect("goes on showing while what is in flight ends, and a second Ctrl-C stops at once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.setFaults([{ method: "PATCH", fault: Fault.latency({ min: "20 seconds", max: "20 seconds" }) }])
      const run = yield* sync(120)
      yield* run.bar
      yield* run.type("\x03")
      const stopping = yield* run.until(({ rows }) => rows.length > 2)
      assert.match(stopping.rows[1] ?? "", /^Stopping: .* Again: stops at once\.$/)
      assert.match(stopping.rows[2] ?? "", /[█░]/)
      yield* run.type("\x03")
      assert.strictEqual((yield* run.ended).exitCode, 130)
      const after = yield* run.prompt("$ ")
      assert.deepStrictEqual(after.rows, [...shell, stopping.rows[1] ?? "", "$"])
      assert.isTrue(after.isPlain && after.wraps)
      assert.deepStrictEqual(run.wrong, [])
    })
  )
})
