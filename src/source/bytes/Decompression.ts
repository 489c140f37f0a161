/**
 * What compressed sources are decompressed with, where there is something.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"
import type { BrokenArchive } from "../read/CustomerFileError.ts"

/**
 * How a source is compressed.
 *
 * @category models
 * @since 0.1.0
 */
export type Compression = BrokenArchive["compression"]

/**
 * Decompresses bytes, block by block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decompressor {
  /**
   * The plain bytes of what is given in pieces of at most 64 KiB. All of what is put together is read, as `cat a.gz b.gz` makes it. A block holds what it does until the
   * next one is asked for, of what is given as of what is returned.
   */
  readonly decompress: <E, R>(
    bytes: Stream.Stream<Uint8Array, E, R>,
    options: {
      readonly compression: Compression
      /** What errors call the source. */
      readonly source: string
    }
  ) => Stream.Stream<Uint8Array, E | BrokenArchive, R>
}

/**
 * What is asked for when the first bytes of a source say that it is compressed. Default: nothing, and such a source is
 * refused. On Node, `NodeDecompression.layer` of `effect-patchbay/node`.
 *
 * @category services
 * @since 0.1.0
 */
export const Decompression = Context.Reference<Decompressor | undefined>("effect-patchbay/source/bytes/Decompression", {
  defaultValue: () => undefined
})
