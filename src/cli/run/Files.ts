/**
 * The files that a command is told to read and write, looked at before anything is sent: a person who mistyped a path
 * should hear of it at once, not after an hour.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { CommandFailed } from "../show/ExitCode.ts"

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

/** A path that is read or written, and what for. */
export interface Use {
  /** As a message names it, such as `--report`. */
  readonly as: string
  readonly path: string
}

/**
 * Fails where two of these paths lead to one file, by whatever spelling or link: what is written last would be all that is
 * left of both.
 */
export const distinct = Effect.fnUntraced(function* (
  uses: ReadonlyArray<Use>
): Effect.fn.Return<void, CommandFailed, FileSystem.FileSystem | Path.Path> {
  const seen = new Map<string, Use>()
  for (const use of uses) {
    const identity = yield* identityOf(use.path, mostLinks)
    const other = identity === undefined ? undefined : seen.get(identity)
    if (other !== undefined) {
      return yield* refuse(
        `${use.as} ${use.path} is the same file as ${other.as} ${other.path}. Name another one for one of them.`
      )
    }
    if (identity !== undefined) seen.set(identity, use)
  }
})

// As many as Linux follows.
const mostLinks = 40

/** What two paths to one file have in common, also where it is still to be made. A device, such as a terminal, has nothing. */
const identityOf: (
  file: string,
  links: number
) => Effect.Effect<string | undefined, never, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (file, links) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const there = yield* Effect.option(fs.stat(file))
    if (Option.isSome(there)) {
      const { dev, ino, type } = there.value
      return type === "CharacterDevice"
        ? undefined
        : Option.match(ino, {
            onNone: () => path.resolve(file),
            onSome: (ino) => `${dev}:${ino}`
          })
    }
    const target = yield* Effect.option(fs.readLink(file))
    const folder = path.dirname(path.resolve(file))
    if (Option.isSome(target) && links > 0) return yield* identityOf(path.resolve(folder, target.value), links - 1)
    if (folder === path.resolve(file)) return folder
    return `${yield* identityOf(folder, links)}/${path.basename(file)}`
  }
)
