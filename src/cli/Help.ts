/** The help, as Effect lays it out, in the width of the terminal. */

import * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Option from "effect/Option"

// Longer lines are hard to read, however wide the terminal is.
const widest = 100
// Where the terminal is narrower than this, it may break lines itself.
const narrowest = 60

/** The page for `--help`. */
export const render = (
  doc: HelpDoc.HelpDoc,
  options: { readonly colors: boolean; readonly columns: number | undefined }
): string => {
  const width = Math.max(narrowest, Math.min(options.columns ?? widest, widest))
  return CliOutput.defaultFormatter({ colors: options.colors })
    .formatHelpDoc({
      ...doc,
      description: wrap(doc.description, width - indent).join(`\n${" ".repeat(indent)}`),
      flags: doc.flags.map(withoutChoices),
      ...(doc.globalFlags === undefined ? {} : { globalFlags: doc.globalFlags.map(withoutChoices) })
    })
    .split("\n")
    .flatMap((line, index, lines) => [
      // The formatter leaves no line between subcommands and examples.
      ...(/EXAMPLES/.test(line) && lines[index - 1] !== "" ? [""] : []),
      ...row(line, width)
    ])
    .map((line) => line.trimEnd())
    .join("\n")
}

const indent = 2
const textIndent = 6
// A column that is narrower than this goes below.
const leastText = 24

// The words are in the column before: `--isolate halve|none`.
const withoutChoices = (flag: HelpDoc.FlagDoc): HelpDoc.FlagDoc => ({
  ...flag,
  description: Option.map(flag.description, (text) => text.replace(/ \(choices: [^)]*\)$/, ""))
})

const wrap = (text: string, width: number): ReadonlyArray<string> =>
  text.split("\n").flatMap((paragraph) => {
    const lines = [""]
    for (const word of paragraph.split(" ")) {
      const line = lines[lines.length - 1] ?? ""
      if (line === "" || line.length + 1 + word.length <= width)
        lines[lines.length - 1] = `${line}${line && " "}${word}`
      else lines.push(word)
    }
    return lines
  })

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's colours
const color = /\x1b\[\d+m/g

/** A line of a table: what it is about, two spaces or more, and a text that is wrapped below itself. */
const row = (line: string, width: number): ReadonlyArray<string> => {
  if (line.replace(color, "").length <= width) return [line]
  const [, left, right] = /^( {2}\S.*? {2,})(\S.*)$/.exec(line) ?? []
  if (left === undefined || right === undefined) return [line]
  const column = left.replace(color, "").length
  if (width - column < leastText) {
    return [left, ...wrap(right, width - textIndent).map((text) => " ".repeat(textIndent) + text)]
  }
  const [first = "", ...more] = wrap(right, width - column)
  return [left + first, ...more.map((text) => " ".repeat(column) + text)]
}
