import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Scope, Stdio } from "effect"
import { TestClock } from "effect/testing"
import * as Display from "../../../src/cli/show/Display.ts"
import type * as StandardError from "../../../src/cli/show/StandardError.ts"
import { progress } from "../fixtures/progress.ts"

/** A standard error that keeps what it is given, and behaves as it is told. */
const fakeError = () => {
  const texts: Array<string> = []
  const state = { columns: 80, isForeground: true, isIdle: true, isRead: true }
  const watched: Array<Parameters<StandardError.StandardError["watch"]>[0]> = []
  const output: StandardError.StandardError = {
    columns: () => state.columns,
    isForeground: () => state.isForeground,
    isIdle: () => state.isIdle,
    write: (text) => {
      texts.push(text)
    },
    flushed: Effect.suspend(() => (state.isRead ? Effect.void : Effect.never)),
    watch: (options) =>
      Effect.sync(() => {
        watched.push(options)
      })
  }
  return { output, state, texts, watched, taken: () => texts.splice(0) }
}

const utf8 = { LANG: "en_US.UTF-8", TERM: "xterm-256color", NO_COLOR: "1" }

interface Setting {
  readonly mode?: Display.Mode
  readonly env?: { readonly [name: string]: string }
  readonly isTerminal?: boolean
}

const make = (output: StandardError.StandardError, { env = utf8, isTerminal = true, mode = "auto" }: Setting = {}) =>
  Display.make({ mode, title: "customers.csv", output }).pipe(
    Effect.provide(Stdio.layerTest({ stderrIsTerminal: Effect.succeed(isTerminal) })),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

const clear = "\r\x1b[J"
const frame = (line: string) => `\r\x1b[?7l${line}\x1b[?7h\x1b[J\r`
const bar = "███████░░░░░░░░░   44 %  1,234,567  12,345/s  2:03 left"
const plain = "customers.csv: 44 %, 1,234,567 of 2,750,000 records, 12,345/s, 2:03 left\n"

describe("on a terminal", () => {
  it.effect("the bar is drawn ten times a second at most, and only when it looks different", () =>
    Effect.gen(function* () {
      const { output, taken, texts } = fakeError()
      const display = yield* make(output)
      for (let step = 0; step < 1000; step++) {
        yield* display.onProgress(progress({ settled: step * 1000 }))
        yield* TestClock.adjust(1)
      }
      assert.isAtMost(texts.length, 10)
      assert.isAtLeast(texts.length, 9)
      taken()
      yield* display.onProgress(progress())
      yield* TestClock.adjust("1 minute")
      yield* display.onProgress(progress({ requests: 5000 }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(taken(), [frame(bar)])
    })
  )

  it.effect("the columns are those of the moment", () =>
    Effect.gen(function* () {
      const { output, state, taken } = fakeError()
      const display = yield* make(output)
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      state.columns = 40
      yield* TestClock.adjust(100)
      state.columns = 10
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [frame(bar), frame("███░░░░░ 44% 1.2M 12K/s 2:03"), frame("44% 1.2M")])
    })
  )

  it.effect("a reader that is slow gets the newest picture, not all of them", () =>
    Effect.gen(function* () {
      const { output, state, taken } = fakeError()
      const display = yield* make(output)
      state.isIdle = false
      for (let step = 0; step < 100; step++) {
        yield* display.onProgress(progress({ settled: step }))
        yield* TestClock.adjust(100)
      }
      assert.deepStrictEqual(taken(), [])
      yield* display.onProgress(progress())
      state.isIdle = true
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [frame(bar)])
    })
  )

  it.effect("a message stands above the bar, and the bar stays", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output)
      yield* display.line("before there is a bar")
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      yield* display.line("two\nlines,\tand \x1b[31ma trick\r")
      yield* display.end
      yield* display.line("after")
      assert.deepStrictEqual(taken(), [
        "before there is a bar\n",
        frame(bar),
        `${clear}two\nlines,\tand ?[31ma trick?\n${frame(bar)}`,
        clear,
        "after\n"
      ])
    })
  )

  it.effect("the reason of a wait stays for a second, so that it can be read", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output)
      yield* display.onProgress(progress({ waiting: "rate" }))
      yield* TestClock.adjust(100)
      yield* display.onProgress(progress())
      yield* TestClock.adjust(800)
      assert.deepStrictEqual(taken(), [frame(`${bar}  rate limit`)])
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(taken(), [frame(bar)])
    })
  )

  it.effect("the end takes the bar away, once, and nothing is drawn any more", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const scope = yield* Scope.make()
      const display = yield* Scope.provide(make(output), scope)
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      taken()
      yield* display.end
      yield* display.end
      yield* display.onProgress(progress({ settled: 7 }))
      yield* TestClock.adjust("1 minute")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(taken(), [clear])
    })
  )

  it.effect("the scope's end is the display's, also when the run is interrupted", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const run = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const display = yield* make(output)
            yield* display.onProgress(progress())
            yield* Effect.never
          })
        )
      )
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(run)
      assert.deepStrictEqual(taken(), [frame(bar), clear])
    })
  )

  it.effect("the end waits a second for a reader, and then does without", () =>
    Effect.gen(function* () {
      const { output, state } = fakeError()
      state.isRead = false
      const display = yield* make(output)
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      const ending = yield* Effect.forkChild(display.end)
      yield* TestClock.adjust(999)
      assert.isUndefined(ending.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(ending.pollUnsafe())
    })
  )

  it.effect("a process that goes down takes the bar away first", () =>
    Effect.gen(function* () {
      const { output, taken, watched } = fakeError()
      const display = yield* make(output)
      assert.strictEqual(watched[0]?.lastWords(), "", "nothing is on the screen yet")
      const other = fakeError()
      const drawn = yield* make(other.output)
      yield* drawn.onProgress(progress())
      yield* TestClock.adjust(100)
      assert.strictEqual(other.watched[0]?.lastWords(), clear)
      assert.strictEqual(other.watched[0]?.lastWords(), "")
      yield* drawn.onProgress(progress({ settled: 7 }))
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [])
      assert.deepStrictEqual(other.taken(), [frame(bar)])
    })
  )

  it.effect("in the background it is plain, and in the foreground again the bar is drawn anew", () =>
    Effect.gen(function* () {
      const { output, state, taken, watched } = fakeError()
      const display = yield* make(output)
      yield* display.onProgress(progress())
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [frame(bar)])
      state.isForeground = false
      yield* display.line("a message")
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(taken(), ["a message\n", plain])
      state.isForeground = true
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [frame(bar)])
      // Stopped, and continued before anybody looked.
      watched[0]?.onResume()
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(taken(), [frame(bar)])
    })
  )

  it.effect("environment and locale decide about colour, letters, and whether there is a bar at all", () =>
    Effect.gen(function* () {
      const first = (setting: Setting) =>
        Effect.gen(function* () {
          const { output, taken } = fakeError()
          const display = yield* make(output, setting)
          yield* display.onProgress(progress())
          yield* TestClock.adjust("5 seconds")
          yield* display.end
          return taken()[0]
        })
      const colored = frame(bar.replace("███████░░░░░░░░░", "\x1b[32m███████\x1b[0m\x1b[2m░░░░░░░░░\x1b[0m"))
      const ascii = frame(bar.replaceAll("█", "#").replaceAll("░", "-"))
      const { NO_COLOR: _, ...color } = utf8
      assert.strictEqual(yield* first({ env: color }), colored)
      assert.strictEqual(yield* first({ env: { ...color, NO_COLOR: "" } }), colored)
      assert.strictEqual(yield* first({ env: utf8 }), frame(bar))
      assert.strictEqual(yield* first({ env: { ...utf8, LANG: "C" } }), ascii)
      assert.strictEqual(yield* first({ env: { NO_COLOR: "1" } }), ascii)
      assert.strictEqual(yield* first({ env: { ...utf8, LC_ALL: "de_DE@euro" } }), ascii)
      assert.strictEqual(yield* first({ env: { ...utf8, LANG: "C", LC_CTYPE: "C.utf8", LC_ALL: "" } }), frame(bar))
      assert.strictEqual(yield* first({ env: { ...utf8, CI: "false" } }), frame(bar))
      assert.strictEqual(yield* first({ env: { ...utf8, CI: "true" } }), plain)
      assert.strictEqual(yield* first({ env: { ...utf8, TERM: "dumb" } }), plain)
      assert.strictEqual(yield* first({ isTerminal: false }), plain)
      assert.strictEqual(yield* first({ isTerminal: false, env: { ...color, FORCE_COLOR: "1" } }), plain)
      assert.strictEqual(yield* first({ mode: "plain" }), plain)
    })
  )
})

