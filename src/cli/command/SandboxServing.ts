/** Both vendors on this machine, until the process is told to stop. */

import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Result from "effect/Result"
import { Format, type OwnFields } from "../../index.ts"
import { type Fault, FaultText, Sandbox, SandboxServer, StateFile } from "../../sandbox/index.ts"
import * as Fields from "../run/Fields.ts"
import * as Files from "../run/Files.ts"
import * as Signals from "../run/Signals.ts"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Output from "../show/Output.ts"

/** What `patchbay sandbox` is called with. */
export interface Options {
  readonly port: number
  readonly reachDelay: Option.Option<Duration.Duration>
  readonly fault: ReadonlyArray<string>
  readonly seed: number
  readonly field: ReadonlyArray<OwnFields.Declared>
  readonly state: Option.Option<string>
}

const usage = (message: string) => new CommandFailed({ exit: 2, message })

const parseFaults = (texts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Fault.Rule>, CommandFailed> =>
  Effect.forEach(texts, (text) =>
    Effect.fromResult(
      Result.mapError(FaultText.parse(text), (error) =>
        usage(`--fault: ${error.message}\nHow rules are written: patchbay sandbox --help`)
      )
    )
  )

/** What a command needs to reach the sandbox, in the form of an env file. It takes any credentials. */
const environment = (url: string): string => `# The patchbay sandbox. These credentials are good nowhere else.
REACH_BASE_URL=${url}
REACH_TOKEN=sandbox
POCKETFLOWS_BASE_URL=${url}
POCKETFLOWS_USERNAME=sandbox
POCKETFLOWS_PASSWORD=sandbox
`

/**
 * Completes with the first signal. Until then nobody else hears of one: for a server, a signal is no interruption but
 * the end that it is meant to have.
 */
const signal = Effect.callback<void>((resume) => {
  const others = Signals.names.map((name) => [name, process.listeners(name)] as const)
  const giveBack = () => {
    for (const [name, listeners] of others) {
      // A terminal that is closed may say so twice, and what is held is still to be written.
      if (name === "SIGHUP") continue
      process.off(name, onSignal)
      for (const listener of listeners) process.on(name, listener)
    }
  }
  const onSignal = () => {
    giveBack()
    resume(Effect.void)
  }
  for (const [name, listeners] of others) {
    for (const listener of listeners) process.off(name, listener)
    process.on(name, onSignal)
  }
  return Effect.sync(giveBack)
})

const serve = Effect.fnUntraced(function* ({ port, state }: Options) {
  const server = yield* SandboxServer.make({ port }).pipe(
    Effect.mapError(({ code, port }) =>
      usage(
        code === "EADDRINUSE"
          ? `Port ${port} is in use, perhaps by another sandbox. Stop that one, or give --port another number; --port 0 takes any that is free.`
          : `The sandbox cannot listen on port ${port} (${code}). Give --port another number; --port 0 takes any that is free.`
      )
    )
  )
  yield* Console.error(
    `Both vendors are at ${server.url}, on this machine only.${Option.isNone(state) ? " Without --state, what they hold is gone when the sandbox stops." : ""}\nTo send there, put what is on standard output into a file, sandbox.env, and give sync or send --env-file sandbox.env. Ctrl-C stops the sandbox.`
  )
  yield* Output.write(environment(server.url))
  yield* signal
})

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${Format.count(count)} ${count === 1 ? one : many}`

const amounts = (state: Option.Option<string>) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const { pocketflows, reach } = yield* sandbox.snapshot
    const [requests, batches] = [yield* sandbox.requests, yield* sandbox.batches]
    const customers = (of: typeof reach | typeof pocketflows) =>
      counted(
        Object.values(of).reduce((sum, tenant) => sum + Object.keys(tenant).length, 0),
        "customer"
      )
    const waiting = batches.filter(({ completedAt }) => completedAt === undefined).length
    const left =
      waiting === 0 ? "" : ` Of what Reach accepted, ${counted(waiting, "batch", "batches")} had not been applied.`
    const kept = Option.isSome(state) ? ` All of it is kept in ${state.value}.` : ""
    return `Stopped after ${counted(requests.length, "request")}. Reach holds ${customers(reach)}, Pocketflows ${customers(pocketflows)}.${left}${kept}`
  })

const sandbox = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<void, CommandFailed, FileSystem.FileSystem | Path.Path | Sandbox.Sandbox> {
  const { state } = options
  if (Option.isNone(state)) {
    yield* Effect.scoped(serve(options))
    return yield* Effect.flatMap(amounts(state), Console.error)
  }
  const file = state.value
  yield* Files.writable("--state", file)
  const loaded = yield* StateFile.load(file).pipe(Effect.mapError(({ message }) => usage(`--state: ${message}`)))
  if (!loaded) {
    // What cannot be written should be known before there is something to lose.
    yield* StateFile.save(file).pipe(Effect.mapError(({ message }) => usage(`--state: ${message}`)))
  }
  const save = StateFile.save(file).pipe(Effect.mapError(({ message }) => new CommandFailed({ exit: 3, message })))
  yield* Effect.scoped(serve(options))
  yield* save
  yield* Effect.flatMap(amounts(state), Console.error)
})

/** Serves until the first signal. Completes with what the command comes to. */
export const run = (options: Options) =>
  Effect.flatMap(Effect.all([parseFaults(options.fault), Fields.sandbox(options.field)]), ([faults, fields]) =>
    Effect.provide(
      sandbox(options),
      Sandbox.layer({
        seed: options.seed,
        faults,
        reach: { ...fields, queue: { delay: Option.getOrUndefined(options.reachDelay) } }
      })
    )
  )
