/**
 * A checkpoint in a folder.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import { CheckpointUnreadable, CheckpointUnwritable } from "./CheckpointError.ts"
import type { Claim, Claims } from "./CheckpointLock.ts"
import type { Store } from "./CheckpointStore.ts"
import * as FolderFlush from "./FolderFlush.ts"
import { platformReason } from "./PlatformReason.ts"

const lockName = /^lock-([0-9a-f-]{36})$/
const leftOver = /^checkpoint-[0-9a-f-]{36}-\d+\.tmp$/

const encoder = new TextEncoder()

/**
 * The folder `dir`: `checkpoint.ndjson`, and a file `lock-…` for each run that has it or wants it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (fs: FileSystem.FileSystem, dir: string): Store => {
  const path = `${dir}/checkpoint.ndjson`
  const unwritable = (error: PlatformError.PlatformError) =>
    new CheckpointUnwritable({ checkpoint: dir, reason: platformReason(error) })
  return {
    name: dir,
    prepare: Effect.mapError(makeFolder(fs, dir), unwritable),
    claims: claims(fs, dir, unwritable),
    read: fs.readFileString(path).pipe(
      Effect.asSome,
      Effect.catch((error) =>
        error.reason._tag === "NotFound"
          ? Effect.succeedNone
          : Effect.fail(new CheckpointUnreadable({ checkpoint: dir, reason: platformReason(error) }))
      )
    ),
    writer: (token) =>
      Effect.gen(function* () {
        yield* sweep(fs, dir)
        const flush = yield* FolderFlush.make(fs, dir)
        let writes = 0
        return {
          replace: (text: string) =>
            Effect.suspend(() => {
              const temporary = `${dir}/checkpoint-${token}-${writes++}.tmp`
              const write = Effect.scoped(
                Effect.flatMap(fs.open(temporary, { flag: "wx", mode: 0o600 }), (file) =>
                  Effect.andThen(file.writeAll(encoder.encode(text)), file.sync)
                )
              )
              return Effect.andThen(write, fs.rename(temporary, path)).pipe(
                Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
                Effect.andThen(flush),
                Effect.mapError(unwritable)
              )
            }),
          remove: Effect.gen(function* () {
            if (!(yield* fs.exists(path))) return false
            yield* fs.remove(path)
            yield* flush
            return true
          }).pipe(Effect.mapError(unwritable))
        }
      }).pipe(Effect.mapError(unwritable))
  }
}

const makeFolder = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, dir: string) {
  if (yield* fs.exists(dir)) return
  yield* fs.makeDirectory(dir, { recursive: true, mode: 0o700 })
  // A new folder is safe on disk when those that hold it are.
  for (let folder = FolderFlush.parentOf(dir); folder !== undefined; folder = FolderFlush.parentOf(folder)) {
    yield* Effect.scoped(Effect.flatMap(FolderFlush.make(fs, folder), Effect.ignore))
  }
})

// What a run left that was killed while it wrote. Only the run that has the checkpoint may do this.
const sweep = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, dir: string) {
  for (const name of yield* fs.readDirectory(dir)) {
    if (leftOver.test(name)) yield* fs.remove(`${dir}/${name}`, { force: true })
  }
})

const claims = (
  fs: FileSystem.FileSystem,
  dir: string,
  unwritable: (error: PlatformError.PlatformError) => CheckpointUnwritable
): Claims => {
  const path = (token: string) => `${dir}/lock-${token}`
  return {
    put: (token, text) =>
      Effect.mapError(fs.writeFileString(path(token), `${text}\n`, { flag: "wx", mode: 0o600 }), unwritable),
    list: Effect.gen(function* () {
      const found: Array<Claim> = []
      for (const name of yield* fs.readDirectory(dir)) {
        const token = lockName.exec(name)?.[1]
        if (token === undefined) continue
        const claim = yield* Effect.all([fs.stat(path(token)), fs.readFileString(path(token))]).pipe(
          Effect.asSome,
          // Its run has ended meanwhile.
          Effect.catch((error) => (error.reason._tag === "NotFound" ? Effect.succeedNone : Effect.fail(error)))
        )
        if (Option.isNone(claim)) continue
        const [{ mtime }, text] = claim.value
        found.push({ token, text, beat: String(Option.getOrUndefined(mtime)?.getTime()) })
      }
      return found
    }).pipe(Effect.mapError(unwritable)),
    has: (token) => Effect.mapError(fs.exists(path(token)), unwritable),
    // Setting the times of a file does not make one that is gone.
    beat: (token) =>
      Effect.ignore(
        Effect.suspend(() => {
          const now = new Date()
          return fs.utimes(path(token), now, now)
        })
      ),
    remove: (token) => Effect.ignore(fs.remove(path(token), { force: true }))
  }
}
