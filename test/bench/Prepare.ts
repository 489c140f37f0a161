/**
 * Makes what is measured: the built package, and the packages of the others.
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"

// What npm runs is told where npm is; what `npx` and others run is told where those are.
const { npm_execpath: path = "" } = process.env
const [command, ...first] = path.endsWith("npm-cli.js") ? [process.execPath, path] : ["npm"]

const npm = (...args: ReadonlyArray<string>): void => {
  // Standard output is the report's.
  execFileSync(command, [...first, ...args, "--silent"], { stdio: ["ignore", 2, 2] })
}

export const prepare = (): void => {
  npm("ci", "--prefix", join(import.meta.dirname, "peers"))
  npm("run", "build")
}
