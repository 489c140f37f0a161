/** A file, a block at a time, in a buffer that is used again. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/**
 * The bytes of a file from a byte on, at most `blockSize` of them at a time. A block holds what it does until the next one
 * is asked for: whoever needs its bytes any longer copies them. `FileSystem.stream` allocates each block, and it is for
 * such bytes, which no heap shows, that V8 then looks through all of it again and again.
 */
export const read = (
  fs: FileSystem.FileSystem,
  path: string,
  offset: number,
  blockSize: number
): Stream.Stream<Uint8Array, PlatformError.PlatformError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const file = yield* fs.open(path, { flag: "r" })
      if (offset > 0) yield* file.seek(BigInt(offset), "start")
      const buffer = new Uint8Array(blockSize)
      const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, PlatformError.PlatformError> = Effect.flatMap(
        file.read(buffer),
        (size) => (size === 0 ? Cause.done() : Effect.succeed(Arr.of(buffer.subarray(0, size))))
      )
      return Stream.fromPull(Effect.succeed(next))
    })
  )
