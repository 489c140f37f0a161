/** One sync from its options to its last line: what `sync` and `retry` do alike. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import { Plan, PlatformReason, SyncReport } from "../../index.ts"
import * as RunHistory from "../report/RunHistory.ts"
import * as Display from "../show/Display.ts"
import * as ExitCode from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"
import * as Wording from "../show/Wording.ts"
import * as Ending from "./Ending.ts"
import * as Files from "./Files.ts"
import * as NextCommand from "./NextCommand.ts"
import type * as Reading from "./Reading.ts"
import * as Signals from "./Signals.ts"
import type { SyncOptions } from "./SyncOptions.ts"
import * as Target from "./Target.ts"

const failed = (exit: ExitCode.CommandFailed["exit"], message: string) =>
  Effect.fail(new ExitCode.CommandFailed({ exit, message }))

type ReportFormat = "json" | "html"

/** Where the report goes besides standard output, and as what. */
const reportFormat = (report: string, options: SyncOptions): Effect.Effect<ReportFormat, ExitCode.CommandFailed> => {
  if (report === "-" || /\.json$/i.test(report)) return Effect.succeed("json")
  if (!/\.html?$/i.test(report)) {
    return failed(
      2,
      `--report ${report} ends in neither .json nor .html. Name such a file, or - for JSON on standard output.`
    )
  }
  return options.dryRun
    ? failed(2, "A dry run has no HTML report. Name a file that ends in .json, or - for JSON on standard output.")
    : Effect.succeed("html")
}

/** Says what is to be sent, or sends it. Ends with `CommandFailed` unless every record was delivered. */
export const run = Effect.fnUntraced(function* <E, R>(
  options: SyncOptions,
  source: Reading.Source<E, R>,
  { name, paths }: { readonly name: string; readonly paths: ReadonlyArray<string> }
): Effect.fn.Return<void, ExitCode.CommandFailed, R | FileSystem.FileSystem | Path.Path | Stdio.Stdio> {
  const target = yield* Target.make(options)
  yield* Files.distinct(usesOf(options, paths))
  const format = Option.isNone(options.report) ? undefined : yield* reportFormat(options.report.value, options)
  if (Option.isSome(options.report) && options.report.value !== "-") {
    yield* Files.writable("--report", options.report.value)
  }
  if (options.dryRun) return yield* plan(options, target, source, name)
  if (Option.isSome(options.deadLetters)) yield* Files.writable("--dead-letters", options.deadLetters.value)
  return yield* sync(options, target, source, name, format)
})

/** Every path of a run. The checkpoint is a folder with a file in it. */
const usesOf = (
  { checkpoint, deadLetters, envFile, mapping, report }: SyncOptions,
  sources: ReadonlyArray<string>
): ReadonlyArray<Files.Use> => [
  ...sources.map((path) => ({ as: "the source", path })),
  ...(
    [
      ["--env-file", envFile],
      ["--mapping", mapping],
      ["--checkpoint", checkpoint],
      ["--checkpoint", Option.map(checkpoint, (dir) => `${dir}/checkpoint.ndjson`)],
      ["--dead-letters", deadLetters],
      ["--report", Option.filter(report, (path) => path !== "-")]
    ] as const
  ).flatMap(([as, path]) => (Option.isSome(path) ? [{ as, path: path.value }] : []))
]

const plan = Effect.fnUntraced(function* <E, R>(
  options: SyncOptions,
  target: Target.Target,
  source: Reading.Source<E, R>,
  name: string
): Effect.fn.Return<void, ExitCode.CommandFailed, R | FileSystem.FileSystem | Stdio.Stdio> {
  const planned = yield* Effect.catch(target.plan(source), (error) =>
    error instanceof ExitCode.CommandFailed ? Effect.fail(error) : failed(2, Ending.messageOf(error))
  )
  const json = JSON.stringify(planned, (key, value: unknown) =>
    key === "message" && Predicate.isString(value) ? Wording.asOptions(value) : value
  )
  yield* print(options, Wording.asOptions(Plan.format(planned)), json)
  yield* writeReport(options, `${json}\n`)
  const args = yield* Effect.flatMap(Stdio.Stdio, ({ args }) => args)
  const rejected = planned.read - planned.sendable - planned.skipped
  yield* say(
    `Nothing was sent. ${planned.read === 0 ? `There are no records in ${name}.` : rejected === 0 ? (planned.skipped === 0 ? "All records fit." : "All other records fit.") : `${Ending.records(rejected)} would be rejected before sending.`} To send, the same without --dry-run:\n\n  ${NextCommand.again(args.filter((word) => word !== "--dry-run"))}`
  )
})

