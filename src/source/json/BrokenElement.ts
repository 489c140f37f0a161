/** Where reading goes on behind an element of an array whose brackets or quotes do not add up. */
import { CLOSE_BRACKET, isSpace, LF, OPEN_BRACE } from "./JsonScan.ts"

// Wider ones are not kept.
export const widestIndent = 1000

/** An element in the text that it is in, where the one before it ends at `from`. */
export interface Place {
  readonly from: number
  readonly start: number
  /** The index of what can be no JSON. */
  readonly brokenAt: number
  /** Nothing is looked for from here on. */
  readonly limit: number
}

/**
 * The index of the line break before the next element, where lines tell it: an element that is the first on its line is
 * followed by the next line that has the same indent and opens an object, or that has a smaller one and closes the array.
 * Elements without an indent must end on their own line, since what is in them has none either. Where lines do not tell it,
 * nothing does: any bracket may belong to the broken element.
 *
 * It looks at nothing before `from`, so that it finds the same wherever reading started.
 */
export const next = (text: string, { brokenAt, from, limit, start }: Place): number | undefined => {
  const before = text.slice(from, start)
  const lf = before.lastIndexOf("\n")
  const indent = before.slice(lf + 1)
  if (lf === -1 || indent.length > widestIndent) return undefined
  const onlyNear = (line: number) => (indent !== "" || text.indexOf("\n", start) === line ? line : undefined)
  for (let line = text.lastIndexOf("\n", brokenAt); line !== -1 && line < limit; line = text.indexOf("\n", line + 1)) {
    const first = firstOf(text, line + 1)
    // A line before what is broken belongs to the element.
    if (first < brokenAt || first >= limit) continue
    const width = first - line - 1
    const code = text.charCodeAt(first)
    if (code === OPEN_BRACE && width === indent.length && text.startsWith(indent, line + 1)) return onlyNear(line)
    if (code === CLOSE_BRACKET && (width < indent.length || indent === "")) return onlyNear(line)
    if (indent === "") return undefined
  }
  return undefined
}

/** The index of the first unit on a line that is no white space, or of its end. */
const firstOf = (text: string, lineStart: number): number => {
  let at = lineStart
  while (text.charCodeAt(at) !== LF && isSpace(text.charCodeAt(at))) at++
  return at
}
