/**
 * One sync from its options to its last line: what `sync` and `retry` do alike.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import { type CustomerSync, Plan, SyncReport } from "../index.ts"
import { grouped } from "../sync/Grouped.ts"
import * as Display from "./Display.ts"
import * as ExitCode from "./ExitCode.ts"
import * as Files from "./Files.ts"
import * as NextCommand from "./NextCommand.ts"
import * as Output from "./Output.ts"
import type * as Reading from "./Reading.ts"
import * as RunHistory from "./report/RunHistory.ts"
import * as Signals from "./Signals.ts"
import type { SyncOptions } from "./SyncOptions.ts"
import * as Target from "./Target.ts"
import * as Wording from "./Wording.ts"

const records = (count: number): string => (count === 1 ? "1 record" : `${grouped(count)} records`)

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
  name: string
): Effect.fn.Return<void, ExitCode.CommandFailed, R | FileSystem.FileSystem | Path.Path | Stdio.Stdio> {
  const target = yield* Target.make(options)
  const format = Option.isNone(options.report) ? undefined : yield* reportFormat(options.report.value, options)
  if (Option.isSome(options.report) && options.report.value !== "-") {
    yield* Files.writable("--report", options.report.value)
  }
  if (options.dryRun) return yield* plan(options, target, source)
  if (Option.isSome(options.deadLetters)) yield* Files.writable("--dead-letters", options.deadLetters.value)
  return yield* sync(options, target, source, name, format)
})

const plan = Effect.fnUntraced(function* <E, R>(
  options: SyncOptions,
  target: Target.Target,
  source: Reading.Source<E, R>
): Effect.fn.Return<void, ExitCode.CommandFailed, R | FileSystem.FileSystem | Stdio.Stdio> {
  const planned = yield* Effect.catch(target.plan(source), (error) =>
    error instanceof ExitCode.CommandFailed ? Effect.fail(error) : failed(2, messageOf(error))
  )
  yield* print(options, Wording.asOptions(Plan.format(planned)), JSON.stringify(planned))
  yield* writeReport(options, `${JSON.stringify(planned)}\n`)
  const args = yield* Effect.flatMap(Stdio.Stdio, ({ args }) => args)
  const rejected = planned.read - planned.sendable
  yield* say(
    `Nothing was sent. ${rejected === 0 ? "All records fit." : `${records(rejected)} would be rejected before sending.`} To send, the same without --dry-run:\n\n  ${NextCommand.again(args.filter((word) => word !== "--dry-run"))}`
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
  const history = RunHistory.make()
  let report: SyncReport.SyncReport | undefined

  const running = Effect.gen(function* () {
    const display = yield* Display.make({ mode: options.progress, title: name })
    yield* announceStop(display)
    return yield* target.sync(source, {
      onProgress: (progress) =>
        // What fails before it begins has nothing to show.
        hasBegun(progress) ? Effect.andThen(history.onProgress(progress), display.onProgress(progress)) : Effect.void,
      onReport: (made) =>
        Effect.sync(() => {
          report = made
        })
    })
  })

  // What follows a run must be said, and written, also when the run was interrupted.
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.exit(restore(Effect.scoped(running))), (exit) => {
      const ending = endingOf(exit, report)
      if (ending._tag === "Defect") return Effect.failCause(ending.cause)
      return Effect.gen(function* () {
        const next = nextOf(ending, options, args, report)
        const written =
          report !== undefined && (ending._tag !== "Stopped" || hasBegun(report))
            ? yield* Effect.result(
                print(options, SyncReport.format(report), JSON.stringify(report)).pipe(
                  Effect.andThen(contentOf(format, { ending, history, name, next, options, report })),
                  Effect.flatMap((content) => writeReport(options, content))
                )
              )
            : Result.void
        const text = textOf(next)
        const all = Result.isSuccess(written) ? text : `${written.failure.message}\n${text}`
        // The error of what was interrupted would be lost.
        if (next.exit === ExitCode.interrupted) return yield* Effect.andThen(say(all), Effect.interrupt)
        const exit = Result.isFailure(written) && next.exit === ExitCode.delivered ? ExitCode.usage : next.exit
        return yield* exit === ExitCode.delivered ? say(all) : failed(exit, all)
      })
    })
  )
})

const hasBegun = ({ read, requests }: { readonly read: number; readonly requests: number }): boolean =>
  read > 0 || requests > 0

const contentOf = (
  format: ReportFormat | undefined,
  run: {
    readonly ending: Ending
    readonly history: RunHistory.RunHistory
    readonly name: string
    readonly next: Next
    readonly options: SyncOptions
    readonly report: SyncReport.SyncReport
  }
): Effect.Effect<string> => {
  if (format !== "html") return Effect.succeed(`${JSON.stringify(run.report)}\n`)
  const { ending, history, name, next, options, report } = run
  return Effect.gen(function* () {
    // Half of the command's code is this page.
    const { render } = yield* Effect.promise(() => import("./report/HtmlReport.ts"))
    return render({
      report,
      history: history.history(),
      finishedAt: yield* Clock.currentTimeMillis,
      source: name,
      why: ending._tag === "Stopped" ? ending.message : undefined,
      ...(next.isRetry === true ? { retry: next.command } : { command: next.command }),
      deadLetters: Option.getOrUndefined(options.deadLetters)
    })
  })
}

type Ending =
  | { readonly _tag: "Finished" }
  | { readonly _tag: "Interrupted" }
  /** Before the end of the source. */
  | { readonly _tag: "Stopped"; readonly exit: 2 | 3; readonly message: string }
  | { readonly _tag: "Defect"; readonly cause: Cause.Cause<never> }

