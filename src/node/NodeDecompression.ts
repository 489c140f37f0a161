/**
 * Decompression by Node's own zlib: gzip, zstd and brotli.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Decompression from "../source/bytes/Decompression.ts"
import { BrokenArchive } from "../source/read/CustomerFileError.ts"

// Bytes that come out at once. Each call goes to another thread and back.
const blockSize = 256 * 1024

const engines: { readonly [C in Decompression.Compression]: () => Engine } = {
  gzip: () => zlib.createGunzip({ chunkSize: blockSize }),
  zstd: () => zlib.createZstdDecompress({ chunkSize: blockSize }),
  brotli: () => zlib.createBrotliDecompress({ chunkSize: blockSize })
}

type Engine = zlib.Gunzip | zlib.ZstdDecompress | zlib.BrotliDecompress

/** One member of an archive, from its first byte to its last. */
class Member {
  ended = false
  error: NodeJS.ErrnoException | undefined
  /** A piece is being taken. */
  busy = false
  private given = 0
  private piece: Uint8Array = none
  private waiting: (() => void) | undefined
  private readonly engine: Engine

  constructor(compression: Decompression.Compression) {
    this.engine = engines[compression]()
    const wake = () => this.waiting?.()
    this.engine.on("readable", wake)
    this.engine.on("end", () => {
      this.ended = true
      wake()
    })
    this.engine.on("error", (error: NodeJS.ErrnoException) => {
      this.error ??= error
      wake()
    })
  }

  /** Bytes of it that were taken. */
  get taken(): number {
    return this.engine.bytesWritten
  }

  /** What it was given behind its end. */
  get left(): Uint8Array {
    return this.piece.subarray(this.piece.length - (this.given - this.taken))
  }

  write(piece: Uint8Array): void {
    this.busy = true
    this.piece = piece
    this.given += piece.length
    this.engine.write(piece, () => {
      this.busy = false
      this.waiting?.()
    })
  }

  end(): void {
    this.busy = true
    this.engine.end()
  }

  read(): Uint8Array | undefined {
    return this.engine.read() ?? undefined
  }

  /** Until there is something to read, or to write, or an end. */
  readonly wait = Effect.callback<void>((resume) => {
    this.waiting = () => {
      this.waiting = undefined
      resume(Effect.void)
    }
    if (this.ended || this.error !== undefined || !this.busy || this.engine.readableLength > 0) this.waiting()
  })

  readonly close = Effect.sync(() => void this.engine.destroy())
}

const none = new Uint8Array(0)

const decompress = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  { compression, source }: { readonly compression: Decompression.Compression; readonly source: string }
): Stream.Stream<Uint8Array, E | BrokenArchive, R> =>
  Stream.transformPull(bytes, (upstream, scope) =>
    Effect.gen(function* () {
      let member = new Member(compression)
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => member.close)
      )
      // What is still to be given to a member, and whether there is no more.
      let input: ReadonlyArray<Uint8Array> = []
      let finished = false
      let before = 0
      let plainBytes = 0

      type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, E | BrokenArchive>

      const next: Next = Effect.suspend((): Next => {
        const block = member.read()
        if (block !== undefined) {
          plainBytes += block.length
          return Effect.succeed(Arr.of(block))
        }
        if (member.error !== undefined) {
          const reason = member.error.code === "Z_BUF_ERROR" ? "Cut" : "Corrupt"
          const byte = before + member.taken
          return Effect.fail(new BrokenArchive({ source, compression, reason, byte, plainBytes }))
        }
        if (member.ended) return another
        return member.busy ? Effect.andThen(member.wait, next) : give
      })

      const give: Next = Effect.suspend((): Next => {
        const [block, ...more] = input
        if (block !== undefined) {
          member.write(block)
          input = more
          return next
        }
        return ask(() => {
          if (finished) member.end()
          return next
        })
      })

      /** What stands behind a member: zeros that fill a block of a tape, or another one. */
      const another: Next = Effect.suspend((): Next => {
        if (member.left.length > 0) input = [member.left, ...input]
        before += member.taken
        return Effect.andThen(member.close, begin)
      })

      const begin: Next = Effect.suspend((): Next => {
        while (input.length > 0) {
          const [block = none, ...more] = input
          const start = compression === "gzip" ? block.findIndex((byte) => byte !== 0) : block.length === 0 ? -1 : 0
          before += start === -1 ? block.length : start
          input = start === -1 ? more : [block.subarray(start), ...more]
          if (start !== -1) {
            member = new Member(compression)
            return next
          }
        }
        return finished ? Cause.done() : ask(() => begin)
      })

      const ask = (then: () => Next): Next =>
        finished
          ? then()
          : Pull.matchEffect(upstream, {
              onSuccess: (chunk) => {
                input = chunk
                return then()
              },
              onFailure: Effect.failCause,
              onDone: () => {
                finished = true
                return then()
              }
            })

      return next
    })
  )

/**
 * Decompresses the sources whose first bytes say that they are compressed: gzip and zstd, one or several after the other
 * in a file, and brotli, whose name must end in `.br`.
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect, Stream } from "effect"
 * import { CustomerFile, ReachSchema } from "effect-patchbay"
 * import { NodeDecompression } from "effect-patchbay/node"
 *
 * export const count = CustomerFile.read("customers.csv.gz", ReachSchema.CustomerPatch).pipe(
 *   Stream.runCount,
 *   Effect.provide([NodeDecompression.layer, NodeServices.layer])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(Decompression.Decompression, { decompress })
