/** The command as a whole: its subcommands, and what is said of a wrong call. */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as BatchCommand from "./command/BatchCommand.ts"
import * as CheckpointCommand from "./command/CheckpointCommand.ts"
import * as DeadLettersCommand from "./command/DeadLettersCommand.ts"
import * as RetryCommand from "./command/RetryCommand.ts"
import * as RunsCommand from "./command/RunsCommand.ts"
import * as SandboxCommand from "./command/SandboxCommand.ts"
import * as SendCommand from "./command/SendCommand.ts"
import * as SubmitCommand from "./command/SubmitCommand.ts"
import * as SyncCommand from "./command/SyncCommand.ts"
import * as WorkerCommand from "./command/WorkerCommand.ts"
import * as Help from "./Help.ts"
import * as ExitCode from "./show/ExitCode.ts"

const root = Command.make("patchbay").pipe(
  Command.withDescription(
    [
      "Sends customers to Reach and Pocketflows, one or ten million, and accounts for every single one.",
      "Credentials come from the environment, or from a file that --env-file names: REACH_TOKEN, or REACH_PARTNER_SECRET with REACH_PARTNER_ID; POCKETFLOWS_USERNAME and POCKETFLOWS_PASSWORD; and DATABASE_URL where PostgreSQL is needed.",
      [
        "Exit codes:",
        "0: all delivered",
        "1: finished, with dead letters or unknown outcomes",
        "2: wrong usage or configuration",
        "3: stopped by the API or the disk; can be resumed",
        "130: interrupted; can be resumed"
      ].join("\n")
    ].join("\n\n")
  ),
  Command.withExamples([
    {
      command: "patchbay sync customers.csv --to reach.batch-patch --tenant acme --dry-run",
      description: "See what would be sent, without credentials"
    }
  ]),
  Command.withSubcommands([
    SyncCommand.command,
    RetryCommand.command,
    DeadLettersCommand.command,
    SendCommand.command,
    BatchCommand.command,
    CheckpointCommand.command,
    WorkerCommand.command,
    SubmitCommand.command,
    RunsCommand.command,
    SandboxCommand.command
  ])
)

/** The command, run with these words. */
export const run = (args: ReadonlyArray<string>, options: { readonly version: string }) =>
  Command.runWith(root, options)(args).pipe(Effect.provide(layer))

// Who mistypes a secret's option has typed the secret behind it.
const secret = /token|secret|password|passwd|credential|api-?key|auth|username/i

/** What is wrong with a call, for standard error: short, since the help is one word away. */
export const wrongCall = (errors: ReadonlyArray<CliError.CliError>, commandPath: ReadonlyArray<string>): string => {
  const asked = errors.find((error) => error._tag === "UnrecognizedOption" && secret.test(error.option))
  const help = `Try: ${commandPath.join(" ")} --help`
  return asked !== undefined && asked._tag === "UnrecognizedOption"
    ? `${asked.option} is no option: credentials come from the environment, or from a file that --env-file names, because others can see what is typed. Set REACH_TOKEN, or POCKETFLOWS_USERNAME and POCKETFLOWS_PASSWORD.\n${help}`
    : [...errors.map(({ message }) => message), help].join("\n")
}

const presenter = Layer.effect(
  CliOutput.Presenter,
  Effect.gen(function* () {
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    return {
      present: (event: CliOutput.Presenter.Event) => {
        switch (event._tag) {
          case "Help":
            return event.reason === "Requested"
              ? Console.log(Help.render(event.helpDoc, { colors: canColor, columns: process.stdout.columns }))
              : // Nothing was asked for, and nothing done: a script should not take it for an answer.
                Console.error(Help.render(event.helpDoc, { colors: false, columns: process.stderr.columns }))
          case "InvalidInvocation":
            return Console.error(wrongCall(event.errors, event.commandPath))
          case "Version":
            return Console.log(`${event.name} ${event.version}`)
        }
      }
    }
  })
)

const layer = Layer.mergeAll(
  Layer.provide(presenter, TerminalCapabilities.layer),
  // Not the wizard, nor a level for logs that nobody writes.
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })
)

/** The code that the process exits with, and what is to be said on standard error first. */
export const ending = (
  exit: Exit.Exit<unknown, unknown>
): { readonly code: number; readonly message: string | undefined } => {
  if (Exit.isSuccess(exit)) return { code: ExitCode.delivered, message: undefined }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof ExitCode.CommandFailed) return { code: error.exit, message: error.message }
  // The presenter has said what is wrong.
  if (CliError.isCliError(error)) return { code: ExitCode.usage, message: undefined }
  if (Cause.hasInterruptsOnly(exit.cause)) return { code: ExitCode.interrupted, message: undefined }
  return {
    code: ExitCode.defect,
    message: `This is a defect of patchbay. Please report it.\n${Cause.pretty(exit.cause)}`
  }
}
