/**
 * Installs the browser of this folder's package, where it can run and is not there: before the tests. Where that fails,
 * the tests look for another one.
 */
import { spawnSync } from "node:child_process"
import { canRun, howToGet, isInstalled } from "./Browser.ts"

if (process.env.CHROME_PATH === undefined && canRun && !isInstalled()) {
  const { status } = spawnSync("npm", ["ci", "--prefix", import.meta.dirname, "--silent"], { stdio: "inherit" })
  if (status !== 0)
    process.stderr.write(`Chromium could not be installed. Tests that need one are skipped if ${howToGet}.\n`)
}
