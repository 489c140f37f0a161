/** How a run ended, what is left over, and what to type next for each part of that. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { Checkpoint, type CustomerSync, DeadLetters, Format, RateFinding, type SyncReport } from "../../index.ts"
import * as ExitCode from "../show/ExitCode.ts"
import * as Wording from "../show/Wording.ts"
import * as NextCommand from "./NextCommand.ts"
import type { SyncOptions } from "./SyncOptions.ts"

export type Ending =
  | { readonly _tag: "Finished" }
  | { readonly _tag: "Interrupted" }
  /** Before the end of the source. */
  | { readonly _tag: "Stopped"; readonly exit: 2 | 3; readonly error: unknown }
  | { readonly _tag: "Defect"; readonly cause: Cause.Cause<never> }

export const of = <E>(
  exit: Exit.Exit<unknown, ExitCode.CommandFailed | CustomerSync.SyncStopped<E>>,
  report: SyncReport.SyncReport | undefined
): Ending => {
  if (Exit.isSuccess(exit)) return { _tag: "Finished" }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof ExitCode.CommandFailed) return { _tag: "Stopped", exit: 2, error }
  if (error !== undefined) {
    const resumable = report !== undefined && hasBegun(report) && canResume(error.reason)
    return { _tag: "Stopped", exit: resumable ? 3 : 2, error: error.reason }
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return { _tag: "Interrupted" }
  // No error is in it, which `findErrorOption` has shown and the type cannot say.
  return { _tag: "Defect", cause: exit.cause as Cause.Cause<never> }
}

/** Whether there is something to tell of it. */
export const hasBegun = ({ read, requests }: { readonly read: number; readonly requests: number }): boolean =>
  read > 0 || requests > 0

// What the API, or the disk, did to the run. The rest is wrong with what the command was given.
const canResume = (reason: unknown): boolean =>
  [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "QueryFailed",
    "UnexpectedAnswer",
    "RetriesExhausted",
    "RetryAfterTooLong",
    "DeadLettersUnwritable",
    "CheckpointUnwritable",
    "CheckpointInUse",
    "CheckpointTakenOver"
  ].some((tag) => Predicate.isTagged(reason, tag))

/** What an error says, in the command's words; where its answer is to be found, `answerAt` says. */
export const messageOf = (error: unknown, answerAt = ""): string =>
  Wording.asOptions(error instanceof Error ? error.message : "The source cannot be read.", answerAt)

export const records = (count: number): string => (count === 1 ? "1 record" : `${Format.count(count)} records`)

/** What is left over when a run has ended. */
export interface LeftOver {
  readonly rejected: number
  /** Those that the same command does not take up again. */
  readonly unknown: number
  /** Those that it does. */
  readonly underway: number
  /** Read, and not sent. */
  readonly unsent: number
  /** What is in the file of dead letters, where there is one that can be read. */
  readonly letters: { readonly mine: number; readonly older: number } | undefined
}

/** Counts it: in the report, in the checkpoint, and in the file of dead letters. */
export const leftOver = Effect.fnUntraced(function* (
  { checkpoint, deadLetters }: SyncOptions,
  report: SyncReport.SyncReport | undefined,
  startedAt: number
): Effect.fn.Return<LeftOver, never, FileSystem.FileSystem> {
  const outcomes = report?.outcomes ?? { Rejected: 0, Unknown: 0, Unsent: 0 }
  const state = Option.isNone(checkpoint)
    ? undefined
    : Option.getOrUndefined(Option.flatten(yield* Effect.option(Checkpoint.file(checkpoint.value).read)))
  const unknown = Math.min(outcomes.Unknown, state?.counts.outcomes.Unknown ?? outcomes.Unknown)
  const counts = {
    rejected: outcomes.Rejected,
    unknown,
    underway: outcomes.Unknown - unknown,
    unsent: outcomes.Unsent
  }
  if (Option.isNone(deadLetters) || counts.rejected + counts.unknown === 0) return { ...counts, letters: undefined }
  const fs = yield* FileSystem.FileSystem
  const there = yield* Effect.option(fs.stat(deadLetters.value))
  if (Option.isNone(there)) return { ...counts, letters: { mine: 0, older: 0 } }
  // A device has no end.
  if (there.value.type !== "File") return { ...counts, letters: undefined }
  const counted = yield* Effect.option(DeadLetters.count(deadLetters.value, state?.startedAt ?? startedAt))
  return {
    ...counts,
    letters: Option.getOrUndefined(Option.map(counted, ({ letters, older }) => ({ mine: letters - older, older })))
  }
})

