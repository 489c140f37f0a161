/**
 * Makes what is measured: the built package, and the packages of the others.
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"

// What npm runs is told where npm is.
const [command, ...first] =
  process.env.npm_execpath === undefined ? ["npm"] : [process.execPath, process.env.npm_execpath]

const npm = (...args: ReadonlyArray<string>): void => {
  // Standard output is the report's.
  execFileSync(command, [...first, ...args, "--silent"], { stdio: ["ignore", 2, 2] })
}

export const prepare = (): void => {
  npm("ci", "--prefix", join(import.meta.dirname, "peers"))
  npm("run", "build")
}