describe("elsewhere", () => {
  it.effect("there is a plain line every five seconds, and one at the end", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output, { isTerminal: false })
      const counts = () => taken().map((text) => /, ([\d,]+) of/.exec(text)?.[1])
      for (let step = 1; step <= 172; step++) {
        yield* TestClock.adjust(100)
        yield* display.onProgress(progress({ settled: step }))
        if (step === 49) assert.deepStrictEqual(counts(), [])
      }
      assert.deepStrictEqual(counts(), ["49", "99", "149"])
      yield* display.end
      assert.deepStrictEqual(counts(), ["172"])
    })
  )

  it.effect("the last line is not told twice, and a run of which nothing is known tells nothing", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output, { isTerminal: false })
      yield* display.onProgress(progress())
      yield* TestClock.adjust("5 seconds")
      yield* display.end
      assert.deepStrictEqual(taken(), [plain])
      const silent = yield* make(output, { isTerminal: false })
      yield* TestClock.adjust("1 minute")
      yield* silent.end
      assert.deepStrictEqual(taken(), [])
    })
  )

  it.effect("a message is a line like any other", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output, { isTerminal: false })
      yield* display.line("a message")
      assert.deepStrictEqual(taken(), ["a message\n"])
    })
  )
})

describe("none", () => {
  it.effect("tells no progress, but what a person must know", () =>
    Effect.gen(function* () {
      const { output, taken } = fakeError()
      const display = yield* make(output, { mode: "none" })
      yield* display.onProgress(progress())
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(taken(), [])
      yield* display.line("Interrupted.")
      yield* display.end
      assert.deepStrictEqual(taken(), ["Interrupted.\n"])
    })
  )
})
