/**
 * A state as text: a line that says what follows and how to check it, and a line of JSON.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { State } from "./CheckpointState.ts"

const format = "effect-patchbay checkpoint"

// Changes when older versions of this library cannot understand the state any more.
const version = 1

const Header = Schema.fromJsonString(
  Schema.Struct({ format: Schema.Literal(format), version: Schema.Int, checksum: Schema.optionalKey(Schema.String) })
)

const encodeState = Schema.encodeSync(Schema.fromJsonString(State))
const decodeHeader = Schema.decodeUnknownResult(Header)
const decodeState = Schema.decodeUnknownResult(Schema.fromJsonString(State))

/**
 * Throws for what is no state, so that nothing is written that cannot be read.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (state: State): string => {
  const json = encodeState(state)
  return `${JSON.stringify({ format, version, checksum: checksum(json) })}\n${json}\n`
}

/**
 * The state, or why the text is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  text: string
): Result.Result<State, "Empty" | "Foreign" | "Torn" | "NewerVersion" | "Invalid"> => {
  if (text === "") return Result.fail("Empty")
  const end = text.indexOf("\n")
  const header = decodeHeader(end === -1 ? text : text.slice(0, end))
  if (Result.isFailure(header)) {
    return Result.fail(text.startsWith(opening) || opening.startsWith(text) || zeros.test(text) ? "Torn" : "Foreign")
  }
  if (header.success.version > version) return Result.fail("NewerVersion")
  const json = end === -1 ? "" : text.slice(end + 1, -1)
  if (!text.endsWith("\n") || header.success.checksum !== checksum(json)) return Result.fail("Torn")
  return Result.mapError(decodeState(json), () => "Invalid" as const)
}

const opening = `{"format":"${format}"`

// Some file systems leave the length of a file without its bytes when the power goes.
const zeros = /^\0+$/

const encoder = new TextEncoder()

// CRC-32 as in gzip: it finds what a crash or a bad disk does. Nobody is kept from changing the file on purpose.
const checksum = (text: string): string => {
  let crc = -1
  for (const byte of encoder.encode(text)) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  return `crc32:${(~crc >>> 0).toString(16).padStart(8, "0")}`
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})