const sync = Effect.fnUntraced(function* <E, R>(
  options: SyncOptions,
  target: Target.Target,
  source: Reading.Source<E, R>,
  name: string,
  format: ReportFormat | undefined
): Effect.fn.Return<void, ExitCode.CommandFailed, R | FileSystem.FileSystem | Stdio.Stdio> {
  const args = yield* Effect.flatMap(Stdio.Stdio, ({ args }) => args)
  const startedAt = yield* Clock.currentTimeMillis
  const history = RunHistory.make()
  let report: SyncReport.SyncReport | undefined

  const running = Effect.gen(function* () {
    const display = yield* Display.make({ mode: options.progress, title: name })
    yield* announceStop(display)
    return yield* target.sync(source, {
      onProgress: (progress) =>
        // What fails before it begins has nothing to show.
        Ending.hasBegun(progress)
          ? Effect.andThen(history.onProgress(progress), display.onProgress(progress))
          : Effect.void,
      onReport: (made) =>
        Effect.sync(() => {
          report = made
        })
    })
  })

  // What follows a run must be said, and written, also when the run was interrupted.
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.exit(restore(Effect.scoped(running))), (exit) => {
      const ending = Ending.of(exit, report)
      if (ending._tag === "Defect") return Effect.failCause(ending.cause)
      return Effect.gen(function* () {
        const left = yield* Ending.leftOver(options, report, startedAt)
        const next = Ending.next(ending, { options, args, source: name, report, left })
        const written =
          report !== undefined && (ending._tag !== "Stopped" || Ending.hasBegun(report))
            ? yield* Effect.result(
                print(options, SyncReport.format(report), JSON.stringify(report)).pipe(
                  Effect.andThen(contentOf(format, { history, name, next, options, report })),
                  Effect.flatMap((content) => writeReport(options, content))
                )
              )
            : Result.void
        const text = Ending.textOf(next)
        const all = Result.isSuccess(written) ? text : `${written.failure.message}\n${text}`
        // The error of what was interrupted would be lost.
        if (next.exit === ExitCode.interrupted) return yield* Effect.andThen(say(all), Effect.interrupt)
        const exit = Result.isFailure(written) && next.exit === ExitCode.delivered ? ExitCode.usage : next.exit
        return yield* exit === ExitCode.delivered ? say(all) : failed(exit, all)
      })
    })
  )
})

const contentOf = (
  format: ReportFormat | undefined,
  run: {
    readonly history: RunHistory.RunHistory
    readonly name: string
    readonly next: Ending.Next
    readonly options: SyncOptions
    readonly report: SyncReport.SyncReport
  }
): Effect.Effect<string> => {
  if (format !== "html") return Effect.succeed(`${JSON.stringify(run.report)}\n`)
  const { history, name, next, options, report } = run
  const commandOf = (isRetry: boolean) => next.steps.findLast((step) => step.isRetry === isRetry)?.command
  return Effect.gen(function* () {
    // Half of the command's code is this page.
    const { render } = yield* Effect.promise(() => import("../report/HtmlReport.ts"))
    return render({
      report,
      history: history.history(),
      finishedAt: yield* Clock.currentTimeMillis,
      source: name,
      why: next.why,
      command: commandOf(false),
      retry: commandOf(true),
      nextTime: next.nextTime?.option,
      deadLetters: Option.getOrUndefined(options.deadLetters)
    })
  })
}

/** Says on the first signal that the run is stopping, since what is in flight may take its time. */
const announceStop = (display: Display.Display) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const tell = () =>
        Effect.runSync(
          display.line("Stopping: nothing new is sent, and what is in flight has 30 s to end. Again: stops at once.")
        )
      for (const signal of Signals.names) process.once(signal, tell)
      return tell
    }),
    (tell) =>
      Effect.sync(() => {
        for (const signal of Signals.names) process.off(signal, tell)
      })
  )

/** The report on standard output: as a table, or as JSON where `--report -` asks for it. */
const print = (options: SyncOptions, table: string, json: string): Effect.Effect<void, ExitCode.CommandFailed> =>
  Output.write(`${Option.contains(options.report, "-") ? json : table}\n`)

const say = (message: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${message}\n`))

const writeReport = (
  { report }: SyncOptions,
  text: string
): Effect.Effect<void, ExitCode.CommandFailed, FileSystem.FileSystem> =>
  Option.isNone(report) || report.value === "-"
    ? Effect.void
    : Effect.flatMap(FileSystem.FileSystem, (fs) =>
        Effect.catch(fs.writeFileString(report.value, text), (error) =>
          failed(
            2,
            `The report cannot be written to ${report.value} (${PlatformReason.of(error)}). Check the free space and the permissions.`
          )
        )
      )
