/** Where a reader of JSON is in its source. */
import { JsonBroken } from "../read/CustomerFileError.ts"
import type { TextWindow } from "../read/TextWindow.ts"
import { byteLength } from "../read/Utf8.ts"
import { isSpace } from "./JsonScan.ts"

/** Moves through a window, and knows line and column. */
export class JsonCursor {
  readonly window: TextWindow
  private readonly source: string
  /** Characters before the window's text, from where reading started. */
  private base = 0
  /** Of them, those before the line at the window's `at`; `undefined` where reading started inside of it. */
  private lineStart: number | undefined
  private nextLf = 0
  /** Where the last record ends: an index, where it is in the window's text, and a byte. */
  private givenTo: number | undefined
  private givenByte: number

  constructor(window: TextWindow, source: string) {
    this.window = window
    this.source = source
    this.lineStart = window.byte === 0 ? 0 : undefined
    this.givenByte = window.byte
  }

  /** To be called when there is more text. */
  begin(): void {
    this.nextLf = this.lfFrom(this.window.at)
  }

  /** To be called before the window keeps only what has not been read. */
  pause(): void {
    this.givenByte = this.readTo()
    this.givenTo = undefined
    this.base += this.window.at
  }

  /** The index of the first unit from an index on that is no white space, or the end of the text. */
  solid(from: number): number {
    const { text } = this.window
    let at = from
    while (at < text.length && isSpace(text.charCodeAt(at))) at++
    return at
  }

  /** Moves to an index. */
  pass(index: number): void {
    const { window } = this
    for (; this.nextLf < index; this.nextLf = this.lfFrom(this.nextLf + 1)) {
      window.line++
      this.lineStart = this.base + this.nextLf + 1
    }
    window.at = index
  }

  /** All up to an index was given out. */
  given(index: number): void {
    this.givenTo = index
  }

  /** What is said of a document that cannot be told apart from an index on. */
  broken(index: number, problem: string): JsonBroken {
    this.pass(index)
    const { source, window } = this
    const column = this.lineStart === undefined ? undefined : this.base + index - this.lineStart + 1
    return new JsonBroken({ source, byte: window.byteAt(), line: window.line, column, problem, readTo: this.readTo() })
  }

  /** To be called where nothing can be told before more comes. Throws where nothing comes. */
  wait(what: string): "more" {
    const { last, text } = this.window
    if (last) throw this.broken(text.length, `it ends ${what}, as a file does that was cut off`)
    return "more"
  }

  private readTo(): number {
    const { byte, text } = this.window
    return this.givenTo === undefined ? this.givenByte : byte + byteLength(text.slice(0, this.givenTo))
  }

  private lfFrom(index: number): number {
    const lf = this.window.text.indexOf("\n", index)
    return lf === -1 ? Number.POSITIVE_INFINITY : lf
  }
}
