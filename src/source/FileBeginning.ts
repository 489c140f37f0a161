/** How a file begins, so that it can be told later whether it still begins so. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"

const digestSize = 32

// What is read and digested at once. A beginning that grows is digested on from the last whole one.
const pieceSize = 256 * 1024

const LF = 10
const CR = 13

/** Digests of SHA-256, each over the one before it and the piece behind that: the same for the same bytes. */
interface Chain {
  /** How many bytes it is of: whole pieces. */
  readonly bytes: number
  readonly digest: Uint8Array
}

const none: Chain = { bytes: 0, digest: new Uint8Array(digestSize) }

/** `undefined` where the file ends before that many bytes. */
const follow = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: string,
  bytes: number,
  from: Chain
): Effect.fn.Return<
  { readonly chain: Chain; readonly digest: Uint8Array } | undefined,
  PlatformError.PlatformError,
  Scope.Scope
> {
  const file = yield* fs.open(path, { flag: "r" })
  yield* file.seek(BigInt(from.bytes), "start")
  const buffer = new Uint8Array(digestSize + pieceSize)
  let chain = from
  for (;;) {
    const wanted = Math.min(pieceSize, bytes - chain.bytes)
    let size = 0
    while (size < wanted) {
      const read = yield* file.read(buffer.subarray(digestSize + size, digestSize + wanted))
      if (read === 0) return undefined
      size += Number(read)
    }
    buffer.set(chain.digest)
    const digest = new Uint8Array(
      yield* Effect.promise(() => crypto.subtle.digest("SHA-256", buffer.subarray(0, digestSize + size)))
    )
    if (wanted < pieceSize) return { chain, digest }
    chain = { bytes: chain.bytes + pieceSize, digest }
  }
})

/** What shows how a file begins, for as many bytes as are asked for. */
export interface Beginning {
  /**
   * As a text; `undefined` where the file has no such beginning. With `end`, those bytes were all, and their last row may be
   * one that is not ended yet.
   */
  readonly proof: (
    fs: FileSystem.FileSystem,
    bytes: number,
    end: boolean
  ) => Effect.Effect<string | undefined, PlatformError.PlatformError>
}

/** It is asked for more and more bytes, and reads each piece of them once. */
export const make = (path: string): Beginning => {
  let known = none
  return {
    proof: (fs, bytes, end) =>
      Effect.scoped(follow(fs, path, bytes, known.bytes <= bytes ? known : none)).pipe(
        Effect.map((found) => {
          if (found === undefined) return undefined
          known = found.chain
          return [method, bytes, hex(found.digest), ...(end ? ["end"] : [])].join(" ")
        })
      )
  }
}

const method = "sha-256/256k"

const proofs = /^sha-256\/256k (\d{1,15}) ([0-9a-f]{64})( end)?$/

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** What a file that changed is to one that began so. */
export type Standing = "goes on" | "changed" | "shorter" | "row goes on" | "not known"

/** How a file stands to what was proved of it. */
export const check = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: string,
  proof: string | undefined
): Effect.fn.Return<Standing, PlatformError.PlatformError> {
  const [, size, digest, end] = proofs.exec(proof ?? "") ?? []
  if (size === undefined) return "not known"
  const bytes = Number(size)
  const found = yield* Effect.scoped(follow(fs, path, bytes, none))
  if (found === undefined) return "shorter"
  if (hex(found.digest) !== digest) return "changed"
  return end === undefined || (yield* Effect.scoped(endsRow(fs, path, bytes))) ? "goes on" : "row goes on"
})

/** Whether a row ends with, or right behind, so many bytes. */
const endsRow = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string, bytes: number) {
  if (bytes === 0) return true
  const file = yield* fs.open(path, { flag: "r" })
  yield* file.seek(BigInt(bytes - 1), "start")
  const around = new Uint8Array(2)
  const size = Number(yield* file.read(around))
  return size < 2 || around.some((byte) => byte === LF || byte === CR)
})
