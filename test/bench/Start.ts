/**
 * What comes before the first record: how long the package takes to import, how large it is in a bundle, and when the
 * first request leaves.
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import * as Customers from "./Customers.ts"
import * as Goals from "./Goals.ts"
import * as ImportGraph from "./ImportGraph.ts"
import * as Bundle from "./peers/Bundle.ts"
import * as Runner from "./Runner.ts"
import * as Statistics from "./Statistics.ts"
import * as Yardstick from "./Yardstick.ts"

export interface Options {
  readonly rounds: number
  /** Lines of the file that the first request is sent from. */
  readonly lines: number
  readonly seed: number
  readonly mode: Runner.Mode
}

/** One way to start, over all rounds. */
interface Timed {
  readonly title: string
  /** Milliseconds. */
  readonly time: Statistics.Spread
}

export interface Report {
  readonly yardstick: Yardstick.Yardstick
  readonly imports: ReadonlyArray<Timed & { readonly ratio: Statistics.Spread }>
  readonly modules: number
  readonly bundles: ReadonlyArray<{ readonly title: string; readonly sizes: Bundle.Sizes }>
  readonly firsts: ReadonlyArray<Timed>
  readonly goals: ReadonlyArray<Goals.Verdict>
}

const root = resolve(import.meta.dirname, "../..")
// Within the package, so that `effect-patchbay` is found from it by name, as a user's script finds it.
const workshop = join(import.meta.dirname, ".build")

const execute = promisify(execFile)

const write = (name: string, code: string): string => {
  const path = join(workshop, name)
  writeFileSync(path, code)
  return path
}

/** Runs modules that print a number, each in a fresh process, in turns; the numbers of each. */
const inTurns = async (
  rounds: number,
  runs: ReadonlyArray<{ readonly title: string; readonly once: () => Promise<number> }>,
  afterRound = async (): Promise<void> => undefined
): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const numbers = runs.map((): Array<number> => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, { once, title }] of runs.entries()) {
      Runner.say(`\rround ${round + 1} of ${rounds}: ${title}\x1b[K`)
      numbers[index]?.push(await once())
    }
    await afterRound()
  }
  return numbers
}

const node = async (
  args: ReadonlyArray<string>,
  { cwd, env }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}
): Promise<number> => {
  const { stdout } = await execute(process.execPath, [...args], { cwd, env: { ...process.env, ...env } })
  return Number(stdout)
}

// An import takes less than anything else here, and a tenth is what matters.
const importsARound = 5

const measureImports = async ({ rounds }: Options) => {
  const modules = ImportGraph.effectModules(join(root, "dist/index.js"))
  const importing = (specifiers: ReadonlyArray<string>) => specifiers.map((one) => `import "${one}"\n`).join("")
  const timing = write(
    "timing.js",
    `const start = performance.now()\nawait import(process.argv[2])\nconsole.log(performance.now() - start)\n`
  )
  const ways = [
    ["the Effect modules it uses, each by its own path", write("used.js", importing(modules))],
    ["the same once more: the noise", write("again.js", importing(modules))],
    ["the barrels that name them", write("barrels.js", importing(ImportGraph.barrels(modules)))],
    ["effect-patchbay", write("package.js", importing(["effect-patchbay"]))]
  ] as const
  const times = await inTurns(
    rounds * importsARound,
    ways.map(([title, path]) => ({ title, once: () => node([timing, path]) }))
  )
  const imports = Statistics.overFirst(times).map((spreads, index) => ({ title: ways[index]?.[0] ?? "", ...spreads }))
  return { imports, modules: modules.length }
}

/** A module of the bench without its types. */
const plain = (name: string): string => stripTypeScriptTypes(readFileSync(join(import.meta.dirname, name), "utf8"))

/** The floor, which shows the least that undici and a loop take. It is given the file and the server. */
const floor = (): string => {
  write("FloorLoop.js", plain("FloorLoop.ts"))
  write("Floor.js", plain("peers/Floor.ts").replace("../FloorLoop.ts", "./FloorLoop.js"))
  return write(
    "floor.js",
    [
      'import { floor } from "./Floor.js"',
      "const [csv] = process.argv.slice(2)",
      "const run = await floor({ csv, batch: 500, concurrency: 8, url: process.env.REACH_BASE_URL })",
      "await run()\n"
    ].join("\n")
  )
}

/** The script of `First.ts` as plain JavaScript: as it is, with other imports, and with `fetch`. */
const scripts = () => {
  const first = plain("First.ts")
  const changed = (what: RegExp | string, to: string): string => {
    const script = first.replaceAll(what, to)
    if (script === first) throw new Error(`First.ts has no ${what}.`)
    return script
  }
  return {
    plain: write("first.js", first),
    index: write("index.js", changed(/import \* as (\w+) from "effect\/\w+"/g, 'import { $1 } from "effect"')),
    indexes: write(
      "indexes.js",
      changed(/import \* as (\w+) from "(effect|@effect\/platform-node)\/\w+"/g, 'import { $1 } from "$2"')
    ),
    fetching: write(
      "fetching.js",
      changed(
        'import { NodeHttp } from "effect-patchbay/node"',
        'import * as NodeHttp from "effect/http/FetchHttpClient"'
      )
    )
  }
}

