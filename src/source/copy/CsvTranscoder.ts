/**
 * Rows of CSV to JSON, from bytes to bytes. It takes the rows whose cells are copied as they are, and leaves every other
 * one to the schema.
 *
 * A cell that is plain text, the same as a cell and as a JSON string, need not become a value to become text again. What
 * comes out is what decoding the row and encoding the record gives, with the fields in the order of the columns.
 */
import type * as Schema from "effect/Schema"
import * as CopiedText from "../../json/CopiedText.ts"
import * as PlainStruct from "../../json/PlainStruct.ts"
import type { Header } from "../csv/CsvReader.ts"
import * as Cells from "../read/Cells.ts"
import * as Transcoder from "./Transcoder.ts"

const BACKSLASH = 92

/** What becomes of a cell. */
interface Column {
  /** What stands before the value: a comma, the name, a colon, and the quote of a text. */
  readonly before: string
  /** Which texts are copied; a boolean, if there is none. */
  readonly copied: CopiedText.CopiedText | undefined
  /** The field is left out where its cell is empty. Of a cell that is passed over: it must be empty. */
  readonly absent: boolean
  readonly isKey: boolean
}

const passedOver: Column = { before: "", copied: undefined, absent: false, isKey: false }

export interface Options<A> extends Transcoder.Options<A> {
  readonly schema: Schema.ConstraintDecoder<unknown>
  /** The field that says who a record is about. */
  readonly key: string
  readonly header: Header
  readonly untilBlankLine: boolean
}

const encoder = new TextEncoder()

const sizeOf = ({ before }: Column): number => encoder.encode(before).length

/** A transcoder for the rows below a header; `undefined` where some field must always be decoded. */
export const make = <A>(options: Options<A>): Transcoder.Transcoder<A> | undefined => {
  const { columns, delimiter: character, names, unnamed, width } = options.header
  const cells = new Array<Column>(width).fill(passedOver)
  for (const index of unnamed) cells[index] = { ...passedOver, absent: true }
  let keyName: string | undefined
  for (const { name, type } of PlainStruct.fields(options.schema.ast) ?? []) {
    const column = columns.find(({ field }) => field === name)
    const mayBeAbsent = PlainStruct.staysAbsent(type)
    if (column === undefined && mayBeAbsent) continue
    if (column === undefined) return undefined
    const copied = Cells.isText(column.takes) ? CopiedText.of(type) : undefined
    const isBoolean = Cells.isBoolean(column.takes) && PlainStruct.takesAsIs(type, "Boolean")
    if (copied === undefined && !isBoolean) return undefined
    // A cell is written once.
    if (cells[column.index]?.before !== "") return undefined
    const isKey = name === options.key
    const absent = mayBeAbsent && column.empty === "absent"
    if (isKey && copied !== undefined && !absent) keyName = names[column.index]
    cells[column.index] = { before: `,${JSON.stringify(name)}:${isBoolean ? "" : '"'}`, copied, absent, isKey }
  }
  const delimiter = character.charCodeAt(0)
  if (keyName === undefined || delimiter >= 128 || delimiter === BACKSLASH) return undefined
  return Transcoder.make(options, {
    format: "csv",
    words: (address) => table(address, cells, delimiter, keyName),
    stopsAtBlank: options.untilBlankLine,
    copied: cells.map(({ copied }) => copied),
    // With the quote behind a text, and two braces.
    overhead: cells.reduce((sum, cell) => sum + sizeOf(cell) + 1, 2)
  })
}

/** `Table` of the program, and behind it the `Column` of each cell. */
const table = (
  address: number,
  cells: ReadonlyArray<Column>,
  delimiter: number,
  keyName: string
): ReadonlyArray<number | string> => {
  const head = [cells.length, delimiter, keyName, encoder.encode(keyName).length]
  const columns = cells.flatMap((cell) => [
    cell.before,
    sizeOf(cell),
    Transcoder.textWord(cell.copied),
    Number(cell.absent),
    Number(cell.isKey)
  ])
  return [address + (head.length + 1) * Transcoder.wordSize, ...head, ...columns]
}
