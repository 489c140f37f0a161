#!/usr/bin/env node
/**
 * What the command starts with: whether this Node will do, and that Node is to keep what it compiles, before anything else
 * is loaded.
 */
import * as Module from "node:module"
import { join } from "node:path"

// What the package's `engines` say. npm only warns, and an older Node would tell of syntax.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`patchbay needs Node 22.19 or later, and this is ${process.versions.node}. Update Node.\n`)
  // As in `ExitCode.ts`, which is loaded later.
  process.exit(2)
}

const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env
const cache = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && join(HOME, ".cache"))
// Not Node's own place among the temporary files, where others could leave code for this command to run.
if (cache) Module.enableCompileCache(join(cache, "effect-patchbay"))

const { run } = await import("./Process.ts")
run()
