#!/usr/bin/env node
/**
 * What the command starts with: Node is told to keep what it compiles before anything else is loaded.
 */
import { enableCompileCache } from "node:module"
import { join } from "node:path"

const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env
const cache = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && join(HOME, ".cache"))
// Not Node's own place among the temporary files, where others could leave code for this command to run.
if (cache) enableCompileCache(join(cache, "effect-patchbay"))

const { run } = await import("./Process.ts")
run()
