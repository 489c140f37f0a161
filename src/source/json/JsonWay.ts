/** The way through a document to the array of its records, and out of it again. What lies beside is passed over. */
import { RecordsNotFound } from "../read/CustomerFileError.ts"
import type { JsonCursor } from "./JsonCursor.ts"
import * as JsonPointer from "./JsonPointer.ts"
import { COLON, COMMA, isCloser, isOpener, JsonScan, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./JsonScan.ts"

/** An object or an array on the way. */
interface Container {
  /** The bracket that opened it; `undefined` where reading started inside and it is not known. */
  readonly opener: number | undefined
  /** Of its next member, where it is an array. */
  index: number
}

// A name of any size must not fill the memory.
const longestName = 1024 * 1024

/** Follows a pointer of at least one name or index, in each document anew. */
export class JsonWay {
  private readonly cursor: JsonCursor
  private readonly source: string
  private readonly pointer: ReadonlyArray<string>
  private readonly open: Array<Container>
  private readonly scan = new JsonScan()
  private isSkipping = false
  private isFound: boolean
  /** On which the document starts. */
  private line = 0

  constructor(
    cursor: JsonCursor,
    options: { readonly source: string; readonly pointer: ReadonlyArray<string>; readonly isInArray: boolean }
  ) {
    this.cursor = cursor
    this.source = options.source
    this.pointer = options.pointer
    this.isFound = options.isInArray
    this.open = options.isInArray ? options.pointer.map(container) : []
  }

  /** Starts with the document at an index. */
  begin(at: number): void {
    this.cursor.pass(at)
    this.line = this.cursor.window.line
    this.isFound = false
    this.enter(at)
  }

  /** Goes on: up to the first element of the array, or behind the document. */
  next(): "array" | "document" | "more" {
    for (;;) {
      const step = this.isSkipping ? this.passOver() : this.readMember()
      if (step !== undefined) return step
    }
  }

  private passOver() {
    const { cursor, scan } = this
    const end = scan.scan(cursor.window.text, cursor.window.at)
    if (scan.found === "broken")
      throw cursor.broken(end, "quotes or brackets are missing before it, or it is one too many")
    cursor.pass(end)
    if (scan.found === "more") return cursor.wait(beforeTheEnd)
    this.isSkipping = false
    return undefined
  }

  private readMember() {
    const { cursor } = this
    const { text } = cursor.window
    const container = this.open.at(-1)
    if (container === undefined) return "document"
    const at = cursor.solid(cursor.window.at)
    cursor.pass(at)
    if (at === text.length) return cursor.wait(beforeTheEnd)
    const code = text.charCodeAt(at)
    if (isCloser(code)) {
      this.leave(at, code, container)
    } else if (code === COMMA) {
      container.index++
      cursor.pass(at + 1)
    } else if (code === QUOTE && container.opener !== OPEN_BRACKET) {
      return this.readName(at, container)
    } else if (code === COLON || container.opener === OPEN_BRACE) {
      throw cursor.broken(at, "a name is missing before it")
    } else {
      return this.readValue(at, container.opener === undefined ? undefined : String(container.index))
    }
    return undefined
  }

  private readName(at: number, { opener }: Container) {
    const { cursor, scan } = this
    const { text } = cursor.window
    scan.begin("value")
    const end = scan.scan(text, at)
    if (scan.found === "broken") throw cursor.broken(end, "a line ends inside a name")
    const colon = cursor.solid(end)
    const isName = text.charCodeAt(colon) === COLON
    const value = isName ? cursor.solid(colon + 1) : colon
    if (value === text.length) {
      if (value - at > longestName) throw cursor.broken(at, `a name is longer than ${longestName} characters`)
      return cursor.wait(beforeTheEnd)
    }
    if (isName) return this.readValue(value, nameOf(text.slice(at, end)))
    if (opener === OPEN_BRACE) throw cursor.broken(colon, "a colon is missing before it")
    // Reading started inside of this array, and what was looked for in it was found.
    return this.readValue(at, undefined)
  }

  /** Goes into a value where it is on the way, and passes over it otherwise. */
  private readValue(at: number, name: string | undefined) {
    const { cursor } = this
    const code = cursor.window.text.charCodeAt(at)
    if (code === COMMA || code === COLON || isCloser(code)) throw cursor.broken(at, "a value is missing before it")
    cursor.pass(at)
    if (name === this.pointer[this.open.length - 1]) return this.enter(at)
    this.scan.begin("value")
    this.isSkipping = true
    return undefined
  }

  private enter(at: number) {
    const { cursor, open, pointer } = this
    if (this.isFound) throw this.notFound("two values")
    const code = cursor.window.text.charCodeAt(at)
    const isEnd = open.length === pointer.length
    if (isEnd ? code !== OPEN_BRACKET : !isOpener(code)) throw this.notFound(isEnd ? kindOf(code) : "nothing")
    cursor.pass(at + 1)
    if (!isEnd) {
      open.push({ opener: code, index: 0 })
      return undefined
    }
    this.isFound = true
    return "array"
  }

  private leave(at: number, code: number, { opener }: Container): void {
    // Each closing bracket is two behind its opening one.
    if (opener !== undefined && opener !== code - 2) throw this.cursor.broken(at, "it closes what is not open")
    this.open.pop()
    this.cursor.pass(at + 1)
    if (this.open.length === 0 && !this.isFound) throw this.notFound("nothing")
  }

  private notFound(found: RecordsNotFound["found"]): RecordsNotFound {
    const { line, source } = this
    return new RecordsNotFound({ source, pointer: JsonPointer.format(this.pointer), line, found })
  }
}

// Where a token is a number, it is an object or an array.
const container = (token: string): Container => ({ opener: /^\d+$/.test(token) ? undefined : OPEN_BRACE, index: 0 })

const beforeTheEnd = "before the end of its document"

const kindOf = (code: number): RecordsNotFound["found"] =>
  code === OPEN_BRACE ? "an object" : code === QUOTE ? "a text" : "a value"

/** `undefined` where it cannot be read, which is no name that is looked for. */
const nameOf = (text: string): string | undefined => {
  try {
    // A text is read as a string.
    return JSON.parse(text) as string
  } catch {
    return undefined
  }
}