const measureFirsts = (
  { lines, rounds, seed }: Options,
  paths: {
    readonly [script in
      | "plain"
      | "index"
      | "indexes"
      | "fetching"
      | "bundled"
      | "fetchBundled"
      | "watching"
      | "floor"]: string
  },
  measureMachine: () => Promise<void>
) =>
  Runner.withFolder((folder) =>
    Runner.withServer(0, async (url) => {
      Runner.say(`\rwriting ${Statistics.grouped(lines)} records\x1b[K`)
      const csv = join(folder, "customers.csv")
      await Customers.write({ records: lines, seed, csv, ndjson: undefined })
      const env = { REACH_TOKEN: "bench", REACH_BASE_URL: url }
      const cached = { ...env, NODE_COMPILE_CACHE: join(folder, "cache") }
      const ways = [
        ["as the README has it", paths.plain, env],
        ["with the index of effect", paths.index, env],
        ["with the index of @effect/platform-node, too", paths.indexes, env],
        ["with effect/http/FetchHttpClient instead of undici", paths.fetching, env],
        ["as the README has it, with Node's compile cache", paths.plain, cached],
        ["bundled, all but undici", paths.bundled, env],
        ["bundled, with Node's compile cache", paths.bundled, cached],
        ["bundled, with that cache and fetch", paths.fetchBundled, cached]
      ] as const
      const watched = `--import=${paths.watching}`
      // A checkpoint of an earlier run would have another one read on.
      const folderOfRun = () => mkdtempSync(join(folder, "run-"))
      const scripts = ways.map(([title, script, env]) => ({
        title,
        once: () => node([watched, script, csv, folderOfRun()], { env })
      }))
      const command = {
        title: "the command, which keeps what Node compiles",
        once: () =>
          node(
            [
              watched,
              join(root, "dist/cli/main.js"),
              ...["sync", "--to", "reach.batch-patch", "--tenant", "bench", csv]
            ],
            { cwd: folderOfRun(), env: { ...env, XDG_CACHE_HOME: join(folder, "cache") } }
          )
      }
      const least = {
        title: "the floor",
        once: () => node([watched, paths.floor, csv], { env })
      }
      const runs = [least, ...scripts, command]
      // The cache is filled by the first one.
      for (const { once } of runs) await once()
      const times = await inTurns(rounds, runs, measureMachine)
      return runs.map(({ title }, index): Timed => ({ title, time: Statistics.spread(times[index] ?? []) }))
    })
  )

export const measure = async (options: Options): Promise<Report> => {
  const { used, yardstick } = await Yardstick.beside(options, (measureMachine) => measured(options, measureMachine))
  const { firsts, imports } = used
  return {
    yardstick,
    ...used,
    goals: [
      Goals.importing(imports.at(-1)?.ratio),
      ...firsts.slice(1).map(({ time, title }) => Goals.firstRequest(title, time, yardstick.scale))
    ]
  }
}

const measured = async (
  options: Options,
  measureMachine: () => Promise<void>
): Promise<Omit<Report, "goals" | "yardstick">> => {
  rmSync(workshop, { recursive: true, force: true })
  mkdirSync(workshop)
  const { imports, modules } = await measureImports(options)
  const paths = scripts()
  const everything = write("everything.js", 'import * as all from "effect-patchbay"\nconsole.log(all)\n')
  const bundles = [
    { title: "everything that it exports", sizes: await Bundle.sizes(everything) },
    { title: "the sync of the README", sizes: await Bundle.sizes(paths.plain) }
  ]
  const bundled = await Bundle.write(paths.plain, join(workshop, "bundled"))
  const fetchBundled = await Bundle.write(paths.fetching, join(workshop, "fetching"))
  const firsts = await measureFirsts(
    options,
    {
      ...paths,
      bundled,
      fetchBundled,
      watching: write("watching.js", plain("FirstRequest.ts")),
      floor: floor()
    },
    measureMachine
  )
  rmSync(workshop, { recursive: true, force: true })
  return { imports, modules, bundles, firsts }
}

const kb = ({ bytes, gzip }: Bundle.Size) => `${Statistics.grouped(bytes / 1000)} (${Statistics.grouped(gzip / 1000)})`

const ms = ({ max, median, min }: Statistics.Spread) => `${median.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`

/** The report for people. */
export const format = (
  { bundles, firsts, goals, imports, modules, yardstick }: Report,
  { lines, rounds }: Options
): string =>
  [
    `The built package, in fresh processes and in turns; medians of ${rounds}, of imports ${rounds * importsARound} (smallest–largest).`,
    "",
    Statistics.table([
      [`import of (${modules} Effect modules are used)`, "ms", "× those modules"],
      ...imports.map(({ ratio, time, title }) => [title, ms(time), Statistics.ratio(ratio)])
    ]),
    "",
    Statistics.table([
      ["bundle, minified KB (compressed)", "all", "ours", "effect", "jose", "platform-node, undici"],
      ...bundles.map(({ sizes: { all, effect, others, ours, platform }, title }) => [
        title,
        ...[all, ours, effect, others, platform].map(kb)
      ])
    ]),
    "",
    Statistics.table([
      [`first request from ${Statistics.grouped(lines)} lines`, "ms after Node's own start"],
      ...firsts.map(({ time, title }) => [title, ms(time)])
    ]),
    "",
    Yardstick.format(yardstick),
    "",
    Goals.format(goals)
  ].join("\n")
