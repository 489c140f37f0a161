/** How deep JSON may be nested. What reads it, compares it or writes it goes down into it, and the stack has an end. */

/**
 * The objects and arrays that may stand inside one another: in a record, also in its metadata, and in an answer. Readers
 * of JSON that have a limit have one of about this size.
 */
export const maxDepth = 100

/** What is said of what is deeper. */
export const tooDeep = `nested deeper than ${maxDepth} levels`

/** Whether a JSON text is nested too deep to be read. */
export const isTooDeep = (json: string): boolean => {
  // Hardly any text has as many brackets as that, and they are found much faster than what is between them.
  let brackets = 0
  for (const bracket of ["{", "["]) {
    for (let at = json.indexOf(bracket); at !== -1; at = json.indexOf(bracket, at + 1)) {
      if (++brackets > maxDepth) return deepest(json) > maxDepth
    }
  }
  return false
}

const QUOTE = 34
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

const deepest = (json: string): number => {
  let depth = 0
  let most = 0
  let isText = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (isText) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) isText = true
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) most = Math.max(most, ++depth)
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
  }
  return most
}