/** A command that follows from how a run ended. */
export interface Step {
  readonly message: string
  readonly command: string
  /** Whether it sends dead letters again; else it goes on, or starts over. */
  readonly isRetry: boolean
}

/** How the run is to be spoken of, and what to type next. */
export interface Next {
  readonly exit: 0 | 1 | 2 | 3 | 130
  /** Why it ended, where that was not at the end of the source. */
  readonly why: string | undefined
  readonly message: string
  readonly steps: ReadonlyArray<Step>
  /** What to add to the next command, whichever it is, because of a limit that was found. */
  readonly nextTime: { readonly message: string; readonly option: string } | undefined
}

/** All that is said. */
export const textOf = ({ message, nextTime, steps }: Next): string =>
  [message, ...steps.flatMap(({ command, message }) => [message, `  ${command}`]), nextTime?.message ?? ""]
    .filter((text) => text !== "")
    .join("\n\n")

/** What is known of a run that has ended. */
export interface About {
  readonly options: SyncOptions
  /** What was typed. */
  readonly args: ReadonlyArray<string>
  /** What was read. */
  readonly source: string
  readonly report: SyncReport.SyncReport | undefined
  readonly left: LeftOver
}

export const next = (ending: Exclude<Ending, { readonly _tag: "Defect" }>, about: About): Next => ({
  ...how(ending, about),
  nextTime: nextTime(about)
})

// A limit that is given is not looked for, so that none is found.
const nextTime = ({ report }: About): Next["nextTime"] => {
  const limit = report?.found?.limit
  if (limit === undefined) return undefined
  const option = NextCommand.rateLimit(RateFinding.rounded(limit))
  return {
    message: `A limit of ${RateFinding.limitText(limit)} was found, which nobody had told. To start with it next time, add ${option}.`,
    option
  }
}

const how = (ending: Exclude<Ending, { readonly _tag: "Defect" }>, about: About): Omit<Next, "nextTime"> => {
  const { left, report, source } = about
  if (ending._tag === "Finished") {
    const exit = deadOf(left) === 0 ? ExitCode.delivered : ExitCode.undelivered
    if (report?.nothingNew === true) return { exit, why: undefined, message: "", steps: nothingNew(about) }
    if (report?.stopped === "Limit") return { exit, why: undefined, message: "", steps: limited(about) }
    const message =
      report === undefined || report.read === 0
        ? `There were no records in ${source}, so that nothing was sent.`
        : `Done: ${records(report.read)}${skippedOf(report)}, and none is left over.`
    return { exit, why: undefined, message: exit === ExitCode.delivered ? message : "", steps: dead(about) }
  }
  if (ending._tag === "Interrupted") {
    const why = "Stopped, as you asked."
    return { exit: ExitCode.interrupted, why, message: "", steps: goOn(why, about) }
  }
  const why = `${messageOf(ending.error, answerAt(about))}${otherFile(ending.error, about)}`
  if (ending.exit !== ExitCode.usage) return { exit: 3, why, message: "", steps: goOn(why, about) }
  return report === undefined || !hasBegun(report)
    ? { exit: 2, why, message: why, steps: [] }
    : { exit: 2, why, message: `${why}${notSent(left)}`, steps: [startOver(about), ...dead(about)] }
}

