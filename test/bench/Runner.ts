/**
 * Runs contenders, each in a process of its own, against a null server in another one.
 */
import { type ChildProcess, execFile, fork } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { entries, type Job, type Measurement } from "./Contender.ts"
import type { Counts } from "./NullServer.ts"

/** How contenders are run. */
export interface Mode {
  /** Whether Patchbay is its sources, for profiles that can be read, and not the built package. */
  readonly source: boolean
  /** Where CPU profiles are to be written. */
  readonly profile: string | undefined
}

export interface Run extends Measurement {
  /** Milliseconds that the server took to answer, on average: a timer is up to one early, and may be late. */
  readonly latency: number
  /** Milliseconds from the first request to the last answer. */
  readonly busy: number
}

const execute = promisify(execFile)

// No collection happens in a young generation this large, so that all that was allocated is still there to be counted.
const roomy = ["--min-semi-space-size=1024", "--max-semi-space-size=1024"]

const bench = import.meta.dirname
const preload = join(bench, "preload.js")

/** The bench's own modules without their types, by URL, for `preload.js`. */
const withoutTypes = (): string => {
  const folders = [bench, join(bench, "peers"), join(bench, "../../src/sandbox")]
  const paths = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  const modules = paths
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [pathToFileURL(path).href, stripTypeScriptTypes(readFileSync(path, "utf8"))])
  return JSON.stringify(Object.fromEntries(modules))
}

let written: string | undefined

/** Where they are written, until `cleanUp` or the end of the process. */
const modules = (): string => {
  if (written === undefined) {
    written = mkdtempSync(join(tmpdir(), "patchbay-bench-"))
    process.once("exit", cleanUp)
    writeFileSync(join(written, "modules.json"), withoutTypes())
  }
  return join(written, "modules.json")
}

/** Takes away what runs left behind; for who is ended without an exit, as a test is. */
export const cleanUp = (): void => {
  if (written !== undefined) rmSync(written, { recursive: true, force: true })
  written = undefined
}

/** Runs a contender once. Fails if a record was lost on the way. */
export const run = async (id: string, all: Job, mode: Mode, watch?: "allocation"): Promise<Run> => {
  const entry = entries[id]
  if (entry === undefined) throw new Error(`No contender is named ${id}.`)
  const job = { ...all, records: Math.ceil(all.records / (entry.oneIn ?? 1)) }
  rmSync(job.folder, { recursive: true, force: true })
  mkdirSync(job.folder)
  const options = [
    `--import=${pathToFileURL(preload).href}`,
    ...(entry.options ?? []),
    ...(mode.source ? ["--conditions=source"] : []),
    ...(mode.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${mode.profile}`]),
    ...(watch === "allocation" ? roomy : [])
  ]
  const script = join(bench, "run.ts")
  const { stdout } = await execute(process.execPath, [...options, script, id, JSON.stringify(job), watch ?? ""], {
    env: { ...process.env, BENCH_MODULES: modules() }
  })
  // It is what `run.ts` printed.
  const measured = JSON.parse(stdout) as Measurement
  const counts = await countsOf(job.url)
  if (measured.records !== job.records || counts.records !== (entry.sends ? job.records : 0)) {
    throw new Error(
      `${entry.title}: of ${job.records} records, ${measured.records} were handled and ${counts.records} arrived.`
    )
  }
  return { ...measured, latency: counts.latency, busy: counts.busy }
}

const countsOf = async (url: string): Promise<Counts> => {
  const response = await fetch(`${url}/counts`)
  // It is what the null server answers.
  return (await response.json()) as Counts
}

const startServer = async (latency: number): Promise<{ readonly url: string; readonly server: ChildProcess }> => {
  const server = fork(join(bench, "NullServer.ts"), [String(latency)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  })
  if (server.stdout === null) throw new Error("The null server has no output.")
  const [line] = await once(server.stdout, "data")
  return { url: String(line).trim(), server }
}

/** Lends a server that answers after `latency` milliseconds. */
export const withServer = async <A>(latency: number, use: (url: string) => Promise<A>): Promise<A> => {
  const { server, url } = await startServer(latency)
  try {
    return await use(url)
  } finally {
    server.disconnect()
  }
}

/** Lends a folder. */
export const withFolder = async <A>(use: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Progress, for who watches. */
export const say = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(text)
}

/** Takes the line of progress away. */
export const hush = (): void => say("\r\x1b[2K")
