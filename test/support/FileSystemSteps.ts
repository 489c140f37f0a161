/** A file system of which each operation that a checkpoint is made of passes by somebody who may stop it. */
import { Effect, type FileSystem, type PlatformError, Scope } from "effect"

/** `half` is what the operation has done when it is cut off in the middle. */
export type Step = <A>(
  name: string,
  whole: Effect.Effect<A, PlatformError.PlatformError>,
  half?: Effect.Effect<unknown, PlatformError.PlatformError> | undefined
) => Effect.Effect<A, PlatformError.PlatformError>

export const make = (real: FileSystem.FileSystem, step: Step): FileSystem.FileSystem => {
  const wrap = (file: FileSystem.File): FileSystem.File =>
    Object.defineProperties(Object.create(file), {
      sync: { value: step("sync", file.sync) },
      writeAll: {
        value: (bytes: Uint8Array) =>
          step("writeAll", file.writeAll(bytes), file.writeAll(bytes.subarray(0, bytes.length / 2)))
      }
    })
  return {
    ...real,
    exists: (path) => step("exists", real.exists(path)),
    open: (path, options) =>
      Effect.flatMap(Effect.scope, (scope) =>
        step("open", Scope.provide(Effect.map(real.open(path, options), wrap), scope))
      ),
    readDirectory: (path, options) => step("readDirectory", real.readDirectory(path, options)),
    readFileString: (path, encoding) =>
      path.startsWith("/proc/")
        ? real.readFileString(path, encoding)
        : step("readFileString", real.readFileString(path, encoding)),
    remove: (path, options) => step("remove", real.remove(path, options)),
    rename: (from, to) => step("rename", real.rename(from, to)),
    writeFileString: (path, data, options) => step("writeFileString", real.writeFileString(path, data, options))
  }
}
