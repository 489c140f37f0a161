import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "../..")
const pages = ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: root })]
const textOf = (page: string): string => readFileSync(join(root, page), "utf8")
const files = globSync(["src/**/*.ts", "test/**/*.ts"], { cwd: root, exclude: ["test/.examples/**"] })
const names = new Set(files.map((file) => basename(file)))
const rooms = new Set(globSync("src/*/", { cwd: root }).map((folder) => relative("src", folder)))

/** What is written as code, outside of blocks. */
const codeOf = (text: string): ReadonlyArray<string> =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code)

const isPath = (code: string): boolean =>
  /^[\w./-]+$/.test(code) && code.includes("/") && !/^[./]/.test(code) && !code.endsWith("/")

const anchorsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  )

describe("what the pages name", () => {
  it("is there: each folder and file", () => {
    const missing = pages.flatMap((page) =>
      codeOf(textOf(page))
        .filter((code) => {
          if (/^\w+\.ts$/.test(code)) return !names.has(code)
          if (!isPath(code)) return false
          const [first = ""] = code.split("/")
          if (first === "src" || first === "test" || first === "docs") return !existsSync(join(root, code))
          return rooms.has(first) && !existsSync(join(root, "src", code))
        })
        .map((code) => `${page}: ${code}`)
    )
    assert.deepStrictEqual(missing, [])
  })

  it("is there: each page and part that a link leads to", () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
        .filter(([, path = "", anchor]) => {
          const target = path === "" ? page : join(dirname(page), path)
          if (!existsSync(join(root, target))) return true
          return anchor !== undefined && !anchorsOf(textOf(target)).includes(anchor)
        })
        .map(([link]) => `${page}: ${link}`)
    )
    assert.deepStrictEqual(broken, [])
  })

  it("answers a newcomer's questions with one file each", () => {
    const [, table = ""] = /## Where is …\?\n([\s\S]*?)\n## /.exec(textOf("CONTRIBUTING.md")) ?? []
    const answers = [...table.matchAll(/^\| [^|]+\? \| (.+) \|$/gm)].map(([, answer = ""]) => answer)
    assert.isAtLeast(answers.length, 10)
    for (const answer of answers) assert.match(answer, /^`src\/[\w/]+\.ts`$/)
  })
})
