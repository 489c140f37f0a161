import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Terminal from "./fixtures/Terminal.ts"

const fixture = resolve(import.meta.dirname, "fixtures/DisplayProcess.ts")
const shell = ["$ ls", "a.csv", "$ patchbay"]
const before = `${shell.join("\n")}\n`

interface Options {
  readonly scenario?: string
  readonly steps: number
  readonly columns: number
  readonly env?: { readonly [name: string]: string }
  /** The command around it. */
  readonly around?: (command: ReadonlyArray<string>) => readonly [string, ...ReadonlyArray<string>]
}

/** Starts the run; whatever it draws, the rows above stay, and nothing goes on in a second row. */
const start = ({ around, columns, env, scenario = "run", steps }: Options) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "patchbay-pty-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const heartbeat = join(folder, "heartbeat")
    const wrong: Array<Terminal.Screen> = []
    const command = [process.execPath, fixture, scenario, String(steps), heartbeat] as const
    const terminal = yield* Terminal.open({
      columns,
      env: { ...env, HEARTBEAT: heartbeat },
      before,
      command: around === undefined ? command : around(command),
      look: (screen) => {
        const isWhole = shell.every((line, y) => screen.rows[y] === line)
        const hasOneBar = screen.rows.filter((row) => /[█░]/.test(row)).length <= 1
        if (!isWhole || !hasOneBar || (screen.isWrapped && scenario !== "crash")) wrong.push(screen)
      }
    })
    return {
      ...terminal,
      bar: terminal.until(({ rows }) => /[█░]/.test(rows[shell.length] ?? "")),
      heartbeat: () => Number(readFileSync(heartbeat, "utf8")),
      /** The process has ended, and the shell goes on as if nothing had been. */
      whole: (rows: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const ended = yield* terminal.ended
          const { cursor } = yield* terminal.screen
          assert.deepStrictEqual(cursor, { x: 0, y: shell.length + rows.length })
          const after = yield* terminal.prompt("$ ")
          assert.deepStrictEqual(after.rows, [...shell, ...rows, "$"])
          assert.isTrue(after.isPlain, "no colour is left")
          assert.isTrue(after.wraps, "long lines go on in the next row")
          assert.notInclude(terminal.raw(), "\x1b[?25l", "the cursor was never hidden")
          assert.deepStrictEqual(wrong, [])
          return ended
        })
    }
  })

const percentOf = (screen: Terminal.Screen): number => Number(/(\d+) ?%/.exec(screen.rows[shell.length] ?? "")?.[1])

