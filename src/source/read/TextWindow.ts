/** The part of a text that is being read. */
import type { FilePosition } from "./FilePlace.ts"
import { byteLength } from "./Utf8.ts"

const LF = 10
const CR = 13
const BYTE_ORDER_MARK = 0xfeff

// A record that is cut this far in is scanned again only when as much text again has come, or the record
// would be too large: the scans of one record add up to a few times its size, however small the blocks.
const patience = 8192

const something = /\S/
const lineBreak = /[\r\n]/

/**
 * A window on a text that comes in blocks. A reader moves `at` and `line` past each record, and leaves
 * them at the start of one that is cut by the end of the text.
 */
export class TextWindow {
  text = ""
  /** Index of the first character that has not been read. */
  at = 0
  /** 1-based line at `at`. */
  line: number
  /** Nothing comes after this text. */
  last = false
  /** Some of it may be bytes that are not UTF-8, escaped. */
  escaped = false
  /** Offset of the byte at which the text starts. */
  byte: number
  /** Offset of the byte after the text. */
  private end: number
  private readonly maxRecordSize: number
  private readonly breaksAtCr: boolean
  private waiting: Array<string> = []
  private waitingLength = 0
  private wanted = 0
  private dropping = false
  private ended = false
  /** Something else than white space came after the place where reading was ended. */
  isFollowed = false
  private skipLf = false

  constructor({ place: from }: FilePosition, maxRecordSize: number, breaksAtCr: boolean) {
    this.line = from.line
    this.byte = from.byte
    this.end = from.byte
    this.maxRecordSize = maxRecordSize
    this.breaksAtCr = breaksAtCr
  }

  /** Adds a block that ends at the byte `end`. False: more is needed before reading is worth while. */
  push(block: string, end: number, last: boolean, escaped: boolean): boolean {
    this.end = end
    if (this.ended) {
      this.isFollowed ||= something.test(block)
      this.text = ""
      this.at = 0
      this.last = last
      return true
    }
    this.escaped ||= escaped
    this.waiting.push(block)
    this.waitingLength += block.length
    if (!last && this.waitingLength < this.wanted) return false
    const fresh = this.text === ""
    this.text += this.waiting.length === 1 ? block : this.waiting.join("")
    this.waiting = []
    this.waitingLength = 0
    this.wanted = 0
    this.last = last
    if (fresh && this.text !== "") this.begin()
    return true
  }

  /** Keeps only what has not been read. To be called when no complete record is left. */
  pause(): void {
    this.text = this.text.slice(this.at)
    this.at = 0
    if (this.escaped) this.escaped = !this.text.isWellFormed()
    this.byte = this.end - byteLength(this.text)
    const cut = this.text.length
    this.wanted = cut < patience ? 0 : Math.min(cut, this.maxRecordSize + 2 - cut)
  }

  /** Whether reading may go on at `byte` with another window: nothing that was read before is still to be ended. */
  get isBetweenLines(): boolean {
    return this.at === 0 && !this.dropping && !this.skipLf && !this.ended
  }

  /** Offset of the byte at `at`. */
  byteAt(): number {
    return this.byte + byteLength(this.text.slice(0, this.at))
  }

  /** Leaves the line at `at` unread up to its end, wherever that is. */
  dropLine(): void {
    this.at = this.text.length
    this.dropping = true
  }

  /** Moves past the line at `at`, wherever that ends. */
  passLine(): void {
    const end = this.text.slice(this.at).search(lineBreak)
    if (end === -1) this.dropLine()
    else this.passBreak(this.at + end)
  }

  /** Leaves all that comes unread. */
  stop(): void {
    this.isFollowed = something.test(this.text.slice(this.at))
    this.at = this.text.length
    this.ended = true
  }

  /** Moves past the line break at the index `at`, of which the second half may not have come yet. */
  passBreak(at: number): void {
    this.line++
    this.at = at + 1
    if (this.text.charCodeAt(at) !== CR) return
    if (this.at < this.text.length) {
      if (this.text.charCodeAt(this.at) === LF) this.at++
    } else {
      this.skipLf = true
    }
  }

  private begin(): void {
    if (this.byte === 0 && this.text.charCodeAt(0) === BYTE_ORDER_MARK) this.at = 1
    if (this.skipLf && this.text.charCodeAt(0) === LF) this.at = 1
    this.skipLf = false
    if (this.dropping) {
      const lf = this.text.indexOf("\n")
      const cr = this.breaksAtCr ? this.text.indexOf("\r") : -1
      const end = cr !== -1 && (lf === -1 || cr < lf) ? cr : lf
      if (end === -1) {
        this.at = this.text.length
      } else {
        this.dropping = false
        this.passBreak(end)
      }
    }
    if (this.at > 0) this.pause()
  }
}
