/** A checkpoint in a folder. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as FolderFlush from "../../base/FolderFlush.ts"
import * as PlatformReason from "../../base/PlatformReason.ts"
import { CheckpointUnreadable, CheckpointUnwritable } from "./CheckpointError.ts"
import type { Claim, Claims, Lock } from "./CheckpointLock.ts"
import type { Store, Writer } from "./CheckpointStore.ts"

const lockName = /^lock-([0-9a-f-]{36})$/
const leftOver = /^checkpoint-[0-9a-f-]{36}-\d+\.tmp$/

const encoder = new TextEncoder()

// Bytes of states that are kept in one file before it begins anew with one.
const fullFile = 1 << 20

/**
 * The folder `dir`: `checkpoint.ndjson`, and a file `lock-…` for each run that has it or wants it.
 *
 * A run puts a file with its first state in the place of the one that it found, and adds the next states at its end:
 * a write and a flush instead of seven operations.
 */
export const make = (fs: FileSystem.FileSystem, dir: string): Store => {
  const path = `${dir}/checkpoint.ndjson`
  const unwritable = (error: PlatformError.PlatformError) =>
    new CheckpointUnwritable({ checkpoint: dir, reason: PlatformReason.of(error) })
  return {
    name: dir,
    prepare: Effect.mapError(makeFolder(fs, dir), unwritable),
    claims: claims(fs, dir, unwritable),
    read: fs.readFileString(path).pipe(
      Effect.asSome,
      Effect.catch((error) =>
        error.reason._tag === "NotFound"
          ? Effect.succeedNone
          : Effect.fail(new CheckpointUnreadable({ checkpoint: dir, reason: PlatformReason.of(error) }))
      )
    ),
    // A write takes up to ten milliseconds of a busy machine, and a batch is accepted every two.
    rest: 20,
    writer: (lock) => makeWriter(fs, dir, path, unwritable, lock)
  }
}

// One at a time: Node's `recursive` tries for ever where a folder takes no others, as `/proc` does.
const makeFolder: (fs: FileSystem.FileSystem, dir: string) => Effect.Effect<void, PlatformError.PlatformError> =
  Effect.fnUntraced(function* (fs, dir) {
    if (yield* fs.exists(dir)) return
    const parent = FolderFlush.parentOf(dir)
    if (parent !== undefined) yield* makeFolder(fs, parent)
    yield* Effect.catchIf(
      fs.makeDirectory(dir, { mode: 0o700 }),
      // Another run was faster.
      ({ reason }) => reason._tag === "AlreadyExists",
      () => Effect.void
    )
    // A new folder is safe on disk when the one that holds it is.
    if (parent !== undefined) {
      yield* Effect.scoped(Effect.flatMap(FolderFlush.make(fs, parent), Effect.ignore))
    }
  })

const makeWriter = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  dir: string,
  path: string,
  unwritable: (error: PlatformError.PlatformError) => CheckpointUnwritable,
  lock: Lock
): Effect.fn.Return<Writer, CheckpointUnwritable, Scope.Scope> {
  yield* Effect.mapError(sweep(fs, dir), unwritable)
  const flush = yield* FolderFlush.make(fs, dir)
  const scope = yield* Effect.scope
  let files = 0
  let current: { readonly file: FileSystem.File; readonly scope: Scope.Closeable } | undefined
  let size = 0

  const leave = Effect.suspend(() => {
    const left = current
    current = undefined
    return left === undefined ? Effect.void : Scope.close(left.scope, Exit.void)
  })

  const begin = (bytes: Uint8Array) =>
    Effect.gen(function* () {
      yield* leave
      const temporary = `${dir}/checkpoint-${lock.token}-${files++}.tmp`
      const own = yield* Scope.fork(scope)
      yield* Effect.gen(function* () {
        const file = yield* Scope.provide(fs.open(temporary, { flag: "wx", mode: 0o600 }), own)
        yield* file.writeAll(bytes)
        yield* file.sync
        // What is there when this is found to have the checkpoint is swept away by the run that takes it over, and
        // can then not be renamed.
        yield* lock.check
        yield* fs.rename(temporary, path)
        yield* flush
        current = { file, scope: own }
        size = bytes.length
      }).pipe(
        Effect.onError(() =>
          Effect.andThen(Scope.close(own, Exit.void), Effect.ignore(fs.remove(temporary, { force: true })))
        )
      )
    }).pipe(
      // Swept away, by the run that took over, or by one that was taken over in the middle of sweeping.
      Effect.retry({ times: 1, while: (error) => error._tag === "PlatformError" && error.reason._tag === "NotFound" }),
      Effect.catchTag("PlatformError", (error) => Effect.fail(unwritable(error)))
    )

  const add = (file: FileSystem.File, bytes: Uint8Array) =>
    Effect.andThen(file.writeAll(bytes), file.sync).pipe(
      Effect.andThen(
        Effect.sync(() => {
          size += bytes.length
        })
      ),
      // Nothing can be added after the half of a state.
      Effect.onError(() => leave),
      Effect.mapError(unwritable)
    )

  return {
    replace: (text) =>
      Effect.gen(function* () {
        const bytes = encoder.encode(text)
        const file = current?.file
        if (file === undefined || size + bytes.length > fullFile) return yield* begin(bytes)
        yield* add(file, bytes)
        // Only now: a run that takes over after this reads what was added, and what was added after one took over
        // may be in a file that nobody reads.
        yield* lock.check
        if (!(yield* Effect.mapError(fs.exists(path), unwritable))) yield* begin(bytes)
      })
  }
})

// What a run left that was killed while it wrote, or was taken over. Only the run that has the checkpoint may do this.
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
    remove: (token) => Effect.mapError(fs.remove(path(token), { force: true }), unwritable)
  }
}
