/**
 * The files that a command is told to read and write, looked at before anything is sent: a person who mistyped a path
 * should hear of it at once, not after an hour.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { CommandFailed } from "./ExitCode.ts"

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

/**
 * Fails where a path cannot become a file that is written: its folder is missing or is none, it is a folder itself, or
 * this user may not write there.
 */
export const writable = Effect.fnUntraced(function* (
  option: string,
  file: string
): Effect.fn.Return<void, CommandFailed, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const there = yield* Effect.option(fs.stat(file))
  if (Option.isSome(there)) {
    if (there.value.type === "Directory") return yield* refuse(`${option}: ${file} is a directory. Name a file in it.`)
    if (Option.isNone(yield* Effect.option(fs.access(file, { writable: true })))) {
      return yield* refuse(
        `${option}: this user may not write to ${file}. Name another file, or change its permissions.`
      )
    }
    return
  }
  const folder = path.dirname(file)
  const parent = yield* Effect.option(fs.stat(folder))
  if (Option.isNone(parent) || parent.value.type !== "Directory") {
    return yield* refuse(`${option}: there is no folder ${folder}. Make it, or name a file elsewhere.`)
  }
  if (Option.isNone(yield* Effect.option(fs.access(folder, { writable: true })))) {
    return yield* refuse(`${option}: this user may not write to the folder ${folder}. Name a file elsewhere.`)
  }
})

/** Fails where a path cannot be read as a file. Its size, where it is a file and not a pipe. */
export const readable = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<{ readonly size: number | undefined }, CommandFailed, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const there = yield* Effect.option(fs.stat(file))
  if (Option.isNone(there)) return yield* refuse(`There is no file ${file}. Check the path.`)
  const { size, type } = there.value
  if (type === "Directory") return yield* refuse(`${file} is a directory. Name a file.`)
  if (Option.isNone(yield* Effect.option(fs.access(file, { readable: true })))) {
    return yield* refuse(`This user may not read ${file}. Change its permissions.`)
  }
  return { size: type === "File" ? Number(size) : undefined }
})

/** Whether two paths lead to one file. */
export const isSame = Effect.fnUntraced(function* (
  one: string,
  other: string
): Effect.fn.Return<boolean, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = (file: string) => Effect.orElseSucceed(fs.realPath(file), () => path.resolve(file))
  return (yield* real(one)) === (yield* real(other))
})
