/**
 * A state as text: a line that says what follows and how to check it, and a line of JSON. The last of several is
 * the one that counts.
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

// `null` says that there is none any more.
const Content = Schema.fromJsonString(Schema.NullOr(State))

const encodeContent = Schema.encodeSync(Content)
const decodeHeader = Schema.decodeUnknownResult(Header)
const decodeContent = Schema.decodeUnknownResult(Content)

/** Throws for what is no state, so that nothing is written that cannot be read. */
export const encode = (state: State | null): string => {
  const json = encodeContent(state)
  return `${JSON.stringify({ format, version, checksum: checksum(json) })}\n${json}\n`
}

type Failure = "Empty" | "Foreign" | "Torn" | "NewerVersion" | "Invalid"

/**
 * The last state in a text, or why there is none. Where the writing of the last one was cut off, it is the one before:
 * nobody was told that the last one is safe.
 */
export const decode = (text: string): Result.Result<State | null, Failure> => {
  if (text === "") return Result.fail("Empty")
  // Each state has two lines, and behind the end of the last one there is nothing.
  const lines = text.split("\n")
  const ended = lines.length - 1
  const isWhole = ended % 2 === 0 && lines[ended] === ""
  const last = isWhole ? ended - 2 : ended - (ended % 2)
  const state = decodeAt(lines, last)
  const isCut = !isWhole || lines.slice(last).some((line) => line.includes("\0"))
  return Result.isFailure(state) && isCut && last > 0 ? decodeAt(lines, last - 2) : state
}

const decodeAt = (lines: ReadonlyArray<string>, at: number): Result.Result<State | null, Failure> => {
  const [first = "", json] = lines.slice(at, at + 2)
  const header = decodeHeader(first)
  if (Result.isFailure(header)) {
    return Result.fail(first.startsWith(opening) || opening.startsWith(first) || zeros.test(first) ? "Torn" : "Foreign")
  }
  if (header.success.version > version) return Result.fail("NewerVersion")
  const isEnded = at + 2 < lines.length
  if (json === undefined || !isEnded || header.success.checksum !== checksum(json)) return Result.fail("Torn")
  return Result.mapError(decodeContent(json), () => "Invalid" as const)
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
