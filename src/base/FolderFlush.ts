/** A file that was made, renamed or removed is so after a power cut too only when its folder was flushed. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"

/** The folder that holds a path; `undefined` at the top, or where the path begins. */
export const parentOf = (path: string): string | undefined => {
  const end = path.replace(/[\\/]+$/, "").search(/[\\/]+[^\\/]+$/)
  if (end > 0) return path.slice(0, end)
  if (end === 0) return "/"
  return path === "." || path === "" || /^[\\/]/.test(path) ? undefined : "."
}

/**
 * Flushes a folder, so that what was made or renamed in it is safe on disk. Does nothing where a folder cannot
 * be opened or flushed (Windows): there the platform takes care of it, or nobody can.
 */
export const make = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, dir: string) {
  const folder = yield* Effect.option(fs.open(dir, { flag: "r" }))
  if (Option.isNone(folder)) return Effect.void
  const { sync } = folder.value
  return (yield* Effect.isSuccess(sync)) ? sync : Effect.void
})