// What a file that is not as it was is, only a person knows.
const otherFile = (error: unknown, { args }: About): string => {
  if (!(error instanceof Checkpoint.CheckpointMismatch) || args[0] !== "sync") return ""
  const parts = error.differences.map(({ part }) => part)
  if (!parts.every((part) => /^(?:what was read|size|last change) of the source$|^source \d+$/.test(part))) return ""
  const fresh = "if these are new files under the old names, start anew with --fresh."
  const grows = parts.every((part) => /^(?:size|last change) /.test(part))
  return grows ? ` If the file was only added to, go on with --grown; ${fresh}` : ` I${fresh.slice(1)}`
}

const deadOf = ({ rejected, unknown }: LeftOver): number => rejected + unknown

const skippedOf = ({ outcomes: { Skipped } }: SyncReport.SyncReport): string =>
  Skipped === 0 ? "" : `, ${Format.count(Skipped)} of them left out as the mapping says`

const were = (count: number): string => (count === 1 ? "was" : "were")

const them = (count: number): string => (count === 1 ? "it" : "them")

const unknownOf = (count: number): string =>
  `of ${records(count)} nobody knows whether ${count === 1 ? "it was" : "they were"} applied`

const deadText = ({ rejected, unknown }: LeftOver): string => {
  const what = [
    ...(rejected === 0 ? [] : [`${records(rejected)} ${were(rejected)} rejected`]),
    ...(unknown === 0 ? [] : [unknownOf(unknown)])
  ].join(", and ")
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}.`
}

const notSent = ({ unsent }: LeftOver): string =>
  unsent === 0 ? "" : ` ${records(unsent)} that ${were(unsent)} read ${were(unsent)} not sent.`

const answerAt = ({ left, options: { deadLetters } }: About): string =>
  deadOf(left) === 0
    ? ""
    : Option.match(deadLetters, {
        onNone: () => " What it answered may hold customer data, and is kept only where --dead-letters names a file.",
        onSome: (file) => ` What it answered is in the dead letters, ${file}.`
      })

const reset = ({ options: { checkpoint } }: About): string =>
  NextCommand.again(["checkpoint", "reset", Option.getOrElse(checkpoint, () => "")])

/** Where the letters of this run are, if anywhere. */
const place = ({ left, options: { deadLetters } }: About): string | undefined => {
  const { letters } = left
  const count = deadOf(left)
  if (Option.isNone(deadLetters) || letters?.mine === 0) return undefined
  const behind =
    letters === undefined || letters.older === 0
      ? ""
      : `, behind ${Format.count(letters.older)} of earlier runs, which are sent too unless you take them out`
  if (letters !== undefined && letters.mine < count) {
    return `Only ${Format.count(letters.mine)} of them ${letters.mine === 1 ? "is" : "are"} in ${deadLetters.value}${behind}: it was not named when the others ended.`
  }
  return `${count === 1 ? "It is" : "They are"} in ${deadLetters.value}, ${count === 1 ? "with the" : "each with its"} reason${behind}.`
}

/** What follows from records that no run takes up again by itself. */
const dead = (about: About, lead = ""): ReadonlyArray<Step> => {
  const { args, left, options } = about
  if (deadOf(left) === 0) return []
  const text = `${lead}${deadText(left)}`
  const where = place(about)
  if (where !== undefined) {
    const first = left.rejected === 0 ? "Check at the vendor" : "Put right what is wrong, there or at the vendor"
    return [
      {
        message: `${text} ${where} ${first}, then send again what is in the file:`,
        command: NextCommand.retry(
          Option.getOrElse(options.deadLetters, () => ""),
          options
        ),
        isRetry: true
      }
    ]
  }
  const count = deadOf(left)
  const none = Option.match(options.deadLetters, {
    onNone: () => `Nothing was kept of ${them(count)}, because --dead-letters was not given.`,
    onSome: (file) => `Nothing is kept of ${them(count)} in ${file}, which was not named in time.`
  })
  const wanted = `${text} ${none} To have ${them(count)} with ${count === 1 ? "the reason" : "their reasons"}, in a file that holds customer data,`
  const command = Option.isSome(options.deadLetters)
    ? NextCommand.again(args)
    : NextCommand.againWith(args, "--dead-letters", "dead-letters.ndjson")
  return Option.isSome(options.checkpoint)
    ? [
        {
          message: `${wanted} forget the checkpoint, which says that nothing is left to do for ${them(count)}:`,
          command: reset(about),
          isRetry: false
        },
        { message: "Then send everything again:", command, isRetry: false }
      ]
    : [{ message: `${wanted} run again with it:`, command, isRetry: false }]
}

const nothingNew = (about: About): ReadonlyArray<Step> => {
  const why = "There was nothing to do: the checkpoint says that an earlier run came to the end."
  const all: Step = {
    message: "To send everything again, reset the checkpoint:",
    command: reset(about),
    isRetry: false
  }
  if (deadOf(about.left) === 0) return [{ ...all, message: `${why} ${all.message}` }]
  if (place(about) !== undefined) return [...dead(about, `${why} `), all]
  const { left } = about
  return [
    {
      ...all,
      message: `${why} ${deadText(left)} They are where --dead-letters of that run said, if it did: patchbay retry sends that file. ${all.message}`
    }
  ]
}

/** What follows where no more was sent than was asked for. */
const limited = (about: About): ReadonlyArray<Step> => {
  const { args, options, report } = about
  const most = Option.getOrElse(options.limit, () => 0)
  const so = `No more than ${records(most)} ${were(most)} taken up, because --limit says so${report === undefined || report.read === most ? "" : `, and ${records(report.read)} in all`}.`
  const isKept = Option.isSome(options.checkpoint)
  return [
    {
      message: isKept
        ? `${so} The same without it goes on behind ${them(report?.read ?? most)}:`
        : `${so} The position was not kept, so that the same without it starts from the first record:`,
      command: NextCommand.againWithout(args, "--limit"),
      isRetry: false
    },
    ...dead(about, isKept ? "It does not send again what has ended. " : "")
  ]
}

/** The command once more, when what it was given is put right. */
const startOver = ({ args, options: { checkpoint } }: About): Step => ({
  message: Option.isSome(checkpoint)
    ? `Once that is put right, the same command goes on from here; where the source itself had to be changed, ${args[0] === "sync" ? "add --grown, which compares what was read, or " : ""}reset the checkpoint first:`
    : "Once that is put right, the same command starts from the first record:",
  command: NextCommand.again(args),
  isRetry: false
})

const goOn = (why: string, about: About): ReadonlyArray<Step> => {
  const { args, left, options } = about
  const { underway, unsent } = left
  if (Option.isNone(options.checkpoint)) {
    const ended =
      deadOf(left) === 0 ? "" : ` ${deadText(left)} ${place(about) ?? `Nothing was kept of ${them(deadOf(left))}.`}`
    return [
      {
        message: `${why}${ended}${notSent(left)} The position was not kept, so that the same command starts from the first record. To be able to go on next time, give it a folder for that:`,
        command: NextCommand.againWith(args, "--checkpoint", ".patchbay"),
        isRetry: false
      }
    ]
  }
  const taken = [
    ...(unsent === 0 ? [] : [`${records(unsent)} that ${were(unsent)} read and not sent`]),
    ...(underway === 0
      ? []
      : [`${records(underway)} of which nobody knows whether ${underway === 1 ? "it was" : "they were"} applied`])
  ].join(" and ")
  const from = `the same command goes on from here${taken === "" ? "" : `, with ${taken}`}.`
  const isLost = deadOf(left) > 0
  return [
    {
      message: `${why} ${isLost ? "The" : "Nothing is lost: the"}${from.slice("the".length)}`,
      command: NextCommand.again(args),
      isRetry: false
    },
    ...dead(about, "It does not send again what has ended. ")
  ]
}
