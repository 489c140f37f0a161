/**
 * What a person sees while a run goes on: a bar that is redrawn in place on a terminal, a plain line every few seconds
 * elsewhere, or nothing. All of it goes to standard error.
 *
 * The cursor stays at the first column of the bar's row and is never hidden, and each drawing ends all that it began,
 * so that there is nothing to restore when the process is killed.
 */

import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import type { Progress } from "../../index.ts"
import * as PlainProgress from "./PlainProgress.ts"
import * as ProgressBar from "./ProgressBar.ts"
import * as StandardError from "./StandardError.ts"
import * as TextWidth from "./TextWidth.ts"

export interface Display {
  /** Takes the newest progress; never waits. Give it to `CustomerSync.run`. */
  readonly onProgress: (progress: Progress.Progress) => Effect.Effect<void>
  /** Writes a message, above the bar where there is one, whatever the mode; never waits. */
  readonly line: (text: string) => Effect.Effect<void>
  /** Leaves the shell whole: the bar is gone, and the cursor is where the bar was. The scope's end does it, too. */
  readonly end: Effect.Effect<void>
}

/** `auto`: a bar where there is a terminal that can show it, plain lines elsewhere. */
export type Mode = "auto" | "plain" | "none"

/** What the terminal can do. */
interface Terminal {
  readonly hasBar: boolean
  readonly color: boolean
  readonly unicode: boolean
}

const drawEvery = 100
const plainEvery = 5000

/** Milliseconds that the reason of a wait stays, so that it can be read. */
const reasonStays = 1000

/** Milliseconds that the end waits for a reader of standard error. */
const endWaits = "1 second"

const eraseBelow = "\x1b[J"
const clear = `\r${eraseBelow}`

// Without wrapping between the two: the terminal may have become narrower than it was when the line was made.
const frame = (line: string): string => `\r\x1b[?7l${line}\x1b[?7h${eraseBelow}\r`

const isSet = (value: Option.Option<string>): boolean =>
  Option.exists(value, (text) => text !== "" && text !== "0" && text.toLowerCase() !== "false")

/** Effect tells what standard output can do; here it is asked about standard error. */
const terminal: Effect.Effect<Terminal, never, Stdio.Stdio> = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities.pipe(
    Effect.provide(TerminalCapabilities.layer, { local: true }),
    Effect.provideService(Stdio.Stdio, { ...stdio, stdoutIsTerminal: stdio.stderrIsTerminal })
  )
  const variable = (name: string) => Effect.orDie(Config.option(Config.String(name)))
  const inCi = isSet(yield* variable("CI"))
  // The first one that is set rules.
  const locales = yield* Effect.forEach(["LC_ALL", "LC_CTYPE", "LANG"], variable)
  const locale = Option.getOrElse(Option.firstSomeOf(locales.map(Option.filter((name) => name !== ""))), () => "C")
  return {
    hasBar: canAnimate && !inCi,
    color: canColor,
    unicode: process.platform === "win32" || /utf-?8/i.test(locale)
  }
})

/**
 * Makes a display; `title` is what is being sent, a file's name.
 *
 * `NO_COLOR`, `TERM=dumb`, `CI` and the locale are read from the configuration.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly mode: Mode
  readonly title: string
  /** Where it is written; the process's standard error by default. */
  readonly output?: StandardError.StandardError | undefined
}): Effect.fn.Return<Display, never, Scope.Scope | Stdio.Stdio> {
  const { mode, title } = options
  const output = options.output ?? StandardError.make()
  const { color, hasBar, unicode } = mode === "auto" ? yield* terminal : { hasBar: false, color: false, unicode: false }
  let latest: Progress.Progress | undefined
  let reason: { readonly text: string; readonly at: number } | undefined
  let told: Progress.Progress | undefined
  let toldAt = yield* Clock.currentTimeMillis
  /** The bar that is on the screen. */
  let shown: { readonly line: string; readonly columns: number } | undefined
  let ended = false

  const withReason = (progress: Progress.Progress, now: number): Progress.Progress =>
    progress.waiting === undefined && reason !== undefined && now - reason.at < reasonStays
      ? { ...progress, waiting: reason.text }
      : progress

  const bar = (progress: Progress.Progress, columns: number) => ({
    line: ProgressBar.line(progress, { title, columns, color, unicode }),
    columns
  })

  const draw = (progress: Progress.Progress): void => {
    // A slow terminal misses pictures; it does not get them later.
    if (!output.isIdle()) return
    const next = bar(progress, output.columns())
    if (next.line === shown?.line && next.columns === shown.columns) return
    shown = next
    output.write(frame(next.line))
  }

  const tell = (progress: Progress.Progress, now: number): void => {
    if (progress === told || !output.isIdle()) return
    told = progress
    output.write(`${PlainProgress.line(withReason(progress, now), { title })}\n`)
  }

  const tick = Effect.map(Clock.currentTimeMillis, (now) => {
    if (latest === undefined || ended) return
    // In the background the terminal is somebody else's.
    if (hasBar && output.isForeground()) return draw(withReason(latest, now))
    shown = undefined
    if (now - toldAt < plainEvery) return
    toldAt = now
    tell(latest, now)
  })

  if (hasBar) {
    yield* output.watch({
      lastWords: () => {
        const words = shown === undefined ? "" : clear
        ended = true
        shown = undefined
        return words
      },
      // The shell has written since.
      onResume: () => {
        shown = undefined
      }
    })
  }

  const ticking = mode === "none" ? undefined : yield* Effect.forkScoped(Effect.forever(Effect.delay(tick, drawEvery)))

  const end = Effect.gen(function* () {
    if (ended) return
    ended = true
    if (ticking !== undefined) yield* Fiber.interrupt(ticking)
    if (shown !== undefined) {
      shown = undefined
      output.write(clear)
    } else if (mode !== "none" && !hasBar && latest !== undefined) {
      tell(latest, yield* Clock.currentTimeMillis)
    }
    yield* Effect.timeoutOption(Effect.interruptible(output.flushed), endWaits)
  }).pipe(Effect.uninterruptible)
  yield* Effect.addFinalizer(() => end)

  return {
    onProgress: (progress) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        latest = progress
        if (progress.waiting !== undefined) reason = { text: progress.waiting, at: now }
      }),
    line: (text) =>
      Effect.sync(() => {
        const message = `${text.replace(/[^\n\t]+/g, TextWidth.clean)}\n`
        const below = shown !== undefined && output.isForeground() ? shown.line : undefined
        output.write(below === undefined ? message : `${clear}${message}${frame(below)}`)
      }),
    end
  }
})