const endingOf = <E>(
  exit: Exit.Exit<unknown, ExitCode.CommandFailed | CustomerSync.SyncStopped<E>>,
  report: SyncReport.SyncReport | undefined
): Ending => {
  if (Exit.isSuccess(exit)) return { _tag: "Finished" }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof ExitCode.CommandFailed) return { _tag: "Stopped", exit: 2, message: error.message }
  if (error !== undefined) {
    const begun = report !== undefined && hasBegun(report)
    return { _tag: "Stopped", exit: begun && canResume(error.reason) ? 3 : 2, message: messageOf(error.reason) }
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return { _tag: "Interrupted" }
  // No error is in it, which `findErrorOption` has shown and the type cannot say.
  return { _tag: "Defect", cause: exit.cause as Cause.Cause<never> }
}

// What the API, or the disk, did to the run. The rest is wrong with what the command was given.
const canResume = (reason: unknown): boolean =>
  [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "UnexpectedAnswer",
    "RetriesExhausted",
    "RetryAfterTooLong",
    "DeadLettersUnwritable",
    "CheckpointUnwritable",
    "CheckpointInUse"
  ].some((tag) => Predicate.isTagged(reason, tag))

const messageOf = (error: unknown): string =>
  Wording.asOptions(error instanceof Error ? error.message : "The source cannot be read.")

/** How the run is to be spoken of, and what to type next. */
interface Next {
  readonly exit: 0 | 1 | 2 | 3 | 130
  readonly message: string
  /** A command that follows from it. */
  readonly command?: string
  /** Whether that sends dead letters again; else it goes on, or starts over. */
  readonly isRetry?: boolean
  /** What must be known with it. */
  readonly note?: string
}

const nextOf = (
  ending: Exclude<Ending, { readonly _tag: "Defect" }>,
  options: SyncOptions,
  args: ReadonlyArray<string>,
  report: SyncReport.SyncReport | undefined
): Next => {
  if (ending._tag === "Stopped") {
    return ending.exit === ExitCode.usage
      ? { exit: 2, message: ending.message }
      : { exit: 3, ...goOn(ending.message, options, args) }
  }
  if (ending._tag === "Interrupted") return { exit: 130, ...goOn("Stopped, as you asked.", options, args) }
  if (report?.nothingNew === true) return nothingNew(options, report)
  return report === undefined || leftOver(report) === 0
    ? { exit: 0, message: `Done: ${records(report?.read ?? 0)}, and none is left over.` }
    : { exit: 1, ...refused(options, args, report) }
}

const leftOver = ({ outcomes: { Rejected, Unknown } }: SyncReport.SyncReport): number => Rejected + Unknown

const nothingNew = (options: SyncOptions, report: SyncReport.SyncReport): Next => ({
  exit: leftOver(report) === 0 ? 0 : 1,
  message:
    "There was nothing to do: the checkpoint says that an earlier run came to the end. To send everything again, reset it:",
  command: NextCommand.again(["checkpoint", "reset", Option.getOrElse(options.checkpoint, () => "")])
})

const refused = (
  options: SyncOptions,
  args: ReadonlyArray<string>,
  { outcomes: { Rejected, Unknown } }: SyncReport.SyncReport
): Omit<Next, "exit"> => {
  const rejected = Rejected === 0 ? [] : [`${records(Rejected)} ${Rejected === 1 ? "was" : "were"} rejected`]
  const unknown =
    Unknown === 0
      ? []
      : [`of ${records(Unknown)} nobody knows whether ${Unknown === 1 ? "it was" : "they were"} applied`]
  const what = [...rejected, ...unknown].join(", and ")
  const sentence = what.charAt(0).toUpperCase() + what.slice(1)
  return Option.match(options.deadLetters, {
    onNone: () => ({
      message: `${sentence}. Nothing was kept of them, because --dead-letters was not given. To have them with their reasons, in a file that holds customer data, run again with it:`,
      command: NextCommand.againWith(args, "--dead-letters", "dead-letters.ndjson"),
      ...(Option.isSome(options.checkpoint)
        ? { note: "The checkpoint says that this run is finished: reset it first, or name another one." }
        : {})
    }),
    onSome: (file) => ({
      message: `${sentence}. ${
        Rejected + Unknown === 1 ? `It is in ${file}, with the reason` : `They are in ${file}, each with its reason`
      }. Put right what is wrong, there or at the vendor, then send again what is in the file:`,
      command: NextCommand.retry(file, options),
      isRetry: true
    })
  })
}

const goOn = (why: string, options: SyncOptions, args: ReadonlyArray<string>): Omit<Next, "exit"> =>
  Option.isSome(options.checkpoint)
    ? { message: `${why} Nothing is lost: the same command goes on from here.`, command: NextCommand.again(args) }
    : {
        message: `${why} The position was not kept, so that the same command starts from the first record. To be able to go on next time, give it a folder for that:`,
        command: NextCommand.againWith(args, "--checkpoint", ".patchbay")
      }

const textOf = ({ command, message, note }: Next): string =>
  [message, ...(command === undefined ? [] : [`  ${command}`]), ...(note === undefined ? [] : [note])].join("\n\n")

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
            `The report cannot be written to ${report.value} (${reasonOf(error)}). Check the free space and the permissions.`
          )
        )
      )

const reasonOf = ({ reason }: PlatformError.PlatformError): string =>
  reason._tag === "Unknown" && Predicate.hasProperty(reason.cause, "code") && Predicate.isString(reason.cause.code)
    ? reason.cause.code
    : reason._tag
