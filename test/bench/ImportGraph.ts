/**
 * Which Effect modules a built package imports, read off its own modules.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

interface Import {
  readonly from: string
  /** The names in braces; none where it takes all there is. */
  readonly names: ReadonlyArray<string> | undefined
}

// At the start of a line only, since comments hold examples.
const statement = /^(?:import|export)\b([^"';=(]*?)\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"/gm

const withoutComments = (text: string) => text.replaceAll(/\/\*[\s\S]*?\*\//g, "")

const namesIn = (clause: string): ReadonlyArray<string> | undefined =>
  clause
    .match(/\{([\s\S]*)\}/)?.[1]
    ?.split(",")
    .map((name) => name.trim().split(/\s+as\s+/)[0] ?? "")
    .filter((name) => name !== "")

const importsOf = (file: string): ReadonlyArray<Import> =>
  [...withoutComments(readFileSync(file, "utf8")).matchAll(statement)].map(([, clause = "", from, alone]) => ({
    from: from ?? alone ?? "",
    names: namesIn(clause)
  }))

const effectFolder = dirname(fileURLToPath(import.meta.resolve("effect")))

/** The modules that a barrel of Effect names, each by what it is named there; nothing where it is no barrel. */
const barrel = (specifier: string): ReadonlyMap<string, string> | undefined => {
  const index = join(effectFolder, specifier.replace(/^effect/, ""), "index.js")
  if (!existsSync(index)) return undefined
  const deep = (path: string) => `${specifier}/${path.replace(/^\.\/|\.js$/g, "")}`
  const modules = new Map<string, string>()
  for (const [, clause = "", from = ""] of withoutComments(readFileSync(index, "utf8")).matchAll(statement)) {
    const namespace = clause.match(/\*\s+as\s+(\w+)/)?.[1]
    for (const name of namespace === undefined ? (namesIn(clause) ?? []) : [namespace]) modules.set(name, deep(from))
  }
  return modules
}

/** The Effect modules that the modules reachable from `entry` import, with those that only types need left out. */
export const effectModules = (entry: string): ReadonlyArray<string> => {
  const seen = new Set<string>()
  const used = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    for (const { from, names } of importsOf(file)) {
      if (from.startsWith(".")) {
        visit(resolve(dirname(file), from))
        continue
      }
      if (!/^effect(?:\/|$)/.test(from)) continue
      const modules = barrel(from)
      for (const name of names ?? [""]) {
        const module = modules === undefined || names === undefined ? from : modules.get(name)
        if (module === undefined) throw new Error(`${file} imports ${name} from ${from}, which does not name it.`)
        used.add(module)
      }
    }
  }
  visit(entry)
  if (used.size === 0) throw new Error(`Nothing of what ${entry} imports is Effect's. Has it been bundled?`)
  return [...used].sort()
}

/** The same modules by the barrels that name them. */
export const barrels = (modules: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ...new Set(
      modules.map((module) => (existsSync(join(effectFolder, module.slice(6), "index.js")) ? module : dirname(module)))
    )
  ].sort()
