/**
 * The records of a JSON source as texts: the elements of its arrays, and the values that stand one after the other; or, by a
 * pointer, the elements of one array in each of its documents. What a text holds is for others to read.
 */
import { JsonBroken, RecordsNotFound } from "../read/CustomerFileError.ts"
import type { Place } from "../read/FilePlace.ts"
import type { RecordTexts } from "../read/RecordTexts.ts"
import type { TextWindow } from "../read/TextWindow.ts"
import * as BrokenElement from "./BrokenElement.ts"
import { JsonCursor } from "./JsonCursor.ts"
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isCloser, isSpace, JsonScan, OPEN_BRACKET } from "./JsonScan.ts"
import { JsonWay } from "./JsonWay.ts"

/** How they are found. */
export interface Settings {
  readonly source: string
  /** Characters. */
  readonly maxRecordSize: number
  /** The way to the array; empty where records are documents or their elements. */
  readonly pointer: ReadonlyArray<string>
  /** Whether the window starts in an array, before an element. */
  readonly isInArray: boolean
}

/** What comes next: what lies between documents, beside an array, before an element, or in a record. */
type State = "document" | "way" | "array" | "record" | "too large" | "broken"

const BYTE_ORDER_MARK = 0xfeff

const unbalanced = "quotes or brackets are missing before it, or it is one too many"

/** Reads the texts of a window, one at a time. */
export class JsonElements implements RecordTexts {
  text = ""
  line = 0
  place: Place | undefined
  failure: JsonBroken | RecordsNotFound | undefined
  private readonly window: TextWindow
  private readonly cursor: JsonCursor
  private readonly maxRecordSize: number
  private readonly way: JsonWay | undefined
  private readonly scan = new JsonScan()
  private state: State
  private isInArray: boolean
  /** From the window's `at` on: where the record starts, and how far it was looked at. */
  private start = 0
  private scanned = 0
  private largePlace: Place | undefined

  constructor(window: TextWindow, settings: Settings) {
    const { isInArray, pointer, source } = settings
    this.window = window
    this.cursor = new JsonCursor(window, source)
    this.maxRecordSize = settings.maxRecordSize
    this.way = pointer.length === 0 ? undefined : new JsonWay(this.cursor, settings)
    this.state = isInArray ? "array" : "document"
    this.isInArray = isInArray
  }

  begin(): void {
    this.cursor.begin()
    this.place = undefined
    // Of what began in an earlier block.
    if (this.state === "record" || this.state === "broken") this.place = this.here()
    if (this.state === "too large") this.place = this.largePlace
  }

  next(): "record" | "too large" | "more" {
    try {
      while (this.failure === undefined) {
        const step = this.step()
        if (step === "more") break
        if (step !== undefined) return step
      }
    } catch (error) {
      if (!(error instanceof JsonBroken || error instanceof RecordsNotFound)) throw error
      this.failure = error
    }
    this.cursor.pause()
    return "more"
  }

  /** `undefined` where it is to be called again. */
  private step(): "record" | "too large" | "more" | undefined {
    switch (this.state) {
      case "document":
        return this.readDocument()
      case "way":
        return this.follow(this.way)
      case "array":
        return this.readArray()
      case "record":
        return this.readRecord()
      case "too large":
        return this.passLarge()
      case "broken":
        return this.readBroken()
    }
  }

  private readDocument() {
    const { cursor, way } = this
    const { text } = this.window
    let at = cursor.solid(this.window.at)
    // Where files were put together, each may begin with one.
    while (text.charCodeAt(at) === BYTE_ORDER_MARK) at = cursor.solid(at + 1)
    cursor.pass(at)
    if (at === text.length) return "more"
    const code = text.charCodeAt(at)
    if (code === COMMA || code === COLON || isCloser(code)) {
      throw cursor.broken(at, "it stands outside of any array or object")
    }
    if (way !== undefined) {
      way.begin(at)
      this.state = "way"
    } else if (code === OPEN_BRACKET) {
      cursor.pass(at + 1)
      this.enterArray()
    } else {
      this.beginRecord(at)
    }
    return undefined
  }

  private follow(way: JsonWay | undefined) {
    const found = way?.next() ?? "document"
    if (found === "more") return "more"
    if (found === "array") this.enterArray()
    else this.state = "document"
    return undefined
  }

