import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"

/** A complete program out of the documentation. */
export interface Example {
  /** File and line of its first line. */
  readonly place: string
  /** The name in the comment before it, by which a test knows how to run it. */
  readonly name: string | undefined
  readonly code: string
}

const files = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))

/** Every fenced block of TypeScript in the README, in docs and in the comments of the source. */
export const all = (root: string): ReadonlyArray<Example> =>
  [join(root, "README.md"), ...files(join(root, "docs"), ".md"), ...files(join(root, "src"), ".ts")].flatMap((file) => {
    const examples: Array<Example> = []
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .map((line) => (file.endsWith(".ts") ? line.replace(/^\s*\* ?/, "") : line))
    for (let i = 0; i < lines.length; i++) {
      if (lines[i]?.trim() !== "```ts") continue
      const end = lines.indexOf("```", i + 1)
      const name = /^<!-- example: (\S+) -->$/.exec(lines[i - 1] ?? "")?.[1]
      examples.push({
        place: `${relative(root, file)}:${i + 1}`,
        name,
        code: `${lines.slice(i + 1, end).join("\n")}\n`
      })
      i = end
    }
    return examples
  })
