/** Which process this is, and whether another one is still there, found out without any module of a platform. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** What tells one process from all others, as far as the platform says. */
export const ProcessIdentity = Schema.Struct({
  /** Made anew by each start of this library. */
  instance: Schema.String,
  pid: Schema.optionalKey(Schema.Int),
  host: Schema.optionalKey(Schema.String),
  /** Linux: the id of this start of the machine. */
  boot: Schema.optionalKey(Schema.String),
  /** Linux: where its pid has a meaning. Each container has its own. */
  namespace: Schema.optionalKey(Schema.String),
  /** Linux: when the process started, in ticks since the machine did. A pid that is given out again differs in it. */
  started: Schema.optionalKey(Schema.String)
})

export type ProcessIdentity = typeof ProcessIdentity.Type

// Node, Bun and Deno have this much of it; a browser has none.
interface Process {
  readonly pid?: number
  readonly kill?: (pid: number, signal: number) => unknown
  readonly getBuiltinModule?: (name: string) => { readonly hostname?: () => string } | undefined
}

// Its type says that there always is one, and here there may be none.
const process = (): Process | undefined => (globalThis as { readonly process?: Process }).process

let instance: string | undefined

/** This process. */
export const self: Effect.Effect<ProcessIdentity> = Effect.gen(function* () {
  instance ??= crypto.randomUUID()
  const pid = process()?.pid
  const host = yield* Effect.sync(hostname)
  const boot = yield* readProc((fs) => fs.readFileString("/proc/sys/kernel/random/boot_id"))
  const namespace = yield* readProc((fs) => fs.readLink("/proc/self/ns/pid"))
  const started = pid === undefined ? undefined : (yield* procStat(pid))?.started
  return {
    instance,
    ...(pid === undefined ? {} : { pid }),
    ...(host === undefined ? {} : { host }),
    ...(boot === undefined ? {} : { boot: boot.trim() }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(started === undefined ? {} : { started })
  }
})

/** Whether a process is still there, as seen by `me`: `unknown` where it cannot be seen from here. */
export const isAlive = Effect.fnUntraced(function* (
  other: ProcessIdentity,
  me: ProcessIdentity
): Effect.fn.Return<"alive" | "dead" | "unknown"> {
  if (other.instance === me.instance) return "alive"
  if (other.pid === undefined) return "unknown"
  if (me.boot !== undefined && me.namespace !== undefined && me.started !== undefined) {
    if (other.boot === me.boot && other.namespace === me.namespace && other.started !== undefined) {
      const stat = yield* procStat(other.pid)
      // Other users' processes may be hidden in /proc, but not from a signal.
      if (stat === undefined) return signal(other.pid) === "taken" ? "alive" : "dead"
      return stat.ended || stat.started !== other.started ? "dead" : "alive"
    }
    // Its pid means nothing here.
    if (other.namespace !== undefined) return "unknown"
  }
  // That the pid is taken does not say by whom.
  return other.host !== undefined && other.host === me.host && signal(other.pid) === "free" ? "dead" : "unknown"
})

const hostname = (): string | undefined => {
  try {
    return process()?.getBuiltinModule?.("node:os")?.hostname?.()
  } catch {
    return undefined
  }
}

const signal = (pid: number): "taken" | "free" | "unknown" => {
  const { kill } = process() ?? {}
  if (kill === undefined) return "unknown"
  try {
    // Signal 0 only asks.
    kill(pid, 0)
    return "taken"
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "ESRCH" ? "free" : "taken"
  }
}

// Anything that goes wrong here means that the platform does not say.
const readProc = <E>(
  read: (fs: FileSystem.FileSystem) => Effect.Effect<string, E>
): Effect.Effect<string | undefined> =>
  Effect.flatMap(
    Effect.serviceOption(FileSystem.FileSystem),
    Option.match({
      onNone: () => Effect.succeed(undefined),
      onSome: (fs) => Effect.catch(read(fs), () => Effect.succeed(undefined))
    })
  )

const procStat = (pid: number) =>
  Effect.map(
    readProc((fs) => fs.readFileString(`/proc/${pid}/stat`)),
    (text) => {
      // proc(5): `pid (name) state …`, of which the name may hold anything; the start is the 22nd.
      const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ")
      const started = fields?.[19]
      return started === undefined ? undefined : { started, ended: fields?.[0] === "Z" || fields?.[0] === "X" }
    }
  )