// At the same time: most of it is waiting.
describe.concurrent("in a terminal", () => {
  for (const columns of [40, 80, 200]) {
    it.live(`of ${columns} columns the bar stays on one row, and is gone at the end`, () =>
      Effect.gen(function* () {
        const run = yield* start({ columns, steps: 80 })
        const first = yield* run.bar
        const later = yield* run.until((screen) => percentOf(screen) > percentOf(first))
        assert.isAbove(percentOf(later), percentOf(first))
        const waiting = yield* run.until(({ rows }) => /rate limit/.test(rows[shell.length] ?? ""))
        assert.match(waiting.rows[shell.length] ?? "", /rate limit$/)
        assert.deepStrictEqual(waiting.cursor, { x: 0, y: shell.length })
        assert.deepStrictEqual(yield* run.whole(["the report"]), { exitCode: 0, signal: 0 })
      })
    )
  }

  it.live("messages stand above the bar, each on its own row", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 40, scenario: "messages" })
      const third = yield* run.until(({ rows }) => rows.some((row) => /[█░]/.test(row)) && rows.length >= 7)
      assert.match(third.rows.at(-1) ?? "", /[█░]/)
      const messages = [5, 15, 25, 35].map((step) => `message ${step} of the run`)
      assert.strictEqual((yield* run.whole([...messages, "the report"])).exitCode, 0)
    })
  )

  it.live("a window that is made narrower and wider has one bar, that fits", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 200, steps: 2000 })
      yield* run.bar
      for (const columns of [40, 100, 12]) {
        yield* run.resize(columns)
        const before = run.raw().length
        yield* run.until(({ isWrapped }) => !isWrapped && run.raw().length > before + 40)
        const { cursor, rows } = yield* run.screen
        assert.strictEqual(rows.length, shell.length + 1)
        assert.isBelow(rows.at(-1)?.length ?? 0, columns)
        assert.deepStrictEqual(cursor, { x: 0, y: shell.length })
      }
      yield* run.resize(80)
      yield* run.type("\x03")
      const { exitCode } = yield* run.whole(["Interrupted; what is under way ends first."])
      assert.strictEqual(exitCode, 130)
    })
  )

  it.live("Ctrl-C leaves the shell whole", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 2000 })
      yield* run.bar
      yield* run.type("\x03")
      assert.strictEqual((yield* run.whole(["Interrupted; what is under way ends first."])).exitCode, 130)
    })
  )

  it.live("a process that exits in the middle leaves the shell whole", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 30, scenario: "exit" })
      yield* run.bar
      assert.strictEqual((yield* run.whole([])).exitCode, 5)
    })
  )

  it.live("a crash is told from the first column of the bar's row", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 200, steps: 30, scenario: "crash" })
      yield* run.bar
      assert.strictEqual((yield* run.ended).exitCode, 1)
      const { cursor, rows } = yield* run.screen
      assert.match(rows[shell.length] ?? "", /^\S.*DisplayProcess\.ts:\d+$/)
      assert.include(rows, "Error: the process broke")
      assert.isEmpty(rows.filter((row) => /[█░]/.test(row)))
      assert.strictEqual(cursor.x, 0)
    })
  )

  it.live("a defect of the run is told where the bar was", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 200, steps: 30, scenario: "defect" })
      yield* run.bar
      assert.strictEqual((yield* run.ended).exitCode, 1)
      const { rows } = yield* run.screen
      assert.match(rows[shell.length] ?? "", /Error: the run broke/)
      assert.isEmpty(rows.filter((row) => /[█░]/.test(row)))
    })
  )

  it.live("a process that is killed leaves a visible cursor at the first column, and a terminal that wraps", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 2000 })
      yield* run.bar
      yield* run.kill("SIGKILL")
      assert.strictEqual((yield* run.ended).signal, 9)
      const { cursor } = yield* run.screen
      assert.deepStrictEqual(cursor, { x: 0, y: shell.length })
      const after = yield* run.prompt("$ ")
      assert.isTrue(after.isPlain && after.wraps)
      assert.notInclude(run.raw(), "\x1b[?25l")
    })
  )

  it.live("that is held with Ctrl-S, the run goes on", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 2000 })
      yield* run.bar
      yield* run.type("\x13")
      yield* Effect.sleep("300 millis")
      const written = run.raw().length
      const held = run.heartbeat()
      while (run.heartbeat() < held + 5) yield* Effect.sleep("50 millis")
      assert.strictEqual(run.raw().length, written, "it is held")
      yield* run.type("\x11")
      yield* run.until(() => run.raw().length > written)
      yield* run.type("\x03")
      assert.strictEqual((yield* run.whole(["Interrupted; what is under way ends first."])).exitCode, 130)
    })
  )

  it.live("that is dumb, nothing moves the cursor", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 10, env: { TERM: "dumb" } })
      yield* run.ended
      assert.notMatch(run.raw(), /\p{Cc}(?<![\r\n])/u)
      assert.match(run.raw(), /🎉\.csv: 100 %, 2,750,000 of 2,750,000 records/)
    })
  )

  it.live("NO_COLOR takes the colours, not the bar", () =>
    Effect.gen(function* () {
      const run = yield* start({ columns: 80, steps: 30, env: { NO_COLOR: "1" } })
      yield* run.bar
      assert.strictEqual((yield* run.whole(["the report"])).exitCode, 0)
      const commands = run
        .raw()
        .split("\x1b")
        .slice(1)
        .map((text) => /^\[[?\d]*[A-Za-z]/.exec(text)?.[0])
      assert.deepStrictEqual(new Set(commands), new Set(["[?7l", "[?7h", "[J"]))
    })
  )

  it.live.skipIf(process.platform !== "linux")(
    "the bar leaves the prompt alone while the run is in the background",
    () =>
      Effect.gen(function* () {
        const script = `set -m; "$@" & until [ "$(cat "$HEARTBEAT" 2> /dev/null)" -ge 40 ] 2> /dev/null; do sleep 0.1; done; echo typed; fg > /dev/null; echo back`
        const run = yield* start({
          columns: 80,
          steps: 300,
          around: (command) => ["sh", "-c", script, "sh", ...command]
        })
        const typed = yield* run.until(({ rows }) => rows.includes("typed"))
        assert.deepStrictEqual(typed.rows, [...shell, "typed"])
        const drawn = yield* run.until(({ rows }) => /[█░]/.test(rows.at(-1) ?? ""))
        assert.deepStrictEqual(drawn.rows.slice(0, -1), [...shell, "typed"])
        assert.strictEqual((yield* run.whole(["typed", "the report", "back"])).exitCode, 0)
      })
  )
})
