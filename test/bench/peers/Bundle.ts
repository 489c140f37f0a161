/**
 * Bundles a module, and says how large the bundle is and whose code it is.
 */
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"

/** Minified bytes, and what is left of them when they are sent compressed. */
export interface Size {
  readonly bytes: number
  readonly gzip: number
}

/** A bundle by whose code it is. */
export interface Sizes {
  readonly ours: Size
  readonly effect: Size
  /** `@effect/platform-node` and undici. */
  readonly platform: Size
  /** jose, which is loaded when a token is to be signed. */
  readonly others: Size
  readonly all: Size
}

const bundle = async (input: string, external: RegExp) =>
  rolldown({ input, external, platform: "node", logLevel: "silent" })

const minified = async (input: string, external: RegExp): Promise<Size> => {
  const { output } = await (await bundle(input, external)).generate({ format: "esm", minify: true })
  const code = output.flatMap((one) => (one.type === "chunk" ? [one.code] : []))
  return {
    bytes: code.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    gzip: code.reduce((sum, text) => sum + gzipSync(text).length, 0)
  }
}

const minus = (a: Size, b: Size): Size => ({ bytes: a.bytes - b.bytes, gzip: a.gzip - b.gzip })

/** What each adds: bundled without it, and with it. */
export const sizes = async (input: string): Promise<Sizes> => {
  const ours = await minified(input, /^(?:node:|effect(?:\/|$)|@effect\/|jose$|undici(?:\/|$))/)
  const withEffect = await minified(input, /^(?:node:|@effect\/|jose$|undici(?:\/|$))/)
  const withJose = await minified(input, /^(?:node:|@effect\/|undici(?:\/|$))/)
  const all = await minified(input, /^node:/)
  return {
    ours,
    effect: minus(withEffect, ours),
    others: minus(withJose, withEffect),
    platform: minus(all, withJose),
    all
  }
}

/** Writes a bundle with all but undici, as the command is one, and returns the path of its entry. */
export const write = async (input: string, folder: string): Promise<string> => {
  const { output } = await (await bundle(input, /^(?:node:|undici(?:\/|$))/)).write({
    dir: folder,
    format: "esm",
    minify: true
  })
  return `${folder}/${output[0].fileName}`
}
