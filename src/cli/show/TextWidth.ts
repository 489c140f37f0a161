/**
 * How many cells of a terminal a text takes, so that a line can be kept on one row.
 *
 * Terminals do not agree about emoji that are joined from several, and about marks. Nothing here is ever narrower than
 * what a terminal shows: where they differ, the widest counts.
 */

// East Asian Wide and Fullwidth of Unicode 17, and the emoji that are wide by themselves; the gaps between the blocks
// are filled, which can only count too much. A test holds it against the tables of ICU.
const wide =
  /[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d15e}-\u{1d1c0}\u{1d300}-\u{1d376}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u

const noCell = /[\p{Mn}\p{Me}]/u

const widthOfPoint = (point: string): number => (wide.test(point) ? 2 : noCell.test(point) ? 0 : 1)

/** Cells that a text takes which `clean` has been at. */
export const width = (text: string): number => {
  let cells = 0
  for (const point of text) cells += widthOfPoint(point)
  return cells
}

/**
 * A text of one line that cannot command the terminal: `?` for each control character, half surrogate and character
 * that is none. What is not seen but changes how its neighbours look, such as joiners, variation selectors and marks of
 * direction, is left out, so that the width of each character is known.
 */
export const clean = (text: string): string =>
  text.replace(/[\p{Cf}\p{Variation_Selector}]/gu, "").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?")

/** The text, with its middle replaced by `mark` where it takes more cells; the end of a file's name tells the most. */
export const fit = (text: string, cells: number, mark: string): string => {
  if (width(text) <= cells) return text
  const room = cells - width(mark)
  if (room < 2) return ""
  const points = [...text]
  const head = Math.floor(room / 2)
  let start = ""
  for (const point of points) {
    if (width(start + point) > head) break
    start += point
  }
  let end = ""
  for (const point of points.reverse()) {
    if (width(start) + width(point + end) > room) break
    end = point + end
  }
  return start + mark + end
}