  private enterArray(): void {
    this.isInArray = true
    this.state = "array"
  }

  private readArray() {
    const { cursor, window } = this
    const { text } = window
    const at = cursor.solid(window.at)
    if (at === text.length) {
      // An indent is kept: it may help to find the element behind one that is broken.
      const lf = text.lastIndexOf("\n")
      cursor.pass(lf >= window.at && at - lf <= BrokenElement.widestIndent ? lf : at)
      return cursor.wait("inside an array")
    }
    const code = text.charCodeAt(at)
    if (code === CLOSE_BRACKET) {
      cursor.pass(at + 1)
      this.isInArray = false
      this.state = this.way === undefined ? "document" : "way"
    } else if (code === CLOSE_BRACE) {
      throw cursor.broken(at, "it closes an array, so that a bracket is missing before it, or is one too many")
    } else {
      // Nothing between two commas is an element too, and a bad one.
      this.beginRecord(at)
    }
    return undefined
  }

  private beginRecord(at: number): void {
    this.place ??= this.here()
    this.start = at - this.window.at
    this.scanned = this.start
    this.scan.begin(this.isInArray ? "element" : "value")
    this.state = "record"
  }

  private readRecord() {
    const { maxRecordSize, scan, start, window } = this
    const { at, text } = window
    const end = scan.scan(text, at + this.scanned)
    this.scanned = end - at
    const isLarge = this.scanned - start > maxRecordSize
    if (isLarge && scan.found !== "broken") return this.beginLarge(end)
    if (isLarge) throw this.cursor.broken(end, unbalanced)
    if (scan.found === "broken") this.state = "broken"
    else if (scan.found === "end" || (window.last && scan.mayEnd)) return this.give(end)
    else return this.waitInside(at + start)
    return undefined
  }

  private waitInside(start: number) {
    if (this.window.last) this.cursor.pass(start)
    return this.cursor.wait(`inside the record that starts on line ${this.window.line}`)
  }

  private beginLarge(end: number) {
    const { cursor, start, window } = this
    this.largePlace = this.here()
    const from = window.at + start
    cursor.pass(from)
    this.line = window.line
    this.text = window.text.slice(from, from + this.maxRecordSize)
    cursor.pass(end)
    this.state = "too large"
    return this.scan.found === "end" ? this.endLarge() : undefined
  }

  private passLarge() {
    const { cursor, scan, window } = this
    const end = scan.scan(window.text, window.at)
    if (scan.found === "broken") throw cursor.broken(end, unbalanced)
    cursor.pass(end)
    if (scan.found === "end" || (window.last && scan.mayEnd)) return this.endLarge()
    return cursor.wait(`inside the record that starts on line ${this.line}`)
  }

  private endLarge(): "too large" {
    this.passSeparator()
    return "too large"
  }

  private readBroken() {
    const { cursor, isInArray, maxRecordSize, window } = this
    const { at, last, text } = window
    const start = at + this.start
    const brokenAt = at + this.scanned
    const limit = start + maxRecordSize + 1
    const end = isInArray ? BrokenElement.next(text, { from: at, start, brokenAt, limit }) : undefined
    if (end !== undefined) return this.give(end)
    if (!isInArray || last || text.length > limit) throw cursor.broken(brokenAt, unbalanced)
    return "more"
  }

  /** Gives the record, which ends at an index. */
  private give(end: number): "record" {
    const { cursor, start, window } = this
    const from = window.at + start
    cursor.pass(from)
    this.line = window.line
    this.text = withoutSpace(window.text.slice(from, end))
    cursor.pass(end)
    this.passSeparator()
    return "record"
  }

  private passSeparator(): void {
    const { cursor, isInArray, window } = this
    cursor.given(window.at)
    if (isInArray && window.text.charCodeAt(window.at) === COMMA) cursor.pass(window.at + 1)
    this.state = isInArray ? "array" : "document"
  }

  private here(): Place {
    const { isInArray, window } = this
    return { byte: window.byteAt(), line: window.line, ...(isInArray ? { inArray: true } : {}) }
  }
}

const withoutSpace = (text: string): string => {
  let end = text.length
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}
