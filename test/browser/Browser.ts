/**
 * A Chromium to look at pages with: the one that `CHROME_PATH` names, the one of this folder's package, or the one that
 * is installed.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import type { LaunchOptions } from "playwright-core"

const folder = import.meta.dirname
const modules = join(folder, "node_modules")

/** The version of Chromium that this folder's package brings. */
const version: string = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).devDependencies[
  "@sparticuz/chromium"
]

/** Whether that package is installed, in this version. */
export const isInstalled = (): boolean => {
  const manifest = join(modules, "@sparticuz/chromium/package.json")
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === version
}

/** Whether it can run here: it is built for one platform. */
export const canRun = process.platform === "linux" && process.arch === "x64"

/** What to do where there is none. */
export const howToGet =
  "there is no Chromium: install one, name one in CHROME_PATH, or, on x64 Linux, run npm ci --prefix test/browser"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
const elsewhere = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium"
]

const onPath = (): string | undefined =>
  [
    ...(process.env.PATH ?? "").split(delimiter).flatMap((path) => names.map((name) => join(path, name))),
    ...elsewhere
  ].find((path) => existsSync(path))

/** How to launch it; `undefined` where there is none. */
export const find = async (): Promise<LaunchOptions | undefined> => {
  const named = process.env.CHROME_PATH
  if (named !== undefined) return { executablePath: named, chromiumSandbox: false }
  if (canRun && isInstalled()) return unpacked()
  const executablePath = onPath()
  return executablePath === undefined ? undefined : { executablePath, chromiumSandbox: false }
}

// The package unpacks itself, with the libraries that it needs where it believes to be on a bare machine, into the
// folder for temporary files.
const unpacked = async (): Promise<LaunchOptions> => {
  const home = join(modules, `.chromium-${version}`)
  if (!existsSync(home)) {
    mkdirSync(modules, { recursive: true })
    const fresh = mkdtempSync(join(modules, ".unpacking-"))
    try {
      const code = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath()'
      await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
        cwd: folder,
        env: { ...process.env, TMPDIR: fresh, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" }
      })
      if (!existsSync(home)) renameSync(fresh, home)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  }
  const fonts = join(home, "fonts.conf")
  writeFileSync(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${join(home, "fonts")}</dir><cachedir>${join(home, "font-cache")}</cachedir></fontconfig>`
  )
  return {
    executablePath: join(home, "chromium"),
    chromiumSandbox: false,
    env: {
      ...Object.fromEntries(
        Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
      ),
      LD_LIBRARY_PATH: join(home, "al2023/lib"),
      FONTCONFIG_FILE: fonts
    }
  }
}
