/** The options that say how a CSV is read. */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import type { CustomerFile } from "../../index.ts"
import * as Values from "./Values.ts"

/** What was typed. */
export interface CsvOptions {
  readonly delimiter: Option.Option<string>
  readonly skipLines: Option.Option<number>
  readonly untilBlankLine: boolean
  readonly strictHeader: boolean
  readonly strictRows: boolean
}

const chosen = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

/** The options, to be spread into a command. */
export const flags = {
  delimiter: Flag.String("delimiter").pipe(
    Flag.withMetavar("CHAR"),
    Flag.withDescription(
      "What stands between the cells of a CSV: a character, or comma, semicolon, tab, pipe (default: found by the header)"
    ),
    Flag.filterMap(Values.delimiter, () => Values.delimiterForm),
    Flag.optional
  ),
  skipLines: Flag.String("skip-lines").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Lines above the header of a CSV that are passed over (default: 0)"),
    Flag.filterMap(Values.count, () => "a whole number above 0"),
    Flag.optional
  ),
  untilBlankLine: chosen(
    "until-blank-line",
    "End the table of a CSV at the first blank line, and leave unread what stands below it"
  ),
  strictHeader: chosen(
    "strict-header",
    "Take the names of a CSV to the letter, instead of reading Customer ID as customerId"
  ),
  strictRows: chosen(
    "strict-rows",
    "Refuse rows of a CSV that lack cells at their end or have empty ones too many, and blanks beside quotes"
  )
} as const

/** As the library takes them. */
export const reading = ({ delimiter, skipLines, ...chosen }: CsvOptions): CustomerFile.CsvOptions => ({
  delimiter: Option.getOrUndefined(delimiter),
  skipLines: Option.getOrUndefined(skipLines),
  untilBlankLine: chosen.untilBlankLine || undefined,
  strictHeader: chosen.strictHeader || undefined,
  strictRows: chosen.strictRows || undefined
})
