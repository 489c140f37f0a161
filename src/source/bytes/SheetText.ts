/** A sheet as the text of a CSV, of which each line is the row of that number, but for breaks inside of cells. */
import * as Utf8 from "../read/Utf8.ts"
import type { Cell, Sheet } from "./Workbooks.ts"

/**
 * The UTF-8 of a sheet. Each row has as many cells as the widest, and an empty row is an empty line, as are so many rows at
 * the top, of which a title may have breaks in it.
 */
export const of = ({ dayZero, rows: all }: Sheet, skipRows: number): Uint8Array => {
  const rows = all.map((row, index) => (index < skipRows ? [] : row))
  const width = rows.reduce((width, row) => Math.max(width, widthOf(row)), 0)
  const blocks: Array<Uint8Array> = []
  for (let at = 0; at < rows.length; at += blockRows) {
    let text = ""
    for (const row of rows.slice(at, at + blockRows)) text += `${line(row, width, dayZero)}\n`
    blocks.push(Utf8.encode(text))
  }
  return concat(blocks)
}

// A text of all rows could be longer than texts may be.
const blockRows = 1000

const isFilled = (cell: Cell | undefined): boolean => cell !== undefined && cell !== null && cell !== ""

const widthOf = (row: ReadonlyArray<Cell>): number => row.findLastIndex(isFilled) + 1

const line = (row: ReadonlyArray<Cell>, width: number, dayZero: Date): string => {
  if (widthOf(row) === 0) return ""
  const cells: Array<string> = []
  for (let index = 0; index < width; index++) cells.push(quoted(textOf(row[index] ?? null, dayZero)))
  return cells.join(",")
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** A cell as Excel writes it into a CSV, where its format is the general one; dates as RFC 3339 writes them. */
export const textOf = (cell: Cell, dayZero: Date): string => {
  if (cell === null) return ""
  if (cell instanceof Date) return dateText(cell.getTime(), dayZero.getTime())
  switch (typeof cell) {
    case "string":
      return cell
    case "number":
      return numberText(cell)
    case "boolean":
      return cell ? "TRUE" : "FALSE"
    default:
      return `=${cell.formula}`
  }
}

// Excel keeps so many digits, whatever its file has behind them: 0.1+0.2 is 0.3.
const digits = 15
const digitsLost = 10 ** digits

const numberText = (number: number): string => {
  const known = Number(number.toPrecision(digits))
  const size = Math.abs(known)
  if (size < digitsLost && (size >= 1e-6 || size === 0)) return String(known === 0 ? 0 : known)
  if (!Number.isFinite(known)) return "#NUM!"
  // Those that it did not keep are not made up.
  const [mantissa, exponent = "+0"] = known.toExponential().split("e")
  return `${mantissa}E${exponent.charAt(0)}${exponent.slice(1).padStart(2, "0")}`
}

const millisPerDay = 86_400_000
const lastYear = 9999

/** Without a zone, which a workbook does not know. What is no date is what Excel shows for it. */
const dateText = (millis: number, dayZero: number): string => {
  if (!(millis >= dayZero) || new Date(millis).getUTCFullYear() > lastYear) return "########"
  const [day = "", time = ""] = new Date(millis).toISOString().slice(0, -1).split("T")
  const seconds = time.replace(/\.?0+$/, "")
  if (millis < dayZero + millisPerDay) return seconds
  return millis % millisPerDay === 0 ? day : `${day}T${seconds}`
}

const concat = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const block of blocks) {
    bytes.set(block, at)
    at += block.length
  }
  return bytes
}
