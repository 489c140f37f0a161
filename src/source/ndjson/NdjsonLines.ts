/** The lines of an NDJSON: each ends in LF or CRLF, or at the end of the source; blank lines are no records. */
import type { Place } from "../read/FilePlace.ts"
import type { RecordTexts } from "../read/RecordTexts.ts"
import type { TextWindow } from "../read/TextWindow.ts"

const CR = 13
const SPACE = 32

/** Reads the lines of a window, one at a time. */
export class NdjsonLines implements RecordTexts {
  /** Without its break; cut at the largest size of a record where it is too large. */
  text = ""
  /** 1-based. */
  line = 0
  place: Place | undefined
  readonly failure = undefined
  private readonly window: TextWindow
  private readonly maxRecordSize: number

  constructor(window: TextWindow, maxRecordSize: number) {
    this.window = window
    this.maxRecordSize = maxRecordSize
  }

  begin(): void {
    this.place = { byte: this.window.byteAt(), line: this.window.line }
  }

  /** Moves to the next line that is not blank. */
  next(): "record" | "too large" | "more" {
    const { maxRecordSize, window } = this
    const { text } = window
    for (;;) {
      const start = window.at
      if (start >= text.length) return "more"
      const lf = text.indexOf("\n", start)
      const complete = lf !== -1 || window.last
      let end = lf === -1 ? text.length : lf
      if (complete && text.charCodeAt(end - 1) === CR && end > start) end--
      this.line = window.line
      // A CR at the end of an incomplete line may belong to its break.
      if (end - start > (complete ? maxRecordSize : maxRecordSize + 1)) {
        this.text = text.slice(start, start + maxRecordSize)
        if (lf === -1) window.dropLine()
        else window.passBreak(lf)
        return "too large"
      }
      if (!complete) return "more"
      if (lf === -1) window.at = text.length
      else window.passBreak(lf)
      const blank = text.charCodeAt(start) <= SPACE && /^[ \t\r]*$/.test(text.slice(start, end))
      if (end === start || blank) continue
      this.text = text.slice(start, end)
      return "record"
    }
  }
}
