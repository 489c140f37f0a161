/**
 * Values that a spreadsheet or a shell spoiled, or that are not meant. Sent as they stand, they make new customers beside
 * the real ones, or of two customers one.
 *
 * An id or a phone number of such a shape (`TextKind` says which fields are) is rejected, unless the check is switched off
 * by name. In other fields, and where it is switched off, such a text passes as it is and is counted.
 *
 * @since 0.1.0
 */
/**
 * - `white-space`: white space at the start or the end, of any kind, or nothing else.
 * - `apostrophe`: the one with which spreadsheets mark a cell as text: `'+14155550101`.
 * - `scientific`: a number that has lost its last digits: `1.23457E+12`.
 * - `error-value`: what a spreadsheet shows for an error: `#N/A`, `#REF!`, `########`.
 * - `formula`: a formula in the place of its value: `="0042"`, `=+14155550101`.
 *
 * @category models
 * @since 0.1.0
 */
export const checks = ["white-space", "apostrophe", "scientific", "error-value", "formula"] as const

/**
 * @category models
 * @since 0.1.0
 */
export type Check = (typeof checks)[number]

// Those that cannot be seen, too.
const whiteSpace = /^[\s\u200B\u2060]|[\s\u200B\u2060]$/
// With its sign, as spreadsheets and Python write it: `12e4567` is an id.
const scientific = /^[+-]?\d+(?:[.,]\d+)?[eE]\+\d+$/
const errorValue =
  /^#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NUM!|NULL!|SPILL!|CALC!|FIELD!|ERROR!|UNKNOWN!|BLOCKED!|CONNECT!|BUSY!|GETTING_DATA|#+)$/i

/**
 * Which of these shapes a text has, if any.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (text: string): Check | undefined => {
  if (whiteSpace.test(text)) return "white-space"
  if (text.startsWith("'")) return "apostrophe"
  if (text.startsWith("=")) return "formula"
  if (errorValue.test(text)) return "error-value"
  return scientific.test(text) ? "scientific" : undefined
}
