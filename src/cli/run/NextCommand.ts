/** What to type next: commands that can be copied into a shell. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { OwnFields } from "../../index.ts"
import type { SyncOptions } from "./SyncOptions.ts"
import * as Values from "./Values.ts"

const line = (words: ReadonlyArray<string>): string => ["patchbay", ...words].map(Values.shellWord).join(" ")

/** The command as it was typed. */
export const again = (args: ReadonlyArray<string>): string => line(args)

/** The command as it was typed, without an option that has a value. */
export const againWithout = (args: ReadonlyArray<string>, option: string): string => {
  const end = args.indexOf("--")
  const at = args.findIndex(
    (word, index) => (end === -1 || index < end) && (word === option || word.startsWith(`${option}=`))
  )
  return line(at === -1 ? args : args.toSpliced(at, args[at] === option ? 2 : 1))
}

/** The command as it was typed, with one option more. */
export const againWith = (args: ReadonlyArray<string>, ...more: ReadonlyArray<string>): string => {
  // What stands behind a lone `--` is no option.
  const end = args.indexOf("--")
  return line(end === -1 ? [...args, ...more] : [...args.slice(0, end), ...more, ...args.slice(end)])
}

/**
 * The command that sends dead letters again, with the options that say where and how. What belongs to the source that
 * was read (its format, its columns, its checkpoint) does not, and new dead letters need a file of their own.
 */
export const retry = (deadLetters: string, options: SyncOptions): string => {
  const words = ["retry", deadLetters, "--to", options.to]
  const add = <A>(name: string, value: Option.Option<A>, text: (value: A) => string = String) => {
    if (Option.isSome(value)) words.push(name, text(value.value))
  }
  add("--tenant", options.tenant)
  add("--business", options.business)
  add("--base-url", options.baseUrl)
  add("--env-file", options.envFile)
  add("--on-conflict", options.onConflict)
  add("--mapping", options.mapping)
  for (const empty of options.empty) words.push("--empty", Values.emptyText(empty))
  for (const field of options.deleteConsent) words.push("--delete-consent", field)
  if (options.ignoreUnknownFields) words.push("--ignore-unknown-fields")
  for (const check of options.allowSuspicious) words.push("--allow-suspicious", check)
  for (const field of options.field) words.push("--field", OwnFields.format(field))
  add("--batch-records", options.batchRecords)
  add("--batch-bytes", options.batchBytes)
  add("--same-key", options.sameKey)
  add("--isolate", options.isolate)
  add("--settle", options.settle)
  add("--settle-for", options.settleFor, millis)
  add("--concurrency", options.concurrency)
  add("--rate-limit", options.rateLimit, rate)
  add("--retry-for", options.retryFor, millis)
  add("--timeout", options.timeout, millis)
  words.push("--dead-letters", following(deadLetters))
  return line(words)
}

const rate = ({ limit, window }: Values.Rate): string => `${limit}/${millis(window)}`

/** The option that gives a limit. */
export const rateLimit = (limit: Values.Rate): string => `--rate-limit ${rate(limit)}`

const units: ReadonlyArray<readonly [unit: string, millis: number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1]
]

const millis = (duration: Duration.Duration): string => {
  const all = Duration.toMillis(duration)
  const [unit, size] = units.find(([, size]) => all % size === 0) ?? ["ms", 1]
  return `${all / size}${unit}`
}

/** `dead.ndjson`, `dead.2.ndjson`, `dead.3.ndjson` … */
const following = (file: string): string => {
  const [, stem = file, , turn, end = ""] = /^(.*?)(\.(\d+))?(\.[^./\\]+)?$/.exec(file) ?? []
  return `${stem}.${turn === undefined ? 2 : Number(turn) + 1}${end}`
}
