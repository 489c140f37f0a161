/**
 * Rows of CSV to JSON, from bytes to bytes. It takes the rows whose cells are copied as they are, and leaves every other
 * one to the schema.
 *
 * A cell that is plain text, the same as a cell and as a JSON string, need not become a value to become text again. What
 * comes out is what decoding the row and encoding the record gives, with the fields in the order of the columns.
 */
import type * as Schema from "effect/Schema"
import * as CopiedNumber from "../../json/CopiedNumber.ts"
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
  /** Which texts are copied, or which numbers; a boolean, if there is none. */
  readonly copied: CopiedText.CopiedText | undefined
  readonly isNumber: boolean
  /** The field is left out where its cell is empty. Of a cell that is passed over: it must be empty. */
  readonly absent: boolean
  readonly isKey: boolean
  readonly trims: (typeof Trims)[keyof typeof Trims]
  /** Words, and the JSON that is written for each in the place of the cell. */
  readonly words: ReadonlyMap<string, string> | undefined
}

/** Whether spaces around a cell are taken off: never, only where there is more than spaces, or always. */
const Trims = { never: 0, words: 1, always: 2 } as const

const passedOver: Column = {
  before: "",
  copied: undefined,
  isNumber: false,
  absent: false,
  isKey: false,
  trims: Trims.never,
  words: undefined
}

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
  // What is inside of another field is put together first.
  if (columns.some(({ inside }) => inside !== undefined)) return undefined
  for (const index of unnamed) cells[index] = { ...passedOver, absent: true }
  let keyName: string | undefined
  for (const { name, type } of PlainStruct.fields(options.schema.ast) ?? []) {
    const column = columns.find(({ copy, field }) => (copy?.field ?? field) === name)
    const mayBeAbsent = PlainStruct.staysAbsent(type)
    if (column === undefined && mayBeAbsent) continue
    if (column === undefined) return undefined
    const { empty, takes } = column.copy ?? column
    const isText = Cells.isText(takes)
    const isNumber = Cells.isNumber(takes)
    const copied = isText ? CopiedText.of(type) : isNumber ? CopiedNumber.of(type) : undefined
    const isBoolean = Cells.isBoolean(takes) && PlainStruct.takesAsIs(type, "Boolean")
    if (copied === undefined && !isBoolean) return undefined
    const words = column.copy?.words
    if (words !== undefined && !isBoolean && copied !== CopiedText.always) return undefined
    // A cell is written once.
    if (cells[column.index]?.before !== "") return undefined
    const isKey = name === options.key
    const absent = mayBeAbsent && empty === "absent"
    // As the reader compares it with a header that comes again.
    if (isKey && isText && copied !== undefined && !absent && words === undefined) keyName = names[column.index]?.trim()
    const before = `,${JSON.stringify(name)}:${isText && words === undefined ? '"' : ""}`
    const trims = column.copy?.trims === true ? Trims.always : words === undefined ? Trims.never : Trims.words
    cells[column.index] = { before, copied, isNumber, absent, isKey, trims, words }
  }
  const delimiter = character.charCodeAt(0)
  if (keyName === undefined || delimiter >= 128 || delimiter === BACKSLASH) return undefined
  return Transcoder.make(options, {
    format: "csv",
    words: (address) => table(address, cells, delimiter, keyName),
    stopsAtBlank: options.untilBlankLine,
    copied: cells.map(({ copied }) => copied),
    // With the quote behind a text, and two braces.
    overhead: cells.reduce((sum, cell) => sum + sizeOf(cell) + 1 + longestOf(cell), 2)
  })
}

/** Bytes of the longest JSON that a word means. */
const longestOf = ({ words }: Column): number =>
  Math.max(0, ...[...(words?.values() ?? [])].map((json) => encoder.encode(json).length))

const wordsOfHead = 5
const wordsOfColumn = 7

/** `Table` of the program, behind it the `Column` of each cell, and behind them their words. */
const table = (
  address: number,
  cells: ReadonlyArray<Column>,
  delimiter: number,
  keyName: string
): ReadonlyArray<number | string> => {
  const at = (word: number): number => address + word * Transcoder.wordSize
  const head = [at(wordsOfHead), cells.length, delimiter, keyName, encoder.encode(keyName).length]
  const behind: Array<number | string> = []
  const columns = cells.flatMap((cell) => {
    const words = cell.words === undefined ? 0 : at(wordsOfHead + wordsOfColumn * cells.length + behind.length)
    if (cell.words !== undefined) behind.push(cell.words.size)
    for (const [word, json] of cell.words ?? []) {
      behind.push(word, encoder.encode(word).length, json, encoder.encode(json).length)
    }
    const text = cell.isNumber ? Transcoder.numberWord(cell.copied) : Transcoder.textWord(cell.copied)
    return [cell.before, sizeOf(cell), text, Number(cell.absent), Number(cell.isKey), cell.trims, words]
  })
  return [...head, ...columns, ...behind]
}
