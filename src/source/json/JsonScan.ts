/** The ends of values in a JSON text that comes in blocks, found by brackets and quotes alone. */

export const LF = 10
export const SPACE = 32
export const QUOTE = 34
export const COMMA = 44
export const COLON = 58
export const OPEN_BRACKET = 91
const BACKSLASH = 92
export const CLOSE_BRACKET = 93
export const OPEN_BRACE = 123
export const CLOSE_BRACE = 125

/** Whether a unit of text is white space in JSON, which is told from what only looks so. */
export const isSpace = (code: number): boolean => code === SPACE || code === LF || code === 13 || code === 9

/** Whether it opens an object or an array. */
export const isOpener = (code: number): boolean => code === OPEN_BRACE || code === OPEN_BRACKET

/** Whether it closes one. */
export const isCloser = (code: number): boolean => code === CLOSE_BRACE || code === CLOSE_BRACKET

// Of what is nested deeper, only the depth is known: what is that deep is refused anyway.
const knownDepth = 1024

/**
 * Follows one value at a time, and may be given its text in any pieces. It ends with the value; or, as an element of an array,
 * before the comma or bracket that ends it, whatever stands in it.
 *
 * What can be no JSON, and shows that brackets or quotes are missing, is `broken`: a line that ends inside a text, a bracket
 * of the other kind, one that opens where a name must be.
 */
export class JsonScan {
  found: "more" | "end" | "broken" = "more"
  private depth = 0
  private readonly openers = new Uint8Array(knownDepth)
  private isElement = false
  private isText = false
  private isEscaped = false
  /** A number or a word, which ends with the first unit that does not belong. */
  private isWord = false
  /** The last unit outside of texts that is no white space. */
  private before = 0

  /** Starts anew. */
  begin(what: "value" | "element"): void {
    this.depth = 0
    this.isElement = what === "element"
    this.isText = false
    this.isEscaped = false
    this.isWord = false
    this.before = 0
  }

  /** Whether it has ended if nothing comes any more. An element that is a number or a word may have been cut. */
  get mayEnd(): boolean {
    const isWhole = isCloser(this.before) || (this.before === QUOTE && !this.isText)
    return this.depth === 0 && (this.isElement ? isWhole : this.isWord)
  }

  /** Goes on at an index, and gives the one at which it stops: behind a value, at what ends an element, or at what is broken. */
  scan(text: string, from: number): number {
    this.found = "more"
    for (let at = from; at < text.length; at++) {
      if (this.isText) {
        at = this.passText(text, at)
        if (this.isText) return at
        if (this.depth === 0 && !this.isElement) return this.stop("end", at + 1)
        continue
      }
      const code = text.charCodeAt(at)
      if (isSpace(code)) {
        if (this.isWord) return this.stop("end", at)
        continue
      }
      const isBetween = code === COMMA || code === COLON
      if (this.depth === 0 && !this.isElement && (this.isWord || isBetween)) {
        if (code === QUOTE || isOpener(code) || isCloser(code) || isBetween) return this.stop("end", at)
      } else if (this.depth === 0 && this.isElement && (code === COMMA || code === CLOSE_BRACKET)) {
        return this.stop("end", at)
      } else if (code === QUOTE) {
        this.isText = true
      } else if (isOpener(code)) {
        if (!this.open(code)) return this.stop("broken", at)
      } else if (isCloser(code)) {
        if (!this.close(code)) return this.stop("broken", at)
        if (this.depth === 0 && !this.isElement) return this.stop("end", at + 1)
      } else if (this.depth === 0 && !this.isElement) {
        this.isWord = true
      }
      this.before = code
    }
    return text.length
  }

  /** The index of the quote that ends a text, or, where it has not ended, the one at which it stops. */
  private passText(text: string, from: number): number {
    let at = from
    if (this.isEscaped && at < text.length) {
      this.isEscaped = false
      if (text.charCodeAt(at) === LF) return this.stop("broken", at)
      at++
    }
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        this.isText = false
        return at
      }
      if (code === BACKSLASH) {
        at++
        if (at === text.length) this.isEscaped = true
      }
      if (code === LF || (code === BACKSLASH && text.charCodeAt(at) === LF)) return this.stop("broken", at)
    }
    return text.length
  }

  private open(code: number): boolean {
    const isInObject = this.depth > 0 && this.openers[this.depth - 1] === OPEN_BRACE
    if (isInObject && (this.before === COMMA || this.before === OPEN_BRACE)) return false
    // What lies outside of the array is not kept.
    this.openers[this.depth] = code
    this.depth++
    return true
  }

  private close(code: number): boolean {
    if (this.depth === 0) return false
    this.depth--
    // Each closing bracket is two behind its opening one.
    return this.depth >= knownDepth || this.openers[this.depth] === code - 2
  }

  private stop(found: "end" | "broken", at: number): number {
    this.found = found
    return at
  }
}
