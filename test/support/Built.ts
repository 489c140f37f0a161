/**
 * The modules that `npm run build` makes, so that tests run what users run. They are made once for each state of the
 * sources, whichever test asks first, and without types, which `npm run check` looks at.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync
} from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")
const builds = join(root, "test/.built")

/** Longer than a build takes on a busy machine. */
const longestBuild = 120_000

const keptFor = 3_600_000

const stateOf = (): string => {
  const hash = createHash("sha256")
  for (const file of [
    "package.json",
    "tsconfig.json",
    "rolldown.config.ts",
    ...globSync("src/**/*.ts", { cwd: root }).sort()
  ]) {
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0")
  }
  return hash.digest("hex").slice(0, 16)
}

const sleep = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)

/** The folder with `package.json` and `dist`, in which `node_modules` is that of the repository. */
export const folder = (): string => {
  const built = join(builds, stateOf())
  const lock = `${built}.lock`
  mkdirSync(builds, { recursive: true })
  while (!existsSync(built)) {
    try {
      mkdirSync(lock)
    } catch {
      // Another test builds it; one that was killed does not.
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
      if (since !== undefined && Date.now() - since > longestBuild) rmSync(lock, { recursive: true, force: true })
      else sleep(100)
      continue
    }
    try {
      if (!existsSync(built)) build(built, lock)
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
  return built
}

const build = (built: string, lock: string): void => {
  const draft = join(lock, "build")
  mkdirSync(draft)
  execFileSync(
    process.execPath,
    [
      join(root, "node_modules/rolldown/bin/cli.mjs"),
      ...["-c", join(root, "rolldown.config.ts"), "--dir", join(draft, "dist"), "--log-level", "warn"]
    ],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] }
  )
  cpSync(join(root, "package.json"), join(draft, "package.json"))
  symlinkSync(join(root, "node_modules"), join(draft, "node_modules"))
  // Those of other states; what is new may be in use.
  for (const name of readdirSync(builds)) {
    const other = join(builds, name)
    if (Date.now() - statSync(other).mtimeMs > keptFor) rmSync(other, { recursive: true, force: true })
  }
  renameSync(draft, built)
}
