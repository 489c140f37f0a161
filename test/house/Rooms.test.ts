import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "../..")
const guide = readFileSync(join(root, "CONTRIBUTING.md"), "utf8")
const files = globSync("src/**/*.ts", { cwd: root, exclude: (file) => String(file).endsWith(".d.ts") }).sort()

/** The rooms, from the top, as the guide shows them. */
const rooms = [...(/```text\n([\s\S]*?)```/.exec(guide)?.[1] ?? "").matchAll(/^ *([\w/]+) {2,}\S/gm)].map(
  ([, name]) => name ?? ""
)

const roomOf = (file: string): string => {
  const folder = dirname(file).replace(/^src\/?/, "")
  return folder === "" ? "index" : folder
}

const importsOf = (file: string): ReadonlyArray<string> => [
  ...new Set(
    [
      ...readFileSync(join(root, file), "utf8")
        .replaceAll(/\/\*[\s\S]*?\*\//g, "")
        .matchAll(/(?:^(?:import|export)\b[^"';]*?from |^import |\bimport\()"([^"]+)"/gm)
    ].map(([, specifier]) => specifier ?? "")
  )
]

const isOwn = (specifier: string): boolean => specifier.startsWith(".")
// What is compiled to WebAssembly names its files without their endings.
const target = (file: string, specifier: string): string => {
  const to = join(dirname(file), specifier)
  return to.endsWith(".ts") ? to : `${to}.ts`
}

const graph = new Map(
  files.map((file) => [
    file,
    importsOf(file)
      .filter(isOwn)
      .map((specifier) => target(file, specifier))
  ])
)

/** Why an import is not allowed, if it is not. */
const problem = (from: string, to: string): string | undefined => {
  const [a, b] = [roomOf(from), roomOf(to)]
  if (rooms.indexOf(b) < rooms.indexOf(a)) return "goes up"
  if (/^(reach|pocketflows)$/.test(a)) {
    if (/^(reach|pocketflows)$/.test(b) && a !== b) return "is another vendor"
    if (b.startsWith("sync") && b !== "sync/model") return "is not the vendor's business"
    if (b.startsWith("source")) return "is not the vendor's business"
  }
  if (a.startsWith("cli") && !b.startsWith("cli") && !["index", "node", "sandbox", "sql", "cluster"].includes(b))
    return "is not public"
  if (a !== "index" && b === "index" && !a.startsWith("cli") && a !== "demo") return "is for users"
  return undefined
}

const allowed: { readonly [start: string]: ReadonlyArray<string> } = {
  "node:": ["sandbox", "cli", "demo", "node"],
  "@effect/platform-node": ["cli", "demo", "node", "cluster"],
  "@effect/sql-pg": ["cli"],
  undici: ["node"]
}

describe("the house", () => {
  it("has the rooms that the guide shows, and no others", () => {
    assert.deepStrictEqual([...new Set(files.map(roomOf))].sort(), [...rooms].sort())
  })

  it("imports go down only, and only what they may", () => {
    const wrong = [...graph].flatMap(([from, all]) =>
      all.flatMap((to) => {
        const why = problem(from, to)
        return why === undefined ? [] : [`${from} imports ${to}, which ${why}`]
      })
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("no files import each other, not even for a type", () => {
    const done = new Set<string>()
    const circles: Array<string> = []
    const visit = (file: string, path: ReadonlyArray<string>): void => {
      const at = path.indexOf(file)
      if (at >= 0) circles.push([...path.slice(at), file].join(" -> "))
      if (at >= 0 || done.has(file)) return
      for (const next of graph.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepStrictEqual(circles, [])
  })

  it("packages are imported where they may be", () => {
    for (const file of files) {
      for (const specifier of importsOf(file)) {
        for (const [start, where] of Object.entries(allowed)) {
          if (!specifier.startsWith(start)) continue
          assert.include(where, roomOf(file).split("/")[0] ?? "", `${file} imports ${specifier}`)
        }
      }
    }
  })

  it("what is said once stands in one place", () => {
    const places: ReadonlyArray<readonly [what: RegExp, where: string]> = [
      [/Headers\.parseRetryAfter\(/, "src/http/RetryAfter.ts"],
      [/\b8\.64e15\b/, "src/base/Utc.ts"],
      [/isString\(\w+\._tag\) \? \w+\._tag/, "src/base/Tag.ts"],
      [/case "ServerFault"|"ServerFault",/, "src/http/ApiError.ts"],
      [/"RetriesExhausted" \|\| /, "src/sync/deliver/SendFailure.ts"]
    ]
    for (const [what, where] of places) {
      const found = files.filter((file) => what.test(readFileSync(join(root, file), "utf8")))
      assert.deepStrictEqual(found, [where], String(what))
    }
  })

  it("the guide's paths are there", () => {
    const paths = [...guide.matchAll(/`((?:src|test)\/[\w./]+)`/g)].map(([, path]) => path ?? "")
    assert.isAbove(paths.length, 10)
    for (const path of paths) assert.isTrue(existsSync(join(root, path)), path)
  })
})
