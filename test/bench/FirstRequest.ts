/**
 * Loaded before a script: at the script's first request, prints how many milliseconds after Node's own start that is, and
 * ends the process.
 */
import { subscribe } from "node:diagnostics_channel"
import { performance } from "node:perf_hooks"

subscribe("undici:request:create", () => {
  process.stdout.write(String(performance.now() - performance.nodeTiming.bootstrapComplete))
  process.exit(0)
})
